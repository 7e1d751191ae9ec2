//! A row of the table of behaviors: its columns, and the questions that others ask of it. Not here: the rows.

use super::Behavior;
use super::flavors::Flavor;
use super::headend::HeadendMode;
use super::parameters::Parameters;
use crate::kernel::Feature;

/// A behavior as data.
#[derive(Debug)]
pub struct Row {
    /// RFC 8986's name, or Linux's.
    pub name: &'static str,
    /// Its definition: `RFC 8986 section 4.8`.
    pub defined: &'static str,
    /// A sentence that describes it.
    pub does: &'static str,
    pub(crate) makes: Makes,
    /// Keys of the file that must be there.
    pub needs: &'static [&'static str],
    /// Keys of which exactly one must be there: none or two.
    pub one_of: &'static [&'static str],
    /// Keys that may be there, without `csid`: that one belongs to the flavor NEXT-CSID.
    pub(crate) takes: &'static [&'static str],
    /// The kind of packet that it takes out and forwards; None where it forwards the outer packet.
    pub inner: Option<Inner>,
    /// Whether its segments go into an SRH that it inserts into the packet, and not into an outer header.
    pub inserts: bool,
    /// The flavors that Linux has for it, each with the feature that the kernel must have.
    pub flavors: &'static [(Flavor, Feature)],
    /// The feature that the kernel must have for it, besides SRv6 at all.
    pub feature: Option<Feature>,
    /// Features that the kernel must have for single keys.
    pub key_features: &'static [(&'static str, Feature)],
    /// Whether segbox's XDP fast path carries it out too. The kernel carries out every behavior.
    pub fast_path: bool,
}

/// The part of a Config that an entry of the file becomes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Makes {
    /// A SID's behavior; None where a parameter that it needs is missing or of another kind.
    Sid(fn(Parameters<'_>) -> Option<Behavior>),
    /// A policy with a segment list.
    Policy(HeadendMode),
    /// A policy that runs a program.
    Program,
}

/// The kind of packet inside an outer IPv6 header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inner {
    /// An Ethernet frame.
    Frame,
    /// An IPv4 packet.
    Ipv4,
    /// An IPv6 packet.
    Ipv6,
    /// An IPv4 or IPv6 packet.
    Either,
}

/// The columns that a row does not name.
pub(super) const PLAIN: Row = Row {
    name: "",
    defined: "",
    does: "",
    makes: Makes::Program,
    needs: &[],
    one_of: &[],
    takes: &[],
    inner: None,
    inserts: false,
    flavors: &[],
    feature: None,
    key_features: &[],
    fast_path: false,
};

impl Row {
    /// Whether IPv4 packets come out of it, which the box then forwards as such.
    pub fn takes_ipv4_out(&self) -> bool {
        matches!(self.inner, Some(Inner::Ipv4 | Inner::Either))
    }

    /// The keys that may be there.
    pub fn takes(&self) -> impl Iterator<Item = &'static str> {
        let csid = self.flavor(Flavor::NextCsid).map(|_| "csid");
        self.takes.iter().copied().chain(csid)
    }

    /// All its keys.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.needs.iter().chain(self.one_of).copied().chain(self.takes())
    }

    /// Whether it has a key.
    pub fn has(&self, key: &str) -> bool {
        self.keys().any(|name| name == key)
    }

    /// The feature that the kernel must have for a flavor; None where Linux does not have the flavor for this behavior.
    pub fn flavor(&self, flavor: Flavor) -> Option<Feature> {
        self.flavors.iter().find(|(has, _)| *has == flavor).map(|(_, feature)| *feature)
    }

    /// Whether IPv4 packets come out of it.
    pub fn forwards_inner_ipv4(&self) -> bool {
        matches!(self.inner, Some(Inner::Ipv4 | Inner::Either))
    }

    /// The behavior with these parameters; None where one is missing or of another kind, and for a headend behavior.
    pub fn make(&self, given: Parameters<'_>) -> Option<Behavior> {
        match self.makes {
            Makes::Sid(make) => make(given),
            Makes::Policy(_) | Makes::Program => None,
        }
    }

    /// Every feature that it may need, besides SRv6 at all.
    pub(crate) fn features(&self) -> impl Iterator<Item = Feature> {
        let of_keys = self.key_features.iter().map(|(_, feature)| *feature);
        self.feature.into_iter().chain(self.flavors.iter().map(|(_, feature)| *feature)).chain(of_keys)
    }
}

/// The names of rows, for a place that takes a constant.
pub(super) const fn names<const N: usize>(rows: &[Row]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut index = 0;
    while index < N {
        names[index] = rows[index].name;
        index += 1;
    }
    names
}
