/* The routes of tokens and sessions: lists, and what makes or revokes one. */
#ifndef ROTA_DAEMON_TOKENS_H
#define ROTA_DAEMON_TOKENS_H

#include "scheduler/daemon/access/access.h"
#include "scheduler/daemon/handlers/requests.h"
#include "scheduler/daemon/handlers/server.h"

/* Tells requests how tokens are made and how tokens and sessions are revoked. `access` must outlive them. */
void tokens_register(struct access *a, struct requests *requests);
/* Answers the lists; false if the request is for something else. */
bool tokens_take(struct access *a, struct server *server, const struct api_request *request);

#endif
