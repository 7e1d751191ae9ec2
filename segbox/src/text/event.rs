//! A record of a program's ring buffer, decoded by its type: its fields as text or as JSON. Pure.
//!
//! Field names come from the program. The end of a name is its unit: `_ns` is nanoseconds, which text output shows in
//! microseconds. `tai_ns` (bpf_ktime_get_tai_ns) and `ktime_ns` (bpf_ktime_get_ns) are the time of the record and become
//! wall-clock time. 16 bytes are an IPv6 address, as in segbox.toml.

use std::net::Ipv6Addr;

use jiff::Timestamp;
use segbox_config::object::{Field, Shape};
use serde_json::{Map, Value as Json};

/// Offsets from the clocks of this box to the wall clock, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clocks {
    pub(crate) now: i128,
    pub(crate) from_tai: i128,
    pub(crate) from_ktime: i128,
}

/// A decoded record.
#[derive(Debug, PartialEq)]
pub(crate) struct Record {
    /// The time that the program gives, or else the time when it was read.
    pub(crate) time: Timestamp,
    fields: Vec<(String, Value)>,
}

#[derive(Debug, PartialEq)]
enum Value {
    Number { value: i128, signed: bool },
    Address(Ipv6Addr),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Table(Vec<(String, Value)>),
}

impl Record {
    pub(crate) fn read(shape: &Shape, bytes: &[u8], clocks: Clocks) -> Self {
        let size = shape.size() as usize;
        let mut fields = match (shape, bytes.get(..size)) {
            (Shape::Struct { fields, .. }, Some(bytes)) => table(fields, bytes),
            // The bytes do not match the program's type, or there is no type.
            _ => vec![("record".to_owned(), Value::Bytes(bytes.to_vec()))],
        };
        if let (Shape::Struct { .. }, Some((_, rest))) = (shape, bytes.split_at_checked(size))
            && !rest.is_empty()
        {
            fields.push(("rest".to_owned(), Value::Bytes(rest.to_vec())));
        }
        let mut time = None;
        fields.retain(|(name, value)| {
            let from = match name.as_str() {
                "tai_ns" => clocks.from_tai,
                "ktime_ns" => clocks.from_ktime,
                _ => return true,
            };
            let Value::Number { value, .. } = value else { return true };
            // Eight bytes of nanoseconds stay within the calendar's range.
            time = time.or(Timestamp::from_nanosecond(value + from).ok());
            false
        });
        let read = || Timestamp::from_nanosecond(clocks.now).unwrap_or_default();
        Self { time: time.unwrap_or_else(read), fields }
    }

    /// Name and text of each field, for one line.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&str, String)> {
        self.fields.iter().map(|(name, value)| match (name.strip_suffix("_ns"), value) {
            (Some(name), Value::Number { value, signed }) => (name, microseconds(*value, *signed)),
            _ => (name.as_str(), value.text()),
        })
    }

    /// The fields, after `time` and `program`.
    pub(crate) fn json(&self, program: &str) -> Json {
        let mut json = head(self.time, program);
        for (name, value) in &self.fields {
            // `time` and `program` exist already, so the program's fields of these names get another name.
            let name = if json.contains_key(name) { format!("{name}_") } else { name.clone() };
            json.insert(name, value.json());
        }
        Json::Object(json)
    }
}

/// The start of every JSON line.
pub(crate) fn head(time: Timestamp, program: &str) -> Map<String, Json> {
    Map::from_iter([("time".to_owned(), Json::from(format!("{time:.9}"))), ("program".to_owned(), Json::from(program))])
}

fn table(fields: &[Field], bytes: &[u8]) -> Vec<(String, Value)> {
    let read = |field: &Field| {
        let place = field.offset as usize..field.offset as usize + field.shape.size() as usize;
        Some((field.name.clone(), value(&field.shape, bytes.get(place)?)))
    };
    fields.iter().filter_map(read).collect()
}

/// A value whose bytes match the size of its type.
fn value(shape: &Shape, bytes: &[u8]) -> Value {
    match shape {
        Shape::Int { signed, .. } => Value::Number { value: number(bytes, *signed), signed: *signed },
        Shape::Array(of, _) if of.size() > 1 => {
            Value::List(bytes.chunks_exact(of.size() as usize).map(|bytes| value(of, bytes)).collect())
        }
        Shape::Bytes(_) | Shape::Array(..) => match <[u8; 16]>::try_from(bytes) {
            Ok(octets) => Value::Address(octets.into()),
            Err(_) => Value::Bytes(bytes.to_vec()),
        },
        Shape::Struct { fields, size } => match fields.as_slice() {
            // The basic type of struct in6_addr.
            [only] if only.shape.size() == *size => value(&only.shape, bytes),
            fields => Value::Table(table(fields, bytes)),
        },
    }
}

/// Little endian, up to 8 bytes.
fn number(bytes: &[u8], signed: bool) -> i128 {
    let negative = signed && bytes.last().is_some_and(|byte| *byte >= 0x80);
    let mut wide = [if negative { 0xff } else { 0 }; 16];
    wide[..bytes.len()].copy_from_slice(bytes);
    i128::from_le_bytes(wide)
}

/// `+12.345 µs`; a duration has no sign: `12.345 µs`.
fn microseconds(nanoseconds: i128, signed: bool) -> String {
    let sign = match (signed, nanoseconds < 0) {
        (_, true) => "-",
        (true, false) => "+",
        (false, false) => "",
    };
    let nanoseconds = nanoseconds.unsigned_abs();
    format!("{sign}{}.{:03} µs", nanoseconds / 1000, nanoseconds % 1000)
}

impl Value {
    fn text(&self) -> String {
        match self {
            Self::Number { value, .. } => value.to_string(),
            Self::Address(address) => address.to_string(),
            Self::Bytes(bytes) => hex::encode(bytes),
            Self::List(values) => {
                format!("[{}]", values.iter().map(Self::text).collect::<Vec<_>>().join(", "))
            }
            Self::Table(fields) => {
                let fields = fields.iter().map(|(name, value)| format!("{name} {}", value.text()));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn json(&self) -> Json {
        match self {
            Self::Number { value, .. } => u64::try_from(*value)
                .map(Json::from)
                .or_else(|_| i64::try_from(*value).map(Json::from))
                .unwrap_or_default(),
            Self::Address(address) => Json::from(address.to_string()),
            Self::Bytes(bytes) => Json::from(hex::encode(bytes)),
            Self::List(values) => values.iter().map(Self::json).collect(),
            Self::Table(fields) => {
                Json::Object(fields.iter().map(|(name, value)| (name.clone(), value.json())).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCKS: Clocks = Clocks { now: 5_000_000_000, from_tai: -37_000_000_000, from_ktime: 1_000 };

    fn int(size: u32, signed: bool) -> Shape {
        Shape::Int { size, signed }
    }

    fn record(fields: &[(&str, Shape)]) -> Shape {
        let mut size = 0;
        let fields = fields.iter().map(|(name, shape)| {
            let field = Field { name: (*name).to_owned(), offset: size, shape: shape.clone() };
            size += shape.size();
            field
        });
        let fields = fields.collect();
        Shape::Struct { size, fields }
    }

    fn cells(record: &Record) -> Vec<(&str, String)> {
        record.cells().collect()
    }

    #[test]
    fn numbers_addresses_and_durations() {
        let octets = Shape::Array(Box::new(int(1, false)), 16);
        let in6_addr = record(&[("in6_u", Shape::Bytes(16))]);
        let pair = record(&[("low", int(2, false)), ("high", int(2, true))]);
        let shape = record(&[
            ("tai_ns", int(8, false)),
            ("sid", octets),
            ("via", in6_addr),
            ("delay_ns", int(8, true)),
            ("held_ns", int(4, false)),
            ("mac", Shape::Array(Box::new(int(1, false)), 3)),
            ("pair", pair),
            ("words", Shape::Array(Box::new(int(2, false)), 2)),
        ]);
        let sid: Ipv6Addr = "fc00:0:2:100::".parse().expect("one");
        let mut bytes = 37_000_000_123_u64.to_le_bytes().to_vec();
        bytes.extend(sid.octets());
        bytes.extend(sid.octets());
        bytes.extend((-12_345_i64).to_le_bytes());
        bytes.extend(999_u32.to_le_bytes());
        bytes.extend([2, 0, 0xaa, 1, 0, 0xff, 0xff, 7, 0, 8, 0]);
        let read = Record::read(&shape, &bytes, CLOCKS);
        assert_eq!(read.time.to_string(), "1970-01-01T00:00:00.000000123Z");
        let expected = [
            ("sid", "fc00:0:2:100::"),
            ("via", "fc00:0:2:100::"),
            ("delay", "-12.345 µs"),
            ("held", "0.999 µs"),
            ("mac", "0200aa"),
            ("pair", "{low 1, high -1}"),
            ("words", "[7, 8]"),
        ];
        assert_eq!(cells(&read), expected.map(|(name, text)| (name, text.to_owned())));
        let json = serde_json::json!({
            "time": "1970-01-01T00:00:00.000000123Z", "program": "delay", "sid": "fc00:0:2:100::", "via": "fc00:0:2:100::",
            "delay_ns": -12345, "held_ns": 999, "mac": "0200aa", "pair": {"low": 1, "high": -1}, "words": [7, 8],
        });
        assert_eq!(read.json("delay"), json);
    }

    #[test]
    fn a_record_without_a_type_is_bytes_with_the_time_of_reading() {
        for shape in [Shape::Bytes(0), Shape::Bytes(2), record(&[("long", int(8, false))])] {
            let read = Record::read(&shape, &[1, 0xff], CLOCKS);
            assert_eq!(cells(&read), [("record", "01ff".to_owned())]);
            assert_eq!(read.time.as_second(), 5);
        }
        let longer = Record::read(&record(&[("ktime_ns", int(1, false))]), &[1, 0xff], CLOCKS);
        assert_eq!((cells(&longer), longer.time.as_nanosecond()), (vec![("rest", "ff".to_owned())], 1_001));
    }

    #[test]
    fn time_and_program_are_not_overwritten() {
        let shape = record(&[("time", int(1, true)), ("program", int(8, false))]);
        let json = Record::read(&shape, &[0xff; 9], CLOCKS).json("odd");
        let expected = serde_json::json!({
            "time": "1970-01-01T00:00:05.000000000Z", "program": "odd", "time_": -1, "program_": u64::MAX,
        });
        assert_eq!(json, expected);
    }
}
