#!/bin/bash
# Software:  iproute2 6.1.0, "ip netns exec" (seen with Linux 6.18.44 x86_64)
# Behavior:  "ip netns exec" mounts a new /sys for its command, so the BPF file system at /sys/fs/bpf and all that is
#            pinned there are not visible to it. /sys/fs/bpf is an empty folder of sysfs. A program that enters the
#            namespace by setns (nsenter --net) sees the pins.
# A guess:   Pins are not bound to a network namespace, and only the network namespace is another one.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   here:             bpf_fs, folder mine: there
#   nsenter --net:    bpf_fs, folder mine: there
#   ip netns exec:    sysfs, folder mine: not there
# Needs:     root, python3, iproute2. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip unshare python3 >/dev/null || { echo "this needs root, iproute2 and python3"; exit 2; }

# All is done in network and mount namespaces of this process, so nothing is left behind when it ends.
[ "${1-}" = inside ] || exec unshare --net --mount "$0" inside
mount -t tmpfs none /run
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m), $(ip -V | sed 's/.*, \(iproute2\)/\1/')"

mount -t bpf none /sys/fs/bpf || { echo "this kernel has no BPF file system"; exit 2; }
mkdir /sys/fs/bpf/mine
ip netns add other
say() { # command...
    "$@" sh -c 'echo "$(stat -f -c %T /sys/fs/bpf), folder mine: $([ -d /sys/fs/bpf/mine ] && echo there || echo not there)"'
}
before=$(say env)
by_setns=$(say nsenter --net=/run/netns/other)
by_exec=$(say ip netns exec other)
echo "here:             $before"
echo "nsenter --net:    $by_setns"
echo "ip netns exec:    $by_exec"
[ "$before" = "$by_setns" ] && [ "${before#*: }" = there ] && [ "${by_exec#*: }" = "not there" ]
