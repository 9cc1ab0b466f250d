/* What is said about a text that libyaml refuses: its messages are written for the authors of parsers, these for the
 * people who wrote the file. */
#ifndef ROTA_SPEC_NODE_FAULT_H
#define ROTA_SPEC_NODE_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include <yaml.h>

#include "base/diag.h"

/* False, with an error in `diags`, if the bytes aren't text: not UTF-8, or with control characters. */
bool text_check(const char *text, size_t len, struct diag_list *diags);
/* Reports the error that the parser stopped with. */
void node_fault(const yaml_parser_t *parser, const char *text, size_t len, struct diag_list *diags);
/* The bytes of line `line` (from 0), without its end. */
const char *text_line(const char *text, size_t len, size_t line, size_t *line_len);

#endif
