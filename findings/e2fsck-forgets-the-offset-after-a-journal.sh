#!/bin/bash
# Software:  e2fsck of e2fsprogs 1.47.0 (Debian 1.47.0-2+b2)
# Behavior:  "e2fsck -fp FILE?offset=BYTES" checks a file system that begins at that byte of a file. If its journal has to be replayed, e2fsck
#            opens the file once more, without the offset. It ends with "Bad magic number in super-block while trying to re-open" and
#            status 12; the file system is sound.
# A guess:   The offset holds for the whole run, as it does where there is nothing to replay.
# Output seen:
#   replayed alone in its file:                0
#   replayed at an offset:                     12
#   at an offset, with nothing to replay:      0
# Needs:     e2fsprogs. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
PATH=$PATH:/usr/sbin
type mke2fs e2fsck debugfs >/dev/null || { echo "this needs e2fsprogs"; exit 2; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
truncate -s 16M alone
mke2fs -q -F -t ext4 alone
truncate -s 17M clean
dd if=alone of=clean bs=1M seek=1 conv=notrunc status=none
# A transaction in the journal that is not in the file system yet: a free block with zeros.
printf 'jo\njw -b 12000 /dev/zero\njc\n' | debugfs -w alone >log 2>&1
truncate -s 17M behind
dd if=alone of=behind bs=1M seek=1 conv=notrunc status=none

status() { # file ; the status of a check of it
    local code=0
    e2fsck -fp "$1" >log 2>&1 || code=$?
    echo "$code"
}
alone=$(status alone)
behind=$(status "behind?offset=1048576")
clean=$(status "clean?offset=1048576")
echo "replayed alone in its file:                $alone"
echo "replayed at an offset:                     $behind"
echo "at an offset, with nothing to replay:      $clean"
[ "$alone" -le 1 ] && [ "$behind" -ge 8 ] && [ "$clean" -le 1 ]
