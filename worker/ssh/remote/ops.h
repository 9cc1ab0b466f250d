/* What is asked of the control shell on a host and what it answers: each request as the text that is sent, each
 * section of an answer as a plain struct. Pure: no input or output, no clock.
 *
 * A request is one compound command, so one that was cut on its way is a syntax error and does nothing:
 *
 *     {
 *     rota_nonce=NONCE; rota_root=...
 *     rota_look 'A' 'A' </dev/null
 *     rota_end NONCE $?
 *     }
 *
 * Every word that comes from outside stands in single quotes, line feeds included; there is no other payload. A NUL
 * can't be part of an argument and is an assert. NONCE is 32 hex digits, new for each request.
 *
 * The answer is cut into sections by worker/ssh/link/frame.h. What is given to ops_read_* is a section's words (what
 * follows "NONCE: ", or "" for the bytes before the first section) and its body. All of it may come from a host that
 * lies: everything is checked, nothing is trusted, strings are cut to fit, and a section that isn't well formed is
 * ERR_INVALID.
 *
 * Where an answer's last line says RC 0 all that was asked was done or has its own word of what happened; else
 * section
 * "" has the line that ops_read_error reads.
 *
 * The files below the root are in docs/run-directory.md, "On a remote host"; the functions in remote.sh.
 */
#ifndef ROTA_WORKER_SSH_REMOTE_OPS_H
#define ROTA_WORKER_SSH_REMOTE_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "scheduler/spec/launch.h"
#include "worker/executor.h"
#include "worker/rundir.h"

#define OPS_NONCE_LEN         32
#define OPS_PROTOCOL          1
#define OPS_LOOK_MAX          200          /* attempts in one ops_look, ops_logs, ops_progress, ops_clean */
#define OPS_PIECE             (128u << 10) /* bytes of a piece of what is too large for the request of a start */
#define OPS_INLINE_MAX        (96u << 10)  /* bytes of script and context each that go with the start itself */
#define OPS_LOGS_MAX          (512u << 10) /* bytes of all logs in one answer, at most */
#define OPS_FILES_MAX         (1u << 20)   /* bytes of an attempt's results that come with ops_results */
#define OPS_WORD              80           /* room for a name, an id, a stage */
#define OPS_PATH              1024         /* room for a path */
#define OPS_TEXT              256          /* room for a sentence */
#define OPS_DEADLINE_MS       30000        /* how long an answer may take, if the request says nothing else */
#define OPS_CLEAN_DEADLINE_MS 120000       /* clean and sweep rename much; stat and sum read much */

/* ---- what is sent -------------------------------------------------------------------------------------------- */

/* The functions of the control shell; sent once, before the first request, on every channel. */
void ops_bootstrap(struct buf *out);
/* Names the text of the supervisor: the first 16 hex digits of its SHA-256. */
const char *ops_supervisor_hash(void);

struct ops_hello;

/* `root` as configured: absolute or "~/..."; `host` is the name in the configuration, which names the FIFO. The
 * bootstrap must have been sent before on this channel. */
void ops_hello(struct buf *out, const char *nonce, const char *root, const char *state_id, const char *host);
/* Brings the supervisor's text to the host; needed where hello says `supervise` no. */
void ops_install(struct buf *out, const char *nonce);
void ops_facts(struct buf *out, const char *nonce);

/* How many pieces of the launch must be sent by ops_piece, each as a request of its own, before it can be started:
 * 0 unless its script or context is larger than OPS_INLINE_MAX. Pieces may be sent again, in any order. */
size_t ops_pieces(const struct launch *l);
/* Answers `piece A written`, or with an error. */
void ops_piece(struct buf *out, const char *nonce, const struct launch *l, size_t piece);
/* Starts any number of attempts in one request, which costs less than one by one; a request over 256 KiB should be
 * cut. Each is answered by `start A WORD...`: launched (a supervisor was made; whether it got the claim is told by
 * FIFO and look), running, ended, fenced, gone, dead, or error with the stage no_room, no_process or root, after
 * which nothing has run. May be sent again with the same ids at any time. */
void ops_start(struct buf *out, const char *nonce, const struct ops_hello *host, const struct launch *const *launches,
               size_t len);
/* `fence A WORD...`: fenced, gone, or what a look says of one that was started. */
void ops_fence(struct buf *out, const char *nonce, const char *attempt);
/* `look A WORD...` for each. */
void ops_look(struct buf *out, const char *nonce, const char *const *attempts, size_t len);

struct ops_offset {
  const char *attempt;
  uint64_t offset; /* bytes of its log that are held */
};

/* `log A OFFSET END` for each that has more than is held; together at most `max` bytes of content, shared fairly. */
void ops_logs(struct buf *out, const char *nonce, size_t max, const struct ops_offset *offsets, size_t len);
/* `file A progress SIZE` for each that has one. */
void ops_progress(struct buf *out, const char *nonce, const char *const *attempts, size_t len);
/* `stop A WORD...`: told, or what a look says of one that doesn't run. Grace 0 is KILL at once. Where no
 * file can be made any more its supervisor is told without one: it stops with its own grace, and reads dead. */
void ops_stop(struct buf *out, const char *nonce, const char *attempt, duration grace);
/* `clear A clear` or `clear A left N`: to be asked again, after a second or so. Fences what hasn't started. `place`
 * is the root (struct ops_hello) that it was started in, NULL if unknown: on another machine than this one the answer
 * is `clear A elsewhere MACHINE`, and nothing was done. */
void ops_clear(struct buf *out, const char *nonce, const char *attempt, const char *place);
/* `file A NAME SIZE` for each result file; its body is shorter than SIZE (empty) where all together would be more
 * than OPS_FILES_MAX: such a file is fetched by ops_get_result. */
void ops_results(struct buf *out, const char *nonce, const char *attempt);
/* `clean A cleaned`, gone or running for each. A tombstone stays for 7 days; where none can be made nothing of the
 * attempt goes, and the answer is an error: to be asked again. */
void ops_clean(struct buf *out, const char *nonce, const char *const *attempts, size_t len);
/* Removes ROTA_WORK and ROTA_STATE of a run, and cleans the given attempts of it. Nothing of the run's own goes while
 * one of its attempts runs. */
void ops_sweep(struct buf *out, const char *nonce, const char *run, const char *const *attempts, size_t len);
/* Section `kept`: lines for ops_read_kept, at most `max`, the oldest first: attempts whose directories are there, or
 * runs of which there is ROTA_WORK or ROTA_STATE (a line each). */
void ops_kept_attempts(struct buf *out, const char *nonce, unsigned max);
void ops_kept_runs(struct buf *out, const char *nonce, unsigned max);
/* Section `disk`. */
void ops_disk(struct buf *out, const char *nonce);
/* Section `paths`: lines for ops_read_path. Paths are relative to the run's ROTA_WORK, folders are listed with all
 * that is in them. With `sums` each file's SHA-256 is told too. An answer of OPS_PATHS_BYTES or of more than
 * OPS_PATHS_MAX lines was cut. It reads much: to be asked on a channel of its own. */
#define OPS_PATHS_MAX   10000
#define OPS_PATHS_BYTES 1900000
void ops_stat(struct buf *out, const char *nonce, const char *run, const char *const *paths, size_t len, bool sums);
/* Moves what ops_put wrote with this token into its place, if its size and SHA-256 (hex) are these. ERR stage `size`,
 * `sum` or `path`. */
void ops_put_done(struct buf *out, const char *nonce, const char *run, const char *path, const char *token,
                  uint64_t size, const char *sha256, unsigned mode);
/* What ops_put_many wrote, in the same order. */
struct ops_put {
  const char *path, *sha256;
  uint64_t size;
  unsigned mode;
};
void ops_put_all(struct buf *out, const char *nonce, const char *run, const char *token, const struct ops_put *files,
                 size_t len);

/* Channels of their own: bootstrap, then one of these, then nothing but what is said here. Each answers like a
 * request (an error ends with RC other than 0); after the line "NONCE 0" raw bytes follow. */
/* Ends of attempts as they happen: lines for ops_read_event, until the channel is closed. */
void ops_watch(struct buf *out, const char *nonce, const struct ops_hello *host);
/* The log of an attempt from an offset on: section `log A OFFSET END`, then what is there, then the channel ends. */
void ops_read(struct buf *out, const char *nonce, const struct ops_hello *host, const char *attempt, uint64_t offset);
/* Section `get SIZE MODE` (mode in octal), then SIZE bytes, then the channel ends. */
void ops_get(struct buf *out, const char *nonce, const struct ops_hello *host, const char *run, const char *path);
void ops_get_result(struct buf *out, const char *nonce, const struct ops_hello *host, const char *attempt,
                    const char *name);
/* After "NONCE 0" the file's bytes are sent, then the end of the input; then ops_put_done on the control shell. The
 * token names the temporary file: one that is in use nowhere else, and that the next try uses again. */
void ops_put(struct buf *out, const char *nonce, const struct ops_hello *host, const char *run, const char *path,
             const char *token);
/* The same for several small files, whose bytes follow each other; then ops_put_all. ERR stage `many`: the host has
 * no tool that could tell them apart. */
void ops_put_many(struct buf *out, const char *nonce, const struct ops_hello *host, const char *run,
                  const char *token, const struct ops_put *files, size_t len);
/* No section; then the bytes of all, which follow each other, then the channel ends. What can't be read is left out.
 */
void ops_get_many(struct buf *out, const char *nonce, const struct ops_hello *host, const char *run,
                  const char *const *paths, size_t len);

/* ---- what is answered ---------------------------------------------------------------------------------------- */

struct ops_error {
  char stage[OPS_WORD]; /* root, no_room, no_process, size, sum, path, install, ... */
  char text[OPS_TEXT];
};
/* From the body of section "". If there is no such line, stage is "unknown" and the text says so. */
void ops_read_error(const char *body, size_t len, struct ops_error *out);

/* Section `hello`. */
struct ops_hello {
  int protocol;
  char root[OPS_PATH]; /* with the state's and the machine's directory */
  char host[OPS_WORD]; /* as given to ops_hello: names the FIFO */
  char machine[OPS_WORD], boot[OPS_WORD];
  int64_t uptime_us; /* the clock of all times of this host */
  char user[OPS_WORD], home[OPS_PATH], login_shell[OPS_PATH];
  char sh[OPS_WORD]; /* dash, bash, busybox, ksh, other */
  char os[OPS_TEXT], kernel[OPS_WORD];
  int64_t disk_free_kb, disk_size_kb, inodes_free; /* -1 unknown */
  bool fifo;                                       /* ends can be pushed */
  bool supervise;                                  /* the supervisor's text is there */
  int64_t now;          /* seconds since 1970 by the host's clock: for the doctor alone; -1 */
  char tools[OPS_TEXT]; /* those found, with a space on both sides of each */
};
int ops_read_hello(const char *body, size_t len, struct ops_hello *out);
bool ops_has_tool(const struct ops_hello *h, const char *tool);

/* Section `facts`. */
#define OPS_GPUS_MAX 16
struct ops_facts {
  char kernel[OPS_WORD], os[OPS_TEXT], boot[OPS_WORD], driver[OPS_WORD];
  int64_t uptime_us, cpus, memory_kb; /* -1 unknown */
  size_t gpus_len;
  char gpus[OPS_GPUS_MAX][OPS_WORD * 2]; /* "NVIDIA A100-SXM4-80GB, 81920 MiB" */
};
int ops_read_facts(const char *body, size_t len, struct ops_facts *out);

/* What an op says of an attempt: the third word of the sections piece, start, fence, look, stop, clear, clean. */
#define OPS_STATE_LIST(X)                                                                                            \
  X(WRITTEN, "written")     /* a piece is there */                                                                   \
  X(LAUNCHED, "launched")   /* a supervisor was made for it */                                                       \
  X(ENDED, "ended")         /* `result` says how */                                                                  \
  X(RUNNING, "running")     /* `pid` (the supervisor, 0 unknown), `started_uptime_us` (-1: not yet) */               \
  X(DEAD, "dead")           /* claimed, and proven gone without a result; `text` says which */                       \
  X(FENCED, "fenced")       /* it can never start */                                                                 \
  X(UNCLAIMED, "unclaimed") /* its directory is there, nobody claimed it */                                          \
  X(MISSING, "missing")     /* there is no directory */                                                              \
  X(GONE, "gone")           /* it was cleaned away; it can't start */                                                \
  X(ELSEWHERE, "elsewhere") /* another machine has it; `text` is its id: nothing can be said from here */            \
  X(TOLD, "told")           /* the supervisor was told to stop */                                                    \
  X(CLEAR, "clear")         /* nothing of it is left, and it can't start */                                          \
  X(LEFT, "left")           /* `left` processes still live */                                                        \
  X(CLEANED, "cleaned")     /* its directory is gone */                                                              \
  X(ERROR, "error")         /* `error` */

enum ops_state {
#define X(name, word) OPS_##name,
  OPS_STATE_LIST(X)
#undef X
};
const char *ops_state_word(enum ops_state state);

/* How an attempt ended: the name of its exit file, and of its content what could be read. */
struct ops_result {
  enum ended_how how;
  int status;                                 /* as a shell prints it */
  int64_t pid;                                /* of the task; 0 unknown */
  int64_t started_uptime_us, ended_uptime_us; /* -1 unknown */
  int64_t cpu_us, log_bytes, dropped_bytes;   /* -1 unknown */
  unsigned notes;                             /* bits of enum rundir_note */
  char stage[16];                             /* LAUNCH_FAILED: spec, env_file, dir, exec; else "" */
  int errnum;                                 /* 0 unknown */
  char file[256];                             /* the env_file; "" if it was something else */
  int64_t line;                               /* in that file; 0 for none */
  char why[64];
};

struct ops_answer {
  char op[16];
  char attempt[RUNDIR_ID_LEN + 1];
  enum ops_state state;
  int64_t pid, started_uptime_us, left;
  char text[OPS_TEXT];
  struct ops_result result;
  struct ops_error error;
};
int ops_read_answer(const char *words, const char *body, size_t len, struct ops_answer *out);

/* A line of section `kept`. */
struct ops_kept {
  char id[RUNDIR_ID_LEN + 1];  /* of the attempt, or of the run */
  char run[RUNDIR_ID_LEN + 1]; /* of an attempt; "" unknown */
  int64_t days;                /* since its directory was changed, by the host's clock */
  enum ops_state state;        /* of an attempt */
};
/* Takes the line at *at and moves behind it: 1, 0 at the end, or ERR_INVALID for one that isn't ours. */
int ops_read_kept(const char *body, size_t len, size_t *at, struct ops_kept *out);

/* Section `log A OFFSET END`: the body is the log from `offset` on. */
struct ops_log {
  char attempt[RUNDIR_ID_LEN + 1];
  uint64_t offset; /* larger than asked for: what lies between was dropped on the host */
  uint64_t end;    /* bytes that the task has printed so far */
};
int ops_read_log(const char *words, struct ops_log *out);

/* Section `file A NAME SIZE`: the body is the file, if it has SIZE bytes. */
struct ops_file {
  char attempt[RUNDIR_ID_LEN + 1];
  char name[OPS_WORD]; /* one of the result files of rundir.h */
  uint64_t size;
};
int ops_read_file(const char *words, struct ops_file *out);

/* Section `get SIZE MODE`. */
struct ops_get {
  uint64_t size;
  unsigned mode; /* permission bits */
};
int ops_read_get(const char *words, struct ops_get *out);

/* Section `disk`; -1 unknown. */
struct ops_disk {
  int64_t free_kb, size_kb, inodes_free;
};
int ops_read_disk(const char *body, size_t len, struct ops_disk *out);

/* The lines of section `paths`. */
enum ops_path_kind { OPS_PATH_FILE, OPS_PATH_DIR, OPS_PATH_MISSING, OPS_PATH_OTHER /* no file, folder: not taken */ };
struct ops_path {
  enum ops_path_kind kind;
  uint64_t size;
  unsigned mode;
  char sha256[65];     /* "" if not asked for */
  char path[OPS_PATH]; /* relative to ROTA_WORK */
};
/* Takes the line at *at and moves behind it: 1, 0 at the end, or ERR_INVALID. */
int ops_read_path(const char *body, size_t len, size_t *at, struct ops_path *out);

/* A line of the FIFO without its LF: a hint, to be followed by a look. */
struct ops_event {
  bool ended; /* else started */
  char attempt[RUNDIR_ID_LEN + 1];
  int64_t pid, uptime_us;
  int status; /* ended; -1: without a result, it was told to end by somebody else */
  enum ended_how how;
};
int ops_read_event(const char *line, size_t len, struct ops_event *out);

#endif
