#!/bin/sh
# keep.sh FUZZER NAME FOUND: takes of what the fuzzer found (a folder) the fewest inputs that reach all that is reached,
# and writes them into tests/fuzz/corpus/NAME.b64, one a line in base64, so that they are text and one file. The
# shortest come first, as many as find room: all files together stay below 300 KB.
set -eu
fuzzer=$1 name=$2 found=$3
case $name in
pipeline) room=56000 ;;
expr) room=44000 ;;
config) room=26000 ;;
request) room=22000 ;;
*) room=9000 ;;
esac
least=$(mktemp -d)
trap 'rm -rf "$least"' EXIT
"$fuzzer" -merge=1 -max_len=400 -verbosity=0 "$least" "$found" 2>/dev/null
for input in "$least"/*; do
  [ "$(wc -c <"$input")" -gt 400 ] || { base64 -w0 "$input" && echo; }
done | awk '{ print length($0), $0 }' | sort -n | cut -d' ' -f2- |
  awk -v room="$room" '{ room -= length($0) + 1 } room >= 0' | LC_ALL=C sort >"tests/fuzz/corpus/$name.b64"
wc -lc "tests/fuzz/corpus/$name.b64"
