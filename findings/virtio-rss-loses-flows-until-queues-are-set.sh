#!/bin/bash
# Software:  QEMU 7.2 (Debian qemu-system-x86 1:7.2+dfsg-7+deb12u18) and virtio_net of Linux 6.12.118 (Debian 13, linux-
#            image-6.12.118+deb13-cloud-amd64). Linux 6.1.192 does not have it
# Behavior:  Of several virtio-net-pci devices with two queues and rss=on, some lose most of the flows to the guest, from
#            the start and for good; which ones differs from boot to boot, and seldom there is none. Setting the queues
#            once by ethtool -L, to the number that they have already, makes all flows pass. Devices without rss=on, with
#            hash=on for instance, lose none.
# A guess:   The driver tells the device how to spread packets when it starts, so rss=on works without ethtool; and it
#            works for each device or for none.
# Output seen:
#   QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)
#   guest: Linux 6.12.118+deb13-cloud-amd64 6.12.118-1
#   neither: 10 of 10 hosts answer; after ethtool -L 10
#   hash=on: 10 of 10 hosts answer; after ethtool -L 10
#   rss=on:   2 of 10 hosts answer; after ethtool -L 10
#   rss=on:  10 of 10 hosts answer; after ethtool -L 10
#   rss=on:  10 of 10 hosts answer; after ethtool -L 10
#   rss=on:  10 of 10 hosts answer; after ethtool -L 10
#   rss=on:   1 of 10 hosts answer; after ethtool -L 10
#   rss=on:  10 of 10 hosts answer; after ethtool -L 10
#   rss=on:   3 of 10 hosts answer; after ethtool -L 10
#   rss=on:   2 of 10 hosts answer; after ethtool -L 10
# Needs:     root, iproute2, Debian 12 and its archive, qemu-system-x86. It takes two to four minutes. Exits with 1 if it
#            behaves in another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip unshare dpkg-deb apt-get qemu-system-x86_64 gzip >/dev/null ||
    { echo "this needs root, iproute2, qemu-system-x86 and Debian 12"; exit 2; }

if [ "${1-}" != inside ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    chmod 755 "$folder"
    # Debian 13's kernel, from where this machine has Debian 12 from. Nothing of this machine's apt is changed.
    (
        cd "$folder"
        mkdir -p parts lists/partial cache/archives/partial
        for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
            [ ! -f "$file" ] || ! grep -q bookworm "$file" || sed 's/bookworm/trixie/g' "$file" >"parts/${file##*/}"
        done
        touch status
        printf 'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "%s/parts";\nDir::State::lists "%s/lists";\n' "$folder" "$folder" >apt.conf
        printf 'Dir::Cache "%s/cache";\nDir::State::status "%s/status";\nAcquire::Languages "none";\n' "$folder" "$folder" >>apt.conf
        export APT_CONFIG=$folder/apt.conf
        apt-get update -q >log 2>&1
        apt-get download -q linux-image-6.12.118+deb13-cloud-amd64 busybox-static ethtool libmnl0 libc6 >>log 2>&1
    ) || { grep -v ://  "$folder/log"; echo "no such packages here; this needs Debian 12 and the network"; exit 2; }
    for package in "$folder"/*.deb; do dpkg-deb -x "$package" "$folder/root"; done
    # The taps are in a network namespace, so nothing is left behind when it ends.
    unshare --net --mount --pid --fork --mount-proc --kill-child "$0" inside "$folder"
    exit
fi
cd "$2"
qemu-system-x86_64 --version | sed -n 1p
ls *cloud*.deb | sed 's/linux-image-\(.*\)_\(.*\)_amd64.deb/guest: Linux \1 \2/'

# The guest: a kernel, modules, busybox and ethtool.
mkdir -p guest/bin guest/proc guest/sys guest/dev guest/lib64
cp root/usr/bin/busybox root/usr/sbin/ethtool guest/bin/
cp -L root/usr/lib/x86_64-linux-gnu/{ld-linux-x86-64.so.2,libc.so.6,libm.so.6} root/usr/lib/x86_64-linux-gnu/libmnl.so.0 guest/lib64/
modules="net/core/failover drivers/net/net_failover drivers/net/virtio_net"
for module in $modules; do
    guest/bin/busybox xz -dc root/usr/lib/modules/*/kernel/$module.ko.xz >guest/${module##*/}.ko
done
echo "$modules" | tr ' ' '\n' >guest/modules
cat >guest/init <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin LD_LIBRARY_PATH=/lib64
mount -t proc none /proc
mount -t sysfs none /sys
while read -r module; do insmod /${module##*/}.ko; done </modules
answered() { # number of the device
    count=0
    for host in $(seq 101 110); do
        ping -c 1 -W 1 10.0.$1.$host >/dev/null && count=$((count + 1))
    done
    echo $count
}
sleep 1
for number in $(seq 0 9); do
    ip link set eth$number up
    ip addr add 10.0.$number.1/24 dev eth$number
    before=$(answered $number)
    ethtool -L eth$number combined 1 && ethtool -L eth$number combined 2
    echo "RESULT $number $before $(answered $number)"
done
poweroff -f
INIT
chmod +x guest/init
(cd guest && find . | bin/busybox cpio -o -H newc 2>/dev/null | gzip -1 >../guest.gz)

options=("" hash=on rss=on rss=on rss=on rss=on rss=on rss=on rss=on rss=on)
devices=()
for number in $(seq 0 9); do
    ip tuntap add tap$number mode tap multi_queue || { echo "this kernel has no tap"; exit 2; }
    for host in $(seq 101 110); do ip addr add 10.0.$number.$host/24 dev tap$number; done
    ip link set tap$number up
    devices+=(-netdev "tap,id=net$number,ifname=tap$number,queues=2,script=no,downscript=no,vhost=off")
    devices+=(-device "virtio-net-pci,netdev=net$number,mq=on,vectors=6,romfile=${options[number]:+,${options[number]}}")
done
timeout 900 qemu-system-x86_64 -accel tcg,thread=single -smp 2 -m 256 -nographic -no-reboot -kernel root/boot/vmlinuz-* \
    -initrd guest.gz -append "console=ttyS0 quiet panic=-1" "${devices[@]}" </dev/null >console 2>&1 || true
tr -d '\r' <console | sed -n 's/.*RESULT //p' >results
[ "$(wc -l <results)" = 10 ] || { tail -20 console; echo "the guest did not come so far"; exit 2; }
while read -r number before after; do
    printf '%-8s %2s of 10 hosts answer; after ethtool -L %2s\n' "${options[number]:-neither}:" "$before" "$after"
done <results
without=$(head -2 results | grep -c " 10 10$" || true)
with=$(tail -8 results | grep -vc " 10 10$" || true)
after=$(grep -c " 10$" results || true)
[ "$without" = 2 ] && [ "$with" -gt 0 ] && [ "$after" = 10 ]
