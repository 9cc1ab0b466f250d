#include "base/err.h"

#include <errno.h>
#include <stddef.h>

static const struct {
  int code;
  const char *name, *text;
} codes[] = {
#define X(name, value, text) {value, "ERR_" #name, text},
    ERR_LIST(X)
#undef X
};

const char *err_name(int code) {
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
    if (codes[i].code == code) return codes[i].name;
  return "ERR_UNKNOWN";
}

const char *err_text(int code) {
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
    if (codes[i].code == code) return codes[i].text;
  return "unknown error";
}

int err_from_errno(int errnum) {
  switch (errnum) {
  case ENOSPC:
  case EDQUOT: return ERR_FULL;
  case ENOENT:
  case EADDRNOTAVAIL:
  case ENOTDIR:
  case ESRCH: return ERR_NOT_FOUND;
  case EEXIST:
  case ENOTEMPTY: return ERR_EXISTS;
  case EFBIG:
  case E2BIG:
  case ENAMETOOLONG:
  case EOVERFLOW: return ERR_TOO_LARGE;
  case EINVAL:
  case EILSEQ:
  case EISDIR:
  case ELOOP: return ERR_INVALID;
  case EBUSY:
  case EADDRINUSE:
  case ETXTBSY: return ERR_BUSY;
  case EACCES:
  case EPERM:
  case EROFS: return ERR_DENIED;
  case EAGAIN:
  case EINTR:
  case EMFILE:
  case ENFILE:
  case ENOMEM: return ERR_AGAIN;
  case ECONNREFUSED:
  case ECONNRESET:
  case EHOSTUNREACH:
  case ENETUNREACH:
  case EHOSTDOWN:
  case ENOTCONN:
  case EPIPE: return ERR_UNREACHABLE;
  case ETIMEDOUT: return ERR_TIMEOUT;
  default: return ERR_IO;
  }
}
