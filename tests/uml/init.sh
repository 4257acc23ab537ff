#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The first process under User-Mode Linux: makes the place ready, runs the job that boot.sh left
# in the folder WEIR_UML, leaves its status there, and switches off.

PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
: >"$WEIR_UML/booted"

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/scratch /run/shm /run/modules/lib
ln -s /usr/lib/uml/modules /run/modules/lib/modules
mount -t tmpfs shm /dev/shm 2>/dev/null
ip link set lo up
for module in tls gcm ghash-generic ctr chacha_generic poly1305_generic chacha20poly1305; do
    modprobe -d /run/modules "$module" 2>/dev/null
done

(
    . "$WEIR_UML/job"
    TMPDIR=/run/scratch
    HOME=/run/scratch
    export TMPDIR HOME
    exec "$@"
) >"$WEIR_UML/output" 2>&1
echo $? >"$WEIR_UML/status"
sync
poweroff -f
