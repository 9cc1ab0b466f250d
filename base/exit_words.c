#include "base/exit_words.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

/* What usually sends it; NULL where the name says it all. */
static const struct {
  int number;
  const char *name, *meaning;
} signals[] = {
    {SIGHUP, "SIGHUP", "its terminal or session was closed"},
    {SIGINT, "SIGINT", "interrupted"},
    {SIGQUIT, "SIGQUIT", NULL},
    {SIGILL, "SIGILL", "an instruction that this processor doesn't have"},
    {SIGTRAP, "SIGTRAP", NULL},
    {SIGABRT, "SIGABRT", "it gave up by itself: a failed assertion or an uncaught exception"},
    {SIGBUS, "SIGBUS", "a crash: memory or a mapped file that isn't there"},
    {SIGFPE, "SIGFPE", "a crash: a division by zero"},
    {SIGKILL, "SIGKILL", "often out of memory"},
    {SIGSEGV, "SIGSEGV", "a crash: memory that isn't its own"},
    {SIGPIPE, "SIGPIPE", "nobody read what it wrote"},
    {SIGALRM, "SIGALRM", NULL},
    {SIGTERM, "SIGTERM", "someone asked it to end"},
    {SIGXCPU, "SIGXCPU", "over its limit of processor time"},
    {SIGXFSZ, "SIGXFSZ", "over its limit of a file's size"},
    {SIGSYS, "SIGSYS", "a system call that isn't allowed"},
};

static const struct {
  int code;
  const char *meaning;
} codes[] = {
    {2, "often wrong usage of a command"},
    {124, "often `timeout`: its time was over"},
    {125, "often `timeout`, `env` or a container: the command itself wasn't started"},
    {126, "a command can't be executed"},
    {127, "a command wasn't found"},
    {255, "often ssh, or an exit code out of range"},
};

static void add_signal(int number, struct buf *out) {
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
    if (signals[i].number != number) continue;
    buf_fmt(out, "%s (%d)", signals[i].name, number);
    if (signals[i].meaning) buf_fmt(out, ": %s", signals[i].meaning);
    return;
  }
  buf_fmt(out, "signal %d", number);
}

void exit_words(int exit_code, int signal, struct buf *out) {
  if (signal > 0) {
    buf_str(out, "killed by ");
    add_signal(signal, out);
    return;
  }
  if (exit_code < 0) return;
  buf_fmt(out, "exit code %d", exit_code);
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    if (codes[i].code == exit_code) buf_fmt(out, ": %s", codes[i].meaning);
  }
  if (exit_code > 128 && exit_code < 128 + 65) {
    buf_str(out, ": a process of it was killed by ");
    add_signal(exit_code - 128, out);
  }
}
