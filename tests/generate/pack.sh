#!/bin/sh
# Packs /data/events/VERSION/CASE into tests/logs/VERSION/CASE.tar.zst (all cases but `big*`, or the cases named):
#   pack.sh 3.5.9 [CASE...]
# The same logs always give the same bytes: sorted names, one owner, one time (the History Server shows a file's time).
set -eu

version=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
events=/data/events/$version
out=$here/../logs/$version
mkdir -p "$out"
[ $# -gt 0 ] || set -- $(cd "$events" && ls | grep -v '^big')

for case in "$@"; do
    leak=$(find "$events/$case" -type f -exec sh -c 'for f; do case $f in *.zstd*) zstd -dcqf "$f" 2>/dev/null ;; *) cat "$f" ;; esac; done' sh {} + |
        grep -aoE -m1 "(^|[^/a-z])/(root|home/[^s])[^a-z-].{0,60}|$(uname -r)" | head -1) || true
    [ -z "$leak" ] || { echo "$version/$case quotes this machine: $leak" >&2; exit 1; }
    tar -C "$events/$case" --sort=name --mtime='2026-01-01 00:00:00Z' --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
        --format=ustar -cf - $(cd "$events/$case" && ls -A) | zstd -19 --long=27 -T1 -qf -o "$out/$case.tar.zst"
done
du -bc "$out"/*.tar.zst

# The History Server serves all cases of all versions together, so no application id (the entry's name) may come twice.
for f in "$here"/../logs/*/*.tar.zst; do
    zstd -dcq --long=27 "$f" | tar -t | grep -v '/.' | sed 's/^\.\///; s/\/$//; s/^eventlog_v2_//; s/\.\(zstd\|lz4\|snappy\|lzf\|inprogress\)//g'
done | sort | uniq -d | sed 's/^/twice: /' >&2
