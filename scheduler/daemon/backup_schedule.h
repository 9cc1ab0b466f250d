/* Backups on the schedule that `backup` of the configuration sets: made by backup_job.h, kept in the folder as
 * store/shelf.h says. Loop thread only; the folder is looked at by errands (errands.h).
 *
 *   idle --due--> look at the folder --> copy and verify --> remove the oldest --> idle
 *                      '------- it fails: the alarm; tried again after ten minutes ------'
 *
 * The folder alone tells when the last one was made. One is due when the schedule has had an instant since then, so
 * one that was missed while the daemon was down is made after its start, and the first one at once. A backup by hand
 * that is under way is waited for. Nothing old is removed before a new one is verified.
 */
#ifndef ROTA_DAEMON_BACKUP_SCHEDULE_H
#define ROTA_DAEMON_BACKUP_SCHEDULE_H

#include <stdbool.h>

#include "base/instant.h"
#include "scheduler/daemon/assembly.h"
#include "scheduler/daemon/backup_job.h"
#include "scheduler/daemon/errands.h"

/* How things stand; texts live until the next change. */
struct backup_standing {
  const char *dir; /* NULL: no backups are made by themselves */
  instant last;    /* when the newest verified one of the folder was begun; INSTANT_NONE: there is none */
  instant next;    /* INSTANT_NONE: not known yet */
  instant failing; /* since when they fail; INSTANT_NONE: the last try was good, or there was none yet */
  const char *why; /* with `failing` */
  instant overdue; /* since when the folder of any backup doesn't answer; INSTANT_NONE: none is waited for in vain */
};

/* How old the newest verified backup is; -1 if there is none, or none is scheduled. */
duration backup_age(const struct backup_standing *s, instant now);

struct json;
/* The member `backup`: null, or an object with dir, last, next, failing (null or {since, reason}). */
void backup_standing_json(const struct backup_standing *s, struct json *j);

struct backup_schedule_options { /* all borrowed */
  struct assembly *assembly;
  struct backup_jobs *jobs;
  struct errands *errands;
  struct backup_standing *standing; /* kept true, but for `overdue` */
  void (*changed)(void *ctx);       /* the alarm began, changed or ended, or another one is the newest */
  void *ctx;
};

struct backup_schedule;

struct backup_schedule *backup_schedule_new(const struct backup_schedule_options *options);
/* The configuration in force is another one. */
void backup_schedule_configure(struct backup_schedule *s);
/* Before backup_jobs_free and errands_free. What is under way ends as that of backup_job.h. Accepts NULL. */
void backup_schedule_free(struct backup_schedule *s);

#endif
