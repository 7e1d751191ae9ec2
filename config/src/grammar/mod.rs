//! Every table and key as data: its kind, its description, an example. The checker, the JSON Schema and the reference page all read
//! it, so each of them knows the same keys. Not here: what keys mean together.

mod check;
mod profile;
mod reference;
mod route_keys;
mod schema;
mod segbox;
mod srv6;

pub(crate) use check::check;
pub(crate) use profile::PROFILE;
pub use reference::reference;
pub use schema::schema;
pub(crate) use segbox::SEGBOX;

use crate::behavior::Row;
use crate::forms::Form;

/// A table's keys.
pub(crate) struct Table {
    /// Its header, `[interface.NAME]`.
    pub(crate) title: &'static str,
    /// Its purpose: a sentence.
    pub(crate) doc: &'static str,
    pub(crate) keys: &'static [Key],
    /// The values of the key `behavior`: each says which keys the table needs and may have.
    pub(crate) rows: &'static [Row],
}

/// A key of a table.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) doc: &'static str,
    /// A value as it stands after `=`; empty for tables.
    pub(crate) example: &'static str,
}

/// The kind of a key's value.
pub(crate) enum Kind {
    Text(Form),
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of the first words. The second ones are refused later, where the reason is known.
    Refusable(&'static [&'static str], &'static [&'static str]),
    /// One of these words, or a string of the form.
    WordOr(&'static [&'static str], Form),
    Int(Range),
    /// One of these words, or a number.
    WordOrInt(&'static [&'static str], Range),
    Bool,
    List(&'static Kind),
    /// `{ }` or `[name]`.
    Table(&'static Table),
    /// `[name.NAME]`: any number of tables, with names of this form.
    Named(Form, &'static Kind),
    /// `[[name]]`.
    Rows(&'static Table),
    /// Any value: its type comes from an object.
    Typed,
    /// A value of a sysctl: a string, a number or a boolean.
    Scalar,
}

/// Integers, both ends included.
#[derive(Clone, Copy)]
pub(crate) struct Range {
    pub(crate) min: i64,
    pub(crate) max: i64,
    /// ` (bytes)`, or nothing.
    pub(crate) unit: &'static str,
}

impl Key {
    const fn required(name: &'static str, kind: Kind, doc: &'static str, example: &'static str) -> Self {
        Self { name, kind, required: true, doc, example }
    }

    const fn optional(name: &'static str, kind: Kind, doc: &'static str, example: &'static str) -> Self {
        Self { name, kind, required: false, doc, example }
    }
}

impl Table {
    pub(crate) fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The table that a key holds, one or many.
    pub(crate) fn inner(&self, name: &str) -> Option<&'static Table> {
        match self.key(name)?.kind {
            Kind::Table(table) | Kind::Rows(table) => Some(table),
            _ => None,
        }
    }
}

const fn range(min: i64, max: i64, unit: &'static str) -> Range {
    Range { min, max, unit }
}

/// A u32 that is not 0.
const POSITIVE: Range = range(1, u32::MAX as i64, "");
/// Any u32.
const WHOLE: Range = range(0, u32::MAX as i64, "");

#[cfg(test)]
mod tests {
    use super::*;

    /// Every table under this one.
    fn visit(table: &'static Table, see: &mut dyn FnMut(&'static Table)) {
        fn inside(kind: &'static Kind, see: &mut dyn FnMut(&'static Table)) {
            match kind {
                Kind::List(kind) | Kind::Named(_, kind) => inside(kind, see),
                Kind::Table(table) | Kind::Rows(table) => visit(table, see),
                _ => {}
            }
        }
        see(table);
        table.keys.iter().for_each(|key| inside(&key.kind, see));
    }

    #[test]
    fn every_key_is_described_and_its_example_is_of_its_kind() {
        for root in [&SEGBOX, &PROFILE] {
            visit(root, &mut |table| {
                assert!(table.keys.len() <= 32, "the checker keeps a bit per key");
                for key in table.keys {
                    assert!(key.doc.ends_with('.'), "{} {}", table.title, key.name);
                    if key.example.is_empty() {
                        assert!(
                            !key.required && matches!(key.kind, Kind::Table(_) | Kind::Named(..) | Kind::Rows(_)),
                            "{}",
                            key.name
                        );
                        continue;
                    }
                    let text = format!("{} = {}", key.name, key.example);
                    let mut faults = crate::fault::Found::default();
                    let tree = crate::toml::parse(&text, &mut faults);
                    let entry = tree.root().get(key.name).expect("the example is TOML");
                    check::check_kind(&key.kind, entry, key.name, key.example, &mut faults);
                    assert_eq!(faults.into_held().0, [], "{} {}", table.title, key.name);
                }
            });
        }
    }

    #[test]
    fn rows_name_keys_that_are_there() {
        visit(&SEGBOX, &mut |table| {
            for row in table.rows {
                for name in row.keys() {
                    assert!(table.key(name).is_some_and(|key| !key.required), "{} {name}", row.name);
                }
            }
        });
    }
}
