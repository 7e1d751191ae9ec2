//! Names of behaviors that a file cannot use: those that Linux does not have, and other names of those that it has. Not here: flavors
//! ([`super::flavors`]), and the behaviors that a file can use (the table).
//!
//! The list is that of IANA's registry "SRv6 Endpoint Behaviors" with its RFCs and drafts, compared with SEG6_LOCAL_ACTION_* and
//! seg6_action_table (include/uapi/linux/seg6_local.h, net/ipv6/seg6_local.c, Linux 6.18).

/// A name that a file cannot use.
#[derive(Debug)]
pub(crate) struct RefusedName {
    pub(crate) name: &'static str,
    pub(crate) why: Refusal,
}

/// Why a name cannot be used.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refusal {
    /// Linux does not have the behavior.
    Lacks {
        /// Its definition.
        defined: &'static str,
        /// What can be used instead.
        instead: &'static str,
    },
    /// Linux has it, and segbox calls it so.
    Called(&'static str),
}

/// The behaviors of SIDs.
pub(crate) const REFUSED_ENDPOINTS: &[RefusedName] = &[
    lacks("End.DX2V", RFC_8986, "use `End.DX2` with one SID for each VLAN's interface"),
    lacks("End.DT2U", RFC_8986, BRIDGE),
    lacks("End.DT2M", RFC_8986, BRIDGE),
    lacks("End.B6.Encaps.Red", RFC_8986, "use `End.B6.Encaps`: its SRH is 16 bytes longer"),
    lacks("End.B6.Insert.Red", INSERTION, "use `End.B6.Insert`: its SRH is 16 bytes longer"),
    lacks("End.BM", RFC_8986, "use `End.B6.Encaps` where the path behind it can be SRv6; MPLS is another router's"),
    lacks("End.S", "draft-filsfils-spring-srv6-network-programming", "use `End.T`, a lookup in one table"),
    lacks("End.OP", "draft-ali-spring-srv6-oam", OAM),
    lacks("End.OTP", "draft-ali-spring-srv6-oam", OAM),
    lacks("End.MAP", MOBILE, MOBILE_USER_PLANE),
    lacks("End.Limit", MOBILE, "use `End`, and limit the rate with `tc` on the port"),
    lacks("End.M.GTP6.D", MOBILE, MOBILE_USER_PLANE),
    lacks("End.M.GTP6.D.Di", MOBILE, MOBILE_USER_PLANE),
    lacks("End.M.GTP6.Di", MOBILE, MOBILE_USER_PLANE),
    lacks("End.M.GTP6.E", MOBILE, MOBILE_USER_PLANE),
    lacks("End.M.GTP4.E", MOBILE, MOBILE_USER_PLANE),
    lacks(
        "End.DTM",
        "IANA's registry",
        "use `End.DT4`, `End.DT6` or `End.DT46` behind an SRv6 path; MPLS is another router's",
    ),
    lacks(
        "End.M",
        "draft-ietf-rtgwg-srv6-egress-protection",
        "give the protecting router the SIDs of the protected one",
    ),
    lacks("End.Replicate", "RFC 9524", "give each receiver a policy of its own: Linux makes no copies"),
    lacks("End.DTMC4", MULTICAST, "give each receiver a policy of its own, and its SID `End.DT4`"),
    lacks("End.DTMC6", MULTICAST, "give each receiver a policy of its own, and its SID `End.DT6`"),
    lacks("End.DTMC46", MULTICAST, "give each receiver a policy of its own, and its SID `End.DT46`"),
    lacks("End.BXC", "IANA's registry", "use `End.X` to the interface of the underlay"),
    lacks("End.XU", "IANA's registry", "use `End.X` to the interface of the underlay"),
    lacks("End.NSH", "RFC 9491", SERVICE),
    lacks("End.LBS", "RFC 9800", "use `End.B6.Encaps` with the segments of the other block"),
    lacks("End.XLBS", "RFC 9800", "use `End.B6.Encaps` with the segments of the other block"),
    lacks("End.PSID", "IANA's registry", "give the path a SID with `End`, which counts its packets"),
    lacks("End.AN", SERVICE_PROGRAMMING, SERVICE),
    lacks("End.AS", SERVICE_PROGRAMMING, SERVICE),
    lacks("End.AD", SERVICE_PROGRAMMING, SERVICE),
    lacks("End.AM", SERVICE_PROGRAMMING, SERVICE),
    lacks("uDX2V", RFC_8986, "use `End.DX2` with one SID for each VLAN's interface"),
    lacks("uDT2U", RFC_8986, BRIDGE),
    lacks("uDT2M", RFC_8986, BRIDGE),
    // iproute2 and the kernel (SEG6_LOCAL_ACTION_END_B6).
    called("End.B6", "`End.B6.Insert`"),
    // Vendors and FRR.
    called("uN", "`End` with `flavors = [\"NEXT-CSID\"]`"),
    called("uA", "`End.X` with `flavors = [\"NEXT-CSID\"]`"),
    called("uDX2", "`End.DX2`"),
    called("uDX4", "`End.DX4`"),
    called("uDX6", "`End.DX6`"),
    called("uDT4", "`End.DT4`"),
    called("uDT6", "`End.DT6`"),
    called("uDT46", "`End.DT46`"),
];

/// The behaviors of policies.
pub(crate) const REFUSED_HEADENDS: &[RefusedName] = &[
    lacks("H.Insert.Red", INSERTION, "use `H.Insert`: its SRH is 16 bytes longer"),
    lacks("H.M.GTP4.D", MOBILE, "use `H.BPF` with a program of your own"),
    // The drafts before RFC 8986.
    called("T.Insert", "`H.Insert`"),
    called("T.Insert.Red", "`H.Insert`"),
    called("T.Encaps", "`H.Encaps`"),
    called("T.Encaps.Red", "`H.Encaps.Red`"),
    called("T.Encaps.L2", "`H.Encaps.L2`"),
    called("T.Encaps.L2.Red", "`H.Encaps.L2.Red`"),
    // iproute2: `encap seg6 mode ...`.
    called("inline", "`H.Insert`"),
    called("encap", "`H.Encaps`"),
    called("encap.red", "`H.Encaps.Red`"),
    called("l2encap", "`H.Encaps.L2`"),
    called("l2encap.red", "`H.Encaps.L2.Red`"),
];

/// The names of [`REFUSED_ENDPOINTS`].
pub(crate) const REFUSED_ENDPOINT_NAMES: [&str; REFUSED_ENDPOINTS.len()] = names(REFUSED_ENDPOINTS);
/// The names of [`REFUSED_HEADENDS`].
pub(crate) const REFUSED_HEADEND_NAMES: [&str; REFUSED_HEADENDS.len()] = names(REFUSED_HEADENDS);

const RFC_8986: &str = "RFC 8986";
const INSERTION: &str = "draft-filsfils-spring-srv6-net-pgm-insertion";
const MOBILE: &str = "RFC 9433";
const MULTICAST: &str = "draft-ietf-bess-mvpn-evpn-sr-p2mp";
const SERVICE_PROGRAMMING: &str = "draft-ietf-spring-sr-service-programming";
const BRIDGE: &str = "use `End.DX2` with one SID for each remote site: Linux does not decapsulate into a bridge";
const MOBILE_USER_PLANE: &str = "use `End.BPF` with a program of your own: Linux has no mobile user plane for SRv6";
const SERVICE: &str = "use `End.X` to a service that speaks SRv6, or `End.DX4`, `End.DX6` or `End.DX2` to one that does not and \
                       a policy for what comes back; Linux has no proxy";
const OAM: &str = "use `End`: RFC 9259 does without such a behavior";

const fn lacks(name: &'static str, defined: &'static str, instead: &'static str) -> RefusedName {
    RefusedName { name, why: Refusal::Lacks { defined, instead } }
}

const fn called(name: &'static str, right: &'static str) -> RefusedName {
    RefusedName { name, why: Refusal::Called(right) }
}

const fn names<const N: usize>(of: &[RefusedName]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut index = 0;
    while index < N {
        names[index] = of[index].name;
        index += 1;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behavior::{ENDPOINT_NAMES, HEADEND_NAMES};

    /// The names in backquotes.
    fn quoted(text: &str) -> Vec<&str> {
        text.split('`').skip(1).step_by(2).collect()
    }

    #[test]
    fn a_refused_name_is_none_of_those_that_can_be_used_and_what_is_offered_instead_is_one() {
        let all = [(REFUSED_ENDPOINTS, &ENDPOINT_NAMES[..]), (REFUSED_HEADENDS, &HEADEND_NAMES[..])];
        for (refused, usable) in all {
            for RefusedName { name, why } in refused {
                assert!(!usable.iter().any(|other| other.eq_ignore_ascii_case(name)), "{name}");
                assert_eq!(refused.iter().filter(|other| other.name.eq_ignore_ascii_case(name)).count(), 1, "{name}");
                let (Refusal::Lacks { instead: text, .. } | Refusal::Called(text)) = why;
                let offered = quoted(text);
                let behaviors = offered.iter().filter(|word| word.starts_with("End") || word.starts_with("H."));
                assert!(behaviors.clone().all(|word| usable.contains(word)), "{name}: {text}");
                assert!(matches!(why, Refusal::Lacks { .. }) || behaviors.count() == 1, "{name}: {text}");
            }
        }
    }
}
