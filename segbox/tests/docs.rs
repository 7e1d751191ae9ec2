//! The examples of the README and the guides work unchanged.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use segbox_lab::Namespace;
use support::clang::compile;
use support::files::Files;
use support::segbox::{SEGBOX, apply, run, segbox};

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The fenced blocks of a page in this language.
fn fenced<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_guides_program_compiles_loads_and_runs() {
    let text = read(&page("docs/write-a-program.md"));
    let (namespace, files) = (Namespace::new("docs").expect("these tests need root"), Files::new());
    compile(&files, fenced(&text, "c")[0], "hop.o");
    apply(&namespace, &files.write("segbox.toml", fenced(&text, "toml")[0]));
    assert_eq!(segbox(&namespace, ["clear"]).code, Some(0));
}

#[test]
fn every_toml_of_the_pages_is_without_fault() {
    let files = Files::new();
    let mut checked = 0;
    let programs = std::fs::read_dir(page("docs/programs")).expect("the built-in programs have pages");
    for path in programs.flatten().map(|entry| entry.path()).chain(["README.md", "docs/security.md"].map(page)) {
        for toml in fenced(&read(&path), "toml") {
            let file = files.write("segbox.toml", toml);
            let check = run(Command::new(SEGBOX).arg("check").arg("--elsewhere").arg(file));
            assert_eq!(check.code, Some(0), "{}:\n{}", path.display(), check.err);
            checked += 1;
        }
    }
    assert!(checked > 5, "only {checked} examples were found");
}

/// Rows name files of tests, and tests behind them: `segbox/tests/security.rs`, `no_command_prints_a_secret`.
#[test]
fn the_tests_of_the_threat_model_are_there() {
    let text = read(&page("docs/security.md"));
    let (mut files, mut tests) = (0, 0);
    for row in text.lines().filter(|line| line.starts_with('|')) {
        let mut file = None;
        for word in row.rsplit('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2) {
            if word.ends_with(".rs") {
                file = Some(read(&page(word)));
                files += 1;
            } else if let Some(file) = &file {
                assert!(file.contains(&format!("fn {word}()")), "{word} is not there: {row}");
                tests += 1;
            }
        }
    }
    assert!(files > 20 && tests > 8, "{files} files and {tests} tests are named");
}
