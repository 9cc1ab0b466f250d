/* The exit codes of the program, the same for every command. */
#ifndef ROTA_BASE_EXIT_H
#define ROTA_BASE_EXIT_H

enum exit_code {
  EXIT_OK = 0,
  EXIT_FAILED = 1,    /* the run, or what was asked for, failed */
  EXIT_USAGE = 2,     /* the arguments or a file are wrong */
  EXIT_NO_DAEMON = 3, /* no daemon was reached */
  EXIT_NOT_ALLOWED = 4,
  EXIT_CANCELLED = 5,     /* the run was cancelled */
  EXIT_INTERRUPTED = 130, /* by Ctrl-C */
};

#endif
