#!/bin/sh
# What `make install` leaves, in a folder of its own: every file, the unit's keys, and a configuration that stays.
set -u
failures=0
report() { # NAME, and whether the last command succeeded
  if [ "$2" -eq 0 ]; then echo "ok $1"; else echo "not ok $1" && failures=$((failures + 1)); fi
}
install_into() { # the program is built already, with flags of whoever built it
  make -s -C "$ROTA_SOURCE" -o all BUILD="$(dirname "$ROTA")" DESTDIR="$1" PREFIX="$2" install >install.log 2>&1 || {
    cat install.log
    return 1
  }
}

root=$PWD/root
install_into "$root" /usr
report "make install succeeds" $?

missing=0
for file in usr/bin/rota usr/libexec/rota/rota-supervise usr/lib/systemd/system/rota.service \
  usr/lib/sysusers.d/rota.conf usr/lib/tmpfiles.d/rota.conf usr/share/man/man1/rota.1 \
  usr/share/bash-completion/completions/rota usr/share/zsh/site-functions/_rota usr/share/doc/rota/LICENSE \
  usr/share/rota/prometheus/rota.rules.yaml usr/share/doc/rota/operations.md usr/share/doc/rota/examples/hello.yaml \
  usr/share/doc/rota/examples/taxi_demand/train.py etc/rota/rota.yaml; do
  [ -s "$root/$file" ] || { echo "# $file is missing or empty" && missing=1; }
done
report "every file is there" $missing

# Of the build's own traces and of half-written files, nothing may be left.
stray=$(find "$root" -name '*.new' -o -name '__pycache__' -o -name '*.c')
[ -z "$stray" ] || echo "# $stray"
[ -z "$stray" ]
report "nothing else is there" $?

[ -x "$root/usr/bin/rota" ] && [ -x "$root/usr/libexec/rota/rota-supervise" ] &&
  [ -x "$root/usr/share/doc/rota/examples/taxi_demand/promote.sh" ] && [ ! -x "$root/etc/rota/rota.yaml" ]
report "programs and scripts can be executed, other files can't" $?

unit=$root/usr/lib/systemd/system/rota.service
absent=0
for line in Type=notify KillMode=process Delegate=yes OOMPolicy=continue Restart=always User=rota \
  'ExecStart=/usr/bin/rota serve --config /etc/rota/rota.yaml'; do
  grep -qxF "$line" "$unit" || { echo "# the unit lacks $line" && absent=1; }
done
report "the unit lets tasks outlive the daemon" $absent
forbidden='^(PrivateTmp|ProtectSystem|ProtectHome|NoNewPrivileges|RuntimeDirectory)='
! grep -E "$forbidden" "$unit"
report "the unit walls no task off" $?
! grep -n '@[A-Z]*@' "$unit"
report "the unit's places are filled in" $?
if command -v systemd-analyze >/dev/null; then
  # It looks at the machine too, where the program and the account are not installed; only the unit's own text counts.
  said=$(systemd-analyze verify "$unit" 2>&1 | grep 'rota.service:[0-9]')
  [ -z "$said" ] || echo "# $said"
  [ -z "$said" ]
  report "systemd understands the unit" $?
else
  echo "skip systemd understands the unit: there is no systemd-analyze"
fi

grep -qxF 'd /var/lib/rota 0700 rota rota -' "$root/usr/lib/tmpfiles.d/rota.conf"
report "the state is a directory that only the account can enter" $?
grep -q '^u rota - ' "$root/usr/lib/sysusers.d/rota.conf"
report "the account is a system user" $?

grep -qx 'state: /var/lib/rota' "$root/etc/rota/rota.yaml" &&
  [ -d "$root/etc/rota/dags" ] && [ -z "$(ls "$root/etc/rota/dags")" ]
report "nothing is scheduled after the installation" $?

# The installed program finds its supervisor and reads the configuration that came with it.
(cd "$root" && "$root/usr/bin/rota" run "$root/usr/share/doc/rota/examples/hello.yaml" >../hello.log 2>&1)
report "the installed program runs an example" $?
"$root/usr/bin/rota" serve --config "$root/etc/rota/rota.yaml" --state "$PWD/state" --check >check.log 2>&1 || {
  cat check.log
  false
}
report "the installed configuration is valid" $?

echo '# mine' >>"$root/etc/rota/rota.yaml"
before=$(ls -i "$root/usr/bin/rota")
echo left >"$root/usr/share/doc/rota/examples/old.yaml"
install_into "$root" /usr && grep -qx '# mine' "$root/etc/rota/rota.yaml"
report "a second installation leaves the configuration alone" $?
[ "$before" != "$(ls -i "$root/usr/bin/rota")" ]
report "the program is replaced by a new file" $?
[ ! -e "$root/usr/share/doc/rota/examples/old.yaml" ]
report "examples of an older version go" $?

make -s -C "$ROTA_SOURCE" BUILD="$(dirname "$ROTA")" DESTDIR="$root" PREFIX=/usr uninstall &&
  [ -z "$(find "$root/usr" -type f)" ] && [ -e "$root/etc/rota/rota.yaml" ]
report "uninstall leaves what the user wrote and nothing else" $?

install_into "$PWD/local" /usr/local &&
  grep -q '^ExecStart=/usr/local/bin/rota serve --config /etc/rota/rota.yaml$' \
    "$PWD/local/usr/local/lib/systemd/system/rota.service"
report "a prefix moves the program, not the configuration" $?
exit $((failures > 0))
