//! `segbox status boot`: prints the steps of this boot with their times, the source of the configuration, and all problems.

use std::process::ExitCode;

use miette::{Diagnostic, Result};
use segbox_router::run::boot::Boot;

use super::{DEVIATIONS, OK};
use crate::text::output::{BAD, FAINT, GOOD, HEAD, print, print_json, styled, table};

/// There is no record of a boot.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("this machine was not booted by segbox")]
#[diagnostic(help("`segbox status` shows the router; segbox records a boot only where it is PID 1, as in its image"))]
struct NotBooted;

pub(super) fn run(json: bool) -> Result<ExitCode> {
    let mut boot = Boot::read().ok_or(NotBooted)?;
    // The output has all problems in one list.
    boot.problems = boot.all_problems().cloned().collect();
    if json {
        print_json(&boot)?;
    } else {
        print(&text(&boot))?;
    }
    Ok(if boot.good && boot.problems.is_empty() { OK } else { ExitCode::from(DEVIATIONS) })
}

fn text(boot: &Boot) -> String {
    let mut text = match &boot.configuration {
        Some(run) if boot.good => format!("{}: configured from {}\n", styled(GOOD, "good"), run.source),
        Some(run) => format!("{}: configured from {}\n", styled(BAD, "not as requested"), run.source),
        None => format!("{}\n", styled(BAD, "not configured")),
    };
    for problem in &boot.problems {
        text += &format!("  {} {problem}\n", styled(BAD, "to fix:"));
    }
    let share = boot.share_ms.map_or("-".to_owned(), |time| format!("{time:.1} ms"));
    text += &format!("Linux {}, {:.1} ms to PID 1; {share} from there to the last SID\n", boot.kernel, boot.kernel_ms);
    if boot.secure_boot {
        text += "Secure Boot: the firmware verified the boot loader, the kernel and this program\n";
    }
    if let Some(ended) = &boot.last_end {
        text += &format!("end of the previous boot: {ended}\n");
    }
    let mut rows = vec![["step", "at ms", "took ms", "result"].map(str::to_owned).to_vec()];
    for step in &boot.steps {
        rows.push(vec![
            step.name.clone(),
            format!("{:.1}", step.at_ms),
            format!("{:.1}", step.took_ms),
            step.result.clone(),
        ]);
    }
    text += &styled(HEAD, "steps");
    text.push('\n');
    text += &table("  ", &rows);
    if boot.share_ms.is_none() {
        text += &styled(FAINT, "the boot is not finished, or its configuration was not applied");
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use segbox_router::run::boot::Step;

    use super::*;
    use crate::text::output::shown;

    #[test]
    fn tells_the_steps_and_what_is_wrong() {
        let step = Step { name: "mounts".into(), at_ms: 0.0, took_ms: 1.25, result: String::new() };
        let boot = Boot { steps: vec![step], problems: vec!["eth1 is missing".into()], ..Boot::default() };
        let text = anstream::adapter::strip_str(&shown(&text(&boot))).to_string();
        assert!(text.contains("to fix: eth1 is missing"), "{text}");
        assert!(text.contains("mounts") && text.contains("1.2"), "{text}");
    }
}
