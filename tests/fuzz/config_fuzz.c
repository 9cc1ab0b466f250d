/* rota.yaml: a configuration or errors. */
#include "tests/fuzz/fuzz.h"

#include "scheduler/spec/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data;
  struct diag_list diags;
  struct buf shown = {0};
  diag_init(&diags, "rota.yaml", text, size);
  struct config *c = config_read("rota.yaml", text, size, "/etc/rota", "/home/me", 8, "Europe/Oslo", &diags);
  CHECK((c != NULL) == (diags.errors == 0));
  diag_render(&diags, &shown, false);
  if (c) {
    CHECK(c->hosts_len >= 1);
    for (size_t i = 0; i < c->hosts_len; i++) CHECK(config_host(c, c->hosts[i].name) == (int)i);
    for (size_t i = 0; i < c->groups_len; i++) {
      for (size_t k = 0; k < c->groups[i].hosts_len; k++) CHECK(c->groups[i].hosts[k] < c->hosts_len);
    }
  }
  config_free(c);
  buf_release(&shown);
  diag_release(&diags);
  return 0;
}
