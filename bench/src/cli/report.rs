//! `segbench report`: runs as a page, as Markdown, as CSV.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::Error;
use crate::report::{NamedRun, csv, html, markdown};
use crate::{atomic_file, result_file};

/// Arguments of `segbench report`.
#[derive(Debug, clap::Args)]
pub(super) struct Report {
    /// Results of `segbench run --json`.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Where to write; the first run's name with another ending by default, `-` for standard output.
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// As Markdown.
    #[arg(long, conflicts_with = "csv")]
    markdown: bool,
    /// As CSV.
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
