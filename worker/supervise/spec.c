#include "worker/supervise/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/rundir.h"
#include "worker/supervise/text.h"

static int take_text(const char **slot, const char *value) {
  *slot = value;
  return 0;
}

static int take_number(int64_t *slot, const char *value) {
  return number_parse(value, slot) ? 0 : EINVAL;
}

static int take_id(struct spec *s, const char *v) {
  return strlen(v) == RUNDIR_ID_LEN ? take_text(&s->id, v) : EINVAL;
}

static int take_argument(struct spec *s, const char *v) {
  (void)v;
  s->arguments++;
  return 0;
}

static int take_env(struct spec *s, const char *v) {
  s->envs++;
  return *v != '=' && strchr(v, '=') ? 0 : EINVAL;
}

static int take_env_file(struct spec *s, const char *v) {
  (void)v;
  s->env_files++;
  return 0;
}

static int take_dir(struct spec *s, const char *v) {
  return take_text(&s->dir, v);
}

static int take_timeout(struct spec *s, const char *v) {
  return take_number(&s->timeout_us, v);
}

static int take_grace(struct spec *s, const char *v) {
  return take_number(&s->grace_us, v);
}

static int take_log_cap(struct spec *s, const char *v) {
  return take_number(&s->log_cap, v);
}

static int take_leftovers(struct spec *s, const char *v) {
  s->keep_leftovers = strcmp(v, "keep") == 0;
  return s->keep_leftovers || strcmp(v, "kill") == 0 ? 0 : EINVAL;
}

static const struct {
  const char *name;
  int (*take)(struct spec *s, const char *value);
  enum spec_key key;
} keys[] = {
    {"argument", take_argument, SPEC_ARGUMENT},
    {"env", take_env, SPEC_ENV},
    {"env_file", take_env_file, SPEC_ENV_FILE},
    {"id", take_id, SPEC_OTHER},
    {"dir", take_dir, SPEC_OTHER},
    {"timeout_us", take_timeout, SPEC_OTHER},
    {"grace_us", take_grace, SPEC_OTHER},
    {"log_cap", take_log_cap, SPEC_OTHER},
    {"leftovers", take_leftovers, SPEC_OTHER},
};

/* The place of an entry's key in the table, or -1; *value is set to what follows the "=". */
static int key_find(const char *entry, const char **value) {
  const char *eq = strchr(entry, '=');
  if (!eq) return -1;
  size_t len = (size_t)(eq - entry);
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    if (strncmp(entry, keys[i].name, len) == 0 && keys[i].name[len] == '\0') {
      *value = eq + 1;
      return (int)i;
    }
  }
  return -1;
}

static int version_check(const char *entry) {
  int64_t version;
  if (strncmp(entry, "rota=", 5) != 0 || !number_parse(entry + 5, &version)) return EINVAL;
  return version >= RUNDIR_FORMAT_OLDEST && version <= RUNDIR_FORMAT ? 0 : EPROTONOSUPPORT;
}

static int parse(struct spec *s) {
  if (s->len == 0 || s->bytes[s->len - 1] != '\0') return EINVAL;
  int err = version_check(s->bytes);
  if (err) return err;
  for (size_t at = strlen(s->bytes) + 1; at < s->len; at += strlen(s->bytes + at) + 1) {
    const char *value;
    int i = key_find(s->bytes + at, &value);
    if (i < 0) return EINVAL;
    err = keys[i].take(s, value);
    if (err) return err;
  }
  return s->id && s->dir && s->arguments > 0 ? 0 : EINVAL;
}

int spec_open(struct spec *s) {
  *s = (struct spec){.log_cap = (int64_t)LOG_CAP_MIN};
  int fd = open(RUNDIR_SPEC, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  struct stat st;
  int err = fstat(fd, &st) ? errno : 0;
  if (!err && st.st_size > (off_t)RUNDIR_SPEC_MAX) err = EFBIG;
  if (!err && st.st_size > 0) {
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
      err = errno;
    else
      s->bytes = map, s->len = (size_t)st.st_size;
  }
  close(fd);
  return err ? err : parse(s);
}

bool spec_next(const struct spec *s, size_t *at, enum spec_key *key, const char **value) {
  while (*at < s->len) {
    const char *entry = s->bytes + *at;
    *at += strlen(entry) + 1;
    int i = key_find(entry, value);
    if (i < 0 || keys[i].key == SPEC_OTHER) continue;
    *key = keys[i].key;
    return true;
  }
  return false;
}

void spec_release(struct spec *s) {
  if (s->bytes) munmap((void *)(uintptr_t)s->bytes, s->len);
  s->bytes = s->id = s->dir = NULL;
  s->len = 0;
}
