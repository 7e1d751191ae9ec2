//! Whether the kernel has a module, or could load it. Only reads, and loads nothing. Not here: which options are modules (`kernel`).

use std::fs;
use std::path::Path;

/// Where modprobe reads its configuration (modprobe.d(5)).
const MODPROBE: [&str; 4] = ["/etc/modprobe.d", "/run/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"];
/// The kernel takes no module any more where this is 1.
const CLOSED: &str = "/proc/sys/kernel/modules_disabled";

/// Whether a module is loaded, or would be when it is needed; None where no such module is known.
pub(crate) fn has_module(release: &str, module: &str) -> Option<bool> {
    match Path::new("/sys/module").join(module).exists() {
        true => Some(true),
        false => is_listed(release, module).then(|| !is_blocked(module)),
    }
}

/// The files in modules.dep may be compressed (vrf.ko.xz).
fn is_listed(release: &str, module: &str) -> bool {
    let list = fs::read_to_string(format!("/lib/modules/{release}/modules.dep")).unwrap_or_default();
    list.lines().any(|line| line.split(':').next().is_some_and(|path| path.contains(&format!("/{module}.ko"))))
}

fn is_blocked(module: &str) -> bool {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let entries = MODPROBE.iter().flat_map(fs::read_dir).flatten().flatten().map(|entry| entry.path());
    let mut files = entries.filter(|path| path.extension().is_some_and(|end| end == "conf"));
    read(CLOSED).trim_end() == "1"
        || by_command_line(&read("/proc/cmdline"), module)
        || files.any(|path| by_modprobe(&fs::read_to_string(path).unwrap_or_default(), module))
}

/// `module_blacklist=` is for the kernel itself (kernel/module/main.c), `modprobe.blacklist=` for modprobe.
fn by_command_line(words: &str, module: &str) -> bool {
    let lists = words
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("module_blacklist=").or_else(|| word.strip_prefix("modprobe.blacklist=")));
    lists.flat_map(|list| list.split(',')).any(|name| is(name, module))
}

/// The kernel asks for these modules by an alias, which `blacklist` takes away. `install` puts a command in the module's place.
fn by_modprobe(text: &str, module: &str) -> bool {
    text.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["blacklist", name] => is(name, module),
            ["install", name, command, ..] => {
                is(name, module) && ["true", "false"].iter().any(|end| command.ends_with(end))
            }
            _ => false,
        }
    })
}

/// Names of modules are the same with `-` and with `_`.
fn is(name: &str, module: &str) -> bool {
    name.replace('-', "_") == module
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_may_be_there_and_not_be_loaded() {
        assert!(by_command_line("quiet module_blacklist=floppy,nf_tables", "nf_tables"));
        assert!(by_command_line("modprobe.blacklist=nf-tables", "nf_tables"));
        assert!(!by_command_line("module_blacklist=nf_tables_offload nf_tables", "nf_tables"));
        assert!(by_modprobe("# no filters\nblacklist nf_tables\n", "nf_tables"));
        assert!(by_modprobe("install nf_tables /bin/false\n", "nf_tables"));
        assert!(!by_modprobe("#blacklist nf_tables\noptions nf_tables a=1\ninstall vrf /bin/true\n", "nf_tables"));
        assert!(!by_modprobe("install nf_tables /sbin/modprobe --ignore-install nf_tables\n", "nf_tables"));
    }
}
