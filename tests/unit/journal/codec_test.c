/* Structs to bytes and back by the tables: of every struct every member, and what another version wrote. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/journal/schema.h"
#include "scheduler/journal/tables.h"
#include "scheduler/spec/pipeline.h"
#include "tests/unit/unit.h"

static struct arena arena; /* of a test */
static struct pipeline *pipeline;
static const struct schema *schema;

static int set_up(void **state) {
  (void)state;
  struct buf bytes = {0};
  static const char text[] = "{\"name\": \"p\", \"folder\": \"/\", \"tasks\": {\"a\": {\"run\": \"true\"}}}";
  pipeline = pipeline_from_json(text, strlen(text));
  assert_non_null(pipeline);
  schema_write(&bytes);
  schema = schema_read(&arena, bytes.bytes, bytes.len);
  assert_non_null(schema);
  buf_release(&bytes);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  pipeline_release(pipeline);
  arena_release(&arena);
  return 0;
}

/* ---- a struct whose members all say something, each something else ---- */

static uint32_t counter;

static const char *fresh_text(void) {
  return arena_fmt(&arena, "text %u", ++counter);
}

static void fill(const struct codec_struct *s, char *base, uint32_t kind);

static void put(char *at, size_t size, uint64_t n) {
  uint8_t n8 = (uint8_t)n;
  uint32_t n32 = (uint32_t)n;
  memcpy(at, size == 1 ? (void *)&n8 : size == 4 ? (void *)&n32 : (void *)&n, size);
}

static void *two_of(const struct codec_member *m) {
  const struct codec_struct *of = m->of;
  size_t size = m->type == CODEC_ARRAY ? of->size : m->type == CODEC_DIGESTS ? SHA256_HEX_SIZE : sizeof(void *);
  char *items = arena_array(&arena, 2, size);
  for (uint32_t i = 0; i < 2; i++) {
    char *at = items + i * size;
    const char *text = fresh_text();
    const struct pipeline *p = pipeline;
    switch (m->type) {
    case CODEC_ARRAY: fill(of, at, i); break;
    case CODEC_TEXTS: memcpy(at, &text, sizeof text); break;
    case CODEC_NUMBERS: put(items + i * sizeof(uint32_t), sizeof(uint32_t), ++counter); break;
    case CODEC_DIGESTS: memset(at, 'a' + (int)(++counter % 26), SHA256_HEX_SIZE - 1); break;
    default: memcpy(at, &p, sizeof p); break;
    }
  }
  return items;
}

static void fill_member(const struct codec_member *m, char *base) {
  char *at = base + m->offset;
  const void *pointer = NULL;
  switch (m->type) {
  case CODEC_NONE: break;
  case CODEC_LEN: put(at, m->size, 2); break;
  case CODEC_BOOL:
  case CODEC_ENUM: put(at, m->size, 1); break;
  case CODEC_INT:
  case CODEC_KNOWN: put(at, m->size, UINT64_MAX - ++counter); break;
  case CODEC_UINT: put(at, m->size, 0x80000000 + ++counter); break;
  case CODEC_INSTANT: put(at, m->size, UINT64_C(1700000000000000) + ++counter); break;
  case CODEC_TEXT:
  case CODEC_SECRET: pointer = fresh_text(); break;
  case CODEC_BYTES: pointer = arena_strdup(&arena, (counter++, "\x01\xff")); break;
  case CODEC_CHARS:
  case CODEC_SEED: memset(at, 'a' + (int)(++counter % 26), m->size - 1); break;
  case CODEC_STRUCT: fill(m->of, at, 0); break;
  case CODEC_POINTER: {
    char *to = arena_alloc(&arena, ((const struct codec_struct *)m->of)->size);
    fill(m->of, to, 0);
    pointer = to;
    break;
  }
  case CODEC_RING:
    for (size_t i = 0; i < m->size / 4; i++) put(at + i * 4, 4, ++counter);
    break;
  case CODEC_PIPELINE: pointer = pipeline; break;
  case CODEC_VALUE: {
    struct value *items = arena_new_array(&arena, 3, struct value), list = {.type = VALUE_LIST};
    items[0] = value_string(&arena, fresh_text());
    items[1] = value_float(0.1 + ++counter);
    items[2] = value_int(-1 - (int64_t)++counter);
    list.list.items = items;
    list.list.len = 3;
    memcpy(at, &list, sizeof list);
    break;
  }
  case CODEC_ARRAY:
  case CODEC_TEXTS:
  case CODEC_NUMBERS:
  case CODEC_DIGESTS:
  case CODEC_PIPELINES: pointer = two_of(m); break;
  }
  if (pointer) memcpy(at, &pointer, sizeof pointer);
}

static void fill(const struct codec_struct *s, char *base, uint32_t kind) {
  if (s->kinds) {
    put(base + s->members->offset, s->members->size, kind);
    fill(s->kinds[kind], base + s->kinds_offset, 0);
    return;
  }
  for (size_t i = 0; i < s->len; i++) fill_member(&s->members[i], base);
}

static void encode(const struct codec_struct *s, const void *what, bool brief, struct buf *out) {
  struct codec_out o = {0};
  codec_out_begin(&o, out, brief);
  codec_write(&o, s, what);
  codec_out_release(&o);
}

static bool differs(const struct codec_struct *s, const struct buf *then, const void *now, struct buf *path) {
  struct codec_in in;
  codec_in_begin(&in, schema, &arena, then->bytes, then->len);
  return codec_differs(&in, schema_find(schema, s->name), now, path);
}

/* What comes back is written the same way, and differs in nothing. */
static void check_round(const struct codec_struct *s, const void *what) {
  struct buf bytes = {0}, again = {0}, path = {0};
  struct codec_in in;
  char *back = arena_alloc(&arena, s->size);
  encode(s, what, false, &bytes);
  codec_in_begin(&in, schema, &arena, bytes.bytes, bytes.len);
  codec_read(&in, schema_find(schema, s->name), back);
  assert_int_equal(in.err, 0);
  assert_true(in.at == in.end);
  encode(s, back, false, &again);
  assert_int_equal(bytes.len, again.len);
  assert_memory_equal(bytes.bytes, again.bytes, bytes.len);
  if (differs(s, &bytes, back, &path)) fail_msg("%s differs in %s", s->name, buf_cstr(&path));
  codec_in_release(&in);
  buf_release(&bytes);
  buf_release(&again);
  buf_release(&path);
}

static void every_struct_comes_back_as_it_was(void **state) {
  (void)state;
  for (size_t i = 0; i < codec_structs_len; i++) {
    const struct codec_struct *s = codec_structs[i];
    size_t kinds = s->kinds ? ((const struct codec_words *)s->members->of)->len : 1;
    for (size_t kind = 0; kind < kinds; kind++) {
      char *what = arena_alloc(&arena, s->size), *empty = arena_alloc(&arena, s->size);
      fill(s, what, (uint32_t)kind);
      check_round(s, what);
      check_round(s, empty);
    }
  }
}

/* The lists are in the order of the structs, and between two members there is no room for a third but what alignment
 * makes; that none is missing at all the compiler has seen (tables_parts.h). */
static void tables_follow_their_structs(void **state) {
  (void)state;
  for (size_t i = 0; i < codec_structs_len; i++) {
    const struct codec_struct *s = codec_structs[i];
    size_t end = 0;
    for (size_t k = 0; k < s->len; k++) {
      const struct codec_member *m = &s->members[k];
      if (m->offset < end || m->offset - end >= 8) fail_msg("%s: the place of %s", s->name, m->name);
      end = m->offset + m->size;
    }
    if (!s->kinds && (s->size < end || s->size - end >= 8)) fail_msg("%s: its end", s->name);
  }
}

/* Members that alone changed are found and named. */
static void a_change_of_any_member_is_a_difference(void **state) {
  (void)state;
  size_t changed = 0;
  for (size_t i = 0; i < codec_structs_len; i++) {
    const struct codec_struct *s = codec_structs[i];
    for (size_t k = 0; k < s->len && !s->kinds; k++) {
      const struct codec_member *m = &s->members[k];
      /* An enum is 1 in all that is filled, a pipeline the same; and a length goes with its array. */
      if (m->type == CODEC_NONE || m->type == CODEC_LEN || m->type == CODEC_BOOL || m->type == CODEC_ENUM ||
          m->type == CODEC_PIPELINE || m->type == CODEC_PIPELINES || m->type == CODEC_BYTES)
        continue;
      char *what = arena_alloc(&arena, s->size);
      struct buf full = {0}, brief = {0}, path = {0};
      fill(s, what, 0);
      encode(s, what, false, &full);
      encode(s, what, true, &brief);
      fill_member(m, what);
      if (m->type == CODEC_POINTER || m->type == CODEC_STRUCT || m->type == CODEC_ARRAY) counter += 7;
      const struct codec_struct *nested = m->type == CODEC_POINTER || m->type == CODEC_STRUCT ? m->of : NULL;
      if (nested && nested->kinds) continue;
      if (!differs(s, &full, what, &path)) fail_msg("%s.%s: no difference", s->name, m->name);
      if (strncmp(buf_cstr(&path), m->name, strlen(m->name)) != 0)
        fail_msg("%s.%s: the difference is in %s", s->name, m->name, buf_cstr(&path));
      buf_reset(&path);
      if (!differs(s, &brief, what, &path)) fail_msg("%s.%s: no difference in brief", s->name, m->name);
      changed++;
      buf_release(&full);
      buf_release(&brief);
      buf_release(&path);
    }
  }
  assert_true(changed > 250);
}

static void flags_words_and_bytes_are_compared(void **state) {
  (void)state;
  struct engine_report report = {.attempt_id = "x", .output = "abc", .output_len = 3}, now = report;
  struct buf bytes = {0}, path = {0};
  encode(&codec_engine_report, &report, false, &bytes);
  assert_false(differs(&codec_engine_report, &bytes, &now, &path));
  now.again = true;
  assert_true(differs(&codec_engine_report, &bytes, &now, &path));
  assert_string_equal(buf_cstr(&path), "again");
  now = report;
  now.kind = ENGINE_REPORT_LOST;
  buf_reset(&path);
  assert_true(differs(&codec_engine_report, &bytes, &now, &path));
  assert_string_equal(buf_cstr(&path), "kind");
  now = report;
  now.output_len = 2;
  buf_reset(&path);
  assert_true(differs(&codec_engine_report, &bytes, &now, &path));
  assert_string_equal(buf_cstr(&path), "output");
  now = report;
  now.text = "";
  buf_reset(&path);
  assert_true(differs(&codec_engine_report, &bytes, &now, &path));
  assert_string_equal(buf_cstr(&path), "text");
  buf_release(&bytes);
  buf_release(&path);
}

static void a_long_text_is_compared_by_its_digest(void **state) {
  (void)state;
  char text[2000];
  memset(text, 'x', sizeof text);
  struct decision_reply reply = {.handle = 1, .status = 200, .body = text, .body_len = sizeof text};
  struct buf bytes = {0}, path = {0};
  encode(&codec_decision_reply, &reply, true, &bytes);
  assert_true(bytes.len < 40);
  assert_false(differs(&codec_decision_reply, &bytes, &reply, &path));
  text[1999] = 'y';
  assert_true(differs(&codec_decision_reply, &bytes, &reply, &path));
  buf_release(&bytes);
  buf_release(&path);
}

/* ---- other versions ---- */

/* A table of this version as an earlier or later one may have had it, and the schema that would tell of it: without
 * `left_out`, with a text `added` behind all others. */
static const struct schema *other_version(const struct codec_struct *s, const char *left_out, const char *added,
                                          struct codec_struct *table) {
  struct schema *other = arena_new(&arena, struct schema);
  struct schema_struct *structs = arena_new_array(&arena, schema->structs_len, struct schema_struct);
  memcpy(structs, schema->structs, schema->structs_len * sizeof *structs);
  *other = *schema;
  other->structs = structs;
  for (size_t i = 0; i < schema->structs_len; i++) {
    struct schema_struct *st = &structs[i];
    if (strcmp(st->name, s->name) != 0) continue;
    struct schema_member *members = arena_new_array(&arena, st->len + 1, struct schema_member);
    size_t len = 0;
    for (size_t k = 0; k < st->len; k++)
      if (!left_out || strcmp(st->members[k].name, left_out) != 0) members[len++] = st->members[k];
    if (added) members[len++] = (struct schema_member){.name = added, .type = CODEC_TEXT};
    st->members = members;
    st->len = len;
  }
  struct codec_member *members = arena_new_array(&arena, s->len + 1, struct codec_member);
  *table = *s;
  table->members = members;
  table->len = 0;
  for (size_t k = 0; k < s->len; k++)
    if (!left_out || strcmp(s->members[k].name, left_out) != 0) members[table->len++] = s->members[k];
  if (added) members[table->len++] = (struct codec_member){added, CODEC_TEXT, 0, sizeof(char *), NULL};
  return other;
}

static void a_member_that_an_older_journal_lacks_gets_its_default(void **state) {
  (void)state;
  struct attempt_row row, back;
  const char *lacking[] = {"exit_code", "started_at", "host", "stop_asked"};
  for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++) {
    struct codec_struct old;
    memset(&row, 0, sizeof row);
    memset(&back, 0, sizeof back);
    fill(&codec_attempt_row, (char *)&row, 0);
    const struct schema *then = other_version(&codec_attempt_row, lacking[i], NULL, &old);
    struct buf bytes = {0}, path = {0};
    struct codec_in in;
    encode(&old, &row, false, &bytes);
    codec_in_begin(&in, then, &arena, bytes.bytes, bytes.len);
    codec_read(&in, schema_find(then, "attempt_row"), &back);
    assert_int_equal(in.err, 0);
    assert_int_equal(back.exit_code, i == 0 ? -1 : row.exit_code);
    assert_true(back.started_at == (i == 1 ? INSTANT_NONE : row.started_at));
    assert_true((back.host == NULL) == (i == 2));
    assert_int_equal(back.stop_asked, i != 3);
    assert_true(back.unreachable_at == row.unreachable_at); /* the last one: nothing has shifted */
    /* What only one of the two knows is no difference. */
    codec_in_begin(&in, then, &arena, bytes.bytes, bytes.len);
    assert_false(codec_differs(&in, schema_find(then, "attempt_row"), &row, &path));
    buf_release(&bytes);
    buf_release(&path);
  }
}

static void a_member_that_is_no_more_is_passed_over_and_printed(void **state) {
  (void)state;
  struct codec_struct old;
  const struct schema *then = other_version(&codec_engine_gone, NULL, "colour", &old);
  struct engine_gone gone = {.name = "nightly"}, back = {0};
  struct buf bytes = {0}, path = {0}, text = {0};
  struct codec_in in;
  encode(&old, &gone, false, &bytes); /* the added text is at offset 0: the name again */
  codec_in_begin(&in, then, &arena, bytes.bytes, bytes.len);
  codec_read(&in, schema_find(then, "engine_gone"), &back);
  assert_true(in.at == in.end && in.err == 0);
  assert_string_equal(back.name, "nightly");
  codec_in_begin(&in, then, &arena, bytes.bytes, bytes.len);
  assert_false(codec_differs(&in, schema_find(then, "engine_gone"), &gone, &path));
  codec_in_begin(&in, then, &arena, bytes.bytes, bytes.len);
  codec_print(&in, schema_find(then, "engine_gone"), &text);
  assert_string_equal(buf_cstr(&text), "name=\"nightly\" colour=\"nightly\"");
  buf_release(&bytes);
  buf_release(&path);
  buf_release(&text);
}

static void words_are_found_by_name_and_not_by_place(void **state) {
  (void)state;
  struct schema other = *schema;
  struct schema_words *lists = arena_new_array(&arena, schema->words_len, struct schema_words);
  memcpy(lists, schema->words, schema->words_len * sizeof *lists);
  for (size_t i = 0; i < schema->words_len; i++) {
    if (strcmp(lists[i].name, "host_contact") != 0) continue;
    int *here = arena_new_array(&arena, lists[i].len, int);
    for (size_t k = 0; k < lists[i].len; k++) here[k] = (int)(lists[i].len - 1 - k);
    here[1] = -1; /* a word that isn't known any more */
    lists[i].here = here;
  }
  other.words = lists;
  struct host_row row = {.name = "h", .contact = HOST_CONTACT_UP}, back = {0};
  struct buf bytes = {0};
  struct codec_in in;
  encode(&codec_host_row, &row, false, &bytes);
  codec_in_begin(&in, &other, &arena, bytes.bytes, bytes.len);
  codec_read(&in, schema_find(&other, "host_row"), &back);
  assert_int_equal(back.contact, HOST_CONTACT_REFUSED);
  row.contact = (enum host_contact)1;
  buf_reset(&bytes);
  encode(&codec_host_row, &row, false, &bytes);
  codec_in_begin(&in, &other, &arena, bytes.bytes, bytes.len);
  codec_read(&in, schema_find(&other, "host_row"), &back);
  assert_int_equal(in.err, ERR_NEWER);
  buf_release(&bytes);
}

/* ---- damage, and what is shown ---- */

static void damaged_bytes_end_in_an_error(void **state) {
  (void)state;
  struct engine_state *what = arena_new(&arena, struct engine_state);
  struct buf bytes = {0};
  fill(&codec_engine_state, (char *)what, 0);
  encode(&codec_engine_state, what, false, &bytes);
  for (size_t i = 0; i < bytes.len; i++) {
    struct engine_state back = {0};
    struct codec_in in;
    struct buf text = {0};
    codec_in_begin(&in, schema, &arena, bytes.bytes, i); /* cut off */
    codec_read(&in, schema_find(schema, "engine_state"), &back);
    assert_int_equal(in.err, ERR_CORRUPT);
    codec_in_release(&in);
    bytes.bytes[i] = (char)~bytes.bytes[i]; /* whatever comes of it, nothing is read that isn't there */
    memset(&back, 0, sizeof back);
    codec_in_begin(&in, schema, &arena, bytes.bytes, bytes.len);
    codec_read(&in, schema_find(schema, "engine_state"), &back);
    codec_in_release(&in);
    codec_in_begin(&in, schema, &arena, bytes.bytes, bytes.len);
    codec_print(&in, schema_find(schema, "engine_state"), &text);
    bytes.bytes[i] = (char)~bytes.bytes[i];
    buf_release(&text);
  }
  buf_release(&bytes);
}

static void a_damaged_schema_is_refused_or_sound(void **state) {
  (void)state;
  struct buf bytes = {0};
  schema_write(&bytes);
  for (size_t i = 0; i < bytes.len; i += 3) {
    struct arena own = {0};
    assert_null(schema_read(&own, bytes.bytes, i));
    bytes.bytes[i] = (char)(bytes.bytes[i] + 1);
    schema_read(&own, bytes.bytes, bytes.len);
    bytes.bytes[i] = (char)(bytes.bytes[i] - 1);
    arena_release(&own);
  }
  buf_release(&bytes);
}

static void printing_shows_what_says_something_and_no_secrets(void **state) {
  (void)state;
  const struct launch_env env[] = {{.name = "TOKEN", .value = "hunter2"}, {.file = "more.env"}};
  const struct config config = {.timezone = "UTC", .env = env, .env_len = 2, .max_tasks = 3};
  struct buf bytes = {0}, text = {0};
  struct codec_in in;
  encode(&codec_config, &config, false, &bytes);
  codec_in_begin(&in, schema, &arena, bytes.bytes, bytes.len);
  codec_print(&in, schema_find(schema, "config"), &text);
  assert_string_equal(buf_cstr(&text),
                      "timezone=\"UTC\" env=[{name=\"TOKEN\" value=(7 bytes)} {file=\"more.env\"}] max_tasks=3");
  buf_release(&bytes);
  buf_release(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_struct_comes_back_as_it_was, set_up, tear_down),
      cmocka_unit_test_setup_teardown(tables_follow_their_structs, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_change_of_any_member_is_a_difference, set_up, tear_down),
      cmocka_unit_test_setup_teardown(flags_words_and_bytes_are_compared, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_long_text_is_compared_by_its_digest, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_member_that_an_older_journal_lacks_gets_its_default, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_member_that_is_no_more_is_passed_over_and_printed, set_up, tear_down),
      cmocka_unit_test_setup_teardown(words_are_found_by_name_and_not_by_place, set_up, tear_down),
      cmocka_unit_test_setup_teardown(damaged_bytes_end_in_an_error, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_damaged_schema_is_refused_or_sound, set_up, tear_down),
      cmocka_unit_test_setup_teardown(printing_shows_what_says_something_and_no_secrets, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
