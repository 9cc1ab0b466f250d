#include "scheduler/api/forwarded.h"

#include <string.h>

bool forwarded_trusted(const struct net_address *address, const struct net_range *trusted, size_t trusted_len) {
  for (size_t i = 0; i < trusted_len; i++)
    if (net_range_has(&trusted[i], address)) return true;
  return false;
}

/* An address, alone or with a port as some proxies write it. */
static bool entry_read(const char *text, size_t len, struct net_address *out) {
  char entry[NET_ENDPOINT_TEXT];
  struct net_endpoint endpoint;
  while (len && (*text == ' ' || *text == '\t')) text++, len--;
  while (len && (text[len - 1] == ' ' || text[len - 1] == '\t')) len--;
  if (len == 0 || len >= sizeof entry) return false;
  memcpy(entry, text, len);
  entry[len] = '\0';
  if (net_address_parse(entry, out)) return true;
  bool brackets = entry[0] == '[' && entry[len - 1] == ']';
  if (brackets) {
    entry[len - 1] = '\0';
    return net_address_parse(entry + 1, out);
  }
  if (!net_endpoint_parse(entry, &endpoint)) return false;
  *out = endpoint.address;
  return true;
}

void forwarded_client(const char *const *values, size_t len, const struct net_range *trusted, size_t trusted_len,
                      struct net_address *client) {
  while (len-- > 0) {
    const char *value = values[len], *end = value + strlen(value);
    for (;;) {
      const char *start = end;
      struct net_address address;
      while (start > value && start[-1] != ',') start--;
      if (!entry_read(start, (size_t)(end - start), &address)) return;
      *client = address;
      if (!forwarded_trusted(&address, trusted, trusted_len)) return;
      if (start == value) break;
      end = start - 1;
    }
  }
}
