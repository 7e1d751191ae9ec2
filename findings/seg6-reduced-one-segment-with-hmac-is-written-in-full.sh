#!/bin/bash
# Software:  Linux, route encapsulation "encap seg6" (seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  "mode encap.red" with one segment writes no SRH. With an HMAC it writes one, and the segment is in it, though it is
#            the destination address too. So its list is that of "mode encap", with Segments Left 0, and the packet has 64
#            bytes more. With two segments and an HMAC the list lacks the first segment, as without an HMAC.
# A guess:   The list lacks the first segment, which is the only one: an SRH with an empty list and the HMAC TLV. A reader of
#            RFC 8986, 5.2, expects 48 bytes more, or the policy to be refused.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   encap.red  1 segment:            no SRH
#   encap.red  1 segment,  HMAC:     SRH of 64 bytes, 1 in the list, Segments Left 0
#   encap      1 segment,  HMAC:     SRH of 64 bytes, 1 in the list, Segments Left 0
#   encap.red  2 segments, HMAC:     SRH of 64 bytes, 1 in the list, Segments Left 1
# Needs:     root, python3, iproute2, a kernel with CONFIG_IPV6_SEG6_HMAC. Exits with 1 if it behaves in another way, with 2 if
#            something is missing.
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
# It asks for the secret.
echo secret | ip netns exec headend ip sr hmac set 7 sha256 2>/dev/null || true
ip netns exec headend ip sr hmac show | grep -q 'hmac 7' || { echo "this kernel keeps no HMAC keys"; exit 2; }
route() { ip -n headend -6 route add "$1" encap seg6 mode "$2" segs "$3" ${4+hmac "$4"} dev far; }
route 2001:db8:a::1 encap.red fc00::1 || { echo "this kernel has no mode encap.red"; exit 2; }
route 2001:db8:a::2 encap.red fc00::1 7
route 2001:db8:a::3 encap fc00::1 7
route 2001:db8:a::4 encap.red fc00::1,fc00::2 7

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
    """Bytes of the SRH, entries of the list and Segments Left of a packet to this port; None without an SRH."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        for _ in range(3):
            sender.sendto(b"x", (destination, port))
            time.sleep(0.3)
    while True:
        packet, address = core.recvfrom(2048)
        length = 8 + 8 * packet[41] if packet[6] == 43 else 0
        inner = packet[40 + length:]
        if address[2] == socket.PACKET_OUTGOING or int.from_bytes(inner[42:44], "big") != port:
            continue
        # Last Entry counts from 0.
        return (length, packet[44] + 1, packet[43]) if length else None

rows = [("encap.red", "1 segment:", "2001:db8:a::1"), ("encap.red", "1 segment,  HMAC:", "2001:db8:a::2"),
        ("encap", "1 segment,  HMAC:", "2001:db8:a::3"), ("encap.red", "2 segments, HMAC:", "2001:db8:a::4")]
seen = [srh(1000 + number, destination) for number, (_, _, destination) in enumerate(rows)]
for (mode, what, _), found in zip(rows, seen):
    words = "SRH of %d bytes, %d in the list, Segments Left %d" % found if found else "no SRH"
    print("%-10s %-21s %s" % (mode, what, words))
sys.exit(0 if seen == [None, (64, 1, 0), (64, 1, 0), (64, 1, 1)] else 1)
PYTHON
