/* The rule by which a zone's clocks change every year, as the footer of a TZif file writes it: a POSIX TZ string with
 * the extensions of RFC 9636, "CET-1CEST,M3.5.0,M10.5.0/3" or "<-02>2<-01>,M3.5.0/-1,M10.5.0/0".
 *
 * Plain data, read-only after zone_rule_parse; nothing here allocates.
 */
#ifndef ROTA_SPEC_ZONE_RULE_H
#define ROTA_SPEC_ZONE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"
#include "scheduler/spec/time/zone.h"

#define ZONE_RULE_NAME_SIZE 16 /* of an abbreviation, with the NUL; tzdata's have up to 6 characters */

/* The second of a year at which the clocks change, on the clock that is in force until then. */
struct zone_rule_change {
  enum { ZONE_RULE_JULIAN, ZONE_RULE_DAY, ZONE_RULE_WEEKDAY } kind;
  int month, week; /* 1 to 12, 1 to 5 (the last); for WEEKDAY */
  int day;         /* JULIAN: 1 to 365, never 29 February; DAY: 0 to 365; WEEKDAY: 0 = Sunday */
  int32_t time_s;  /* within 167 hours either way of the day's midnight */
};

struct zone_rule {
  char standard[ZONE_RULE_NAME_SIZE], summer[ZONE_RULE_NAME_SIZE];
  int32_t standard_s, summer_s; /* seconds east of UTC */
  bool has_summer;
  struct zone_rule_change begin, end; /* of summer time */
};

/* Reads the whole text; ERR_INVALID if it isn't such a rule. Summer time without its two dates is refused. */
int zone_rule_parse(const char *text, size_t len, struct zone_rule *out);
/* The stretch around `t`. Years outside 0 to 9999 have no changes. */
struct zone_span zone_rule_span(const struct zone_rule *r, instant t);

#endif
