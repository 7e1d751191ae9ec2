//! The forward chains that iptables of the old kind made (iptables-legacy), with the chains that they lead to: the kernel keeps them apart from
//! nf_tables. Only reads. Not here: iptables on nf_tables (netlink), and what a chain means (`segbox_plan::beside`).
#![expect(unsafe_code, reason = "a table is read by getsockopt with structures of its own")]

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with};
use segbox_plan::beside::{Chain, Family, Hook, Rule, Verdict};

/// IPT_SO_GET_INFO and _GET_ENTRIES, the same for IPv6 (include/uapi/linux/netfilter_ipv4/ip_tables.h).
const GET_INFO: i32 = 64;
const GET_ENTRIES: i32 = 65;
/// Bytes of a table's name, and NF_INET_FORWARD.
const NAME: usize = 32;
const FORWARD: usize = 2;
/// struct ipt_getinfo: name, hooks, five entries, five underflows (the policies), number, size.
const INFO: usize = NAME + 4 + 20 + 20 + 4 + 4;
/// struct ipt_get_entries: name, size, then the entries, at a multiple of 8.
const ENTRIES: usize = NAME + 8;
/// Bytes of struct xt_entry_match and xt_entry_target before their data: size, name, revision.
const HEAD: usize = 32;
/// Bytes of an interface's name.
const PORT: usize = 16;
/// Offset of state_mask in struct xt_conntrack_mtinfo3, and the bit of the state invalid (xt_conntrack.h).
const STATE_MASK: usize = 150;
const INVALID: u16 = 1;

/// A family's tables: their list, the socket, and places in struct ipt_entry or ip6t_entry.
#[derive(Clone, Copy)]
struct Layout {
    family: Family,
    list: &'static str,
    socket: AddressFamily,
    level: i32,
    /// Bytes of both addresses with their masks. The interfaces follow: in, out, and the masks of both names.
    addresses: usize,
    /// The protocol, and the flags that turn conditions round.
    protocol: usize,
    inverted: usize,
    /// target_offset; next_offset follows.
    target_offset: usize,
    /// The first match.
    matches: usize,
}

const LAYOUTS: [Layout; 2] = [
    Layout {
        family: Family::Ipv4,
        list: "/proc/thread-self/net/ip_tables_names",
        socket: AddressFamily::INET,
        level: libc::IPPROTO_IP,
        addresses: 16,
        protocol: 80,
        inverted: 83,
        target_offset: 88,
        matches: 112,
    },
    Layout {
        family: Family::Ipv6,
        list: "/proc/thread-self/net/ip6_tables_names",
        socket: AddressFamily::INET6,
        level: libc::IPPROTO_IPV6,
        addresses: 64,
        protocol: 128,
        inverted: 132,
        target_offset: 140,
        matches: 168,
    },
];

/// The chain FORWARD of each family whose table `filter` exists, and the chains of users. Asking for a table that does not exist would make it.
pub(crate) fn forward_chains() -> Vec<Chain> {
    let exists = |layout: &&Layout| {
        std::fs::read_to_string(layout.list).is_ok_and(|names| names.lines().any(|name| name == "filter"))
    };
    LAYOUTS.iter().filter(exists).filter_map(|layout| table(*layout).ok()?).flatten().collect()
}

/// None if the table cannot be read as it is known.
fn table(layout: Layout) -> io::Result<Option<Vec<Chain>>> {
    let socket = socket_with(layout.socket, SocketType::RAW, SocketFlags::CLOEXEC, Some(ipproto::RAW))?;
    let mut info = [0; INFO];
    info[..6].copy_from_slice(b"filter");
    get(&socket, layout.level, GET_INFO, &mut info)?;
    let of_forward = |at: usize| word(&info, NAME + at + 4 * FORWARD);
    let (Some(first), Some(policy), Some(size)) = (of_forward(4), of_forward(24), word(&info, INFO - 4)) else {
        return Ok(None);
    };
    let mut table = vec![0; ENTRIES + size];
    table[..6].copy_from_slice(b"filter");
    table[NAME..NAME + 4].copy_from_slice(&info[INFO - 4..]);
    get(&socket, layout.level, GET_ENTRIES, &mut table)?;
    Ok(chains(layout, &table[ENTRIES..], first..policy))
}

/// What an entry says: a chain of a user begins, or a rule.
enum Entry {
    Begins(String),
    Rule(Rule),
}

/// The chains of a table's entries. `forward` is the range of the chain FORWARD, up to its policy.
fn chains(layout: Layout, bytes: &[u8], forward: Range<usize>) -> Option<Vec<Chain>> {
    let mut starts = BTreeMap::new();
    for (at, entry) in entries(layout, bytes, &BTreeMap::new()) {
        if let Entry::Begins(name) = entry? {
            starts.insert(at + half(bytes, at + layout.target_offset + 2)?, name);
        }
    }
    let mut chains = vec![chain(layout.family, "FORWARD", Some(Hook::Forward))];
    for (at, entry) in entries(layout, bytes, &starts) {
        match entry? {
            Entry::Begins(name) => chains.push(chain(layout.family, &name, None)),
            Entry::Rule(rule) if at == forward.end => chains[0].drops_by_policy = rule.verdict == Verdict::Drop,
            Entry::Rule(rule) if forward.contains(&at) => chains[0].rules.push(rule),
            // The chains of other hooks lie before the first chain of a user.
            Entry::Rule(_) if chains.len() == 1 => {}
            Entry::Rule(rule) => chains.last_mut()?.rules.push(rule),
        }
    }
    Some(chains)
}

fn chain(family: Family, name: &str, hook: Option<Hook>) -> Chain {
    let (table, name) = ("filter".to_owned(), name.to_owned());
    Chain { family, table, name, hook, priority: 0, drops_by_policy: false, is_legacy: true, rules: Vec::new() }
}

/// All entries with their places. `starts` has the names of the chains that jumps lead to.
fn entries<'a>(
    layout: Layout,
    bytes: &'a [u8],
    starts: &'a BTreeMap<usize, String>,
) -> impl Iterator<Item = (usize, Option<Entry>)> + 'a {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let at = next.filter(|at| *at < bytes.len())?;
        // An entry without a length would be read for ever.
        next = half(bytes, at + layout.target_offset + 2).filter(|length| *length > 0).map(|length| at + length);
        Some((at, entry(layout, bytes.get(at..)?, starts)))
    })
}

fn entry(layout: Layout, bytes: &[u8], starts: &BTreeMap<usize, String>) -> Option<Entry> {
    let target = half(bytes, layout.target_offset)?;
    let port = |number: usize| {
        let field = |number: usize| bytes.get(layout.addresses + number * PORT..layout.addresses + (number + 1) * PORT);
        Some(self::port(field(number)?, field(number + 2)?).filter(|name| !name.is_empty()))
    };
    let has_addresses = bytes.get(..layout.addresses)?.iter().any(|byte| *byte != 0);
    let is_inverted = *bytes.get(layout.inverted)? != 0;
    let mut rule = Rule {
        has_conditions: has_addresses || is_inverted || half(bytes, layout.protocol)? != 0,
        input: port(0)?,
        output: port(1)?,
        ..Rule::default()
    };
    let mut at = layout.matches;
    while at < target {
        let length = half(bytes, at).filter(|length| *length >= HEAD)?;
        let (kind, data) = (name(bytes.get(at + 2..at + HEAD - 1)?)?, bytes.get(at + HEAD..at + length)?);
        let states = half(data, STATE_MASK).unwrap_or_default();
        rule.is_invalid |= kind == "conntrack" && states & usize::from(INVALID) != 0;
        // A comment decides nothing.
        rule.has_conditions |= kind != "comment";
        at += length;
    }
    let data = bytes.get(target + HEAD..)?;
    match name(bytes.get(target + 2..target + HEAD - 1)?)? {
        // -NF_DROP - 1, -NF_ACCEPT - 1, XT_RETURN (-NF_REPEAT - 1), or the place of a chain.
        "" => match i32::from_ne_bytes(*data.first_chunk()?) {
            -1 => rule.verdict = Verdict::Drop,
            -2 => rule.verdict = Verdict::Accept,
            -5 => rule.verdict = Verdict::Return,
            place => rule.leads_to.extend(usize::try_from(place).ok().and_then(|place| starts.get(&place)).cloned()),
        },
        "ERROR" => return Some(Entry::Begins(name(data.get(..30)?)?.to_owned())),
        "REJECT" => rule.verdict = Verdict::Drop,
        _ => {}
    }
    Some(Entry::Rule(rule))
}

/// The interface of an entry. A mask that does not cover the NUL at the name's end makes it the beginning of names.
fn port(text: &[u8], mask: &[u8]) -> Option<String> {
    let length = mask.iter().filter(|byte| **byte != 0).count();
    let text = name(text).filter(|_| length > 0)?;
    Some(text.get(..length).map_or_else(|| text.to_owned(), |start| format!("{start}*")))
}

fn name(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..end]).ok()
}

fn half(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.first_chunk().map(|half| usize::from(u16::from_ne_bytes(*half)))
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?)).ok()
}

fn get(socket: &OwnedFd, level: i32, name: i32, value: &mut [u8]) -> io::Result<()> {
    let mut length = libc::socklen_t::try_from(value.len()).map_err(io::Error::other)?;
    // SAFETY: the pointer and the length are those of `value`, which the kernel reads and fills.
    match unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &raw mut length) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry of IPv4 without matches, for packets that come in by an interface.
    fn bytes(input: &str, mask: usize, target: &str, data: &[u8]) -> Vec<u8> {
        let mut entry = vec![0; 112];
        entry[16..16 + input.len()].copy_from_slice(input.as_bytes());
        entry[48..48 + mask].fill(0xff);
        let mut head = vec![0; HEAD];
        head[2..2 + target.len()].copy_from_slice(target.as_bytes());
        entry[88..90].copy_from_slice(&112_u16.to_ne_bytes());
        let length = u16::try_from(entry.len() + HEAD + data.len()).expect("short");
        entry[90..92].copy_from_slice(&length.to_ne_bytes());
        [entry, head, data.to_vec()].concat()
    }

    /// A chain that accepts eth1 and jumps to a user's chain for names that begin with lan, with the policy drop; then the user's chain.
    fn filter() -> (Vec<u8>, Range<usize>) {
        let verdict = |number: i32| [number.to_ne_bytes(), [0; 4]].concat();
        let of = |input: &str, mask, number| bytes(input, mask, "", &verdict(number));
        let length = i32::try_from(of("", 0, -1).len()).expect("short");
        let begins = bytes("", 0, "ERROR", b"mine\0aaaaaaaaaaaaaaaaaaaaaaaaaaa");
        let jump = 3 * length + i32::try_from(begins.len()).expect("short");
        let own = [begins, of("", 0, -2)].concat();
        let table = [of("eth1", 5, -2), of("lan", 3, jump), of("", 0, -1), own].concat();
        (table, 0..2 * usize::try_from(length).expect("positive"))
    }

    #[test]
    fn rules_policy_and_chains_of_users_are_read() {
        let (table, forward) = filter();
        let read = chains(LAYOUTS[0], &table, forward).expect("it is whole");
        let rule = |input: Option<&str>, verdict, leads_to: &[&str]| Rule {
            input: input.map(str::to_owned),
            verdict,
            leads_to: leads_to.iter().map(|name| (*name).to_owned()).collect(),
            ..Rule::default()
        };
        assert_eq!(
            read[0].rules,
            [rule(Some("eth1"), Verdict::Accept, &[]), rule(Some("lan*"), Verdict::Other, &["mine"])]
        );
        assert!(read[0].drops_by_policy);
        assert_eq!((read[1].name.as_str(), &read[1].rules[..]), ("mine", &[rule(None, Verdict::Accept, &[])][..]));
    }

    #[test]
    fn it_never_reads_too_far() {
        let (table, forward) = filter();
        for length in 0..table.len() {
            let _ = chains(LAYOUTS[0], &table[..length], forward.clone());
        }
    }
}
