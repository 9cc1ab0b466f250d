/* Which SQLite the store runs on. */
#ifndef ROTA_STORE_VERSION_H
#define ROTA_STORE_VERSION_H

/* "3.40.1": of the library that is loaded, not of its header. */
const char *store_sqlite_version(void);

#endif
