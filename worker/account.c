#include "worker/account.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"

void account_init(struct account *a) {
  struct passwd pw, *found = NULL;
  char bytes[16384];
  if (getpwuid_r(getuid(), &pw, bytes, sizeof bytes, &found)) found = NULL;
  a->name = found ? alloc_strdup(pw.pw_name) : alloc_fmt("%u", (unsigned)getuid());
  a->home = alloc_strdup(found && pw.pw_dir[0] ? pw.pw_dir : "/");
  a->shell = alloc_strdup(found && pw.pw_shell[0] ? pw.pw_shell : "/bin/sh");
}

void account_release(struct account *a) {
  free(a->name);
  free(a->home);
  free(a->shell);
  *a = (struct account){0};
}
