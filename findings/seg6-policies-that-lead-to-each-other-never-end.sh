#!/bin/bash
# Software:  Linux, SRv6 (net/ipv6/seg6_iptunnel.c, seg6_input_core; seg6_local.c, input_action_end_dt6; seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  Two routers decapsulate each other's packets (End.DT6) and have an H.Encaps route for the same prefix, each to the other. A packet
#            goes round between them until a route goes: neither the end of a tunnel nor its headend lowers the inner hop limit, and the outer
#            one begins again as a copy of it. The kernel's counters of errors stay 0.
# A guess:   RFC 8986, 5.1 and RFC 2473, 3.1 lower the inner hop limit at each headend: 64 rounds, then Time Exceeded.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   one packet with hop limit 64, rounds in a second: more than 1000
#   errors of the SID, hop limits exceeded, no routes: 0 0 0
#   in the second after a route went: 0
# Needs:     root, iproute2. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip unshare python3 >/dev/null || { echo "this needs root, iproute2 and python3"; exit 2; }

# All is done in network and mount namespaces of this process, so nothing is left behind when it ends.
[ "${1-}" = inside ] || exec unshare --net --mount "$0" inside
mount -t tmpfs none /run
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m), $(ip -V | sed 's/.*, \(iproute2\)/\1/')"

ip netns add a
ip netns add b
ip link add name port netns a type veth peer name port netns b
for router in a b; do
    ip netns exec $router sh -c '
        echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
        echo 1 >/proc/sys/net/ipv6/conf/port/seg6_enabled'
    ip -n $router link set lo up
    ip -n $router link set port up
done
ip -n a address add fc00::a/64 dev port nodad
ip -n b address add fc00::b/64 dev port nodad
sleep 3

# Each decapsulates at its own SID, and sends the prefix to the other's.
pair() {
    ip -n "$1" route add fc00:"$1"::6/128 encap seg6local action End.DT6 table main count dev port
    ip -n "$1" route add fc00:"$2"::/32 via fc00::"$2"
    ip -n "$1" route add 2001:db8:b::/64 encap seg6 mode encap segs fc00:"$2"::6 dev port
}
pair a b
pair b a

# The packets that the SID of router a has taken; with "errors" those that it refused.
taken() {
    ip -n a -s -6 route show fc00:a::6 | tr '\n' ' ' | sed "s/.*${1-packets} \([0-9]*\).*/\1/"
}
snmp() {
    ip netns exec a awk -v name="$1" '$1 == name { print $2 }' /proc/net/snmp6
}
ip netns exec a python3 -c '
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 64)
s.sendto(b"x", ("2001:db8:b::1", 7))'
before=$(taken)
sleep 1
rounds=$(($(taken) - before))
[ $rounds -gt 1000 ] && seen="more than 1000" || seen=$rounds
counters="$(taken errors) $(snmp Ip6InHdrErrors) $(snmp Ip6OutNoRoutes)"
ip -n b route del 2001:db8:b::/64 dev port
sleep 0.2
before=$(taken)
sleep 1
after=$(($(taken) - before))
echo "one packet with hop limit 64, rounds in a second: $seen"
echo "errors of the SID, hop limits exceeded, no routes: $counters"
echo "in the second after a route went: $after"
[ "$seen, $counters, $after" = "more than 1000, 0 0 0, 0" ]
