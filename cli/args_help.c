/* What the tables of the arguments say to a person. */
#include <string.h>

#include "cli/args.h"

#define HELP_COLUMN 26
#define HELP_WIDTH  100

void args_option_text(const struct arg_option *option, struct buf *out) {
  if (option->letter) buf_fmt(out, "-%c, ", option->letter);
  buf_fmt(out, "--%s", option->name);
  if (option->value) buf_fmt(out, " %s", option->value);
}

void args_usage(const struct command *command, struct buf *out) {
  buf_fmt(out, "rota %s", command->name);
  for (const struct arg_operand *o = command->operands; o && o->name; o++)
    buf_fmt(out, " %s%s%s%s", o->optional ? "[" : "", o->name, o->many ? "..." : "", o->optional ? "]" : "");
  for (const struct arg_option *o = command->options; o && o->name; o++) {
    buf_str(out, o->required ? " " : " [");
    if (o->letter)
      buf_fmt(out, "-%c", o->letter);
    else
      buf_fmt(out, "--%s", o->name);
    if (o->value) buf_fmt(out, " %s", o->value);
    if (!o->required) buf_str(out, "]");
    if (o->kind == ARG_LIST) buf_str(out, "...");
  }
}

/* One row: the left part, and the text wrapped in a column beside or below it. */
static void add_row(struct buf *out, const char *left, const char *text) {
  buf_fmt(out, "  %s", left);
  size_t column = 2 + strlen(left);
  if (column + 2 > HELP_COLUMN) {
    buf_char(out, '\n');
    column = 0;
  }
  while (*text) {
    for (; column < HELP_COLUMN; column++) buf_char(out, ' ');
    while (*text) {
      size_t word = strcspn(text, " ");
      if (column > HELP_COLUMN && column + 1 + word > HELP_WIDTH) break;
      if (column > HELP_COLUMN) {
        buf_char(out, ' ');
        column++;
      }
      buf_add(out, text, word);
      column += word;
      text += word;
      text += strspn(text, " ");
    }
    buf_char(out, '\n');
    column = 0;
  }
}

static void add_options(struct buf *out, const struct arg_option *options) {
  for (; options && options->name; options++) {
    struct buf left = {0};
    if (!options->letter) buf_str(&left, "    ");
    args_option_text(options, &left);
    add_row(out, buf_cstr(&left), options->help);
    buf_release(&left);
  }
}

void args_help(const struct command *command, struct buf *out) {
  buf_str(out, "usage: ");
  args_usage(command, out);
  buf_fmt(out, "\n\n%s.\n", command->summary);
  if (command->about) buf_fmt(out, "\n%s\n", command->about);
  if (command->operands && command->operands->name) {
    buf_char(out, '\n');
    for (const struct arg_operand *o = command->operands; o->name; o++) add_row(out, o->name, o->help);
  }
  buf_str(out, "\noptions:\n");
  add_options(out, command->options);
  add_options(out, args_common);
}
