//! The structure of the source, read without a compiler: circles of files, arrows between crates, dependencies that no
//! file uses, files that are too long.
//!
//! Each rule is one module and a pure function over a [`Tree`]. Types are not inferred: a method call shows no arrow, the
//! `use` of the type it is called on does.

mod circles;
mod dependencies;
mod graph;
mod layers;
mod length;
mod manifest;
mod modules;
mod names;
mod resolve;
mod syntax;
mod tree;

use std::path::Path;

use crate::failure::Failure;
use syntax::Syntax;
use tree::Tree;

/// A broken rule, as a person reads it.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    /// The rule, and the place that breaks it; more lines explain.
    found: String,
    /// The next step for the author.
    fix: String,
}

/// Checks every rule and prints every fault.
///
/// # Errors
/// A file cannot be read or parsed, or a rule is broken.
pub(crate) fn run(folder: &Path) -> Result<(), Failure> {
    let faults = faults(&Tree::read(folder)?)?;
    for fault in &faults {
        println!("{}\n  fix: {}\n", fault.found, fault.fix);
    }
    match faults.len() {
        0 => Ok(()),
        number => Err(Failure::new(
            format!("the structure of {} is broken", folder.display()),
            format!("{number} faults are listed above"),
            "each fault names its fix; `cargo xtask check --structure` shows in a second whether it worked",
        )),
    }
}

fn faults(tree: &Tree) -> Result<Vec<Fault>, Failure> {
    let workspace = manifest::Workspace::read(tree)?;
    let folders = workspace.packages.iter().map(|package| package.folder.as_path());
    let syntax = Syntax::parse(tree, folders)?;
    let mut faults = length::check(tree);
    faults.extend(layers::check(&workspace));
    faults.extend(dependencies::check(&syntax, &workspace));
    faults.extend(workspace.packages.iter().flat_map(|package| circles::check(&syntax, package)));
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The faults of small packages; `files` need no Cargo.toml of the workspace.
    fn faults_of(members: &str, files: &[(&str, &str)]) -> Vec<String> {
        let workspace = format!("[workspace]\nmembers = [{members}]\n");
        let files: Vec<_> = files.iter().copied().chain([("Cargo.toml", workspace.as_str())]).collect();
        let faults = faults(&Tree::of(&files)).expect("the tree is complete and parses");
        faults.into_iter().map(|fault| fault.found).collect()
    }

    const CONFIG: (&str, &str) = ("config/Cargo.toml", "[package]\nname = 'segbox-config'\n");

    fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = files.iter().copied().chain([CONFIG]).collect();
        faults_of("'config'", &files)
    }

    #[test]
    fn two_files_that_use_each_other_are_a_circle_and_its_lines_are_named() {
        let found = circles_of(&[
            ("config/src/lib.rs", "mod a;\nmod b;"),
            ("config/src/a.rs", "//! A.\nuse super::b::B;\npub struct A(B);"),
            ("config/src/b.rs", "pub struct B;\n\nfn f() { println!(\"{}\", crate::a::A::NAME); }"),
        ]);
        assert_eq!(
            found,
            ["circle of 2 files: config/src/a.rs -> config/src/b.rs -> config/src/a.rs\n  \
              config/src/a.rs uses config/src/b.rs:\n    line 2: super::b::B\n  \
              config/src/b.rs uses config/src/a.rs:\n    line 3: crate::a::A::NAME"]
        );
    }

    #[test]
    fn three_files_are_a_circle_too() {
        let found = circles_of(&[
            ("config/src/lib.rs", "mod a; mod b; mod c;"),
            ("config/src/a.rs", "use crate::b::B; pub struct A(B);"),
            ("config/src/b.rs", "use crate::c; pub struct B(c::C);"),
            ("config/src/c.rs", "pub struct C(Box<super::a::A>);"),
        ]);
        let [circle] = found.as_slice() else { panic!("{found:?}") };
        assert!(
            circle.contains("config/src/a.rs -> config/src/b.rs -> config/src/c.rs -> config/src/a.rs"),
            "{circle}"
        );
    }

    #[test]
    fn a_re_export_leads_to_the_file_that_defines_the_name() {
        let found = circles_of(&[
            ("config/src/lib.rs", "mod a; mod deep; pub use deep::B;"),
            ("config/src/a.rs", "use crate::B; pub struct A(B);"),
            ("config/src/deep/mod.rs", "mod b; pub(crate) use b::{Inner as B};"),
            ("config/src/deep/b.rs", "use crate::a::{self}; pub struct Inner; fn f(a: a::A) {}"),
        ]);
        let [circle] = found.as_slice() else { panic!("{found:?}") };
        assert!(circle.contains("config/src/a.rs -> config/src/deep/b.rs -> config/src/a.rs"), "{circle}");
    }

    #[test]
    fn a_file_and_its_parent_module_may_use_each_other() {
        let found = circles_of(&[
            ("config/src/lib.rs", "mod a; mod b; pub struct L; fn f() { a::f(); b::f(); }"),
            ("config/src/a.rs", "mod inner; use crate::L; pub fn f() { inner::f() } pub struct A;"),
            ("config/src/a/inner.rs", "use super::A; pub fn f() { A; }"),
            ("config/src/b/mod.rs", "mod inner; pub fn f() { inner::f() } pub struct B;"),
            ("config/src/b/inner.rs", "use crate::b::B; pub fn f() { B; }"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn colons_at_the_beginning_name_another_crate() {
        let found = circles_of(&[
            ("config/src/lib.rs", "mod a; mod toml;"),
            ("config/src/a.rs", "use ::toml::Value; pub struct A(Value); fn f(a: ::toml::Error) {}"),
            ("config/src/toml.rs", "use crate::a::A; pub struct Tree(A);"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn tests_may_use_what_they_like() {
        let found = circles_of(&[
            ("config/src/lib.rs", "mod a; mod b;"),
            ("config/src/a.rs", "use super::b::B; pub struct A(B); #[cfg(test)] mod a_tests;"),
            ("config/src/b.rs", "pub struct B; #[cfg(test)] mod tests { use crate::a::A; }"),
            ("config/src/a/a_tests.rs", "use crate::b::B; use super::A;"),
            ("config/tests/laws.rs", "use segbox_config::A;"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn an_arrow_that_the_layers_do_not_draw_is_named() {
        let found = faults_of(
            "'config', 'plan', 'router', 'init', 'attic'",
            &[
                CONFIG,
                ("plan/Cargo.toml", "[package]\nname = 'segbox-plan'\n[dependencies]\nsegbox-init = {}\n"),
                ("plan/src/lib.rs", "use segbox_init::Init;"),
                ("router/Cargo.toml", "[package]\nname = 'segbox-router'\n[dev-dependencies]\nsegbox-init = {}\n"),
                ("router/tests/a.rs", "use segbox_init::Init;"),
                ("init/Cargo.toml", "[package]\nname = 'segbox-init'\n[dependencies]\nsegbox-config = {}\n"),
                ("init/src/lib.rs", "use segbox_config::Config;"),
                ("attic/Cargo.toml", "[package]\nname = 'attic'\n"),
            ],
        );
        assert_eq!(
            found,
            [
                "undrawn arrow: plan/Cargo.toml names segbox-init (init/) under [dependencies], but plan may use config, fastpath-ebpf",
                "undrawn arrow: router/Cargo.toml names segbox-init (init/) under [dev-dependencies], but router may use \
                 config, plan, linux",
                "no layer: the crate attic/ is not in the table of layers",
            ]
        );
    }

    #[test]
    fn a_dependency_that_no_file_names_is_named() {
        let manifest = "[package]\nname = 'segbox-config'\n[dependencies]\nserde = '1'\nclap = '4'\nused-once = '1'\n\
                        in-tests = '1'\nnowhere = '1'\n[dev-dependencies]\nproptest = '1'\ninsta = '1'\n";
        let found = faults_of(
            "'config'",
            &[
                ("config/Cargo.toml", manifest),
                (
                    "config/src/lib.rs",
                    "//! nowhere::f\n#[derive(serde::Serialize)] pub struct A; #[clap(value_parser = 1)] struct B;\n\
                     fn f() { print!(\"{}\", used_once::f()) } #[cfg(test)] mod tests { use in_tests as it; }",
                ),
                ("config/tests/laws.rs", "proptest::proptest! { }"),
            ],
        );
        assert_eq!(
            found,
            [
                "unused dependency: only tests use in-tests under [dependencies] in config/Cargo.toml",
                "unused dependency: no file uses nowhere under [dependencies] in config/Cargo.toml",
                "unused dependency: no file uses insta under [dev-dependencies] in config/Cargo.toml",
            ]
        );
    }

    #[test]
    fn a_line_over_is_a_fault() {
        let found = circles_of(&[("config/src/lib.rs", &"\n".repeat(401))]);
        assert_eq!(found, ["too long: config/src/lib.rs has 401 lines; 400 are the most"]);
    }
}
