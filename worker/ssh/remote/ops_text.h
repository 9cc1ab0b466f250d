/* The texts that are sent to a host: the scripts of worker/ssh/remote/ without comments and indentation. */
#ifndef ROTA_WORKER_SSH_REMOTE_OPS_TEXT_H
#define ROTA_WORKER_SSH_REMOTE_OPS_TEXT_H

const char *ops_text_remote(void);
const char *ops_text_supervise(void);

#endif
