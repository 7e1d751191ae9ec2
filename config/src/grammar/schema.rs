//! The grammar as JSON Schema, for editors. It accepts every file without faults. Not here: faults that show only when two keys are
//! compared, or a key and the box.

use serde_json::{Map, Value, json};

use super::{Key, Kind, Range, SEGBOX, Table};
use crate::behavior::Row;
use crate::forms::Form;

/// The JSON Schema (draft 2020-12) of segbox.toml.
pub fn schema() -> Value {
    let mut schema = table(&SEGBOX);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("segbox.toml");
    schema
}

fn table(table: &Table) -> Value {
    let properties: Map<String, Value> = table.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<_> = table.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = json!({
        "type": "object",
        "description": table.doc,
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !table.rows.is_empty() {
        schema["allOf"] = table.rows.iter().map(|row| behavior(table, row)).collect();
    }
    schema
}

/// `if` this behavior, `then` these keys and flavors, and no keys that belong to other behaviors only.
fn behavior(table: &Table, row: &Row) -> Value {
    let others = table.rows.iter().flat_map(Row::keys).filter(|key| !row.has(key));
    let mut properties: Map<String, Value> = others.map(|key| (key.to_owned(), json!(false))).collect();
    if table.key("flavors").is_some() {
        let names: Vec<_> = row.flavors.iter().map(|(flavor, _)| flavor.name()).collect();
        // Every behavior may have an empty array.
        let each = if names.is_empty() { json!(false) } else { json!({ "enum": names }) };
        properties.insert("flavors".to_owned(), json!({ "items": each }));
    }
    let mut then = json!({ "required": row.needs, "properties": properties });
    if !row.one_of.is_empty() {
        then["oneOf"] = row.one_of.iter().map(|key| json!({ "required": [key] })).collect();
    }
    json!({ "if": { "properties": { "behavior": { "const": row.name } } }, "then": then })
}

fn property(key: &Key) -> Value {
    let mut schema = kind(&key.kind);
    schema["description"] = json!(key.doc);
    if !key.example.is_empty() && !matches!(key.kind, Kind::Table(_)) {
        let example: Option<Value> = serde_json::from_str(key.example).ok();
        schema["examples"] = example.into_iter().collect();
    }
    schema
}

fn kind(of: &Kind) -> Value {
    match of {
        Kind::Text(form) => text(*form),
        Kind::Word(words) | Kind::Refusable(words, _) => json!({ "type": "string", "enum": words }),
        Kind::WordOr(words, form) => json!({ "anyOf": [{ "type": "string", "enum": words }, text(*form)] }),
        Kind::Int(range) => int(range),
        Kind::WordOrInt(words, range) => json!({ "anyOf": [{ "type": "string", "enum": words }, int(range)] }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::List(item) => json!({ "type": "array", "items": kind(item) }),
        Kind::Table(of) => table(of),
        Kind::Named(form, of) => json!({
            "type": "object",
            "propertyNames": { "pattern": form.pattern() },
            "additionalProperties": kind(of),
        }),
        Kind::Rows(of) => json!({ "type": "array", "items": table(of) }),
        // The object's type is not known here.
        Kind::Typed => json!({}),
        Kind::Scalar => json!({ "type": ["string", "integer", "boolean"] }),
    }
}

fn text(form: Form) -> Value {
    json!({ "type": "string", "pattern": form.pattern() })
}

fn int(range: &Range) -> Value {
    json!({ "type": "integer", "minimum": range.min, "maximum": range.max })
}
