//! The compiled test binaries: where cargo has put each, read from its messages.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::targets::{self, Target};

/// Paths by label.
#[derive(Debug, Default)]
pub(super) struct Binaries(BTreeMap<String, PathBuf>);

impl Binaries {
    /// Adds what the lines of `--message-format=json` name.
    pub(super) fn add(&mut self, lines: &[String]) {
        let messages = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        self.0.extend(messages.filter_map(|message| of_message(&message)));
    }

    /// Where a target's binary is.
    pub(super) fn path(&self, target: &Target) -> Option<PathBuf> {
        self.0.get(&target.label()).cloned()
    }
}

fn of_message(message: &Value) -> Option<(String, PathBuf)> {
    let is_test = message["reason"] == "compiler-artifact" && message["profile"]["test"] == true;
    let path = message["executable"].as_str().filter(|_| is_test)?;
    // The message names the manifest, and the package by an identifier that is no name.
    let package = json!({ "name": "", "manifest_path": message["manifest_path"] });
    Some((targets::of_cargo(&package, &message["target"])?.label(), PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_binaries_are_told_from_what_else_is_built() {
        let message = |kind: &str, name: &str, test: bool, executable: Value| {
            json!({
                "reason": "compiler-artifact", "manifest_path": "/r/plan/Cargo.toml", "profile": { "test": test },
                "target": { "kind": [kind], "name": name, "test": true }, "executable": executable,
            })
            .to_string()
        };
        let mut binaries = Binaries::default();
        binaries.add(&[
            message("lib", "segbox_plan", false, Value::Null),
            message("lib", "segbox_plan", true, json!("/t/segbox_plan-1")),
            message("bin", "plan", false, json!("/t/plan")),
            message("test", "laws", true, json!("/t/laws-1")),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
            "no JSON".to_owned(),
        ]);
        let expected = [("plan/laws", "/t/laws-1"), ("plan/lib", "/t/segbox_plan-1")];
        assert_eq!(binaries.0, expected.map(|(label, path)| (label.to_owned(), PathBuf::from(path))).into());
    }
}
