//! A run as a page: one file, nothing from the network, no script.

use std::fmt::Write as _;

use super::canvas::THEIRS;
use super::escape::escape;
use super::{NamedRun, bars, curves, environment, hardware, published, tables};
use crate::result::{Measured, Run};

const STYLE: &str = include_str!("style.css");

/// All runs on one page.
pub(crate) fn html(runs: &[NamedRun]) -> String {
    let mut page = String::from("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">";
    // Writing to a string cannot fail.
    let _ = write!(page, "<title>Forwarding measured by segbench</title><style>{STYLE}</style></head><body><main>");
    page += "<h1>Forwarding measured by segbench</h1>";
    if runs.len() > 1 {
        page += &tables::side_by_side(runs);
    }
    for named in runs {
        page += &section(named);
    }
    page += "</main></body></html>\n";
    page
}

fn section(named: &NamedRun) -> String {
    let run = &named.run;
    let mut text = format!("<section><h2>{}</h2>", escape(&named.name));
    text += &summary(run);
    // Scaling has figures of its own; a bar each would bury the table.
    let table: Vec<&Measured> = run.cases.iter().filter(|case| !is_scaling(case)).collect();
    let sets = sets();
    let shown = bars::ratios(run, &without_harness(&table), &sets);
    let is_searched = hardware::is_searched(run);
    // A single search has a rate, and no rounds to lie between.
    let range = match is_searched {
        true => {
            "Bars are PDRs; with several searches their medians, and the line in a bar reaches from the lowest to the highest."
        }
        false => "Bars are medians; the line in a bar reaches from the slowest round to the fastest.",
    };
    if !shown.is_empty() {
        let _ = write!(
            text,
            "<h3>Beside the published figures</h3><p>Each case as a share of plain IPv6 forwarding. {range} Marks are \
             published.</p>"
        );
        text += &legend(&sets);
        text += &figure(&shown);
    }
    if is_searched {
        let _ = write!(text, "<h3>Throughput</h3><p>{range}</p>");
    } else {
        text += "<h3>Rates</h3>";
    }
    text += &figure(&bars::rates(&table));
    text += &if is_searched { tables::searched(run) } else { tables::cases(&run.cases) };
    text += &tables::published_results(run);
    let latency = curves::latency(run);
    if !latency.is_empty() {
        let at = if is_searched { "half the NDR" } else { "a tenth of the rate" };
        let _ = write!(
            text,
            "<h3>Latency</h3><p>At {at} of each case, so that no packet waits for another; from the generator's clock to the \
             sink's.</p>"
        );
        text += &figure(&latency);
        text += &tables::latency(&run.cases);
    }
    for (what, svg) in curves::scaling(run) {
        let (remark, svg) = (remark(what), figure(&svg));
        let of = if is_searched { "The time that a packet has at the PDR." } else { "Generator and sink included." };
        let _ = write!(text, "<h3>{}</h3><p>{of}{remark}</p>{svg}", escape(what));
    }
    if !run.skipped.is_empty() {
        text += "<h3>Not measured</h3><ul>";
        for (why, cases) in run.skipped_by_reason() {
            let cases: Vec<_> = cases.iter().map(|case| format!("<code>{}</code>", escape(case))).collect();
            let _ = write!(text, "<li>{}: {}</li>", escape(why), cases.join(" "));
        }
        text += "</ul>";
    }
    text += "<h3>Environment</h3><div class=\"scroll\"><table class=\"environment\">";
    for (name, value) in environment(run) {
        let _ = write!(text, "<tr><th>{name}</th><td>{}</td></tr>", escape(&value));
    }
    text + "</table></div></section>"
}

/// What a reader of a figure must know.
fn remark(what: &str) -> &'static str {
    if what.ends_with("size") {
        " Sizes are those of the packet that comes in, from the IP header on. Each curve begins with the shortest packet of \
         its kind: 46 bytes of IPv4 fill an Ethernet frame of 64; IPv6 with the probe has 64, with an SRH of two segments \
         104. A diamond is IMIX, at the mean of its sizes."
    } else {
        ""
    }
}

fn is_scaling(case: &Measured) -> bool {
    crate::case::is_scaling(&case.case)
}

fn without_harness<'a>(cases: &[&'a Measured]) -> Vec<&'a Measured> {
    cases.iter().copied().filter(|case| case.case != crate::case::HARNESS).collect()
}

/// Publications in the order of their file.
fn sets() -> Vec<String> {
    let mut sets: Vec<String> = Vec::new();
    for one in crate::case::published_results().into_iter().filter(|one| one.to_plain.is_some()) {
        if !sets.contains(&one.set) {
            sets.push(one.set);
        }
    }
    sets
}

fn legend(sets: &[String]) -> String {
    let item = |(place, set): (usize, &String)| {
        let colour = THEIRS[place % THEIRS.len()];
        let shape = ["◆", "▲", "■"][place % 3];
        format!("<span style=\"color:rgb({},{},{})\">{shape}</span> {}", colour.0, colour.1, colour.2, escape(set))
    };
    let items: Vec<_> = sets.iter().enumerate().map(item).collect();
    format!("<p class=\"legend\">{}</p>", items.join(" &nbsp; "))
}

fn figure(svg: &str) -> String {
    format!("<figure>{svg}</figure>")
}

fn summary(run: &Run) -> String {
    let [reproduced, better, worse, not] = published::tally(run);
    let invalid = run.cases.iter().filter(|case| !case.valid).count();
    let validity = if invalid == 0 {
        format!("All {} cases are valid", run.cases.len())
    } else {
        format!("<strong class=\"bad\">{invalid} of {} cases are not valid</strong>", run.cases.len())
    };
    let (checked, interrupted) = if hardware::is_searched(run) {
        (hardware::checked(run), " The run was interrupted; these are its finished cases.")
    } else {
        let packets: u64 = run.cases.iter().map(|case| case.checked.packets).sum();
        let samples: u64 = run.cases.iter().map(|case| case.checked.samples).sum();
        let checked = format!(
            "{packets} packets were counted by generator, router, links and sink, and {samples} of them compared byte for \
             byte with the reference model"
        );
        (checked, " The run was interrupted; these are its finished rounds.")
    };
    let interrupted = if run.settings.interrupted { interrupted } else { "" };
    format!(
        "<p>{validity}: {checked}. Published results: <strong>{reproduced}</strong> reproduced, \
         <strong>{better}</strong> better, <strong>{worse}</strong> worse, {not} not comparable.{interrupted}</p>"
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{example, lab};
    use super::*;

    fn page(run: Run) -> String {
        html(&[NamedRun { name: "r".to_owned(), run }])
    }

    #[test]
    fn a_page_of_a_search_says_what_was_found_and_nothing_of_rounds() {
        let page = page(lab());
        for word in [
            "<th>NDR</th>",
            "<th>line</th>",
            "<th>generator</th>",
            "the tester's",
            "of 1000 packets the box took in 1002, its SID 1000, 990 left it",
            "half the NDR",
        ] {
            assert!(page.contains(word), "{word}");
        }
        for word in
            ["tenth of the rate", "median of the rounds", "router, links", "interleaved", "veth", "sink included"]
        {
            assert!(!page.contains(word), "{word}");
        }
    }

    #[test]
    fn a_page_of_rounds_says_nothing_of_searches() {
        let page = page(example());
        for word in ["tenth of the rate", "median of the rounds", "router, links", "interleaved", "Not measured"] {
            assert!(page.contains(word), "{word}");
        }
        for word in ["<th>NDR</th>", "half the NDR", "<th>line</th>"] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("thesis: 506 kpps, 0.83 of plain IPv6: "), "published beside ours");
        assert!(page.contains("not comparable: the publication has no baseline"), "and why not");
    }
}
