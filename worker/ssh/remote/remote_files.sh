# shellcheck shell=sh
# The second half of remote.sh: what attempts wrote, what is removed, files of a run, channels of their own.
# shellcheck disable=SC2015,SC2034,SC2154
rota_dd=''

# ---- what it wrote ---------------------------------------------------------------------------------------------

# Whether dd counts bytes.
rota_dd_counts() {
  if [ -z "$rota_dd" ]; then
    rota_dd=no
    case $(printf abc | dd bs=64 skip=1 count=1 iflag=skip_bytes,count_bytes,fullblock 2>/dev/null) in
      b) rota_dd=yes ;;
    esac
  fi
  [ "$rota_dd" = yes ]
}

# SKIP COUNT, of a file that is the standard input.
rota_cut() {
  [ "$2" -gt 0 ] || return 0
  if rota_dd_counts; then
    dd bs=65536 skip="$1" count="$2" iflag=skip_bytes,count_bytes,fullblock
  else
    tail -c "+$(($1 + 1))" | head -c "$2"
  fi
}

# A: the sizes of its logs in log_sizes ("START:SIZE ..."), and log_end.
rota_log_sizes() {
  log_sizes='' log_end=0
  while read -r rest rest rest rest size rest rest rest file; do
    case $file in "$1/log"*) ;; *) continue ;; esac
    start=${file##*/log}
    start=${start#.}
    # What a task has put there, log.08 for instance, must not come to $(( )), by which a shell may end.
    case $start in '') start=0 ;; 0?* | ??????????????????*) continue ;; esac
    case $start$size in *[!0-9]*) continue ;; esac
    log_sizes="$log_sizes $start:$size"
    [ $((start + size)) -gt "$log_end" ] && log_end=$((start + size))
  done <<ROTA
$log_list
ROTA
}

# OFFSET: the file that has it, or the first one behind it: log_start, log_size.
rota_log_choose() {
  log_start='' log_size=0
  for word in $log_sizes; do
    start=${word%:*} size=${word#*:}
    [ $((start + size)) -gt "$1" ] || continue
    if [ -z "$log_start" ] || [ "$start" -lt "$log_start" ]; then log_start=$start log_size=$size; fi
  done
  [ -n "$log_start" ]
}

# MAX A:OFFSET...
rota_logs() {
  room=$1
  shift
  set -f
  files=''
  for pair in "$@"; do
    dir=$rota_root/a/${pair%%:*}
    if [ -s "$dir/log" ] || [ -e "$dir/log.0" ]; then files="$files ${pair%%:*}"; fi
  done
  set +f
  [ -n "$files" ] || return 0
  # shellcheck disable=SC2012 # names of ours, below a root that may have any; the sizes are wanted
  log_list=$(
    cd "$rota_root/a" || exit
    set --
    for id in $files; do set -- "$@" "$id/log"*; done
    ls -ln "$@" 2>/dev/null
  )
  share=$((room / $#))
  [ $share -ge 4096 ] || share=4096
  for pair in "$@"; do rota_log "${pair%%:*}" "${pair#*:}"; done
  return 0
}

rota_log() {
  rota_log_sizes "$1"
  rota_log_choose "$2" || return 0
  offset=$2
  [ "$offset" -ge "$log_start" ] || offset=$log_start
  count=$((log_start + log_size - offset))
  [ "$count" -le "$share" ] || count=$share
  file=$rota_root/a/$1/log.$log_start
  [ "$log_start" = 0 ] && file=$rota_root/a/$1/log
  rota_section log "$1" "$offset" "$log_end"
  rota_cut $((offset - log_start)) "$count" 2>/dev/null <"$file"
}

rota_size() {
  # shellcheck disable=SC2012,SC2046 # names of ours; the fields are wanted
  set -- $(ls -lnL "$1" 2>/dev/null)
  size=${5:-0}
}

rota_progress() {
  for id in "$@"; do
    file=$rota_root/a/$id/progress
    [ -f "$file" ] && [ -s "$file" ] || continue
    rota_size "$file"
    rota_section file "$id" progress "$size"
    tail -c 4096 "$file"
  done
  return 0
}

rota_results() {
  room=1048576
  for name in output metrics checks artifacts summary.md progress; do
    file=$rota_root/a/$1/$name
    [ -f "$file" ] || continue
    rota_size "$file"
    rota_section file "$1" $name "$size"
    [ "$size" -le $room ] || continue
    room=$((room - size))
    rota_cut 0 "$size" 2>/dev/null <"$file"
  done
  return 0
}

# ---- away with it ----------------------------------------------------------------------------------------------

# A...: none goes without its tombstone.
rota_clean() {
  list='' full=0
  for id in "$@"; do
    rota_state "$id"
    case $rota_word in unclaimed) rota_fence_quietly "$id" 2>/dev/null && rota_state "$id" ;; esac
    case $rota_word in
      ended* | dead* | fenced)
        if rota_bury "$id"; then
          list="$list a/$id"
          rota_section clean "$id" cleaned
        fi
        ;;
      missing | gone)
        rota_bury "$id" && rota_section clean "$id" gone
        ;;
      *) rota_section clean "$id" "$rota_word" ;;
    esac
  done
  [ -n "$list" ] && rota_trash "$list"
  return $full
}

rota_bury() {
  true 2>/dev/null >"$rota_root/gone/$1" && return
  full=1
  rota_section clean "$1" error no_room "nothing can be written to $rota_root"
  return 1
}

# Paths below the root, moved out of the way at once and removed in the background.
rota_trash() {
  cd "$rota_root" && mkdir -p "trash/$rota_nonce" || return
  # shellcheck disable=SC2086 # ids
  mv -f $1 "trash/$rota_nonce/"
  rota_remove "trash/$rota_nonce" </dev/null >/dev/null 2>&1 &
  cd /
}

rota_remove() {
  chmod -R u+rwx "$1"
  rm -rf "$1"
}

# RUN A...: nothing while one of its attempts runs.
rota_sweep() {
  run=$1
  shift
  rota_clean "$@"
  for mark in "$rota_root"/a/*/run."$run"; do
    [ -e "$mark" ] || continue
    mark=${mark%/*}
    rota_state "${mark##*/}"
    case $rota_word in running* | elsewhere*) return ;; esac
  done
  cd "$rota_root" || return
  mkdir -p "trash/$rota_nonce.run" || return
  for kind in w s; do
    [ -e "$kind/$run" ] && mv -f "$kind/$run" "trash/$rota_nonce.run/$kind"
  done
  rota_remove "trash/$rota_nonce.run" </dev/null >/dev/null 2>&1 &
  cd /
}

# MAX FOLDER...: lines "NAME DAYS" of what is in them, days since it was changed; the first of the names, which sort by
# age.
rota_oldest() {
  max=$1
  shift
  now=$(date +%s)
  find "$@" -mindepth 1 -maxdepth 1 -type d -exec stat -c '%Y %n' {} + 2>/dev/null | while read -r changed path; do
    printf '%s %s\n' "${path##*/}" $(((now - changed) / 86400))
  done | sort | head -n "$max"
}

# MAX: lines "A DAYS RUN STATE...", RUN is - if it isn't known.
rota_kept_attempts() {
  rota_section kept
  rota_oldest "$1" "$rota_root/a" | while read -r id days; do
    run=-
    for mark in "$rota_root/a/$id"/run.*; do [ -e "$mark" ] && run=${mark##*/run.}; done
    rota_state "$id"
    printf '%s %s %s %s\n' "$id" "$days" "$run" "$rota_word"
  done
  return 0
}

# MAX: lines "RUN DAYS" for each of w/RUN and s/RUN.
rota_kept_runs() {
  rota_section kept
  rota_oldest "$1" "$rota_root/w" "$rota_root/s"
  return 0
}

# ---- files of a run --------------------------------------------------------------------------------------------

# The program that prints SHA-256 as "HEX  NAME".
rota_sum_tool() {
  if rota_which sha256sum; then echo sha256sum; elif rota_which shasum; then echo 'shasum -a 256'; else
    echo 'openssl dgst -sha256 -r'
  fi
}

# For a shell of its own: TOOL PATH...: a line "KIND SIZE MODE SUM PATH" for each. In PATH a line feed is written \n and
# a backslash \\.
# shellcheck disable=SC2016 # dollars of that shell
rota_paths_each='
  tool=$1
  shift
  feed="
"
  for path; do
    kind=missing sum=-
    [ -e "$path" ] && kind=other
    [ -d "$path" ] && kind=dir
    if [ -f "$path" ]; then
      kind=file
      if [ -n "$tool" ]; then
        sum=$($tool <"$path")
        sum=${sum%% *}
      fi
    fi
    size=0 mode=0
    [ $kind = missing ] || read -r size mode <<ROTA
$(stat -L -c "%s %a" "$path")
ROTA
    rest=${path#./} path=
    while :; do
      case $rest in *[\\"$feed"]*) ;; *) break ;; esac
      part=${rest%%[\\"$feed"]*}
      rest=${rest#"$part"}
      case $rest in "$feed"*) path=$path$part\\n ;; *) path=$path$part\\\\ ;; esac
      rest=${rest#?}
    done
    printf "%s %s %s %s %s\n" "$kind" "${size:-0}" "${mode:-0}" "${sum:--}" "$path$rest"
  done'

# RUN SUMS PATH...: at most 10,001 lines and 1.9 MB: one that is as long as that was cut.
rota_paths() {
  run=$1 sums=$2 tool=''
  shift 2
  [ "$sums" = 1 ] && tool=$(rota_sum_tool)
  { mkdir -p "$rota_root/w/$run" && cd "$rota_root/w/$run"; } || rota_error path "there is no folder w/$run" || return
  rota_section paths
  for path in "$@"; do
    if [ -e "./$path" ]; then
      find -L "./$path" ! -name '.rota-put.*' -exec /bin/sh -c "$rota_paths_each" sh "$tool" {} +
    else
      /bin/sh -c "$rota_paths_each" sh '' "./$path"
    fi
  done 2>/dev/null | head -n 10001 | head -c 1900000
  cd /
}

# RUN PATH TOKEN: sets file and temporary.
rota_put_names() {
  file=$rota_root/w/$1/$2
  temporary=${file%/*}/.rota-put.$3
}

# RUN PATH TOKEN SIZE SUM MODE
rota_put_done() {
  rota_put_names "$1" "$2" "$3"
  rota_size "$temporary"
  [ "$size" = "$4" ] || rota_error size "$size bytes arrived, $4 were sent" || return
  # shellcheck disable=SC2046,SC2091 # a program and its options
  sum=$($(rota_sum_tool) <"$temporary")
  [ "${sum%% *}" = "$5" ] || rota_error sum 'what arrived is not what was sent' || return
  ! [ -d "$file" ] || rota_error path "there is a folder in its place" || return
  said=$({ chmod "$6" "$temporary" && mv -f "$temporary" "$file"; } 2>&1) || rota_error path "$said"
}

# RUN TOKEN, then PATH SIZE SUM MODE of each
rota_put_all() {
  run=$1 token=$2 number=0
  shift 2
  while [ $# -ge 4 ]; do
    rota_put_done "$run" "$1" "$token.$number" "$2" "$3" "$4" || return
    number=$((number + 1))
    shift 4
  done
}

# ---- channels of their own -------------------------------------------------------------------------------------

# Prints the ends of attempts as they come. A reader that a former connection left is ended first.
rota_watch() {
  [ -p "$rota_events" ] || rota_error fifo "there is no FIFO $rota_events" || return
  if [ -r "$rota_events.pid" ] && read -r pid start <"$rota_events.pid"; then
    case $pid in '' | *[!0-9]* | 0 | 1) ;; *)
      rota_stat "$pid" && [ "$begun" = "$start" ] && kill -KILL "$pid"
      ;;
    esac
  fi 2>/dev/null
  rota_stat $$ && printf '%s %s\n' $$ "$begun" >"$rota_events.pid"
  exec 9<>"$rota_events"
  rota_end "$rota_nonce" 0
  exec cat <&9
}

# A
rota_read_sizes() {
  # shellcheck disable=SC2012 # the sizes are wanted
  log_list=$(cd "$rota_root/a" && ls -ln "$1/log"* 2>/dev/null)
  rota_log_sizes "$1"
}

# A OFFSET: goes on for as long as much comes to it meanwhile.
rota_read() {
  rota_read_sizes "$1"
  offset=$2
  rota_log_choose "$offset" && [ "$offset" -lt "$log_start" ] && offset=$log_start
  rota_section log "$1" "$offset" "$log_end"
  rota_end "$rota_nonce" 0
  while :; do
    while rota_log_choose "$offset" && [ "$log_start" -le "$offset" ]; do
      file=$rota_root/a/$1/log.$log_start
      [ "$log_start" = 0 ] && file=$rota_root/a/$1/log
      # It may be gone by now, and the next one's bytes mustn't stand in its place.
      rota_cut $((offset - log_start)) $((log_start + log_size - offset)) 2>/dev/null <"$file" || exit 0
      offset=$((log_start + log_size))
    done
    [ "$offset" -ge "$log_end" ] || exit 0 # what comes next is gone already
    rota_read_sizes "$1"
    [ $((log_end - offset)) -ge 1048576 ] || exit 0
  done
}

# DIR PATH
rota_get() {
  file=$rota_root/$1/$2
  [ -f "$file" ] && [ -r "$file" ] || rota_error path "$2 is not there, or no file that may be read" || return
  # shellcheck disable=SC2046 # two words
  set -- $(stat -L -c '%s %a' "$file")
  rota_section get "$1" "$2"
  rota_end "$rota_nonce" 0
  rota_cut 0 "$1" 2>/dev/null <"$file"
  exit 0
}

# RUN PATH TOKEN: a writer that a lost connection left behind goes on with a file that has no name any more.
rota_put() {
  rota_put_names "$1" "$2" "$3"
  said=$({ mkdir -p "${file%/*}" && rm -f "$temporary" && true >"$temporary"; } 2>&1) || rota_error path "$said" || return
  rota_end "$rota_nonce" 0
  exec cat >"$temporary"
}

# RUN TOKEN, then PATH SIZE of each: their bytes follow each other.
rota_put_many() {
  run=$1 token=$2
  shift 2
  rota_dd_counts || rota_error many 'dd does not count bytes here' || return
  said=$(rota_put_room "$@" 2>&1) || rota_error path "$said" || return
  rota_end "$rota_nonce" 0
  number=0
  while [ $# -ge 2 ]; do
    rota_put_names "$run" "$1" "$token.$number"
    if [ "$2" -gt 0 ]; then
      dd bs=65536 count="$2" iflag=count_bytes,fullblock 2>/dev/null >"$temporary" || exit 1
    fi
    number=$((number + 1))
    shift 2
  done
  exit 0
}

rota_put_room() {
  number=0
  while [ $# -ge 2 ]; do
    rota_put_names "$run" "$1" "$token.$number"
    [ -d "${file%/*}" ] || mkdir -p "${file%/*}" || return
    ! [ -e "$temporary" ] || rm -f "$temporary" || return
    true >"$temporary" || return
    number=$((number + 1))
    shift 2
  done
}

# RUN PATH...: the bytes of all, one after the other.
rota_get_many() {
  cd "$rota_root/w/$1" || rota_error path "there is no folder w/$1" || return
  shift
  rota_end "$rota_nonce" 0
  exec cat -- "$@"
}
