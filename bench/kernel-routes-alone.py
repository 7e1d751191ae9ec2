#!/usr/bin/env python3
"""What the kernel alone takes for seg6 routes: kernel-routes-alone.py [ROUTES], as root, inside a network namespace of its own:
`unshare --net bench/kernel-routes-alone.py 1000000`.

It makes all requests first and then only sends them, 256 in a datagram, as segbox does: of a datagram the last one alone asks for an
acknowledgement. Then it reads the table, and looks at nothing but the length of what it gets. Its own time is that of 2 system calls per
256 routes; all else is the kernel's.
"""
import resource
import socket
import struct
import subprocess
import sys
import time

ROUTES = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
CHUNK = 256
NEWROUTE, GETROUTE, DONE, ERROR = 24, 26, 3, 2
REQUEST, ACK, EXCL, CREATE, DUMP = 1, 4, 0x200, 0x400, 0x300
ENOMEM = 12


def attribute(kind, value):
    return struct.pack("HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def address(text):
    return socket.inet_pton(socket.AF_INET6, text)


def request(number, index, flags):
    high, low = 0x100 + (number >> 16), number & 0xFFFF
    # H.Encaps of two segments: the mode and an SRH, the last segment first (include/uapi/linux/seg6_iptunnel.h, seg6.h).
    srh = struct.pack("=BBBBBBH", 0, 4, 4, 1, 1, 0, 0) + address(f"fc00:0:3:{low:x}::") + address("fc00:0:2:1::")
    tunnel = attribute(1, struct.pack("=i", 1) + srh)
    body = struct.pack("=BBBBBBBBI", socket.AF_INET6, 64, 0, 0, 0, 86, 0, 1, 0)
    body += attribute(15, struct.pack("I", 254)) + attribute(1, address(f"2001:db8:{high:x}:{low:x}::"))
    body += attribute(6, struct.pack("I", 1024)) + attribute(4, struct.pack("I", index))
    body += attribute(22 | 0x8000, tunnel) + attribute(21, struct.pack("H", 5))
    flags |= REQUEST | CREATE | EXCL
    return struct.pack("IHHII", 16 + len(body), NEWROUTE, flags, number + 1, 0) + body


def measured(name, work):
    begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    system, user = after.ru_stime - before.ru_stime, after.ru_utime - before.ru_utime
    print(f"{name}: {system:.1f} s in the kernel, {user:.1f} s outside, {time.monotonic() - begin:.1f} s in all", flush=True)


subprocess.run(["ip", "link", "add", "segbox0", "type", "ifb"], check=True)
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["ip", "link", "set", "segbox0", "up"], check=True)
index = socket.if_nametoindex("segbox0")
link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
link.setsockopt(socket.SOL_SOCKET, 33, 1 << 20)  # SO_RCVBUFFORCE
link.setsockopt(270, 12, 1)  # NETLINK_GET_STRICT_CHK
link.setsockopt(270, 10, 1)  # NETLINK_CAP_ACK
link.bind((0, 0))
numbers = [range(at, min(at + CHUNK, ROUTES)) for at in range(0, ROUTES, CHUNK)]
datagrams = [b"".join(request(one, index, ACK if one == part[-1] else 0) for one in part) for part in numbers]


def send():
    for part, datagram in zip(numbers, datagrams):
        pending = datagram
        while pending:
            link.send(pending)
            starved, last = [], False
            while not last:
                reply = link.recv(1 << 20)
                while reply:
                    length, _, _, sequence, _, error = struct.unpack_from("IHHIIi", reply)
                    if error == -ENOMEM:
                        # Per-CPU memory, which a work queue of the kernel refills.
                        starved.append(sequence - 1)
                    elif error:
                        sys.exit(f"the kernel refused a route: {-error}")
                    last |= sequence - 1 == part[-1]
                    reply = reply[(length + 3) & ~3 :]
            pending = b"".join(request(one, index, ACK if one == starved[-1] else 0) for one in starved)
            if pending:
                part = [starved[-1]]
                time.sleep(0.001)


def read():
    body = struct.pack("=BBBBBBBBI", socket.AF_INET6, 0, 0, 0, 0, 86, 0, 0, 0)
    link.send(struct.pack("IHHII", 16 + len(body), GETROUTE, REQUEST | DUMP, 0, 0) + body)
    while struct.unpack_from("IH", link.recv(1 << 20))[1] != DONE:
        pass


measured(f"putting {ROUTES} routes", send)
measured("reading them", read)
