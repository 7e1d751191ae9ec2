//! No record of a program makes `segbox events` panic, whatever type the program gives it: the first bytes make the type, the rest is
//! the record.

#![no_main]

#[path = "../../segbox/src/text/event.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod event;

use event::{Clocks, Record};
use segbox_config::object::{Field, Shape};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes;
    let shape = shape(&mut bytes, 4);
    let clocks = Clocks { now: i128::from(u64::MAX), from_tai: -37_000_000_000, from_ktime: 1 << 60 };
    let record = Record::read(&shape, bytes, clocks);
    record.cells().for_each(|(_, text)| drop(text));
    drop(record.json("fuzz").to_string());
});

/// A type, as a program's types can give it: the parts lie within the whole.
fn shape(bytes: &mut &[u8], depth: u32) -> Shape {
    let mut next = || bytes.split_off_first().copied().unwrap_or_default();
    let (kind, number) = (next(), u32::from(next()));
    match kind % 4 {
        0 => Shape::Int { size: 1 << (number % 4), signed: number >= 128 },
        1 if depth > 0 => Shape::Array(Box::new(shape(bytes, depth - 1)), number % 8),
        2 if depth > 0 => {
            let names = ["tai_ns", "ktime_ns", "delay_ns", "address", "time", "program", "x"];
            let mut fields = Vec::new();
            let mut size = 0;
            for _ in 0..number % 6 {
                let shape = shape(bytes, depth - 1);
                let name = names[usize::from(bytes.split_off_first().copied().unwrap_or_default()) % names.len()];
                let offset = size;
                size += shape.size();
                fields.push(Field { name: name.to_owned(), offset, shape });
            }
            Shape::Struct { size, fields }
        }
        _ => Shape::Bytes(number % 40),
    }
}
