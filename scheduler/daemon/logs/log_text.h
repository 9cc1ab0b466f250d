/* The text of a line as the API shows it: cut where it is too long, and measured as a browser measures it. */
#ifndef ROTA_DAEMON_LOG_TEXT_H
#define ROTA_DAEMON_LOG_TEXT_H

#include <stddef.h>

/* The length, at most `most`, to which a line can be cut without splitting a character. */
size_t log_text_cut(const char *text, size_t len, size_t most);
/* The first place from `at` on at which a character begins. */
size_t log_text_begin(const char *text, size_t len, size_t at);
/* How many UTF-16 units the bytes become in JSON: each that is no UTF-8 is one U+FFFD. */
size_t log_text_units(const char *text, size_t len);

#endif
