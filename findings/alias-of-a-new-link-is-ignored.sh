#!/bin/bash
# Software:  Linux, RTM_NEWLINK with IFLA_IFALIAS (seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  "ip link add name NAME alias TEXT ..." succeeds, and the device has no alias: the kernel passes over the
#            attribute when it makes a device (rtnl_create_link). The MTU in the same request is set. The same alias by
#            "ip link set" is set, so it takes a second request.
# A guess:   An attribute of a request is done or refused.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   ip link add: MTU and alias: 1400
#   ip link set: MTU and alias: 1400 an alias
# Needs:     root, python3, iproute2. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip unshare python3 >/dev/null || { echo "this needs root, iproute2 and python3"; exit 2; }

# All is done in network and mount namespaces of this process, so nothing is left behind when it ends.
[ "${1-}" = inside ] || exec unshare --net --mount "$0" inside
mount -t tmpfs none /run
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m), $(ip -V | sed 's/.*, \(iproute2\)/\1/')"

mount -t sysfs none /sys
ip link add name new alias "an alias" mtu 1400 type bridge || { echo "this kernel has no bridge"; exit 2; }
added=$(cat /sys/class/net/new/mtu /sys/class/net/new/ifalias | tr '\n' ' ')
echo "ip link add: MTU and alias: $added"
ip link set dev new alias "an alias"
set=$(cat /sys/class/net/new/mtu /sys/class/net/new/ifalias | tr '\n' ' ')
echo "ip link set: MTU and alias: $set"
[ "$added" = "1400 " ] && [ "$set" = "1400 an alias " ]
