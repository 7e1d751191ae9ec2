//! `segbox plan`: prints the steps from the running kernel, or from a dump, to a file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use miette::{Diagnostic, Result};
use segbox_linux::file::{self, FileError};
use segbox_plan::{Actual, Plan, Verb};
use segbox_router::{Reconcile, Router, Seen, read};

use super::{OK, STEPS};
use crate::text::output::{BAD, CHANGED, GOOD, count, print, print_json, styled};

/// The dump of a router with a million policies has half of it.
const LONGEST: u64 = 1 << 30;

/// An unusable dump.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum DumpError {
    #[error("cannot read the dump {}", path.display())]
    Io { path: PathBuf, source: FileError },
    #[error("{} is not a dump of `segbox observe`", path.display())]
    #[diagnostic(help("make one on the router with `segbox observe > dump.json`, using this version of segbox"))]
    Content { path: PathBuf, source: serde_json::Error },
}

pub(super) fn run(file: &Path, dump: Option<&Path>, json: bool) -> Result<ExitCode> {
    let plan = match dump {
        Some(dump) => from_dump(file, dump)?,
        None => {
            let mut router = Router::open("plan")?;
            let on = router.seen()?;
            let reading = read("plan", file, on)?;
            router.plan(&reading.checked.config)?
        }
    };
    if json {
        print_json(&plan)?;
    } else {
        print(&text(&plan))?;
    }
    Ok(if plan.is_empty() { OK } else { ExitCode::from(STEPS) })
}

/// A plan for another router: neither this machine's kernel nor its remembered settings count.
fn from_dump(file: &Path, dump: &Path) -> Result<Plan> {
    let content = file::read(dump, LONGEST).map_err(|source| DumpError::Io { path: dump.to_owned(), source })?;
    let actual: Actual = serde_json::from_slice(&content.bytes)
        .map_err(|source| DumpError::Content { path: dump.to_owned(), source })?;
    let on = Seen { links: Some(actual.links.clone()), ..Seen::default() };
    let reading = read("plan", file, on)?;
    Ok(Reconcile::for_dump().plan(Some(&reading.checked.config), &actual))
}

fn text(plan: &Plan) -> String {
    if plan.is_empty() {
        return format!("{}: nothing to do\n", styled(GOOD, "in sync"));
    }
    let mut text = String::new();
    for step in &plan.steps {
        let style = match step.verb() {
            Verb::Add => GOOD,
            Verb::Change => CHANGED,
            Verb::Remove => BAD,
        };
        text += &styled(style, step);
        text.push('\n');
    }
    let [(_, add), (_, change), (_, remove)] = plan.counts();
    text + &format!("{}: {add} to add, {change} to change, {remove} to remove\n", count(plan.steps.len(), "step"))
}
