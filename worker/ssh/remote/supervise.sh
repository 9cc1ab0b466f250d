# shellcheck shell=sh
# The supervisor of one attempt on a host: claims it, runs the task, keeps its log, holds its time, ends what is left of
# it and says how it ended. docs/run-directory.md is the manual. It runs under dash, bash and busybox as
#
#     setsid sh supervise-HASH ROOT ATTEMPT START EVENTS SESSION LABEL 3<the launch, as sh text written by ops.c
#
# in a session of its own and needs nothing from the daemon afterwards. The whole life after the claim is one loop that
# runs rs_step whenever a child ends or a signal comes; no event can fall between a look and a wait. Children
# are the task, a reader of its output (dd) and at most one timer (sleep). Times are hundredths of a second of uptime.
# shellcheck disable=SC2034,SC2094,SC2154,SC2317 # half of it is in the other file, or called by a trap
umask 077
rs_root=$1 rs_id=$2 rs_start=$3 rs_events=$4 rs_session=$5
rs_notes='' rs_stage='' rs_errno='' rs_file='' rs_line_number='' rs_why='' rs_cpu=''
rs_phase=claim rs_mode=run rs_reason=exited rs_again=''
rs_task='' rs_group='' rs_reader='' rs_timer='' rs_timer_for='' rs_term='' rs_outside=''
rs_whole='' rs_grace_end=0 rs_kill_end=0 rs_kept='' rs_known='' rs_seen='' rs_waiting=''

# ---- what the system says, without a process -------------------------------------------------------------------

rs_now() {
  read -r rs_up rs_rest </proc/uptime
  rs_at=${rs_up%.*}${rs_up#*.}
  rs_at=${rs_at#0}
}

# State, group, session and start time of a process. The name in the second field may hold anything.
rs_stat() {
  rs_text=''
  while IFS= read -r rs_rest; do rs_text="$rs_text $rs_rest"; done <"/proc/$1/stat"
  [ -n "$rs_text" ] || return 1
  # shellcheck disable=SC2086 # numbers
  set -- ${rs_text##*") "}
  rs_state=$1 rs_parent=$2 rs_its_group=$3 rs_its_session=$4 rs_begun=${20}
}

# A zombie has no program, a stranger's program can't be seen.
rs_lives() {
  [ -e "/proc/$1/exe" ] && return 0
  rs_stat "$1" || return 1
  case $rs_state in Z | X | x) return 1 ;; esac
}

rs_marked() {
  while IFS= read -r rs_rest || [ -n "$rs_rest" ]; do
    case $rs_rest in *"ROTA_ATTEMPT_ID=$rs_id"*) return 0 ;; esac
    rs_rest=''
  done <"/proc/$1/environ"
  return 1
}

rs_last_pid() {
  read -r rs_rest rs_rest rs_rest rs_rest rs_pid </proc/loadavg
}

rs_note() {
  case " $rs_notes " in *" $1 "*) ;; *) rs_notes="$rs_notes $1" ;; esac
}

# ---- the claim -------------------------------------------------------------------------------------------------

# A shell that can't fork ends here: nothing has run, so the claim is given back; or the end is told at last.
rs_last() {
  case $rs_phase in
    claimed) exec rm -f owner ;;
    end) [ -z "$rs_outside" ] && exec mv -f result "exit.$rs_status.$rs_reason" ;;
  esac
}

rs_claim() {
  cd "$rs_root/a/$rs_id" || exit 1
  [ -e owner ] && exit 0
  read -r rs_boot </proc/sys/kernel/random/boot_id || rs_boot=-
  rs_stat $$
  rs_now
  rs_line="rota=1 pid=$$ session=$rs_its_session start=$rs_begun machine=${rs_root##*/} boot=$rs_boot uptime=$rs_up"
  : >>result || exit 1
  printf '%s\n' "$rs_line" >"$rs_start/owner" || exit 1
  IFS= read -r rs_rest <"$rs_start/owner"
  [ "$rs_rest" = "$rs_line" ] || exit 1
  set -- "$rs_start/owner"
  [ -e "$rs_start/context.json" ] && set -- "$rs_start/context.json" "$@"
  [ -e "$rs_start/script" ] && set -- "$rs_start/script" "$@"
  ln "$@" .
  IFS= read -r rs_rest <owner
  [ "$rs_rest" = "$rs_line" ] || exit 0
  rs_phase=claimed
  trap rs_last EXIT
  if [ -e "$rs_start/script" ] && ! [ -e script ]; then exit 1; fi
  if [ -e "$rs_start/context.json" ] && ! [ -e context.json ]; then exit 1; fi
}

# Two pipes without a process: 4 and 5 for the task's output, 6 and 7 for what children tell. A here-document is a pipe
# in most shells, which /proc opens for writing too; where it is a file, named pipes serve.
rs_pipes() {
  exec 4<<END
.
END
  exec 6<<END
.
END
  if [ -p /proc/self/fd/4 ] && [ -p /proc/self/fd/6 ] && [ -z "$ROTA_NAMED_PIPES" ]; then
    read -r rs_rest <&4
    read -r rs_rest <&6
    exec 5>/proc/self/fd/4 7>/proc/self/fd/6
    return
  fi
  mkfifo -m 600 pipe.4 pipe.6 || exit 1
  exec 8<>pipe.4 9<>pipe.6
  exec 4<pipe.4 5>pipe.4 6<pipe.6 7>pipe.6
  exec 8<&- 9<&-
  rm -f pipe.4 pipe.6
}

# What children wrote into pipe 7, up to a line of our own, which begins anew, since a child may be in the middle of one
# of its own. Nothing here is read by $( ): a bash that gets a signal while it expands one loses its place.
rs_drain() {
  printf '\n.\n' >&7
  while IFS= read -r rs_rest; do
    [ "$rs_rest" = . ] && return
    rs_take "$rs_rest"
  done <&6
}

rs_take() {
  case $1 in
    *' records in') rs_in=${1% records in} ;;
    *' records out') rs_out=${1% records out} ;;
    [0-9]*' bytes'*) rs_bytes=${1%% *} ;;
    stage=*) rs_stage=${1#*=} ;;
    errno=*) rs_errno=${1#*=} ;;
    file=*) rs_file=${1#*=} ;;
    line=*) rs_line_number=${1#*=} ;;
    why=*) rs_why=${1#*=} ;;
    [0-9]*m*s\ [0-9]*m*s) rs_cpu=$1 ;;
    /proc/[0-9]*/*) rs_pids="$rs_pids $1" ;;
    -r*) rs_ls=$1 ;;
  esac
}

# ---- the task --------------------------------------------------------------------------------------------------

rs_fail() {
  printf 'stage=%s\nerrno=%s\nfile=%s\nline=%s\nwhy=%s\n' "$1" "$2" "$3" "$4" "$5" >&7
  [ "$2" = 2 ] && exit 127
  exit 126
}

# One file of NAME=value lines, as the supervisor of the daemon's machine takes it.
rota_env_file() {
  [ -e "$1" ] || rs_fail env_file 2 "$1"
  [ -f "$1" ] || rs_fail env_file 22 "$1" '' 'is not a regular file'
  [ -r "$1" ] || rs_fail env_file 13 "$1"
  # shellcheck disable=SC2012 # the mode and the size are wanted
  __rota_ls=$(PATH=$rs_path LC_ALL=C ls -lnL "$1")
  case $__rota_ls in -???--?--*) ;; *) rs_fail env_file 13 "$1" '' 'is open to others' ;; esac
  __rota_n=0 __rota_cr=$(printf '\r')
  while IFS= read -r __rota_l || [ -n "$__rota_l" ]; do
    __rota_n=$((__rota_n + 1))
    __rota_l=${__rota_l%"$__rota_cr"}
    case $__rota_l in '' | '#'*) continue ;; esac
    __rota_k=${__rota_l%%=*}
    case $__rota_k in "$__rota_l" | '' | [0-9]* | *[!A-Za-z0-9_]*) rs_fail env_file 22 "$1" "$__rota_n" ;; esac
    export "$__rota_k=${__rota_l#*=}"
  done <"$1"
}

# Whether the program is there, said before it is executed, since then its exit status could be its own.
rs_program() {
  __rota_e=2
  case $1 in
    */*)
      [ -f "$1" ] && [ -x "$1" ] && return
      [ -e "$1" ] && __rota_e=13
      ;;
    *)
      __rota_p=$PATH:
      while [ -n "$__rota_p" ]; do
        __rota_d=${__rota_p%%:*}
        __rota_p=${__rota_p#*:}
        [ -f "${__rota_d:-.}/$1" ] || continue
        [ -x "${__rota_d:-.}/$1" ] && return
        __rota_e=13
      done
      ;;
  esac
  rs_fail exec "$__rota_e"
}

rs_execute() {
  rs_program "$1"
  unset PWD OLDPWD SHLVL ROTA_LOGIN_SHELL ROTA_NAMED_PIPES
  # shellcheck disable=SC2016 # perl's dollars
  case $rs_session in
    *setsid) exec "$rs_session" "$@" 7>&- ;;
    *perl) exec "$rs_session" -e 'use POSIX (); POSIX::setsid(); exec { $ARGV[0] } @ARGV; exit 127' -- "$@" 7>&- ;;
    *) exec "$rs_session" -c 'import os, sys; os.setsid(); os.execvp(sys.argv[1], sys.argv[1:])' "$@" 7>&- ;;
  esac
}

# The first attempt of a linked run that goes on where the nearest of the runs that it came from stopped. Only one can
# have the claim. What is swept away at that moment isn't missed: the task begins without it.
rs_state_copy() {
  __rota_l=$rota_state_from
  while [ -n "$__rota_l" ] && ! [ -e "$ROTA_STATE" ]; do
    __rota_p=${ROTA_STATE%/*/*}/${__rota_l%% *}/${ROTA_STATE##*/}
    case $__rota_l in *' '*) __rota_l=${__rota_l#* } ;; *) __rota_l='' ;; esac
    [ -d "$__rota_p" ] || continue
    __rota_d=${ROTA_STATE%/*}/.$rs_id
    PATH=$rs_path rm -rf "$__rota_d"
    PATH=$rs_path cp -pPR "$__rota_p" "$__rota_d" && PATH=$rs_path mv "$__rota_d" "$ROTA_STATE" && return
    [ -d "$__rota_p" ] && rs_fail state 5
    PATH=$rs_path rm -rf "$__rota_d"
  done
  [ -z "$rota_state_from" ] || [ -e "$ROTA_STATE" ] || PATH=$rs_path mkdir -p "$ROTA_STATE" || rs_fail state 5
}

rs_child() {
  exec </dev/null >&5 2>&5 4<&- 5>&- 6<&-
  umask 022
  { printf 500 >/proc/self/oom_score_adj; } 2>/dev/null
  rs_path=$PATH
  rota_environment
  rs_state_copy
  __rota_d=${rota_dir:-$ROTA_WORK}
  if ! cd "$__rota_d" 2>/dev/null; then
    [ -e "$__rota_d" ] || rs_fail dir 2
    [ -d "$__rota_d" ] || rs_fail dir 20
    rs_fail dir 13
  fi
  if [ -p "$rs_events" ]; then
    read -r __rota_p __rota_l </proc/self/stat
    read -r __rota_u __rota_l </proc/uptime
    printf 'started %s %s %s\n' "$rs_id" "$__rota_p" "$__rota_u" 1<>"$rs_events"
  fi
  rota_do=rs_execute
  rota_command
}

# A script with "#!" whose interpreter isn't there ends with 127 too, and was never run.
rs_interpreter() {
  case $1 in */*) ;; *) return ;; esac
  IFS= read -r rs_rest <"$1" || return
  case $rs_rest in '#!'*) ;; *) return ;; esac
  rs_rest=${rs_rest#??}
  # shellcheck disable=SC2086 # the first word is wanted
  set -- $rs_rest
  case $1 in /*) [ -e "$1" ] || rs_stage=exec rs_errno=2 rs_why='its interpreter is not there' ;; esac
}

rs_launch() {
  rs_last_pid
  rs_first=$rs_pid
  rs_read_on
  (
    trap - TERM HUP INT QUIT CHLD EXIT
    rs_child
  ) &
  rs_task=$! rs_group=$!
  rs_phase=run
  exec 5>&-
  rs_now
  rs_started=$rs_up rs_launched=$rs_at
  rs_stat "$rs_task"
  printf 'rota=1\npid=%s\nstarted_uptime=%s\ntask_start=%s\n' "$rs_task" "$rs_started" "$rs_begun" >result
  [ "$rota_timeout_us" -gt 0 ] && rs_timer_set $((rota_timeout_us / 10000)) timeout
}

# The status of a child that has ended. A wait that a signal interrupts says 128 and the signal's number, which is asked
# again; a shell that has forgotten the child by then says 127.
rs_status_of() {
  wait "$1"
  rs_status=$?
  rs_tries=0
  while [ "$rs_status" -gt 128 ] && [ "$rs_tries" -lt 5 ]; do
    wait "$1"
    rs_rest=$?
    [ "$rs_rest" = 127 ] && [ "$rs_status" != 145 ] && return
    [ "$rs_rest" = "$rs_status" ] && [ "$rs_rest" != 145 ] && return
    rs_status=$rs_rest rs_tries=$((rs_tries + 1))
  done
}

rs_task_ended() {
  rs_status_of "$rs_task"
  rs_task=''
  rs_now
  rs_ended=$rs_up
  [ "$rs_timer_for" = timeout ] && rs_timer_stop
  case $rs_status in
    126 | 127)
      [ -n "$rs_reader" ] && rs_drain
      [ -n "$rs_stage" ] || { rota_do=rs_interpreter && rota_command; }
      ;;
  esac
}

# ---- time ------------------------------------------------------------------------------------------------------

rs_timer_stop() {
  [ -n "$rs_timer" ] && kill -KILL "$rs_timer" && wait "$rs_timer"
  rs_timer='' rs_timer_for=''
}

rs_timer_set() {
  rs_timer_stop
  rs_now
  rs_deadline=$((rs_at + $1)) rs_timer_for=$2
  rs_timer_go
}

rs_timer_go() {
  rs_left=$((rs_deadline - rs_at))
  [ $rs_left -gt 8640000 ] && rs_left=8640000
  rs_seconds=$((rs_left / 100)) rs_rest=$((rs_left % 100))
  if [ -n "$rs_whole" ]; then
    rs_seconds=$((rs_seconds + 1))
  else
    [ $rs_rest -lt 10 ] && rs_rest=0$rs_rest
    rs_seconds=$rs_seconds.$rs_rest
  fi
  sleep $rs_seconds 4<&- 5>&- 6<&- 7>&- &
  rs_timer=$! rs_timer_at=$rs_at
}

rs_timer_ended() {
  wait "$rs_timer"
  rs_timer=''
  rs_now
  if [ "$rs_at" -lt "$rs_deadline" ]; then
    # A sleep that doesn't know fractions ends at once.
    [ $(((rs_at - rs_timer_at) * 2)) -lt $((rs_deadline - rs_timer_at)) ] && rs_whole=1
    rs_timer_go
    return
  fi
  rs_fired=$rs_timer_for rs_timer_for='' rs_waiting=''
  case $rs_fired in
    timeout)
      rs_reason=timed_out
      rs_stop $((rota_grace_us / 10000))
      ;;
    grace) rs_kill ;;
    held) rs_linger_over ;;
  esac
}

# ---- the result ------------------------------------------------------------------------------------------------

# "1m2.345s" in microseconds.
rs_time_us() {
  rs_rest=${1#*m}
  rs_rest=${rs_rest%s}
  rs_part=${rs_rest#*.}000
  while [ ${#rs_part} -gt 3 ]; do rs_part=${rs_part%?}; done
  rs_us=$(((${1%%m*} * 60 + ${rs_rest%.*}) * 1000000 + (1$rs_part - 1000) * 1000))
}

rs_cpu_time() {
  times >&7
  rs_drain
  # shellcheck disable=SC2086 # two words
  set -- $rs_cpu
  rs_time_us "$1"
  rs_cpu=$rs_us
  rs_time_us "$2"
  rs_cpu=$((rs_cpu + rs_us))
}

rs_result() {
  printf 'rota=1\npid=%s\nstarted_uptime=%s\nended_uptime=%s\ncpu_us=%s\nlog_bytes=%s\ndropped_bytes=%s\n' \
    "$rs_group" "$rs_started" "$rs_ended" "$rs_cpu" "$rs_offset" "$rs_dropped"
  for rs_rest in $rs_notes; do printf 'note=%s\n' "$rs_rest"; done
  [ -n "$rs_stage" ] || return
  printf 'stage=%s\n' "$rs_stage"
  [ -n "$rs_errno" ] && printf 'errno=%s\n' "$rs_errno"
  [ -n "$rs_file" ] && printf 'file=%s\n' "$rs_file"
  [ -n "$rs_line_number" ] && printf 'line=%s\n' "$rs_line_number"
  [ -n "$rs_why" ] && printf 'why=%s\n' "$rs_why"
}

rs_end() {
  rs_timer_stop
  if [ -n "$rs_reader" ]; then
    kill -KILL "$rs_reader"
    rs_reader_ended
  fi
  [ -n "$rs_stage" ] && [ "$rs_reason" = exited ] && rs_reason=launch_failed
  rs_cpu_time
  rs_result >result
  rs_name=exit.$rs_status.$rs_reason
  if [ -n "$rs_outside" ]; then
    rs_name=-
  else
    rs_tries=0
    until mv -f result "$rs_name" || [ -e "$rs_name" ] || [ $rs_tries -ge 60 ]; do
      rs_tries=$((rs_tries + 1))
      sleep 1
    done
  fi
  trap - EXIT
  [ -p "$rs_events" ] && printf 'ended %s %s %s\n' "$rs_id" "$rs_name" "$rs_ended" 1<>"$rs_events"
  exit 0
}

# A trap only notes that something happened. No work is done in a trap: in dash and busybox, where a second one comes
# within a first, the status of the command that it came after is lost, and a failure reads as a success.
#
# The wait can't miss one. A shell runs traps between commands alone, so one that came before this wait has put a number
# into rs_again that is nobody's, and nothing is waited for; one that comes after the words were read ends the wait, for
# which dash and busybox look with all signals blocked. A bash doesn't block them: what comes in that moment is found
# when the next child ends, at the latest a timer made for that. It is the reader that is waited for, if there is one,
# since a status that was waited for once may be forgotten when the next child is made.
rs_loop() {
  trap 'rs_term=1 rs_again=0' TERM
  trap rs_again=0 CHLD
  rs_launch
  while :; do
    rs_again=''
    rs_step
    [ "$rs_phase" = run ] || break
    [ -n "$BASH_VERSION" ] && [ -z "$rs_timer" ] && rs_timer_set 1000 beat
    wait "${rs_again:-${rs_reader:-${rs_timer:-$rs_task}}}"
  done
}

# From the claim on a stop may come, and must not be its end.
trap rs_term=1 TERM
trap ':' HUP INT QUIT
# shellcheck source=/dev/null # the launch
. /proc/self/fd/3
exec 3<&-
rs_claim
rs_log_init
rs_pipes
rs_loop
rs_end
