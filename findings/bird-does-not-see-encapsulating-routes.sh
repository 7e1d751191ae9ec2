#!/bin/bash
# Software:  BIRD 2.0.12 (Debian bird2 2.0.12-7), seen on Linux 6.18.44 x86_64, iproute2 6.1.0
# Behavior:  With "learn" BIRD takes the routes of other programs from the kernel, but not those with an encapsulation
#            (seg6, seg6local): they are in none of its tables, and its log has no word of them, also with "debug all".
#            So it puts a route of its own for the same prefix beside an encapsulating one, with metric 32, and that one
#            wins against the 1024 that the kernel gives by default.
# A guess:   Such a route is learned, with or without its encapsulation, or the log says that it is left out..
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2, BIRD version 2.0.12
#   2001:db8:30::/64, plain, in BIRD:          2001:db8:30::/64     unicast [kernel1 16:46:31.112] * (10)
#   2001:db8:40::/64, encap seg6, in BIRD:     Network not found
#   2001:db8:40::/64, encap seg6, in its log:  0 lines
#   2001:db8:50::/64, of both, in the kernel:
#   2001:db8:50::/64 via 2001:db8:12::2 dev eth0 proto bird metric 32 pref medium
#   2001:db8:50::/64  encap seg6 mode encap segs 1 [ fc00::1 ] via 2001:db8:12::2 dev eth0 proto 86 metric 1024 pref medium
#   2001:db8:50::1 takes: 2001:db8:50::1 from :: via 2001:db8:12::2 dev eth0 proto bird src 2001:db8:12::1 metric 32 pref medium
# Needs:     root, iproute2, Debian 12 and its archive. Exits with 1 if it behaves in another way, with 2 if something is
#            missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip unshare dpkg-deb apt-get >/dev/null || { echo "this needs root, iproute2 and Debian 12"; exit 2; }

if [ "${1-}" != inside ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    chmod 755 "$folder"
    (cd "$folder" && apt-get download -q bird2=2.0.12-7 libssh-gcrypt-4 libreadline8 libtinfo6 >log 2>&1) ||
        { cat "$folder/log"; echo "no such packages here; this needs Debian 12 and the network"; exit 2; }
    for package in "$folder"/*.deb; do dpkg-deb -x "$package" "$folder/unpacked"; done
    # All else is done in network, mount and process namespaces, so nothing is left behind when they end.
    unshare --net --mount --pid --fork --mount-proc "$0" inside "$folder"
    exit
fi
cd "$2"
mount -t tmpfs none /run
libraries=$(echo "$PWD"/unpacked/usr/lib/*-linux-gnu "$PWD"/unpacked/lib/*-linux-gnu | tr ' ' :)
run() { LD_LIBRARY_PATH=$libraries "$@"; }
birdc() { run unpacked/usr/sbin/birdc -s "$PWD/control" "$@" | grep -v -e ^BIRD -e ^Table || true; }
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m), $(ip -V | sed 's/.*, \(iproute2\)/\1/'), $(run unpacked/usr/sbin/bird --version 2>&1)"

ip link set lo up
ip link add name eth0 type veth peer name eth1
ip link set eth0 up
ip link set eth1 up
ip addr add 2001:db8:12::1/64 dev eth0 nodad
ip -6 route add 2001:db8:30::/64 via 2001:db8:12::2 proto 86
for prefix in 2001:db8:40::/64 2001:db8:50::/64; do
    ip -6 route add $prefix encap seg6 mode encap segs fc00::1 via 2001:db8:12::2 dev eth0 proto 86 ||
        { echo "this kernel has no encap seg6 (CONFIG_IPV6_SEG6_LWTUNNEL)"; exit 2; }
done
cat >bird.conf <<'CONF'
log "log" all;
debug protocols all;
router id 192.0.2.1;
protocol device { scan time 1; }
protocol kernel { learn; scan time 1; ipv6 { import all; export all; }; }
protocol static { ipv6; route 2001:db8:50::/64 via 2001:db8:12::2; }
CONF
run unpacked/usr/sbin/bird -c bird.conf -s "$PWD/control" -P "$PWD/pid"
sleep 4
plain=$(birdc show route for 2001:db8:30::/64 | sed -n 1p)
encap=$(birdc show route for 2001:db8:40::/64 | sed -n 1p)
log=$(grep -c 2001:db8:40:: log || true)
wins=$(ip -6 route get 2001:db8:50::1 | sed -n 1p)
echo "2001:db8:30::/64, plain, in BIRD:          $plain"
echo "2001:db8:40::/64, encap seg6, in BIRD:     $encap"
echo "2001:db8:40::/64, encap seg6, in its log:  $log lines"
echo "2001:db8:50::/64, of both, in the kernel:"
ip -6 route show 2001:db8:50::/64
echo "2001:db8:50::1 takes: $wins"
birdc down >/dev/null || true
[ "${plain#2001:db8:30::/64 }" != "$plain" ] && [ "$encap" = "Network not found" ] && [ "$log" = 0 ] && [ "${wins#*encap}" = "$wins" ]
