//! The forms of single values: addresses, prefixes, names. One function per form, from text to value; [`Form`] names them for the
//! grammar. Not here: whether a value makes sense where it stands.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

use crate::fault::TextFault;
use crate::model::Mac;
use crate::names::IfName;
use crate::password::PasswordHash;

/// The form of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Any text but an empty one; with the words for it in messages.
    Free(&'static str),
    Ip,
    Ipv6,
    /// An address with the prefix length of its link; it may have host bits.
    OnLink,
    Prefix,
    Ipv6Prefix,
    /// An IPv6 address or prefix.
    Sid,
    Mac,
    Pci,
    Interface,
    Hostname,
    Program,
    KeyId,
    CpuList,
    Sysctl,
    PasswordHash,
}

impl Form {
    /// Whether the text is of this form, and if not, why.
    pub(crate) fn check(self, text: &str) -> Result<(), TextFault> {
        match self {
            Self::Free(wanted) if text.is_empty() => Err(TextFault::Empty { wanted }),
            Self::Free(_) => Ok(()),
            Self::Ip => ip(text).map(drop),
            Self::Ipv6 => ipv6(text).map(drop),
            Self::OnLink => on_link(text).map(drop),
            Self::Prefix => prefix(text).map(drop),
            Self::Ipv6Prefix => ipv6_prefix(text).map(drop),
            Self::Sid => sid(text).map(drop),
            Self::Mac => mac(text).map(drop),
            Self::Pci => pci(text).map(drop),
            Self::Interface => interface(text).map(drop),
            Self::Hostname => hostname(text),
            Self::Program => program(text),
            Self::KeyId => key_id(text).map(drop),
            Self::CpuList => cpu_list(text).map(drop),
            Self::Sysctl => sysctl(text),
            Self::PasswordHash => password_hash(text).map(drop),
        }
    }

    /// Its name in messages, with an article.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Free(wanted) => wanted,
            Self::Ip => "an IPv6 or IPv4 address",
            Self::Ipv6 => "an IPv6 address",
            Self::OnLink => "an address with the prefix length of its link",
            Self::Prefix => "an IPv6 or IPv4 prefix",
            Self::Ipv6Prefix => "an IPv6 prefix",
            Self::Sid => "an IPv6 address or prefix",
            Self::Mac => "a MAC address",
            Self::Pci => "a PCI address",
            Self::Interface => "an interface name",
            Self::Hostname => "a host name",
            Self::Program => "the name of a program",
            Self::KeyId => "a key id",
            Self::CpuList => "a list of CPUs",
            Self::Sysctl => "the name of a sysctl",
            Self::PasswordHash => "the hash of a password",
        }
    }

    /// An ECMA 262 pattern that every text of this form fits. It also fits some texts that [`Form::check`] refuses.
    pub(crate) fn pattern(self) -> &'static str {
        match self {
            Self::Free(_) => "^[\\s\\S]+$",
            Self::Ip => "^[0-9A-Fa-f:.]+$",
            Self::Ipv6 => "^[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*$",
            Self::OnLink | Self::Prefix => "^[0-9A-Fa-f:.]+/[0-9]{1,3}$",
            Self::Ipv6Prefix => "^[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*/[0-9]{1,3}$",
            Self::Sid => "^[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(/[0-9]{1,3})?$",
            Self::Mac => "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$",
            Self::Pci => "^[0-9A-Fa-f]{4}:[0-9A-Fa-f]{2}:[0-1][0-9A-Fa-f]\\.[0-7]$",
            Self::Interface => "^[!-.0-9;-~]{1,15}$",
            Self::Hostname => "^[0-9A-Za-z]([0-9A-Za-z.-]{0,62}[0-9A-Za-z])?$",
            Self::Program => "^[0-9A-Za-z_-]{1,200}$",
            Self::KeyId => "^[0-9]{1,10}$",
            Self::CpuList => "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$",
            Self::Sysctl => "^[0-9A-Za-z_-]+(\\.[0-9A-Za-z_/-]+)+$",
            Self::PasswordHash => "^\\$(y|5|6)\\$[!-~]+$",
        }
    }
}

pub(crate) fn ip(text: &str) -> Result<IpAddr, TextFault> {
    let fault = || TextFault::Address { text: text.into(), family: "IPv6 or IPv4", example: "2001:db8::1" };
    text.parse().map_err(|_| fault())
}

pub(crate) fn ipv6(text: &str) -> Result<Ipv6Addr, TextFault> {
    let fault = || TextFault::Address { text: text.into(), family: "IPv6", example: "fc00:0:3:1::" };
    text.parse().map_err(|_| fault())
}

pub(crate) fn ipv4(text: &str) -> Result<Ipv4Addr, TextFault> {
    let fault = || TextFault::Address { text: text.into(), family: "IPv4", example: "192.0.2.1" };
    text.parse().map_err(|_| fault())
}

/// An address and a prefix length; host bits are allowed.
pub(crate) fn on_link(text: &str) -> Result<IpNet, TextFault> {
    address_and_length(text, "2001:db8:12::2/64")
}

fn address_and_length(text: &str, example: &'static str) -> Result<IpNet, TextFault> {
    let fault = || TextFault::Prefix { text: text.into(), family: "IPv6 or IPv4", example };
    let (address, length) = text.split_once('/').ok_or_else(fault)?;
    let address = address.parse::<IpAddr>().map_err(|_| fault())?;
    let most = if address.is_ipv6() { 128 } else { 32 };
    if length.is_empty() || length.len() > 3 || !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fault());
    }
    let length = length.parse().unwrap_or(u8::MAX);
    IpNet::new(address, length).map_err(|_| TextFault::PrefixTooLong { text: text.into(), most })
}

pub(crate) fn prefix(text: &str) -> Result<IpNet, TextFault> {
    let net = address_and_length(text, "2001:db8:12::/64")?;
    if net.addr() == net.network() {
        Ok(net)
    } else {
        Err(TextFault::HostBits { text: text.into(), right: net.trunc().to_string() })
    }
}

pub(crate) fn ipv6_prefix(text: &str) -> Result<Ipv6Net, TextFault> {
    let fault = || TextFault::Prefix { text: text.into(), family: "IPv6", example: "fc00:0:2::/48" };
    match prefix(text) {
        Ok(IpNet::V6(net)) => Ok(net),
        Ok(IpNet::V4(_)) | Err(TextFault::Prefix { .. }) => Err(fault()),
        Err(other) => Err(other),
    }
}

pub(crate) fn sid(text: &str) -> Result<Ipv6Net, TextFault> {
    if text.contains('/') { ipv6_prefix(text) } else { ipv6(text).map(Ipv6Net::from) }
}

pub(crate) fn mac(text: &str) -> Result<Mac, TextFault> {
    text.parse().map_err(|_| TextFault::Mac { text: text.into() })
}

/// A PCI address in lower case, as in sysfs.
pub(crate) fn pci(text: &str) -> Result<String, TextFault> {
    let hex = |part: &str, length: usize| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut parts = text.splitn(3, ':');
    let fits = parts.next().is_some_and(|domain| hex(domain, 4))
        && parts.next().is_some_and(|bus| hex(bus, 2))
        // Five bits of device, three of function.
        && parts.next().and_then(|rest| rest.split_once('.')).is_some_and(|(device, function)| {
            hex(device, 2) && device.starts_with(['0', '1']) && function.len() == 1 && function.as_bytes()[0].wrapping_sub(b'0') < 8
        });
    if fits { Ok(text.to_ascii_lowercase()) } else { Err(TextFault::Pci { text: text.into() }) }
}

pub(crate) fn interface(text: &str) -> Result<IfName, TextFault> {
    text.parse().map_err(|why| TextFault::Interface { text: text.into(), why })
}

fn hostname(text: &str) -> Result<(), TextFault> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // 64 is the kernel's __NEW_UTS_LEN.
    if text.len() <= 64 && text.split('.').all(label) { Ok(()) } else { Err(TextFault::Hostname { text: text.into() }) }
}

fn program(text: &str) -> Result<(), TextFault> {
    let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    // The loaded name adds `@` and 32 digits, and the kernel keeps 255 bytes of it (MAX_PROG_NAME in net/ipv6/seg6_local.c).
    if fits && (1..=200).contains(&text.len()) { Ok(()) } else { Err(TextFault::Program { text: text.into() }) }
}

/// A dotted name; a `/` in a part stands for a `.` in an interface's name, as in sysctl(8).
fn sysctl(text: &str) -> Result<(), TextFault> {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'/'))
    };
    let fits = text.contains('.') && !text.starts_with(['/', '.']) && text.split('.').all(part);
    if fits { Ok(()) } else { Err(TextFault::Sysctl { text: text.into() }) }
}

pub(crate) fn password_hash(text: &str) -> Result<PasswordHash, TextFault> {
    text.parse().map_err(|why| TextFault::PasswordHash { why })
}

pub(crate) fn key_id(text: &str) -> Result<u32, TextFault> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let id = text.parse().ok().filter(|id| digits && *id != 0);
    id.ok_or_else(|| TextFault::KeyId { text: text.into() })
}

/// The CPUs of a list as Linux writes it, `0,2-3`; in ascending order.
pub(crate) fn cpu_list(text: &str) -> Result<Vec<u32>, TextFault> {
    let fault = || TextFault::CpuList { text: text.into() };
    // NR_CPUS is at most 8192 on x86. A larger number is a mistake, and 0-4294967295 would fill the memory.
    let cpu =
        |text: &str| text.parse::<u32>().ok().filter(|cpu| *cpu < 8192 && !text.starts_with('+')).ok_or_else(fault);
    let mut cpus = std::collections::BTreeSet::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (cpu(first)?, cpu(last)?);
        if first > last {
            return Err(fault());
        }
        cpus.extend(first..=last);
    }
    Ok(cpus.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_with_host_bits_is_told_the_right_one() {
        assert_eq!(
            prefix("2001:db8::1/64"),
            Err(TextFault::HostBits { text: "2001:db8::1/64".into(), right: "2001:db8::/64".into() })
        );
        assert_eq!(prefix("10.0.0.0/33"), Err(TextFault::PrefixTooLong { text: "10.0.0.0/33".into(), most: 32 }));
        for bad in ["2001:db8::", "/64", "::/", "::/+1", "::/1/2", "::/1000"] {
            assert!(matches!(prefix(bad), Err(TextFault::Prefix { .. })), "{bad}");
        }
        assert_eq!(sid("fc00::1").map(|sid| sid.to_string()), Ok("fc00::1/128".into()));
        assert_eq!(on_link("2001:db8::1/64").map(|net| net.to_string()), Ok("2001:db8::1/64".into()));
    }

    #[test]
    fn names_and_paths() {
        assert_eq!(pci("0000:03:1F.7"), Ok("0000:03:1f.7".into()));
        for bad in ["03:00.0", "0000:03:00.8", "0000:03:20.0", "0000:03:00", "0000:03:00.00"] {
            assert!(pci(bad).is_err(), "{bad}");
        }
        assert!(
            hostname("r2.lab").is_ok() && hostname("").is_err() && hostname("-r").is_err() && hostname("a..b").is_err()
        );
        assert!(program("end-x_1").is_ok() && program("a.b").is_err() && program("").is_err());
        assert!(key_id("7") == Ok(7) && key_id("0").is_err() && key_id("+7").is_err() && key_id("4294967296").is_err());
        assert_eq!(cpu_list("4,0-2,1"), Ok(vec![0, 1, 2, 4]));
        assert!(sysctl("net.core.somaxconn").is_ok() && sysctl("net").is_err() && sysctl("net..core").is_err());
        for bad in ["", "1-", "3-1", "0-99999", "+1", "a"] {
            assert!(cpu_list(bad).is_err(), "{bad}");
        }
    }
}
