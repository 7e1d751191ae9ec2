#!/bin/bash
# Software:  Linux, helper bpf_fib_lookup (seen on 6.18.44 x86_64), iproute2 6.1.0
# Behavior:  For an IPv6 ECMP route and net.ipv6.fib_multipath_hash_policy = 0, the path that bpf_fib_lookup finds
#            depends on the field l4_protocol. Only with the next header of the IPv6 header in it (for a packet with a
#            routing header 43, not the protocol behind it) it is the path that the kernel itself takes for the packet.
#            With 0 it is that path for half of the flows.
# A guess:   include/uapi/linux/bpf.h: "set if lookup is to consider L4 data - e.g., FIB rules". Policy 0 hashes
#            addresses and flow label alone, so without such rules 0 does.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2
#   UDP,         l4_protocol = 17: 300 of 300 flows as the kernel forwards them
#   UDP,         l4_protocol =  0: 152 of 300 flows as the kernel forwards them
#   SRH and UDP, l4_protocol = 43: 300 of 300 flows as the kernel forwards them
#   SRH and UDP, l4_protocol = 17: 150 of 300 flows as the kernel forwards them
#   SRH and UDP, l4_protocol =  0: 156 of 300 flows as the kernel forwards them
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
link() { # namespace device address namespace device address
    ip link add name "$2" netns "$1" type veth peer name "$5" netns "$4"
    ip -n "$1" link set "$2" up
    ip -n "$4" link set "$5" up
    ip -n "$1" addr add "$3"/64 dev "$2" nodad
    ip -n "$4" addr add "$6"/64 dev "$5" nodad
}
link host near 2001:db8:1::1 router near 2001:db8:1::2
link router path1 2001:db8:2::1 core path1 2001:db8:2::2
link router path2 2001:db8:3::1 core path2 2001:db8:3::2
ip netns exec router sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
ip -n host -6 route add default via 2001:db8:1::2
ip -n router -6 route add fc00::/16 nexthop via 2001:db8:2::2 dev path1 nexthop via 2001:db8:3::2 dev path2
sleep 3 # until the link-local addresses are usable, which neighbour discovery needs
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

def enter(name):
    with open("/run/netns/" + name) as file:
        if ctypes.CDLL(None).setns(file.fileno(), 0):
            sys.exit("setns failed")

# Copies a struct bpf_fib_lookup from the packet to the stack, asks, and copies it back.
program = [
    (0xBF, 6 | 1 << 4, 0, 0),                            # r6 = the context
    (0x61, 7 | 1 << 4, 0, 0), (0x61, 8 | 1 << 4, 4, 0),  # r7 = data; r8 = data_end
    (0xBF, 2 | 7 << 4, 0, 0), (0x07, 2, 0, 64),          # r2 = r7 + 64
    (0x2D, 2 | 8 << 4, 23 + 16, 0),                      # if r2 > r8: exit
]
for at in range(0, 64, 8):
    program += [(0x79, 3 | 7 << 4, at, 0), (0x7B, 10 | 3 << 4, at - 64, 0)]
program += [
    (0xBF, 1 | 6 << 4, 0, 0), (0xBF, 2 | 10 << 4, 0, 0), (0x07, 2, 0, -64),
    (0xB7, 3, 0, 64), (0xB7, 4, 0, 0), (0x85, 0, 0, 69), # bpf_fib_lookup(context, stack, 64, 0)
]
for at in range(0, 64, 8):
    program += [(0x79, 3 | 10 << 4, at - 64, 0), (0x7B, 7 | 3 << 4, at, 0)]
program += [(0x05, 0, 1, 0), (0xB7, 0, 0, 255), (0x95, 0, 0, 0)]
program, log = load(6, program)
if isinstance(program, OSError):
    print("the program does not load:", program, log)
    sys.exit(2)

source, destination = (socket.inet_pton(socket.AF_INET6, text) for text in ("2001:db8:1::1", "fc00::1"))
enter("router")
near, path1, path2 = (socket.if_nametoindex(name) for name in ("near", "path1", "path2"))

def lookup(label, protocol):
    packet = struct.pack("<BBHHHI", 10, protocol, 0, 0, 0, near) + struct.pack(">I", label) + source + destination + bytes(16)
    packet = ctypes.create_string_buffer(packet, 64)
    answer = ctypes.create_string_buffer(64)
    attributes = bpf(10, struct.pack("<IIIIQQ", program, 0, 64, 64, place(packet), place(answer)))[1]
    result = struct.unpack_from("<I", attributes, 4)[0]
    if result not in (0, 7): # found; found, but the neighbour is not known yet
        sys.exit("bpf_fib_lookup: %d" % result)
    return struct.unpack_from("<I", answer, 8)[0]

enter("core")
paths = []
for name in ("path1", "path2"):
    path = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86DD))
    path.bind((name, 0x86DD))
    path.setblocking(False)
    paths.append(path)
enter("host")
host = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)

def forwarded(protocol, labels):
    """Which path the kernel takes for each flow label."""
    body = bytes([17, 2, 4, 0, 0, 0, 0, 0]) + destination if protocol == 43 else b""
    body += struct.pack("!4H", 1000, 1000, 8, 1)
    taken = {}
    for label in labels:
        header = struct.pack("!IHBB", 6 << 28 | label, len(body), protocol, 64) + source + destination
        host.sendto(header + body, ("fc00::1", 0))
        time.sleep(0.001)
    time.sleep(0.5)
    for path, index in zip(paths, (path1, path2)):
        while True:
            try:
                packet, sender = path.recvfrom(2048)
            except BlockingIOError:
                break
            if sender[2] != socket.PACKET_OUTGOING and packet[6] == protocol and packet[24:40] == destination:
                taken[int.from_bytes(packet[1:4], "big") & 0xFFFFF] = index
    return taken

forwarded(17, range(60)) # Neighbour discovery holds the first packets back.
time.sleep(1)
forwarded(17, ())
results = []
for name, protocol, asked in (("UDP", 17, 17), ("UDP", 17, 0), ("SRH and UDP", 43, 43), ("SRH and UDP", 43, 17), ("SRH and UDP", 43, 0)):
    taken = forwarded(protocol, range(1, 301))
    enter("router")
    same = sum(lookup(label, asked) == path for label, path in taken.items())
    enter("host")
    results.append(len(taken) == 300 and same)
    print("%-12s l4_protocol = %2d: %3d of %d flows as the kernel forwards them" % (name + ",", asked, same, len(taken)))
right, wrong = (results[0], results[2]), (results[1], results[3], results[4])
sys.exit(0 if right == (300, 300) and all(100 < count < 200 for count in wrong) else 1)
PYTHON
