#!/bin/sh
# Checks every #include against the table of docs/architecture.md: who may know whom. Says each breach as FILE:LINE.
# shellcheck disable=SC2016 # the dollars are awk's
find base scheduler worker cli -name '*.[ch]' | sort | xargs awk '
# A rule is: files that begin with `who` may include what begins with one of `whom`. The longest `who` that fits rules.
function may(who, whom) { rooms[who] = whom }
# A header that only files beginning with one of `who` may include; `who` "" is nobody.
function only(header, who) { guarded[header] = who }

function begins_with_one_of(text, list,   parts, n, i) {
  n = split(list, parts, " ")
  for (i = 1; i <= n; i++) if (index(text, parts[i]) == 1) return 1
  return 0
}

BEGIN {
  may("base/", "base/")
  may("scheduler/spec/", "base/ scheduler/spec/")
  may("scheduler/engine/", "base/ scheduler/engine/ scheduler/spec/pipeline.h scheduler/spec/expr/value.h " \
      "scheduler/spec/launch.h scheduler/spec/scope.h scheduler/spec/outputs.h scheduler/spec/config.h " \
      "scheduler/spec/expr/expr.h scheduler/spec/time/cron.h scheduler/spec/time/zone.h scheduler/spec/time/timing.h")
  may("scheduler/store/", "base/ scheduler/store/ scheduler/spec/ scheduler/engine/rows.h scheduler/engine/states.h " \
      "scheduler/engine/engine.h")
  may("scheduler/journal/", "base/ scheduler/journal/ scheduler/engine/engine.h scheduler/engine/rows.h " \
      "scheduler/spec/pipeline.h scheduler/spec/expr/value.h scheduler/spec/time/zone.h")
  may("scheduler/api/", "base/ scheduler/api/")
  may("worker/", "base/ worker/ scheduler/spec/launch.h")
  may("worker/ssh/transport/", "base/ worker/ssh/transport/ worker/ssh/host_options.h")
  may("worker/ssh/remote/", "base/ worker/ssh/remote/ worker/executor.h worker/rundir.h scheduler/spec/launch.h")
  may("worker/ssh/link/", "base/ worker/ssh/link/ worker/ssh/transport/ worker/ssh/remote/ worker/ssh/host_options.h")
  may("worker/supervise/", "worker/rundir.h worker/log_writer.h worker/supervise/")
  may("worker/log_writer", "worker/rundir.h worker/log_writer.h")
  may("scheduler/daemon/", "base/ worker/ scheduler/")
  may("cli/", "base/ cli/ scheduler/daemon/daemon.h")
  may("cli/help", "base/ cli/ scheduler/engine/states.h")
  may("cli/place", "base/ cli/ scheduler/daemon/daemon.h scheduler/spec/config.h")
  may("cli/validate", "base/ cli/ scheduler/daemon/daemon.h scheduler/spec/")
  may("cli/next", "base/ cli/ scheduler/daemon/daemon.h scheduler/spec/")
  may("cli/new", "base/ cli/ scheduler/daemon/daemon.h scheduler/spec/")
  may("cli/replay", "base/ cli/ scheduler/journal/replay.h")
  may("cli/schema", "base/ cli/ scheduler/spec/")

  only("uv.h", "worker/ scheduler/daemon/")
  only("sqlite3.h", "scheduler/store/")
  only("microhttpd.h", "scheduler/api/")
  only("gnutls/gnutls.h", "scheduler/api/ base/digest")
  only("gnutls/crypto.h", "base/digest")
  only("gnutls/abstract.h", "scheduler/api/")
  only("curl/curl.h", "cli/curl_lib scheduler/daemon/notify")
  only("libssh2.h", "worker/ssh")
  only("pcre2.h", "scheduler/daemon/logs/log_pattern")
  only("yaml.h", "scheduler/spec/")
}

FNR == 1 {
  room = ""
  for (who in rooms) if (index(FILENAME, who) == 1 && length(who) > length(room)) room = who
}

/^[ \t]*#[ \t]*include/ {
  if (!match($0, /["<][^">]*[">]/)) next
  name = substr($0, RSTART + 1, RLENGTH - 2)
  if (name in guarded && !begins_with_one_of(FILENAME, guarded[name]))
    breach("only " guarded[name] " may include " name)
  if (substr($0, RSTART, 1) != "\"" || name ~ /\.inc$/) next
  if (name !~ /\//)
    breach("\"" name "\" isn\047t written from the root, as \"room/file.h\"")
  else if (!begins_with_one_of(name, rooms[room]))
    breach(room " may not know " name)
}

function breach(text) {
  printf "%s:%d: %s\n", FILENAME, FNR, text
  breaches++
}

END { exit breaches > 0 }
'
