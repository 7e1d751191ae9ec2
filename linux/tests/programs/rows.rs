//! Writes, reads and removes rows of maps, by steps of a plan and directly.

use std::collections::BTreeMap;

use segbox_config::Hook;
use segbox_linux::bpf::error::{MapError, PinError, StepError};
use segbox_linux::bpf::{Programs, Rows, apply};
use segbox_plan::state::{Bytes, RowKey};
use segbox_plan::{Delta, Materials, Step};

use crate::house::{in_a_namespace, program, read};

const NAME: &str = "typed@00000001";

fn key(map: &str, key: &[u8]) -> RowKey {
    RowKey { program: NAME.into(), map: map.into(), key: Bytes(key.to_vec()) }
}

/// The program with three maps that the file fills.
fn put(programs: &mut Programs) {
    let mut typed = program(&read("typed"), "typed");
    typed.rows = ["array", "hash", "lpm"].map(|map| (map.to_owned(), BTreeMap::new())).into();
    programs.put(NAME, &typed).unwrap_or_else(|error| panic!("{error}"));
}

fn rows(programs: &Programs) -> BTreeMap<RowKey, Bytes> {
    programs.observe().expect("the bpffs").rows
}

#[test]
fn steps_are_applied_and_seen() {
    in_a_namespace(|programs| {
        let typed = program(&read("typed"), "typed");
        let mut prefix = vec![64, 0, 0, 0, 0xfc];
        prefix.resize(20, 0);
        let wanted = BTreeMap::from([
            (key("array", &2u32.to_ne_bytes()), Bytes(vec![7; 24])),
            (key("hash", &5u64.to_ne_bytes()), Bytes(vec![1, 2, 3, 4])),
            (key("lpm", &prefix), Bytes(vec![9])),
        ]);
        let mut materials = Materials::default();
        let mut filled = typed.clone();
        filled.rows = wanted.keys().map(|row| (row.map.clone(), BTreeMap::new())).collect();
        materials.programs.insert(NAME.into(), filled);

        let add = |(key, value): (&RowKey, &Bytes)| {
            Step::Row(Delta { key: key.clone(), before: None, after: Some(value.clone()) })
        };
        let mut steps = vec![Step::Program(Delta { key: NAME.into(), before: None, after: Some(Hook::LwtIn) })];
        steps.extend(wanted.iter().map(add));
        assert!(
            apply(programs, &steps, &materials).iter().all(Result::is_ok),
            "{:?}",
            apply(programs, &steps, &materials)
        );
        let seen = programs.observe().expect("the bpffs");
        assert_eq!(seen.programs, BTreeMap::from([(NAME.to_owned(), Hook::LwtIn)]));
        assert_eq!(seen.ids.into_values().collect::<Vec<_>>(), [NAME]);
        assert_eq!(seen.rows, wanted);

        steps.reverse();
        let back: Vec<Step> = steps.into_iter().filter_map(Step::inverse).collect();
        assert!(apply(programs, &back[..3], &materials).iter().all(Result::is_ok));
        assert_eq!(self::rows(programs), BTreeMap::new(), "an array's zero row is none");
        assert!(apply(programs, &back, &materials).iter().all(Result::is_ok), "applied once more");
        assert_eq!(programs.observe().expect("the bpffs"), Default::default());
    });
}

#[test]
fn a_failed_step_leaves_the_next_alone() {
    in_a_namespace(|programs| {
        put(programs);
        let row = |key, value: &[u8]| Step::Row(Delta { key, before: None, after: Some(Bytes(value.to_vec())) });
        let steps = [
            Step::Program(Delta { key: "lost@1".into(), before: None, after: Some(Hook::LwtIn) }),
            row(key("hash", &[1]), &[1; 4]),
            row(key("nowhere", &[1]), &[1; 4]),
            row(key("array", &4u32.to_ne_bytes()), &[1; 24]),
            row(key("hash", &[1; 8]), &[1; 4]),
        ];
        let answers = apply(programs, &steps, &Materials::default());
        assert!(matches!(&answers[0], Err(StepError::NoMaterial(name)) if name == "lost@1"));
        let size = MapError::Size { what: "key", expected: 8, found: 1 }.to_string();
        assert!(matches!(&answers[1], Err(StepError::Pin(PinError::Map { source, .. })) if source.to_string() == size));
        assert!(matches!(&answers[2], Err(StepError::Pin(PinError::NoMap { .. }))));
        assert!(matches!(&answers[3], Err(StepError::Pin(PinError::Map { .. }))), "beyond the array's end");
        assert!(answers[4].is_ok());
        assert_eq!(rows(programs).len(), 1);
    });
}

#[test]
fn maps_that_the_file_does_not_fill_are_no_state_until_it_does() {
    in_a_namespace(|programs| {
        programs.put(NAME, &program(&read("typed"), "typed")).unwrap_or_else(|error| panic!("{error}"));
        let mut maps = programs.maps(NAME).expect("its maps");
        maps.sort();
        assert_eq!(maps, ["array", "each", "events", "hash", "lpm", "outer", "untyped"], "no map of globals");
        assert_eq!(programs.read_map(NAME, "array", 9).expect("an array"), Rows::default(), "four rows of zeros");
        assert_eq!(rows(programs), BTreeMap::new());

        let (first, value) = (key("array", &0u32.to_ne_bytes()), Bytes(vec![1; 24]));
        programs.put_row(&first, &value).expect("a row");
        assert_eq!(rows(programs), BTreeMap::from([(first, value)]));
        assert_eq!(programs.maps(NAME).expect("its maps").len(), 7);
    });
}

#[test]
fn rows_beyond_those_asked_for_are_counted() {
    in_a_namespace(|programs| {
        put(programs);
        for number in 0..5_u64 {
            programs.put_row(&key("hash", &number.to_ne_bytes()), &Bytes(vec![1; 4])).expect("a row");
        }
        let Rows { read, left_out } = programs.read_map(NAME, "hash", 2).expect("a hash");
        assert_eq!((read.len(), left_out), (2, 3));
    });
}

#[test]
fn rows_of_a_per_cpu_map_have_a_value_per_cpu() {
    in_a_namespace(|programs| {
        put(programs);
        let rows = programs.read_map(NAME, "each", 9).expect("a per-CPU array").read;
        let cpus = std::fs::read_to_string("/sys/devices/system/cpu/possible").expect("sysfs");
        let cpus =
            cpus.trim().rsplit(['-', ',']).next().and_then(|last| last.parse::<usize>().ok()).expect("a list") + 1;
        assert_eq!(rows.len(), 2);
        assert!(rows.iter().all(|row| row.values.len() == cpus && row.values.iter().all(|value| value.len() == 4)));
        assert_eq!(rows[0].sum(), [0]);
        assert!(matches!(programs.read_map(NAME, "events", 9), Err(PinError::Map { .. })), "a ring buffer has no rows");
        assert!(matches!(programs.read_map("lost@1", "each", 9), Err(PinError::NoProgram(_))));
    });
}
