#!/bin/bash
# Software:  Linux, /sys/class/net/DEVICE/queues/tx-0/xps_cpus (seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  For a device with a single transmit queue the file xps_cpus is listed and can be opened, and reading it
#            fails with ENOENT, "No such file or directory".
# A guess:   A file that sysfs lists can be read; a device without the setting has no such file, or the read fails with
#            EOPNOTSUPP.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   one transmit queue, then two:
#   one: listed: yes, opened, read: No such file or directory
#   two: listed: yes, opened, can be read
# Needs:     root, python3, iproute2. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip unshare python3 >/dev/null || { echo "this needs root, iproute2 and python3"; exit 2; }

# All is done in network and mount namespaces of this process, so nothing is left behind when it ends.
[ "${1-}" = inside ] || exec unshare --net --mount "$0" inside
mount -t tmpfs none /run
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m), $(ip -V | sed 's/.*, \(iproute2\)/\1/')"

ip link add name one numtxqueues 1 type veth peer name two numtxqueues 2
mount -t sysfs none /sys
python3 - <<'PYTHON'
import os, sys

def read(device):
    path = "/sys/class/net/%s/queues/tx-0/xps_cpus" % device
    listed = "xps_cpus" in os.listdir(os.path.dirname(path))
    file = os.open(path, os.O_RDONLY)
    try:
        os.read(file, 100)
        said = "can be read"
    except OSError as error:
        said = "read: " + error.strerror
    print("%s: listed: %s, opened, %s" % (device, "yes" if listed else "no", said))
    return said

if not os.path.exists("/sys/class/net/two/queues/tx-0/xps_cpus"):
    print("this kernel has no XPS (CONFIG_XPS)")
    sys.exit(2)
print("one transmit queue, then two:")
sys.exit(0 if [read("one"), read("two")] == ["read: No such file or directory", "can be read"] else 1)
PYTHON
