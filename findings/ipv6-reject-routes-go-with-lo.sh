#!/bin/bash
# Software:  Linux, IPv6 routes (net/ipv6/route.c, ip6_route_info_create: a reject route gets the loopback device; seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  `ip link set lo down` removes every IPv6 route of type blackhole, unreachable or prohibit, whatever table it is in; they do not come
#            back when lo is up again, and packets go on to the next route, such as a default route. IPv4's stay.
# A guess:   A route that has no device does not depend on one: both families keep theirs.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   IPv6 blackhole, unreachable, prohibit: before 3, lo down 0, lo up again 0
#   IPv4 blackhole, unreachable, prohibit: before 3, lo down 3, lo up again 3
# Needs:     root, iproute2. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip unshare >/dev/null || { echo "this needs root and iproute2"; exit 2; }

# All is done in a network namespace of this process, so nothing is left behind when it ends.
[ "${1-}" = inside ] || exec unshare --net "$0" inside
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m), $(ip -V | sed 's/.*, \(iproute2\)/\1/')"

ip link set lo up
number=0
for kind in blackhole unreachable prohibit; do
    number=$((number + 1))
    ip -6 route add $kind 2001:db8:$number::/48 table 7$number
    ip -4 route add $kind 198.51.$number.0/24 table 7$number
done
count() {
    ip "-$1" route show table all | grep -cE '^(blackhole|unreachable|prohibit) (2001:db8|198.51)' || true
}
declare -A found=([6]="before $(count 6)" [4]="before $(count 4)")
for state in down up; do
    ip link set lo $state
    [ $state = up ] && words="lo up again" || words="lo down"
    for family in 6 4; do
        found[$family]+=", $words $(count $family)"
    done
done
for family in 6 4; do
    echo "IPv$family blackhole, unreachable, prohibit: ${found[$family]}"
done
[ "${found[6]} ${found[4]}" = "before 3, lo down 0, lo up again 0 before 3, lo down 3, lo up again 3" ]
