/* `run`, `shell` and `when`: what a task does, and whether. */
#include <string.h>

#include "scheduler/spec/expr/expr.h"
#include "scheduler/spec/pipeline_tasks.h"

/* YAML ends a plain text at ` #`: harmless where the shell would have seen a comment too, but not inside quotes. */
static void comment_check(struct reader *r, const struct node *n) {
  bool single = false, twice = false;
  for (const char *p = n->text; *p; p++) {
    if (*p == '\'' && !twice) single = !single;
    if (*p == '"' && !single) twice = !twice;
  }
  const char *help = "write the script below the key: 'run: |' and the script on lines of its own";
  if (single || twice)
    diag_error(r->diags, n->place, help,
               "YAML takes what follows ' #' as a comment, so this script ends within a quote");
  else
    diag_warning(r->diags, n->place, help, "YAML drops the comment behind this script");
}

/* Values never become code: the message names the variable that holds what the expression asks for. */
static void expression_error(struct reader *r, const struct node *n, const char *at) {
  char name[256];
  const char *end = strstr(at, "}}");
  uint32_t width = 3;
  const char *help =
      "hand values over in 'env' and write \"$NAME\" here, or use the list form: run: [program, \"${{ ... }}\"]";
  if (end && !memchr(at, '\n', (size_t)(end - at))) {
    width = (uint32_t)(end + 2 - at);
    if (variable_of(at + 3, (size_t)(end - at - 3), name))
      help = arena_fmt(
          &r->diags->arena,
          "write \"$%s\", the variable that has this value, or use the list form: run: [program, \"%.*s\"]", name,
          (int)width, at);
  }
  diag_error(r->diags, node_place_at(n, (size_t)(at - n->text), width), help, "'${{ }}' doesn't work in a script");
}

static void script_read(struct reader *r, const struct node *n, struct task_spec *t) {
  if (strspn(n->text, " \t\r\n") == n->len) {
    diag_error(r->diags, n->key_place, NULL, "'run' is empty");
    return;
  }
  if (!r->lenient) {
    if (n->commented) comment_check(r, n);
    int shown = 0;
    for (const char *p = strstr(n->text, "${{"); p && shown < 10; p = strstr(p + 3, "${{"), shown++)
      expression_error(r, n, p);
  }
  t->script = arena_strndup(r->arena, n->text, n->len);
  t->script_len = n->len;
}

void read_run(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct task_spec *t = field;
  struct templates argv = {0};
  if (n->kind == NODE_SCALAR) {
    if (reader_scalar(r, key->name, n)) script_read(r, n, t);
    return;
  }
  if (n->kind == NODE_MAP) {
    diag_error(r->diags, n->place, "a script goes below 'run: |'; a program into a list: run: [python3, train.py]",
               "'run' can't be a map");
    return;
  }
  if (!reader_templates(r, key->name, n, &argv)) return;
  if (argv.len == 0) {
    diag_error(r->diags, n->place, "write run: [program, argument]", "'run' is empty");
    return;
  }
  t->argv = argv.items;
  t->argc = argv.len;
}

static const char *const shell_sh[] = {"/bin/sh", "-e"};
static const char *const shell_bash[] = {"bash", "-eo", "pipefail"};

void read_shell(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct task_spec *t = field;
  struct texts words;
  if (n->kind == NODE_SCALAR && reader_scalar(r, key->name, n)) {
    if (strcmp(n->text, "bash") == 0 || strcmp(n->text, "sh") == 0) {
      bool bash = n->text[0] == 'b';
      t->shell = bash ? shell_bash : shell_sh;
      t->shell_len = bash ? 3 : 2;
      return;
    }
    if (strchr(n->text, ' ')) {
      diag_error(r->diags, n->place, "write a list: shell: [bash, -x]", "options of a shell need the list form");
      return;
    }
  }
  if (!reader_texts(r, key->name, n, &words)) return;
  if (words.len == 0 || !words.items[0][0]) {
    diag_error(r->diags, n->place, NULL, "'shell' is empty");
    return;
  }
  t->shell = words.items;
  t->shell_len = words.len;
}

void task_shell_finish(struct reader *r, const struct node *task, struct task_spec *t) {
  const struct node *own = node_get(task, "shell");
  if (t->argv) {
    if (own && !r->lenient)
      diag_error(r->diags, own->key_place, "remove it, or write the script as text",
                 "'shell' has no part in the list form of 'run', which starts the program itself");
    t->shell = NULL;
    t->shell_len = 0;
  } else if (!t->shell && t->script && strncmp(t->script, "#!", 2) != 0) {
    t->shell = shell_sh;
    t->shell_len = 2;
  }
}

void read_when(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct task_spec *t = field;
  if (!reader_scalar(r, key->name, n)) return;
  const char *start = n->text, *end = n->text + n->len;
  while (end > start && strchr(" \t\r\n", end[-1])) end--;
  while (start < end && strchr(" \t\r\n", *start)) start++;
  if (end - start >= 5 && strncmp(start, "${{", 3) == 0 && strncmp(end - 2, "}}", 2) == 0) {
    start += 3, end -= 2;
    while (end > start && strchr(" \t\r\n", end[-1])) end--;
    while (start < end && strchr(" \t\r\n", *start)) start++;
  }
  const char *source = arena_strndup(r->arena, start, (size_t)(end - start)), *inner = strstr(source, "${{");
  if (inner && !r->lenient) {
    diag_error(r->diags, node_place_at(n, (size_t)(start - n->text) + (size_t)(inner - source), 3),
               "write one expression: when: params.a && params.b", "'when' is an expression already");
    return;
  }
  struct diag_place place = node_place_at(n, (size_t)(start - n->text), (uint32_t)(end - start));
  t->when = expr_parse(r->arena, source, place, r->diags);
  if (t->when) t->when_source = source;
}
