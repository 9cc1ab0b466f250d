#!/bin/sh
# seeds.sh NAME DIR: inputs for the fuzzer to begin with, copied into DIR: those that were kept, and what stands
# elsewhere in the tree or on the machine.
set -eu
name=$1 dir=$2
n=0
if [ -f "tests/fuzz/corpus/$name.b64" ]; then
  while read -r line; do
    n=$((n + 1))
    [ -f "$dir/kept-$n" ] || echo "$line" | base64 -d >"$dir/kept-$n"
  done <"tests/fuzz/corpus/$name.b64"
fi

# The cases of tests/unit/spec: each begins with "=== TITLE" and ends with "---".
cases() {
  awk -v dir="$dir" '/^=== / { file = sprintf("%s/case-%03d", dir, ++n); next } /^---$/ { close(file); file = ""; next }
    file { print > file }' "$1"
}

case $name in
pipeline) cp dags/*.yaml "$dir" && cases tests/unit/spec/bad_pipelines.txt ;;
config) cp scheduler/daemon/systemd/rota.yaml "$dir" && cases tests/unit/spec/bad_configs.txt ;;
zone)
  for zone in Europe/Oslo America/New_York Australia/Lord_Howe Africa/Casablanca Europe/Dublin; do
    cp "/usr/share/zoneinfo/$zone" "$dir/$(basename "$zone")"
  done
  ;;
cron)
  for zone in Europe/Oslo America/New_York Australia/Lord_Howe Africa/Casablanca; do
    { echo '30 2 * * *' && cat "/usr/share/zoneinfo/$zone"; } >"$dir/$(basename "$zone")"
  done
  ;;
esac
