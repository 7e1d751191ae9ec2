//! `segbench report`: writes results as a page, as Markdown, or as CSV.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::Error;
use crate::report::{NamedRun, csv, html, markdown};
use crate::{atomic_file, result_file};

/// Arguments of `segbench report`.
#[derive(Debug, clap::Args)]
pub(super) struct Report {
    /// Results of `segbench run --json` or `segbench lab --json`
    #[arg(required = true, value_name = "RESULT")]
    runs: Vec<PathBuf>,
    /// The file to write; `-` for standard output [default: the first result's name, with another extension]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write Markdown instead of a page
    #[arg(long, conflicts_with = "csv")]
    markdown: bool,
    /// Write CSV instead of a page
    #[arg(long)]
    csv: bool,
}

impl Report {
    pub(super) fn run(&self) -> Result<ExitCode, Error> {
        let read = |path: &PathBuf| -> Result<NamedRun, Error> {
            Ok(NamedRun { name: name(path), run: result_file::read(path)? })
        };
        let runs = self.runs.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let (text, ending) = match (self.markdown, self.csv) {
            (true, _) => (markdown(&runs), "md"),
            (_, true) => (csv(&runs), "csv"),
            _ => (html(&runs), "html"),
        };
        let output = self.output.clone().unwrap_or_else(|| self.runs[0].with_extension(ending));
        if output == Path::new("-") {
            anstream::print!("{text}");
        } else {
            atomic_file::write(&output, &text)
                .map_err(|error| format!("cannot write {}: {error}", output.display()))?;
            anstream::println!("{}", output.display());
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn name(path: &Path) -> String {
    path.file_stem().map_or_else(|| path.display().to_string(), |stem| stem.to_string_lossy().into_owned())
}
