#!/bin/bash
# Software:  Linux, local SIDs "encap seg6local" (seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  A Segment Routing Header whose TLVs end with Pad1 (RFC 8754, 2.1.1.1: the single byte 0) is dropped. The
#            kernel takes the byte for the beginning of a TLV with a length, as all other TLVs have one
#            (seg6_validate_srh). Eight times Pad1 pass, since four pairs of them look like four empty TLVs.
# A guess:   Pad1 is in the RFC and IPv6 options have it as well, so it passes as PadN does.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   SRH to an End SID, no TLV:                 3 of 3 forwarded
#   SRH to an End SID, PadN of 8 bytes:        3 of 3 forwarded
#   SRH to an End SID, 8 times Pad1:           3 of 3 forwarded
#   SRH to an End SID, PadN of 7 bytes, Pad1:  0 of 3 forwarded
# Needs:     root, python3, iproute2. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip unshare python3 >/dev/null || { echo "this needs root, iproute2 and python3"; exit 2; }

# All is done in network and mount namespaces of this process, so nothing is left behind when it ends.
[ "${1-}" = inside ] || exec unshare --net --mount "$0" inside
mount -t tmpfs none /run
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m), $(ip -V | sed 's/.*, \(iproute2\)/\1/')"

for name in host router core; do
    ip netns add $name
    ip -n $name link set lo up
done
link() { # namespace device address namespace device address
    ip link add name "$2" netns "$1" type veth peer name "$5" netns "$4"
    ip -n "$1" link set "$2" up
    ip -n "$4" link set "$5" up
    ip -n "$1" addr add "$3"/64 dev "$2" nodad
    ip -n "$4" addr add "$6"/64 dev "$5" nodad
}
link host near 2001:db8:1::1 router near 2001:db8:1::2
link router far 2001:db8:2::1 core far 2001:db8:2::2
ip netns exec router sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
ip -n host -6 route add default via 2001:db8:1::2
ip -n router -6 route add fc00::1/128 encap seg6local action End dev near ||
    { echo "this kernel has no encap seg6local (CONFIG_IPV6_SEG6_LWTUNNEL)"; exit 2; }

sleep 3 # until the link-local addresses are usable, which neighbour discovery needs
python3 - <<'PYTHON'
import ctypes, socket, struct, sys, time

def enter(name):
    with open("/run/netns/" + name) as file:
        if ctypes.CDLL(None).setns(file.fileno(), 0):
            sys.exit("setns failed")

def address(text):
    return socket.inet_pton(socket.AF_INET6, text)

def segments(wire_order, left, next_header, payload, tlvs=b""):
    """A packet of host's with a Segment Routing Header (RFC 8754): the last segment comes first."""
    body = b"".join(map(address, wire_order)) + tlvs
    srh = struct.pack("!6BH", next_header, len(body) // 8, 4, left, len(wire_order) - 1, 0, 0) + body
    header = struct.pack("!IHBB", 6 << 28, len(srh) + len(payload), 43, 64)
    return header + address("2001:db8:1::1") + address(wire_order[left]) + srh + payload

def arrived(packet, destination):
    """How many of three packets come out of the router to core."""
    enter("host")
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW) as host:
        for _ in range(3):
            host.sendto(packet, (socket.inet_ntop(socket.AF_INET6, packet[24:40]), 0))
    time.sleep(0.5)
    count = 0
    while True:
        try:
            seen, sender = core.recvfrom(2048)
        except BlockingIOError:
            return count
        count += sender[2] != socket.PACKET_OUTGOING and seen[6] == 43 and seen[24:40] == address(destination)

enter("core")
core = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86DD))
core.bind(("far", 0x86DD))
core.setblocking(False)

udp = struct.pack("!4H", 1000, 1000, 8, 1)
counts = []
for name, tlvs in (
    ("no TLV", b""),
    ("PadN of 8 bytes", bytes([4, 6]) + bytes(6)),
    ("8 times Pad1", bytes(8)),
    ("PadN of 7 bytes, Pad1", bytes([4, 5]) + bytes(5) + b"\0"),
):
    packet = segments(["2001:db8:2::2", "fc00::1"], 1, 17, udp, tlvs)
    counts.append(arrived(packet, "2001:db8:2::2"))
    print("SRH to an End SID, %-23s %d of 3 forwarded" % (name + ":", counts[-1]))
sys.exit(0 if counts == [3, 3, 3, 0] else 1)
PYTHON
