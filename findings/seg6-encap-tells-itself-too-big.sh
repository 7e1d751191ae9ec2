#!/bin/bash
# Software:  Linux, route encapsulation "encap seg6" (seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  If a forwarded packet becomes longer than the MTU of the next link by "encap seg6 mode encap", the router
#            drops it and sends the Packet Too Big to the source of the outer packet, which is the router. The sender of
#            the packet hears nothing, so TCP stands still where all links have an MTU of 1500.
# A guess:   The router knows the inner packet and the length that it adds, so it tells the sender an MTU that fits, as a
#            plain route does and as other tunnel devices do.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   the MTU of the router's next link is 1400
#   1450 bytes to 2001:db8:b::1: Packet Too Big to the sender: 1400, to the router: None
#   1380 bytes to 2001:db8:a::1: Packet Too Big to the sender: None, to the router: 1400
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
ip -n router -6 route add fc00::/16 via 2001:db8:2::2
ip -n router -6 route add 2001:db8:b::/64 via 2001:db8:2::2
ip -n router link set far mtu 1400
ip -n host -6 route add default via 2001:db8:1::2
ip -n router -6 route add 2001:db8:a::/64 encap seg6 mode encap segs fc00::1 dev far ||
    { echo "this kernel has no encap seg6 (CONFIG_IPV6_SEG6_LWTUNNEL)"; exit 2; }

sleep 3 # until the link-local addresses are usable, which neighbour discovery needs
python3 - <<'PYTHON'
import ctypes, socket, sys, time

def enter(name):
    with open("/run/netns/" + name) as file:
        if ctypes.CDLL(None).setns(file.fileno(), 0):
            sys.exit("setns failed")

def icmp(name):
    enter(name)
    return socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)

heard = {name: icmp(name) for name in ("host", "router")}

def too_big(name):
    """The MTU of the Packet Too Big that has come, if one has."""
    heard[name].settimeout(1)
    try:
        while True:
            message = heard[name].recv(2048)
            if message[0] == 2:
                return int.from_bytes(message[4:8], "big")
    except TimeoutError:
        return None

def send(destination, length):
    enter("host")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as flow:
        flow.sendto(bytes(length - 48), (destination, 1000))
    host, router = too_big("host"), too_big("router")
    print("%d bytes to %s: Packet Too Big to the sender: %s, to the router: %s" % (length, destination, host, router))
    return host is not None, router is not None

print("the MTU of the router's next link is 1400")
plain = send("2001:db8:b::1", 1450)
encap = send("2001:db8:a::1", 1380)
sys.exit(0 if (plain, encap) == ((True, False), (False, True)) else 1)
PYTHON
