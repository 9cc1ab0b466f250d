/* The arguments of a command, read by its table.
 *
 * The table makes the parser, `--help`, the man page and the completion of the shells, so none of them can say what
 * the others don't. Options may stand before, between and after the operands, as `--name value`, `--name=value`,
 * `-p value`, `-pvalue`; flags of one letter may be joined. `--` ends the options. Every option but a LIST may be
 * given once. An error names the argument and what would be right.
 */
#ifndef ROTA_CLI_ARGS_H
#define ROTA_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/vec.h"

enum arg_kind {
  ARG_FLAG,    /* no value */
  ARG_TEXT,    /* any value but an empty one */
  ARG_LIST,    /* may be given again */
  ARG_COUNT,   /* a whole number from 1 */
  ARG_WORD,    /* one of `words` */
  ARG_INSTANT, /* RFC 3339 */
};

/* What a value or operand names, for the completion. */
enum arg_what { WHAT_ANY, WHAT_FILE, WHAT_DIRECTORY, WHAT_PIPELINE, WHAT_RUN };

struct arg_option {
  const char *name; /* without the dashes; NULL ends a table */
  char letter;      /* 0 without one */
  enum arg_kind kind;
  const char *value; /* the value's name in the help: "DIR"; NULL for a flag */
  const char *words; /* of a WORD, separated by '|' */
  enum arg_what what;
  bool required;
  const char *help;
};

struct arg_operand {
  const char *name; /* "RUN"; NULL ends a table */
  enum arg_what what;
  bool optional, many; /* `many` takes all that is left; only the last one may */
  const char *words;   /* one of these, separated by '|'; NULL for any text */
  const char *help;
};

struct args;

struct command {
  const char *name, *summary; /* the summary is a sentence without its full stop */
  const char *about;          /* paragraphs of the help; lines are broken already; NULL for none */
  const struct arg_option *options;
  const struct arg_operand *operands;
  int (*run)(const struct args *args); /* returns the exit code, having said on stderr what went wrong */
  bool hidden;
};

#define ARGS_OPTIONS_MAX 24

struct args {
  const struct command *command;
  struct arg_value {
    const struct arg_option *option;
    VEC(const char *) given; /* the values as written; a flag's is "" */
  } values[ARGS_OPTIONS_MAX];
  size_t values_len;
  VEC(const char *) operands;
};

/* --state, --server, --cacert, --json and --help, which every command takes. */
extern const struct arg_option args_common[];

enum args_outcome { ARGS_OK, ARGS_HELP, ARGS_WRONG };
/* Reads the arguments behind the command's name; they must outlive `out`. ARGS_WRONG with a message in `error`, lines
 * ended. args_release in every case. */
enum args_outcome args_read(const struct command *command, int argc, char *const *argv, struct args *out,
                            struct buf *error);
void args_release(struct args *args);

/* The option must be in the table. */
bool args_flag(const struct args *args, const char *name);
const char *args_text(const struct args *args, const char *name); /* NULL if it wasn't given */
int64_t args_count(const struct args *args, const char *name, int64_t otherwise);
const char *const *args_list(const struct args *args, const char *name, size_t *len);
/* NULL if there are fewer. */
const char *args_operand(const struct args *args, size_t n);
/* Prints that at most one of the options (NULL ends them) may be given, and returns false, if more are. */
bool args_one_of(const struct args *args, ...) __attribute__((sentinel));
/* Prints "rota COMMAND: ..." and where the help is; returns EXIT_USAGE. */
int args_wrong(const struct args *args, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "rota trigger NAME [-p K=V]... [--wait]", without the common options. */
void args_usage(const struct command *command, struct buf *out);
/* What `rota COMMAND --help` prints. */
void args_help(const struct command *command, struct buf *out);
/* "-p, --param K=V" */
void args_option_text(const struct arg_option *option, struct buf *out);
/* The nth word of "a|b|c"; len 0 when there is none. */
const char *args_word(const char *words, size_t n, size_t *len);

#endif
