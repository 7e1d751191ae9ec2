//! The segment list of a policy. Its copies share one allocation: a list is in the file's content, in the wanted state and in the steps of
//! a plan, and a router may have a million. Not here: which lists are allowed.

use std::net::Ipv6Addr;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A segment list, in the order in which the packet visits them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Segments(Arc<[Ipv6Addr]>);

impl Deref for Segments {
    type Target = [Ipv6Addr];

    fn deref(&self) -> &[Ipv6Addr] {
        &self.0
    }
}

impl From<Vec<Ipv6Addr>> for Segments {
    fn from(segments: Vec<Ipv6Addr>) -> Self {
        Self(segments.into())
    }
}

impl std::fmt::Debug for Segments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Segments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Segments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_shares_the_allocation() {
        let one = Segments::from(vec![Ipv6Addr::LOCALHOST; 3]);
        assert_eq!(one.clone().as_ptr(), one.as_ptr());
        assert_eq!(one, Segments::from(vec![Ipv6Addr::LOCALHOST; 3]));
    }
}
