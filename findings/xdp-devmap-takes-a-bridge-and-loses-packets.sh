#!/bin/bash
# Software:  Linux, BPF_MAP_TYPE_DEVMAP and bpf_redirect_map (seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  A devmap takes a device that cannot send for XDP, such as a bridge: the update succeeds, bpf_redirect_map
#            answers XDP_REDIRECT, and each packet is lost. Neither the program nor the loader hears of it.
# A guess:   Whether a device can send for XDP is known when it is put into the map (ndo_xdp_xmit is there or not), so
#            the update fails.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   far     in the devmap: the update succeeds, 100 of 100 packets arrive
#   bridge  in the devmap: the update succeeds,   0 of 100 packets arrive
# Needs:     root, python3, iproute2. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip unshare python3 >/dev/null || { echo "this needs root, iproute2 and python3"; exit 2; }

# All is done in network and mount namespaces of this process, so nothing is left behind when it ends.
[ "${1-}" = inside ] || exec unshare --net --mount "$0" inside
mount -t tmpfs none /run
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m), $(ip -V | sed 's/.*, \(iproute2\)/\1/')"

for name in host router core; do
    ip netns add $name
    ip -n $name link set lo up
done
ip link add name near netns host type veth peer name near netns router
ip link add name far netns router type veth peer name far netns core
ip -n router link add name bridge type bridge
ip -n router link set bridge up
ip link add name free netns router type veth peer name free netns core
ip -n router link set free master bridge
for place in host/near router/near router/far core/far router/free core/free; do
    ip -n ${place%/*} link set ${place#*/} up
done
sleep 2 # until the bridge forwards
python3 - <<'PYTHON'
import ctypes, os, socket, struct, sys, time

def bpf(command, attributes):
    """The system call bpf(2)."""
    number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
    attributes = ctypes.create_string_buffer(attributes, 144)
    result = ctypes.CDLL(None, use_errno=True).syscall(number, command, attributes, 144)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result, attributes.raw

def place(buffer):
    return ctypes.addressof(buffer)

def load(kind, instructions, flags=0):
    """BPF_PROG_LOAD: the program's descriptor and the verifier's log."""
    code = b"".join(struct.pack("<BBhi", *instruction) for instruction in instructions)
    code = ctypes.create_string_buffer(code, len(code))
    license = ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(65536)
    fields = struct.pack("<IIQQIIQII", kind, len(code) // 8, place(code), place(license), 1, len(log), place(log), 0, flags)
    try:
        return bpf(5, fields)[0], log.value.decode()
    except OSError as error:
        return error, log.value.decode()

def attach(program, device):
    """BPF_LINK_CREATE, by the driver's own XDP. It is detached when the descriptor is closed."""
    return bpf(28, struct.pack("<IIII", program, socket.if_nametoindex(device), 37, 4))[0]

def enter(name):
    with open("/run/netns/" + name) as file:
        if ctypes.CDLL(None).setns(file.fileno(), 0):
            sys.exit("setns failed")

enter("core")
# veth sends for XDP only if the other end polls: a program there makes it do so.
passing, log = load(6, [(0xB7, 0, 0, 2), (0x95, 0, 0, 0)])
if isinstance(passing, OSError):
    print("XDP does not load here:", passing)
    sys.exit(2)
links = [attach(passing, "far"), attach(passing, "free")]
sinks = {}
for name in ("far", "free"):
    sinks[name] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B5))
    sinks[name].bind((name, 0x88B5))
    sinks[name].setblocking(False)
enter("host")
host = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
host.bind(("near", 0x88B5))
enter("router")
devmap = bpf(0, struct.pack("<IIIII", 14, 4, 4, 1, 0))[0]
redirect, log = load(6, [
    (0x18, 1 | 1 << 4, 0, devmap), (0, 0, 0, 0), # r1 = the map
    (0xB7, 2, 0, 0), (0xB7, 3, 0, 0),            # r2 = 0; r3 = 0
    (0x85, 0, 0, 51), (0x95, 0, 0, 0),           # call bpf_redirect_map; exit
])
links.append(attach(redirect, "near"))

results = []
for device, sink in (("far", "far"), ("bridge", "free")):
    key = ctypes.create_string_buffer(struct.pack("<I", 0), 4)
    value = ctypes.create_string_buffer(struct.pack("<I", socket.if_nametoindex(device)), 4)
    bpf(2, struct.pack("<IIQQQ", devmap, 0, place(key), place(value), 0)) # Fails if the map does not take it.
    for _ in range(100):
        host.send(b"\xff" * 6 + b"\x02" + bytes(5) + b"\x88\xb5" + bytes(50))
    time.sleep(0.5)
    count = 0
    while True:
        try:
            sinks[sink].recv(2048)
            count += 1
        except BlockingIOError:
            break
    results.append(count)
    print("%-7s in the devmap: the update succeeds, %3d of 100 packets arrive" % (device, count))
sys.exit(0 if results == [100, 0] else 1)
PYTHON
