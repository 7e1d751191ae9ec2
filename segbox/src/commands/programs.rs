//! `segbox programs`: lists the built-in programs.

use std::process::ExitCode;

use miette::{Result, miette};
use segbox_config::object::{MapKind, MapShape, Shape};
use segbox_linux::bpf;

use super::OK;
use crate::text::output::{HEAD, print, styled};

pub(super) fn run() -> Result<ExitCode> {
    let mut text = String::new();
    for builtin in bpf::BUILTINS {
        let object = bpf::read_object(builtin.object).map_err(|error| miette!("built-in {}: {error}", builtin.name))?;
        text += &format!("{}\n  {}\n", styled(HEAD, format!("builtin:{}", builtin.name)), builtin.about);
        for program in &object.programs {
            text += &format!("  section {}\n", program.section);
        }
        for (name, shape) in &object.globals {
            text += &format!("  global  {name}: {}\n", type_name(shape));
        }
        for (name, map) in &object.maps {
            text += &format!("  map     {name}: {}\n", map_name(map));
        }
        text.push('\n');
    }
    print(text.trim_end_matches('\n'))?;
    print("\n")?;
    Ok(OK)
}

fn map_name(map: &MapShape) -> String {
    let kind = match map.kind {
        MapKind::Array => "array",
        MapKind::Hash => "hash",
        MapKind::LpmTrie => "LPM trie",
        MapKind::RingBuf => return format!("ring buffer of {}, {} bytes", type_name(&map.value), map.max_entries),
        MapKind::Other(_) => "other map",
    };
    format!("{kind}, {} -> {}, at most {} rows", type_name(&map.key), type_name(&map.value), map.max_entries)
}

/// A type as a programmer writes it.
fn type_name(shape: &Shape) -> String {
    match shape {
        Shape::Bytes(size) => format!("{size} bytes"),
        Shape::Int { size, signed } => format!("{}{}", if *signed { 'i' } else { 'u' }, size * 8),
        Shape::Array(shape, length) => format!("[{}; {length}]", type_name(shape)),
        Shape::Struct { fields, .. } => {
            let fields: Vec<_> =
                fields.iter().map(|field| format!("{}: {}", field.name, type_name(&field.shape))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}
