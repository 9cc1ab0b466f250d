/* What a supervisor is to run, and what it is asked to stop with: an order that is taken has its number of arguments,
 * variables and files, each within the file, and no number in it is negative. */
#include "worker/supervise/spec.h"

#include <errno.h>
#include <string.h>

#include "tests/fuzz/folder.h"
#include "worker/rundir.h"
#include "worker/supervise/text.h"

static bool within(const struct spec *s, const char *text) {
  return text >= s->bytes && text < s->bytes + s->len && strlen(text) < (size_t)(s->bytes + s->len - text);
}

static void counted(const struct spec *s) {
  size_t seen[SPEC_OTHER] = {0}, at = 0;
  enum spec_key key;
  const char *value;
  while (spec_next(s, &at, &key, &value)) {
    CHECK(key < SPEC_OTHER && within(s, value) && at <= s->len);
    CHECK(key != SPEC_ENV || strchr(value, '=') > value);
    seen[key]++;
  }
  CHECK(at == s->len);
  CHECK(seen[SPEC_ARGUMENT] == s->arguments && seen[SPEC_ENV] == s->envs && seen[SPEC_ENV_FILE] == s->env_files);
}

static void texts_fit(const char *text) {
  char small[16], digits[24];
  struct text t;
  int64_t n;
  text_init(&t, small, sizeof small);
  text_add(&t, text);
  CHECK(t.len < sizeof small && strncmp(small, text, t.len) == 0 && (t.len == sizeof small - 1 || !text[t.len]));
  if (!number_parse(text, &n)) return;
  CHECK(n >= 0);
  text_init(&t, digits, sizeof digits);
  text_number(&t, n);
  text += strspn(text, "0");
  CHECK(strcmp(digits, *text ? text : "0") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct spec s;
  char bytes[64];
  folder_put(RUNDIR_SPEC, data, size);
  const int err = spec_open(&s);
  CHECK(err == 0 || err == EINVAL || err == EPROTONOSUPPORT);
  if (!err) {
    CHECK(within(&s, s.id) && strlen(s.id) == RUNDIR_ID_LEN && within(&s, s.dir) && s.arguments > 0);
    CHECK(s.timeout_us >= 0 && s.grace_us >= 0 && s.log_cap >= 0);
    counted(&s);
  }
  spec_release(&s);
  const long len = read_small(RUNDIR_SPEC, bytes, sizeof bytes);
  CHECK(len == (long)(size < sizeof bytes - 1 ? size : sizeof bytes - 1) && bytes[len] == '\0');
  texts_fit(bytes);
  CHECK(folder_opened() == 0);
  return 0;
}
