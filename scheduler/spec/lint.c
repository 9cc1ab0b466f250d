#include "scheduler/spec/lint.h"

#include <ctype.h>
#include <string.h>

#include "scheduler/spec/yaml/node.h"

struct lint {
  struct diag_list *diags;
};

static void warn_at(struct lint *l, const struct node *n, size_t offset, size_t width, const char *help,
                    const char *message) {
  diag_warning(l->diags, node_place_at(n, offset, (uint32_t)width), help, "%s", message);
}

/* What stands in other schedulers' `{{ }}`, and where it is here. */
static const char *jinja_help(struct lint *l, const char *inner, size_t len) {
  static const struct {
    const char *theirs, *ours;
  } words[] = {{"ds", "$ROTA_DATE"},
               {"data_interval_start", "$ROTA_INTERVAL_START"},
               {"data_interval_end", "$ROTA_INTERVAL_END"},
               {"logical_date", "$ROTA_SCHEDULED_FOR"},
               {"execution_date", "$ROTA_SCHEDULED_FOR"},
               {"ts", "$ROTA_SCHEDULED_FOR"},
               {"run_id", "$ROTA_RUN_ID"},
               {"macros", "${{ date_add(run.date, -1) }}"}};
  size_t name = 0;
  while (name < len && (isalnum((unsigned char)inner[name]) || inner[name] == '_')) name++;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strlen(words[i].theirs) == name && strncmp(words[i].theirs, inner, name) == 0)
      return arena_fmt(&l->diags->arena, "rota's way is %s", words[i].ours);
  return "in scripts rota's values are variables, such as $ROTA_PARAM_NAME; elsewhere write ${{ ... }}";
}

static void lint_jinja(struct lint *l, const struct node *n) {
  for (const char *p = strstr(n->text, "{{"); p; p = strstr(p + 2, "{{")) {
    const char *end = strstr(p, "}}"), *inner = p + 2;
    while (*inner == ' ') inner++;
    bool ours = p > n->text && p[-1] == '$';
    if (ours || !end || memchr(p, '\n', (size_t)(end - p)) || !isalpha((unsigned char)*inner)) continue;
    warn_at(l, n, (size_t)(p - n->text), (size_t)(end + 2 - p), jinja_help(l, inner, (size_t)(end - inner)),
            "'{{ }}' is not replaced by rota");
    return;
  }
}

/* Words that dash and other shells under /bin/sh lack. `start`: at the beginning of a command only. */
static const struct {
  const char *text;
  bool start;
  const char *help;
} bashisms[] = {
    {"[[ ", true, "'[[' is bash's"},
    {"source ", true, "'source' is bash's; sh has '. FILE'"},
    {"function ", true, "'function' is bash's; sh has 'name() {'"},
    {"declare ", true, "'declare' is bash's"},
    {"pushd ", true, "'pushd' is bash's"},
    {"mapfile ", true, "'mapfile' is bash's"},
    {"set -o pipefail", true, "'pipefail' is bash's"},
    {"set -euo pipefail", true, "'pipefail' is bash's"},
    {"set -eo pipefail", true, "'pipefail' is bash's"},
    {"<(", false, "'<(...)' is bash's"},
    {"<<<", false, "'<<<' is bash's"},
    {"&>", false, "'&>' is bash's; in sh it starts the command in the background"},
    {"=(", false, "arrays are bash's"},
    {"${BASH", false, "BASH variables are bash's"},
    {"$RANDOM", false, "'$RANDOM' is bash's"},
};

static bool command_start(const char *text, const char *at) {
  static const char *const before[] = {"if", "then", "do", "else", "while", "until", "!"};
  while (at > text && (at[-1] == ' ' || at[-1] == '\t')) at--;
  if (at == text || strchr("\n;&|({", at[-1])) return true;
  for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
    size_t len = strlen(before[i]);
    if ((size_t)(at - text) >= len && strncmp(at - len, before[i], len) == 0) return true;
  }
  return false;
}

static bool in_comment(const char *text, const char *at) {
  for (const char *p = at; p > text && p[-1] != '\n'; p--)
    if (p[-1] == '#' && (p - 1 == text || isspace((unsigned char)p[-2]))) return true;
  return false;
}

static void lint_bash(struct lint *l, const struct node *n) {
  for (size_t i = 0; i < sizeof bashisms / sizeof *bashisms; i++) {
    const char *at = strstr(n->text, bashisms[i].text);
    while (at && (in_comment(n->text, at) || (bashisms[i].start && !command_start(n->text, at))))
      at = strstr(at + 1, bashisms[i].text);
    if (!at) continue;
    warn_at(l, n, (size_t)(at - n->text), strlen(bashisms[i].text),
            arena_fmt(&l->diags->arena, "%s; write shell: bash", bashisms[i].help), "this script runs under /bin/sh");
  }
}

static void lint_tee(struct lint *l, const struct node *n) {
  for (const char *p = strchr(n->text, '|'); p; p = strchr(p + 1, '|')) {
    const char *word = p + 1;
    while (*word == ' ' || *word == '&') word++;
    if (p[1] == '|' || (p > n->text && p[-1] == '|') || in_comment(n->text, p)) continue;
    if (strncmp(word, "tee", 3) != 0 || (word[3] != ' ' && word[3] != '\n' && word[3] != 0)) continue;
    warn_at(l, n, (size_t)(p - n->text), (size_t)(word + 3 - p),
            "the output is in the log anyway; else write shell: bash, which sets pipefail",
            "behind '| tee' a failure is lost: the exit status is tee's");
    return;
  }
}

static void lint_percent(struct lint *l, const struct node *n) {
  const char *at = strstr(n->text, "\\%");
  if (at) warn_at(l, n, (size_t)(at - n->text), 2, "write '%'", "'\\%' is crontab's: here '%' means nothing special");
}

/* What /bin/sh runs: no `shell`, or one that is sh; and no first line of its own. */
static bool under_sh(const struct node *task, const struct node *defaults, const struct node *run) {
  const struct node *shell = node_get(task, "shell");
  if (!shell && defaults) shell = node_get(defaults, "shell");
  if (!shell) return strncmp(run->text, "#!", 2) != 0;
  if (shell->kind == NODE_LIST) shell = shell->first;
  return shell && shell->kind == NODE_SCALAR &&
         (strcmp(shell->text, "sh") == 0 || strcmp(shell->text, "/bin/sh") == 0);
}

static void lint_env(struct lint *l, const struct node *env) {
  static const struct {
    const char *name, *help;
  } words[] = {{"MAILTO", "rota sends no mail here; `rota logs RUN TASK` shows what a task wrote"},
               {"CRON_TZ", "write 'timezone' in the schedule"},
               {"TZ", "tasks get the schedule's 'timezone' as TZ; set it here only if a task needs another"},
               {"SHELL", "write 'shell' in the task or in 'defaults'"}};
  for (size_t i = 0; env && i < sizeof words / sizeof *words; i++) {
    const struct node *n = node_get(env, words[i].name);
    if (n) diag_warning(l->diags, n->key_place, words[i].help, "'%s' has no effect on rota itself", n->key);
  }
}

static void lint_task(struct lint *l, const struct node *task, const struct node *defaults) {
  const struct node *run = node_get(task, "run");
  lint_env(l, node_get(task, "env"));
  if (!run || run->kind != NODE_SCALAR) return;
  lint_percent(l, run);
  if (!under_sh(task, defaults, run)) return;
  lint_bash(l, run);
  lint_tee(l, run);
}

static void lint_cron(struct lint *l, const struct node *n) {
  if (n->kind == NODE_LIST)
    for (const struct node *c = n->first; c; c = c->next) lint_cron(l, c);
  if (n->kind == NODE_MAP && node_get(n, "cron")) lint_cron(l, node_get(n, "cron"));
  if (n->kind != NODE_SCALAR) return;
  if (strncmp(n->text, "@reboot", 7) == 0)
    diag_warning(l->diags, n->text_place, "let a systemd unit call `rota trigger NAME` at the start of the machine",
                 "rota has no '@reboot'");
  if (strstr(n->text, "TZ="))
    diag_warning(l->diags, n->text_place, "write {cron: \"...\", timezone: Europe/Oslo}",
                 "a cron expression has no zone of its own");
}

/* Every text of the file, keys apart. */
static void lint_texts(struct lint *l, const struct node *n) {
  if (n->kind == NODE_SCALAR) lint_jinja(l, n);
  if (n->kind == NODE_SCALAR || n->kind == NODE_BROKEN) return;
  for (const struct node *c = n->first; c; c = c->next)
    if (!c->key || strcmp(c->key, "doc") != 0) lint_texts(l, c);
}

static void lint_root(struct lint *l, const struct node *root) {
  const struct node *schedule = node_get(root, "schedule"), *tasks = node_get(root, "tasks");
  const struct node *defaults = node_get(root, "defaults");
  lint_texts(l, root);
  lint_env(l, node_get(root, "env"));
  if (schedule) lint_cron(l, schedule);
  if (defaults) lint_env(l, node_get(defaults, "env"));
  if (!tasks || tasks->kind != NODE_MAP) return;
  for (const struct node *t = tasks->first; t; t = t->next)
    if (t->kind == NODE_MAP) lint_task(l, t, defaults);
}

void lint_pipeline(const struct pipeline_source *source, struct diag_list *diags) {
  struct lint l = {diags};
  struct arena nodes = {0};
  struct diag_list ignored; /* pipeline_read has reported them */
  size_t n = source->file ? strlen(source->file) : 0;
  if (n > 4 && strcmp(source->file + n - 4, ".yml") == 0)
    diag_warning(diags, (struct diag_place){0}, "rename it to .yaml", "the name of a pipeline should end in .yaml");
  if (source->len > PIPELINE_TEXT_MAX) return;
  diag_init(&ignored, NULL, NULL, 0);
  const struct node *root = node_read(&nodes, source->text, source->len, &ignored);
  if (root && root->kind == NODE_MAP) lint_root(&l, root);
  diag_release(&ignored);
  arena_release(&nodes);
  diag_sort(diags);
}
