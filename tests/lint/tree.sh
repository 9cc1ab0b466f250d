#!/bin/sh
# What holds for every source file of the tree: no file is too long to be read in one go, nothing is left for later.
status=0
lines_max=700
words='TO''DO|FIX''ME|XX''X|HA''CK'

files=$(find Makefile base scheduler worker cli ui tests migrations dags docs .ci README.md \
  \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.ts' -o -name '*.tsx' -o -name '*.mjs' -o -name '*.css' -o -name '*.mk' -o -name '*.sql' -o -name '*.yaml' -o -name '*.md' \
  -o -name Makefile -o -name run \) -type f 2>/dev/null)

for file in $files; do
  case $file in *.[ch] | *.sh | *.py | *.mk | *.ts | *.tsx | *.mjs | *.css | Makefile)
    lines=$(wc -l <"$file")
    if [ "$lines" -gt $lines_max ]; then
      echo "$file:$lines: has more than $lines_max lines; split it by nouns"
      status=1
    fi
    ;;
  esac
done

for file in tests/integration/*.py tests/integration/*.sh; do
  head -n 1 "$file" | grep -q '^#!' && [ -x "$file" ] && continue
  echo "$file:1: can't be executed: it needs a line like #!/usr/bin/env python3 and the mode bit"
  status=1
done

# shellcheck disable=SC2086 # no name in the tree has a space: git ls-files shows it
if grep -nwE "$words" $files; then
  echo "these words stand for work that is left; do it, or say what holds"
  status=1
fi
exit $status
