//! Checks a document by the grammar: unknown and missing keys, wrong types, wrong forms. Not here: what keys mean together.
//!
//! A value that passes here is read without a fault by [`mod@crate::read`], which uses the same forms.

use super::{Key, Kind, Range, Table};
use crate::fault::{Fault, Found, ShapeFault, listed, near};
use crate::toml::{Entry, Value};

/// Adds every fault of a table and of the tables in it.
pub(crate) fn check(table: &Table, entry: Entry<'_>, faults: &mut Found) {
    let mut seen = 0_u32;
    for child in entry.children() {
        if faults.is_full() {
            return;
        }
        let Some(at) = table.keys.iter().position(|key| key.name == child.key()) else {
            faults.push(unknown(table, child));
            continue;
        };
        seen |= 1 << at;
        let key = &table.keys[at];
        check_kind(&key.kind, child, key.name, key.example, faults);
    }
    for (at, key) in table.keys.iter().enumerate().filter(|(_, key)| key.required) {
        if seen & 1 << at == 0 {
            let missing = ShapeFault::MissingKey { key: key.name, table: table.title, example: key.example };
            faults.push(Fault::new(entry.span(), missing));
        }
    }
}

/// Adds every fault of a value.
pub(crate) fn check_kind(kind: &Kind, entry: Entry<'_>, key: &str, example: &str, faults: &mut Found) {
    if faults.is_full() {
        return;
    }
    let value = entry.value();
    match (kind, value) {
        (_, Value::Bad) | (Kind::Typed, _) | (Kind::Bool, Value::Bool(_)) => {}
        (Kind::Scalar, Value::Text(_) | Value::Int(_) | Value::Bool(_)) => {}
        (Kind::Text(form), Value::Text(text)) => {
            if let Err(fault) = form.check(text) {
                faults.push(Fault::new(entry.span(), fault));
            }
        }
        (Kind::Refusable(_, refused), Value::Text(text))
            if refused.iter().any(|name| name.eq_ignore_ascii_case(text)) => {}
        (Kind::Word(words) | Kind::Refusable(words, _) | Kind::WordOrInt(words, _), Value::Text(text)) => {
            if !words.contains(&text) {
                let fix = match kind {
                    Kind::WordOrInt(..) => format!("write {}", kind.wanted()),
                    _ => near(text, words.iter().copied()),
                };
                let fault = ShapeFault::NotOneOf { key: key.into(), text: text.into(), fix };
                faults.push(Fault::new(entry.span(), fault));
            }
        }
        (Kind::WordOr(words, form), Value::Text(text)) => {
            if !words.contains(&text)
                && let Err(fault) = form.check(text)
            {
                faults.push(Fault::new(entry.span(), fault));
            }
        }
        (Kind::Int(range) | Kind::WordOrInt(_, range), Value::Int(value)) => {
            let Range { min, max, unit } = *range;
            if !(i128::from(min)..=i128::from(max)).contains(&value) {
                faults
                    .push(Fault::new(entry.span(), ShapeFault::OutOfRange { key: key.into(), value, min, max, unit }));
            }
        }
        (Kind::List(of), Value::List) => entry.children().for_each(|item| check_kind(of, item, key, example, faults)),
        (Kind::Table(table), Value::Table) => check(table, entry, faults),
        (Kind::Rows(table), Value::List) => {
            for row in entry.children() {
                match row.value() {
                    Value::Table => check(table, row, faults),
                    Value::Bad => {}
                    found => faults.push(wrong(kind, row, found, key, example)),
                }
            }
        }
        (Kind::Named(form, of), Value::Table) => {
            for child in entry.children() {
                if let Err(fault) = form.check(child.key()) {
                    faults.push(Fault::new(child.key_span(), fault));
                    if matches!(of, Kind::Scalar) {
                        // `net.core.x = 1` without quotes makes a table named `net`. The fault of its name is enough.
                        continue;
                    }
                }
                check_kind(of, child, child.key(), example, faults);
            }
        }
        (_, found) => faults.push(wrong(kind, entry, found, key, example)),
    }
}

fn unknown(table: &Table, entry: Entry<'_>) -> Fault {
    let key = entry.key().to_owned();
    let near = near(&key, table.keys.iter().map(|key: &Key| key.name));
    Fault::new(entry.key_span(), ShapeFault::UnknownKey { key, table: table.title, near })
}

fn wrong(kind: &Kind, entry: Entry<'_>, found: Value<'_>, key: &str, example: &str) -> Fault {
    let example = match kind {
        Kind::Rows(_) => format!("[[{key}]]"),
        _ if example.is_empty() => format!("[{key}.NAME]"),
        _ => format!("{key} = {example}"),
    };
    Fault::new(
        entry.span(),
        ShapeFault::WrongType { key: key.into(), wanted: kind.wanted(), found: kind_of(found), example },
    )
}

/// A value's type in messages, with an article.
pub(crate) fn kind_of(value: Value<'_>) -> &'static str {
    match value {
        Value::Bad => "nothing",
        Value::Text(_) => "a string",
        Value::Int(_) => "a number",
        Value::Float => "a number with a fraction",
        Value::Bool(_) => "a boolean",
        Value::Date => "a date",
        Value::List => "an array",
        Value::Table => "a table",
    }
}

impl Kind {
    /// The values that it takes, in messages.
    pub(crate) fn wanted(&self) -> String {
        match self {
            Self::Text(form) => format!("a string with {}", form.name()),
            Self::Word(words) | Self::Refusable(words, _) => format!("one of {}", listed(words.iter().copied())),
            Self::WordOr(words, form) => format!("{} or a string with {}", listed(words.iter().copied()), form.name()),
            Self::Int(range) => format!("a number from {} to {}{}", range.min, range.max, range.unit),
            Self::WordOrInt(words, range) => {
                format!("{} or a number from {} to {}", listed(words.iter().copied()), range.min, range.max)
            }
            Self::Bool => "`true` or `false`".into(),
            Self::List(of) => match of {
                Self::Text(form) => format!("an array, each element {}", form.name()),
                of => format!("an array, each element {}", of.wanted()),
            },
            Self::Table(_) | Self::Named(..) => "a table".into(),
            Self::Rows(_) => "an array of tables".into(),
            Self::Typed => "a value of the object's type".into(),
            Self::Scalar => "a string, a number or a boolean".into(),
        }
    }
}
