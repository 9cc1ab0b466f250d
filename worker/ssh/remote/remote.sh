# shellcheck shell=sh
# The functions of the control shell on a host: sent once over each channel, then called by the requests that ops.c
# writes. ops.h says what each answers, docs/run-directory.md what it does to the files. Runs under dash, bash and
# busybox. Ops that are asked often fork nothing; the others call one program for all that they are asked about.
# A request sets rota_nonce, the bootstrap rota_hash. A function's locals are plain variables that are set anew. Files
# are made empty by `true`: where a redirection of `:` fails, the whole shell ends.
# shellcheck disable=SC2015,SC2034,SC2154
umask 077
rota_clears=''

# ---- answers ---------------------------------------------------------------------------------------------------

rota_section() {
  printf '\n%s: %s\n' "$rota_nonce" "$*"
}

rota_error() {
  printf 'ERR %s\n' "$*"
  return 1
}

rota_end() {
  printf '\n%s %s\n' "$1" "$2"
}

# Prints a small file.
rota_print() {
  while IFS= read -r line; do printf '%s\n' "$line"; done 2>/dev/null <"$1"
}

# ---- the host --------------------------------------------------------------------------------------------------

# Sets rota_tool to the path of a program, without a process.
rota_which() {
  rest=$PATH:
  while [ -n "$rest" ]; do
    rota_tool=${rest%%:*}/$1
    rest=${rest#*:}
    case $rota_tool in /*) [ -f "$rota_tool" ] && [ -x "$rota_tool" ] && return ;; esac
  done
  rota_tool=''
  return 1
}

rota_uptime() {
  read -r rota_up rest </proc/uptime
}

rota_identity() {
  rota_machine=''
  for file in /etc/machine-id /var/lib/dbus/machine-id /proc/sys/kernel/hostname; do
    [ -r "$file" ] && read -r rota_machine <"$file"
    [ -n "$rota_machine" ] && break
  done
  case $rota_machine in '' | .* | *[!A-Za-z0-9._-]*) rota_machine=unknown ;; esac
  rota_boot=-
  [ -r /proc/sys/kernel/random/boot_id ] && read -r rota_boot </proc/sys/kernel/random/boot_id
}

# ROOT HOST: what every channel must know.
rota_use() {
  rota_root=$1 rota_events=$1/events.$2
  rota_identity
  for rota_session in setsid perl python3 ''; do
    [ -n "$rota_session" ] && rota_which "$rota_session" && break
  done
  rota_session=$rota_tool
}

# Nobody else may be able to put something in the place of our files: each folder above is ours or root's, or sticky.
rota_root_check() {
  at=$1
  set --
  while [ -n "$at" ]; do
    set -- "$@" "$at/."
    at=${at%/*}
  done
  [ -O "$1" ] || rota_error root "$1 belongs to somebody else" || return
  # shellcheck disable=SC2012 # the modes are wanted
  bad=$(ls -lnd "$@" 2>/dev/null | while read -r mode rest; do
    case $mode in d???????w[!tT]*) printf 'x' ;; esac
  done)
  [ -z "$bad" ] || rota_error root "everybody may write to ${1%/.} or a folder above it; set root: to a private place"
}

rota_shell() {
  # shellcheck disable=SC2012 # where the link leads is wanted
  case ${BASH_VERSION:+bash}${KSH_VERSION:+ksh}$(ls -l "/proc/$$/exe" 2>/dev/null) in
    bash*) echo bash ;;
    ksh*) echo ksh ;;
    *busybox*) echo busybox ;;
    *dash*) echo dash ;;
    *) echo other ;;
  esac
}

rota_os() {
  [ -r /etc/os-release ] || return
  while IFS= read -r line; do
    case $line in
      PRETTY_NAME=*)
        line=${line#*=}
        line=${line#[\"\']}
        printf 'os %s\n' "${line%[\"\']}"
        return
        ;;
    esac
  done </etc/os-release
}

rota_disk_lines() {
  df -Pk "$1" 2>/dev/null | {
    read -r line
    read -r line size rest free line && printf 'disk_free_kb %s\ndisk_size_kb %s\n' "$free" "$size"
  }
  df -Pi "$1" 2>/dev/null | {
    read -r line
    read -r line size rest free line && printf 'inodes_free %s\n' "$free"
  }
}

# ROOT STATE HOST
rota_hello() {
  if ! [ -r /proc/self/stat ] || ! [ -r /proc/uptime ]; then
    rota_error os 'this is no Linux, or /proc is not there'
    return
  fi
  # shellcheck disable=SC2088 # ours to expand
  case $1 in '~') at=$HOME ;; '~/'*) at=$HOME/${1#??} ;; /*) at=$1 ;; *) at=$HOME/$1 ;; esac
  rota_identity
  top=$at
  rota_use "$at/$2/$rota_machine" "$3"
  at=$rota_root
  said=$(mkdir -p "$at/a" "$at/w" "$at/s" "$at/lib" "$at/gone" "$at/trash" 2>&1) || {
    rota_error root "can't be made: $said"
    return
  }
  rota_root_check "$top" && rota_root_check "$rota_root" || return
  [ -n "$rota_session" ] || rota_error tools 'none of setsid, perl and python3 is there' || return
  rota_link_check || return
  [ -p "$rota_events" ] || mkfifo -m 600 "$rota_events" 2>/dev/null
  rota_section hello
  rota_hello_lines "$3"
  rota_tidy </dev/null >/dev/null 2>&1 &
  return 0
}

# The claim of an attempt is a hard link. Where tasks could be started before, what became of them is told and they are
# stopped though there is no room now: a start says by itself that there is none.
rota_link_check() {
  if ! true 2>/dev/null >"$rota_root/link.$$"; then
    [ -e "$rota_root/lib/supervise-$rota_hash" ] || rota_error no_room "nothing can be written to $rota_root"
    return
  fi
  ln "$rota_root/link.$$" "$rota_root/link.$$.2" 2>/dev/null
  [ -e "$rota_root/link.$$.2" ]
  linked=$?
  rm -f "$rota_root/link.$$" "$rota_root/link.$$.2"
  [ $linked = 0 ] || rota_error root "the file system of $rota_root has no hard links; set root: to another place"
}

rota_hello_lines() {
  rota_uptime
  read -r kernel </proc/sys/kernel/osrelease
  printf 'protocol 1\nroot %s\nhost %s\nmachine %s\nboot %s\nuptime %s\n' "$rota_root" "$1" "$rota_machine" \
    "$rota_boot" "$rota_up"
  printf 'user %s\nhome %s\nlogin_shell %s\nsh %s\n' "${USER:-$LOGNAME}" "$HOME" "${ROTA_LOGIN_SHELL:-$SHELL}" \
    "$(rota_shell)"
  rota_os
  printf 'kernel %s\nnow %s\n' "$kernel" "$(date +%s)"
  rota_disk_lines "$rota_root"
  fifo=no && [ -p "$rota_events" ] && fifo=yes
  there=no && [ -e "$rota_root/lib/supervise-$rota_hash" ] && there=yes
  tools=''
  for name in setsid perl python3 sha256sum shasum openssl tar nvidia-smi systemd-run timeout stdbuf head; do
    rota_which $name && tools="$tools $name"
  done
  printf 'fifo %s\nsupervise %s\ntools%s\n' $fifo $there "$tools"
}

# Tombstones are kept for seven days; what a former life moved to the trash goes.
rota_tidy() {
  cd "$rota_root" || return
  find gone -type f -mtime +7 -exec rm -f {} +
  find trash -mindepth 1 -maxdepth 1 -mmin +5 -exec rm -rf {} +
}

# TEXT of supervise.sh
rota_install() {
  file=$rota_root/lib/supervise-$rota_hash
  [ -e "$file" ] && return
  { printf '%s\n' "$1" >"$file.$$" && [ -s "$file.$$" ] && mv -f "$file.$$" "$file"; } 2>/dev/null ||
    rota_error no_room "the supervisor can't be written to $rota_root/lib"
}

rota_facts() {
  rota_section facts
  rota_uptime
  read -r kernel </proc/sys/kernel/osrelease
  rota_os
  printf 'kernel %s\nboot %s\nbooted_uptime %s\n' "$kernel" "$rota_boot" "$rota_up"
  printf 'cpus %s\n' "$(grep -c '^processor' /proc/cpuinfo)"
  read -r rest size line </proc/meminfo
  printf 'memory_kb %s\n' "$size"
  rota_which nvidia-smi || return 0
  set -- "$rota_tool" --query-gpu=driver_version,name,memory.total --format=csv,noheader
  rota_which timeout && set -- "$rota_tool" 5 "$@"
  "$@" 2>/dev/null </dev/null | {
    first=1
    while IFS= read -r line; do
      [ $first = 1 ] && printf 'driver %s\n' "${line%%, *}"
      first=0
      printf 'gpu %s\n' "${line#*, }"
    done
  }
  return 0
}

rota_disk() {
  rota_section disk
  rota_disk_lines "$rota_root"
}

# ---- what became of an attempt ---------------------------------------------------------------------------------

# State, session, group and start time of a process. The name in the second field may hold anything.
rota_stat() {
  text=''
  while IFS= read -r line; do text="$text $line"; done 2>/dev/null <"/proc/$1/stat"
  [ -n "$text" ] || return 1
  # shellcheck disable=SC2086 # numbers
  set -- ${text##*") "}
  state=$1 group=$3 session=$4 begun=${20}
  case $state in Z | X | x) return 1 ;; esac
}

rota_exit() {
  for rota_file in "$1"/exit.*; do
    [ -e "$rota_file" ] || return 1
    rota_word="ended ${rota_file##*/}"
    return 0
  done
}

# Sets rota_word; after "ended" rota_file is the exit file, after "running" owner_pid is the supervisor.
rota_state() {
  dir=$rota_root/a/$1
  rota_exit "$dir" && return
  if ! [ -e "$dir/owner" ]; then
    rota_word=missing
    if [ -e "$rota_root/gone/$1" ]; then rota_word=gone; elif [ -d "$dir" ]; then rota_word=unclaimed; fi
    return
  fi
  owner=''
  IFS= read -r owner 2>/dev/null <"$dir/owner"
  owner_pid='' owner_start='' owner_machine='' owner_boot=''
  for word in $owner; do
    case $word in
      pid=*) owner_pid=${word#*=} ;;
      start=*) owner_start=${word#*=} ;;
      machine=*) owner_machine=${word#*=} ;;
      boot=*) owner_boot=${word#*=} ;;
    esac
  done
  rota_judge "$1"
}

rota_judge() {
  case $owner in
    FENCED) rota_word=fenced && return ;;
    'rota=1 '*) ;;
    rota=*) rota_word='elsewhere a newer version' && return ;;
    *) owner_pid='' ;;
  esac
  case $owner_pid in
    '' | *[!0-9]* | 0 | 1)
      rota_exit "$dir" || rota_word='dead its owner file is damaged'
      return
      ;;
  esac
  if [ "$owner_machine" != "$rota_machine" ]; then
    rota_word="elsewhere $owner_machine"
    return
  fi
  if [ "$owner_boot" = "$rota_boot" ] && rota_stat "$owner_pid" && [ "$begun" = "$owner_start" ]; then
    rota_started
    rota_word="running $owner_pid $task_uptime"
    return
  fi
  rota_exit "$dir" && return
  rota_word='dead its supervisor was killed'
  [ "$owner_boot" = "$rota_boot" ] || rota_word='dead the host was restarted'
  if [ -e "$dir/result" ]; then rota_outside "$dir"; fi
}

rota_outside() {
  while IFS= read -r line; do
    [ "$line" = note=from_outside ] && rota_word='dead its supervisor was told to end by somebody else'
  done 2>/dev/null <"$1/result"
}

# The task's process and when it started, as its supervisor wrote it.
rota_started() {
  task_pid='' task_start='' task_uptime=-
  while IFS= read -r line; do
    case $line in
      pid=*) task_pid=${line#*=} ;;
      task_start=*) task_start=${line#*=} ;;
      started_uptime=*) task_uptime=${line#*=} ;;
    esac
  done 2>/dev/null <"$dir/result"
}

# OP A: a section with the state.
rota_tell() {
  rota_state "$2"
  rota_say "$1" "$2"
}

rota_say() {
  rota_section "$1" "$2" "$rota_word"
  case $rota_word in ended*) rota_print "$rota_file" ;; esac
}

# A: the state, for which what has no directory is looked for among all that runs, since somebody may have removed it.
# `marks` are those of all attempts, or '' as long as nobody has asked.
rota_search() {
  rota_state "$1"
  [ "$rota_word" = missing ] || return
  [ -n "$marks" ] || marks=-$(grep -zhosE 'ROTA_ATTEMPT_ID=[A-Za-z0-9_-]+' /proc/[0-9]*/environ | tr '\0' ' ')
  case $marks in *"ROTA_ATTEMPT_ID=$1"*) ;; *) return ;; esac
  rota_state "$1" # it may have begun meanwhile
  [ "$rota_word" = missing ] && rota_word='dead its directory on the host was removed while it ran'
}

rota_look() {
  marks=''
  for id in "$@"; do
    rota_search "$id"
    rota_say look "$id"
  done
  return 0
}

# ---- start and fence -------------------------------------------------------------------------------------------

# Whether a start of it was made before: pieces alone are none.
rota_begun() {
  for file in "$rota_root/a/$1"/start.*; do [ -e "$file" ] && return; done
  return 1
}

# A RUN STATE_KEY FRESH..., four words an attempt; FRESH is 0, 1, or in one word the runs of which the first that has a
# ROTA_STATE gives it to the supervisor, who copies it. Makes the folders of all that may start, with one mkdir.
rota_make() {
  rota_made='' list=''
  while [ $# -ge 4 ]; do
    if ! [ -e "$rota_root/gone/$1" ] && ! [ -e "$rota_root/a/$1/owner" ]; then
      if [ "$4" = 1 ] && [ -e "$rota_root/s/$2/$3" ] && ! rota_begun "$1"; then
        mv "$rota_root/s/$2/$3" "$rota_root/trash/$1.state" && rm -rf "$rota_root/trash/$1.state"
      fi
      state=s/$2/$3
      for from in $4; do
        if [ -d "$rota_root/s/$from/$3" ] && ! [ -e "$rota_root/s/$2/$3" ]; then state=s/$2; fi
      done
      list="$list a/$1/start.$rota_nonce a/$1/run.$2 w/$2 $state"
    fi
    shift 4
  done
  [ -z "$list" ] && return
  # shellcheck disable=SC2086 # ids and names of tasks: no blanks, no patterns
  rota_made=$(cd "$rota_root" && mkdir -p $list 2>&1)
}

# In a session of its own; only to be called in the background.
# shellcheck disable=SC2016 # perl's dollars
rota_detached() {
  case $rota_session in
    *setsid) exec "$rota_session" "$@" ;;
    *perl) exec "$rota_session" -e 'use POSIX (); POSIX::setsid(); exec { $ARGV[0] } @ARGV; exit 127' -- "$@" ;;
    *) exec "$rota_session" -c 'import os, sys; os.setsid(); os.execvp(sys.argv[1], sys.argv[1:])' "$@" ;;
  esac
}

# A LABEL SCRIPT CONTEXT LAUNCH: script and context are '' for none, or '+' and the text, or '@' for pieces.
rota_start() {
  rota_state "$1"
  case $rota_word in
    unclaimed) ;;
    missing)
      rota_section start "$1" error no_room "its folder can't be made: $rota_made"
      return
      ;;
    *)
      rota_tell start "$1"
      return
      ;;
  esac
  if ! [ -e "$rota_root/lib/supervise-$rota_hash" ]; then
    rota_section start "$1" error root 'the supervisor is not installed'
    return
  fi
  at=$rota_root/a/$1/start.$rota_nonce
  if rota_write script "$3" && rota_write context.json "$4"; then
    launch=$5
    rota_detached "${rota_sh:-/bin/sh}" "$rota_root/lib/supervise-$rota_hash" "$rota_root" "$1" "start.$rota_nonce" \
      "$rota_events" "$rota_session" "$2" 3<<ROTA </dev/null >/dev/null 2>&1 &
$launch
ROTA
    rota_section start "$1" launched
  else
    rm -rf "$at" # it is asked again for as long as there is no room
    rota_section start "$1" error no_room "nothing can be written to $rota_root: is its disk full?"
  fi
  jobs >/dev/null 2>&1 # forgets those that have ended
}

# NAME TEXT: into the folder of this start.
rota_write() {
  case $2 in
    +*) printf '%s' "${2#+}" >"$at/$1" ;;
    @*)
      set -- "$1" "${2#@}" 0
      true >"$at/$1" || return
      while [ "$3" -lt "$2" ]; do
        cat "$at/../piece.$1.$3" >>"$at/$1" || return
        set -- "$1" "$2" $(($3 + 1))
      done
      ;;
  esac 2>/dev/null
}

# A NAME INDEX TEXT
rota_piece() {
  rota_state "$1"
  case $rota_word in missing | unclaimed) ;; *) rota_tell piece "$1" && return ;; esac
  file=$rota_root/a/$1/piece.$2.$3
  if { mkdir -p "${file%/*}" && printf '%s' "$4" >"$file.$$" && mv -f "$file.$$" "$file"; } 2>/dev/null; then
    rota_section piece "$1" written
  else
    rota_section piece "$1" error no_room "nothing can be written to $rota_root"
  fi
}

rota_fence_quietly() {
  mkdir -p "$rota_root/a/$1" || return
  printf 'FENCED\n' >"$rota_root/a/$1/fence.$$"
  line=''
  read -r line <"$rota_root/a/$1/fence.$$"
  [ "$line" = FENCED ] && ln "$rota_root/a/$1/fence.$$" "$rota_root/a/$1/owner"
  rm -f "$rota_root/a/$1/fence.$$"
}

rota_fence() {
  marks=''
  rota_search "$1"
  case $rota_word in
    missing | unclaimed)
      rota_fence_quietly "$1" 2>/dev/null
      rota_state "$1"
      case $rota_word in
        missing | unclaimed)
          rota_section fence "$1" error no_room "nothing can be written to $rota_root"
          return
          ;;
      esac
      ;;
  esac
  rota_say fence "$1"
}

# ---- stop and clear --------------------------------------------------------------------------------------------

# A GRACE_US: writes the stop file and wakes the supervisor. Where nothing can be written any more something that isn't
# needed gets the name, since a new name needs no room. Where not even that can be done it is told all the same: the
# attempt has no result then, but it ends.
rota_stop_now() {
  if { printf 'rota=1\ngrace_us=%s\n' "$2" >"$dir/stop.$$" && mv -f "$dir/stop.$$" "$dir/stop"; } 2>/dev/null; then
    :
  else
    name=$dir/stop
    [ "$2" = 0 ] && name=$dir/stop.now
    rm -f "$dir/stop.$$"
    [ -e "$name" ] || for file in "$dir/stop" "$dir"/start.*; do
      [ -e "$file" ] && mv "$file" "$name" && break
    done
  fi 2>/dev/null
  rota_stat "$owner_pid" && [ "$begun" = "$owner_start" ] && kill -TERM "$owner_pid" 2>/dev/null
}

# A GRACE_US
rota_stop() {
  rota_state "$1"
  case $rota_word in running*) ;; *) rota_tell stop "$1" && return ;; esac
  rota_stop_now "$1" "$2"
  rota_section stop "$1" told
}

# Kills what carries the attempt's id or is in its task's session, in a few rounds; sets left to how many remain.
rota_kill() {
  rota_started
  round=0
  while :; do
    rota_remains "$1"
    [ "$left" -gt 0 ] || return 0
    # shellcheck disable=SC2086 # numbers
    kill -KILL $found 2>/dev/null
    round=$((round + 1))
    [ $round -lt 4 ] || return 0
    sleep 0.1 2>/dev/null || sleep 1
  done
}

rota_remains() {
  found='' left=0 leader=0
  case $task_pid in '' | *[!0-9]* | 0 | 1) ;; *)
    # The session's number is the task's as long as its process is there.
    if [ "$owner_boot" = "$rota_boot" ] && rota_stat "$task_pid" && [ "$begun" = "$task_start" ]; then
      leader=$task_pid
    fi
    ;;
  esac
  for file in $(grep -zlsF "ROTA_ATTEMPT_ID=$1" /proc/[0-9]*/environ) \
    $([ "$leader" != 0 ] && grep -lsE "\) [^ ] [0-9]+ [0-9]+ $leader " /proc/[0-9]*/stat); do
    file=${file#/proc/}
    pid=${file%%/*}
    case " $$ 1 $found " in *" $pid "*) continue ;; esac
    rota_stat "$pid" || continue
    found="$found $pid" left=$((left + 1))
  done
}

# A PLACE: what was the root when it was started, '' if nobody knows. What another machine has can't be told from here;
# after a change of `root` it is looked for where it was.
rota_clear() {
  case $2 in
    '' | "$rota_root") rota_clear_here "$1" ;;
    /*/"$rota_machine")
      now=$rota_root
      [ -e "$rota_root/a/$1" ] || [ -e "$rota_root/gone/$1" ] || rota_root=$2
      rota_clear_here "$1"
      rota_root=$now
      ;;
    *) rota_section clear "$1" elsewhere "${2##*/}" ;;
  esac
}

# Asked again until nothing is left: first the supervisor is told to kill, from the third time on it is killed itself.
# Of one without a directory something may run all the same: somebody has removed it meanwhile.
rota_clear_here() {
  rota_state "$1"
  case $rota_word in missing | unclaimed) rota_fence_quietly "$1" 2>/dev/null && rota_state "$1" ;; esac
  case $rota_word in
    missing | unclaimed) rota_section clear "$1" error no_room "nothing can be written to $rota_root" ;;
    elsewhere*) rota_section clear "$1" "$rota_word" ;;
    running*) rota_clear_running "$1" ;;
    *)
      rota_kill "$1"
      if [ "$left" = 0 ]; then rota_section clear "$1" clear; else rota_section clear "$1" left "$left"; fi
      ;;
  esac
}

rota_clear_running() {
  times=0
  for word in $rota_clears; do [ "$word" = "$1" ] && times=$((times + 1)); done
  [ "$times" -ge 2 ] || rota_clears="$rota_clears $1"
  if [ "$times" -ge 2 ]; then
    rota_stat "$owner_pid" && [ "$begun" = "$owner_start" ] && kill -KILL "$owner_pid" 2>/dev/null
    rota_kill "$1"
  else
    rota_stop_now "$1" 0
  fi
  rota_section clear "$1" left 1
}
