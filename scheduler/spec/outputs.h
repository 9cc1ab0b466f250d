/* Reading what a task wrote into $ROTA_OUTPUT: `key=value` lines and `key<<END` blocks, the syntax that GitHub
 * Actions made known (docs.github.com, "Workflow commands", environment files), checked against the declared outputs.
 *
 * The last value of a key wins. CRLF line ends and a byte order mark are taken; a NUL byte, text that isn't UTF-8, an
 * unterminated block, a value over 64 KiB or a file over 1 MiB fails the task with a message.
 */
#ifndef ROTA_SPEC_OUTPUTS_H
#define ROTA_SPEC_OUTPUTS_H

#include <stddef.h>

#include "scheduler/spec/pipeline.h"

#define OUTPUT_VALUE_MAX (64 * 1024)
#define OUTPUT_FILE_MAX  (1024 * 1024)

struct output_value {
  const char *name;
  int index; /* into task->outputs; -1 if it isn't declared: kept as a string */
  struct value value;
};

/* ERR_INVALID with a message that names the line or the output. A declared output that is missing or of the wrong
 * type is such a failure; pass check_declared = false for a task that failed anyway. */
int outputs_parse(const struct task_spec *t, const char *text, size_t len, bool check_declared, struct arena *a,
                  struct output_value **out, size_t *out_len, const char **message);

/* The last line of $ROTA_PROGRESS: "0.42 epoch 21/50" or "21/50 text" -> fraction and text. False if it is neither.
 */
bool progress_parse(const char *text, size_t len, double *fraction, const char **rest, struct arena *a);

#endif
