#include "worker/ssh/doctor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "worker/ssh/doctor_judge.h"
#include "worker/ssh/link/shell.h"

#define APART_MS 20000 /* how long the probe must live without a connection */
#define NAME     "doctor"

/* A connection with its shell. It outlives the doctor's interest until the shell's channel is closed. */
struct wire {
  struct doctor *doctor; /* NULL: given up */
  struct transport *transport;
  struct shell *shell;
};

/*   connect --> shell: hello, facts, look and probe --> apart --> connect --> shell: verdict --> told
 *      '-----------'------------------------------------------------'----------'---- fails ----^    */
struct doctor {
  uv_loop_t *loop;
  struct host_options host;
  const char *state_dir, *state_id; /* in the arena of the findings, as all of the host */
  doctor_done_fn *done;
  void *ctx;
  struct doctor_findings findings;
  struct wire *wire;
  bool again; /* the second connection */
  int64_t began;
  struct ops_hello hello;
  instant hello_at;
  struct doctor_look look;
  char probe[OPS_PATH + 64]; /* the folder of what must outlive the connection */
  void (*next)(struct doctor *d);
  uv_timer_t step,
      limit; /* everything that frees is done by a timer, never from within a callback of what is freed */
  int open;
};

/* ---- the end ---- */

static void on_shell_freed(void *ctx) {
  struct wire *w = ctx;
  w->transport->ops->free(w->transport);
  free(w);
}

static void wire_drop(struct doctor *d, const char *text) {
  struct wire *w = d->wire;
  if (!w) return;
  d->wire = NULL;
  w->doctor = NULL;
  if (w->shell) {
    struct shell *shell = w->shell;
    shell_lost(shell, text);
    shell_free(shell);
  } else {
    w->transport->ops->free(w->transport);
    free(w);
  }
}

static void on_closed(uv_handle_t *handle) {
  struct doctor *d = handle->data;
  if (--d->open > 0) return;
  findings_release(&d->findings);
  free(d);
}

void doctor_cancel(struct doctor *d) {
  if (!d) return;
  wire_drop(d, "given up");
  uv_close((uv_handle_t *)&d->step, on_closed);
  uv_close((uv_handle_t *)&d->limit, on_closed);
}

static void tell(struct doctor *d) {
  wire_drop(d, "the visit is over");
  d->done(d->ctx, d->findings.checks.items, d->findings.checks.len);
  doctor_cancel(d);
}

static void on_step(uv_timer_t *timer) {
  struct doctor *d = timer->data;
  d->next(d);
}

static void then(struct doctor *d, uint64_t ms, void (*next)(struct doctor *d)) {
  d->next = next;
  uv_timer_start(&d->step, on_step, ms, 0);
}

static void on_limit(uv_timer_t *timer) {
  struct doctor *d = timer->data;
  findings_add(&d->findings, "visit", DOCTOR_FAIL, "it wasn't over within a minute; what is above is what is known",
               NULL);
  tell(d);
}

/* ---- what is asked ---- */

typedef void answer_fn(void *ctx, const struct answer *a);

static void ask(struct doctor *d, const char *nonce, struct buf *text, answer_fn *answer) {
  const struct ask one = {.nonce = nonce, .text = text, .order = ASK_CONTROL, .answer = answer, .ctx = d->wire};
  shell_ask(d->wire->shell, &one);
}

/* A request of the doctor's own: `body` sees the functions and variables of remote.sh. */
static void ask_own(struct doctor *d, answer_fn *answer, const char *body) {
  char nonce[FRAME_NONCE_LEN + 1];
  struct buf text = {0};
  frame_nonce(nonce);
  buf_fmt(&text, "{\nrota_nonce=%s\n%s\nrota_end %s $?\n}\n", nonce, body, nonce);
  ask(d, nonce, &text, answer);
}

static const struct section *section_of(const struct answer *a, const char *words) {
  for (size_t i = 0; i < a->len; i++)
    if (strcmp(a->sections[i].words, words) == 0) return &a->sections[i];
  return NULL;
}

/* NULL if the answer is of no use to anybody any more, or none: then the visit ends. */
static struct doctor *answered(void *ctx, const struct answer *a, const char *name) {
  struct wire *w = ctx;
  struct doctor *d = w->doctor;
  if (!d || (a->end == ANSWER_CAME && a->rc == 0)) return d;
  struct ops_error error;
  const struct section *first = a->end == ANSWER_CAME ? section_of(a, "") : NULL;
  if (first) {
    ops_read_error(first->body, first->len, &error);
    judge_hello_error(&d->findings, &error);
  } else {
    findings_add(&d->findings, name, DOCTOR_FAIL, a->text && *a->text ? a->text : "no answer came", NULL);
  }
  then(d, 0, tell);
  return NULL;
}

/* ---- the second visit: what became of the probe ---- */

static void on_verdict(void *ctx, const struct answer *a) {
  struct doctor *d = answered(ctx, a, "detaching");
  if (!d) return;
  const struct section *s = section_of(a, "probe");
  bool alive = s && strncmp(s->body, "alive ", strlen("alive ")) == 0;
  const char *count = s ? strchr(s->body, ' ') : NULL; /* of "alive 19" or "dead 3" */
  int64_t beats = count ? strtoll(count, NULL, 10) : -1;
  judge_detaching(&d->findings, &d->hello, &d->look, alive, beats);
  then(d, 0, tell);
}

/* Leaves nothing behind. Where the state's directory is the doctor's own, since no daemon runs, it goes too, unless
 * another visit is in it: two hosts may be one machine. */
static void ask_verdict(struct doctor *d) {
  char *body = alloc_fmt("p=%s\n"
                         "pid= n=-1\n"
                         "[ -r \"$p/beat\" ] && read -r pid n <\"$p/beat\"\n"
                         "rota_section probe\n"
                         "if [ -n \"$pid\" ] && kill -0 \"$pid\" 2>/dev/null; then\n"
                         "printf 'alive %%s\\n' \"$n\"\n"
                         "kill \"$pid\"\n"
                         "else printf 'dead %%s\\n' \"$n\"\n"
                         "fi\n"
                         "rm -rf \"$p\"\n"
                         "m=${p%%/*}\n"
                         "rm -f \"$m/events." NAME "\"\n"
                         "case ${m%%/*} in */" NAME ")\n"
                         "rmdir \"$m/a\" \"$m/w\" \"$m/s\" \"$m/lib\" \"$m/gone\" \"$m/trash\" \"$m\" \"${m%%/*}\" "
                         "\"${m%%/*/*}\" 2>/dev/null ;;\n"
                         "esac\n"
                         ":",
                         d->probe);
  ask_own(d, on_verdict, body);
  free(body);
}

/* ---- the first visit ---- */

static void connect_host(struct doctor *d);

static void connect_again(struct doctor *d) {
  d->again = true;
  connect_host(d);
}

static void part(struct doctor *d) {
  wire_drop(d, "dropped on purpose");
  then(d, APART_MS, connect_again);
}

static void on_looked(void *ctx, const struct answer *a) {
  struct doctor *d = answered(ctx, a, "time");
  if (!d) return;
  const struct section *s = section_of(a, "look");
  if (s) look_read(s->body, s->len, &d->look);
  judge_time(&d->findings, &d->hello, &d->look, d->hello_at);
  then(d, 0, part);
}

/* Counts seconds, in a session of its own, as the supervisor of a task is started. */
static void ask_look(struct doctor *d) {
  static const char probe[] = "trap \"\" HUP; i=0; while [ $i -lt 90 ] && [ -d \"$1\" ]; do i=$((i+1)); "
                              "echo $$ $i >\"$1/new\" && mv \"$1/new\" \"$1/beat\"; sleep 1; done";
  char *body = alloc_fmt(
      "rota_section look\n"
      "printf 'zone %%s\\n' \"$(date +%%Z%%z)\"\n"
      "k=$(cat /etc/systemd/logind.conf /usr/lib/systemd/logind.conf.d/*.conf /etc/systemd/logind.conf.d/*.conf "
      "2>/dev/null | sed -n 's/^KillUserProcesses=//p' | tail -n 1)\n"
      "case $k in yes|true|1|on) printf 'kills yes\\n' ;; esac\n"
      "[ -e \"/var/lib/systemd/linger/$USER\" ] && printf 'linger yes\\n'\n"
      "p=%s\n"
      "mkdir -m 700 \"$p\" && { rota_detached /bin/sh -c '%s' probe \"$p\" </dev/null >/dev/null 2>&1 & }\n"
      ":",
      d->probe, probe);
  ask_own(d, on_looked, body);
  free(body);
}

static void on_facts(void *ctx, const struct answer *a) {
  struct doctor *d = answered(ctx, a, "gpu");
  if (!d) return;
  struct ops_facts facts;
  const struct section *s = section_of(a, "facts");
  if (s && ops_read_facts(s->body, s->len, &facts) == 0) judge_facts(&d->findings, &facts);
  ask_look(d);
}

/* As one word of the shell. */
static void quoted(const char *text, char *out, size_t size) {
  size_t at = 0;
  out[at++] = '\'';
  for (; *text && at + 6 < size; text++) {
    if (*text == '\'') {
      memcpy(out + at, "'\\''", 4);
      at += 4;
    } else {
      out[at++] = *text;
    }
  }
  out[at++] = '\'';
  out[at] = '\0';
}

static void on_hello(void *ctx, const struct answer *a) {
  struct doctor *d = answered(ctx, a, "shell");
  if (!d) return;
  char nonce[FRAME_NONCE_LEN + 1], path[OPS_PATH + 48];
  struct buf text = {0};
  const struct section *s = section_of(a, "hello");
  if (!s || ops_read_hello(s->body, s->len, &d->hello)) {
    findings_add(&d->findings, "shell", DOCTOR_FAIL, "it answers in no known way", NULL);
    then(d, 0, tell);
    return;
  }
  frame_nonce(nonce);
  snprintf(path, sizeof path, "%s/doctor.%.16s", d->hello.root, nonce);
  quoted(path, d->probe, sizeof d->probe);
  d->hello_at = clock_now();
  judge_hello(&d->findings, &d->hello);
  ops_facts(&text, nonce);
  ask(d, nonce, &text, on_facts);
}

/* ---- connections ---- */

static void on_shell_up(void *ctx) {
  struct wire *w = ctx;
  struct doctor *d = w->doctor;
  char nonce[FRAME_NONCE_LEN + 1];
  struct buf text = {0};
  if (!d) return;
  if (d->again) {
    ask_verdict(d);
    return;
  }
  judge_noise(&d->findings, shell_noise(w->shell));
  frame_nonce(nonce);
  ops_hello(&text, nonce, d->host.root, d->state_id, NAME);
  ask(d, nonce, &text, on_hello);
}

static void on_shell_broken(void *ctx, enum shell_fault fault, bool orderly, const char *text) {
  struct wire *w = ctx;
  (void)fault;
  (void)orderly;
  if (!w->doctor || w->doctor->next == tell) return;
  findings_add(&w->doctor->findings, "shell", DOCTOR_FAIL, text,
               "look at what `ssh HOST 'exec /bin/sh -s'` does there: the login shell and its rc files must run it");
  then(w->doctor, 0, tell);
}

static void on_up(void *ctx) {
  static const struct shell_events events = {.up = on_shell_up, .broken = on_shell_broken};
  struct wire *w = ctx;
  struct doctor *d = w->doctor;
  if (!d) return;
  if (!d->again) judge_login(&d->findings, w->transport->address, w->transport->kind, clock_monotonic() - d->began);
  const struct shell_options options = {.loop = d->loop,
                                        .transport = w->transport,
                                        .events = &events,
                                        .ctx = w,
                                        .freed = on_shell_freed,
                                        .freed_ctx = w};
  w->shell = shell_new(&options);
}

static void on_down(void *ctx, const struct transport_end *end) {
  struct wire *w = ctx;
  struct doctor *d = w->doctor;
  if (!d || d->next == tell) return;
  if (d->again)
    findings_add(&d->findings, "detaching", DOCTOR_WARN,
                 arena_fmt(&d->findings.arena, "it isn't known: no second connection was to be had: %s", end->text),
                 NULL);
  else
    judge_down(&d->findings, end);
  then(d, 0, tell);
}

static void connect_host(struct doctor *d) {
  static const struct transport_events events = {.up = on_up, .down = on_down};
  struct wire *w = alloc_new(struct wire);
  w->doctor = d;
  d->wire = w;
  d->next = NULL;
  d->began = clock_monotonic();
  const struct transport_options options = {
      .loop = d->loop, .host = &d->host, .state_dir = d->state_dir, .events = &events, .ctx = w};
  w->transport = transport_new(&options);
}

static const char *copied(struct arena *a, const char *text) {
  return text ? arena_strdup(a, text) : NULL;
}

static void host_copy(struct arena *a, struct host_options *h) {
  const char **const texts[] = {
      &h->name, &h->ssh, &h->identity, &h->jump, &h->known_hosts, &h->passphrase_file, &h->passphrase_env, &h->root};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) *texts[i] = copied(a, *texts[i]);
}

struct doctor *doctor_run(uv_loop_t *loop, const struct host_options *host, const char *state_dir,
                          const char *state_id, doctor_done_fn *done, void *ctx) {
  struct doctor *d = alloc_new(struct doctor);
  d->loop = loop;
  d->host = *host;
  host_copy(&d->findings.arena, &d->host);
  d->state_dir = copied(&d->findings.arena, state_dir);
  d->state_id = copied(&d->findings.arena, state_id);
  d->done = done;
  d->ctx = ctx;
  uv_timer_init(loop, &d->step);
  uv_timer_init(loop, &d->limit);
  d->step.data = d->limit.data = d;
  d->open = 2;
  uv_timer_start(&d->limit, on_limit, DOCTOR_TIME_MS - 2000, 0);
  then(d, 0, connect_host);
  return d;
}
