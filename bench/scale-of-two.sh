#!/bin/sh
# Two builds of segbox side by side, with one file of many policies: scale-of-two.sh OLD NEW [POLICIES] [ROUNDS], as root.
#
# Each round runs both, one after the other, each in a network namespace of its own: `apply`, then `plan` in sync. A line has the
# round, the build, the command, seconds of CPUs outside and inside the kernel, seconds in all, and the peak of memory in KiB.
set -eu
old=$(realpath "$1") new=$(realpath "$2") policies=${3:-1000000} rounds=${4:-3}
folder=$(mktemp -d)
trap 'ip netns del segbox-scale 2>/dev/null || true; rm -rf "$folder"' EXIT
awk -v n="$policies" 'BEGIN { for (i = 0; i < n; i++) printf "[[srv6.policy]]\ndestination = \"2001:db8:%x:%x::/64\"\nbehavior = \"H.Encaps\"\nsegments = [\"fc00:0:2:1::\", \"fc00:0:3:%x::\"]\n\n", 256 + int(i / 65536), i % 65536, i % 65536 }' >"$folder/segbox.toml"
for round in $(seq "$rounds"); do
    for build in old new; do
        ip netns add segbox-scale
        for command in apply plan; do
            binary=$old
            [ $build = old ] || binary=$new
            ip netns exec segbox-scale /usr/bin/time -o "$folder/took" -f '%U %S %e %M' "$binary" $command "$folder/segbox.toml" >/dev/null 2>&1
            echo "$round $build $command $(tail -n 1 "$folder/took")"
        done
        ip netns del segbox-scale
        # The kernel removes the routes of a namespace after it is gone, on a CPU that the next measurement needs.
        sleep 5
    done
done
