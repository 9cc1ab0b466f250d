/* What a task wrote into $ROTA_OUTPUT and $ROTA_PROGRESS: values within their limits, or a sentence. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "scheduler/spec/outputs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct output_spec declared[] = {{"rows", VALUE_INT, VALUE_ANY},
                                                {"rmse", VALUE_FLOAT, VALUE_ANY},
                                                {"days", VALUE_LIST, VALUE_DATE},
                                                {"data", VALUE_JSON, VALUE_ANY}};
  static const struct task_spec task = {.name = "t", .outputs = declared, .outputs_len = 4};
  struct arena a = {0};
  struct output_value *values;
  const char *message = NULL, *rest;
  double part;
  size_t len;
  for (int check = 0; check < 2; check++) {
    if (outputs_parse(&task, (const char *)data, size, check, &a, &values, &len, &message) < 0) {
      CHECK(message && len == 0);
      continue;
    }
    for (size_t i = 0; i < len; i++) {
      CHECK(values[i].index < 4 && strlen(values[i].name) > 0);
      if (values[i].index >= 0) CHECK(strcmp(values[i].name, declared[values[i].index].name) == 0);
    }
  }
  if (progress_parse((const char *)data, size, &part, &rest, &a)) CHECK(part >= 0 && part <= 1);
  arena_release(&a);
  return 0;
}
