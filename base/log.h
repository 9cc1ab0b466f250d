/* The daemon's log: one line a fact on stderr, key=value. Only the daemon's loop and `main` log; library code
 * returns.
 *
 *   2026-03-29T01:30:00.123Z info task ended run=nightly#412 task=train host=local code=1
 *
 * Under systemd (JOURNAL_STREAM is set) the stamp gives way to the priority prefix "<6>". A line that repeats the one
 * before it within 10 s is counted instead, and the count is written when another line comes or the time is over.
 * Values with spaces, quotes or control characters are quoted and escaped. Never blocks on anything but stderr.
 */
#ifndef ROTA_BASE_LOG_H
#define ROTA_BASE_LOG_H

enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_INFO = 6, LOG_DEBUG = 7 };

struct log_field {
  const char *key, *value; /* a NULL value leaves the field out */
};

/* Lines above `level` are dropped. Called once by main; the default is LOG_INFO. */
void log_setup(enum log_level level);
void log_line(enum log_level level, const char *fact, const struct log_field *fields, int count);
/* Writes the count of a folded repeat, if there is one. */
void log_flush(void);

/* LOG(LOG_INFO, "task ended", {"run", name}, {"code", code}); a fact without fields is log_line(level, fact, NULL,
 * 0). */
#define LOG(level, fact, ...)                                                                                        \
  do {                                                                                                               \
    const struct log_field log_fields_[] = {__VA_ARGS__};                                                            \
    log_line((level), (fact), log_fields_, (int)(sizeof log_fields_ / sizeof log_fields_[0]));                       \
  } while (0)

#endif
