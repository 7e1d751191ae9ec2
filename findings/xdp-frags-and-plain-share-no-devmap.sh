#!/bin/bash
# Software:  Linux, XDP programs and BPF_MAP_TYPE_DEVMAP (seen on 6.18.44 x86_64)
# Behavior:  A program loaded with BPF_F_XDP_HAS_FRAGS ("xdp.frags") cannot use a devmap that a plain XDP program already
#            uses, and the other way round: BPF_PROG_LOAD fails with EINVAL, and the log of the verifier ends as if it
#            had accepted the program. The map belongs to the first program's kind.
# A guess:   Maps are shared by programs of any kind. Or at least the log says why not.
# Output seen:
#   Linux 6.18.44 x86_64
#   xdp       and then xdp       both load
#   xdp.frags and then xdp.frags both load
#   xdp       and then xdp.frags [Errno 22] Invalid argument; the log ends: processed 5 insns
#   xdp.frags and then xdp       [Errno 22] Invalid argument; the log ends: processed 5 insns
# Needs:     root, python3. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type python3 >/dev/null || { echo "this needs root and python3"; exit 2; }
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m)"

python3 - <<'PYTHON'
import ctypes, os, re, struct, sys

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

def new_map(kind):
    return bpf(0, struct.pack("<IIIII", kind, 4, 4, 8, 0))[0]

def redirect(devmap, flags):
    return load(6, [
        (0x18, 1 | 1 << 4, 0, devmap), (0, 0, 0, 0), # r1 = the map
        (0xB7, 2, 0, 0), (0xB7, 3, 0, 0),            # r2 = 0; r3 = 0
        (0x85, 0, 0, 51), (0x95, 0, 0, 0),           # call bpf_redirect_map; exit
    ], flags)

FRAGS = 1 << 5
failed = []
for first, second in ((0, 0), (FRAGS, FRAGS), (0, FRAGS), (FRAGS, 0)):
    devmap = new_map(14)
    program, log = redirect(devmap, first)
    if isinstance(program, OSError):
        print("XDP does not load here:", program)
        sys.exit(2)
    other, log = redirect(devmap, second)
    names = tuple("xdp.frags" if flags else "xdp" for flags in (first, second))
    if isinstance(other, OSError):
        failed.append((other.errno, re.search(r"processed \d+ insns", log) is not None))
        print("%-9s and then %-9s %s; the log ends: %s" % (names + (other, log.strip().splitlines()[-1][:17])))
    else:
        print("%-9s and then %-9s both load" % names)
sys.exit(0 if failed == [(22, True)] * 2 else 1)
PYTHON
