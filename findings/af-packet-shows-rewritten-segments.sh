#!/bin/bash
# Software:  Linux, local SIDs "encap seg6local" and packet sockets (seen on 6.18.44 x86_64; the fix is in 7.2.10),
#            iproute2 6.1.0
# Behavior:  A packet socket on the port by which a packet comes in (AF_PACKET, read by recv) shows the packet as the SID
#            End has left it: the destination is the next segment already and segments left is one less, if the socket is
#            read after the packet was forwarded. End writes into memory that it shares with the socket.
# A guess:   A packet socket shows what came in by the port, whatever the router does with it afterwards.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   sent:                  destination fc00::1, segments left 1
#   seen at the first port: destination 2001:db8:2::2, segments left 0
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

udp = struct.pack("!4H", 1000, 1000, 8, 1)
packet = segments(["2001:db8:2::2", "fc00::1"], 1, 17, udp)
enter("router")
port = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86DD))
port.bind(("near", 0x86DD))
port.settimeout(3)
enter("host")
host = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)

def show(text, packet):
    what = (socket.inet_ntop(socket.AF_INET6, packet[24:40]), packet[43])
    print("%s destination %s, segments left %d" % ((text,) + what))
    return what

show("sent:                 ", packet)
for _ in range(3):
    host.sendto(packet, ("fc00::1", 0))
    time.sleep(0.5)
while True:
    seen = port.recv(2048)
    if seen[6] == 43:
        break
sys.exit(0 if show("seen at the first port:", seen) == ("2001:db8:2::2", 0) else 1)
PYTHON
