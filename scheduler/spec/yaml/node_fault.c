#include "scheduler/spec/yaml/node_fault.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

/* What YAML allows in a file: no control characters but tab and line ends. */
static bool printable(uint32_t c) {
  if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
  return c != 0x7f && (c < 0x80 || c >= 0xa0 || c == 0x85) && c != 0xfffe && c != 0xffff;
}

bool text_check(const char *text, size_t len, struct diag_list *diags) {
  const unsigned char *p = (const unsigned char *)text;
  struct diag_place place = {1, 1, 1};
  if (len >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff))) {
    diag_error(diags, place, "save it as UTF-8", "the file is UTF-16");
    return false;
  }
  for (size_t i = 0; i < len;) {
    uint32_t c = p[i];
    size_t n = c >= 0x20 && c < 0x7f ? 1 : utf8_read(text + i, len - i, &c);
    if (n == 0) {
      diag_error(diags, place, "save the file as UTF-8", "the byte 0x%02x is not UTF-8", p[i]);
      return false;
    }
    if (!printable(c)) {
      diag_error(diags, place, "is this a text file? Within double quotes it can be written as an escape",
                 "the character U+%04X can't be in a YAML file", c);
      return false;
    }
    if (c == '\n')
      place.line++, place.column = 1;
    else if (c != 0xfeff || i)
      place.column++;
    i += n;
  }
  return true;
}

const char *text_line(const char *text, size_t len, size_t line, size_t *line_len) {
  const char *p = text, *end = text + len;
  for (; line > 0 && p < end; line--) {
    const char *nl = memchr(p, '\n', (size_t)(end - p));
    p = nl ? nl + 1 : end;
  }
  const char *nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
  *line_len = (size_t)((nl ? nl : end) - p);
  if (*line_len && p[*line_len - 1] == '\r') --*line_len;
  return p;
}

/* One fault of libyaml, and what rota says. `at_context` means that the place is where the construct began. */
struct rewrite {
  const char *problem, *context; /* substrings; NULL matches anything */
  char next;                     /* the character at the problem; 0 matches any */
  bool at_context;
  const char *message, *help;
};

static const struct rewrite rewrites[] = {
    {"found character that cannot start", NULL, '\t', false, "a tab can't indent YAML", "use spaces"},
    {"found character that cannot start", NULL, '@', false, "text can't begin with '@' here",
     "put it in quotes: \"@daily\""},
    {"found character that cannot start", NULL, '`', false, "text can't begin with '`' here",
     "put it in quotes, or the script below 'run: |'"},
    {"found character that cannot start", NULL, '%', false, "text can't begin with '%' here", "put it in quotes"},
    {"found a tab character", NULL, 0, false, "a tab can't indent YAML", "use spaces"},
    {"expected alphabetic or numeric", "scanning an alias", 0, true, "text can't begin with '*': YAML reads an alias",
     "quote the cron expression: cron: \"*/5 * * * *\""},
    {"expected alphabetic or numeric", "scanning an anchor", 0, true,
     "text can't begin with '&': YAML reads an anchor", "put the text in quotes"},
    {NULL, "scanning a directive", 0, true, "a line can't begin with '%': YAML reads a directive",
     "remove it, or put the text in quotes"},
    {NULL, "scanning an anchor", 0, true, "text can't begin with '&': YAML reads an anchor",
     "put the text in quotes"},
    {NULL, "scanning an alias", 0, true, "text can't begin with '*': YAML reads an alias",
     "quote the cron expression: cron: \"*/5 * * * *\""},
    {NULL, "a tag", 0, true, "text can't begin with '!': YAML reads a tag",
     "put the text in quotes; an expression may also say 'not'"},
    {"found unexpected end of stream", "quoted scalar", 0, true, "this quote is never closed", NULL},
    {"found unexpected document indicator", "quoted scalar", 0, true, "this quote is never closed", NULL},
    {"found unknown escape", NULL, 0, false, "this escape is unknown within double quotes",
     "write \\\\ for a backslash, or use single quotes"},
    {"could not find expected ':'", NULL, 0, true, "expected 'key: value'",
     "is the ':' missing, or the space behind it?"},
    {"block sequence entries are not allowed", NULL, 0, false, "a list item can't stand on the line of its key",
     "begin a new line for '- ...', or write [a, b]"},
    {"did not find expected '-' indicator", NULL, 0, false, "expected an item of the list, '- ...'",
     "does this line have the indentation that was meant?"},
    {"expected ',' or ']'", NULL, 0, false, "expected ',' or ']'", "text with ',', '[', ']', '{', '}' needs quotes"},
    {"expected ',' or '}'", NULL, 0, false, "expected ',' or '}'", "text with ',', '[', ']', '{', '}' needs quotes"},
    {"expected node content", NULL, 0, false, "expected a value", "is a '[' or '{' above never closed?"},
    {"expected <document start>", NULL, 0, false, "this stands behind the end of the document",
     "does this line have the indentation that was meant?"},
    {"did not find expected key", NULL, '-', false, "a list item where a key is expected",
     "does this line have the indentation that was meant?"},
};

static bool rewrite_fits(const struct rewrite *r, const yaml_parser_t *p, char next) {
  if (r->problem && (!p->problem || !strstr(p->problem, r->problem))) return false;
  if (r->context && (!p->context || !strstr(p->context, r->context))) return false;
  return r->next == 0 || r->next == next;
}

static struct diag_place mark_place(const yaml_mark_t *m) {
  return (struct diag_place){(uint32_t)m->line + 1, (uint32_t)m->column + 1, 1};
}

/* The byte of the column within its line; columns count code points. */
static size_t line_byte(const char *line, size_t line_len, size_t column) {
  size_t i = 0;
  for (; column > 0 && i < line_len; column--) do
      i++;
    while (i < line_len && ((unsigned char)line[i] & 0xc0) == 0x80);
  return i;
}

/* `a: b: c` and a line that is indented by mistake raise the same error: the second has one word before its ':'. */
static void fault_colon(const yaml_parser_t *p, const char *line, size_t at, struct diag_list *diags) {
  size_t start = 0;
  while (start < at && line[start] == ' ') start++;
  bool one_word = start > 0 && start < at;
  for (size_t i = start; i < at; i++)
    if (line[i] == ' ' || line[i] == ':') one_word = false;
  if (one_word)
    diag_error(diags,
               (struct diag_place){(uint32_t)p->problem_mark.line + 1, (uint32_t)start + 1, (uint32_t)(at - start)},
               "give it the indentation of its neighbours, or end the line above with ':'",
               "this key is indented further than the line above allows");
  else
    diag_error(diags, mark_place(&p->problem_mark),
               "put the whole text in quotes, or write it below the key: 'run: |' and the script on lines of its own",
               "': ' can't be part of plain text");
}

/* After a key and its value: text behind a closing quote, or a line that fits no indentation. */
static void fault_key(const yaml_parser_t *p, const char *line, size_t at, struct diag_list *diags) {
  size_t before = at;
  while (before > 0 && line[before - 1] == ' ') before--;
  if (before > 0 && (line[before - 1] == '"' || line[before - 1] == '\''))
    diag_error(diags, mark_place(&p->problem_mark),
               "quote the whole text (' within '...' is written twice), or write it below 'run: |'",
               "there is more text behind the closing quote");
  else
    diag_error(diags, mark_place(&p->problem_mark), "does this line have the indentation that was meant?",
               "expected a key of the map that begins on line %zu", p->context_mark.line + 1);
}

void node_fault(const yaml_parser_t *p, const char *text, size_t len, struct diag_list *diags) {
  size_t line_len = 0;
  const char *line = text_line(text, len, p->problem_mark.line, &line_len);
  size_t at = line_byte(line, line_len, p->problem_mark.column);
  char next = at < line_len ? line[at] : 0;
  const char *problem = p->problem ? p->problem : "it can't be read";

  if (strstr(problem, "mapping values are not allowed")) {
    fault_colon(p, line, at, diags);
    return;
  }
  for (size_t i = 0; i < sizeof rewrites / sizeof *rewrites; i++) {
    const struct rewrite *r = &rewrites[i];
    if (!rewrite_fits(r, p, next)) continue;
    bool context = r->at_context && p->context;
    diag_error(diags, mark_place(context ? &p->context_mark : &p->problem_mark), r->help, "%s", r->message);
    return;
  }
  if (strstr(problem, "did not find expected key"))
    fault_key(p, line, at, diags);
  else
    diag_error(diags, mark_place(&p->problem_mark), NULL, "this isn't YAML: %s%s%s", p->context ? p->context : "",
               p->context ? ", " : "", problem);
}
