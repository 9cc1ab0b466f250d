#include "cli/place.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/file.h"
#include "scheduler/daemon/daemon.h"
#include "scheduler/spec/config.h"

char *place_state(const struct args *args) {
  const char *named = args_text(args, "state");
  if (args_text(args, "server")) {
    args_wrong(args, "'--server' names a daemon elsewhere, and this works on the files of this machine");
    return NULL;
  }
  if (!named) named = getenv("ROTA_HOME");
  if (named && *named) return path_absolute(named);
  const struct daemon_places places = {0};
  struct config *config = daemon_config(&places);
  if (!config) return NULL;
  char *state = alloc_strdup(config->state);
  config_free(config);
  return state;
}
