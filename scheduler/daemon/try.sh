#!/bin/sh
# try.sh BUILD: starts the daemon on the examples in dags/ and two "remote" hosts (try_hosts.sh), shows a first run from
# its start to its end, and keeps them in the foreground until Ctrl-C. Its state stays in BUILD/run.
set -eu
build=$1
mkdir -p "$build/run"
ROTA_HOME=$(cd "$build/run" && pwd)
export ROTA_HOME
rota=$build/rota daemon=

# Without a daemon `status` ends with 3.
if "$rota" status >/dev/null 2>&1; then
  echo "A daemon runs on $ROTA_HOME already. In this terminal:"
  echo "  export ROTA_HOME=$ROTA_HOME"
  echo "  $rota status"
  exit 1
fi

stop() {
  if [ -n "$daemon" ]; then
    kill "$daemon" 2>/dev/null || true
    wait "$daemon" || true
  fi
  for pid in "$ROTA_HOME"/hosts/gpu0?.pid; do
    [ ! -s "$pid" ] || kill "$(cat "$pid")" 2>/dev/null || true
  done
}
trap stop EXIT
trap 'exit 0' INT TERM HUP

config='' where=''
if scheduler/daemon/try_hosts.sh "$ROTA_HOME/hosts" dags; then
  config=$ROTA_HOME/hosts/rota.yaml where='-p train_on=gpus'
  echo "Two hosts stand for remote ones: sshd on loopback, with keys of their own in $ROTA_HOME/hosts."
fi
echo "Starting: $rota serve ${config:+--config $config }--dags dags --state $ROTA_HOME (its log is $ROTA_HOME/serve.log)"
"$rota" serve ${config:+--config "$config"} --dags dags --state "$ROTA_HOME" 2>"$ROTA_HOME/serve.log" &
daemon=$!
tries=0
until "$rota" status >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ $tries -gt 100 ] || ! kill -0 "$daemon" 2>/dev/null; then
    cat "$ROTA_HOME/serve.log" >&2
    echo "The daemon didn't start; its last words are above." >&2
    exit 1
  fi
  sleep 0.1
done

echo
echo "The pipelines in dags/:"
"$rota" list
echo
echo "A first run, of dags/taxi_demand_nightly.yaml${where:+, which trains on the two hosts}:"
# shellcheck disable=SC2086 # two words or none
"$rota" trigger taxi_demand_nightly $where --wait >/dev/null || echo "It ended with status $?; that is not as it should be."
"$rota" show taxi_demand_nightly
cat <<END

In a second terminal:

  export ROTA_HOME=$ROTA_HOME PATH=$(cd "$build" && pwd):\$PATH
  rota status
  rota logs taxi_demand_nightly evaluate
  rota hosts
  rota trigger tour --wait

The daemon listens on $ROTA_HOME/rota.sock. Ctrl-C ends it here; what runs then goes on and is found again
by the next \`make run\`.
END
link=$("$rota" open --print 2>/dev/null) &&
  echo && echo "In the browser, once and within 5 minutes (\`rota open\` gives another link): $link"
wait "$daemon"
