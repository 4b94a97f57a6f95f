/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names, against a name server of our own: one that knows a name, one that
 * denies, one that is silent.  No thread is added for a name.
 */
#include "net/resolve.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"
#include "net/engine.h"
#include "net/fork.h"
#include "net/opts.h"
#include "net/test-peer.h"
#include "net/test-user.h"

#define LATER 20000

/* --- A name server ------------------------------------------------------ */

enum dns_mode {
	DNS_KNOWS, /* every name is 127.0.0.1 */
	DNS_DENIES,
	DNS_SILENT,
};

struct dns {
	int fd;
	enum dns_mode mode;
	pthread_t id;
	char csv[40];
	atomic_uint asked, stop;
};

/* Answers one question in place; returns the length. */
static size_t dns_answer(const struct dns *d, uint8_t *p, size_t n)
{
	static const uint8_t a[] = {0xc0, 0x0c, 0, 1, 0,   1, 0, 0,
				    0,    60,   0, 4, 127, 0, 0, 1};
	bool is_a;
	size_t end = 12;

	while (end < n && p[end])
		end += p[end] + 1u;
	if (end + 5 > n)
		return 0;
	is_a = p[end + 2] == 1;
	end += 5;
	p[2] = 0x84;
	p[3] = d->mode == DNS_DENIES ? 0x03 : 0;
	p[6] = p[8] = p[9] = p[10] = p[11] = 0;
	p[7] = d->mode == DNS_KNOWS && is_a;
	if (!p[7])
		return end;
	memcpy(p + end, a, sizeof(a));
	return end + sizeof(a);
}

static void *dns_main(void *arg)
{
	struct dns *d = arg;
	uint8_t buf[600];
	struct sockaddr_in from;
	socklen_t len;
	ssize_t n;

	for (;;) {
		len = sizeof(from);
		n = recvfrom(d->fd, buf, 500, 0, (struct sockaddr *)&from,
			     &len);
		if (atomic_load(&d->stop))
			return NULL;
		atomic_fetch_add(&d->asked, 1);
		if (n < 12 || d->mode == DNS_SILENT)
			continue;
		n = (ssize_t)dns_answer(d, buf, (size_t)n);
		sendto(d->fd, buf, (size_t)n, 0, (struct sockaddr *)&from, len);
	}
}

static void dns_start(struct dns *d, enum dns_mode mode)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	memset(d, 0, sizeof(*d));
	d->mode = mode;
	d->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(d->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	getsockname(d->fd, (struct sockaddr *)&a, &len);
	snprintf(d->csv, sizeof(d->csv), "127.0.0.1:%u", ntohs(a.sin_port));
	pthread_create(&d->id, NULL, dns_main, d);
	assert_int_equal(mx_resolve_set_servers(d->csv), 0);
}

static void dns_stop(struct dns *d)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	atomic_store(&d->stop, 1);
	getsockname(d->fd, (struct sockaddr *)&a, &len);
	sendto(d->fd, "", 1, 0, (struct sockaddr *)&a, len);
	pthread_join(d->id, NULL);
	close(d->fd);
	mx_resolve_set_servers(NULL);
}

static unsigned threads_now(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

/* --- Foreground --------------------------------------------------------- */

static int ask(const char *host, unsigned port, const struct mx_net_opts *opts,
	       struct mx_cancel *cancel, struct mx_xresp *r, struct mx_fault *f)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = test_user("ann", "pw");
	MX_AUTO(mx_channel_auto) struct mx_channel *ch = NULL;
	const struct mx_xreq q = {.type = "PING",
				  .body = "x",
				  .body_len = 1,
				  .request_id = "{r}:1",
				  .cancel = cancel};
	struct mx_net_opts o = opts ? *opts : MX_NET_OPTS_INIT;
	char url[120];
	int err;

	o.allow_plain = true;
	snprintf(url, sizeof(url), "http://%s:%u/", host, port);
	assert_int_equal(mx_channel_new(url, u, &o, &ch, f), 0);
	err = mx_exchange(ch, &q, r, f);
	mx_channel_unref(MX_STEAL(ch));
	assert_int_equal(test_open_fds(), 0);
	return err;
}

static void test_a_name_is_resolved_without_a_thread(void **state)
{
	struct peer *p = peer_start(peer_echo, NULL);
	struct dns d;

	dns_start(&d, DNS_KNOWS);
	for (int i = 0; i < 3; i++) {
		MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
		struct mx_fault f = MX_FAULT_INIT;

		assert_int_equal(ask("mail.example.test", peer_port(p), NULL,
				     NULL, &r, &f),
				 0);
		assert_int_equal(r.body.len, 1);
	}
	/* A and AAAA, once: the cache answered the others. */
	assert_int_equal(d.asked, 2);
	dns_stop(&d);
	peer_stop(p);
}

static void test_a_name_that_does_not_exist(void **state)
{
	MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
	struct mx_fault f = MX_FAULT_INIT;
	struct dns d;

	dns_start(&d, DNS_DENIES);
	assert_int_equal(ask("no.example.test", 80, NULL, NULL, &r, &f),
			 -EHOSTUNREACH);
	assert_int_equal(r.why, MX_XWHY_RESOLVE);
	assert_int_equal(f.layer, MX_LAYER_TRANSPORT);
	assert_non_null(strstr(f.text, "no.example.test"));
	assert_non_null(strstr(f.text, "no such name"));
	assert_string_equal(f.user, "ann");
	assert_string_equal(f.server, "no.example.test:80");
	assert_false(r.maybe_sent);
	dns_stop(&d);
}

static void test_a_silent_name_server_ends_by_the_deadline(void **state)
{
	MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
	struct mx_net_opts o = MX_NET_OPTS_INIT;
	struct mx_fault f = MX_FAULT_INIT;
	struct dns d;

	dns_start(&d, DNS_SILENT);
	o.idle_ms = 100;
	assert_int_equal(ask("silent.example.test", 80, &o, NULL, &r, &f),
			 -EHOSTUNREACH);
	assert_int_equal(r.why, MX_XWHY_RESOLVE);
	dns_stop(&d);
}

struct canceller {
	struct mx_cancel token;
	struct dns *d;
};

static void *cancel_main(void *arg)
{
	struct canceller *c = arg;

	while (!atomic_load(&c->d->asked))
		sched_yield();
	mx_cancel_fire(&c->token);
	return NULL;
}

static void test_waiting_for_a_name_can_be_cancelled(void **state)
{
	MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
	struct mx_fault f = MX_FAULT_INIT;
	struct canceller c;
	struct dns d;
	pthread_t id;

	dns_start(&d, DNS_SILENT);
	mx_cancel_init(&c.token);
	c.d = &d;
	pthread_create(&id, NULL, cancel_main, &c);
	assert_int_equal(ask("silent.example.test", 80, NULL, &c.token, &r, &f),
			 -ECANCELED);
	pthread_join(id, NULL);
	mx_cancel_fini(&c.token);
	dns_stop(&d);
}

/* --- In the background -------------------------------------------------- */

static atomic_uint n_ok, n_failed;

static void done(void *arg, int err, struct mx_xresp *r,
		 const struct mx_fault *f)
{
	(void)arg;
	if (!err)
		atomic_fetch_add(&n_ok, 1);
	else if (err == -EHOSTUNREACH && r->why == MX_XWHY_RESOLVE)
		atomic_fetch_add(&n_failed, 1);
	else if (err != -ECANCELED)
		print_message("unexpected: %d %s\n", err, f->text);
}

static struct mx_channel *submit(const char *host, unsigned port,
				 int64_t idle_ms)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = test_user("ann", "pw");
	struct mx_net_opts o = MX_NET_OPTS_INIT;
	struct mx_channel *ch = NULL;
	struct mx_engine_req q = {
		.x = {.type = "PING", .request_id = "{r}:1"},
		.done = done,
	};
	char url[120];

	o.allow_plain = true;
	o.idle_ms = idle_ms;
	snprintf(url, sizeof(url), "http://%s:%u/", host, port);
	assert_int_equal(mx_channel_new(url, u, &o, &ch, NULL), 0);
	q.ch = ch;
	assert_int_equal(mx_engine_submit(&q), 0);
	return ch;
}

/* Issue 3, section 7: a silent resolver does not add a thread a name, and those
 * whose server has an address are served meanwhile. */
static void test_a_silent_name_server_holds_nobody_else_up(void **state)
{
	enum { N = 100 };
	struct peer *p = peer_start(peer_echo, NULL);
	struct mx_channel *ch[2 * N];
	struct mx_engine_stats s;
	unsigned before;
	struct dns d;
	char host[64];

	n_ok = n_failed = 0;
	dns_start(&d, DNS_SILENT);
	assert_int_equal(mx_engine_hold(), 0);
	before = threads_now();
	for (int i = 0; i < N; i++) {
		snprintf(host, sizeof(host), "n%d.example.test", i);
		ch[i] = submit(host, 80, 600000);
	}
	while (!d.asked)
		sched_yield();
	mx_engine_stats(&s);
	assert_true(threads_now() <= before + s.threads);
	/* One at a time, so that the peer has few threads. */
	for (unsigned i = 0; i < N; i++) {
		ch[N + i] = submit("127.0.0.1", peer_port(p), 0);
		while (n_ok < i + 1)
			sched_yield();
		mx_channel_close_idle(ch[N + i]);
	}
	assert_int_equal(n_failed, 0);
	assert_int_equal(mx_engine_drop(mx_mono_in_ms(LATER), NULL), 0);
	assert_int_equal(n_ok, N);
	for (int i = 0; i < 2 * N; i++)
		mx_channel_unref(ch[i]);
	assert_int_equal(test_open_fds(), 0);
	dns_stop(&d);
	peer_stop(p);
}

static void test_the_engine_resolves_one_name_once_for_many(void **state)
{
	enum { N = 50 };
	struct peer *p = peer_start(peer_echo, NULL);
	struct mx_channel *ch[N];
	struct dns d;

	n_ok = n_failed = 0;
	dns_start(&d, DNS_KNOWS);
	assert_int_equal(mx_engine_hold(), 0);
	for (int i = 0; i < N; i++)
		ch[i] = submit("many.example.test", peer_port(p), 0);
	while (n_ok < N)
		sched_yield();
	/* A and AAAA for each of at most four engine threads. */
	assert_true(d.asked <= 8);
	assert_int_equal(mx_engine_drop(mx_mono_in_ms(LATER), NULL), 0);
	for (int i = 0; i < N; i++)
		mx_channel_unref(ch[i]);
	dns_stop(&d);
	peer_stop(p);
}

MX_TEST_MAIN(MX_TEST(test_a_name_is_resolved_without_a_thread),
	     MX_TEST(test_a_name_that_does_not_exist),
	     MX_TEST(test_a_silent_name_server_ends_by_the_deadline),
	     MX_TEST(test_waiting_for_a_name_can_be_cancelled),
	     MX_TEST(test_a_silent_name_server_holds_nobody_else_up),
	     MX_TEST(test_the_engine_resolves_one_name_once_for_many))
