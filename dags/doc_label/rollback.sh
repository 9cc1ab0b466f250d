#!/bin/sh
# rollback.sh STORE: puts the version before into use again, or none where there is none.
set -eu
store=$1
if [ -L "$store/previous" ]; then
  mv -T "$store/previous" "$store/current"
  echo "$(readlink "$store/current") is in use again"
else
  rm -f "$store/current"
  echo "there was no version before: none is in use"
fi
