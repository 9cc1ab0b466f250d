#include "worker/ssh/transport/ssh2_lib.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "base/err.h"

/* The ABI's number has been this one since 2009. */
#define NAME "libssh2.so.1"

static const struct {
  const char *name;
  size_t at;
} functions[] = {
#define X(name) {"libssh2_" #name, offsetof(struct ssh2_lib, name)},
    SSH2_LIB_FUNCTIONS(X)
#undef X
};

static int missing(const char **why) {
  const char *text = dlerror();
  *why = text ? text : NAME;
  return ERR_NOT_FOUND;
}

int ssh2_lib_load(struct ssh2_lib *out, const char **why) {
  void *lib = dlopen(NAME, RTLD_NOW | RTLD_LOCAL);
  if (!lib) return missing(why);
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    void *function = dlsym(lib, functions[i].name);
    if (!function) return missing(why);
    memcpy((char *)out + functions[i].at, &function, sizeof function);
  }
  if (out->init(0)) {
    *why = "libssh2's cryptography can't be initialised";
    return ERR_NOT_FOUND;
  }
  out->number = out->version(0);
  out->rsa_sha2 = out->version(0x010b00) != NULL;
  return 0;
}
