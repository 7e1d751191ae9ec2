#!/bin/bash
# Software:  Linux, nexthop objects (net/ipv4/nexthop.c, seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  A nexthop object is refused on a port without a carrier, where a route with the same next hop in it is accepted. When the carrier
#            goes, the kernel removes the port's objects, their group and its route. It notifies of the route alone: RTNLGRP_NEXTHOP
#            stays silent. When the carrier is back, nothing comes back.
# A guess:   A nexthop object behaves as the next hop of a route does, which stays and is marked `linkdown`; and whoever listens to
#            nexthops hears of each that goes.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   without a carrier, a nexthop object:            Error: Carrier for nexthop device is down.
#   without a carrier, a route with the hop in it:  accepted
#   the carrier goes: nexthop objects left:         0
#   the carrier goes: notifications of nexthops:    0
#   the carrier goes: notifications of the route:   1
#   the carrier is back: the object's route:        gone
#   the carrier is back: the route with the hop:    there
# Needs:     root, iproute2. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip unshare >/dev/null || { echo "this needs root and iproute2"; exit 2; }

# All is done in network and mount namespaces of this process, so nothing is left behind when it ends.
[ "${1-}" = inside ] || exec unshare --net --mount "$0" inside
mount -t tmpfs none /run
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m), $(ip -V | sed 's/.*, \(iproute2\)/\1/')"

ip netns add peer
ip link add name near type veth peer name far netns peer
ip link set near up
ip address add 2001:db8:1::1/64 dev near nodad
carrier() { ip -n peer link set far "$1" && sleep 3; }

object=$(ip nexthop add id 1 via 2001:db8:1::2 dev near 2>&1 || true)
ip -6 route add 2001:db8:9::/64 via 2001:db8:1::2 dev near && inside=accepted || inside=refused
echo "without a carrier, a nexthop object:            $object"
echo "without a carrier, a route with the hop in it:  $inside"

carrier up
ip nexthop add id 1 via 2001:db8:1::2 dev near
ip nexthop add id 2 group 1
ip -6 route add 2001:db8:8::/64 nhid 2
ip -o monitor nexthop >/run/nexthops &
one=$!
ip -o -6 monitor route >/run/routes &
two=$!
sleep 1
carrier down
kill $one $two
left=$(ip nexthop show | wc -l)
told=$(wc -l </run/nexthops)
routes=$(grep -c '^Deleted 2001:db8:8::/64' /run/routes || true)
echo "the carrier goes: nexthop objects left:         $left"
echo "the carrier goes: notifications of nexthops:    $told"
echo "the carrier goes: notifications of the route:   $routes"
carrier up
there() { [ -n "$(ip -6 route show "$1")" ] && echo there || echo gone; }
echo "the carrier is back: the object's route:        $(there 2001:db8:8::/64)"
echo "the carrier is back: the route with the hop:    $(there 2001:db8:9::/64)"
[[ "$object" == *"Carrier for nexthop device is down"* ]] && [ $inside = accepted ] && [ "$left$told$routes" = 001 ]
[ "$(there 2001:db8:8::/64)" = gone ] && [ "$(there 2001:db8:9::/64)" = there ]
