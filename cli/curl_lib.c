#include "cli/curl_lib.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

/* The ABI's number has been this one since 2006. */
#define NAME "libcurl.so.4"

static const struct {
  const char *name;
  size_t at;
} functions[] = {
#define X(name) {"curl_" #name, offsetof(struct curl_lib, name)},
    CURL_LIB_FUNCTIONS(X)
#undef X
};

static int missing(void) {
  const char *why = dlerror();
  fprintf(stderr, "rota: libcurl can't be used: %s; install the system's package of it\n", why ? why : NAME);
  return ERR_NOT_FOUND;
}

int curl_lib_load(struct curl_lib *out) {
  void *lib = dlopen(NAME, RTLD_NOW | RTLD_LOCAL);
  if (!lib) return missing();
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    void *function = dlsym(lib, functions[i].name);
    if (!function) return missing();
    memcpy((char *)out + functions[i].at, &function, sizeof function);
  }
  return 0;
}
