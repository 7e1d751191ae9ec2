#!/bin/bash
# Software:  FRRouting 8.4.4 (Debian frr 8.4.4-1.1~deb12u2), zebra and staticd, seen on Linux 6.18.44 x86_64, iproute2
#            6.1.0. The upstream pull request 21519 is about it.
# Behavior:  A route of FRR whose next hop is reached by a kernel route with "encap seg6" is resolved over that route,
#            and is put into the kernel as a plain route to the bare next hop on the device of the encapsulating one,
#            with "onlink". The encapsulation is lost, so the packets never reach the first segment.
# A guess:   The route inherits the encapsulation of the one that it is resolved by, as labels are inherited, or it is
#            not active.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2, zebra version 8.4.4
#   the way to the next hop:   2001:db8:ff::2  encap seg6 mode encap segs 1 [ fc00::1 ] dev eth0 metric 1024 pref medium
#   FRR's route by next hop:   2001:db8:b1::/64 nhid 9 via 2001:db8:ff::2 dev eth0 proto 196 metric 20 onlink pref medium
# Needs:     root, iproute2, Debian 12 and its archive. Exits with 1 if it behaves in another way, with 2 if something is
#            missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip unshare dpkg-deb apt-get >/dev/null || { echo "this needs root, iproute2 and Debian 12"; exit 2; }

if [ "${1-}" != inside ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    chmod 755 "$folder"
    (cd "$folder" && apt-get download -q frr=8.4.4-1.1~deb12u2 libyang2 libjson-c5 libcap2 libc-ares2 libpcre2-8-0 libreadline8 libtinfo6 >log 2>&1) ||
        { cat "$folder/log"; echo "no such packages here; this needs Debian 12 and the network"; exit 2; }
    for package in "$folder"/*.deb; do dpkg-deb -x "$package" "$folder/unpacked"; done
    # All else is done in network, mount and process namespaces, so nothing is left behind when they end.
    unshare --net --mount --pid --fork --mount-proc "$0" inside "$folder"
    exit
fi
cd "$2"
# FRR wants a user and two groups of its own, and its folder in /run.
cp /etc/passwd passwd
cp /etc/group group
grep -q ^frr: passwd || echo "frr:x:64001:64001::/:/bin/false" >>passwd
grep -q ^frr: group || echo "frr:x:64001:" >>group
grep -q ^frrvty: group || echo "frrvty:x:64002:frr" >>group
mount --bind passwd /etc/passwd
mount --bind group /etc/group
mount -t tmpfs none /run
install -d -o frr -g frr /run/frr
libraries=$(echo "$PWD"/unpacked/usr/lib/*-linux-gnu/frr "$PWD"/unpacked/usr/lib/*-linux-gnu "$PWD"/unpacked/lib/*-linux-gnu | tr ' ' :)
run() { LD_LIBRARY_PATH=$libraries "$@"; }
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m), $(ip -V | sed 's/.*, \(iproute2\)/\1/'), $(run unpacked/usr/lib/frr/zebra --version | sed -n 1p)"

ip link set lo up
ip link add name eth0 type veth peer name eth1
ip link set eth0 up
ip link set eth1 up
ip addr add 2001:db8:12::1/64 dev eth0 nodad
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
ip -6 route add fc00::/16 via 2001:db8:12::2
ip -6 route add 2001:db8:ff::2 encap seg6 mode encap segs fc00::1 dev eth0 ||
    { echo "this kernel has no encap seg6 (CONFIG_IPV6_SEG6_LWTUNNEL)"; exit 2; }
echo "ipv6 forwarding" >zebra.conf
echo "ipv6 route 2001:db8:b1::/64 2001:db8:ff::2" >staticd.conf
chmod 644 ./*.conf
for daemon in zebra staticd; do
    run "unpacked/usr/lib/frr/$daemon" -d -P 0 -f "$PWD/$daemon.conf" >>log 2>&1 || { cat log; exit 1; }
done
for _ in $(seq 100); do
    route=$(ip -6 route show 2001:db8:b1::/64 | tr '\n' ' ')
    [ -z "$route" ] || break
    sleep 0.1
done
echo "the way to the next hop:   $(ip -6 route show 2001:db8:ff::2)"
echo "FRR's route by next hop:   $route"
[ "${route#*via 2001:db8:ff::2 dev eth0}" != "$route" ] && [ "${route#*onlink}" != "$route" ] && [ "${route#*encap}" = "$route" ]
