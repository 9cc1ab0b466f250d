/* The JSON Schema (draft 2020-12) of pipelines and of the configuration, made from the table of keys: editors
 * complete and check with it while a file is written. The reader is stricter: it knows references and expressions. */
#ifndef ROTA_SPEC_SCHEMA_H
#define ROTA_SPEC_SCHEMA_H

#include "base/buf.h"

void schema_pipeline(struct buf *out);
void schema_config(struct buf *out);

#endif
