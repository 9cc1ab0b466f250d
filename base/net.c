#include "base/net.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const unsigned char v4_head[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool net_address_parse(const char *text, struct net_address *out) {
  if (strchr(text, ':')) return inet_pton(AF_INET6, text, out->bytes) == 1;
  memcpy(out->bytes, v4_head, sizeof v4_head);
  return inet_pton(AF_INET, text, out->bytes + sizeof v4_head) == 1;
}

void net_address_text(const struct net_address *a, char out[NET_ADDRESS_TEXT]) {
  bool v4 = net_address_v4(a);
  if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->bytes + sizeof v4_head : a->bytes, out, NET_ADDRESS_TEXT))
    out[0] = '\0';
}

bool net_address_equal(const struct net_address *a, const struct net_address *b) {
  return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool net_address_v4(const struct net_address *a) {
  return memcmp(a->bytes, v4_head, sizeof v4_head) == 0;
}

bool net_address_loopback(const struct net_address *a) {
  static const struct net_address one = {.bytes = {[15] = 1}};
  return net_address_v4(a) ? a->bytes[12] == 127 : net_address_equal(a, &one);
}

bool net_address_any(const struct net_address *a) {
  static const unsigned char zeroes[16] = {0};
  return net_address_v4(a) ? memcmp(a->bytes + 12, zeroes, 4) == 0 : memcmp(a->bytes, zeroes, 16) == 0;
}

/* A whole number without signs or leading zeroes that isn't over `max`; -1 for anything else. */
static long number_read(const char *text, size_t len, long max) {
  long n = 0;
  if (len == 0 || len > 5 || (text[0] == '0' && len > 1)) return -1;
  for (size_t i = 0; i < len; i++) {
    if (text[i] < '0' || text[i] > '9') return -1;
    n = n * 10 + (text[i] - '0');
  }
  return n <= max ? n : -1;
}

static bool bit_at(const struct net_address *a, int bit) {
  return a->bytes[bit / 8] & (0x80 >> bit % 8);
}

bool net_range_parse(const char *text, struct net_range *out) {
  char address[NET_ADDRESS_TEXT];
  size_t len = strcspn(text, "/");
  if (len >= sizeof address) return false;
  memcpy(address, text, len);
  address[len] = '\0';
  if (!net_address_parse(address, &out->base)) return false;
  out->bits = 128;
  if (text[len] == '\0') return true;
  int fixed = strchr(address, ':') ? 0 : 96;
  long bits = number_read(text + len + 1, strlen(text + len + 1), 128 - fixed);
  if (bits < 0) return false;
  out->bits = fixed + (int)bits;
  for (int bit = out->bits; bit < 128; bit++)
    if (bit_at(&out->base, bit)) return false;
  return true;
}

bool net_range_has(const struct net_range *r, const struct net_address *a) {
  int whole = r->bits / 8;
  if (memcmp(r->base.bytes, a->bytes, (size_t)whole) != 0) return false;
  for (int bit = whole * 8; bit < r->bits; bit++)
    if (bit_at(&r->base, bit) != bit_at(a, bit)) return false;
  return true;
}

bool net_endpoint_parse(const char *text, struct net_endpoint *out) {
  char address[NET_ADDRESS_TEXT];
  const char *colon = strrchr(text, ':');
  if (!colon) return false;
  long port = number_read(colon + 1, strlen(colon + 1), 65535);
  size_t len = (size_t)(colon - text);
  bool brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
  const char *from = brackets ? text + 1 : text;
  if (brackets) len -= 2;
  if (port < 0 || len >= sizeof address) return false;
  memcpy(address, from, len);
  address[len] = '\0';
  out->port = (uint16_t)port;
  if (brackets != (strchr(address, ':') != NULL)) return false;
  return net_address_parse(strcmp(address, "localhost") == 0 ? "127.0.0.1" : address, &out->address);
}

void net_endpoint_text(const struct net_endpoint *e, char out[NET_ENDPOINT_TEXT]) {
  char address[NET_ADDRESS_TEXT];
  net_address_text(&e->address, address);
  snprintf(out, NET_ENDPOINT_TEXT, net_address_v4(&e->address) ? "%s:%u" : "[%s]:%u", address, (unsigned)e->port);
}

uint16_t net_port_usual(bool secure) {
  return secure ? 443 : 80;
}

/* Where the host ends: at a colon, a slash or the end, behind the brackets of an address. 0 if it is none. */
static size_t host_length(const char *text) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  if (text[0] != '[') return strspn(text, letters);
  size_t len = strcspn(text, "]");
  char address[NET_ADDRESS_TEXT];
  struct net_address parsed;
  if (text[len] != ']' || len > sizeof address) return 0;
  memcpy(address, text + 1, len - 1);
  address[len - 1] = '\0';
  return strchr(address, ':') && net_address_parse(address, &parsed) ? len + 1 : 0;
}

/* Reads host and port; the length of both, or 0. */
static size_t host_read(const char *text, uint16_t port, struct net_origin *out) {
  size_t len = host_length(text);
  if (len == 0 || len > NET_HOST_MAX) return 0;
  for (size_t i = 0; i < len; i++)
    out->host[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i]);
  out->host[len] = '\0';
  out->port = port;
  if (text[len] != ':') return len;
  size_t digits = strspn(text + len + 1, "0123456789");
  long number = number_read(text + len + 1, digits, 65535);
  if (number <= 0) return 0;
  out->port = (uint16_t)number;
  return len + 1 + digits;
}

bool net_host_parse(const char *text, uint16_t port, struct net_origin *out) {
  size_t len = host_read(text, port, out);
  return len && text[len] == '\0';
}

bool net_origin_parse(const char *text, bool slash, struct net_origin *out) {
  out->secure = strncmp(text, "https://", 8) == 0;
  if (!out->secure && strncmp(text, "http://", 7) != 0) return false;
  const char *host = text + (out->secure ? 8 : 7);
  size_t len = host_read(host, net_port_usual(out->secure), out);
  if (!len) return false;
  const char *rest = host + len;
  return *rest == '\0' || (slash && strcmp(rest, "/") == 0);
}

bool net_origin_equal(const struct net_origin *a, const struct net_origin *b) {
  return a->secure == b->secure && a->port == b->port && strcmp(a->host, b->host) == 0;
}
