#!/bin/bash
# Software:  Linux, route encapsulation "encap seg6" (seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  IPv4 packets in "encap seg6 mode encap" get an outer header with traffic class 0 and flow label 0, whatever
#            their DSCP and ECN are. So the core can neither prioritize them nor spread their flows. IPv6 packets keep
#            their traffic class and flow label in the outer header.
# A guess:   The DSCP of IPv4 is copied as that of IPv6 is, and a flow label is made from addresses and ports, as other
#            tunnels of Linux do.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   IPv6 with traffic class 0xb8: outer traffic class 0xb8, flow label not 0
#   IPv4 with TOS 0xb8:           outer traffic class 0x00, flow label 0
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
ip -n host addr add 192.0.2.1/24 dev near
ip -n router addr add 192.0.2.2/24 dev near
ip -n host route add default via 192.0.2.2
ip netns exec router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
ip -n router -6 route add fc00::/16 via 2001:db8:2::2
ip -n host -6 route add default via 2001:db8:1::2
ip -n router -6 route add 2001:db8:a::/64 encap seg6 mode encap segs fc00::1 dev far ||
    { echo "this kernel has no encap seg6 (CONFIG_IPV6_SEG6_LWTUNNEL)"; exit 2; }
ip -n router route add 198.51.100.0/24 encap seg6 mode encap segs fc00::1 dev far

sleep 3 # until the link-local addresses are usable, which neighbour discovery needs
python3 - <<'PYTHON'
import ctypes, socket, sys, time

def enter(name):
    with open("/run/netns/" + name) as file:
        if ctypes.CDLL(None).setns(file.fileno(), 0):
            sys.exit("setns failed")

enter("core")
core = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86DD))
core.bind(("far", 0x86DD))
core.settimeout(3)
enter("host")

def outer(family, level, option, destination):
    """Traffic class of the outer header, and whether it has a flow label. DSCP is EF."""
    with socket.socket(family, socket.SOCK_DGRAM) as flow:
        flow.setsockopt(level, option, 0xB8)
        for _ in range(3):
            flow.sendto(b"x", (destination, 1000))
            time.sleep(0.3)
    while True:
        packet, sender = core.recvfrom(2048)
        if sender[2] != socket.PACKET_OUTGOING and packet[6] == 43:
            first = int.from_bytes(packet[:4], "big")
            return first >> 20 & 0xFF, bool(first & 0xFFFFF)

def words(what):
    return "traffic class 0x%02x, flow label %s" % (what[0], "not 0" if what[1] else "0")

six = outer(socket.AF_INET6, socket.IPPROTO_IPV6, socket.IPV6_TCLASS, "2001:db8:a::1")
print("IPv6 with traffic class 0xb8: outer", words(six))
while True:
    try:
        core.settimeout(0.5)
        core.recv(2048)
    except TimeoutError:
        break
core.settimeout(3)
four = outer(socket.AF_INET, socket.IPPROTO_IP, socket.IP_TOS, "198.51.100.1")
print("IPv4 with TOS 0xb8:           outer", words(four))
sys.exit(0 if (six, four) == ((0xB8, True), (0, False)) else 1)
PYTHON
