#include "cli/args.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/exit.h"
#include "base/instant.h"

#define COUNT_MAX 1000000

const struct arg_option args_common[] = {
    {"state", 0, ARG_TEXT, "DIR", NULL, WHAT_DIRECTORY, false,
     "the state directory, which names the daemon (default: $ROTA_HOME, the configuration's, ~/.local/state/rota)"},
    {"server", 0, ARG_TEXT, "URL", NULL, WHAT_ANY, false,
     "a daemon of another machine instead, as https://rota.example (default: $ROTA_SERVER); see `rota login`"},
    {"cacert", 0, ARG_TEXT, "FILE", NULL, WHAT_FILE, false,
     "the certificates that the server's is checked by (default: $ROTA_CACERT, the system's)"},
    {"json", 0, ARG_FLAG, NULL, NULL, WHAT_ANY, false, "print the API's JSON, as docs/api.md says it"},
    {"help", 'h', ARG_FLAG, NULL, NULL, WHAT_ANY, false, "print this help"},
    {0},
};

const char *args_word(const char *words, size_t n, size_t *len) {
  for (; n > 0 && *words; n--) {
    words += strcspn(words, "|");
    words += *words == '|';
  }
  *len = strcspn(words, "|");
  return words;
}

static bool word_known(const char *words, const char *text) {
  size_t len;
  for (size_t n = 0;; n++) {
    const char *word = args_word(words, n, &len);
    if (len == 0) return false;
    if (len == strlen(text) && memcmp(word, text, len) == 0) return true;
  }
}

static void add_words(struct buf *out, const char *words) {
  size_t len;
  const char *word = args_word(words, 0, &len);
  for (size_t n = 1; len; n++) {
    buf_fmt(out, "%s%.*s", n == 1 ? "" : ", ", (int)len, word);
    word = args_word(words, n, &len);
  }
}

static void values_add(struct args *args, const struct arg_option *options) {
  for (; options && options->name; options++) {
    assert(args->values_len < ARGS_OPTIONS_MAX);
    args->values[args->values_len++].option = options;
  }
}

static struct arg_value *value_by_name(struct args *args, const char *name, size_t len) {
  for (size_t i = 0; i < args->values_len; i++) {
    const char *own = args->values[i].option->name;
    if (strlen(own) == len && memcmp(own, name, len) == 0) return &args->values[i];
  }
  return NULL;
}

static struct arg_value *value_by_letter(struct args *args, char letter) {
  for (size_t i = 0; i < args->values_len; i++)
    if (args->values[i].option->letter && args->values[i].option->letter == letter) return &args->values[i];
  return NULL;
}

static enum args_outcome wrong(const struct args *args, struct buf *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static enum args_outcome wrong(const struct args *args, struct buf *error, const char *format, ...) {
  va_list list;
  va_start(list, format);
  buf_fmt(error, "rota %s: ", args->command->name);
  buf_vfmt(error, format, list);
  buf_fmt(error, "\n  `rota %s --help` says what it takes\n", args->command->name);
  va_end(list);
  return ARGS_WRONG;
}

static enum args_outcome unknown_option(const struct args *args, const char *name, size_t len, struct buf *error) {
  const char *names[ARGS_OPTIONS_MAX];
  for (size_t i = 0; i < args->values_len; i++) names[i] = args->values[i].option->name;
  char word[64];
  snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : sizeof word - 1), name);
  const char *near = diag_nearest(word, names, args->values_len);
  if (near) return wrong(args, error, "unknown option '--%s'; did you mean '--%s'?", word, near);
  return wrong(args, error, "unknown option '--%s'", word);
}

static enum args_outcome value_put(struct args *args, struct arg_value *value, const char *text, struct buf *error) {
  const struct arg_option *o = value->option;
  if (o->kind != ARG_LIST && value->given.len) return wrong(args, error, "'--%s' is given twice", o->name);
  if (o->kind != ARG_FLAG && !*text) return wrong(args, error, "'--%s' needs a value: %s", o->name, o->value);
  if (o->kind == ARG_COUNT) {
    char *end;
    long long n = strtoll(text, &end, 10);
    if (*end || n < 1 || n > COUNT_MAX || strspn(text, "0123456789") != strlen(text))
      return wrong(args, error, "'--%s %s' isn't a whole number from 1 to %d", o->name, text, COUNT_MAX);
  } else if (o->kind == ARG_WORD && !word_known(o->words, text)) {
    struct buf words = {0};
    add_words(&words, o->words);
    wrong(args, error, "'--%s %s' is none of: %s", o->name, text, buf_cstr(&words));
    buf_release(&words);
    return ARGS_WRONG;
  } else if (o->kind == ARG_INSTANT) {
    instant t;
    if (instant_parse(text, &t) != 0)
      return wrong(args, error, "'--%s %s' isn't an instant like 2026-03-29T02:30:00+01:00", o->name, text);
  }
  vec_push(&value->given, text);
  return ARGS_OK;
}

/* `next` is the argument behind; *used says whether it was taken as the value. */
static enum args_outcome long_read(struct args *args, const char *arg, const char *next, bool *used,
                                   struct buf *error) {
  size_t len = strcspn(arg, "=");
  struct arg_value *value = value_by_name(args, arg, len);
  if (!value) return unknown_option(args, arg, len, error);
  const struct arg_option *o = value->option;
  if (o->kind == ARG_FLAG) {
    if (arg[len]) return wrong(args, error, "'--%s' takes no value", o->name);
    return value_put(args, value, "", error);
  }
  if (arg[len]) return value_put(args, value, arg + len + 1, error);
  if (!next) return wrong(args, error, "'--%s' needs a value: %s", o->name, o->value);
  *used = true;
  return value_put(args, value, next, error);
}

static enum args_outcome short_read(struct args *args, const char *arg, const char *next, bool *used,
                                    struct buf *error) {
  for (; *arg; arg++) {
    struct arg_value *value = value_by_letter(args, *arg);
    if (!value) return wrong(args, error, "unknown option '-%c'", *arg);
    enum args_outcome outcome;
    if (value->option->kind == ARG_FLAG) {
      outcome = value_put(args, value, "", error);
      if (outcome != ARGS_OK) return outcome;
      continue;
    }
    if (arg[1]) return value_put(args, value, arg + 1, error);
    if (!next) return wrong(args, error, "'-%c' needs a value: %s", *arg, value->option->value);
    *used = true;
    return value_put(args, value, next, error);
  }
  return ARGS_OK;
}

static enum args_outcome operands_check(const struct args *args, struct buf *error) {
  const struct arg_operand *o = args->command->operands;
  size_t n = 0;
  for (; o && o->name; o++) {
    if (n == args->operands.len) {
      if (o->optional) return ARGS_OK;
      return wrong(args, error, "%s is missing", o->name);
    }
    const char *text = args->operands.items[n++];
    if (!*text) return wrong(args, error, "%s is empty", o->name);
    if (o->words && !word_known(o->words, text)) {
      struct buf words = {0};
      add_words(&words, o->words);
      wrong(args, error, "'%s' is none of: %s", text, buf_cstr(&words));
      buf_release(&words);
      return ARGS_WRONG;
    }
    if (o->many) return ARGS_OK;
  }
  if (n < args->operands.len) return wrong(args, error, "'%s' is one argument too many", args->operands.items[n]);
  return ARGS_OK;
}

static enum args_outcome required_check(const struct args *args, struct buf *error) {
  for (size_t i = 0; i < args->values_len; i++) {
    const struct arg_option *o = args->values[i].option;
    if (o->required && !args->values[i].given.len)
      return wrong(args, error, "'--%s %s' is missing", o->name, o->value);
  }
  return ARGS_OK;
}

enum args_outcome args_read(const struct command *command, int argc, char *const *argv, struct args *out,
                            struct buf *error) {
  *out = (struct args){.command = command};
  values_add(out, command->options);
  values_add(out, args_common);
  bool ended = false;
  for (int i = 0; i < argc; i++) {
    const char *arg = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
    bool used = false;
    enum args_outcome outcome = ARGS_OK;
    if (ended || arg[0] != '-' || !arg[1])
      vec_push(&out->operands, arg);
    else if (strcmp(arg, "--") == 0)
      ended = true;
    else if (arg[1] == '-')
      outcome = long_read(out, arg + 2, next, &used, error);
    else
      outcome = short_read(out, arg + 1, next, &used, error);
    if (outcome != ARGS_OK) return outcome;
    i += used;
  }
  if (args_flag(out, "help")) return ARGS_HELP;
  enum args_outcome outcome = operands_check(out, error);
  return outcome == ARGS_OK ? required_check(out, error) : outcome;
}

void args_release(struct args *args) {
  for (size_t i = 0; i < args->values_len; i++) vec_release(&args->values[i].given);
  vec_release(&args->operands);
}

static const struct arg_value *value_find(const struct args *args, const char *name) {
  for (size_t i = 0; i < args->values_len; i++)
    if (strcmp(args->values[i].option->name, name) == 0) return &args->values[i];
  abort(); /* the command asks for an option that its table hasn't */
}

bool args_flag(const struct args *args, const char *name) {
  return value_find(args, name)->given.len > 0;
}

const char *args_text(const struct args *args, const char *name) {
  const struct arg_value *value = value_find(args, name);
  return value->given.len ? value->given.items[0] : NULL;
}

int64_t args_count(const struct args *args, const char *name, int64_t otherwise) {
  const char *text = args_text(args, name);
  return text ? strtoll(text, NULL, 10) : otherwise;
}

const char *const *args_list(const struct args *args, const char *name, size_t *len) {
  const struct arg_value *value = value_find(args, name);
  *len = value->given.len;
  return value->given.items;
}

const char *args_operand(const struct args *args, size_t n) {
  return n < args->operands.len ? args->operands.items[n] : NULL;
}

int args_wrong(const struct args *args, const char *format, ...) {
  struct buf text = {0};
  va_list list;
  va_start(list, format);
  buf_vfmt(&text, format, list);
  va_end(list);
  fprintf(stderr, "rota %s: %s\n  `rota %s --help` says what it takes\n", args->command->name, buf_cstr(&text),
          args->command->name);
  buf_release(&text);
  return EXIT_USAGE;
}

bool args_one_of(const struct args *args, ...) {
  va_list list;
  va_start(list, args);
  const char *name, *first = NULL, *second = NULL;
  while ((name = va_arg(list, const char *))) {
    if (!args_flag(args, name)) continue;
    if (first)
      second = name;
    else
      first = name;
  }
  va_end(list);
  if (second) args_wrong(args, "'--%s' and '--%s' exclude each other", first, second);
  return !second;
}
