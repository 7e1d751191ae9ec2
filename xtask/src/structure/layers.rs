//! The arrows between our crates, as ARCHITECTURE.md draws them. Cargo forbids circles; this forbids the wrong direction.

use super::Fault;
use super::manifest::{Dependency, Kind, Package, Workspace};

/// A crate's folder, and the folders of the crates it may use.
struct Layer {
    folder: &'static str,
    uses: &'static [&'static str],
    /// More that its tests may use. Every crate's tests may use `lab`.
    tests_use: &'static [&'static str],
}

/// config ► plan ► linux ► router ► services ► init ► segbox, with what stands beside. A layer may use each one below it
/// directly.
const LAYERS: &[Layer] = &[
    Layer { folder: "config", uses: &[], tests_use: &[] },
    Layer { folder: "fastpath-ebpf", uses: &[], tests_use: &[] },
    Layer { folder: "firmware", uses: &[], tests_use: &[] },
    Layer { folder: "plan", uses: &["config", "fastpath-ebpf"], tests_use: &[] },
    Layer { folder: "linux", uses: &["config", "plan", "fastpath-ebpf"], tests_use: &[] },
    Layer { folder: "router", uses: &["config", "plan", "linux"], tests_use: &[] },
    Layer { folder: "services", uses: &["config", "plan", "linux", "router"], tests_use: &[] },
    Layer { folder: "init", uses: &["config", "plan", "linux", "router", "services", "firmware"], tests_use: &[] },
    Layer {
        folder: "segbox",
        uses: &["config", "plan", "linux", "router", "services", "firmware", "init"],
        tests_use: &[],
    },
    Layer { folder: "lab", uses: &["fastpath-ebpf"], tests_use: &[] },
    // The JIT's switch and a port's driver are linux's; its tests read the files in docs/ by config.
    Layer { folder: "bench", uses: &["lab", "fastpath-ebpf", "linux", "bench/ebpf"], tests_use: &["config"] },
    Layer { folder: "bench/ebpf", uses: &["fastpath-ebpf"], tests_use: &[] },
    Layer { folder: "xtask", uses: &["config", "lab", "firmware"], tests_use: &[] },
];

/// The arrows that nobody drew.
pub(super) fn check(workspace: &Workspace) -> Vec<Fault> {
    workspace.packages.iter().flat_map(|package| of_package(workspace, package)).collect()
}

fn of_package(workspace: &Workspace, package: &Package) -> Vec<Fault> {
    let folder = package.folder.to_string_lossy();
    let Some(layer) = LAYERS.iter().find(|layer| layer.folder == folder) else {
        return vec![Fault {
            found: format!("no layer: the crate {folder}/ is not in the table of layers"),
            fix: "give it a row in xtask/src/structure/layers.rs and in ARCHITECTURE.md, or make it a module"
                .to_owned(),
        }];
    };
    let arrows =
        package.dependencies.iter().filter_map(|dependency| Some((dependency, target(workspace, dependency)?)));
    let undrawn = arrows.filter(|(dependency, target)| !layer.allows(dependency.kind, target));
    undrawn.map(|(dependency, target)| fault(&folder, layer, dependency, &target)).collect()
}

/// The folder of a dependency that is a crate of ours.
fn target(workspace: &Workspace, dependency: &Dependency) -> Option<String> {
    let package = workspace.packages.iter().find(|package| package.name == dependency.name)?;
    Some(package.folder.to_string_lossy().into_owned())
}

impl Layer {
    fn allows(&self, kind: Kind, target: &str) -> bool {
        let for_tests = kind == Kind::Dev && (target == "lab" || self.tests_use.contains(&target));
        for_tests || self.uses.contains(&target)
    }
}

fn fault(folder: &str, layer: &Layer, dependency: &Dependency, target: &str) -> Fault {
    let may = if layer.uses.is_empty() { "no crate of ours".to_owned() } else { layer.uses.join(", ") };
    Fault {
        found: format!(
            "undrawn arrow: {folder}/Cargo.toml names {} ({target}/) under [{}], but {folder} may use {may}",
            dependency.name,
            dependency.kind.table()
        ),
        fix: format!(
            "move the code to the layer that may use {target}, or have the caller hand in a value or a function; a new \
             arrow needs a row in ARCHITECTURE.md and in xtask/src/structure/layers.rs"
        ),
    }
}
