#!/bin/bash
# Software:  Linux, SID End.DX4 (seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  End.DX4 with a next hop on a connected network asks ARP for the destination of the decapsulated packet, not
#            for the next hop. The kernel looks the next hop up, gets the connected route, which has no gateway, and
#            takes the destination of the packet instead. A host route to the next hop by way of itself ("via NH onlink")
#            makes it right.
# A guess:   RFC 8986, 4.7: the packet goes to the next hop given. End.DX6 and "ip route add ... via NH" do so.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   a packet for 198.51.100.9 through End.DX4 nh4 192.0.2.2, which is on the link
#   connected route:           ARP asks for 198.51.100.9
#   with 192.0.2.2/32 onlink:  ARP asks for 192.0.2.2
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
ip -n router addr add 192.0.2.1/24 dev far
ip -n router route add default via 192.0.2.3
ip netns exec router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
ip netns exec router sh -c 'for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$f; done'
ip -n host -6 route add default via 2001:db8:1::2
ip -n router -6 route add fc00::4/128 encap seg6local action End.DX4 nh4 192.0.2.2 dev near ||
    { echo "this kernel has no encap seg6local (CONFIG_IPV6_SEG6_LWTUNNEL)"; exit 2; }

sleep 3 # until the link-local addresses are usable, which neighbour discovery needs
python3 - <<'PYTHON'
import ctypes, socket, struct, subprocess, sys, time

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

def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF

header = struct.pack("!BBHHHBBH", 0x45, 0, 28, 1, 0, 64, 17, 0)
header += socket.inet_aton("203.0.113.1") + socket.inet_aton("198.51.100.9")
header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
packet = segments(["fc00::4"], 0, 4, header + struct.pack("!4H", 1000, 1000, 8, 0))

enter("core")
arp = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0806))
arp.bind(("far", 0x0806))
arp.settimeout(3)
enter("host")
host = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)

def asked():
    host.sendto(packet, ("fc00::4", 0))
    while True:
        request, sender = arp.recvfrom(64)
        if sender[2] != socket.PACKET_OUTGOING:
            return socket.inet_ntoa(request[24:28])

print("a packet for 198.51.100.9 through End.DX4 nh4 192.0.2.2, which is on the link")
connected = asked()
print("connected route:           ARP asks for", connected)
subprocess.run("ip -n router route add 192.0.2.2/32 via 192.0.2.2 dev far onlink".split(), check=True)
subprocess.run("ip -n router neigh flush dev far".split(), check=True)
time.sleep(1.5)
arp.setblocking(False)
try:
    while True:
        arp.recv(64)
except BlockingIOError:
    arp.settimeout(3)
onlink = asked()
print("with 192.0.2.2/32 onlink:  ARP asks for", onlink)
sys.exit(0 if (connected, onlink) == ("198.51.100.9", "192.0.2.2") else 1)
PYTHON
