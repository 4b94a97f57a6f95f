/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two threads a connection: one reads requests, one carries the answers back.
 * They are joined at the end, when shutting the sockets down has woken them.
 */
#include "front.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"

#define MAX_CONNS 256
#define BODY_MAX (1u << 20)

struct conn {
	struct front *f;
	int client, server;
	pthread_t asks, answers;
};

struct front {
	front_fn *fn;
	void *arg;
	unsigned port;
	int listener;
	char url[64];
	pthread_t thread;              /* accepts */
	struct conn *conns[MAX_CONNS]; /* its own until it has ended */
	unsigned n;
};

static struct sockaddr_in loopback(unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port)};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static bool send_all(int fd, const void *buf, size_t n)
{
	for (const char *p = buf; n;) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

/* Byte by byte, so that the body stays in the socket: this is a test's, and
 * heads are short. */
static bool read_head(int fd, char *head)
{
	size_t n = 0;

	while (n + 1 < FRONT_HEAD_MAX && recv(fd, head + n, 1, 0) == 1) {
		head[++n] = '\0';
		if (n >= 4 && !memcmp(head + n - 4, "\r\n\r\n", 4))
			return true;
	}
	return false;
}

static bool read_body(int fd, struct front_request *rq)
{
	const char *at = strcasestr(rq->head, "\r\nContent-Length:");
	unsigned long n = at ? strtoul(at + 17, NULL, 10) : 0;

	if (n > BODY_MAX)
		return false;
	rq->n_body = n;
	rq->body = malloc(n + 1);
	return rq->body &&
	       (!n || recv(fd, rq->body, n, MSG_WAITALL) == (ssize_t)n);
}

static const char refusal[] = "HTTP/1.1 401 Unauthorized\r\n"
			      "WWW-Authenticate: Negotiate\r\n"
			      "Content-Length: 0\r\nConnection: close\r\n\r\n";

/* False: the connection is over, for requests. */
static bool carry(struct conn *c, struct front_request *rq)
{
	switch (c->f->fn(c->f->arg, rq)) {
	case FRONT_PASS:
		return send_all(c->server, rq->head, strlen(rq->head)) &&
		       send_all(c->server, rq->body, rq->n_body);
	case FRONT_REFUSE:
		send_all(c->client, refusal, sizeof(refusal) - 1);
		return false;
	case FRONT_SWALLOW:
		while (recv(c->client, rq->head, FRONT_HEAD_MAX, 0) > 0)
			;
		return false;
	}
	return false;
}

static void *asks(void *arg)
{
	struct conn *c = arg;
	struct front_request rq = {.head = malloc(FRONT_HEAD_MAX)};
	bool more = rq.head != NULL;

	while (more) {
		more = read_head(c->client, rq.head) &&
		       read_body(c->client, &rq) && carry(c, &rq);
		free(rq.body);
		rq.body = NULL;
	}
	free(rq.head);
	shutdown(c->client, SHUT_RDWR);
	shutdown(c->server, SHUT_RDWR);
	return NULL;
}

static void *answers(void *arg)
{
	struct conn *c = arg;
	char buf[16384];
	ssize_t n;

	while ((n = recv(c->server, buf, sizeof(buf), 0)) > 0)
		if (!send_all(c->client, buf, (size_t)n))
			break;
	shutdown(c->client, SHUT_RDWR);
	shutdown(c->server, SHUT_RDWR);
	return NULL;
}

static int dial(unsigned port)
{
	const struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof(a))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* What cannot be had here has no test to fail in: the program ends. */
static void take_in(struct front *f, int client)
{
	struct conn *c = malloc(sizeof(*c));

	if (!c)
		abort();
	*c = (struct conn){.f = f, .client = client, .server = dial(f->port)};
	if (c->server < 0 || f->n == MAX_CONNS) {
		close(client);
		if (c->server >= 0)
			close(c->server);
		free(c);
		return;
	}
	f->conns[f->n++] = c;
	if (pthread_create(&c->asks, NULL, asks, c) ||
	    pthread_create(&c->answers, NULL, answers, c))
		abort();
}

static void *accepts(void *arg)
{
	struct front *f = arg;
	int fd;

	while ((fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		take_in(f, fd);
	return NULL;
}

struct front *front_new(unsigned port, front_fn *fn, void *arg)
{
	struct sockaddr_in a = loopback(0);
	struct front *f = calloc(1, sizeof(*f));
	socklen_t n = sizeof(a);

	assert_non_null(f);
	*f = (struct front){.fn = fn, .arg = arg, .port = port};
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&a, sizeof(a)),
			 0);
	assert_int_equal(listen(f->listener, 100), 0);
	getsockname(f->listener, (struct sockaddr *)&a, &n);
	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u",
		 ntohs(a.sin_port));
	assert_int_equal(pthread_create(&f->thread, NULL, accepts, f), 0);
	return f;
}

void front_free(struct front *f)
{
	if (!f)
		return;
	shutdown(f->listener, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->listener);
	for (unsigned i = 0; i < f->n; i++) {
		struct conn *c = f->conns[i];

		shutdown(c->client, SHUT_RDWR);
		shutdown(c->server, SHUT_RDWR);
		pthread_join(c->asks, NULL);
		pthread_join(c->answers, NULL);
		close(c->client);
		close(c->server);
		free(c);
	}
	free(f);
}

const char *front_url(const struct front *f)
{
	return f->url;
}
