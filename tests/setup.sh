#!/bin/sh
# setup.sh run|test: sees to it that what building and running rota needs is installed, or with `test` what its tests
# need as well. Silent when nothing is missing. Without the right to install it prints the line that would.
set -u

# check, then the package that has it: Debian and Ubuntu, Fedora, Alpine, Arch. A check is cmd:NAME (a program),
# any:NAME|NAME (one of these programs), pc:NAME (a library that pkg-config knows), lib:NAME (one that it doesn't know)
# or file:PATH. "-" is nothing to install.
run_needs='
cmd:cc                  gcc                  gcc                   build-base         gcc
file:/usr/include/stdio.h libc6-dev          glibc-devel           build-base         glibc
cmd:make                make                 make                  make               make
cmd:pkg-config          pkg-config           pkgconf-pkg-config    pkgconf            pkgconf
pc:libuv                libuv1-dev           libuv-devel           libuv-dev          libuv
pc:sqlite3              libsqlite3-dev       sqlite-devel          sqlite-dev         sqlite
pc:yaml-0.1             libyaml-dev          libyaml-devel         yaml-dev           libyaml
pc:jansson              libjansson-dev       jansson-devel         jansson-dev        jansson
pc:libmicrohttpd        libmicrohttpd-dev    libmicrohttpd-devel   libmicrohttpd-dev  libmicrohttpd
pc:gnutls               libgnutls28-dev      gnutls-devel          gnutls-dev         gnutls
pc:libcurl              libcurl4-openssl-dev libcurl-devel         curl-dev           curl
pc:libpcre2-8           libpcre2-dev         pcre2-devel           pcre2-dev          pcre2
pc:libssh2              libssh2-1-dev        libssh2-devel         libssh2-dev        libssh2
cmd:ssh                 openssh-client       openssh-clients       openssh-client     openssh
cmd:musl-gcc            musl-tools           musl-gcc              -                  musl
file:/usr/share/zoneinfo/America/New_York tzdata tzdata            tzdata             tzdata
cmd:python3             python3              python3               python3            python
cmd:awk                 mawk                 gawk                  -                  gawk
cmd:node                nodejs               nodejs                nodejs             nodejs
cmd:npm                 npm                  npm                   npm                npm
'
test_needs='
cmd:clang               clang                clang                 clang              clang
cmd:clang-format        clang-format         clang-tools-extra     clang-extra-tools  clang
cmd:clang-tidy          clang-tidy           clang-tools-extra     clang-extra-tools  clang
cmd:cppcheck            cppcheck             cppcheck              cppcheck           cppcheck
cmd:shellcheck          shellcheck           ShellCheck            shellcheck         shellcheck
pc:cmocka               libcmocka-dev        libcmocka-devel       cmocka-dev         cmocka
lib:mimalloc            libmimalloc-dev      mimalloc-devel        mimalloc2-dev      mimalloc
cmd:sqlite3             sqlite3              sqlite                sqlite             sqlite
cmd:busybox             busybox              busybox               busybox            busybox
cmd:tcsh                tcsh                 tcsh                  tcsh               tcsh
cmd:fish                fish                 fish                  fish               fish
cmd:curl                curl                 curl                  curl               curl
cmd:git                 git                  git                   git                git
cmd:openssl             openssl              openssl               openssl            openssl
file:/usr/sbin/nginx    nginx-light          nginx                 nginx              nginx
file:/usr/sbin/sshd     openssh-server       openssh-server        openssh-server     openssh
any:chromium|chromium-browser chromium       chromium              chromium           chromium
file:/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf fonts-dejavu-core - - -
'

present() {
  case $1 in
  cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
  any:*) programs=${1#any:} && { command -v "${programs%%|*}" || command -v "${programs##*|}"; } >/dev/null 2>&1 ;;
  pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
  lib:*) find /usr/lib /usr/lib64 -maxdepth 2 -name "lib${1#lib:}.so" 2>/dev/null | grep -q . ;;
  file:*) [ -e "${1#file:}" ] ;;
  esac
}

# The packages of what is missing, for the package manager of column $1 (1 = apt-get, ...), each once.
missing() {
  printf '%s' "$needs" | while read -r check apt dnf apk pacman; do
    [ -n "$check" ] || continue
    present "$check" && continue
    case $1 in
    1) package=$apt ;;
    2) package=$dnf ;;
    3) package=$apk ;;
    *) package=$pacman ;;
    esac
    [ "$package" = - ] || echo "$package"
  done | sort -u | tr '\n' ' ' | sed 's/ $//'
}

case ${1-} in
run) needs=$run_needs ;;
test) needs=$run_needs$test_needs ;;
*)
  echo "usage: tests/setup.sh run|test" >&2
  exit 2
  ;;
esac

if command -v apt-get >/dev/null; then
  column=1 install='apt-get install -y'
elif command -v dnf >/dev/null; then
  column=2 install='dnf install -y'
elif command -v apk >/dev/null; then
  column=3 install='apk add'
elif command -v pacman >/dev/null; then
  column=4 install='pacman -S --needed'
else
  column=1 install=
fi

packages=$(missing $column)
[ -n "$packages" ] || exit 0

if [ -z "$install" ]; then
  echo "These are missing; under Debian they are called: $packages" >&2
  exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
  as_root=
elif [ $column -eq 1 ] && sudo -n true 2>/dev/null; then
  as_root=sudo
else
  as_root=none
fi
if [ $column -ne 1 ] || [ "$as_root" = none ]; then
  [ "$(id -u)" -eq 0 ] || install="sudo $install"
  echo "Some packages are missing. Install them with this line, then start again:" >&2
  echo "  $install $packages" >&2
  exit 1
fi

echo "Installing with apt-get: $packages"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # the packages are words
if ! { $as_root apt-get update && $as_root apt-get install -y --no-install-recommends $packages; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "apt-get failed, as said above; after that is mended, start again." >&2
  exit 1
fi
packages=$(missing $column)
if [ -n "$packages" ]; then
  echo "apt-get installed what was asked for, and yet these are still missing: $packages" >&2
  exit 1
fi
