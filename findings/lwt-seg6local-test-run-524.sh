#!/bin/bash
# Software:  Linux, bpf(BPF_PROG_TEST_RUN) (seen on 6.18.44 x86_64)
# Behavior:  For a program of type BPF_PROG_TYPE_LWT_SEG6LOCAL the call fails with error 524, which is no error number of
#            user space: it is ENOTSUPP of the kernel itself, and strerror knows no text for it. The other three types of
#            lightweight tunnels run.
# A guess:   All four types of lightweight tunnels can be tested this way; or EOPNOTSUPP (95).
# Output seen:
#   Linux 6.18.44 x86_64
#   LWT_IN        runs
#   LWT_OUT       runs
#   LWT_XMIT      runs
#   LWT_SEG6LOCAL error 524, Unknown error 524
# Needs:     root, python3, a kernel with CONFIG_LWTUNNEL_BPF and CONFIG_IPV6_SEG6_BPF. Exits with 1 if it behaves in
#            another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type python3 >/dev/null || { echo "this needs root and python3"; exit 2; }
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m)"

python3 - <<'PYTHON'
import ctypes, os, struct, sys

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

results = []
for name, kind in (("LWT_IN", 10), ("LWT_OUT", 11), ("LWT_XMIT", 12), ("LWT_SEG6LOCAL", 19)):
    program, log = load(kind, [(0xB7, 0, 0, 0), (0x95, 0, 0, 0)]) # r0 = 0; exit
    if isinstance(program, OSError):
        print("%s programs do not load: %s" % (name, program))
        sys.exit(2)
    packet = ctypes.create_string_buffer(14 + 40)
    packet[12:14] = b"\x86\xdd"
    try:
        bpf(10, struct.pack("<IIIIQQ", program, 0, len(packet), 0, place(packet), 0))
        results.append(0)
        print("%-13s runs" % name)
    except OSError as error:
        results.append(error.errno)
        print("%-13s error %d, %s" % (name, error.errno, error.strerror))
sys.exit(0 if results == [0, 0, 0, 524] else 1)
PYTHON
