//! Programs in routes: End.BPF's (SEG6_LOCAL_BPF) and H.BPF's (LWTUNNEL_ENCAP_BPF; net/core/lwt_bpf.c, Linux 4.10). segbox gives
//! a route a file descriptor and a name. The kernel reports the name, in seg6local the id of the program too, and the route holds the
//! program as long as it lives.

use netlink_packet_core::DefaultNla;
use netlink_packet_route::route::RouteLwTunnelEncap;

use super::super::frame::{attributes, nest, text_of, u32_of};
use super::lookup::{EncapError, Lookup, Names};
use super::uapi;

/// The nest of a program: `kind` holds its file descriptor as 1 and its name as 2, in seg6local and in lwt_bpf alike.
pub(in crate::netlink) fn encode(kind: u16, program: &str, lookup: &impl Lookup) -> Result<DefaultNla, EncapError> {
    let missing = || EncapError::NoProgram(program.to_owned());
    let fd = lookup.program(program).ok_or_else(missing)?;
    let mut name = program.as_bytes().to_vec();
    name.push(0);
    Ok(nest(kind, &[(uapi::SEG6_LOCAL_BPF_PROG, &fd.to_ne_bytes()), (uapi::SEG6_LOCAL_BPF_PROG_NAME, &name)]))
}

/// The program in such a nest.
pub(in crate::netlink) fn decode(nest: &[u8], names: &impl Names) -> Option<String> {
    let part = |wanted| attributes(nest).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let name = text_of(part(uapi::SEG6_LOCAL_BPF_PROG_NAME)?)?;
    Some(names.program(name, part(uapi::SEG6_LOCAL_BPF_PROG).and_then(u32_of)))
}

/// H.BPF: a program on the hook IN.
pub(super) fn encode_in(program: &str, lookup: &impl Lookup) -> Result<RouteLwTunnelEncap, EncapError> {
    encode(uapi::LWT_BPF_IN, program, lookup).map(RouteLwTunnelEncap::Other)
}

/// The name of the program on the hook IN. None where there is a program on another hook too, which segbox cannot describe.
pub(super) fn decode_in(value: &[u8], names: &impl Names) -> Option<String> {
    let mut programs = attributes(value);
    match (programs.next()?, programs.next()) {
        ((uapi::LWT_BPF_IN, nest), None) => decode(nest, names),
        _ => None,
    }
}
