/* What the doctor makes of a host's answers: checks in words. Pure but for the arena and the list. */
#ifndef ROTA_WORKER_SSH_DOCTOR_JUDGE_H
#define ROTA_WORKER_SSH_DOCTOR_JUDGE_H

#include "base/arena.h"
#include "base/instant.h"
#include "base/vec.h"
#include "worker/ssh/doctor.h"
#include "worker/ssh/remote/ops.h"
#include "worker/ssh/transport/transport.h"

struct doctor_findings {
  struct arena arena; /* of all texts */
  VEC(struct doctor_check) checks;
};

/* All texts are copied; `todo` may be NULL. */
void findings_add(struct doctor_findings *f, const char *name, enum doctor_result result, const char *text,
                  const char *todo);
void findings_release(struct doctor_findings *f);

/* No connection: whether it is the way, the key or the login. */
void judge_down(struct doctor_findings *f, const struct transport_end *end);
void judge_login(struct doctor_findings *f, const char *address, const char *transport, int64_t took_us);
/* What the login printed; "" for nothing. */
void judge_noise(struct doctor_findings *f, const char *noise);
void judge_hello(struct doctor_findings *f, const struct ops_hello *hello);
/* The bootstrap's own complaint. */
void judge_hello_error(struct doctor_findings *f, const struct ops_error *error);
void judge_facts(struct doctor_findings *f, const struct ops_facts *facts);

/* Lines "name value" of the doctor's own requests. */
struct doctor_look {
  char zone[64];      /* "CET+0100" */
  bool kills, linger; /* logind ends what a login leaves behind; but not of this user */
};
void look_read(const char *body, size_t len, struct doctor_look *out);
/* `now` is this machine's clock when the hello came. */
void judge_time(struct doctor_findings *f, const struct ops_hello *hello, const struct doctor_look *look,
                instant now);
/* `beats` is how many seconds the probe counted; -1: it isn't there. */
void judge_detaching(struct doctor_findings *f, const struct ops_hello *hello, const struct doctor_look *look,
                     bool alive, int64_t beats);

#endif
