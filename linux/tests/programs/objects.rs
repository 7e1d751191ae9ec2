//! Reads objects without a kernel: clang's, and segbox's from Rust.

use std::collections::BTreeMap;

use segbox_config::Hook;
use segbox_config::object::{Field, MapKind, MapShape, Shape};
use segbox_linux::bpf::error::ObjectError;
use segbox_linux::bpf::{BUILTINS, read_object};

use crate::house::{compile, read};

const fn int(size: u32) -> Shape {
    Shape::Int { size, signed: false }
}

fn array(element: Shape, length: u32) -> Shape {
    Shape::Array(Box::new(element), length)
}

fn field(name: &str, offset: u32, shape: Shape) -> Field {
    Field { name: name.into(), offset, shape }
}

fn pair() -> Shape {
    let fields = vec![field("low", 0, int(2)), field("high", 4, int(4)), field("via", 8, array(int(1), 16))];
    Shape::Struct { size: 24, fields }
}

#[test]
fn globals_have_their_types() {
    let expected = [
        ("byte", int(1)),
        ("color", int(4)),
        ("flag", int(1)),
        ("limit", int(4)),
        ("negative", Shape::Int { size: 2, signed: true }),
        ("pair", pair()),
        ("words", array(int(8), 3)),
    ];
    let expected: BTreeMap<String, Shape> = expected.into_iter().map(|(name, shape)| (name.into(), shape)).collect();
    assert_eq!(read("typed").globals, expected, "`seen` is writable, so none of them");
}

#[test]
fn maps_have_their_types() {
    let prefix =
        Shape::Struct { size: 20, fields: vec![field("bits", 0, int(4)), field("address", 4, array(int(1), 16))] };
    let map = |kind, key, value, max_entries| MapShape { kind, key, value, max_entries };
    let expected = [
        ("array", map(MapKind::Array, int(4), pair(), 4)),
        ("each", map(MapKind::Other(6), int(4), int(4), 2)),
        ("events", map(MapKind::RingBuf, Shape::Bytes(0), Shape::Bytes(0), 4096)),
        ("hash", map(MapKind::Hash, int(8), int(4), 64)),
        ("lpm", map(MapKind::LpmTrie, prefix, int(1), 64)),
        ("outer", map(MapKind::Other(12), int(4), Shape::Bytes(4), 2)),
        ("untyped", map(MapKind::Hash, Shape::Bytes(6), Shape::Bytes(10), 2)),
    ];
    let expected: BTreeMap<String, MapShape> = expected.into_iter().map(|(name, map)| (name.into(), map)).collect();
    assert_eq!(read("typed").maps, expected);
}

#[test]
fn programs_are_found_by_section_and_function() {
    let object = read("several");
    let found: Vec<(&str, &str, Option<Hook>)> =
        object.programs.iter().map(|program| (&*program.section, &*program.function, program.hook)).collect();
    assert_eq!(
        found,
        [
            ("lwt_seg6local/first", "first", Some(Hook::Seg6Local)),
            ("lwt_seg6local/second", "second", Some(Hook::Seg6Local)),
            ("lwt_in", "third", Some(Hook::LwtIn)),
            ("lwt_in", "fourth", Some(Hook::LwtIn)),
            ("lwt_in/broken", "broken", Some(Hook::LwtIn)),
            ("action", "other", None),
        ]
    );
}

#[test]
fn builtins_have_types_from_rust() {
    let object = |name| BUILTINS.iter().find(|builtin| builtin.name == name).expect(name).object;
    let tag = read_object(object("end_tag")).expect("an object");
    assert_eq!(tag.globals.get("tag"), Some(&int(2)));
    let counts = read_object(object("end_count")).expect("an object");
    let counts = counts.maps.get("counts").expect("its counters");
    assert_eq!((counts.kind, counts.key.size(), counts.value.size()), (MapKind::Other(5), 24, 16));
    let push = read_object(object("headend_push")).expect("an object");
    assert_eq!(push.maps.get("segments").map(|map| (map.kind, map.value.size())), Some((MapKind::Array, 16)));
}

#[test]
fn a_damaged_object_is_an_error_and_no_panic() {
    let objects = [compile("typed"), compile("several"), BUILTINS[0].object.to_vec()];
    let (mut refused, mut caught) = (0, 0);
    for object in &objects {
        for end in (0..object.len()).step_by(97) {
            refused += u32::from(read_object(&object[..end]).is_err());
        }
        // Lehmer's random number generator, so that the damage is the same each time.
        let mut random = 1u64;
        for _ in 0..1500 {
            let mut damaged = object.clone();
            for _ in 0..3 {
                random = random * 48271 % 0x7fff_ffff;
                let at = random as usize % damaged.len();
                random = random * 48271 % 0x7fff_ffff;
                damaged[at] = random as u8;
            }
            let read = read_object(&damaged);
            caught += u32::from(matches!(read, Err(ObjectError::Damaged(_))));
            refused += u32::from(read.is_err());
        }
    }
    assert!(caught < 5, "{caught} panics of aya-obj, which could be foreseen");
    assert!(refused > 500, "{refused} of the damaged objects were refused");
}

#[test]
fn a_file_that_is_no_object_says_what_to_do() {
    let error = read_object(b"int main() {}").expect_err("a C source");
    assert!(matches!(error, ObjectError::Elf(_)), "{error}");
    assert!(error.to_string().contains("not an ELF object"), "{error}");
}
