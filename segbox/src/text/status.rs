//! A Status as text: one table per kind of thing, deviations first. With an earlier Status, rates are shown beside the counters.

use segbox_router::status::Status;

use super::output::{BAD, FAINT, GOOD, HEAD, count, styled, table};
use super::{fast_path, losses, management, tuning};

/// Most SIDs and policies shown; `--json` lists all of them.
const SHOWN: usize = 40;

/// An earlier Status, and the seconds since then.
pub(crate) type Earlier<'a> = (&'a Status, f64);

pub(crate) fn text(status: &Status, earlier: Option<Earlier<'_>>) -> String {
    let sections = [
        heading(status),
        section("SIDs", &sids(status, earlier), status.sids.len()),
        section("policies (the kernel counts per SID, not per policy)", &policies(status), status.policies.len()),
        status.fast_path.as_ref().map(fast_path::text).unwrap_or_default(),
        section("dropped by filters", &filters(status), status.filters.len()) + &outside(status),
        section("programs", &programs(status), status.programs.len()),
        section("links", &links(status), status.links.len()),
        management::text(status),
        section("bonds", &bonds(status), status.links.iter().filter(|link| link.bond.is_some()).count()),
        losses::text(status),
        status.tuning.as_ref().map(tuning::text).unwrap_or_default(),
    ];
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

fn heading(status: &Status) -> String {
    let mut text = match &status.last_apply {
        None => format!("{}: nothing is applied here\n", styled(FAINT, "idle")),
        Some(last) => {
            let health = match status.deviations.len() {
                0 => styled(GOOD, "healthy"),
                deviations => styled(BAD, count(deviations, "deviation")),
            };
            format!("{health}: {} applied at {:.0}\n", last.file, last.at)
        }
    };
    if let Some(left) = status.last_apply.as_ref().and_then(|last| last.waits_for_confirm) {
        text += &format!("the change is undone in {left} s unless you run `segbox confirm`\n");
    }
    for deviation in status.deviations.iter().take(SHOWN) {
        text += &format!("  {} {deviation}\n", styled(BAD, "to fix:"));
    }
    text += &more(status.deviations.len());
    let is_step = |line: &String| line.starts_with(['+', '~', '-']);
    if let Some(last) = status.last_apply.as_ref().filter(|_| status.deviations.iter().any(is_step)) {
        text += &format!("  `segbox apply {}` takes the steps with +, ~ and -\n", last.file);
    }
    text
}

fn section(name: &str, rows: &[Vec<String>], all: usize) -> String {
    if all == 0 {
        return String::new();
    }
    format!("{}\n{}{}", styled(HEAD, name), table("  ", rows), more(all))
}

fn more(all: usize) -> String {
    if all > SHOWN { format!("  ... and {} more: `--json` lists all of them\n", all - SHOWN) } else { String::new() }
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn sids(status: &Status, earlier: Option<Earlier<'_>>) -> Vec<Vec<String>> {
    let number = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
    let mut rows = vec![row(["SID", "packets", "bytes", "errors", "behavior"])];
    let has_fast_path = status.fast_path.is_some();
    if has_fast_path {
        rows[0].push("by".to_owned());
    }
    if earlier.is_some() {
        rows[0].insert(4, "packets/s".to_owned());
    }
    for (at, sid) in status.sids.iter().enumerate().take(SHOWN) {
        let mut cells =
            vec![sid.sid.clone(), number(sid.packets), number(sid.bytes), number(sid.errors), sid.behavior.clone()];
        if let Some((before, seconds)) = earlier {
            // A SID usually keeps its position between two updates; a new one has no rate yet.
            let before = before.sids.get(at).filter(|before| before.sid == sid.sid);
            let rate = before.and_then(|before| Some(sid.packets?.saturating_sub(before.packets?) as f64 / seconds));
            cells.insert(4, rate.map_or("-".to_owned(), |rate| format!("{rate:.0}")));
        }
        cells.extend(has_fast_path.then(|| fast_path::by(&sid.by)));
        rows.push(cells);
    }
    rows
}

fn policies(status: &Status) -> Vec<Vec<String>> {
    let mut rows = vec![row(["destination", "device", "behavior"])];
    let has_fast_path = status.fast_path.is_some();
    if has_fast_path {
        rows[0].extend(["packets by xdp", "by"].map(str::to_owned));
    }
    for policy in status.policies.iter().take(SHOWN) {
        let from = policy.from.iter().map(|from| format!(" from {from}"));
        let of = from.chain(policy.vrf.iter().map(|vrf| format!(" vrf {vrf}"))).collect::<String>();
        let destination = format!("{}{of}", policy.destination);
        let mut cells = row([&destination, policy.interface.as_deref().unwrap_or("-"), &policy.behavior]);
        if has_fast_path {
            cells.push(policy.by.xdp_packets.map_or("-".to_owned(), |packets| packets.to_string()));
            cells.push(fast_path::by(&policy.by));
        }
        rows.push(cells);
        rows.extend(policy.paths.iter().map(|path| row(["", "", &format!("  {path}")])));
    }
    rows
}

fn filters(status: &Status) -> Vec<Vec<String>> {
    let mut rows = vec![row(["filter", "packets", "bytes", "which"])];
    for filter in &status.filters {
        rows.push(row([&filter.filter, &filter.packets.to_string(), &filter.bytes.to_string(), filter.dropped]));
    }
    rows
}

/// The counters of a filter are for all of its ports.
fn outside(status: &Status) -> String {
    match &status.outside[..] {
        [] => String::new(),
        ports => format!("  outside: {} (no `srv6 = true` in the file)\n", ports.join(" ")),
    }
}

fn programs(status: &Status) -> Vec<Vec<String>> {
    let mut rows = vec![row(["program", "hook", "used by"])];
    for program in status.programs.iter().take(SHOWN) {
        rows.push(row([&program.name, program.hook, &program.used_by.join(" ")]));
        for (map, map_rows) in &program.maps {
            for map_row in map_rows.iter().take(SHOWN) {
                rows.push(row([&format!("  {map}[{}]", map_row.key), "", &map_row.value]));
            }
            if let Some(more) = program.rows_left_out.get(map) {
                rows.push(row([&format!("  {map}: {more} rows more"), "", ""]));
            }
        }
    }
    rows
}

fn links(status: &Status) -> Vec<Vec<String>> {
    let mut rows = vec![row(["link", "state", "mtu", "srv6", "received", "sent", "dropped", "errors"])];
    for link in status.links.iter().take(SHOWN) {
        let counted = &link.statistics;
        rows.push(vec![
            link.vlan.map_or_else(|| link.name.clone(), |vlan| format!("{} ({vlan})", link.name)),
            link.state.clone(),
            link.mtu.clone(),
            if link.srv6 { "yes" } else { "no" }.to_owned(),
            counted.rx_packets.to_string(),
            counted.tx_packets.to_string(),
            (counted.rx_dropped + counted.tx_dropped).to_string(),
            (counted.rx_errors + counted.tx_errors).to_string(),
        ]);
    }
    rows
}

/// A row for each member: a bond says nothing of its cables.
fn bonds(status: &Status) -> Vec<Vec<String>> {
    let mut rows = vec![row(["bond", "member", "carrier", "carries packets", "LACP partner"])];
    for link in status.links.iter().take(SHOWN) {
        let Some(bond) = &link.bond else { continue };
        let name = format!("{} ({})", link.name, bond.bonding);
        let partner = bond.partner.map_or("-".to_owned(), |partner| partner.to_string());
        let yes_no = |yes| if yes { "yes" } else { "no" };
        for (member, state) in &bond.members {
            rows.push(row([&name, member.as_str(), yes_no(state.carrier), yes_no(state.active), &partner]));
        }
    }
    rows
}
