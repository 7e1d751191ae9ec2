//! Loads programs that the verifier accepts, and shows why it refuses others.

use std::collections::BTreeMap;

use segbox_linux::bpf::error::LoadError;
use segbox_linux::bpf::{BUILTINS, read_object, verify};

use crate::house::{program, read};

#[test]
fn objects_of_every_compiler_are_accepted() {
    for (object, function) in [("plain", "plain"), ("typed", "typed"), ("kernel_types", "kernel_types")] {
        verify(&program(&read(object), function)).unwrap_or_else(|error| panic!("{object}: {error:#?}"));
    }
    for builtin in BUILTINS {
        let object = read_object(builtin.object).expect("another test reads each of them");
        let function = object.programs[0].function.clone();
        verify(&program(&object, &function)).unwrap_or_else(|error| panic!("{}: {error:#?}", builtin.name));
    }
}

#[test]
fn of_several_programs_only_one_is_loaded() {
    let object = read("several");
    for function in ["first", "second", "third", "fourth"] {
        verify(&program(&object, function)).unwrap_or_else(|error| panic!("{function}: {error}"));
    }
    let error = verify(&program(&object, "broken")).expect_err("it reads an address that it was not given");
    assert!(matches!(error, LoadError::Verifier { .. }), "{error}");
    let mut elsewhere = program(&object, "first");
    elsewhere.section = "lwt_seg6local/second".into();
    assert!(matches!(verify(&elsewhere), Err(LoadError::NoProgram { .. })));
}

#[test]
fn a_refusal_shows_the_source() {
    let Err(LoadError::Verifier { program, errno, log }) = verify(&program(&read("refused"), "refused")) else {
        panic!("the verifier takes what it should not");
    };
    assert_eq!(program, "refused");
    assert_eq!(errno.raw_os_error(), Some(libc::EACCES));
    assert!(log.contains("return found->size + 1;") && log.contains("refused.c"), "no source in:\n{log}");
    assert!(log.contains("map_value_or_null"), "no reason in:\n{log}");
}

#[test]
fn globals_are_constants_to_the_verifier() {
    let mut careful = program(&read("refused"), "refused");
    careful.globals = BTreeMap::from([("careless".to_owned(), 0u32.to_le_bytes().to_vec())]);
    verify(&careful).expect("with the global at 0 the bad branch is never taken");

    careful.globals = BTreeMap::from([("careless".to_owned(), vec![0])]);
    assert!(matches!(verify(&careful), Err(LoadError::Globals(_))), "a byte for four");
    careful.globals = BTreeMap::from([("careful".to_owned(), vec![0])]);
    assert!(matches!(verify(&careful), Err(LoadError::Globals(_))), "no such global");
}

#[test]
fn silence_is_no_licence() {
    let error = verify(&program(&read("unlicensed"), "unlicensed")).expect_err("bpf_trace_printk is for GPL programs");
    assert!(error.to_string().contains("GPL"), "{error}");
}

#[test]
fn rows_are_tried_too() {
    let mut bad = program(&read("typed"), "typed");
    let row = |key: Vec<u8>, value: Vec<u8>| BTreeMap::from([(key, value)]);
    bad.rows = BTreeMap::from([("lpm".to_owned(), row([vec![129, 0, 0, 0], vec![0; 16]].concat(), vec![1]))]);
    let error = verify(&bad).expect_err("129 bits of 128");
    assert!(matches!(&error, LoadError::Row { map, .. } if map == "lpm"), "{error}");
    bad.rows = BTreeMap::from([("nowhere".to_owned(), row(vec![1], vec![1]))]);
    assert!(matches!(verify(&bad), Err(LoadError::NoMap(_))));
}
