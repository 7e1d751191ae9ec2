#!/bin/bash
# Software:  Linux, IPv6 neighbour discovery of a router (net/ipv6/ndisc.c, ndisc_solicit; seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  A router whose port has a global address and no link-local one asks for no neighbour of a packet that it forwards: the packet is
#            lost. For its own packets to the same neighbour it asks, from the global address. `ip address flush dev PORT` takes the
#            link-local address as well, and the kernel makes no new one until the port goes down and up.
# A guess:   The solicitation comes from any address of the port, as for the router's own packets; and flushing the addresses of a
#            configuration leaves the kernel's own link-local one, or it comes back.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   forwarded, with a link-local address:                 arrives
#   link-local addresses two seconds after a flush:       0
#   forwarded, global address put back, no neighbour yet: lost
#   the router's own packet to that host:                 arrives
#   forwarded, now that the neighbour is known:           arrives
# Needs:     root, iproute2, python3. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip unshare python3 >/dev/null || { echo "this needs root, iproute2 and python3"; exit 2; }

# All is done in network and mount namespaces of this process, so nothing is left behind when it ends.
[ "${1-}" = inside ] || exec unshare --net --mount "$0" inside
mount -t tmpfs none /run
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m), $(ip -V | sed 's/.*, \(iproute2\)/\1/')"

number=0
for host in left right; do
    number=$((number + 1))
    ip netns add $host
    ip link add name $host type veth peer name port netns $host
    ip link set $host up
    ip -n $host link set port up
    ip address add 2001:db8:$number::1/64 dev $host nodad
    ip -n $host address add 2001:db8:$number::2/64 dev port nodad
    ip -n $host route add default via 2001:db8:$number::1
done
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
# Until addresses are through duplicate address detection.
sleep 3

# Whether a datagram to the host on the right gets there; $1: the command that goes before the sender.
sent() {
    ip netns exec right timeout 4 python3 -c '
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(("::", 7)); s.settimeout(3)
try: s.recv(9); print("arrives")
except TimeoutError: print("lost")' &
    sleep 1
    $1 python3 -c 'import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"x", ("2001:db8:2::2", 7))'
    wait $!
}
forward="ip netns exec left"
a=$(sent "$forward")
ip address flush dev right
sleep 2
b=$(ip -6 -o address show dev right scope link | wc -l)
ip address add 2001:db8:2::1/64 dev right nodad
ip neighbor flush dev right
c=$(sent "$forward")
d=$(sent "")
e=$(sent "$forward")
echo "forwarded, with a link-local address:                 $a"
echo "link-local addresses two seconds after a flush:       $b"
echo "forwarded, global address put back, no neighbour yet: $c"
echo "the router's own packet to that host:                 $d"
echo "forwarded, now that the neighbour is known:           $e"
[ "$a,$b,$c,$d,$e" = "arrives,0,lost,arrives,arrives" ]
