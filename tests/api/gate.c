/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "gate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/test.h"

#define MAX_PAIRS 400

struct pair {
	int client, server; /* server -1: swallowed */
};

struct gate {
	pthread_t thread;
	int listener, wake;
	char url[64];

	struct mx_mutex lock;
	struct mx_cond changed;
	enum gate_mode mode, want;
	unsigned port, n_asked, n_done; /* changes of mode or port */
	bool stop;
	char *swallowed; /* every byte, with NULs made '?' */
	size_t n_swallowed;

	/* The thread's. */
	struct pair pairs[MAX_PAIRS];
	unsigned n_pairs;
	struct pollfd polls[2 + 2 * MAX_PAIRS];
};

static void pair_close(struct gate *g, unsigned i)
{
	close(g->pairs[i].client);
	if (g->pairs[i].server >= 0)
		close(g->pairs[i].server);
	g->pairs[i] = g->pairs[--g->n_pairs];
}

static int dial(unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void take_in(struct gate *g)
{
	int fd = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC);
	int to = -1;

	if (fd < 0)
		return;
	if (g->mode == GATE_OPEN)
		to = dial(g->port);
	if (g->mode == GATE_CUT || (g->mode == GATE_OPEN && to < 0) ||
	    g->n_pairs == MAX_PAIRS) {
		close(fd);
		return;
	}
	g->pairs[g->n_pairs++] = (struct pair){fd, to};
}

/* What was asked for, once; false at the end. */
static bool obey(struct gate *g)
{
	bool stop;

	mx_mutex_lock(&g->lock);
	if (g->n_done != g->n_asked) {
		/* An open connection may fall silent, no other goes on. */
		if (g->want != GATE_SILENT || g->mode != GATE_OPEN)
			while (g->n_pairs)
				pair_close(g, 0);
		g->mode = g->want;
		g->n_done = g->n_asked;
		mx_cond_broadcast(&g->changed);
	}
	stop = g->stop;
	mx_mutex_unlock(&g->lock);
	return !stop;
}

static void swallow(struct gate *g, const char *p, size_t n)
{
	mx_mutex_lock(&g->lock);
	g->swallowed = realloc(g->swallowed, g->n_swallowed + n + 1);
	for (size_t i = 0; i < n; i++)
		g->swallowed[g->n_swallowed++] = p[i] ? p[i] : '?';
	g->swallowed[g->n_swallowed] = '\0';
	mx_cond_broadcast(&g->changed);
	mx_mutex_unlock(&g->lock);
}

/* False when the pair is over. */
static bool carry(struct gate *g, int from, int to)
{
	static _Thread_local char buf[65536];
	ssize_t n = recv(from, buf, sizeof(buf), 0);

	if (n <= 0)
		return false;
	if (g->mode == GATE_SILENT) {
		swallow(g, buf, (size_t)n);
		return true;
	}
	for (ssize_t at = 0, k; at < n; at += k) {
		k = send(to, buf + at, (size_t)(n - at), MSG_NOSIGNAL);
		if (k <= 0)
			return false;
	}
	return true;
}

/* A silent server's answers stay where they are: its side is not polled. */
static void wait_for_any(struct gate *g)
{
	struct pollfd *p = g->polls;

	*p++ = (struct pollfd){g->wake, POLLIN, 0};
	*p++ = (struct pollfd){g->listener, POLLIN, 0};
	for (unsigned i = 0; i < g->n_pairs; i++) {
		bool deaf = g->mode == GATE_SILENT;

		*p++ = (struct pollfd){g->pairs[i].client, POLLIN, 0};
		*p++ = (struct pollfd){deaf ? -1 : g->pairs[i].server, POLLIN,
				       0};
	}
	poll(g->polls, (nfds_t)(p - g->polls), -1);
}

static void *gate_main(void *arg)
{
	struct gate *g = arg;
	uint64_t n;

	while (obey(g)) {
		wait_for_any(g);
		if (g->polls[0].revents) {
			/* a change comes before everything else */
			if (read(g->wake, &n, sizeof(n)) < 0)
				abort();
			continue;
		}
		/* from the last: closing one moves the last into its place */
		for (unsigned i = g->n_pairs; i-- > 0;) {
			struct pollfd *p = &g->polls[2 + 2 * i];
			struct pair c = g->pairs[i];

			if ((p[0].revents && !carry(g, c.client, c.server)) ||
			    (p[1].revents && !carry(g, c.server, c.client)))
				pair_close(g, i);
		}
		if (g->polls[1].revents)
			take_in(g);
	}
	while (g->n_pairs)
		pair_close(g, 0);
	return NULL;
}

struct gate *gate_new(unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	struct gate *g = calloc(1, sizeof(*g));
	socklen_t n = sizeof(a);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	mx_mutex_init(&g->lock);
	mx_cond_init(&g->changed);
	g->port = port;
	g->wake = eventfd(0, EFD_CLOEXEC);
	g->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(g->listener, (struct sockaddr *)&a, sizeof(a)),
			 0);
	assert_int_equal(listen(g->listener, 200), 0);
	getsockname(g->listener, (struct sockaddr *)&a, &n);
	snprintf(g->url, sizeof(g->url), "http://127.0.0.1:%u",
		 ntohs(a.sin_port));
	assert_int_equal(pthread_create(&g->thread, NULL, gate_main, g), 0);
	return g;
}

static void tell(struct gate *g)
{
	uint64_t one = 1;

	if (write(g->wake, &one, sizeof(one)) < 0)
		abort();
}

void gate_free(struct gate *g)
{
	if (!g)
		return;
	mx_mutex_lock(&g->lock);
	g->stop = true;
	mx_mutex_unlock(&g->lock);
	tell(g);
	pthread_join(g->thread, NULL);
	close(g->listener);
	close(g->wake);
	free(g->swallowed);
	mx_cond_fini(&g->changed);
	mx_mutex_fini(&g->lock);
	free(g);
}

const char *gate_url(const struct gate *g)
{
	return g->url;
}

static void change(struct gate *g, enum gate_mode mode, unsigned port)
{
	mx_mutex_lock(&g->lock);
	g->want = mode;
	if (port)
		g->port = port;
	if (mode == GATE_SILENT)
		g->n_swallowed = 0;
	g->n_asked++;
	tell(g);
	while (g->n_done != g->n_asked)
		mx_cond_wait(&g->changed, &g->lock, mx_mono_in_ms(1000));
	mx_mutex_unlock(&g->lock);
}

void gate_set(struct gate *g, enum gate_mode mode)
{
	change(g, mode, 0);
}

void gate_move(struct gate *g, unsigned port)
{
	change(g, GATE_OPEN, port);
}

static unsigned count(const struct gate *g, const char *type)
{
	const char *p = g->n_swallowed ? g->swallowed : "";
	char header[64];
	unsigned n = 0;

	if (!type)
		return (unsigned)g->n_swallowed;
	snprintf(header, sizeof(header), "X-RequestType: %s\r\n", type);
	for (; (p = strstr(p, header)); p++)
		n++;
	return n;
}

void gate_wait_swallowed(struct gate *g, const char *type, unsigned n)
{
	mx_mutex_lock(&g->lock);
	while (count(g, type) < n)
		mx_cond_wait(&g->changed, &g->lock, mx_mono_in_ms(1000));
	mx_mutex_unlock(&g->lock);
}
