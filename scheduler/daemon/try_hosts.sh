#!/bin/sh
# try_hosts.sh DIR DAGS: makes two "remote" hosts of this machine, for a first look at rota: two sshd on loopback, of the
# current user, with keys and settings of their own in DIR, and DIR/rota.yaml, in which they are gpu01 and gpu02 of the
# group gpus. The sshd run until they are killed by the ids in DIR/*.pid. Ends with 1, having said why, if there is no
# sshd to be had. Nothing is changed outside DIR.
set -eu
mkdir -p "$1"
chmod 700 "$1"
dir=$(cd "$1" && pwd) dags=$(cd "$2" && pwd)

# An installed server would listen on its own from now on. So where none is, the package is only unpacked.
unpack_sshd() {
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 1
  if [ ! -x "$dir/package/usr/sbin/sshd" ]; then
    echo "There is no sshd here. Its package is fetched and unpacked into $dir/package, not installed."
    rm -rf "$dir/package" && mkdir -p "$dir/package"
    (cd "$dir/package" && apt-get download openssh-server libwrap0 >apt.log 2>&1) || return 1
    for package in "$dir"/package/*.deb; do dpkg -x "$package" "$dir/package" || return 1; done
  fi
  sshd=$dir/package/usr/sbin/sshd
  libraries=$(find "$dir/package" -name 'lib*.so*' -exec dirname {} + | sort -u | tr '\n' ':')
}

sshd=/usr/sbin/sshd libraries=
[ -x "$sshd" ] || sshd=$(command -v sshd) || unpack_sshd || {
  echo "There is no sshd here, so the examples run on this machine alone."
  exit 1
}
# The server's own directory, which only root can make, is asked for when root starts it.
[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd

cd "$dir"
[ -f user_key ] || ssh-keygen -q -t ed25519 -N '' -C "rota's examples" -f user_key
cp user_key.pub authorized_keys
: >known_hosts

# Starts one on a port that is free: whoever loses the race for a port is asked to take another.
start() {
  name=$1 port=$2
  [ -f "$name.key" ] || ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$name.key"
  while :; do
    cat >"$name.conf" <<END
ListenAddress 127.0.0.1
Port $port
HostKey $dir/$name.key
PidFile $dir/$name.pid
AuthorizedKeysFile $dir/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PrintMotd no
END
    rm -f "$name.pid"
    LD_LIBRARY_PATH=$libraries "$sshd" -f "$dir/$name.conf" -E "$dir/$name.log" || true
    tries=0
    while [ ! -s "$name.pid" ] && [ $tries -lt 20 ]; do
      tries=$((tries + 1))
      sleep 0.1
    done
    [ ! -s "$name.pid" ] || break
    port=$((port + 2))
    [ $port -lt 22260 ] || {
      cat "$dir/$name.log"
      echo "sshd didn't start, so the examples run on this machine alone."
      exit 1
    }
  done
  echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$name.key.pub")" >>known_hosts
  eval "port_$name=$port"
}
start gpu01 22222
start gpu02 22223

cat >rota.yaml <<END
# Two hosts for the examples; both are this machine, reached by an sshd on loopback.
dags: $dags
host_defaults: {identity: $dir/user_key, known_hosts: $dir/known_hosts, transport: libssh2, slots: {gpu: 2}}
hosts:
  gpu01: {ssh: "127.0.0.1:${port_gpu01:?}", root: $dir/gpu01}
  gpu02: {ssh: "127.0.0.1:${port_gpu02:?}", root: $dir/gpu02}
groups:
  gpus: [gpu01, gpu02]
END
