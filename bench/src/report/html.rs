//! A run as a page: one file, nothing from the network, no script.

use std::fmt::Write as _;

use super::canvas::THEIRS;
use super::{Named, bars, curves, environment, margin, tally, theirs, verdicts};
use crate::case::published;
use crate::result::{Measured, Run};
use crate::units::{Ns, Ratio};

const STYLE: &str = include_str!("style.css");

/// All runs on one page.
pub(crate) fn html(runs: &[Named]) -> String {
    let mut page = String::from("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">";
    // Writing to a string cannot fail.
    let _ = write!(page, "<title>Forwarding measured by segbench</title><style>{STYLE}</style></head><body><main>");
    page += "<h1>Forwarding measured by segbench</h1>";
    if runs.len() > 1 {
        page += &side_by_side(runs);
    }
    for named in runs {
        page += &section(named);
    }
    page += "</main></body></html>\n";
    page
}

/// A text as it is shown in a page.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn section(named: &Named) -> String {
    let run = &named.run;
    let mut text = format!("<section><h2>{}</h2>", escape(&named.name));
    text += &summary(run);
    // Scaling has figures of its own; a bar each would bury the table.
    let table: Vec<&Measured> = run.cases.iter().filter(|case| !is_scaling(case)).collect();
    let sets = sets();
    let shown = bars::ratios(run, &without_harness(&table), &sets);
    if !shown.is_empty() {
        text += "<h3>Beside the published figures</h3><p>Each case as a share of plain IPv6 forwarding. Bars are medians; \
                 the line in a bar reaches from the slowest round to the fastest. Marks are published.</p>";
        text += &legend(&sets);
        text += &figure(&shown);
    }
    text += "<h3>Rates</h3>";
    text += &figure(&bars::rates(&table));
    text += &cases_table(&run.cases);
    text += &verdict_table(run);
    let latency = curves::latency(run);
    if !latency.is_empty() {
        text += "<h3>Latency</h3><p>At a tenth of the rate of each case, so that no packet waits for another; from the \
                 generator's clock to the sink's.</p>";
        text += &figure(&latency);
        text += &latency_table(&run.cases);
    }
    for (what, svg) in curves::scaling(run) {
        let (remark, svg) = (remark(what), figure(&svg));
        let _ = write!(text, "<h3>{}</h3><p>Generator and sink included.{remark}</p>{svg}", escape(what));
    }
    if !run.skipped.is_empty() {
        text += "<h3>Not measured</h3><ul>";
        for skipped in &run.skipped {
            let _ = write!(text, "<li><code>{}</code>: {}</li>", escape(&skipped.case), escape(&skipped.why));
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
        " Sizes are those of the packet that comes in, from the IP header on. Each curve begins with the shortest packet of its \
         kind: 46 bytes of IPv4 fill an Ethernet frame of 64; IPv6 with the probe has 64, with an SRH of two segments 104."
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
    for one in published().into_iter().filter(|one| one.to_plain.is_some()) {
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
    let [reproduced, better, worse, not] = tally(run);
    let invalid = run.cases.iter().filter(|case| !case.valid).count();
    let packets: u64 = run.cases.iter().map(|case| case.checked.packets).sum();
    let samples: u64 = run.cases.iter().map(|case| case.checked.samples).sum();
    let validity = if invalid == 0 {
        format!("All {} cases are valid", run.cases.len())
    } else {
        format!("<strong class=\"bad\">{invalid} of {} cases are not valid</strong>", run.cases.len())
    };
    let interrupted =
        if run.settings.interrupted { " The run was interrupted; these are its finished rounds." } else { "" };
    format!(
        "<p>{validity}: {packets} packets were counted by generator, router, links and sink, and {samples} of them compared \
         byte for byte with the reference model. Published ratios: <strong>{reproduced}</strong> reproduced, \
         <strong>{better}</strong> better, <strong>{worse}</strong> worse, {not} not comparable.{interrupted}</p>"
    )
}

fn cases_table(cases: &[Measured]) -> String {
    let mut text = String::from(
        "<div class=\"scroll\"><table class=\"cases\"><thead><tr><th>case</th><th>what</th><th>kpps</th><th>rerun</th><th>best</th><th>spread</th>\
         <th>ns</th><th>own ns</th><th>/IPv6</th><th>/End</th><th>own /IPv6</th><th>own /End</th></tr></thead><tbody>",
    );
    for case in cases {
        let class = if case.valid { "" } else { " class=\"bad\"" };
        let number = |value: Option<Ns>| value.map_or_else(String::new, |Ns(ns)| format!("{ns:.0}"));
        let _ = write!(
            text,
            "<tr{class}><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.1} %</td><td>{}</td><td>{}</td>\
             <td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&case.case),
            escape(&case.what),
            case.kpps.median,
            margin(case),
            case.kpps.best,
            case.kpps.spread * 100.0,
            case.ns.total,
            number(case.ns.own),
            ratio(case.ratio.ipv6_forward),
            ratio(case.ratio.end),
            ratio(case.ratio.ipv6_forward_own),
            ratio(case.ratio.end_own),
        );
        for fault in &case.faults {
            let _ = write!(text, "<tr class=\"bad\"><td></td><td colspan=\"11\">{}</td></tr>", escape(fault));
        }
    }
    text + "</tbody></table></div><p class=\"note\">kpps: median of the rounds. rerun: how far the median of \
            another run is expected from it, in 95 of 100 cases (five rounds: 83). spread: distance of the quartiles. own: \
            less what generator, cable and sink take alone (case <code>harness</code>). \
            /IPv6, /End: rates compared, round by round.</p>"
}

fn ratio(ratio: Option<Ratio>) -> String {
    ratio.map_or_else(String::new, |ratio| ratio.to_string())
}

fn verdict_table(run: &Run) -> String {
    let mut text = String::from(
        "<h3>Published ratios</h3><div class=\"scroll\"><table><thead><tr><th>case</th><th>published</th><th>ours</th>\
         <th>verdict</th></tr></thead><tbody>",
    );
    for case in &run.cases {
        for (one, compared) in verdicts(case) {
            let _ = write!(
                text,
                "<tr><td><code>{}</code></td><td title=\"{}\">{}</td><td>{}</td><td>{}</td></tr>",
                escape(&case.case),
                escape(&one.title),
                escape(&theirs(&one, &compared)),
                ratio(compared.ours),
                escape(&compared.verdict.to_string()),
            );
        }
    }
    text + "</tbody></table></div><p class=\"note\">Reproduced: within 5 % of the published ratio.</p>"
}

fn latency_table(cases: &[Measured]) -> String {
    let mut text = String::from(
        "<div class=\"scroll\"><table><thead><tr><th>case</th><th>p50</th><th>p99</th><th>p99.9</th><th>max</th></tr></thead>\
         <tbody>",
    );
    for case in cases {
        if let Some([p50, p99, p999, max]) = curves::percentiles(case) {
            let name = escape(&case.case);
            let _ = write!(
                text,
                "<tr><td><code>{name}</code></td><td>{p50}</td><td>{p99}</td><td>{p999}</td><td>{max}</td></tr>"
            );
        }
    }
    text + "</tbody></table></div>"
}

/// Medians of all runs, a column each.
fn side_by_side(runs: &[Named]) -> String {
    let mut text = String::from("<h2>Runs side by side</h2><p>Medians in kpps.</p>");
    text += "<div class=\"scroll\"><table><thead><tr><th>case</th>";
    for named in runs {
        let _ = write!(text, "<th>{}</th>", escape(&named.name));
    }
    text += "</tr></thead><tbody>";
    let mut ids: Vec<&str> = Vec::new();
    for case in runs.iter().flat_map(|named| &named.run.cases) {
        if !ids.contains(&case.case.as_str()) {
            ids.push(&case.case);
        }
    }
    for id in ids {
        let _ = write!(text, "<tr><td><code>{}</code></td>", escape(id));
        for named in runs {
            let rate = named.run.case(id).map_or_else(String::new, |case| case.kpps.median.to_string());
            let _ = write!(text, "<td>{rate}</td>");
        }
        text += "</tr>";
    }
    text + "</tbody></table></div>"
}
