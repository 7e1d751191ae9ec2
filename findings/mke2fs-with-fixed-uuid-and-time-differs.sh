#!/bin/bash
# Software:  mke2fs of e2fsprogs 1.47.0 (Debian 1.47.0-2+b2)
# Behavior:  With the identifier (-U) and the time (E2FSPROGS_FAKE_TIME) given, two runs over the same folder give two
#            different file systems. The seed of the hashes of directories is random, whatever -U says, and decides in
#            which order the names of a large directory lie. Only "-E hash_seed=UUID" makes them the same.
# A guess:   The identifier and the time are all that differs from run to run. The seed is derived from the identifier.
# Output seen:
#   mke2fs 1.47.0 (5-Feb-2023)
#   -U, fixed time:                  2446 bytes differ
#   -U, fixed time, -E hash_seed=:   0 bytes differ
# Needs:     Debian 12 and its archive. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
type dpkg-deb apt-get >/dev/null || { echo "this needs Debian 12"; exit 2; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
apt-get download -q e2fsprogs=1.47.0-2+b2 libext2fs2=1.47.0-2+b2 libcom-err2=1.47.0-2+b2 libblkid1 libuuid1 >log 2>&1 ||
    { cat log; echo "no such packages here; this needs Debian 12 and the network"; exit 2; }
for package in *.deb; do dpkg-deb -x "$package" unpacked; done
LD_LIBRARY_PATH=$(echo "$PWD"/unpacked/usr/lib/*-linux-gnu "$PWD"/unpacked/lib/*-linux-gnu | tr ' ' :)
export LD_LIBRARY_PATH E2FSPROGS_FAKE_TIME=1700000000
unpacked/sbin/mke2fs -V 2>&1 | sed -n 1p

mkdir -p tree/many
for number in $(seq 300); do echo "$number" >"tree/many/file$number"; done
find tree -exec touch -d @1700000000 {} +
different() { # option... ; how many bytes two file systems differ by
    for file in first second; do
        rm -f $file
        truncate -s 16M $file
        unpacked/sbin/mke2fs -q -t ext4 -U 11111111-1111-4111-8111-111111111111 "$@" -d tree $file
    done
    { cmp -l first second || true; } | wc -l
}
plain=$(different)
seeded=$(different -E hash_seed=22222222-2222-4222-8222-222222222222)
echo "-U, fixed time:                  $plain bytes differ"
echo "-U, fixed time, -E hash_seed=:   $seeded bytes differ"
[ "$plain" -gt 0 ] && [ "$seeded" = 0 ]
