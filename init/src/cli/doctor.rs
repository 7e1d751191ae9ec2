//! `segbox doctor`: what this kernel and box can do.

use std::process::ExitCode;

use miette::Result;

use super::output::{BAD, GOOD, print, print_json, styled};
use super::{DEVIATIONS, OK};

pub(super) fn run(json: bool) -> Result<ExitCode> {
    let findings = segbox_fastpath::findings();
    let missing = findings.iter().filter(|finding| !finding.found).count();
    if json {
        print_json(&findings)?;
    } else {
        let mut text = String::new();
        for finding in &findings {
            let (style, word) = if finding.found { (GOOD, "found  ") } else { (BAD, "missing") };
            text += &format!("{} {:<24} {}\n", styled(style, word), finding.name, finding.detail);
            if !finding.found {
                text += &format!("        without it: {}\n", finding.without);
            }
        }
        let end = if missing == 0 { styled(GOOD, "nothing is missing") } else { styled(BAD, format!("{missing} missing")) };
        print(&(text + &end + "\n"))?;
    }
    Ok(if missing == 0 { OK } else { ExitCode::from(DEVIATIONS) })
}
