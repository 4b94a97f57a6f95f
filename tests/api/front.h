/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A front before a server, as a reverse proxy is: it reads each HTTP request
 * whole, shows it to the test, and does with it what the test says.  What the
 * server answers goes back as it comes.  (A gate knows connections; this knows
 * requests.)
 */
#ifndef MX_TESTS_API_FRONT_H
#define MX_TESTS_API_FRONT_H

#include <stddef.h>

struct front;

#define FRONT_HEAD_MAX 32768

/* A request on its way; the test may change it: the head within
 * FRONT_HEAD_MAX, the body in place. */
struct front_request {
	char *head; /* request line and headers with the empty line; a string */
	unsigned char *body;
	size_t n_body;
};

enum front_way {
	FRONT_PASS,
	FRONT_REFUSE, /* 401 that asks for Negotiate; the connection ends */
	FRONT_SWALLOW, /* never answered, nor is what follows on its connection */
};

/* On a thread of the connection's, several at once: no assertions in it. */
typedef enum front_way front_fn(void *arg, struct front_request *rq);

/* Before 127.0.0.1:port.  Ends the case when it cannot be made. */
struct front *front_new(unsigned port, front_fn *fn, void *arg);
/* Ends every connection; returns when fn runs no more.  NULL is fine. */
void front_free(struct front *f);

/* "http://127.0.0.1:port" of the front; as long as it lives. */
const char *front_url(const struct front *f);

#endif
