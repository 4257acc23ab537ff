#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs a command under a User-Mode Linux of its own, on the machine's own root folder, and exits
# as the command did: boot.sh COMMAND [ARGUMENT…].
#
# TMPDIR is memory there and gone with it, and there is no network but a loopback. Exits with 77
# where it cannot run. WEIR_UML_SECONDS bounds it (230).
set -eu

skip() {
    printf 'SKIPPED: %s\n' "$1"
    exit 77
}

here=$(cd "$(dirname -- "$0")" && pwd)
kernel=$(command -v linux.uml || command -v linux || true)
[ -n "$kernel" ] || skip 'User-Mode Linux is not installed (package user-mode-linux)'
[ "$(id -u)" -eq 0 ] || skip 'only root may load modules under User-Mode Linux'
[ -x /sbin/modprobe ] || skip 'modprobe is not installed (package kmod)'

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

# What runs inside finds its command, environment and folder here.
{
    export -p
    printf 'cd "%s"\n' "$PWD"
    printf 'set --'
    for argument; do
        printf " '%s'" "$(printf %s "$argument" | sed "s/'/'\\\\''/g")"
    done
    printf '\n'
} >"$folder/job"

unset TMPDIR # where its memory is a file: in /dev/shm, if there is none
timeout -k 5 "${WEIR_UML_SECONDS:-230}" "$kernel" uml_dir="$folder" mem=1200M quiet \
    root=/dev/root rootfstype=hostfs rootflags=/ rw con=null con0=fd:0,fd:1 \
    init="$here/init.sh" WEIR_UML="$folder" </dev/null >"$folder/console" 2>&1 || true

if [ ! -e "$folder/booted" ]; then
    tail -n 20 "$folder/console"
    skip 'User-Mode Linux does not boot here'
fi
cat "$folder/output"
if [ ! -e "$folder/status" ]; then
    tail -n 40 "$folder/console"
    printf 'User-Mode Linux ended before the command did\n'
    exit 1
fi
exit "$(cat "$folder/status")"
