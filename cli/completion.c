/* rota completion: what bash and zsh complete with, from the commands' tables; rota complete: the names of what is
 * there, for them. */
#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/pages.h"

#define NAMES_MAX 200

static const char *const whats[] = {[WHAT_ANY] = "any",
                                    [WHAT_FILE] = "file",
                                    [WHAT_DIRECTORY] = "dir",
                                    [WHAT_PIPELINE] = "pipeline",
                                    [WHAT_RUN] = "run"};

/* ---- bash ---- */

static void bash_options(struct buf *out, const struct arg_option *options) {
  for (; options && options->name; options++) {
    buf_fmt(out, " --%s", options->name);
    if (options->letter) buf_fmt(out, " -%c", options->letter);
  }
}

/* One line for each option with a value: what is completed behind it. */
static void bash_values(struct buf *out, const char *command, const struct arg_option *options) {
  for (; options && options->name; options++) {
    if (!options->value) continue;
    buf_fmt(out, "    %s:--%s", command, options->name);
    if (options->letter) buf_fmt(out, "|%s:-%c", command, options->letter);
    buf_str(out, ") ");
    if (options->words) {
      buf_str(out, "words='");
      for (const char *c = options->words; *c; c++) buf_char(out, *c == '|' ? ' ' : *c);
      buf_str(out, "' ;;\n");
    } else {
      buf_fmt(out, "what='%s' ;;\n", whats[options->what]);
    }
  }
}

static void bash_operands(struct buf *out, const struct command *command) {
  buf_fmt(out, "    %s) options='", command->name);
  bash_options(out, command->options);
  buf_str(out, "' whats='");
  for (const struct arg_operand *o = command->operands; o && o->name; o++)
    buf_fmt(out, " %s", o->words ? o->words : whats[o->what]);
  buf_str(out, "' ;;\n");
}

static const char bash_rest[] =
    "  options+=\" --state --json --help\"\n"
    "  if [[ -z $what && -z $words && $cur == -* ]]; then words=$options; fi\n"
    "  if [[ -z $what && -z $words ]]; then\n"
    "    local i n=0 list=($whats)\n"
    "    for ((i = 2; i < COMP_CWORD; i++)); do [[ ${COMP_WORDS[i]} == -* ]] || n=$((n + 1)); done\n"
    "    ((n >= ${#list[@]})) && n=$((${#list[@]} - 1))\n"
    "    ((n >= 0)) && what=${list[n]}\n"
    "  fi\n"
    "  case $what in\n"
    "    file) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
    "    dir) COMPREPLY=($(compgen -d -- \"$cur\")) ;;\n"
    "    pipeline | run) COMPREPLY=($(compgen -W \"$(rota complete \"$what\" 2>/dev/null)\" -- \"$cur\")) ;;\n"
    "    *\\|*) COMPREPLY=($(compgen -W \"${what//|/ }\" -- \"$cur\")) ;;\n"
    "    *) [[ -n $words ]] && COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
    "  esac\n"
    "}\n"
    "complete -o filenames -F _rota rota\n";

static void bash_script(struct buf *out) {
  size_t len;
  const struct command *const *all = commands_all(&len, NULL);
  buf_str(out, "# bash completion of rota: eval \"$(rota completion bash)\"\n_rota() {\n"
               "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}\n"
               "  local options='' whats='' what='' words=''\n  COMPREPLY=()\n"
               "  if ((COMP_CWORD == 1)); then\n    COMPREPLY=($(compgen -W '");
  for (size_t i = 0; i < len; i++)
    if (!all[i]->hidden) buf_fmt(out, "%s ", all[i]->name);
  buf_str(out, "' -- \"$cur\"))\n    return\n  fi\n  case $command in\n");
  for (size_t i = 0; i < len; i++)
    if (!all[i]->hidden) bash_operands(out, all[i]);
  buf_str(out, "    *) return ;;\n  esac\n  case $command:$prev in\n");
  for (size_t i = 0; i < len; i++)
    if (!all[i]->hidden) bash_values(out, all[i]->name, all[i]->options);
  buf_str(out, "    *:--state) what='dir' ;;\n  esac\n");
  buf_str(out, bash_rest);
}

/* ---- zsh ---- */

/* Within '...[...]' of _arguments: the quote, brackets and colons are the shell's. */
static void zsh_text(struct buf *out, const char *text) {
  for (; *text; text++) {
    if (*text == '\'')
      buf_str(out, "'\\''");
    else if (*text == '[' || *text == ']' || *text == ':')
      buf_fmt(out, "\\%c", *text);
    else
      buf_char(out, *text);
  }
}

static void zsh_action(struct buf *out, const char *name, enum arg_what what, const char *words) {
  buf_str(out, ":");
  zsh_text(out, name);
  buf_char(out, ':');
  if (words) {
    buf_char(out, '(');
    for (; *words; words++) buf_char(out, *words == '|' ? ' ' : *words);
    buf_char(out, ')');
  } else if (what == WHAT_FILE || what == WHAT_DIRECTORY) {
    buf_str(out, what == WHAT_FILE ? "_files" : "_files -/");
  } else if (what != WHAT_ANY) {
    buf_fmt(out, "{compadd -- ${(f)\"$(rota complete %s 2>/dev/null)\"}}", whats[what]);
  }
}

static void zsh_options(struct buf *out, const struct arg_option *options) {
  for (; options && options->name; options++) {
    for (int i = options->letter ? 0 : 1; i < 2; i++) {
      buf_str(out, " \\\n      '");
      if (options->kind == ARG_LIST) buf_char(out, '*');
      if (i == 0)
        buf_fmt(out, "-%c[", options->letter);
      else
        buf_fmt(out, "--%s[", options->name);
      zsh_text(out, options->help);
      buf_char(out, ']');
      if (options->value) zsh_action(out, options->value, options->what, options->words);
      buf_char(out, '\'');
    }
  }
}

static void zsh_command(struct buf *out, const struct command *command) {
  buf_fmt(out, "    %s) _arguments", command->name);
  zsh_options(out, command->options);
  zsh_options(out, args_common);
  for (const struct arg_operand *o = command->operands; o && o->name; o++) {
    buf_fmt(out, " \\\n      '%s", o->many ? "*" : "");
    zsh_action(out, o->name, o->what, o->words);
    buf_char(out, '\'');
  }
  buf_str(out, " ;;\n");
}

static void zsh_script(struct buf *out) {
  size_t len;
  const struct command *const *all = commands_all(&len, NULL);
  buf_str(out, "#compdef rota\n# zsh completion of rota: source <(rota completion zsh)\n_rota() {\n"
               "  if ((CURRENT == 2)); then\n    local -a commands=(\n");
  for (size_t i = 0; i < len; i++) {
    if (all[i]->hidden) continue;
    buf_fmt(out, "      '%s:", all[i]->name);
    zsh_text(out, all[i]->summary);
    buf_str(out, "'\n");
  }
  buf_str(out, "    )\n    _describe command commands\n    return\n  fi\n  local command=$words[2]\n"
               "  shift words\n  ((CURRENT--))\n  case $command in\n");
  for (size_t i = 0; i < len; i++)
    if (!all[i]->hidden) zsh_command(out, all[i]);
  buf_str(
      out,
      "  esac\n}\nif [[ $zsh_eval_context[-1] == loadautofunc ]]; then _rota \"$@\"; else compdef _rota rota; fi\n");
}

static int completion_run(const struct args *args) {
  struct buf out = {0};
  if (strcmp(args_operand(args, 0), "bash") == 0)
    bash_script(&out);
  else
    zsh_script(&out);
  fputs(buf_cstr(&out), stdout);
  buf_release(&out);
  return EXIT_OK;
}

const struct command command_completion = {
    .name = "completion",
    .summary = "The completion script of bash or zsh",
    .about = "bash: eval \"$(rota completion bash)\" in ~/.bashrc\nzsh: source <(rota completion zsh) in ~/.zshrc",
    .operands =
        (const struct arg_operand[]){
            {"SHELL", WHAT_ANY, false, false, "bash|zsh", "bash or zsh"},
            {0},
        },
    .run = completion_run,
};

/* ---- the names of what is there ---- */

static int complete_run(const struct args *args) {
  struct client *client;
  json_t *pages;
  bool runs = strcmp(args_operand(args, 0), "run") == 0;
  int code = client_open(args, &client);
  if (code != EXIT_OK) return code;
  client_patience(client, 2000);
  code = pages_get(client, runs ? "/api/v1/runs" : "/api/v1/pipelines", NAMES_MAX, &pages);
  if (code == EXIT_OK) {
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(pages, "items"), i, item) {
      puts(field_shown(item, "name"));
    }
    json_decref(pages);
  }
  client_close(client);
  return code;
}

const struct command command_complete = {
    .name = "complete",
    .summary = "The names of pipelines or runs, for the completion of shells",
    .operands =
        (const struct arg_operand[]){
            {"WHAT", WHAT_ANY, false, false, "pipeline|run", "pipeline or run"},
            {0},
        },
    .run = complete_run,
    .hidden = true,
};
