/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/resolve.h"

#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "net/fork.h"

#define CACHE_NAMES 64
#define TTL_MIN_S 5
#define TTL_MAX_S 300
#define TRY_MS 2000
#define TRIES 3
#define MAX_ADDRS 16
#define MAX_FDS 32

/* --- The cache ---------------------------------------------------------- */

static struct {
	struct mx_mutex lock; /* guards all of it */
	struct entry {
		char *host, *addrs;
		mx_mono until;
	} v[CACHE_NAMES];
	char *servers;
} cache = {.lock = MX_MUTEX_INIT};

static void entry_clear(struct entry *e)
{
	free(e->host);
	free(e->addrs);
	*e = (struct entry){0};
}

/* In a child the lock may have been held by a thread that is not there; the
 * entries are leaked rather than trusted. */
static void cache_after_fork(void)
{
	mx_mutex_init(&cache.lock);
	memset(cache.v, 0, sizeof(cache.v));
}

char *mx_resolve_cached(const char *host)
{
	char *addrs = NULL;

	mx_mutex_lock(&cache.lock);
	for (size_t i = 0; i < CACHE_NAMES; i++) {
		struct entry *e = &cache.v[i];

		if (!e->host || strcasecmp(e->host, host))
			continue;
		if (mx_mono_passed(e->until))
			entry_clear(e);
		else
			addrs = strdup(e->addrs);
		break;
	}
	mx_mutex_unlock(&cache.lock);
	return addrs;
}

void mx_resolve_forget(const char *host)
{
	mx_mutex_lock(&cache.lock);
	for (size_t i = 0; i < CACHE_NAMES; i++)
		if (cache.v[i].host && !strcasecmp(cache.v[i].host, host))
			entry_clear(&cache.v[i]);
	mx_mutex_unlock(&cache.lock);
}

/* Its own entry, else a free one, else the one that ends first. */
static struct entry *choose_locked(const char *host) MX_LOCKED
{
	struct entry *best = &cache.v[0];

	for (size_t i = 0; i < CACHE_NAMES; i++) {
		struct entry *e = &cache.v[i];

		if (e->host && !strcasecmp(e->host, host))
			return e;
		if (best->host && (!e->host || e->until.ns < best->until.ns))
			best = e;
	}
	return best;
}

/* No memory is no harm: the name is asked again. */
static void remember(const char *host, const char *addrs, int ttl_s)
{
	char *h = strdup(host), *a = strdup(addrs);
	struct entry *e;

	ttl_s = ttl_s < TTL_MIN_S ? TTL_MIN_S : ttl_s;
	ttl_s = ttl_s > TTL_MAX_S ? TTL_MAX_S : ttl_s;
	if (!h || !a) {
		free(h);
		free(a);
		return;
	}
	mx_mutex_lock(&cache.lock);
	e = choose_locked(host);
	entry_clear(e);
	*e = (struct entry){h, a, mx_mono_in_ms(ttl_s * 1000)};
	mx_mutex_unlock(&cache.lock);
}

int mx_resolve_set_servers(const char *csv)
{
	char *copy = csv ? strdup(csv) : NULL;

	if (csv && !copy)
		return -ENOMEM;
	mx_mutex_lock(&cache.lock);
	free(cache.servers);
	cache.servers = copy;
	for (size_t i = 0; i < CACHE_NAMES; i++)
		entry_clear(&cache.v[i]);
	mx_mutex_unlock(&cache.lock);
	return 0;
}

/* --- Sockets that a forked child closes --------------------------------- */

static ares_socket_t open_socket(int af, int type, int proto, void *arg)
{
	(void)arg;
	return mx_net_socket(af, type | SOCK_NONBLOCK, proto);
}

static int close_socket(ares_socket_t fd, void *arg)
{
	(void)arg;
	mx_net_fd_close(fd);
	return 0;
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *a,
			  ares_socklen_t n, void *arg)
{
	(void)arg;
	return connect(fd, a, n);
}

static ares_ssize_t recv_socket(ares_socket_t fd, void *p, size_t n, int flags,
				struct sockaddr *a, ares_socklen_t *na,
				void *arg)
{
	(void)arg;
	return recvfrom(fd, p, n, flags, a, na);
}

static ares_ssize_t send_socket(ares_socket_t fd, const struct iovec *v, int n,
				void *arg)
{
	const struct msghdr m = {.msg_iov = (struct iovec *)v,
				 .msg_iovlen = (size_t)n};

	(void)arg;
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

static const struct ares_socket_functions socket_functions = {
	open_socket, close_socket, connect_socket, recv_socket, send_socket,
};

/* --- Questions ---------------------------------------------------------- */

struct query {
	struct mx_list node;
	struct mx_list asks; /* struct mx_resolver_ask.node */
	struct mx_resolver *r;
	char host[];
};

struct mx_resolver {
	ares_channel ares; /* NULL: nothing asked since it was last idle */
	struct mx_list queries;
	mx_resolver_watch_fn *watch;
	void *arg;
	bool in_ares; /* libcares is on the stack: it must not be destroyed */
};

static void on_state(void *arg, ares_socket_t fd, int rd, int wr)
{
	struct mx_resolver *r = arg;

	r->watch(r->arg, fd, rd, wr);
}

static int ares_open(struct mx_resolver *r)
{
	struct ares_options o = {
		.timeout = TRY_MS,
		.tries = TRIES,
		.sock_state_cb = on_state,
		.sock_state_cb_data = r,
	};
	MX_AUTO(mx_free_auto) char *servers = NULL;

	if (r->ares)
		return 0;
	if (ares_init_options(&r->ares, &o,
			      ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
				      ARES_OPT_SOCK_STATE_CB))
		return -ENOMEM;
	ares_set_socket_functions(r->ares, &socket_functions, NULL);
	mx_mutex_lock(&cache.lock);
	if (cache.servers)
		servers = strdup(cache.servers);
	mx_mutex_unlock(&cache.lock);
	if (servers)
		ares_set_servers_ports_csv(r->ares, servers);
	return 0;
}

/* The configuration is read anew for the next question. */
static void ares_close_if_idle(struct mx_resolver *r)
{
	if (!r->ares || r->in_ares || !mx_list_empty(&r->queries))
		return;
	ares_destroy(r->ares);
	r->ares = NULL;
}

static void answer(struct query *q, int err, const char *addrs, const char *why)
{
	struct mx_list *it;

	mx_list_unlink(&q->node);
	while ((it = mx_list_pop(&q->asks))) {
		struct mx_resolver_ask *a =
			MX_CONTAINER_OF(it, struct mx_resolver_ask, node);

		a->done(a->arg, err, addrs, why);
	}
	free(q);
}

static int put_address(struct mx_buf *b, const struct sockaddr *sa)
{
	char text[INET6_ADDRSTRLEN];
	const char *comma = b->len ? "," : "";

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		return mx_buf_printf(b, "%s%s", comma, text);
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		return mx_buf_printf(b, "%s[%s]", comma, text);
	}
	return 0;
}

static void on_found(struct query *q, const struct ares_addrinfo *ai)
{
	MX_AUTO(mx_buf_auto) struct mx_buf b = MX_BUF_INIT;
	int ttl = TTL_MAX_S, n = 0;

	for (const struct ares_addrinfo_node *a = ai->nodes; a && n < MAX_ADDRS;
	     a = a->ai_next, n++) {
		put_address(&b, a->ai_addr);
		ttl = a->ai_ttl < ttl ? a->ai_ttl : ttl;
	}
	if (b.err) {
		answer(q, -ENOMEM, NULL, "out of memory");
		return;
	}
	if (!b.len) {
		answer(q, -EHOSTUNREACH, NULL, "the name has no address");
		return;
	}
	remember(q->host, mx_buf_str(&b), ttl);
	answer(q, 0, mx_buf_str(&b), NULL);
}

static void on_answer(void *arg, int status, int timeouts,
		      struct ares_addrinfo *ai)
{
	struct query *q = arg;

	(void)timeouts;
	switch (status) {
	case ARES_SUCCESS:
		on_found(q, ai);
		ares_freeaddrinfo(ai);
		return;
	case ARES_ENOMEM:
		answer(q, -ENOMEM, NULL, "out of memory");
		return;
	case ARES_EDESTRUCTION:
	case ARES_ECANCELLED:
		answer(q, -ECANCELED, NULL, "cancelled");
		return;
	case ARES_ENOTFOUND:
	case ARES_ENODATA:
	case ARES_ENONAME:
		answer(q, -EHOSTUNREACH, NULL, "there is no such name");
		return;
	case ARES_EBADNAME:
		answer(q, -EHOSTUNREACH, NULL, "this cannot be a host name");
		return;
	default: /* time-outs, refused, SERVFAIL */
		answer(q, -EHOSTUNREACH, NULL, "no name server gave an answer");
		return;
	}
}

int mx_resolver_new(mx_resolver_watch_fn *watch, void *arg,
		    struct mx_resolver **ret)
{
	struct mx_resolver *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	mx_net_on_fork(cache_after_fork);
	mx_list_init(&r->queries);
	r->watch = watch;
	r->arg = arg;
	*ret = r;
	return 0;
}

void mx_resolver_free(struct mx_resolver *r)
{
	if (!r)
		return;
	if (r->ares) {
		r->in_ares = true;
		ares_destroy(r->ares);
	}
	free(r);
}

static struct query *find(struct mx_resolver *r, const char *host)
{
	MX_LIST_FOR_EACH(it, &r->queries) {
		struct query *q = MX_CONTAINER_OF(it, struct query, node);

		if (!strcasecmp(q->host, host))
			return q;
	}
	return NULL;
}

int mx_resolver_ask(struct mx_resolver *r, const char *host,
		    struct mx_resolver_ask *ask)
{
	const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC,
						  .ai_socktype = SOCK_STREAM};
	struct query *q = find(r, host);
	bool nested = r->in_ares;
	int err;

	if (q) {
		mx_list_push_tail(&q->asks, &ask->node);
		return 0;
	}
	err = ares_open(r);
	q = err ? NULL : calloc(1, sizeof(*q) + strlen(host) + 1);
	if (!q)
		return -ENOMEM;
	strcpy(q->host, host);
	q->r = r;
	mx_list_init(&q->asks);
	mx_list_push_tail(&q->asks, &ask->node);
	mx_list_push_tail(&r->queries, &q->node);
	r->in_ares = true;
	ares_getaddrinfo(r->ares, host, NULL, &hints, on_answer, q);
	r->in_ares = nested;
	ares_close_if_idle(r);
	return 0;
}

void mx_resolver_drop(struct mx_resolver_ask *ask)
{
	mx_list_unlink(&ask->node);
}

static void process(struct mx_resolver *r, ares_socket_t rd, ares_socket_t wr)
{
	if (!r->ares)
		return;
	r->in_ares = true;
	ares_process_fd(r->ares, rd, wr);
	r->in_ares = false;
	ares_close_if_idle(r);
}

void mx_resolver_event(struct mx_resolver *r, int fd, bool rd, bool wr)
{
	process(r, rd ? fd : ARES_SOCKET_BAD, wr ? fd : ARES_SOCKET_BAD);
}

void mx_resolver_tick(struct mx_resolver *r)
{
	process(r, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

mx_mono mx_resolver_due(struct mx_resolver *r)
{
	struct timeval tv;

	if (!r->ares || !ares_timeout(r->ares, NULL, &tv))
		return MX_MONO_NEVER;
	return mx_mono_in_ms((int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1);
}

/* --- Waiting on this thread --------------------------------------------- */

struct wait {
	struct pollfd fds[MAX_FDS + 1]; /* the first is the wake-up */
	nfds_t n;
	bool done;
	int err;
	char *addrs;
	const char *why;
};

static void wait_watch(void *arg, int fd, bool rd, bool wr)
{
	struct wait *w = arg;
	short events = (short)((rd ? POLLIN : 0) | (wr ? POLLOUT : 0));
	nfds_t i;

	for (i = 1; i < w->n && w->fds[i].fd != fd; i++)
		;
	if (i == w->n && (!events || w->n == MAX_FDS + 1))
		return;
	if (i == w->n)
		w->n++;
	if (events)
		w->fds[i] = (struct pollfd){.fd = fd, .events = events};
	else
		w->fds[i] = w->fds[--w->n];
}

static void wait_done(void *arg, int err, const char *addrs, const char *why)
{
	struct wait *w = arg;

	w->done = true;
	w->why = why;
	w->addrs = addrs ? strdup(addrs) : NULL;
	w->err = err ? err : w->addrs ? 0 : -ENOMEM;
}

static void wake_eventfd(void *arg)
{
	const uint64_t one = 1;
	ssize_t n = write(*(int *)arg, &one, sizeof(one));

	(void)n; /* a full counter is readable already */
}

/* Copies first: handling one socket changes the set. */
static void wait_events(struct wait *w, struct mx_resolver *r)
{
	struct pollfd now[MAX_FDS + 1];
	nfds_t n = w->n;

	memcpy(now, w->fds, sizeof(now));
	for (nfds_t i = 1; i < n; i++)
		if (now[i].revents)
			mx_resolver_event(r, now[i].fd,
					  now[i].revents & ~POLLOUT,
					  now[i].revents & POLLOUT);
}

static int wait_loop(struct wait *w, struct mx_resolver *r, mx_mono deadline,
		     struct mx_cancel *cancel)
{
	while (!w->done) {
		mx_mono due = mx_mono_min(deadline, mx_resolver_due(r));
		int64_t ms = mx_mono_left_ms(due);

		if (mx_cancel_fired(cancel))
			return -ECANCELED;
		if (mx_mono_passed(deadline))
			return -ETIMEDOUT;
		for (nfds_t i = 0; i < w->n; i++)
			w->fds[i].revents = 0;
		poll(w->fds, w->n, ms > 60000 ? 60000 : (int)ms);
		wait_events(w, r);
		mx_resolver_tick(r);
	}
	return w->err;
}

int mx_resolve_wait(const char *host, mx_mono deadline,
		    struct mx_cancel *cancel, char **ret, const char **why)
{
	struct mx_resolver_ask ask = {.done = wait_done};
	struct mx_resolver *r = NULL;
	struct wait w = {.n = 1};
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct mx_waker waker = {.wake = wake_eventfd, .arg = &fd};
	int err;

	if (fd < 0)
		return -errno;
	ask.arg = &w;
	mx_list_init(&ask.node);
	w.fds[0] = (struct pollfd){.fd = fd, .events = POLLIN};
	err = mx_cancel_attach(cancel, &waker);
	if (!err) {
		err = mx_resolver_new(wait_watch, &w, &r);
		if (!err)
			err = mx_resolver_ask(r, host, &ask);
		if (!err)
			err = wait_loop(&w, r, deadline, cancel);
		mx_cancel_detach(cancel, &waker);
	}
	if (!w.done && r)
		mx_list_unlink(&ask.node);
	mx_resolver_free(r);
	close(fd);
	if (err) {
		free(w.addrs);
		if (w.done)
			*why = w.why;
		return err;
	}
	*ret = w.addrs;
	return 0;
}
