//! The grammar as a page of markdown: docs/segbox-toml.md. Not here: anything that the grammar does not say, but for the page's head
//! and the table of value types.

use std::fmt::{self, Write as _};

use super::{Key, Kind, PROFILE, SEGBOX, Table};
use crate::behavior::Row;
use crate::kernel::Feature;

/// The reference page of segbox.toml and of hardware profiles, as markdown.
pub fn reference() -> String {
    let mut page = String::new();
    write(&mut page).expect("a String takes any text");
    page
}

const HEAD: &str = "\
# segbox.toml

All keys of the file. This page is made from the table that segbox checks the file with: `cargo test -p segbox-config` compares the
two, and `SEGBOX_BLESS=1 cargo test -p segbox-config` writes the page again.

An unknown key is a fault. Addresses and prefixes can have any form that `ip` takes; a prefix has no bits set after its length. A key
with ● must be there.
";

const VALUES: &str = "\
## Values of globals and maps

The values of `[program.NAME.globals]` and `[program.NAME.map.MAPNAME]` have the types of the object:

| the object's type | in the file |
|---|---|
| integer, bool, enum | a number that fits (little endian); `true` and `false` are 1 and 0 |
| 16 bytes, but not an integer and not a struct of several fields | an IPv6 address as a string (network byte order) |
| 4 bytes, integers too | an IPv4 address as a string (network byte order) |
| 6 bytes | a MAC address as a string |
| bytes of any length | `\"0x…\"`, two hexadecimal digits per byte; or an array of numbers from 0 to 255 |
| 1, 2, 4 or 8 bytes without a type | also a number, little endian |
| array | an array with all elements |
| struct | a table by field names; a missing field is zero; for a struct of one field also the value of that field |

The key of a map's entry is a string: a number as `7` or `0x7`, the key of an LPM trie as a prefix, a struct as its fields in order with
a space between them. A file can have 262,144 entries in one map, and 64 MiB of them.
";

fn write(page: &mut String) -> fmt::Result {
    page.push_str(HEAD);
    tables(page, &SEGBOX, 2)?;
    writeln!(page, "\n{VALUES}")?;
    writeln!(page, "## Hardware profiles\n\nThe files of `hw-profiles/`, one per box family.")?;
    tables(page, &PROFILE, 3)
}

/// A table's section and those of the tables in it.
fn tables(page: &mut String, table: &Table, depth: usize) -> fmt::Result {
    writeln!(page, "\n{} {}\n\n{}\n", "#".repeat(depth), table.title, table.doc)?;
    writeln!(page, "| key | takes | example | |\n|---|---|---|---|")?;
    for key in table.keys {
        let mark = if key.required { " ●" } else { "" };
        let example = if key.example.is_empty() { String::new() } else { format!("`{}`", key.example) };
        writeln!(page, "| `{}`{mark} | {} | {example} | {} |", key.name, takes(key), key.doc)?;
    }
    behaviors(page, table)?;
    let mut inside = table.keys.iter().filter_map(|key| inner(&key.kind));
    inside.try_for_each(|table| tables(page, table, (depth + 1).min(4)))
}

/// The behaviors that an entry of the table can have, with their keys.
fn behaviors(page: &mut String, table: &Table) -> fmt::Result {
    if table.rows.is_empty() {
        return Ok(());
    }
    writeln!(page, "\n| behavior | needs | may have | since | defined in | |\n|---|---|---|---|---|---|")?;
    for row in table.rows {
        let mut needs = quoted(row.needs.iter().copied());
        needs.extend((!row.one_of.is_empty()).then(|| quoted(row.one_of.iter().copied()).join(" or ")));
        let flavors = row.flavors.iter().map(|(flavor, feature)| format!("{} ({})", flavor.name(), linux(*feature)));
        let takes: Vec<_> = quoted(row.takes()).into_iter().chain(flavors).collect();
        let since = linux(row.feature.unwrap_or(Feature::SEG6_LWTUNNEL));
        let Row { name, defined, does, .. } = row;
        writeln!(page, "| `{name}` | {} | {} | {since} | {defined} | {does} |", needs.join(", "), takes.join(", "))?;
    }
    Ok(())
}

/// The first Linux that has a feature.
fn linux(feature: Feature) -> String {
    let (major, minor) = feature.since;
    format!("Linux {major}.{minor}")
}

/// The table of a key's value, if it is one.
fn inner(kind: &Kind) -> Option<&'static Table> {
    match kind {
        Kind::Table(table) | Kind::Rows(table) => Some(table),
        Kind::Named(_, of) | Kind::List(of) => inner(of),
        _ => None,
    }
}

fn takes(key: &Key) -> String {
    // A `|` would end the cell.
    key.kind.wanted().replace('|', "\\|")
}

fn quoted<'k>(keys: impl IntoIterator<Item = &'k str>) -> Vec<String> {
    keys.into_iter().map(|key| format!("`{key}`")).collect()
}
