#!/bin/sh
# Routes with two hops beside as many with one, in turn: two-hops.sh SEGBOX [ROUTES] [ROUNDS], as root.
#
# Each round applies a file of each kind, plans it in sync and takes its routes away again, in a network namespace of its own. A line has the
# round, the hops of a route, the command, seconds of CPUs outside and inside the kernel, seconds in all, and the peak of memory in KiB.
set -eu
segbox=$(realpath "$1") routes=${2:-100000} rounds=${3:-5}
folder=$(mktemp -d)
ip netns add segbox-hops
trap 'ip netns del segbox-hops; rm -rf "$folder"' EXIT
cd "$folder"
inside="ip netns exec segbox-hops"
file() {
    for number in 1 2; do
        printf '[interface.eth%s]\naddresses = ["2001:db8:%s::1/64"]\n' $number $number
    done
    awk -v n="$1" -v way="$2" 'BEGIN { for (i = 0; i < n; i++) printf "[[route]]\ndestination = \"2001:db8:%x:%x::/64\"\n%s\n", 256 + int(i / 65536), i % 65536, way }'
}
file 0 "" >none
file "$routes" 'via = "2001:db8:1::2"' >one
file "$routes" 'hops = [{ via = "2001:db8:1::2" }, { via = "2001:db8:2::2" }]' >two
for number in 1 2; do
    $inside ip link add name eth$number type veth peer name far$number
    $inside ip link set far$number up
done
$inside "$segbox" apply none >/dev/null 2>&1
for round in $(seq "$rounds"); do
    for hops in one two; do
        for command in apply plan; do
            $inside /usr/bin/time -o took -f '%U %S %e %M' "$segbox" $command $hops >/dev/null 2>&1
            echo "$round $hops $command $(cat took)"
        done
        $inside "$segbox" apply none >/dev/null 2>&1
    done
done
