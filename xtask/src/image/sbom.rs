//! The bill of materials: every crate that is linked into `segbox`, as CycloneDX 1.6. The build's messages list these crates, and
//! cargo's metadata describes them. Crates that only build or test something are left out, and so are procedural macros.
//!
//! Does not list Debian's packages: the manifest does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::tree;
use crate::failure::Failure;
use crate::{process, workspace};

/// Writes the bill.
pub(super) fn write(linked: &BTreeSet<String>, output: &Path) -> Result<(), Failure> {
    let metadata = process::output(
        Command::new(workspace::cargo()).current_dir(workspace::root()).args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--filter-platform=x86_64-unknown-linux-gnu",
        ]),
        "read cargo's message; `cargo build` updates a Cargo.lock that is out of date",
    )?;
    let lock = tree::read(&workspace::root().join("Cargo.lock"))?;
    let metadata: Value = serde_json::from_str(&metadata)
        .map_err(|error| Failure::new("cannot read cargo's metadata", error.to_string(), "report this"))?;
    let bill = bill(&metadata, linked, &checksums(&lock)).ok_or_else(|| {
        Failure::new("cannot make the bill of materials", "cargo's metadata has another shape", "report this")
    })?;
    tree::write(output, format!("{bill:#}\n"))
}

/// Cargo's identifier of a package: its place, name and version.
type Id<'a> = &'a str;

fn bill(metadata: &Value, linked: &BTreeSet<String>, checksums: &BTreeMap<(String, String), String>) -> Option<Value> {
    let packages = metadata["packages"].as_array()?;
    let by_id: BTreeMap<Id<'_>, &Value> =
        packages.iter().filter_map(|package| Some((package["id"].as_str()?, package))).collect();
    let needs: BTreeMap<Id<'_>, Vec<Id<'_>>> = metadata["resolve"]["nodes"]
        .as_array()?
        .iter()
        .filter_map(|node| Some((node["id"].as_str()?, needed(node, linked)?)))
        .collect();
    let root = by_id.iter().find(|(_, package)| package["name"] == "segbox").map(|(id, _)| *id)?;

    let found: BTreeSet<Id<'_>> = linked.iter().map(String::as_str).collect();
    if !found.contains(root) || !found.iter().all(|id| by_id.contains_key(id)) {
        return None;
    }
    let purl =
        |id: Id<'_>| Some(format!("pkg:cargo/{}@{}", by_id[id]["name"].as_str()?, by_id[id]["version"].as_str()?));
    let component = |id: Id<'_>| {
        let package = by_id[id];
        let (name, version) = (package["name"].as_str()?, package["version"].as_str()?);
        let mut component = json!({
            "type": if id == root { "application" } else { "library" },
            "bom-ref": purl(id)?, "name": name, "version": version, "purl": purl(id)?,
        });
        if let Some(license) = package["license"].as_str() {
            // Some crates still write an alternative with a slash.
            component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
        }
        if let Some(checksum) = checksums.get(&(name.to_owned(), version.to_owned())) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        Some(component)
    };
    let components = found.iter().filter(|id| **id != root).map(|id| component(id)).collect::<Option<Vec<_>>>()?;
    let depends = |id: &Id<'_>| {
        let on = needs.get(id)?.iter().map(|needed| purl(needed)).collect::<Option<BTreeSet<_>>>()?;
        Some(json!({ "ref": purl(id)?, "dependsOn": on }))
    };
    Some(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": { "component": component(root)? },
        "components": components,
        "dependencies": found.iter().map(depends).collect::<Option<Vec<_>>>()?,
    }))
}

/// The linked packages that a package depends on by the normal kind.
fn needed<'a>(node: &'a Value, linked: &BTreeSet<String>) -> Option<Vec<Id<'a>>> {
    let normal = |dependency: &&Value| {
        dependency["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
    };
    let needed = node["deps"].as_array()?.iter().filter(normal).map(|dependency| dependency["pkg"].as_str());
    needed.filter(|id| id.is_none_or(|id| linked.contains(id))).collect()
}

/// Checksums of the lock file by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let field = |entry: &str, name: &str| {
        let line = entry.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))?;
        Some(line.trim_matches('"').to_owned())
    };
    let entries = lock.split("[[package]]").skip(1);
    entries
        .filter_map(|entry| Some(((field(entry, "name")?, field(entry, "version")?), field(entry, "checksum")?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_what_is_linked_and_nothing_else() {
        let package =
            |id: &str, name: &str| json!({ "id": id, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0" });
        let needs = |id: &str, kind: Value| json!({ "pkg": id, "dep_kinds": [{ "kind": kind }] });
        let metadata = json!({
            "packages": [package("s", "segbox"), package("a", "linked"), package("b", "builds"), package("c", "macro")],
            "resolve": { "nodes": [
                { "id": "s", "deps": [needs("a", Value::Null), needs("b", json!("build")), needs("c", Value::Null)] },
                { "id": "a", "deps": [] }, { "id": "b", "deps": [] }, { "id": "c", "deps": [] },
            ] },
        });
        let lock = "[[package]]\nname = \"linked\"\nversion = \"1.0.0\"\nchecksum = \"ab\"\n";
        let linked = BTreeSet::from(["s", "a"].map(str::to_owned));
        let bill = bill(&metadata, &linked, &checksums(lock)).expect("a bill");
        let components = bill["components"].as_array().expect("a list");
        assert_eq!(components.len(), 1);
        assert_eq!(components[0]["purl"], "pkg:cargo/linked@1.0.0");
        assert_eq!(components[0]["hashes"][0]["content"], "ab");
        assert_eq!(components[0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(bill["metadata"]["component"]["name"], "segbox");
        assert_eq!(bill["dependencies"][1]["dependsOn"], json!(["pkg:cargo/linked@1.0.0"]));
    }
}
