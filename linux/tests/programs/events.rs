//! Ring buffers of programs in the kernel: the type of their records, and one reader at a time.

use segbox_config::object::{MapKind, Shape};
use segbox_linux::bpf::error::EventsError;
use segbox_linux::bpf::{BUILTINS, read_object};

use crate::house::{in_a_namespace, program, read};

#[test]
fn a_records_type_comes_back_from_the_kernel() {
    in_a_namespace(|programs| {
        let builtin = BUILTINS.iter().find(|builtin| builtin.name == "end_dm").expect("it is built in");
        let object = read_object(builtin.object).expect("an object");
        programs.put("delay@1", &program(&object, "end_dm")).expect("loaded");
        let events = programs.events("delay@1").expect("no other reader").expect("it reports");
        let defined = &object.maps["events"];
        assert_eq!((defined.kind, &defined.value), (MapKind::RingBuf, events.record()));
        let Shape::Struct { fields, size: 56 } = events.record() else { panic!("{:?}", events.record()) };
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["tai_ns", "sid", "source", "session", "bytes", "delay_ns"]);
        assert_eq!(events.lost().expect("it counts"), Some(0));
        // A ring buffer whose definition names no type; and a program that reports nothing.
        programs.put("typed@1", &program(&read("typed"), "typed")).expect("loaded");
        let untyped = programs.events("typed@1").expect("no other reader").expect("it has a ring buffer");
        assert_eq!((untyped.record(), untyped.lost().expect("nothing to fail")), (&Shape::Bytes(0), None));
        programs.put("plain@1", &program(&read("plain"), "plain")).expect("loaded");
        assert!(programs.events("plain@1").expect("nothing to fail").is_none());
        assert!(programs.events("absent@1").expect("nothing to fail").is_none());
    });
}

#[test]
fn a_ring_buffer_has_one_reader_and_a_new_one_another_id() {
    in_a_namespace(|programs| {
        let object = read("typed");
        programs.put("typed@1", &program(&object, "typed")).expect("loaded");
        let first = programs.events("typed@1").expect("no other reader").expect("it has a ring buffer");
        assert_eq!(programs.events_id("typed@1").expect("pinned"), Some(first.id()));
        assert!(matches!(programs.events("typed@1"), Err(EventsError::Busy(name)) if name == "typed@1"));
        // After loading the program again there is a new ring buffer, without a reader.
        programs.put("typed@1", &program(&object, "typed")).expect("replaced");
        assert_ne!(programs.events_id("typed@1").expect("pinned"), Some(first.id()));
        let second = programs.events("typed@1").expect("no other reader").expect("it has a ring buffer");
        drop(second);
        assert!(programs.events("typed@1").expect("the second is gone").is_some());
    });
}
