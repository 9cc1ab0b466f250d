#!/bin/sh
# advice.sh NAME MAJOR COMMAND...: runs a checker whose verdict depends on its version. The tree is kept clean for one
# major version of it; another one's findings are shown, but are advice and don't fail.
name=$1 major=$2
shift 2
said=$("$@" 2>&1) && exit 0
printf '%s\n' "$said" | grep -avE '^[0-9]+ warnings? generated|^Suppressed [0-9]+ warnings|^Use -header-filter' >&2
found=$("$name" --version | grep -oE '[0-9]+\.[0-9]+' | head -n 1)
[ "${found%%.*}" = "$major" ] && exit 1
echo "  (advice only: $name is version $found, the tree is checked with version $major)" >&2
