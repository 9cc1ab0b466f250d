#include "worker/ssh/transport/openssh_argv.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"

#define ARGS_MAX 48

struct args {
  struct arena *arena;
  const char *items[ARGS_MAX];
  size_t len;
};

static void add(struct args *args, const char *text) {
  assert(args->len + 1 < ARGS_MAX);
  args->items[args->len++] = text;
}

/* "-oNAME="PATH"", where ssh would expand % and split at blanks. */
static void path_add(struct args *args, const char *name, const char *path) {
  struct buf b = {0};
  buf_fmt(&b, "-o%s=\"", name);
  for (const char *c = path; *c; c++) {
    if (*c == '%') buf_char(&b, '%');
    if (*c == '"' || *c == '\\') buf_char(&b, '\\');
    buf_char(&b, *c);
  }
  buf_char(&b, '"');
  add(args, arena_strdup(args->arena, buf_cstr(&b)));
  buf_release(&b);
}

/* ssh asks for a passphrase only if it may ask at all: then for that alone, since all else that it asks is off. */
static void asking_add(struct args *args, const struct host_options *host) {
  bool passphrase = host->passphrase_file || host->passphrase_env;
  add(args, passphrase ? "-oBatchMode=no" : "-oBatchMode=yes");
  add(args, "-oNumberOfPasswordPrompts=1");
}

static void fixed_add(struct args *args) {
  static const char *const fixed[] = {
      "-T",
      "-x",
      "-a",
      "-oPasswordAuthentication=no",
      "-oKbdInteractiveAuthentication=no",
      "-oConnectionAttempts=1",
      "-oServerAliveInterval=15",
      "-oServerAliveCountMax=2",
      "-oTCPKeepAlive=yes",
      "-oPermitLocalCommand=no",
      "-oTunnel=no",
      "-oVisualHostKey=no",
      "-oUpdateHostKeys=no",
      "-oControlPersist=no",
  };
  for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) add(args, fixed[i]);
  add(args, arena_fmt(args->arena, "-oConnectTimeout=%d", OPENSSH_CONNECT_S));
}

static void plain_add(struct args *args, const struct ssh_settings *s) {
  for (size_t i = 0; i < s->plain_len; i++) add(args, s->plain[i]);
}

static void trust_add(struct args *args, const struct host_options *host) {
  add(args, host->accept_new ? "-oStrictHostKeyChecking=accept-new" : "-oStrictHostKeyChecking=yes");
  if (host->known_hosts) path_add(args, "UserKnownHostsFile", host->known_hosts);
}

/* As rota.yaml has it: user, port and name; ssh_config does the rest. */
static void place_add(struct args *args, const struct ssh_settings *s) {
  add(args, arena_fmt(args->arena, "-oUser=%s", s->user));
  add(args, arena_fmt(args->arena, "-oPort=%u", (unsigned)s->port));
  add(args, "--");
  add(args, s->alias);
}

static const char *shell_line(struct arena *a, const struct args *args) {
  struct buf b = {0};
  for (size_t i = 0; i < args->len; i++) {
    buf_str(&b, i ? " '" : "'");
    for (const char *c = args->items[i]; *c; c++) {
      if (*c == '\'') {
        buf_str(&b, "'\\''");
      } else {
        buf_char(&b, *c);
      }
    }
    buf_char(&b, '\'');
  }
  const char *line = arena_strdup(a, buf_cstr(&b));
  buf_release(&b);
  return line;
}

static const char *percent_doubled(struct arena *a, const char *text) {
  struct buf b = {0};
  for (const char *c = text; *c; c++) {
    if (*c == '%') buf_char(&b, '%');
    buf_char(&b, *c);
  }
  const char *copy = arena_strdup(a, buf_cstr(&b));
  buf_release(&b);
  return copy;
}

/* The command that leads through hop i of rota.yaml to what comes behind it; the hop itself is reached through the
 * one before. ProxyJump won't do: it passes none of these options on. */
static const char *hop_command(struct arena *a, const struct host_options *host, const struct ssh_settings *s) {
  const char *command = NULL;
  for (size_t i = 0; i < s->hops_len; i++) {
    struct args args = {.arena = a};
    add(&args, s->ssh_program);
    fixed_add(&args);
    plain_add(&args, &s->hops[i]);
    asking_add(&args, host);
    add(&args, "-oControlMaster=no");
    add(&args, "-oControlPath=none");
    trust_add(&args, host);
    if (host->identity) path_add(&args, "IdentityFile", host->identity);
    if (command) add(&args, arena_fmt(a, "-oProxyCommand=%s", command));
    /* The whole is a ProxyCommand: ssh expands % in it, but what lies deeper must keep its own for later. */
    for (size_t k = 1; k < args.len; k++) args.items[k] = percent_doubled(a, args.items[k]);
    add(&args, "-W");
    add(&args, "[%h]:%p");
    place_add(&args, &s->hops[i]);
    command = shell_line(a, &args);
  }
  return command;
}

const char *const *openssh_argv(struct arena *a, const struct host_options *host, const struct ssh_settings *s,
                                const char *socket, bool master) {
  struct args args = {.arena = a};
  add(&args, s->ssh_program);
  fixed_add(&args);
  plain_add(&args, s);
  asking_add(&args, host);
  add(&args, "-oClearAllForwardings=yes");
  add(&args, "-oRemoteCommand=none");
  add(&args, "-oEscapeChar=none");
  add(&args, master ? "-oLogLevel=DEBUG1" : "-oLogLevel=ERROR");
  add(&args, master ? "-oControlMaster=yes" : "-oControlMaster=no");
  path_add(&args, "ControlPath", socket);
  trust_add(&args, host);
  if (host->identity) {
    path_add(&args, "IdentityFile", host->identity);
    add(&args, "-oIdentitiesOnly=yes");
  }
  if (s->hops_written) add(&args, arena_fmt(a, "-oProxyCommand=%s", hop_command(a, host, s)));
  place_add(&args, s);
  add(&args, OPENSSH_COMMAND);
  const char **argv = arena_new_array(a, args.len + 1, const char *);
  memcpy(argv, args.items, args.len * sizeof *argv);
  return argv;
}
