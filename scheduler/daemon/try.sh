#!/bin/sh
# try.sh BUILD: starts the daemon on the examples in dags/, shows a first run from its start to its end, and keeps the
# daemon in the foreground until Ctrl-C. Its state stays in BUILD/run.
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
}
trap stop EXIT
trap 'exit 0' INT TERM HUP

echo "Starting: $rota serve --dags dags --state $ROTA_HOME (its log is $ROTA_HOME/serve.log)"
"$rota" serve --dags dags --state "$ROTA_HOME" 2>"$ROTA_HOME/serve.log" &
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
echo "A first run, of dags/taxi_demand_nightly.yaml:"
"$rota" trigger taxi_demand_nightly --wait >/dev/null || echo "It ended with status $?; that is not as it should be."
"$rota" show taxi_demand_nightly
cat <<END

In a second terminal:

  export ROTA_HOME=$ROTA_HOME PATH=$(cd "$build" && pwd):\$PATH
  rota status
  rota logs taxi_demand_nightly evaluate
  rota trigger tour --wait

The daemon listens on $ROTA_HOME/rota.sock. Ctrl-C ends it here; what runs then goes on and is found again
by the next \`make run\`.
END
link=$("$rota" open --print 2>/dev/null) &&
  echo && echo "In the browser, once and within 5 minutes (\`rota open\` gives another link): $link"
wait "$daemon"
