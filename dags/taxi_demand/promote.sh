#!/bin/sh
# Puts a model into use: promote.sh MODEL STORE. Each version keeps its folder; `current` names the one in use and is
# switched in one step, so that a reader never finds none.
set -eu
model=$1 store=$2
mkdir -p "$store/versions"
n=1
while ! mkdir "$store/versions/$n" 2>/dev/null; do n=$((n + 1)); done
cp "$model" "$store/versions/$n/model.json"
ln -s "versions/$n" "$store/current.new"
mv -T "$store/current.new" "$store/current"
echo "version $n is in use"
echo "version=$n" >> "${ROTA_OUTPUT:-/dev/null}"
