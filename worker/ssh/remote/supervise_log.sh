# shellcheck shell=sh
# The part of supervise.sh that keeps the task's output: a dd reads the pipe at all times; when one has read what its
# file may have, the next one goes on.
# shellcheck disable=SC2004,SC2034,SC2154

# ---- the log ---------------------------------------------------------------------------------------------------

rs_log_init() {
  [ "$rota_log_cap" -ge 65536 ] || rota_log_cap=65536
  rs_log=log rs_size=0 rs_room=$((rota_log_cap / 2)) rs_offset=0 rs_dropped=0
  rs_older='' rs_newer='' rs_dropping='' rs_eof=''
}

# The next file of the tail; of them two are kept, this one included.
rs_log_next() {
  if [ "$rs_log" != log ] && [ "$rs_size" -eq 0 ]; then
    rm -f "$rs_log"
  else
    [ -n "$rs_older" ] && rm -f "$rs_older"
    rs_older=$rs_newer
  fi
  rs_log=log.$rs_offset rs_newer=log.$rs_offset
  rs_size=0 rs_room=$((rota_log_cap / 4))
}

rs_read_on() {
  rs_in='' rs_out='' rs_bytes=''
  if [ -n "$rs_dropping" ]; then
    rs_block=65536 rs_blocks=16
    (
      trap '' TERM HUP INT QUIT
      exec dd bs=65536 count=16 of=/dev/null <&4 2>&7 4<&- 5>&- 6<&- 7>&-
    ) &
    rs_reader=$!
    return
  fi
  [ $((rs_room - rs_size)) -ge 4096 ] || rs_log_next
  rs_block=4096
  [ $((rs_room - rs_size)) -ge 1048576 ] && rs_block=65536
  rs_blocks=$(((rs_room - rs_size) / rs_block))
  (
    trap '' TERM HUP INT QUIT
    exec dd bs=$rs_block count=$rs_blocks <&4 2>&7 >>"$rs_log" 4<&- 5>&- 6<&- 7>&-
  ) &
  rs_reader=$!
}

# The size of the present file, from the file itself.
rs_measure() {
  rs_ls=''
  ls -ln "$rs_log" >&7
  rs_drain
  # shellcheck disable=SC2086 # the fields are wanted
  set -- $rs_ls
  rs_count=$((${5:-$rs_size} - rs_size))
}

# A reader has ended: how much it wrote, whether that was all, whether the disk took it.
rs_reader_ended() {
  wait "$rs_reader"
  rs_reader=''
  rs_drain
  if [ -n "$rs_dropping" ]; then
    # A dd that doesn't tell bytes leaves the size of a partial block unknown: it counts as one byte.
    rs_in=${rs_in:-0+0}
    rs_count=${rs_bytes:-$((${rs_in%+*} * rs_block + ${rs_in#*+}))}
    rs_offset=$((rs_offset + rs_count)) rs_dropped=$((rs_dropped + rs_count)) rs_dropping=''
    if [ -n "$rs_out" ] && [ $((${rs_in})) -lt "$rs_blocks" ]; then rs_eof=1; else rs_log_next; fi
    return
  fi
  rs_lost=0
  if [ -z "$rs_out" ]; then
    rs_measure # killed by somebody, or the file couldn't be made
    [ -e "$rs_log" ] || rs_dropping=1
  elif [ -n "$rs_bytes" ]; then
    rs_count=$rs_bytes
  elif [ "${rs_out#*+}" = 0 ]; then
    rs_count=$((${rs_out%+*} * rs_block))
  else
    rs_measure
  fi
  if [ "$rs_in" != "$rs_out" ]; then
    rs_dropping=1 rs_lost=1
    if [ -n "$rs_bytes" ] && [ "${rs_in#*+}" = 0 ]; then
      rs_lost=$((${rs_in%+*} * rs_block - rs_bytes))
    elif [ "${rs_in%+*}" != "${rs_out%+*}" ]; then
      rs_lost=$rs_block # or less, if some of it was still written; of a partial block nobody knows
    fi
  elif [ -n "$rs_in" ] && [ $((${rs_in})) -lt "$rs_blocks" ]; then
    rs_eof=1
  fi
  rs_size=$((rs_size + rs_count)) rs_offset=$((rs_offset + rs_count + rs_lost)) rs_dropped=$((rs_dropped + rs_lost))
  [ -n "$rs_dropping" ] && rs_note output_dropped
}
