#!/bin/bash
# Software:  Docker 20.10.24 (Debian docker.io 20.10.24+dfsg1-1+deb12u1+b6), dockerd with --ip6tables (an experiment there),
#            iptables 1.8.9, seen on Linux 6.18.44 x86_64
# Behavior:  dockerd sets the policy of IPv4's chain FORWARD to drop only if it turns forwarding on itself. A router that forwards
#            already goes on. But IPv6's chain FORWARD gets the policy drop at every start, though forwarding of IPv6 was on and
#            dockerd leaves that setting alone.
# A guess:   Both families alike: a box that forwards before dockerd starts goes on forwarding.
# Output seen:
#   Linux 6.18.44 x86_64, Docker version 20.10.24+dfsg1
#   forwarding on before dockerd:  IPv4 policy accept, IPv6 policy drop
#   forwarding off before dockerd: IPv4 policy drop, IPv6 policy drop, forwarding IPv4 1, IPv6 0 after it
# Needs:     root, nftables, iproute2, Debian 12 and its archive. Exits with 1 if it behaves in another way, with 2 if something is
#            missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip nft unshare dpkg-deb apt-get >/dev/null || { echo "this needs root, nftables, iproute2 and Debian 12"; exit 2; }

if [ "${1-}" != inside ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    chmod 755 "$folder"
    (cd "$folder" && apt-get download -q docker.io=20.10.24+dfsg1-1+deb12u1+b6 containerd runc iptables=1.8.9-2 libip4tc2=1.8.9-2 \
        libip6tc2=1.8.9-2 libxtables12=1.8.9-2 libnetfilter-conntrack3 libnfnetlink0 >log 2>&1) ||
        { cat "$folder/log"; echo "no such packages here; this needs Debian 12 and the network"; exit 2; }
    for package in "$folder"/*.deb; do dpkg-deb -x "$package" "$folder/unpacked"; done
    # All else is done in network, mount and process namespaces, so nothing is left behind when they end.
    unshare --net --mount --pid --fork --kill-child --mount-proc "$0" inside "$folder"
    exit
fi
cd "$2"
mount -t tmpfs none /run
mkdir -p tools
for name in iptables ip6tables; do ln -sf ../unpacked/usr/sbin/xtables-nft-multi tools/$name; done
export PATH="$PWD/tools:$PWD/unpacked/usr/sbin:$PWD/unpacked/usr/bin:$PATH"
export LD_LIBRARY_PATH="$PWD/unpacked/usr/lib/x86_64-linux-gnu" XTABLES_LIBDIR="$PWD/unpacked/usr/lib/x86_64-linux-gnu/xtables"
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m), $(dockerd --version | cut -d, -f1)"
ip link set lo up

policy() { nft list chain "$1" filter FORWARD 2>/dev/null | grep -o 'policy [a-z]*'; }
start() { # what forwarding is set to
    echo "$1" >/proc/sys/net/ipv4/ip_forward
    echo "$1" >/proc/sys/net/ipv6/conf/all/forwarding
    mkdir data
    dockerd --experimental --ip6tables --data-root "$PWD/data" --exec-root /run/docker --pidfile /run/docker.pid \
        --host unix:///run/docker.sock --storage-driver vfs >log 2>&1 &
    local daemon=$!
    for try in $(seq 150); do
        grep -q 'API listen' log && break
        [ "$try" = 150 ] && { tail log; echo "dockerd does not start"; exit 2; }
        sleep 0.2
    done
    said="IPv4 $(policy ip), IPv6 $(policy ip6)"
    after="forwarding IPv4 $(cat /proc/sys/net/ipv4/ip_forward), IPv6 $(cat /proc/sys/net/ipv6/conf/all/forwarding) after it"
    kill "$daemon"
    wait "$daemon" || true
    nft flush ruleset
    rm -r data
}
start 1
on=$said
echo "forwarding on before dockerd:  $on"
start 0
off="$said, $after"
echo "forwarding off before dockerd: $off"
[ "$on" = "IPv4 policy accept, IPv6 policy drop" ] &&
    [ "$off" = "IPv4 policy drop, IPv6 policy drop, forwarding IPv4 1, IPv6 0 after it" ]
