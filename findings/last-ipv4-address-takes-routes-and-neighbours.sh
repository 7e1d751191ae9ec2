#!/bin/bash
# Software:  Linux, IPv4 addresses (net/ipv4/fib_frontend.c, fib_inetaddr_event: the last address disables IP on the device; seen on 6.18.44
#            x86_64), iproute2 6.1.0
# Behavior:  Removing the last IPv4 address of a device also removes every IPv4 route by that device, in every table, of every protocol number,
#            `onlink` or not, and every IPv4 neighbour, permanent ones too; routes go without a Deleted message. IPv6 keeps both. So an
#            encapsulating IPv4 route (seg6) by a port is lost when a program replaces the address by removing the old one first.
# A guess:   As in IPv6: the prefix route of the address goes, and what was added by hand stays.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   IPv4: routes 2 -> 0, neighbours 1 -> 0, Deleted messages of routes by hand: 0
#   IPv6: routes 2 -> 2, neighbours 1 -> 1, Deleted messages of routes by hand: 0
# Needs:     root, iproute2. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip unshare >/dev/null || { echo "this needs root and iproute2"; exit 2; }

# All is done in a network namespace of this process, so nothing is left behind when it ends.
[ "${1-}" = inside ] || exec unshare --net "$0" inside
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m), $(ip -V | sed 's/.*, \(iproute2\)/\1/')"

ip link add name port type veth peer name peer
ip link set port up
ip link set peer up
# $1: the family, $2: the address, $3: a prefix, $4: a neighbour
lost() {
    ip "-$1" address add "$2" dev port
    ip "-$1" route add "$3" encap seg6 mode encap segs fc00::1 dev port proto 86
    ip "-$1" route add "$3" encap seg6 mode encap segs fc00::1 dev port proto 86 table 77
    ip neighbor add "$4" lladdr 02:00:00:00:00:01 dev port nud permanent
    routes=$(ip "-$1" route show table all proto 86 | wc -l)
    neighbours=$(ip "-$1" neighbor show dev port nud permanent | wc -l)
    ip "-$1" monitor route >"$log" &
    monitor=$!
    sleep 0.5
    ip "-$1" address del "$2" dev port
    sleep 0.5
    kill $monitor
    wait $monitor 2>/dev/null || true
    routes+=" -> $(ip "-$1" route show table all proto 86 | wc -l)"
    neighbours+=" -> $(ip "-$1" neighbor show dev port nud permanent | wc -l)"
    deleted=$(grep -c 'Deleted.*encap' "$log" || true)
    echo "IPv$1: routes $routes, neighbours $neighbours, Deleted messages of routes by hand: $deleted"
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
v4=$(lost 4 192.0.2.1/24 198.51.100.0/24 192.0.2.9)
v6=$(lost 6 2001:db8:1::1/64 2001:db8:2::/48 2001:db8:1::9)
echo "$v4"
echo "$v6"
[ "$v4" = "IPv4: routes 2 -> 0, neighbours 1 -> 0, Deleted messages of routes by hand: 0" ]
[ "$v6" = "IPv6: routes 2 -> 2, neighbours 1 -> 1, Deleted messages of routes by hand: 0" ]
