#include "cli/manual.h"

#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "cli/commands.h"
#include "cli/help.h"

/* Text in roff: backslashes and dashes are escaped, and no line begins with a control character. */
static void add_text(struct buf *out, const char *text) {
  bool start = true;
  for (; *text; text++) {
    if (start && (*text == '.' || *text == '\'')) buf_str(out, "\\&");
    if (*text == '\\')
      buf_str(out, "\\e");
    else if (*text == '-')
      buf_str(out, "\\-");
    else
      buf_char(out, *text);
    start = *text == '\n';
  }
}

static void add_options(struct buf *out, const struct arg_option *options) {
  for (; options && options->name; options++) {
    struct buf left = {0};
    args_option_text(options, &left);
    buf_str(out, ".TP\n.B ");
    add_text(out, buf_cstr(&left));
    buf_char(out, '\n');
    add_text(out, options->help);
    buf_char(out, '\n');
    buf_release(&left);
  }
}

static void add_command(struct buf *out, const struct command *command) {
  struct buf usage = {0};
  args_usage(command, &usage);
  buf_str(out, ".SS ");
  add_text(out, buf_cstr(&usage));
  buf_char(out, '\n');
  add_text(out, command->summary);
  buf_str(out, ".\n");
  if (command->about) {
    add_text(out, command->about);
    buf_char(out, '\n');
  }
  for (const struct arg_operand *o = command->operands; o && o->name; o++) {
    buf_str(out, ".TP\n.I ");
    add_text(out, o->name);
    buf_char(out, '\n');
    add_text(out, o->help);
    buf_char(out, '\n');
  }
  add_options(out, command->options);
  buf_release(&usage);
}

static void add_subjects(struct buf *out) {
  for (size_t i = 0; help_subject(i); i++) {
    struct buf text = {0};
    help_text(help_subject(i), &text);
    buf_str(out, ".SH ");
    for (const char *c = help_subject(i); *c; c++) buf_char(out, (char)(*c + 'A' - 'a'));
    buf_str(out, "\n.nf\n");
    add_text(out, buf_cstr(&text));
    buf_str(out, ".fi\n");
    buf_release(&text);
  }
}

void manual_page(struct buf *out) {
  size_t len;
  const struct command *const *all = commands_all(&len, NULL);
  buf_str(
      out,
      ".\\\" Made by `rota manual` from the tables of the commands; not to be edited.\n"
      ".TH ROTA 1 \"\" \"rota " ROTA_VERSION "\" \"User Commands\"\n"
      ".SH NAME\nrota \\- run pipelines of tasks on schedule, by hand, with retries, durably\n"
      ".SH SYNOPSIS\n.B rota\n.I COMMAND\n[\n.I ARGUMENT\n]...\n"
      ".SH DESCRIPTION\n"
      "rota reads pipelines from YAML files, one file each, records every change of state in SQLite before it\n"
      "acts on it, and runs their tasks on this machine. `rota serve` is the daemon; the other commands speak to\n"
      "it over the socket in its state directory, or with \\-\\-server over its port.\n"
      ".SH COMMANDS\n");
  for (size_t i = 0; i < len; i++)
    if (!all[i]->hidden) add_command(out, all[i]);
  buf_str(out, ".SH COMMON OPTIONS\nEvery command takes these.\n");
  add_options(out, args_common);
  add_subjects(out);
  buf_str(out, ".SH ENVIRONMENT\n"
               ".TP\n.B ROTA_HOME\nthe state directory, if \\-\\-state doesn't name it\n"
               ".TP\n.B ROTA_SERVER\na daemon elsewhere, as \\-\\-server, if neither that nor \\-\\-state is given\n"
               ".TP\n.B ROTA_TOKEN\nthe token for it, instead of the one that `rota login` keeps\n"
               ".TP\n.B ROTA_CACERT\nthe certificates that its own is checked by, as \\-\\-cacert\n"
               ".TP\n.B NO_COLOR\nno colours, if it is set and not empty\n"
               ".SH FILES\n"
               ".TP\n.I ./rota.yaml, ~/.config/rota/rota.yaml, /etc/rota/rota.yaml\nthe configuration: the first "
               "that is there\n"
               ".TP\n.I ~/.local/state/rota\nthe state directory, if nothing else names it\n"
               ".TP\n.I ~/.config/rota/servers.json\nthe tokens that `rota login` keeps\n");
}

static int manual_run(const struct args *args) {
  (void)args;
  struct buf out = {0};
  manual_page(&out);
  fputs(buf_cstr(&out), stdout);
  buf_release(&out);
  return EXIT_OK;
}

const struct command command_manual = {
    .name = "manual",
    .summary = "The man page, as docs/rota.1 holds it",
    .run = manual_run,
    .hidden = true,
};
