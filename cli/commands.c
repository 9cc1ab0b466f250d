#include "cli/commands.h"

#include <string.h>

static const struct command *const commands[] = {
#define X(name, heading) &command_##name,
    COMMAND_LIST(X)
#undef X
};

static const char *const command_headings[] = {
#define X(name, heading) heading,
    COMMAND_LIST(X)
#undef X
};

const struct command *const *commands_all(size_t *len, const char *const **headings) {
  *len = sizeof commands / sizeof commands[0];
  if (headings) *headings = command_headings;
  return commands;
}

const struct command *command_find(const char *name) {
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
    if (strcmp(commands[i]->name, name) == 0) return commands[i];
  return NULL;
}
