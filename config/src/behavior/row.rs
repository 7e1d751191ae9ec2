//! A row of the table of behaviors: its columns, and the questions that others ask of it. Not here: the rows.

use super::Behavior;
use super::flavors::Flavor;
use super::headend::HeadendMode;
use super::parameters::Parameters;
use crate::kernel::Feature;

/// All that is known of a behavior without the code that carries it out.
#[derive(Debug)]
pub struct Row {
    /// RFC 8986's name, or Linux's.
    pub name: &'static str,
    /// Where it is defined: `RFC 8986 section 4.8`.
    pub defined: &'static str,
    /// What it does: a sentence.
    pub does: &'static str,
    pub(crate) makes: Makes,
    /// Keys of the file that must be there.
    pub needs: &'static [&'static str],
    /// Keys of which exactly one must be there: none or two.
    pub one_of: &'static [&'static str],
    /// Keys that may be there, without `csid`: that one belongs to the flavor NEXT-CSID.
    pub(crate) takes: &'static [&'static str],
    /// What it takes out of the packet and forwards; None where it forwards the packet itself.
    pub inner: Option<Inner>,
    /// Whether its segments go into the packet's own header chain, and not into an outer header.
    pub inserts: bool,
    /// The flavors that Linux has for it, each with what the kernel must have.
    pub flavors: &'static [(Flavor, Feature)],
    /// What the kernel must have for it, besides SRv6 at all.
    pub feature: Option<Feature>,
    /// What the kernel must have for one of its keys.
    pub key_features: &'static [(&'static str, Feature)],
    /// Whether segbox's XDP fast path carries it out too. The kernel carries out every behavior.
    pub fast_path: bool,
}

/// What a row of the file becomes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Makes {
    /// A SID's behavior; None where a parameter that it needs is missing or of another kind.
    Sid(fn(Parameters<'_>) -> Option<Behavior>),
    /// A policy with a segment list.
    Policy(HeadendMode),
    /// A policy that runs a program.
    Program,
}

/// What stands inside an outer IPv6 header.
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

/// What a row says of a column that it does not name.
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
    /// The keys that may be there.
    pub fn takes(&self) -> impl Iterator<Item = &'static str> {
        let csid = self.flavor(Flavor::NextCsid).map(|_| "csid");
        self.takes.iter().copied().chain(csid)
    }

    /// Every key that it speaks of.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.needs.iter().chain(self.one_of).copied().chain(self.takes())
    }

    /// Whether it speaks of a key.
    pub fn has(&self, key: &str) -> bool {
        self.keys().any(|name| name == key)
    }

    /// What the kernel must have for a flavor; None where Linux does not have the flavor for this behavior.
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

    /// All that it may need of the kernel, besides SRv6 at all.
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
