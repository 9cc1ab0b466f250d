# shellcheck shell=sh
# The part of supervise.sh that ends a task and what is left of it.
# shellcheck disable=SC2034,SC2154

# ---- the end of the task and of what it left --------------------------------------------------------------------

# Somebody sent TERM: with a stop file it is ours, else it comes from outside and the attempt is lost. Where there was no
# room for one, something else was given its name; `stop.now` is one without grace.
rs_told() {
  rs_grace=$((rota_grace_us / 10000))
  if [ -e stop.now ] || [ -e stop ]; then
    while IFS= read -r rs_rest; do
      case $rs_rest in
        grace_us=*[!0-9]*) ;;
        grace_us=[0-9]*) rs_grace=$((${rs_rest#*=} / 10000)) ;;
      esac
    done <stop
    [ -e stop.now ] && rs_grace=0
    [ "$rs_mode" = run ] && [ -n "$rs_task" ] && rs_reason=stopped
  elif [ "$rs_mode" = run ] && [ -n "$rs_task" ]; then
    rs_outside=1
    rs_note from_outside
  fi
  rs_stop $rs_grace
}

rs_stop() {
  rs_now
  case $rs_mode in
    killing) return ;;
    stopping) [ $((rs_at + $1)) -lt "$rs_grace_end" ] || return ;;
    *)
      kill -TERM "-$rs_group" || { [ -n "$rs_task" ] && kill -TERM "$rs_task"; }
      kill -CONT "-$rs_group"
      ;;
  esac
  rs_mode=stopping rs_grace_end=$((rs_at + $1))
  if [ "$1" -le 0 ]; then rs_kill; else rs_timer_set "$1" grace; fi
}

# Every process of the task: its session, its group, and whoever carries the attempt's id. Of many at most as much as a
# pipe of one page holds, which is what who has many pipes gets: nobody reads until all is written. The rest is for the
# next look.
rs_find() {
  rs_found='' rs_pids=''
  {
    grep -zlsF "ROTA_ATTEMPT_ID=$rs_id" /proc/[0-9]*/environ
    grep -lsE "\\) [^ ] [0-9]+ ($rs_group [0-9]+|[0-9]+ $rs_group) " /proc/[0-9]*/stat
  } | head -n 150 >&7
  rs_drain
  for rs_p in $rs_pids; do
    rs_p=${rs_p#/proc/}
    rs_p=${rs_p%%/*}
    case " $$ 1 $rs_reader $rs_timer $rs_found " in *" $rs_p "*) continue ;; esac
    rs_stat "$rs_p" || continue
    case $rs_state in Z | X | x) continue ;; esac
    [ "$rs_its_session" = "$rs_group" ] || [ "$rs_its_group" = "$rs_group" ] || rs_marked "$rs_p" || continue
    rs_found="$rs_found $rs_p" rs_seen=1
  done
}

# Whether anything outlived a task that ended by itself, as a rule without a process: what was made since its start has
# a number between two readings of the last one given out, unless the numbers may have gone round meanwhile, for which
# 5,000 processes a second are more than a machine makes.
rs_left_over() {
  rs_found=''
  if [ -n "$rs_seen" ] || kill -0 "-$rs_group"; then
    rs_find
    return
  fi
  [ -n "$rs_known" ] && return
  rs_last_pid
  read -r rs_rest </proc/sys/kernel/pid_max || rs_rest=32768
  if [ "$rs_pid" -lt "$rs_first" ] || [ $((rs_pid - rs_first)) -gt 2000 ] ||
    [ $(((rs_at - rs_launched) * 50)) -ge "$rs_rest" ]; then
    rs_find
    return
  fi
  set --
  while [ "$rs_first" -lt "$rs_pid" ]; do
    rs_first=$((rs_first + 1))
    [ -O "/proc/$rs_first" ] || continue
    [ "$rs_first" = "$rs_reader" ] || set -- "$@" "/proc/$rs_first/environ"
  done
  [ $# -eq 0 ] && return
  grep -zlsqF "ROTA_ATTEMPT_ID=$rs_id" "$@" && rs_find
}

rs_kill() {
  rs_now
  if [ "$rs_mode" != killing ]; then
    rs_mode=killing rs_kill_end=$((rs_at + 1000))
  fi
  rs_find
  # shellcheck disable=SC2086 # a list of numbers
  [ -n "$rs_found" ] && kill -KILL $rs_found
  if [ -n "$rs_task" ]; then
    kill -KILL "$rs_task"
  elif [ -z "$rs_found" ]; then
    rs_linger
    return
  else
    rs_note leftovers_killed
  fi
  if [ "$rs_at" -lt "$rs_kill_end" ]; then
    rs_timer_set 5 grace
  elif [ -n "$rs_task" ]; then
    rs_timer_set 100 grace # of another user, or in the kernel: it runs until it's gone, and only then has a status
  else
    rs_note unkillable
    rs_phase=end
  fi
}

# Nothing of it lives any more that may be ended: what is in the pipe is read, for 2 s at most.
rs_linger() {
  if [ -n "$rs_eof" ]; then
    rs_phase=end
  elif [ "$rs_mode" != linger ]; then
    rs_mode=linger
    rs_timer_set 200 held
  fi
}

rs_linger_over() {
  if [ -z "$rs_kept" ]; then
    rs_left_over
    if [ -n "$rs_found" ]; then
      rs_leftovers
      return
    fi
    rs_note output_held
  fi
  rs_phase=end
}

rs_leftovers() {
  if [ "$rota_leftovers" = keep ]; then
    rs_kept=1
    rs_note leftovers_kept
    rs_phase=end
  else
    rs_note leftovers_killed
    rs_kill
  fi
}

# The task has ended, and something else did just now.
rs_settle() {
  case $rs_mode in
    run)
      rs_left_over
      rs_reader_look # by now it is through as a rule, and needs no timer
      if [ -n "$rs_eof" ] && [ -n "$rs_found" ]; then rs_leftovers; else rs_linger; fi
      rs_known=1
      ;;
    linger)
      [ -n "$rs_eof" ] || return
      rs_known=''
      rs_left_over
      if [ -n "$rs_found" ] && [ -z "$rs_kept" ]; then rs_leftovers; else rs_phase=end; fi
      ;;
    stopping)
      [ -n "$rs_waiting" ] && return
      rs_find
      if [ -z "$rs_found" ]; then
        rs_linger
      elif [ "$rota_leftovers" = keep ]; then
        rs_leftovers
      else
        rs_settle_later
      fi
      ;;
  esac
}

# What a stopped task left has what remains of the grace; it is looked at five times a second.
rs_settle_later() {
  rs_now
  rs_waiting=1
  if [ "$rs_at" -ge "$rs_grace_end" ]; then
    rs_kill
  elif [ $((rs_grace_end - rs_at)) -gt 20 ]; then
    rs_timer_set 20 settle
  else
    rs_timer_set $((rs_grace_end - rs_at)) grace
  fi
}

# Whether the reader is through, and another one is needed.
rs_reader_look() {
  [ -n "$rs_reader" ] || return
  rs_lives "$rs_reader" && return
  rs_reader_ended
  [ -n "$rs_eof" ] || rs_read_on
}

rs_step() {
  rs_reader_look
  if [ -n "$rs_task" ] && ! rs_lives "$rs_task"; then rs_task_ended; fi
  if [ -n "$rs_term" ]; then
    rs_term=''
    rs_told
  fi
  if [ -n "$rs_timer" ] && ! rs_lives "$rs_timer"; then rs_timer_ended; fi
  if [ -z "$rs_task" ] && [ "$rs_phase" = run ]; then rs_settle; fi
}
