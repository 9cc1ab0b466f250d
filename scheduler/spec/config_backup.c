/* `backup` of the configuration: where copies of the database go, when, and how many are kept. */
#include <string.h>

#include "scheduler/spec/config_build.h"

#define AT_DEFAULT   "30 3 * * *"
#define KEEP_DEFAULT 14

static bool digit(char c) {
  return c >= '0' && c <= '9';
}

/* "3:30" or "03:30". */
static bool time_of_day(const char *text, struct cron *out) {
  size_t len = strlen(text), colon = strcspn(text, ":");
  if (colon < 1 || colon > 2 || len != colon + 3) return false;
  for (size_t i = 0; i < len; i++)
    if (i != colon && !digit(text[i])) return false;
  int hour = text[0] - '0', minute = (text[colon + 1] - '0') * 10 + text[colon + 2] - '0';
  if (colon == 2) hour = hour * 10 + text[1] - '0';
  if (hour > 23 || minute > 59) return false;
  cron_parse("0 0 * * *", out, &(struct cron_fault){0});
  out->hours = UINT32_C(1) << hour;
  out->minutes = UINT64_C(1) << minute;
  return true;
}

static void read_at(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct cron cron;
  struct cron_fault fault;
  if (!reader_scalar(r, key->name, n)) return;
  if (time_of_day(n->text, &cron) || cron_parse(n->text, &cron, &fault) == 0) {
    *(struct cron *)field = cron;
    return;
  }
  if (strchr(n->text, ':') || !strpbrk(n->text, " \t@")) {
    diag_error(r->diags, n->place, "write a time of day as 03:30, or a cron expression in quotes",
               "'%s' must be a time of day or a cron expression, not '%s'", key->name, n->text);
    return;
  }
  struct diag_place place = node_place_at(n, fault.offset, (uint32_t)fault.width);
  diag_error(r->diags, place, *fault.help ? fault.help : NULL, "%s", fault.message);
}

#define AT(name) offsetof(struct config_backup, name)
static const struct field fields[] = {
    {KEY_BACKUP_dir, read_path, AT(dir)},
    {KEY_BACKUP_at, read_at, AT(at)},
    {KEY_BACKUP_keep, read_count, AT(keep)},
};
#undef AT

void read_backup(struct reader *r, const struct key *key, const struct node *n, void *field) {
  struct config *c = field;
  (void)key;
  reader_map(r, n, SCOPE_BACKUP, false, fields, sizeof fields / sizeof *fields, &c->backup);
}

void config_backup_defaults(struct config *c) {
  cron_parse(AT_DEFAULT, &c->backup.at, &(struct cron_fault){0});
  c->backup.keep = KEEP_DEFAULT;
}
