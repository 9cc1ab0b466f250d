#!/bin/sh
# export.sh MODEL STORE: a folder for each version; `current` names the one in use, `previous` the one before it.
set -eu
model=$1 store=$2
mkdir -p "$store/versions"
n=1
while ! mkdir "$store/versions/$n" 2>/dev/null; do n=$((n + 1)); done
cp "$model" "$store/versions/$n/model.json"
if [ -L "$store/current" ]; then
  ln -s "$(readlink "$store/current")" "$store/previous.new"
  mv -T "$store/previous.new" "$store/previous"
fi
ln -s "versions/$n" "$store/current.new"
mv -T "$store/current.new" "$store/current"
echo "version $n is in use"
echo "version=$n" >> "${ROTA_OUTPUT:-/dev/null}"
