//! The BPF objects in the segbox binary, `builtin:NAME` in a file. Not here: their sources (fastpath-ebpf).

/// A built-in program's object.
#[derive(Clone, Copy)]
pub struct Builtin {
    /// The name after `builtin:`, `end_count`.
    pub name: &'static str,
    /// Its purpose, in one line: the first line of its source.
    pub about: &'static str,
    /// The ELF object, for [`read_object`](super::read_object): it has the globals and maps.
    pub object: &'static [u8],
}

/// The prefix of a built-in object's name in a file.
const PREFIX: &str = "builtin:";

// BUILTINS and OWN, by name; build.rs writes them.
include!(concat!(env!("OUT_DIR"), "/builtins.rs"));

/// The object that a file calls `builtin:NAME`; None for a path, and for an unknown name.
pub fn builtin(text: &str) -> Option<&'static Builtin> {
    let name = text.strip_prefix(PREFIX)?;
    BUILTINS.iter().chain(OWN).find(|builtin| builtin.name == name)
}

impl std::fmt::Debug for Builtin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Builtin({}, {} bytes)", self.name, self.object.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_can_be_read_and_says_what_it_does() {
        assert!(!BUILTINS.is_empty());
        for object in BUILTINS.iter().chain(OWN) {
            let read = super::super::read_object(object.object).expect(object.name);
            assert_eq!(read.programs.len(), 1, "{}: one program an object", object.name);
            assert!(read.programs[0].hook.is_some(), "{}: {:?}", object.name, read.programs);
            assert!(!object.about.is_empty(), "{}: its source has no first line", object.name);
            assert_eq!(builtin(&format!("builtin:{}", object.name)).map(|found| found.name), Some(object.name));
        }
        assert!(builtin("end_noop").is_none(), "a path");
    }
}
