/* `rota restore FILE`: a snapshot in the place of the database, with no daemon running. */
#include "scheduler/store/restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "scheduler/daemon/daemon.h"
#include "scheduler/daemon/handlers/restore_view.h"

static const struct ending {
  int err, code;
} endings[] = {{ERR_CORRUPT, EXIT_USAGE}, {ERR_NEWER, EXIT_USAGE},        {ERR_NOT_FOUND, EXIT_USAGE},
               {ERR_INVALID, EXIT_USAGE}, {ERR_DENIED, EXIT_NOT_ALLOWED}, {0, EXIT_FAILED}};

struct restored {
  const struct restore_options *options;
  struct buf kept; /* where the old database is; empty if there was none */
  struct restore_item *items;
  size_t len;
};

static int refuse(const struct restore_options *options, int err, const struct buf *why) {
  const struct ending *ending = endings;
  while (ending->err && ending->err != err) ending++;
  fprintf(stderr, "rota: nothing was restored: %s\n", why->len ? why->bytes : err_text(err));
  if (err == ERR_BUSY) fprintf(stderr, "  stop the daemon of %s first\n", options->state);
  if (err == ERR_CORRUPT || err == ERR_NOT_FOUND) fprintf(stderr, "  take another snapshot of `rota backup`\n");
  if (err == ERR_NEWER) fprintf(stderr, "  install the rota that wrote it, or a newer one\n");
  return ending->code;
}

static void show_json(const struct restored *r) {
  struct buf body = {0};
  struct json j;
  jsonw_init(&j, &body);
  jsonw_object(&j);
  jsonw_member_string(&j, "restored_from", r->options->file);
  jsonw_member_string(&j, "state_dir", r->options->state);
  jsonw_member_string(&j, "kept", r->kept.len ? r->kept.bytes : NULL);
  jsonw_member_bool(&j, "paused", true);
  jsonw_key(&j, "items");
  jsonw_array(&j);
  for (size_t i = 0; i < r->len; i++) restore_item_json(&r->items[i], &j);
  jsonw_array_end(&j);
  jsonw_object_end(&j);
  puts(buf_cstr(&body));
  buf_release(&body);
}

static void show_item(const struct restore_item *item) {
  struct buf text = {0};
  restore_item_text(item, &text);
  printf("%6" PRId64 "  %s", item->key, buf_cstr(&text));
  if (item->firing && item->run_id) printf(", which ran as %s", item->run_id);
  if (!item->firing && item->pipeline) printf(" (%s)", item->pipeline);
  printf(": %s; ", item->found);
  const char *between = "";
  for (int answer = RESTORE_SKIP; answer <= RESTORE_RUN; answer++) {
    if (!restore_item_takes(item, (enum restore_answer)answer)) continue;
    printf("%s%s", between, restore_answer_word((enum restore_answer)answer));
    between = ", ";
  }
  putchar('\n');
  buf_release(&text);
}

static void show_text(const struct restored *r) {
  printf("restored %s\n", r->options->file);
  if (r->kept.len) printf("the old database is kept as %s\n", r->kept.bytes);
  puts("the installation is paused: the next daemon starts nothing until `rota resume --all`");
  if (r->len == 0) {
    puts("nothing is known to have happened since the snapshot was made");
    return;
  }
  printf("\nsince the snapshot was made, with what can be done about each:\n");
  for (size_t i = 0; i < r->len; i++) show_item(&r->items[i]);
  puts("\nstart the daemon, answer with `rota restore --answer KEY skip|mark|run` or `rota restore --all skip`,\n"
       "then `rota restore --close` and `rota resume --all`");
}

int daemon_restore(const struct restore_options *options) {
  struct restored r = {.options = options};
  struct buf why = {0};
  struct arena a = {0};
  int err = restore_apply(options->state, options->file, options->new_id, clock_now(), &r.kept, &why);
  int code = err ? refuse(options, err, &why) : EXIT_OK;
  if (!err) {
    struct history *history = history_new(options->state);
    int unread = restore_items(history, &a, &r.items, &r.len);
    history_free(history);
    if (unread) {
      fprintf(stderr,
              "rota: the snapshot is in force, but its questions can't be read: %s; `rota restore --list` "
              "shows them once the daemon runs\n",
              err_text(unread));
      code = EXIT_FAILED;
    } else if (options->json) {
      show_json(&r);
    } else {
      show_text(&r);
    }
  }
  arena_release(&a);
  buf_release(&r.kept);
  buf_release(&why);
  return code;
}
