#include <ctype.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/spec/pipeline.h"

static bool all_of(const char *text, size_t len, const char *others, bool upper) {
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    if (!(islower(c) || isdigit(c) || (upper && isupper(c)) || (c && strchr(others, c)))) return false;
  }
  return len > 0;
}

bool task_name_valid(const char *name) {
  size_t len = strlen(name);
  return len <= PIPELINE_NAME_MAX && all_of(name, len, "_-", true);
}

bool pipeline_name_valid(const char *name) {
  size_t len = strlen(name);
  if (len > PIPELINE_NAME_MAX || !all_of(name, len, "_-/", false)) return false;
  for (const char *p = name; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
    if (*p == '/' || *p == 0 || *p == '_') return false;
  return true;
}

int pipeline_name_from_path(const char *relative, char out[PIPELINE_NAME_MAX + 1], const char **why) {
  size_t len = strlen(relative);
  const char *message = NULL;
  if (len > 5 && strcmp(relative + len - 5, ".yaml") == 0)
    len -= 5;
  else if (len > 4 && strcmp(relative + len - 4, ".yml") == 0)
    len -= 4;
  else
    message = "the name of a pipeline's file ends in .yaml";
  if (!message && len > PIPELINE_NAME_MAX) message = "a pipeline's name has at most 128 bytes";
  if (!message) {
    memcpy(out, relative, len);
    out[len] = 0;
    if (!pipeline_name_valid(out))
      message = "a pipeline's name, which is that of its file, has a-z, 0-9, '_' and '-' alone, and no part of it "
                "begins with '_'";
  }
  if (why) *why = message;
  return message ? ERR_INVALID : 0;
}
