#!/bin/bash
# Software:  Linux, net.ipv4.conf.default (seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  Writing net.ipv4.conf.default.NAME also changes NAME of each device that is there already and whose own NAME
#            was never written. net.ipv6.conf.default.NAME changes no device that is there.
# A guess:   "default" is for devices that are made later, for IPv4 as for IPv6.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   IPv4 rp_filter of a device, default changed from 0 to 2:              2
#   IPv4 rp_filter of a device on which 0 was written before:      0
#   IPv6 accept_ra of a device, default changed from 1 to 2:              1
# Needs:     root, python3, iproute2. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip unshare python3 >/dev/null || { echo "this needs root, iproute2 and python3"; exit 2; }

# All is done in network and mount namespaces of this process, so nothing is left behind when it ends.
[ "${1-}" = inside ] || exec unshare --net --mount "$0" inside
mount -t tmpfs none /run
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m), $(ip -V | sed 's/.*, \(iproute2\)/\1/')"

ip link add name written type veth peer name untouched
value() { cat "/proc/sys/net/$1/conf/$2/$3"; }
echo 0 >/proc/sys/net/ipv4/conf/written/rp_filter
old4=$(value ipv4 untouched rp_filter)
old6=$(value ipv6 untouched accept_ra)
new4=$((old4 == 2 ? 1 : 2))
new6=$((old6 == 2 ? 1 : 2))
echo $new4 >/proc/sys/net/ipv4/conf/default/rp_filter
echo $new6 >/proc/sys/net/ipv6/conf/default/accept_ra
echo "IPv4 rp_filter of a device, default changed from $old4 to $new4:              $(value ipv4 untouched rp_filter)"
echo "IPv4 rp_filter of a device on which 0 was written before:      $(value ipv4 written rp_filter)"
echo "IPv6 accept_ra of a device, default changed from $old6 to $new6:              $(value ipv6 untouched accept_ra)"
[ "$(value ipv4 untouched rp_filter)" = $new4 ] && [ "$(value ipv4 written rp_filter)" = 0 ] && [ "$(value ipv6 untouched accept_ra)" = "$old6" ]
