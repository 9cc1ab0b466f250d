#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "base/exit.h"
#include "cli/commands.h"
#include "scheduler/engine/states.h"

static void add_state(struct buf *out, const char *word, const char *sentence) {
  buf_fmt(out, "  %-16s %s\n", word, sentence);
}

static void help_states(struct buf *out) {
  buf_str(out, "Runs:\n");
  for (int s = 0; s < RUN_STATES; s++)
    add_state(out, run_state_word((enum run_state)s), run_state_sentence((enum run_state)s));
  buf_str(out, "\nTasks:\n");
  for (int s = 0; s < TASK_STATES; s++)
    add_state(out, task_state_word((enum task_state)s), task_state_sentence((enum task_state)s));
  buf_str(out, "\nHosts, as they are reached:\n");
  for (int s = 0; s < HOST_CONTACTS; s++)
    add_state(out, host_contact_word((enum host_contact)s), host_contact_sentence((enum host_contact)s));
  buf_str(out, "\nHosts, as was ordered:\n");
  for (int s = 0; s < HOST_ORDERS; s++)
    add_state(out, host_order_word((enum host_order)s), host_order_sentence((enum host_order)s));
}

static void help_filter(struct buf *out) {
  buf_str(out,
          "A filter is one line of terms; a run must fit all of them. Terms of one kind are alternatives when they\n"
          "are joined by a comma: state:failed,cancelled.\n\n"
          "  state:failed          the run's state (`rota help states`)\n"
          "  p:nightly*            the pipeline; * stands for anything, ? for one character\n"
          "  owner:forecasting     the pipeline's owner\n"
          "  tag:nightly           one of the pipeline's tags\n"
          "  task:eval             it has a task of this name; beside state:failed, one that failed\n"
          "  trigger:schedule      who started it: schedule, manual, rerun, command\n"
          "  started:>-24h         started in the last 24 hours; also <, >=, <=, an instant, a date\n"
          "  dur:>10m              it took longer (or <, shorter)\n"
          "  param.lr:0.01         a parameter's value; >, >=, < and <= work too\n"
          "  \"text\"                in the pipeline's name, its id, reason, parameters, notes, or who started it\n");
}

static void help_names(struct buf *out) {
  buf_str(out, "RUN names a run:\n\n"
               "  01hq3v...             its id, or the beginning of it if no other run's begins so\n"
               "  nightly#412           the 412th run of the pipeline nightly\n"
               "  nightly               its newest run\n"
               "  nightly@failed        its newest failed run; any state of runs can stand there\n\n"
               "TASK names a task of a run:\n\n"
               "  train                 the task; of a matrix all of its instances, but `logs` and\n"
               "                        `why` take the first one and `mark` wants one named\n"
               "  train[0.1]            the instance with this value (quote it for the shell)\n"
               "  train:1               the instance by its place, from 0\n");
}

static void help_exit(struct buf *out) {
  buf_fmt(out,
          "Exit codes of every command:\n\n"
          "  %3d  succeeded\n"
          "  %3d  failed: the run, the file, or what was asked for\n"
          "  %3d  usage: an argument is wrong\n"
          "  %3d  no daemon was reached\n"
          "  %3d  not allowed\n"
          "  %3d  the run was cancelled\n"
          "  %3d  interrupted by Ctrl-C; a run on the daemon goes on\n\n"
          "`rota doctor` exits as Nagios wants: 0 all is well, 1 a warning, 2 something is wrong.\n",
          EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_NO_DAEMON, EXIT_NOT_ALLOWED, EXIT_CANCELLED, EXIT_INTERRUPTED);
}

static const struct {
  const char *name, *summary;
  void (*write)(struct buf *out);
} subjects[] = {
    {"states", "what each state of a run or task means, and what to do", help_states},
    {"filter", "the filter of `rota runs`", help_filter},
    {"names", "how runs and tasks are named", help_names},
    {"exit", "the exit codes", help_exit},
};

const char *help_subject(size_t n) {
  return n < sizeof subjects / sizeof subjects[0] ? subjects[n].name : NULL;
}

bool help_text(const char *subject, struct buf *out) {
  for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
    if (strcmp(subjects[i].name, subject) != 0) continue;
    subjects[i].write(out);
    return true;
  }
  return false;
}

static void help_overview(struct buf *out) {
  const char *const *headings;
  size_t len;
  const struct command *const *all = commands_all(&len, &headings);
  buf_str(out, "usage: rota COMMAND [ARGUMENT]...\n\nrota " ROTA_VERSION
               " runs pipelines of tasks, written in YAML: on schedule, by hand, with retries, durably.\n");
  for (size_t i = 0; i < len; i++) {
    if (all[i]->hidden) continue;
    if (headings[i]) buf_fmt(out, "\n%s\n", headings[i]);
    buf_fmt(out, "  %-11s %s\n", all[i]->name, all[i]->summary);
  }
  buf_str(out, "\n`rota COMMAND --help` says more; `rota help SUBJECT` explains:\n");
  for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++)
    buf_fmt(out, "  %-11s %s\n", subjects[i].name, subjects[i].summary);
}

static int unknown_subject(const struct args *args, const char *subject) {
  const char *names[64];
  size_t len, used = 0;
  const struct command *const *all = commands_all(&len, NULL);
  for (size_t i = 0; help_subject(i); i++) names[used++] = help_subject(i);
  for (size_t i = 0; i < len && used < sizeof names / sizeof names[0]; i++) names[used++] = all[i]->name;
  const char *near = diag_nearest(subject, names, used);
  if (near) return args_wrong(args, "there is no help on '%s'; did you mean '%s'?", subject, near);
  return args_wrong(args, "there is no help on '%s'; `rota help` lists what there is", subject);
}

static int help_run(const struct args *args) {
  struct buf out = {0};
  const char *subject = args_operand(args, 0);
  const struct command *command = subject ? command_find(subject) : NULL;
  if (!subject) {
    help_overview(&out);
  } else if (!help_text(subject, &out)) {
    if (!command) return unknown_subject(args, subject);
    args_help(command, &out);
  }
  fputs(buf_cstr(&out), stdout);
  buf_release(&out);
  return EXIT_OK;
}

const struct command command_help = {
    .name = "help",
    .summary = "This overview, or help on a command or subject",
    .operands =
        (const struct arg_operand[]){
            {"SUBJECT", WHAT_ANY, true, false, NULL, "a command, or one of: states, filter, names, exit"},
            {0},
        },
    .run = help_run,
};
