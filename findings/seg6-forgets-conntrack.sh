#!/bin/bash
# Software:  Linux, route encapsulation "encap seg6" and SID End.DX6, with nf_tables (seen on 6.18.44 x86_64), nftables 1.0.6,
#            iproute2 6.1.0
# Behavior:  Where a packet is encapsulated or decapsulated, the kernel takes its connection tracking entry off it. In the hook
#            "forward" it has none, and "ct state invalid" matches: the usual rule "ct state invalid drop" loses these
#            packets. "notrack" in prerouting does not help, since the mark "untracked" goes with the entry; "notrack" in
#            forward, before that rule, does. End.DT6 with "table" differs: there the inner packet keeps the outer's entry.
# A guess:   The encapsulated packet is tracked as a connection of its own, or keeps the state of the inner one, so that the
#            rule spares it; or "notrack" in prerouting exempts it, as it does for any other forwarded packet.
# Output seen:
#   Linux 6.18.44 x86_64, iproute2-6.1.0, libbpf 1.1.2, nftables v1.0.6
#   forwarded                         prerouting new 3 untracked 0, forward new 3 untracked 0 invalid 0
#   encap seg6                        prerouting new 3 untracked 0, forward new 0 untracked 0 invalid 3
#   End.DX6                           prerouting new 3 untracked 0, forward new 0 untracked 0 invalid 3
#   End.DT6 table                     prerouting new 3 untracked 0, forward new 3 untracked 0 invalid 0
#   forwarded, notrack before         prerouting new 0 untracked 3, forward new 0 untracked 3 invalid 0
#   encap seg6, notrack before        prerouting new 0 untracked 3, forward new 0 untracked 0 invalid 3
#   End.DX6, notrack before           prerouting new 0 untracked 3, forward new 0 untracked 0 invalid 3
#   End.DT6 table, notrack before     prerouting new 0 untracked 3, forward new 0 untracked 3 invalid 0
#   encap seg6, notrack in forward    prerouting new 3 untracked 0, forward new 0 untracked 3 invalid 0
#   End.DX6, notrack in forward       prerouting new 3 untracked 0, forward new 0 untracked 3 invalid 0
# Needs:     root, python3, iproute2, nftables. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type ip nft unshare python3 >/dev/null ||
    { echo "this needs root, iproute2, nftables and python3"; exit 2; }

# All is done in network and mount namespaces of this process, so nothing is left behind when it ends.
[ "${1-}" = inside ] || exec unshare --net --mount "$0" inside
mount -t tmpfs none /run
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m), $(ip -V | sed 's/.*, \(iproute2\)/\1/')," \
    "$(nft --version | cut -d' ' -f1,2)"

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
link router far 2001:db8:2::1 core far 2001:db8:2::2
ip netns exec router sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
ip netns exec router sh -c 'for file in /proc/sys/net/ipv6/conf/*/seg6_enabled; do echo 1 >$file; done'
ip -n host -6 route add default via 2001:db8:1::2
ip -n router -6 route add fc00::/16 via 2001:db8:2::2
ip -n router -6 route add 2001:db8:a::/64 encap seg6 mode encap segs fc00::1 dev far ||
    { echo "this kernel has no encap seg6 (CONFIG_IPV6_SEG6_LWTUNNEL)"; exit 2; }
ip -n router -6 route add fd00::6/128 encap seg6local action End.DX6 nh6 2001:db8:2::2 dev far
ip -n router -6 route add fd00::7/128 encap seg6local action End.DT6 table 254 dev far
# The host encapsulates for the SIDs by itself.
ip -n host -6 route add 2001:db8:d::6/128 encap seg6 mode encap segs fd00::6 dev near
ip -n host -6 route add 2001:db8:d::7/128 encap seg6 mode encap segs fd00::7 dev near
ip -n router -6 route add 2001:db8:d::/64 via 2001:db8:2::2
ip -n router -6 route add 2001:db8:b::/64 via 2001:db8:2::2
# Nothing answers.
ip -n core -6 route add blackhole 2001:db8:b::/64
ip -n core -6 route add blackhole 2001:db8:d::/64
ip -n core -6 route add default via 2001:db8:2::1
ip netns exec router nft -f - <<'RULES' || { echo "this kernel lacks nf_tables or connection tracking"; exit 2; }
table inet watch {
    chain first {
        type filter hook prerouting priority raw
    }
    chain prerouting {
        type filter hook prerouting priority filter
        meta l4proto ipv6-icmp accept
        ct state new counter
        ct state untracked counter
    }
    chain early {
        type filter hook forward priority raw
    }
    chain forward {
        type filter hook forward priority filter
        meta l4proto ipv6-icmp accept
        ct state new counter
        ct state untracked counter
        ct state invalid counter
    }
}
RULES

sleep 3 # until the link-local addresses are usable, which neighbour discovery needs
python3 - <<'PYTHON'
import ctypes, json, socket, subprocess, sys, time

def enter(name):
    with open("/run/netns/" + name) as file:
        if ctypes.CDLL(None).setns(file.fileno(), 0):
            sys.exit("setns failed")

def nft(*words):
    command = ["ip", "netns", "exec", "router", "nft", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout

def counters(chain):
    rules = json.loads(nft("-j", "list", "chain", "inet", "watch", chain))["nftables"]
    counts = [part["counter"]["packets"] for rule in rules for part in rule.get("rule", {}).get("expr", []) if "counter" in part]
    return tuple(counts)

enter("host")
port = 1000
# Neighbours are resolved before anything is counted.
for destination in "2001:db8:b::1", "2001:db8:a::1", "2001:db8:d::6", "2001:db8:d::7":
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as first:
        first.sendto(b"x", (destination, 999))
time.sleep(1.5)

def count(destination):
    """Three packets, each of a connection of its own, and what they were at both hooks."""
    global port
    before = counters("prerouting") + counters("forward")
    for _ in range(3):
        port += 1
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            sender.bind(("::", port))
            sender.sendto(b"x", (destination, 7))
        time.sleep(0.1)
    after = counters("prerouting") + counters("forward")
    return tuple(b - a for a, b in zip(before, after))

ways = [("forwarded", "2001:db8:b::1"), ("encap seg6", "2001:db8:a::1"), ("End.DX6", "2001:db8:d::6"), ("End.DT6 table", "2001:db8:d::7")]
seen = {}
for suffix, chain in [("", None), (", notrack before", "first"), (", notrack in forward", "early")]:
    if chain:
        nft("add", "rule", "inet", "watch", chain, "notrack")
    for name, destination in ways:
        if chain == "early" and name in ("forwarded", "End.DT6 table"):
            continue
        seen[name + suffix] = count(destination)
    if chain:
        nft("flush", "chain", "inet", "watch", chain)
for name, counts in seen.items():
    words = "prerouting new %d untracked %d, forward new %d untracked %d invalid %d" % counts
    print("%-33s %s" % (name, words))
PLAIN, LOST = (3, 0, 3, 0, 0), (3, 0, 0, 0, 3)
KEPT, GONE, MENDED = (0, 3, 0, 3, 0), (0, 3, 0, 0, 3), (3, 0, 0, 3, 0)
sys.exit(0 if list(seen.values()) == [PLAIN, LOST, LOST, PLAIN, KEPT, GONE, GONE, KEPT, MENDED, MENDED] else 1)
PYTHON
