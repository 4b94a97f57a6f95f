/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much dearer an exchange is over one of n connections than over the one
 * that was used a moment ago, without anything of ours: what the kernel and
 * libcurl keep for each has left the caches meanwhile.  It stands beside the line
 * `cold`, so that one sees how much of that is ours.
 *
 *	libcurl   a handle a thread, a share a connection, as channels have it
 *	sockets   send, and recv until all is there
 */
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/bench.h"
#include "cli/cli.h"

struct crowd;

/* One exchange of thread t over connection i. */
typedef bool crowd_fn(struct crowd *c, unsigned t, unsigned i);

struct crowd {
	unsigned n, threads, ops;
	crowd_fn *exchange;
	struct bench_floor *floor;
	/* Of either: n, and then one for each thread. */
	CURLSH **shares;
	int *fds;
	CURL *handles[BENCH_THREADS_MAX];
	char *request;
	size_t n_request, n_answer;
};

static bool over_many(void *arg, unsigned t, unsigned i)
{
	struct crowd *c = arg;

	return c->exchange(c, t, i % c->n);
}

static bool over_one(void *arg, unsigned t, unsigned i)
{
	struct crowd *c = arg;

	(void)i;
	return c->exchange(c, t, c->n + t);
}

static double by_many(void *arg)
{
	const struct crowd *c = arg;

	return bench_threads(c->threads, c->ops, over_many, arg);
}

static double by_one(void *arg)
{
	const struct crowd *c = arg;

	return bench_threads(c->threads, c->ops, over_one, arg);
}

/* ---- libcurl ---- */

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	(void)p, (void)arg;
	return size * n;
}

static bool curl_exchange(struct crowd *c, unsigned t, unsigned i)
{
	CURL *e = c->handles[t];
	CURLcode r;

	curl_easy_setopt(e, CURLOPT_SHARE, c->shares[i]);
	r = curl_easy_perform(e);
	curl_easy_setopt(e, CURLOPT_SHARE, NULL);
	if (r != CURLE_OK)
		mx_cli_fail("bench", "bare exchange: %s",
			    curl_easy_strerror(r));
	return r == CURLE_OK;
}

static bool curl_open(struct crowd *c)
{
	bool ok = true;

	c->shares = calloc(c->n + c->threads, sizeof(CURLSH *));
	for (unsigned i = 0; ok && i < c->n + c->threads; i++) {
		c->shares[i] = c->shares ? curl_share_init() : NULL;
		ok = c->shares[i] &&
		     !curl_share_setopt(c->shares[i], CURLSHOPT_SHARE,
					CURL_LOCK_DATA_CONNECT);
	}
	for (unsigned t = 0; ok && t < c->threads; t++) {
		c->handles[t] = bench_floor_handle(c->floor);
		ok = c->handles[t] &&
		     !curl_easy_setopt(c->handles[t], CURLOPT_WRITEFUNCTION,
				       take);
	}
	c->exchange = curl_exchange;
	return ok;
}

static void curl_close(struct crowd *c)
{
	for (unsigned t = 0; t < c->threads; t++)
		curl_easy_cleanup(c->handles[t]);
	for (unsigned i = 0; c->shares && i < c->n + c->threads; i++)
		curl_share_cleanup(c->shares[i]);
	free(c->shares);
}

/* ---- sockets ---- */

static bool socket_exchange(struct crowd *c, unsigned t, unsigned i)
{
	char buf[16384];
	size_t got = 0;
	ssize_t n = send(c->fds[i], c->request, c->n_request, MSG_NOSIGNAL);

	(void)t;
	if (n != (ssize_t)c->n_request)
		return !mx_cli_fail("bench", "bare socket: send failed");
	while (got < c->n_answer) {
		n = recv(c->fds[i], buf, sizeof(buf), 0);
		if (n <= 0)
			return !mx_cli_fail("bench", "bare socket: cut off");
		got += (size_t)n;
	}
	return true;
}

/* As many bytes as libcurl sends, the body among them. */
static bool make_request(struct crowd *c, const struct bench_sizes *s)
{
	size_t all = s->head_out + s->body_out;
	char line[160];
	int head = snprintf(line, sizeof(line),
			    "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
			    "Content-Length: %zu\r\nX-Filler: ",
			    s->body_out);
	size_t fill = (size_t)head + 4 + s->body_out;

	fill = all > fill ? all - fill : 0;
	c->n_request = (size_t)head + fill + 4 + s->body_out;
	c->request = malloc(c->n_request);
	if (!c->request)
		return false;
	memset(c->request, 'x', c->n_request);
	memcpy(c->request, line, (size_t)head);
	memcpy(c->request + (size_t)head + fill, "\r\n\r\n", 4);
	return true;
}

static bool socket_open(struct crowd *c)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(bench_floor_port(c->floor)),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};

	c->fds = malloc((c->n + c->threads) * sizeof(*c->fds));
	if (!c->fds)
		return false;
	for (unsigned i = 0; i < c->n + c->threads; i++)
		c->fds[i] = -1;
	for (unsigned i = 0; i < c->n + c->threads; i++) {
		c->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (c->fds[i] < 0 ||
		    connect(c->fds[i], (struct sockaddr *)&at, sizeof(at)))
			return !mx_cli_fail("bench", "bare socket: %m");
	}
	c->exchange = socket_exchange;
	return true;
}

static void socket_close(struct crowd *c)
{
	for (unsigned i = 0; c->fds && i < c->n + c->threads; i++)
		if (c->fds[i] >= 0)
			close(c->fds[i]);
	free(c->fds);
}

/* ---- both ---- */

static int with_curl(struct bench *b, struct crowd c)
{
	struct bench_line line = {
		.name = "cold-libcurl",
		.what = "CPU of a bare libcurl exchange, over as many "
			"connections / one",
		.unit = "us",
	};
	int r = curl_open(&c) ? bench_compare(by_many, by_one, &c, c.ops, &line)
			      : -1;

	curl_close(&c);
	if (!r)
		bench_add(b, &line);
	return r;
}

static int with_sockets(struct bench *b, struct crowd c,
			const struct bench_sizes *s)
{
	struct bench_line line = {
		.name = "cold-sockets",
		.what = "the same with send and recv",
		.unit = "us",
	};
	size_t out;
	int r = -1;

	bench_floor_bytes(c.floor, &out, &c.n_answer);
	if (make_request(&c, s) && socket_open(&c))
		r = bench_compare(by_many, by_one, &c, c.ops, &line);
	socket_close(&c);
	free(c.request);
	if (!r)
		bench_add(b, &line);
	return r;
}

int bench_crowd(struct bench *b, const struct bench_sizes *s, unsigned n,
		unsigned threads, unsigned ops)
{
	struct crowd c = {.n = n, .threads = threads, .ops = ops};
	int r;

	c.floor = bench_floor_open_as(s);
	/* One, so that the size of an answer is known. */
	r = c.floor ? bench_floor_exchange(c.floor) : -1;
	if (!r)
		r = with_curl(b, c);
	if (!r)
		r = with_sockets(b, c, s);
	bench_floor_close(c.floor);
	return r;
}
