#!/bin/bash
# Software:  Linux, local SIDs "encap seg6local" (seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  "ip -6 route add SID encap seg6local action End dev lo" succeeds and "ip route show" lists the SID as any
#            other, but no packet passes it: IPv6 makes a reject route of each route by lo (fib6_nh_init in
#            net/ipv6/route.c). The same by a nexthop object on lo works.
# A guess:   The device of a local SID is not used for forwarding, so lo, which is always there, is as good as any. Or
#            the kernel refuses it.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   fc00::1  encap seg6local action End dev near
#   fc00::2  encap seg6local action End dev lo
#   fc00::3 nhid 3  encap seg6local action End dev lo
#   fc00::1, on a port:            3 of 3 forwarded
#   fc00::2, on lo:                0 of 3 forwarded
#   fc00::3, nexthop object on lo: 3 of 3 forwarded
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
ip -n router -6 route add fc00::2/128 encap seg6local action End dev lo
ip -n router -6 nexthop add id 3 encap seg6local action End dev lo
ip -n router -6 route add fc00::3/128 nhid 3
ip -n router -6 route show | grep seg6local | sed 's/ metric.*//'
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
for name, sid in (("on a port", "fc00::1"), ("on lo", "fc00::2"), ("nexthop object on lo", "fc00::3")):
    counts.append(arrived(segments(["2001:db8:2::2", sid], 1, 17, udp), "2001:db8:2::2"))
    print("%s, %-21s %d of 3 forwarded" % (sid, name + ":", counts[-1]))
sys.exit(0 if counts == [3, 0, 3] else 1)
PYTHON
