/* The names and formats of the run directory that the supervisor program and the readers of its files share.
 * docs/run-directory.md is the manual; this header needs nothing but the C library, musl's included.
 */
#ifndef ROTA_WORKER_RUNDIR_H
#define ROTA_WORKER_RUNDIR_H

#include <stdint.h>

/* The version that `spec`, `owner`, `result` and `stop` begin with. Read are this one and the one before it. */
#define RUNDIR_FORMAT        1
#define RUNDIR_FORMAT_OLDEST 1
#define RUNDIR_FORMAT_TEXT   "rota=1"

#define RUNDIR_SPEC        "spec"
#define RUNDIR_SCRIPT      "script"
#define RUNDIR_CONTEXT     "context.json"
#define RUNDIR_OWNER       "owner"
#define RUNDIR_RESULT      "result"
#define RUNDIR_EXIT_PREFIX "exit."
#define RUNDIR_STOP        "stop"
#define RUNDIR_LOG         "log"
#define RUNDIR_LOG_TAIL_1  "log.1"
#define RUNDIR_LOG_TAIL_2  "log.2"
#define RUNDIR_LOG_INDEX   "log.idx"

/* What the task may write; it comes into being when it does. */
#define RUNDIR_OUTPUT    "output"
#define RUNDIR_METRICS   "metrics"
#define RUNDIR_ARTIFACTS "artifacts"
#define RUNDIR_CHECKS    "checks"
#define RUNDIR_SUMMARY   "summary.md"
#define RUNDIR_PROGRESS  "progress"
#define RUNDIR_FILES     "files.json" /* of an attempt on a host: what was sent there and fetched */

/* The line of an `owner` that belongs to nobody: the attempt can never start. */
#define RUNDIR_FENCED "FENCED\n"

#define RUNDIR_ID_LEN     26
#define RUNDIR_OWNER_MAX  512         /* bytes of an owner file */
#define RUNDIR_RESULT_MAX 1024        /* bytes of a result file */
#define RUNDIR_STOP_MAX   128         /* bytes of a stop file */
#define RUNDIR_SPEC_MAX   (16u << 20) /* bytes of a spec file */

/* The second word of `exit.<status>.<reason>`, in the order of ENDED_LIST in worker/executor.h, which a test
 * compares. */
#define RUNDIR_REASON_LIST(X)                                                                                        \
  X(EXITED, "exited")                                                                                                \
  X(TIMED_OUT, "timed_out")                                                                                          \
  X(STOPPED, "stopped")                                                                                              \
  X(LAUNCH_FAILED, "launch_failed")

enum rundir_reason {
#define X(name, word) RUNDIR_##name,
  RUNDIR_REASON_LIST(X)
#undef X
};

/* What the supervisor notes about an end: the words of `note=` in the result, a bit each in a notice. */
#define RUNDIR_NOTE_LIST(X)                                                                                          \
  X(LEFTOVERS_KILLED, "leftovers_killed", "processes that outlived the task were killed")                            \
  X(LEFTOVERS_KEPT, "leftovers_kept", "processes that outlived the task were left alone")                            \
  X(OUTPUT_HELD, "output_held", "its output was still held open by another process")                                 \
  X(UNKILLABLE, "unkillable", "a process that it left behind can't be killed")                                       \
  X(OUTPUT_DROPPED, "output_dropped", "a part of its output could not be written")                                   \
  X(FROM_OUTSIDE, "from_outside", "its supervisor was told to end by somebody else")

enum rundir_note_index {
#define X(name, word, text) RUNDIR_NOTE_INDEX_##name,
  RUNDIR_NOTE_LIST(X)
#undef X
};
enum rundir_note {
#define X(name, word, text) RUNDIR_NOTE_##name = 1 << RUNDIR_NOTE_INDEX_##name,
  RUNDIR_NOTE_LIST(X)
#undef X
};

/* A notice: what the supervisor writes into the daemon's pipe, to be quick. The files are the truth; a notice that
 * finds the pipe full or nobody at its other end is dropped. */
#define NOTICE_FD    3 /* the descriptor under which a supervisor gets the pipe */
#define NOTICE_MAGIC UINT32_C(0x31746f72)

enum notice_kind { NOTICE_STARTED = 1, NOTICE_ENDED = 2 };

struct notice {
  uint32_t magic, kind;
  char attempt_id[32];
  int64_t pid, started_at, ended_at; /* microseconds since the epoch */
  int64_t cpu_us, max_rss_kb, log_bytes, dropped_bytes;
  int32_t reason, status, errnum;
  uint32_t notes;
  char stage[16];
};
_Static_assert(sizeof(struct notice) == 128, "a notice has no padding and is written at once");

/* `log.idx`: a header of four records, then marks and dropped ranges in the order of their offsets. All numbers are
 * little-endian; an offset counts the bytes that the task has printed, whether they were kept or not. */
#define LOG_INDEX_MAGIC UINT64_C(0x00315844494c4f52) /* "ROLIDX1" */
#define LOG_INDEX_STEP  UINT64_C(65536)              /* bytes between two marks, at least */
#define LOG_INDEX_SHARE UINT64_C(16384)              /* marks are never closer than offset / this */
#define LOG_INDEX_NONE  UINT64_MAX                   /* a tail file that holds nothing */

enum log_index_kind {
  LOG_INDEX_HEADER = 1, /* record 0: offset = the magic, value = bytes of `log` once the tail began, else NONE */
  LOG_INDEX_TAIL = 2,   /* records 1 and 2: offset = where log.1, log.2 begins; value = newlines before it */
  LOG_INDEX_DROPS = 3,  /* record 3: offset = bytes dropped, value = number of DROP records */
  LOG_INDEX_MARK = 4,   /* value = newlines before offset */
  LOG_INDEX_DROP = 5    /* value = length of a range that could not be written */
};
#define LOG_INDEX_HEADER_RECORDS 4

struct log_index_record {
  uint64_t offset, value;
  int64_t at; /* microseconds since the epoch */
  uint32_t kind;
  uint32_t lines; /* DROP: newlines within the range */
};
_Static_assert(sizeof(struct log_index_record) == 32, "an index record has no padding");

#define LOG_CAP_MIN                                                                                                  \
  UINT64_C(65536) /* a smaller cap counts as this; half of a cap is the head, a quarter each tail                    \
                   */

#endif
