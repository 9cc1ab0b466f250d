/* How runs and what belongs to them are shown on lines, the same in every command. */
#ifndef ROTA_CLI_LINES_H
#define ROTA_CLI_LINES_H

#include <stdio.h>

#include <jansson.h>

#include "base/buf.h"
#include "cli/args.h"
#include "cli/client.h"

/* A table of the API's runs: name, state, trigger, times, reason. */
void lines_runs(const json_t *runs);
/* "nightly#412  failed  by schedule for 2026-03-29 02:30:00+01:00, 3m 12s". */
void lines_run_head(const json_t *run);
/* "key: value" pairs of an object on one line each, two blanks in front; nothing for an empty one. */
void lines_members(const char *title, const json_t *object);
/* The -p options as {"k": "v"} into body[member]; false after saying which isn't K=V. */
bool lines_params(const struct args *args, const char *option, json_t *body, const char *member);
/* RUN or NAME as the operand at n; NULL after saying what is wrong with it. */
const char *lines_run_operand(const struct args *args, size_t n);
const char *lines_pipeline_operand(const struct args *args, size_t n);
/* What a trigger or rerun would do, of the API's preview. */
void lines_preview(const json_t *preview);
/* A diagnostic of the API as "FILE:LINE:COLUMN: error: ..." and its help; `file` may be "". */
void lines_diagnostic(FILE *to, const char *file, const json_t *diagnostic);
/* Revokes one of a list of the API, as "/api/v1/tokens", and prints what the daemon did. */
int lines_revoke(const struct args *args, struct client *client, const char *list, const char *which);
/* Posts a change, by which `body` is stolen, and prints what the daemon did. */
int lines_post(const struct args *args, const char *target, json_t *body);
/* What the daemon did, of its answer to a change. */
void lines_done(const struct args *args, const struct reply *reply);

#endif
