//! Faults of bonds. Not here: finding them (the reader).

use miette::Diagnostic;

use crate::names::IfName;

/// A fault of a bond or of what the file does with its members.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum BondFault {
    /// `members = []`.
    #[error("the bond `{bond}` has no member")]
    #[diagnostic(
        code(segbox::bond_without_member),
        help("write the cards whose cables belong together into `members`, such as `members = [\"eth2\", \"eth3\"]`")
    )]
    NoMember {
        /// The bond.
        bond: IfName,
    },
    /// What cannot be a member.
    #[error("{what}")]
    #[diagnostic(code(segbox::bond_member), help("{fix}"))]
    Member {
        /// `` `bond1` is a bond, and a bond cannot be a member of another one ``.
        what: String,
        /// What to write instead.
        fix: &'static str,
    },
    /// The same member twice in one bond.
    #[error("the bond `{bond}` has the member `{member}` twice")]
    #[diagnostic(code(segbox::bond_member_twice), help("remove one of the two, or write another card"))]
    MemberTwice {
        /// The bond.
        bond: IfName,
        /// The member.
        member: IfName,
    },
    /// A card has one master.
    #[error("`{member}` is a member of the bonds `{first}` and `{second}`")]
    #[diagnostic(code(segbox::two_bonds), help("a card can be in one bond only: remove it from one of the two"))]
    TwoBonds {
        /// The card.
        member: IfName,
        /// The bond further up.
        first: IfName,
        /// The bond further down.
        second: IfName,
    },
    /// A key that belongs to the bond.
    #[error("`{member}` is a member of the bond `{bond}`, and has `{key}`")]
    #[diagnostic(
        code(segbox::bond_member_key),
        help(
            "packets come in and go out by the bond: write `{key}` under `[interface.{bond}]`; a member can have `match` alone"
        )
    )]
    MemberKey {
        /// The member.
        member: IfName,
        /// Its bond.
        bond: IfName,
        /// `addresses`.
        key: String,
    },
    /// A route, a VRF or a VLAN on a member.
    #[error("`{member}` is a member of the bond `{bond}`, and cannot be used by itself")]
    #[diagnostic(code(segbox::bond_member_used), help("packets come in and go out by the bond: write `{bond}`"))]
    MemberUsed {
        /// The member.
        member: IfName,
        /// Its bond.
        bond: IfName,
    },
    /// A bond is no hardware.
    #[error("`{bond}` is a bond, and has a `match`")]
    #[diagnostic(
        code(segbox::bond_match),
        help(
            "segbox makes the interface, so it has no hardware of its own: write a `match` under `[interface]` of each member"
        )
    )]
    Match {
        /// The bond.
        bond: IfName,
    },
    /// A device is one of both.
    #[error("`{name}` has both `vlan` and `bond`")]
    #[diagnostic(
        code(segbox::bond_and_vlan),
        help(
            "a VLAN on a bond is an interface of its own: write `vlan` under another one, such as `[interface.\"{name}.100\"]`"
        )
    )]
    AndVlan {
        /// The interface.
        name: IfName,
    },
    /// A name that is taken.
    #[error("`lo` is the loopback interface, and no bond")]
    #[diagnostic(code(segbox::bond_name), help("give the bond a name such as `bond0`"))]
    Loopback,
}
