/* libcurl, taken into the process by the first command that asks a daemon: the daemon itself and the commands that
 * ask nobody do without it and the twenty libraries behind it, some 2 MB of each process.
 *
 * The functions have the names that they have in curl/curl.h, without `curl_`, and are called as
 * `lib.easy_perform(handle)`. What is loaded stays until the process ends.
 */
#ifndef ROTA_CLI_CURL_LIB_H
#define ROTA_CLI_CURL_LIB_H

#include <curl/curl.h>

#define CURL_LIB_FUNCTIONS(X)                                                                                        \
  X(easy_init)                                                                                                       \
  X(easy_cleanup)                                                                                                    \
  X(easy_reset)                                                                                                      \
  X(easy_setopt)                                                                                                     \
  X(easy_perform)                                                                                                    \
  X(easy_getinfo)                                                                                                    \
  X(easy_strerror)                                                                                                   \
  X(slist_append)                                                                                                    \
  X(slist_free_all)                                                                                                  \
  X(url)                                                                                                             \
  X(url_set)                                                                                                         \
  X(url_get)                                                                                                         \
  X(url_cleanup)                                                                                                     \
  X(free)

struct curl_lib {
#define X(name) __typeof__(&(curl_##name)) name;
  CURL_LIB_FUNCTIONS(X)
#undef X
};

/* 0, or ERR_NOT_FOUND: the system hasn't got it, or too old a one; stderr says so. */
int curl_lib_load(struct curl_lib *out);

#endif
