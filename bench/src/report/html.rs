//! Runs as a page: one file, which loads nothing from the network and has no script.

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
    // Scaling cases have separate figures. Bars for them would hide the other bars.
    let table: Vec<&Measured> = run.cases.iter().filter(|case| !is_scaling(case)).collect();
    let sets = sets();
    let shown = bars::ratios(run, &without_harness(&table), &sets);
    let is_searched = hardware::is_searched(run);
    // A search has no rounds, so its bars mean something else.
    let range = match is_searched {
        true => {
            "Bars show PDRs. With several searches, bars show their medians, and the line in a bar reaches from the lowest to the \
             highest."
        }
        false => "Bars show medians. The line in a bar reaches from the slowest round to the fastest.",
    };
    if !shown.is_empty() {
        let _ = write!(
            text,
            "<h3>Comparison with published results</h3><p>The ratio of each case to plain IPv6 forwarding. {range} Marks show \
             published ratios.</p>"
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
            "<h3>Latency</h3><p>The time from the generator to the sink, at {at} of each case, so that no packet waits for \
             another.</p>"
        );
        text += &figure(&latency);
        text += &tables::latency(&run.cases);
    }
    for (what, svg) in curves::scaling(run) {
        let (remark, svg) = (remark(what), figure(&svg));
        let of = if is_searched { "Time per packet at the PDR." } else { "Time per packet, with generator and sink." };
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

/// A note below the title of a figure.
fn remark(what: &str) -> &'static str {
    if what.ends_with("size") {
        " Sizes are those of the packets that the router receives, from the IP header on. Each curve begins with the shortest \
         packet of its kind: 46 bytes of IPv4, which fill an Ethernet frame of 64 bytes; 64 bytes of IPv6 with the probe; 104 \
         bytes with an SRH of two segments. A diamond shows IMIX, at the mean of its sizes."
    } else {
        ""
    }
}

fn is_scaling(case: &Measured) -> bool {
    crate::case::is_scaling(&case.case)
}

fn without_harness<'a>(cases: &[&'a Measured]) -> Vec<&'a Measured> {
    cases.iter().copied().filter(|case| !crate::case::is_harness(&case.case)).collect()
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
        (hardware::checked(run), " The run was interrupted; this page has the finished cases.")
    } else {
        let packets: u64 = run.cases.iter().map(|case| case.checked.packets).sum();
        let samples: u64 = run.cases.iter().map(|case| case.checked.samples).sum();
        let checked = format!(
            "generator, router, links and sink counted {packets} packets, and {samples} of them were compared byte for byte with \
             the reference model"
        );
        (checked, " The run was interrupted; this page has the finished rounds.")
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
            "of 1000 packets, the box received 1002, its SID forwarded 1000, sent 990",
            "half the NDR",
        ] {
            assert!(page.contains(word), "{word}");
        }
        for word in [
            "tenth of the rate",
            "median of the rounds",
            "router, links",
            "interleaved",
            "veth",
            "with generator and sink",
        ] {
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
        assert!(page.contains("not comparable: the publication has no baseline"), "and the reason");
    }
}
