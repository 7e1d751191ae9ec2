//! The page's tables.

use std::fmt::Write as _;

use super::escape::escape;
use super::{NamedRun, curves, hardware, margin, published};
use crate::result::{Measured, Run};
use crate::units::{Ns, Ratio};

const WIDE: &str = "<div class=\"scroll\"><table>";

fn head(class: &str, names: &[&str]) -> String {
    let names: String = names.iter().map(|name| format!("<th>{name}</th>")).collect();
    format!("<div class=\"scroll\"><table class=\"{class}\"><thead><tr>{names}</tr></thead><tbody>")
}

const END: &str = "</tbody></table></div>";

/// Rates, times and ratios; below a case that is not valid, its faults.
pub(super) fn cases(cases: &[Measured]) -> String {
    const HEAD: [&str; 12] =
        ["case", "what", "kpps", "rerun", "best", "spread", "ns", "own ns", "/IPv6", "/End", "own /IPv6", "own /End"];
    let mut text = head("cases", &HEAD);
    let number = |value: Option<Ns>| value.map_or_else(String::new, |Ns(ns)| format!("{ns:.0}"));
    for case in cases {
        let cells = [
            case.what.clone(),
            case.kpps.median.to_string(),
            margin(case),
            case.kpps.best.to_string(),
            format!("{:.1} %", case.kpps.spread * 100.0),
            case.ns.total.to_string(),
            number(case.ns.own),
            ratio(case.ratio.ipv6_forward),
            ratio(case.ratio.end),
            ratio(case.ratio.ipv6_forward_own),
            ratio(case.ratio.end_own),
        ];
        text += &with_remarks(case, &cells, published::lines(case));
    }
    text + END
        + "<p class=\"note\">kpps: median of the rounds. rerun: largest expected distance of another run's median, with a \
           probability of 95 % (with five rounds 83 %). spread: distance of the quartiles. own: without the time of generator, \
           cable and sink (case <code>harness</code>). /IPv6, /End: ratio of rates, round by round. Below a case: its published \
           results and the verdict on each; the next table says why some of them are not comparable.</p>"
}

/// The results of searches.
pub(super) fn searched(run: &Run) -> String {
    let mut text = head("cases", &hardware::HEAD);
    for (case, cells) in hardware::rows(run) {
        let found = hardware::each(case).into_iter().chain([hardware::counters(case)]);
        let remarks = found.chain(published::lines(case)).collect();
        text += &with_remarks(case, &cells[1..], remarks);
    }
    let note = hardware::NOTE;
    let _ = write!(text, "{END}<p class=\"note\">{note}</p>");
    text
}

/// A case's row, followed by its remarks and faults in rows as wide as the table.
fn with_remarks(case: &Measured, cells: &[String], remarks: Vec<String>) -> String {
    let class = if case.valid { "" } else { " class=\"bad\"" };
    let mut text = format!("<tr{class}><td><code>{}</code></td>", escape(&case.case));
    for cell in cells {
        let _ = write!(text, "<td>{}</td>", escape(cell));
    }
    text += "</tr>";
    let faults = case.faults.iter().map(|fault| ("bad", fault.clone()));
    for (class, line) in remarks.into_iter().map(|line| ("remark", line)).chain(faults) {
        let (columns, line) = (cells.len() + 1, escape(&line));
        let _ = write!(text, "<tr class=\"{class}\"><td colspan=\"{columns}\"><span>{line}</span></td></tr>");
    }
    text
}

/// Every published result beside ours.
pub(super) fn published_results(run: &Run) -> String {
    let rows = published::rows(run);
    if rows.is_empty() {
        return String::new();
    }
    let mut text = "<h3>Published results</h3>".to_owned() + &head("published", &published::HEAD);
    for published::PublishedRow { title, cells } in rows {
        let title = escape(&title);
        let [case, set, rest @ ..] = cells.map(|cell| escape(&cell));
        let _ = write!(text, "<tr><td><code>{case}</code></td><td title=\"{title}\">{set}</td>");
        for cell in rest {
            let _ = write!(text, "<td>{cell}</td>");
        }
        text += "</tr>";
    }
    text + END
        + "<p class=\"note\">Reproduced: within 5 % of the published ratio. Published rates are of other hardware and are not \
           judged. If a publication has only shares of its baseline, its kpps are computed from them.</p>"
}

/// Latency percentiles by case.
pub(super) fn latency(cases: &[Measured]) -> String {
    let mut text = head("", &["case", "p50", "p99", "p99.9", "max"]);
    for case in cases {
        if let Some([p50, p99, p999, max]) = curves::percentiles(case) {
            let name = escape(&case.case);
            let _ = write!(
                text,
                "<tr><td><code>{name}</code></td><td>{p50}</td><td>{p99}</td><td>{p999}</td><td>{max}</td></tr>"
            );
        }
    }
    text + END
}

/// Rates of all runs, one column per run.
pub(super) fn side_by_side(runs: &[NamedRun]) -> String {
    let searched =
        if runs.iter().any(|named| hardware::is_searched(&named.run)) { "; for searches, of the PDR" } else { "" };
    let mut text = format!("<h2>Runs side by side</h2><p>Medians in kpps{searched}.</p>{WIDE}<thead><tr><th>case</th>");
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
    text + END
}

fn ratio(ratio: Option<Ratio>) -> String {
    ratio.map_or_else(String::new, |ratio| ratio.to_string())
}
