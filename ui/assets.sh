#!/bin/sh
# assets.sh DIST: prints the rows of scheduler/api/assets.h of the files below DIST, as the binary serves them:
# compressed, but for the template, into which the first page's data is put.
set -eu
cd "$1"

# A row: file, path, content type, encoding, flags.
row() {
  etag=$(sha256sum "$1" | cut -c1-24)
  if [ "$4" = gzip ]; then
    encoding='"gzip"'
    length=$(gzip -9nc "$1" | wc -c)
  else
    encoding=NULL
    length=$(wc -c <"$1")
  fi
  printf '{"%s", "%s", "\\"%s\\"", %s, (const unsigned char[]){' "$2" "$3" "$etag" "$encoding"
  if [ "$4" = gzip ]; then gzip -9nc "$1"; else cat "$1"; fi | od -An -v -tu1 | sed 's/ *\([0-9][0-9]*\)/\1,/g'
  printf '}, %d, %s},\n' "$length" "$5"
}

html='text/html; charset=utf-8'
row index.html /index.html "$html" plain ASSET_TEMPLATE
row login.html /login "$html" gzip ASSET_PUBLIC
for file in assets/*; do
  case $file in
  *.js) type='text/javascript; charset=utf-8' ;;
  *.css) type='text/css; charset=utf-8' ;;
  *.svg) type='image/svg+xml' ;;
  *)
    echo "assets.sh: $file: which content type?" >&2
    exit 1
    ;;
  esac
  case $file in
  assets/login-*) flags='ASSET_PUBLIC | ASSET_IMMUTABLE' ;;
  *) flags=ASSET_IMMUTABLE ;;
  esac
  row "$file" "/$file" "$type" gzip "$flags"
done
