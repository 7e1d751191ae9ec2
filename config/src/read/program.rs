//! Reads `[program]`. Values stay as they are written: only the object knows their types. Not here: the object ([`crate::resolve`]).

use std::collections::BTreeMap;

use super::{Reader, rows};
use crate::fault::ProgramFault;
use crate::forms::Form;
use crate::object::Hook;
use crate::place::{At, Span};
use crate::toml::{self, Entry};

/// `[program.NAME]`.
#[derive(Debug)]
pub(crate) struct ProgramDraft {
    pub(crate) name: String,
    pub(crate) object: Option<At<String>>,
    pub(crate) section: Option<At<String>>,
    pub(crate) globals: Vec<(At<Box<str>>, At<Value>)>,
    pub(crate) maps: Vec<(At<Box<str>>, Vec<Pair>)>,
    /// The first use on each hook.
    pub(crate) uses: BTreeMap<Hook, Span>,
}

/// An entry of a map or a field of a struct: its key and value, as written.
pub(crate) type Pair = (At<Box<str>>, At<Value>);

/// A value without a type yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(Box<str>),
    Int(i128),
    Bool(bool),
    List(Vec<At<Value>>),
    Table(Vec<Pair>),
    /// A value that fits no BPF type: a number with a fraction, a date.
    Other(&'static str),
    /// A value whose fault has been reported.
    Bad,
}

impl Reader {
    pub(super) fn program_tables(&mut self, root: Entry<'_>) {
        for entry in rows(root.get("program")).filter(|entry| entry.value() == toml::Value::Table) {
            let name = entry.key().to_owned();
            if Form::Program.check(&name).is_err() {
                continue;
            }
            let uses = self.programs.remove(&name).unwrap_or_default();
            if uses.is_empty() {
                self.fault(entry.key_span(), ProgramFault::Unused { name: name.clone() });
            }
            let maps = rows(entry.get("map")).map(|map| (key(map), rows(Some(map)).map(row).collect())).collect();
            self.asks.programs.push(ProgramDraft {
                name,
                object: text(entry, "object"),
                section: text(entry, "section"),
                globals: rows(entry.get("globals")).map(row).collect(),
                maps,
                uses,
            });
        }
    }
}

fn text(entry: Entry<'_>, key: &str) -> Option<At<String>> {
    let entry = entry.get(key)?;
    Some(At { value: entry.text().filter(|text| !text.is_empty())?.to_owned(), span: entry.span() })
}

fn key(entry: Entry<'_>) -> At<Box<str>> {
    At { value: entry.key().into(), span: entry.key_span() }
}

fn row(entry: Entry<'_>) -> Pair {
    (key(entry), written(entry))
}

fn written(entry: Entry<'_>) -> At<Value> {
    let value = match entry.value() {
        toml::Value::Bad => Value::Bad,
        toml::Value::Text(text) => Value::Text(text.into()),
        toml::Value::Int(int) => Value::Int(int),
        toml::Value::Bool(bool) => Value::Bool(bool),
        toml::Value::List => Value::List(entry.children().map(written).collect()),
        toml::Value::Table => Value::Table(entry.children().map(row).collect()),
        toml::Value::Float => Value::Other("a number with a fraction"),
        toml::Value::Date => Value::Other("a date"),
    };
    At { value, span: entry.span() }
}
