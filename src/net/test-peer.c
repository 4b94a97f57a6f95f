/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/test-peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_LOG 20000
#define MAX_CONNS 4096

struct peer {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	peer_fn *fn;
	void *arg;
	int fd;
	unsigned port;
	char url[80];
	pthread_t acceptor;
	bool stop;
	struct peer_request *log;
	size_t n_log, n_conns;
	struct worker {
		struct peer_conn c;
		void *arg;
		pthread_t id;
		bool open;
	} * conns[MAX_CONNS];
};

static void die(const char *what)
{
	perror(what);
	abort();
}

static void *conn_main(void *p)
{
	struct worker *w = p;
	struct peer *peer = w->c.peer;

	peer->fn(&w->c, peer->arg);
	pthread_mutex_lock(&peer->lock);
	close(w->c.fd);
	w->open = false;
	pthread_mutex_unlock(&peer->lock);
	return NULL;
}

static void start_conn(struct peer *p, int fd, unsigned port)
{
	struct worker *w = calloc(1, sizeof(*w));
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	w->c = (struct peer_conn){p, fd, port, 0};
	w->open = true;
	pthread_mutex_lock(&p->lock);
	if (p->n_conns == MAX_CONNS)
		die("too many connections for the test peer");
	p->conns[p->n_conns++] = w;
	if (p->stop)
		shutdown(fd, SHUT_RDWR);
	if (pthread_create(&w->id, NULL, conn_main, w))
		die("pthread_create");
	pthread_mutex_unlock(&p->lock);
}

static void *accept_main(void *arg)
{
	struct peer *p = arg;
	struct sockaddr_in a;
	socklen_t n = sizeof(a);
	int fd;

	for (;;) {
		fd = accept(p->fd, (struct sockaddr *)&a, &n);
		if (fd >= 0)
			start_conn(p, fd, ntohs(a.sin_port));
		else if (errno != EINTR && errno != ECONNABORTED)
			return NULL;
	}
}

static int listen_any(unsigned *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(fd, 512) || getsockname(fd, (struct sockaddr *)&a, &n))
		die("listen");
	*port = ntohs(a.sin_port);
	return fd;
}

unsigned peer_closed_port(void)
{
	unsigned port;

	close(listen_any(&port));
	return port;
}

struct peer *peer_start(peer_fn *fn, void *arg)
{
	struct peer *p = calloc(1, sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->cond, NULL);
	p->fn = fn;
	p->arg = arg;
	p->log = calloc(64, sizeof(*p->log));
	p->fd = listen_any(&p->port);
	snprintf(p->url, sizeof(p->url), "http://127.0.0.1:%u/mapi/emsmdb/",
		 p->port);
	if (pthread_create(&p->acceptor, NULL, accept_main, p))
		die("pthread_create");
	return p;
}

void peer_stop(struct peer *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	for (size_t i = 0; i < p->n_conns; i++)
		if (p->conns[i]->open)
			shutdown(p->conns[i]->c.fd, SHUT_RDWR);
	pthread_cond_broadcast(&p->cond);
	pthread_mutex_unlock(&p->lock);
	shutdown(p->fd, SHUT_RDWR);
	pthread_join(p->acceptor, NULL);
	close(p->fd);
	for (size_t i = 0; i < p->n_conns; i++) {
		pthread_join(p->conns[i]->id, NULL);
		free(p->conns[i]);
	}
	pthread_cond_destroy(&p->cond);
	pthread_mutex_destroy(&p->lock);
	free(p->log);
	free(p);
}

unsigned peer_port(const struct peer *p)
{
	return p->port;
}

const char *peer_url(const struct peer *p)
{
	return p->url;
}

static void log_add(struct peer *p, const struct peer_request *r)
{
	pthread_mutex_lock(&p->lock);
	if (p->n_log == MAX_LOG)
		die("the test peer's log is full");
	if (p->n_log >= 64 && !(p->n_log & (p->n_log - 1)))
		p->log = realloc(p->log, 2 * p->n_log * sizeof(*p->log));
	p->log[p->n_log++] = *r;
	pthread_cond_broadcast(&p->cond);
	pthread_mutex_unlock(&p->lock);
}

static void take_header(const char *head, const char *name, char *out, size_t n)
{
	size_t k = strlen(name), len;

	out[0] = '\0';
	for (const char *p = head; (p = strstr(p, "\r\n"));) {
		p += 2;
		if (strncasecmp(p, name, k) || p[k] != ':')
			continue;
		p += k + 1;
		p += strspn(p, " ");
		len = strcspn(p, "\r");
		snprintf(out, n, "%.*s", (int)len, p);
		return;
	}
}

/* One byte at a time up to the empty line: slow, and sure not to take bytes of
 * the next request. */
static bool read_head(int fd, char *buf, size_t size)
{
	size_t n = 0;

	while (n + 1 < size) {
		if (recv(fd, buf + n, 1, 0) != 1)
			return false;
		buf[++n] = '\0';
		if (n >= 4 && !memcmp(buf + n - 4, "\r\n\r\n", 4))
			return true;
	}
	return false;
}

static bool read_body(int fd, struct peer_request *r)
{
	char sink[4096];
	size_t got = 0, want;
	ssize_t n;

	while (got < r->body_len) {
		want = r->body_len - got;
		n = recv(fd, sink, want < sizeof(sink) ? want : sizeof(sink),
			 0);
		if (n <= 0)
			return false;
		for (ssize_t i = 0; i < n; i++)
			if (got + (size_t)i + 1 < sizeof(r->body))
				r->body[got + (size_t)i] = sink[i];
		got += (size_t)n;
	}
	return true;
}

bool peer_read(struct peer_conn *c, struct peer_request *ret)
{
	struct peer_request r = {.client_port = c->client_port};
	char head[16384], len[32];

	if (!read_head(c->fd, head, sizeof(head)))
		return false;
	if (sscanf(head, "%*s %127s", r.path) != 1)
		return false;
	take_header(head, "Authorization", r.auth, sizeof(r.auth));
	take_header(head, "X-RequestType", r.type, sizeof(r.type));
	take_header(head, "X-RequestId", r.id, sizeof(r.id));
	take_header(head, "Cookie", r.cookie, sizeof(r.cookie));
	take_header(head, "Content-Length", len, sizeof(len));
	r.body_len = strtoul(len, NULL, 10);
	if (!read_body(c->fd, &r))
		return false;
	c->n_requests++;
	log_add(c->peer, &r);
	*ret = r;
	return true;
}

bool peer_send(struct peer_conn *c, const void *data, size_t n)
{
	const char *p = data;
	ssize_t k;

	for (; n; p += k, n -= (size_t)k) {
		k = send(c->fd, p, n, MSG_NOSIGNAL);
		if (k <= 0)
			return false;
	}
	return true;
}

bool peer_puts(struct peer_conn *c, const char *s)
{
	return peer_send(c, s, strlen(s));
}

size_t peer_format(char *buf, size_t size, const char *id, int code,
		   const char *body)
{
	char inner[8192];
	int n = snprintf(inner, sizeof(inner),
			 "DONE\r\nX-ElapsedTime: 12\r\nX-StartTime: Sun, 22 "
			 "Nov 2026 20:00:00 GMT\r\n\r\n%s",
			 body);

	return (size_t)snprintf(
		buf, size,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
		"Content-Type: application/mapi-http\r\nX-RequestId: %s\r\n"
		"X-ResponseCode: %d\r\nX-ExpirationInfo: 900000\r\n"
		"X-PendingPeriod: 15000\r\nX-ServerApplication: Peer/1\r\n"
		"Set-Cookie: sid=abc; path=/mapi\r\nSet-Cookie: seq=7\r\n\r\n"
		"c\r\nPROCESSING\r\n\r\n9\r\nPENDING\r\n\r\n"
		"%x\r\n%s\r\n0\r\n\r\n",
		id, code, n, inner);
}

bool peer_answer(struct peer_conn *c, const struct peer_request *r, int code,
		 const char *body)
{
	char buf[12288];

	return peer_send(c, buf,
			 peer_format(buf, sizeof(buf), r->id, code, body));
}

void peer_wait_close(struct peer_conn *c)
{
	char sink[256];

	while (recv(c->fd, sink, sizeof(sink), 0) > 0)
		;
}

void peer_echo(struct peer_conn *c, void *arg)
{
	struct peer_request r;

	(void)arg;
	while (peer_read(c, &r) && peer_answer(c, &r, 0, r.body))
		;
}

size_t peer_log_count(struct peer *p)
{
	size_t n;

	pthread_mutex_lock(&p->lock);
	n = p->n_log;
	pthread_mutex_unlock(&p->lock);
	return n;
}

struct peer_request peer_log_get(struct peer *p, size_t i)
{
	struct peer_request r;

	pthread_mutex_lock(&p->lock);
	if (i >= p->n_log)
		die("no such entry in the test peer's log");
	r = p->log[i];
	pthread_mutex_unlock(&p->lock);
	return r;
}

void peer_log_wait(struct peer *p, size_t n)
{
	pthread_mutex_lock(&p->lock);
	while (p->n_log < n)
		pthread_cond_wait(&p->cond, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

size_t peer_accepted(struct peer *p)
{
	size_t n;

	pthread_mutex_lock(&p->lock);
	n = p->n_conns;
	pthread_mutex_unlock(&p->lock);
	return n;
}
