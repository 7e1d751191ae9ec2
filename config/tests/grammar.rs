//! The checker, the JSON Schema and the reference page agree: all three are made from the grammar.
#![expect(clippy::expect_used, reason = "a test stops on a surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it can be read").path());
    entries.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect()
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("the file can be read");
    toml::from_str(&text).expect("the file is TOML")
}

#[test]
fn the_schema_takes_every_good_file() {
    let schema = segbox_config::grammar::schema();
    let validator = jsonschema::draft202012::new(&schema).expect("it is a schema");
    let mut good = files(&here().join("examples"));
    good.extend(files(&here().join("tests/cases/ok")));
    assert!(good.len() >= 8);
    for path in good {
        let faults: Vec<_> = validator.iter_errors(&json(&path)).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{}: {faults:?}", path.display());
    }
}

#[test]
fn the_schema_refuses_what_is_wrong_by_itself() {
    let schema = segbox_config::grammar::schema();
    let validator = jsonschema::draft202012::new(&schema).expect("it is a schema");
    let refused = [
        "unknown_key",
        "missing_key",
        "wrong_type",
        "out_of_range",
        "not_one_of",
        "no_address",
        "no_mac",
        "no_pci_path",
        "key_not_taken",
        "key_needed",
        "one_key_of_two",
        "no_program_name",
        "flavor_unsupported",
    ];
    for name in refused {
        let path = here().join(format!("tests/cases/bad/{name}.toml"));
        assert!(!validator.is_valid(&json(&path)), "{name}");
    }
}

#[test]
fn every_key_of_the_schema_is_a_key_of_the_parser_s() {
    // Each key of the schema with some value, in its table: no key is reported as unknown.
    fn visit(schema: &Value, header: &str, told: &mut Vec<String>) {
        let Some(properties) = schema["properties"].as_object() else { return };
        for (key, inside) in properties {
            let text = match header {
                "" => format!("{key} = 1"),
                header => format!("{header}\n{key} = 1"),
            };
            let faults = segbox_config::read(text, "").check(&segbox_config::Surroundings::default());
            let faults = faults.unwrap_or_else(|faults| faults);
            told.extend(
                faults.iter().filter(|fault| fault.code() == "segbox::unknown_key").map(|_| format!("{header} {key}")),
            );
            let name = header.trim_matches(['[', ']']).to_owned();
            let under = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            visit(inside, &format!("[{under}]"), told);
            visit(&inside["additionalProperties"], &format!("[{under}.1]"), told);
            visit(&inside["items"], &format!("[[{under}]]"), told);
        }
    }
    let mut told = Vec::new();
    visit(&segbox_config::grammar::schema(), "", &mut told);
    assert_eq!(told, [""; 0]);
}

#[test]
fn the_reference_page_is_the_grammar_s() {
    let path = here().join("../docs/segbox-toml.md");
    let page = segbox_config::grammar::reference();
    if std::env::var_os("SEGBOX_BLESS").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/segbox-toml.md is out of date: SEGBOX_BLESS=1 cargo test -p segbox-config writes it again"
    );
}
