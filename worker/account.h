/* The account whose tasks are run on this machine: who the daemon is, looked up once. */
#ifndef ROTA_WORKER_ACCOUNT_H
#define ROTA_WORKER_ACCOUNT_H

struct account {
  char *name, *home, *shell;
};

/* Falls back to the uid, "/" and /bin/sh where the system knows no such user. May ask the name service, and so block.
 */
void account_init(struct account *a);
void account_release(struct account *a);

#endif
