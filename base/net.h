/* Addresses of the internet protocol, ranges of them, what to listen on, and the origin that a browser means by a
 * url: text in, plain values out. Nothing here asks a name server or touches a socket.
 *
 * An IPv4 address is kept as its IPv6 form ::ffff:a.b.c.d, so that the two ways in which a kernel may name one client
 * are equal; it is written a.b.c.d.
 */
#ifndef ROTA_BASE_NET_H
#define ROTA_BASE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_ADDRESS_TEXT  46 /* with the NUL */
#define NET_ENDPOINT_TEXT 56 /* "[ADDRESS]:65535" */
#define NET_HOST_MAX      253

struct net_address {
  unsigned char bytes[16];
};

struct net_range {
  struct net_address base;
  int bits; /* of the 128 that must be equal */
};

struct net_endpoint {
  struct net_address address;
  uint16_t port; /* 0: any that is free */
};

/* "https://rota.example:8443": a scheme, a host and a port, in lower case. */
struct net_origin {
  bool secure;                 /* https */
  char host[NET_HOST_MAX + 3]; /* a name or an address, one of IPv6 in its brackets */
  uint16_t port;
};

/* "10.0.0.7", "::1"; no brackets, no zone. */
bool net_address_parse(const char *text, struct net_address *out);
void net_address_text(const struct net_address *a, char out[NET_ADDRESS_TEXT]);
bool net_address_equal(const struct net_address *a, const struct net_address *b);
bool net_address_v4(const struct net_address *a);
bool net_address_loopback(const struct net_address *a);
/* 0.0.0.0 or ::, by which all addresses of the machine are meant. */
bool net_address_any(const struct net_address *a);

/* An address, or "10.0.0.0/8", "fd00::/8"; bits behind the mask must be 0. */
bool net_range_parse(const char *text, struct net_range *out);
bool net_range_has(const struct net_range *r, const struct net_address *a);

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080" (127.0.0.1). */
bool net_endpoint_parse(const char *text, struct net_endpoint *out);
void net_endpoint_text(const struct net_endpoint *e, char out[NET_ENDPOINT_TEXT]);

/* A host as in the Host header or an url, "name", "name:8080", "[::1]:8080"; without a port it is `port`. */
bool net_host_parse(const char *text, uint16_t port, struct net_origin *out);
/* "https://rota.example", "http://10.0.0.5:8080"; what stands behind the host must be nothing, or, with `slash`, one
 * slash. */
bool net_origin_parse(const char *text, bool slash, struct net_origin *out);
bool net_origin_equal(const struct net_origin *a, const struct net_origin *b);
/* The port that a scheme's urls leave out. */
uint16_t net_port_usual(bool secure);

#endif
