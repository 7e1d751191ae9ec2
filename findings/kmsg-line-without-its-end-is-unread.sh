#!/bin/bash
# Software:  Linux, /dev/kmsg (seen on 6.18.44 x86_64 and in Debian's 6.12.118)
# Behavior:  A record that a program writes into /dev/kmsg without a line feed at its end is accepted, and no reader of /dev/kmsg
#            sees it. It appears when the next record is written, by anybody. The last line before a quiet time is so missing
#            for as long as the quiet lasts.
# A guess:   One write is one record, with or without a line feed: that is what Documentation/ABI/testing/dev-kmsg says.
# Output seen:
#   Linux 6.18.44 x86_64
#   without a line feed: not in the log
#   after the next record: in the log
#   with a line feed: in the log
# Needs:     root, python3, a kernel whose log is quiet for a moment. Writes three lines into the kernel's log. Exits with 1 if it
#            behaves in another way, with 2 if something is missing.
set -euo pipefail
[ "$(id -u)" = 0 ] && type python3 >/dev/null && [ -w /dev/kmsg ] || { echo "this needs root, python3 and /dev/kmsg"; exit 2; }
echo "$(uname -s) $(uname -r | cut -d- -f1) $(uname -m)"

python3 - <<'PYTHON'
import os, sys

def holds(words):
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    found = False
    try:
        while True:
            try:
                found |= words in os.read(log, 8192)
            except BrokenPipeError:  # a record was overwritten meanwhile
                pass
    except BlockingIOError:
        return found
    finally:
        os.close(log)

def tell(about, words):
    there = holds(words)
    print(f"{about}: {'in the log' if there else 'not in the log'}")
    return there

log = os.open("/dev/kmsg", os.O_WRONLY)
mark = f"line of process {os.getpid()}".encode()
# Another record may come between the write and the read, and make the first one visible: five tries.
for attempt in range(5):
    words = mark + b", attempt %d" % attempt
    os.write(log, b"<6>" + words)
    if not holds(words):
        break
else:
    sys.exit("without a line feed: in the log each time")
print("without a line feed: not in the log")
os.write(log, b"<6>" + mark + b": the next record")
after = tell("after the next record", words)
os.write(log, b"<6>" + mark + b": whole\n")
whole = tell("with a line feed", mark + b": whole")
sys.exit(0 if after and whole else 1)
PYTHON
