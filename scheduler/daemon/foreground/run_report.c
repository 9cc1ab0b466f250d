#include "scheduler/daemon/foreground/run_report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* A problem document's detail; anything else as it came. */
void run_report_reply(int status, const char *body, size_t len, bool json) {
  json_t *root = json_loadb(body, len, 0, NULL);
  const char *detail = json_string_value(json_object_get(root, "detail"));
  if (json || !root) {
    fwrite(body, 1, len, stdout);
    putchar('\n');
  } else if (status >= 400) {
    fprintf(stderr, "rota: %s\n", detail ? detail : body);
  } else {
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    printf("%s\n", text ? text : body);
    free(text);
  }
  json_decref(root);
}
