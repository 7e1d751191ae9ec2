#!/bin/bash
# Software:  Linux, route encapsulation "encap seg6" (seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  The SRH of "mode encap.red" lacks the first segment, so Segments Left is Last Entry + 1 when the packet leaves
#            the headend: it points behind the list. RFC 8754, 4.1.1, wants it so, and the kernel's own SIDs take it.
# A guess:   Segments Left is an index into the Segment List, from 0 to Last Entry, so a receiver may drop what is beyond
#            it. RFC 8754, 2, says "Segments Left: defined in RFC 8200" and lets Last Entry be the index of the last element.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   encap      3 segments: 3 in the list, Last Entry 2, Segments Left 2
#   encap.red  3 segments: 2 in the list, Last Entry 1, Segments Left 2
#   encap.red  2 segments: 1 in the list, Last Entry 0, Segments Left 1
# Needs:     root, python3, iproute2. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip unshare python3 >/dev/null || { echo "this needs root, iproute2 and python3"; exit 2; }

# All is done in network and mount namespaces of this process, so nothing is left behind when it ends.
[ "${1-}" = inside ] || exec unshare --net --mount "$0" inside
mount -t tmpfs none /run
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m), $(ip -V | sed 's/.*, \(iproute2\)/\1/')"

for name in headend core; do ip netns add $name; done
ip link add name far netns headend type veth peer name far netns core
ip -n headend addr add 2001:db8:2::1/64 dev far nodad
ip -n core addr add 2001:db8:2::2/64 dev far nodad
ip -n headend link set far up
ip -n core link set far up
ip -n headend -6 route add fc00::/16 via 2001:db8:2::2
ip netns exec headend ip sr tunsrc set 2001:db8:2::1 ||
    { echo "this kernel has no segment routing (CONFIG_IPV6_SEG6_LWTUNNEL)"; exit 2; }
route() { ip -n headend -6 route add "$1" encap seg6 mode "$2" segs "$3" dev far; }
route 2001:db8:a::1 encap fc00::1,fc00::2,fc00::3
route 2001:db8:a::2 encap.red fc00::1,fc00::2,fc00::3 || { echo "this kernel has no mode encap.red"; exit 2; }
route 2001:db8:a::3 encap.red fc00::1,fc00::2

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
enter("headend")

def srh(port, destination):
    """Entries of the list, Last Entry and Segments Left of a packet to this port."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        for _ in range(3):
            sender.sendto(b"x", (destination, port))
            time.sleep(0.3)
    while True:
        packet, address = core.recvfrom(2048)
        if address[2] == socket.PACKET_OUTGOING or packet[6] != 43:
            continue
        inner = packet[40 + 8 + 8 * packet[41]:]
        if int.from_bytes(inner[42:44], "big") == port:
            return packet[41] // 2, packet[44], packet[43]

rows = [("encap", 3, "2001:db8:a::1"), ("encap.red", 3, "2001:db8:a::2"), ("encap.red", 2, "2001:db8:a::3")]
seen = [srh(1000 + number, destination) for number, (_, _, destination) in enumerate(rows)]
for (mode, segments, _), (entries, last, left) in zip(rows, seen):
    print("%-10s %d segments: %d in the list, Last Entry %d, Segments Left %d" % (mode, segments, entries, last, left))
sys.exit(0 if seen == [(3, 2, 2), (2, 1, 2), (1, 0, 1)] else 1)
PYTHON
