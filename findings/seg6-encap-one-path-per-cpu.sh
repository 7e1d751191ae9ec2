#!/bin/bash
# Software:  Linux, route encapsulation "encap seg6" (seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  An IPv6 route with "encap seg6 mode encap" keeps the route of the outer packet in a cache per CPU
#            (dst_cache of the encapsulation). If the first segment is behind an ECMP route, every flow that one CPU
#            forwards takes the path of the first one, whatever its addresses, ports and flow label are.
# A guess:   The outer packet copies the flow label of the inner one, and ECMP hashes addresses and flow label. So 60
#            flows spread over both paths, as they do on the same ECMP route without encapsulation.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   60 flows by the ECMP route itself:    26 on path 1, 34 on path 2
#   60 flows by the encapsulating route:   0 on path 1, 60 on path 2
#   12 times a new route and 5 flows:      5 times all on path 1, 7 times all on path 2
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
link host near 2001:db8:1::1 router far 2001:db8:1::2
link router path1 2001:db8:2::1 core path1 2001:db8:2::2
link router path2 2001:db8:3::1 core path2 2001:db8:3::2
ip netns exec router sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
ip -n host -6 route add default via 2001:db8:1::2
ip -n router -6 route add fc00::/16 nexthop via 2001:db8:2::2 dev path1 nexthop via 2001:db8:3::2 dev path2
ip -n router -6 route add 2001:db8:a::/64 encap seg6 mode encap segs fc00::1 dev path1 ||
    { echo "this kernel has no encap seg6 (CONFIG_IPV6_SEG6_LWTUNNEL)"; exit 2; }

sleep 3 # until the link-local addresses are usable, which neighbour discovery needs
python3 - <<'PYTHON'
import ctypes, os, socket, subprocess, sys, time

def enter(name):
    with open("/run/netns/" + name) as file:
        if ctypes.CDLL(None).setns(file.fileno(), 0):
            sys.exit("setns failed")

os.sched_setaffinity(0, {0})
enter("core")
paths = []
for name in ("path1", "path2"):
    path = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86DD))
    path.bind((name, 0x86DD))
    path.setblocking(False)
    paths.append(path)
enter("host")

def drain(path, wanted):
    count = 0
    while True:
        try:
            packet, sender = path.recvfrom(2048)
        except BlockingIOError:
            return count
        if sender[2] != socket.PACKET_OUTGOING and packet[24:40] == wanted:
            count += 1

def send(destination, flows):
    for port in flows:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as flow:
            flow.sendto(b"x", (destination, port))
    time.sleep(0.2)
    return [drain(path, socket.inet_pton(socket.AF_INET6, "fc00::1")) for path in paths]

# Neighbour discovery holds the first packets back, so they do not count.
for destination in ("fc00::1", "2001:db8:a::1"):
    send(destination, range(1, 61))
    time.sleep(1)
    send(destination, [])

plain = send("fc00::1", range(1000, 1060))
print("60 flows by the ECMP route itself:    %2d on path 1, %2d on path 2" % tuple(plain))
encap = send("2001:db8:a::1", range(1000, 1060))
print("60 flows by the encapsulating route:  %2d on path 1, %2d on path 2" % tuple(encap))

route = "ip -n router -6 route replace 2001:db8:a::/64 encap seg6 mode encap segs fc00::1 dev path1"
fresh = []
for turn in range(12):
    subprocess.run(route.split(), check=True, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    fresh.append(send("2001:db8:a::1", range(2000 + turn * 5, 2005 + turn * 5)))
alone = [fresh.count([5, 0]), fresh.count([0, 5])]
print("12 times a new route and 5 flows:     %2d times all on path 1, %d times all on path 2" % tuple(alone))
sys.exit(0 if sum(plain) == 60 and min(plain) > 10 and sorted(encap) == [0, 60] and sum(alone) == 12 and min(alone) else 1)
PYTHON
