/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels: whose their connections are, how long they live, and which URLs are
 * taken.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "net/target.h"
#include "net/test-ask.h"
#include "net/test-user.h"

static void test_a_channel_keeps_its_connection(void **state)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = test_user("ann", "pw");
	MX_AUTO(mx_channel_auto) struct mx_channel *ch = NULL;
	struct peer *p = peer_start(peer_echo, NULL);
	const struct mx_xreq q = ask_request("x");

	assert_int_equal(mx_channel_new(peer_url(p), u, NULL, &ch, NULL), 0);
	for (int i = 0; i < 20; i++) {
		MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;

		assert_int_equal(mx_exchange(ch, &q, &r, NULL), 0);
		assert_int_equal(r.new_connection, i == 0);
	}
	assert_int_equal(peer_accepted(p), 1);
	assert_int_equal(mx_channel_close_idle(ch), 0);
	assert_int_equal(test_open_fds(), 0);
	mx_channel_unref(MX_STEAL(ch));
	peer_stop(p);
}

/* Promise of the issue: a TCP connection never serves two user contexts, also
 * when one ends and another comes to the same server on the same thread. */
static void test_no_connection_serves_two_users(void **state)
{
	struct mx_channel *ch[8] = {0};
	struct peer *p = peer_start(peer_echo, NULL);
	const struct mx_xreq q = ask_request("x");
	char owner[65536][4];
	struct peer_request r1;

	memset(owner, 0, sizeof(owner));
	for (int i = 0; i < 200; i++) {
		MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
		char name[4] = {'u', (char)('a' + i % 8), 0, 0};
		struct mx_userctx *u = test_user(name, "pw");

		/* Now and then a user leaves and comes back. */
		if (i % 5 == 0)
			mx_channel_unref(MX_STEAL(ch[i % 8]));
		if (!ch[i % 8])
			assert_int_equal(mx_channel_new(peer_url(p), u, NULL,
							&ch[i % 8], NULL),
					 0);
		assert_int_equal(mx_exchange(ch[i % 8], &q, &r, NULL), 0);
		mx_userctx_unref(u);
	}
	assert_int_equal(peer_log_count(p), 200);
	assert_true(peer_accepted(p) < 200);
	for (size_t i = 0; i < 200; i++) {
		char want[4];

		r1 = peer_log_get(p, i);
		/* "Basic dWE6cHc=": the fourth and fifth letters differ. */
		snprintf(want, sizeof(want), "%.3s", r1.auth + 7);
		if (owner[r1.client_port][0])
			assert_string_equal(owner[r1.client_port], want);
		strcpy(owner[r1.client_port], want);
	}
	for (int i = 0; i < 8; i++)
		mx_channel_unref(ch[i]);
	peer_stop(p);
	assert_int_equal(test_open_fds(), 0);
}

static void test_idle_connections_are_closed_and_made_again(void **state)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = test_user("ann", "pw");
	MX_AUTO(mx_channel_auto) struct mx_channel *ch = NULL;
	struct peer *p = peer_start(peer_echo, NULL);
	const struct mx_xreq q = ask_request("x");

	assert_int_equal(mx_channel_new(peer_url(p), u, NULL, &ch, NULL), 0);
	for (unsigned i = 0; i < 6; i++) {
		MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;

		assert_int_equal(mx_exchange(ch, &q, &r, NULL), 0);
		assert_int_equal(r.new_connection, i % 2 == 0);
		/* A few seconds of idleness are nothing, a minute is. */
		mx_net_close_idle(mx_mono_in_ms(i % 2 ? 60000 : 5000));
	}
	assert_int_equal(peer_accepted(p), 3);
	mx_channel_unref(MX_STEAL(ch));
	peer_stop(p);
}

/* More channels than easy handles are kept: they go from user to user, and
 * nothing of the one before goes with them. */
static void test_a_handle_takes_nothing_from_user_to_user(void **state)
{
	enum { N = 150, ROUNDS = 3 };
	struct mx_channel *ch[N] = {0};
	struct peer *p = peer_start(peer_echo, NULL);
	char name[16], cookie[16];

	for (unsigned i = 0; i < N; i++) {
		MX_AUTO(mx_userctx_auto) struct mx_userctx *u = NULL;

		snprintf(name, sizeof(name), "user%u", i);
		u = test_user(name, "pw");
		assert_int_equal(
			mx_channel_new(peer_url(p), u, NULL, &ch[i], NULL), 0);
	}
	for (unsigned i = 0; i < ROUNDS * N; i++) {
		MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
		struct mx_xreq q = ask_request("x");

		snprintf(cookie, sizeof(cookie), "c=%u", i % N);
		q.cookies = i % 2 ? cookie : NULL;
		assert_int_equal(mx_exchange(ch[i % N], &q, &r, NULL), 0);
		assert_int_equal(r.new_connection, i < N);
	}
	for (unsigned i = 0; i < ROUNDS * N; i++) {
		struct peer_request r = peer_log_get(p, i);
		struct peer_request first = peer_log_get(p, i % N);
		struct peer_request other = peer_log_get(p, (i + 1) % N);

		snprintf(cookie, sizeof(cookie), "c=%u", i % N);
		assert_string_equal(r.cookie, i % 2 ? cookie : "");
		assert_string_equal(r.auth, first.auth);
		assert_string_not_equal(r.auth, other.auth);
		assert_int_equal(r.client_port, first.client_port);
	}
	assert_int_equal(peer_accepted(p), N);
	for (unsigned i = 0; i < N; i++)
		mx_channel_unref(ch[i]);
	peer_stop(p);
}

/* Two channels take turns, so each gets the other's handle. */
static void assert_each_its_url(struct peer *p, const char *const url[2],
				const struct mx_net_opts *o,
				const char *const path[2])
{
	const struct mx_xreq q = ask_request("x");
	struct mx_channel *ch[2];
	size_t first = peer_log_count(p);

	for (unsigned i = 0; i < 2; i++) {
		MX_AUTO(mx_userctx_auto)
		struct mx_userctx *u = test_user("ann", "pw");

		assert_int_equal(mx_channel_new(url[i], u, o, &ch[i], NULL), 0);
	}
	for (unsigned i = 0; i < 6; i++) {
		MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;

		assert_int_equal(mx_exchange(ch[i % 2], &q, &r, NULL), 0);
		assert_string_equal(peer_log_get(p, first + i).path,
				    path[i % 2]);
	}
	for (unsigned i = 0; i < 2; i++)
		mx_channel_unref(ch[i]);
}

/* As Exchange has it: an URL for each mailbox. */
static void test_a_handle_takes_no_url_from_channel_to_channel(void **state)
{
	static const char *const paths[2] = {"/mapi/?MailboxId=a@x",
					     "/mapi/?MailboxId=b@x"};
	static const char *const far[2] = {"http://one.example.test/mapi/",
					   "http://two.example.test/mapi/"};
	struct peer *p = peer_start(peer_echo, NULL);
	struct mx_net_opts o = MX_NET_OPTS_INIT;
	char url[2][96], proxy[64];

	for (unsigned i = 0; i < 2; i++)
		snprintf(url[i], sizeof(url[i]), "http://127.0.0.1:%u%s",
			 peer_port(p), paths[i]);
	assert_each_its_url(p, (const char *const[2]){url[0], url[1]}, NULL,
			    paths);
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", peer_port(p));
	o.proxy = proxy;
	o.allow_plain = true;
	assert_each_its_url(p, far, &o, far);
	/* And one with a proxy gives nothing to one without. */
	assert_each_its_url(p, (const char *const[2]){url[0], url[1]}, NULL,
			    paths);
	peer_stop(p);
}

static atomic_bool enough;

static void *close_all(void *arg)
{
	(void)arg;
	while (!atomic_load(&enough))
		mx_net_close_idle(mx_mono_in_ms(3600000));
	return NULL;
}

/* Closing what is idle takes a channel for a moment, which no exchange may
 * notice but by a new connection. */
static void test_closing_the_idle_refuses_no_exchange(void **state)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = test_user("ann", "pw");
	struct peer *p = peer_start(peer_echo, NULL);
	const struct mx_xreq q = ask_request("x");
	pthread_t id;

	atomic_store(&enough, false);
	assert_int_equal(pthread_create(&id, NULL, close_all, NULL), 0);
	for (unsigned i = 0; i < 40; i++) {
		struct mx_channel *ch = NULL;

		assert_int_equal(
			mx_channel_new(peer_url(p), u, NULL, &ch, NULL), 0);
		for (unsigned k = 0; k < 5; k++) {
			MX_AUTO(mx_xresp_auto)
			struct mx_xresp r = MX_XRESP_INIT;

			assert_int_equal(mx_exchange(ch, &q, &r, NULL), 0);
		}
		mx_channel_unref(ch);
	}
	atomic_store(&enough, true);
	pthread_join(id, NULL);
	peer_stop(p);
	assert_int_equal(test_open_fds(), 0);
}

/* Credentials stay off the wire: http beyond loopback, strange URLs. */
static void test_urls_that_are_refused(void **state)
{
	static const struct {
		const char *url;
		int err;
	} t[] = {
		{"http://mail.example.com/mapi", -EPERM},
		{"http://127.0.0.1.example.com/", -EPERM},
		{"http://10.0.0.1/", -EPERM},
		{"ftp://127.0.0.1/", -EINVAL},
		{"http://u:p@127.0.0.1/", -EINVAL},
		{"nonsense", -EINVAL},
		{"", -EINVAL},
		{"http://", -EINVAL},
	};
	struct mx_net_opts o = MX_NET_OPTS_INIT;
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = test_user("ann", "pw");
	struct mx_channel *ch = NULL;
	struct mx_fault f;

	for (size_t i = 0; i < MX_ARRAY_SIZE(t); i++) {
		f = MX_FAULT_INIT;
		assert_int_equal(mx_channel_new(t[i].url, u, NULL, &ch, &f),
				 t[i].err);
		assert_null(ch);
		assert_int_equal(f.err, t[i].err);
	}
	o.allow_plain = true;
	assert_int_equal(mx_channel_new(t[0].url, u, &o, &ch, NULL), 0);
	assert_string_equal(mx_channel_server(ch), "mail.example.com:80");
	mx_channel_unref(ch);
	assert_int_equal(mx_channel_new("https://[::1]/", u, &o, &ch, NULL), 0);
	assert_string_equal(mx_channel_server(ch), "[::1]:443");
	mx_channel_unref(ch);
}

/* Answers the first request and closes when the second has come. */
static void answer_once(struct peer_conn *c, void *arg)
{
	struct peer_request r;

	if (peer_read(c, &r) && peer_answer(c, &r, 0, "one"))
		peer_read(c, &r);
}

/* libcurl by itself sends a POST again when a kept connection dies without an
 * answer; a Submit must never go out twice. */
static void test_a_request_is_never_sent_twice(void **state)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = test_user("ann", "pw");
	MX_AUTO(mx_xresp_auto) struct mx_xresp r1 = MX_XRESP_INIT;
	MX_AUTO(mx_xresp_auto) struct mx_xresp r2 = MX_XRESP_INIT;
	struct peer *p = peer_start(answer_once, NULL);
	const struct mx_xreq q = ask_request("submit");
	struct mx_channel *ch = NULL;

	assert_int_equal(mx_channel_new(peer_url(p), u, NULL, &ch, NULL), 0);
	assert_int_equal(mx_exchange(ch, &q, &r1, NULL), 0);
	assert_int_equal(mx_exchange(ch, &q, &r2, NULL), -ECONNRESET);
	assert_int_equal(r2.why, MX_XWHY_CUT);
	assert_true(r2.maybe_sent);
	assert_int_equal(peer_log_count(p), 2);
	mx_channel_unref(ch);
	peer_stop(p);
}

static void answer_and_close(struct peer_conn *c, void *arg)
{
	struct peer_request r;

	if (peer_read(c, &r))
		peer_answer(c, &r, 0, "one");
}

static void test_a_closed_kept_connection_is_replaced(void **state)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = test_user("ann", "pw");
	struct peer *p = peer_start(answer_and_close, NULL);
	const struct mx_xreq q = ask_request("x");
	struct mx_channel *ch = NULL;
	unsigned ok = 0, cut = 0;

	assert_int_equal(mx_channel_new(peer_url(p), u, NULL, &ch, NULL), 0);
	for (int i = 0; i < 50; i++) {
		MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
		int err = mx_exchange(ch, &q, &r, NULL);

		/* Either the close was seen in time, or it is said. */
		if (!err)
			ok++;
		else if (err == -ECONNRESET && r.why == MX_XWHY_CUT)
			cut++;
	}
	assert_int_equal(ok + cut, 50);
	assert_true(peer_log_count(p) >= ok);
	mx_channel_unref(ch);
	peer_stop(p);
}

static void *exchange_main(void *arg)
{
	MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
	const struct mx_xreq q = ask_request("x");

	return (void *)(intptr_t)mx_exchange(arg, &q, &r, NULL);
}

static void wait_one_more(struct peer_conn *c, void *arg)
{
	struct peer_request r;

	if (!peer_read(c, &r))
		return;
	peer_wait_close(c);
}

static void test_a_second_exchange_on_a_channel_is_busy(void **state)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = test_user("ann", "pw");
	MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
	struct peer *p = peer_start(wait_one_more, NULL);
	const struct mx_xreq q = ask_request("x");
	struct mx_channel *ch = NULL;
	pthread_t id;
	void *ret;

	assert_int_equal(mx_channel_new(peer_url(p), u, NULL, &ch, NULL), 0);
	pthread_create(&id, NULL, exchange_main, ch);
	peer_log_wait(p, 1);
	assert_int_equal(mx_exchange(ch, &q, &r, NULL), -EBUSY);
	assert_int_equal(mx_channel_close_idle(ch), -EBUSY);
	assert_int_equal(r.why, MX_XWHY_LOCAL);
	peer_stop(p);
	pthread_join(id, &ret);
	assert_int_equal((intptr_t)ret, -ECONNRESET);
	mx_channel_unref(ch);
}

/* The proxy sees the whole URL, the credentials, and is asked for one user at a
 * time: its connections are the channel's like any other. */
static void test_a_proxy_is_used_when_it_is_set(void **state)
{
	MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
	struct peer *p = peer_start(peer_echo, NULL);
	const struct mx_xreq q = ask_request("x");
	struct mx_net_opts o = MX_NET_OPTS_INIT;
	struct mx_fault f;
	char proxy[64];

	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", peer_port(p));
	o.proxy = proxy;
	o.allow_plain = true;
	assert_int_equal(
		ask_url("http://far.example.test/mapi/", &o, &q, &r, &f), 0);
	assert_string_equal(peer_log_get(p, 0).path,
			    "http://far.example.test/mapi/");
	peer_stop(p);
}

/* libcurl loses 920 bytes with each handle that goes from plain HTTP to TLS: seen
 * by LeakSanitizer. */
static void test_a_handle_stays_with_its_scheme(void **state)
{
	struct mx_net_opts o = MX_NET_OPTS_INIT;
	struct peer *p = peer_start(peer_echo, NULL);
	const struct mx_xreq q = ask_request("x");
	const struct mx_target *plain, *tls;
	struct mx_xresp r;
	struct mx_fault f;
	const char *url = "https://127.0.0.1:1/"; /* nobody is there */

	o.allow_plain = true;
	assert_int_equal(ask_url(peer_url(p), &o, &q, &r, &f), 0);
	mx_xresp_fini(&r);
	assert_int_equal(ask_url(url, &o, &q, &r, &f), -ECONNREFUSED);
	mx_xresp_fini(&r);
	assert_int_equal(mx_target_get(peer_url(p), &o, "", &plain, &f), 0);
	assert_int_equal(mx_target_get(url, &o, "", &tls, &f), 0);
	assert_false(mx_target_same_options(plain, tls));
	mx_target_unref(plain);
	mx_target_unref(tls);
	peer_stop(p);
}

MX_TEST_MAIN(MX_TEST(test_a_channel_keeps_its_connection),
	     MX_TEST(test_no_connection_serves_two_users),
	     MX_TEST(test_idle_connections_are_closed_and_made_again),
	     MX_TEST(test_a_handle_takes_nothing_from_user_to_user),
	     MX_TEST(test_a_handle_takes_no_url_from_channel_to_channel),
	     MX_TEST(test_a_handle_stays_with_its_scheme),
	     MX_TEST(test_closing_the_idle_refuses_no_exchange),
	     MX_TEST(test_urls_that_are_refused),
	     MX_TEST(test_a_request_is_never_sent_twice),
	     MX_TEST(test_a_closed_kept_connection_is_replaced),
	     MX_TEST(test_a_second_exchange_on_a_channel_is_busy),
	     MX_TEST(test_a_proxy_is_used_when_it_is_set))
