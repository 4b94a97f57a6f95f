/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server for tests that does exactly what the test says, down to the byte:
 * each connection runs a function of the test on a thread of its own.  Every
 * request is logged with the client's port and its Authorization.
 */
#ifndef MX_NET_TEST_PEER_H
#define MX_NET_TEST_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer;

struct peer_request {
	unsigned client_port;
	char auth[256], type[64], id[96], cookie[256], path[128];
	size_t body_len;
	char body[4096]; /* the first bytes, NUL-terminated */
};

struct peer_conn {
	struct peer *peer;
	int fd;
	unsigned client_port;
	unsigned n_requests; /* read so far on this connection */
};

/* Serves one connection; the connection is closed when it returns. */
typedef void peer_fn(struct peer_conn *c, void *arg);

/* Listens on a free port of 127.0.0.1.  Aborts the test program on failure. */
struct peer *peer_start(peer_fn *fn, void *arg);
/* Closes everything, which ends every wait of its functions, and frees. */
void peer_stop(struct peer *p);
unsigned peer_port(const struct peer *p);
/* "http://127.0.0.1:port/mapi/emsmdb/"; valid until stop. */
const char *peer_url(const struct peer *p);

/* Reads a request; false when the client has closed. */
bool peer_read(struct peer_conn *c, struct peer_request *ret);
/* False when the client is gone. */
bool peer_send(struct peer_conn *c, const void *p, size_t n);
bool peer_puts(struct peer_conn *c, const char *s);
/* A whole answer: X-ResponseCode, the request's id, chunks, DONE, body. */
bool peer_answer(struct peer_conn *c, const struct peer_request *r, int code,
		 const char *body);
/* Returns when the client closes, or the peer stops. */
void peer_wait_close(struct peer_conn *c);

/* What arrived so far. */
size_t peer_log_count(struct peer *p);
struct peer_request peer_log_get(struct peer *p, size_t i);
/* Waits until n requests are in the log. */
void peer_log_wait(struct peer *p, size_t n);
size_t peer_accepted(struct peer *p);

/* Serves any number of requests with code 0 and the request's body. */
void peer_echo(struct peer_conn *c, void *arg);

/* An answer as bytes, with a body of these chunks. */
size_t peer_format(char *buf, size_t size, const char *id, int code,
		   const char *body);

/* A port on which nobody listens. */
unsigned peer_closed_port(void);

#endif
