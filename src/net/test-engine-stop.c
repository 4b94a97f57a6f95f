/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the engine ends: what is parked is cancelled, what must drain is waited for
 * until the deadline, the program's callbacks hang nobody, and a forked child
 * has none of it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/fork.h"
#include "net/test-tally.h"

/* --- Stopping ----------------------------------------------------------- */

static void test_a_stop_cancels_what_is_parked(void **state)
{
	struct peer *p = peer_start(tally_park, NULL);
	struct mx_channel *ch[20];
	struct mx_engine_left left;
	struct tally t;

	tally_init(&t);
	assert_int_equal(mx_engine_hold(), 0);
	assert_int_equal(mx_engine_hold(), 0);
	for (int i = 0; i < 20; i++) {
		ch[i] = tally_channel(peer_url(p), "ann", NULL);
		struct mx_engine_req q = tally_request(ch[i], &t);

		assert_int_equal(mx_engine_submit(&q), 0);
	}
	assert_int_equal(mx_engine_call(tally_ran, &t,
					mx_mono_in_ms(LATER * 100), NULL, 0),
			 0);
	peer_log_wait(p, 20);
	tally_drop(&left); /* not the last hold */
	assert_int_equal(t.done, 0);
	tally_drop(&left);
	assert_int_equal(t.done, 21);
	assert_int_equal(t.canceled, 21);
	assert_int_equal(left.requests, 0);
	assert_int_equal(left.callbacks, 0);
	for (int i = 0; i < 20; i++)
		mx_channel_unref(ch[i]);
	assert_int_equal(mx_net_fd_count(), 0);
	peer_stop(p);
	tally_fini(&t);
}

/* A Release whose outcome starts a Disconnect, both while stopping. */
struct chain {
	struct tally t;
	struct mx_channel *ch;
	unsigned left;
};

static void next_link(void *arg, int err, struct mx_xresp *r,
		      const struct mx_fault *f)
{
	struct chain *c = arg;
	struct mx_engine_req q = tally_request(c->ch, &c->t);

	q.done = next_link;
	q.arg = c;
	q.flags = MX_ENGINE_DRAIN;
	if (!err && c->left && c->left--)
		err = mx_engine_submit(&q);
	tally_add(&c->t, err, r, f);
}

static void test_a_stop_waits_for_what_must_drain(void **state)
{
	struct peer *p = peer_start(peer_echo, NULL);
	struct chain c = {.ch = tally_channel(peer_url(p), "ann", NULL),
			  .left = 9};
	struct mx_engine_left left;
	struct mx_engine_req q;

	tally_init(&c.t);
	assert_int_equal(mx_engine_hold(), 0);
	q = tally_request(c.ch, &c.t);
	q.done = next_link;
	q.arg = &c;
	q.flags = MX_ENGINE_DRAIN;
	/* Its time has not come, which a stop does not wait for. */
	q.not_before = mx_mono_in_ms(LATER * 100);
	assert_int_equal(mx_engine_submit(&q), 0);
	tally_drop(&left);
	assert_int_equal(c.t.done, 10);
	assert_int_equal(c.t.ok, 10);
	assert_int_equal(left.requests, 0);
	mx_channel_unref(c.ch);
	peer_stop(p);
	tally_fini(&c.t);
}

static void test_a_stop_past_its_deadline_says_what_it_left(void **state)
{
	struct peer *p = peer_start(tally_park, NULL);
	struct mx_channel *ch = tally_channel(peer_url(p), "ann", NULL);
	struct mx_engine_left left;
	struct mx_engine_req q;
	char want[200];
	struct tally t;

	tally_init(&t);
	assert_int_equal(mx_engine_hold(), 0);
	q = tally_request(ch, &t);
	q.flags = MX_ENGINE_DRAIN;
	q.x.type = "Disconnect";
	assert_int_equal(mx_engine_submit(&q), 0);
	peer_log_wait(p, 1);
	assert_int_equal(mx_engine_drop(mx_mono_in_ms(50), &left), 0);
	assert_int_equal(t.done, 1);
	assert_int_equal(t.canceled, 1);
	assert_int_equal(left.requests, 1);
	snprintf(want, sizeof(want), "Disconnect for ann at 127.0.0.1:%u",
		 peer_port(p));
	assert_string_equal(left.names[0], want);
	mx_channel_unref(ch);
	peer_stop(p);
	tally_fini(&t);
}

static void test_the_engine_starts_and_stops_many_times(void **state)
{
	struct peer *p = peer_start(peer_echo, NULL);
	struct mx_channel *ch = tally_channel(peer_url(p), "ann", NULL);
	struct tally t;

	tally_init(&t);
	for (unsigned i = 1; i <= 200; i++) {
		struct mx_engine_req q = tally_request(ch, &t);

		assert_int_equal(mx_engine_hold(), 0);
		q.flags = i % 2 ? MX_ENGINE_DRAIN : 0;
		assert_int_equal(mx_engine_submit(&q), 0);
		tally_drop(NULL);
		assert_int_equal(t.done, i);
	}
	assert_true(t.ok >= 100);
	assert_int_equal(t.other, 0);
	mx_channel_unref(ch);
	assert_int_equal(mx_net_fd_count(), 0);
	peer_stop(p);
	tally_fini(&t);
}

/* --- Credentials from the program --------------------------------------- */

struct asker {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool asked, open;
	char thread[16];
};

static int slow_secret(void *arg, const char *server, struct mx_secret *ret)
{
	struct asker *a = arg;

	pthread_mutex_lock(&a->lock);
	a->asked = true;
	pthread_getname_np(pthread_self(), a->thread, sizeof(a->thread));
	pthread_cond_broadcast(&a->cond);
	while (!a->open)
		pthread_cond_wait(&a->cond, &a->lock);
	pthread_mutex_unlock(&a->lock);
	return mx_secret_set(ret, "token");
}

static void asker_open(struct asker *a)
{
	pthread_mutex_lock(&a->lock);
	a->open = true;
	pthread_cond_broadcast(&a->cond);
	pthread_mutex_unlock(&a->lock);
}

static void asker_wait(struct asker *a)
{
	pthread_mutex_lock(&a->lock);
	while (!a->asked)
		pthread_cond_wait(&a->cond, &a->lock);
	pthread_mutex_unlock(&a->lock);
}

static struct mx_userctx *bearer_user(struct asker *a)
{
	struct mx_userctx_params p = {
		.login = "bea",
		.auth = MX_AUTH_BEARER,
		.secret = slow_secret,
		.arg = a,
	};
	struct mx_userctx *u = NULL;

	assert_int_equal(mx_sid_parse("S-1-5-21-1-2-3-1002", &p.sid), 0);
	assert_int_equal(mx_userctx_new(&p, &u), 0);
	return u;
}

#define ASKER_INIT                                                             \
	{                                                                      \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER            \
	}

/* The program's password callback hangs: others go on, a cancel ends the wait,
 * and the answer that comes late harms nobody. */
static void test_a_hanging_credential_callback_hangs_nobody(void **state)
{
	struct asker a = ASKER_INIT;
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = bearer_user(&a);
	struct peer *p = peer_start(peer_echo, NULL);
	struct mx_channel *bea = NULL,
			  *ann = tally_channel(peer_url(p), "ann", NULL);
	struct mx_cancel token;
	struct mx_engine_req q;
	struct tally t;

	tally_init(&t);
	mx_cancel_init(&token);
	assert_int_equal(mx_engine_hold(), 0);
	assert_int_equal(mx_channel_new(peer_url(p), u, NULL, &bea, NULL), 0);
	q = tally_request(bea, &t);
	q.x.cancel = &token;
	assert_int_equal(mx_engine_submit(&q), 0);
	asker_wait(&a);
	assert_string_equal(a.thread, "mx-callback");
	q = tally_request(ann, &t);
	assert_int_equal(mx_engine_submit(&q), 0);
	tally_wait(&t, 1);
	assert_int_equal(t.ok, 1);
	mx_cancel_fire(&token);
	tally_wait(&t, 2);
	assert_int_equal(t.canceled, 1);
	asker_open(&a);
	/* Now it answers at once. */
	mx_cancel_reset(&token);
	q = tally_request(bea, &t);
	assert_int_equal(mx_engine_submit(&q), 0);
	tally_wait(&t, 3);
	assert_int_equal(t.ok, 2);
	tally_drop(NULL);
	assert_string_equal(peer_log_get(p, 1).auth, "Bearer token");
	mx_channel_unref(bea);
	mx_channel_unref(ann);
	peer_stop(p);
	mx_cancel_fini(&token);
	tally_fini(&t);
}

/* A stop with the callback still hanging ends by its deadline and says so. */
static void test_a_stop_with_a_hanging_callback_ends(void **state)
{
	struct asker a = ASKER_INIT;
	struct mx_userctx *u = bearer_user(&a);
	struct mx_channel *bea = NULL;
	struct mx_engine_left left;
	struct mx_engine_req q;
	struct tally t;

	tally_init(&t);
	assert_int_equal(mx_engine_hold(), 0);
	assert_int_equal(
		mx_channel_new("http://127.0.0.1:1/", u, NULL, &bea, NULL), 0);
	q = tally_request(bea, &t);
	assert_int_equal(mx_engine_submit(&q), 0);
	asker_wait(&a);
	assert_int_equal(mx_engine_drop(mx_mono_in_ms(50), &left), 0);
	assert_int_equal(t.canceled, 1);
	assert_int_equal(left.callbacks, 1);
	mx_channel_unref(bea);
	mx_userctx_unref(u);
	/* The thread comes back into a stopped pool, and into a new engine's
	 * time, and ends.  Its loop's descriptors go with it. */
	assert_int_equal(mx_engine_hold(), 0);
	asker_open(&a);
	while (mx_net_fd_count())
		sched_yield();
	tally_drop(NULL);
	tally_fini(&t);
}

/* --- Fork --------------------------------------------------------------- */

static int in_child(struct mx_channel *ch, struct tally *t)
{
	MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
	struct mx_engine_req q = tally_request(ch, t);
	struct mx_engine_stats s;

	if (mx_net_fd_count())
		return 1;
	if (mx_engine_submit(&q) != -ECHILD)
		return 2;
	if (mx_exchange(ch, &q.x, &r, NULL) != -ECHILD)
		return 3;
	if (mx_engine_call(tally_ran, t, (mx_mono){0}, NULL, 0) != -ESHUTDOWN)
		return 4;
	mx_engine_stats(&s);
	if (s.threads || s.running)
		return 5;
	mx_channel_unref(ch);
	/* And afresh. */
	if (mx_engine_hold())
		return 6;
	return mx_engine_drop(mx_mono_in_ms(LATER), NULL) ? 7 : 0;
}

/* Nothing of the child reaches the server, and the parent goes on. */
static void test_a_forked_child_is_inert(void **state)
{
	struct peer *p = peer_start(tally_park, NULL);
	struct mx_channel *ch = tally_channel(peer_url(p), "ann", NULL);
	struct mx_engine_req q;
	struct tally t;
	int status;
	pid_t pid;

#if defined(__SANITIZE_THREAD__)
	mx_test_skip("TSan does not follow threads into a forked child");
#endif
	tally_init(&t);
	assert_int_equal(mx_engine_hold(), 0);
	q = tally_request(ch, &t);
	assert_int_equal(mx_engine_submit(&q), 0);
	peer_log_wait(p, 1);
	pid = fork();
	if (!pid)
		_exit(in_child(ch, &t));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(t.done, 0);
	assert_int_equal(peer_log_count(p), 1);
	tally_drop(NULL);
	assert_int_equal(t.canceled, 1);
	mx_channel_unref(ch);
	peer_stop(p);
	tally_fini(&t);
}

/* A listener that answers no SYN: its queue of connections is full. */
static int listen_full(unsigned *ret_port, int filler[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (void *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (void *)&a, &n), 0);
	for (int i = 0; i < 2; i++) {
		filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(filler[i], (void *)&a, sizeof(a));
	}
	*ret_port = ntohs(a.sin_port);
	return fd;
}

/* libcurl closes a socket that is still connecting by itself, without asking.  Its
 * number may be the program's next: a forked child must not close that. */
static void test_a_connect_given_up_leaves_no_descriptor(void **state)
{
	enum { N = 64 };
	struct mx_net_opts o = MX_NET_OPTS_INIT;
	struct mx_engine_req q;
	struct mx_channel *ch;
	int fd, filler[2], own[N], status;
	unsigned port;
	struct tally t;
	char url[64];
	pid_t pid;

	tally_init(&t);
	fd = listen_full(&port, filler);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
	o.idle_ms = 50;
	ch = tally_channel(url, "ann", &o);
	assert_int_equal(mx_engine_hold(), 0);
	q = tally_request(ch, &t);
	assert_int_equal(mx_engine_submit(&q), 0);
	tally_wait(&t, 1);
	assert_int_equal(t.last_err, -ETIMEDOUT);
	tally_drop(NULL);
	mx_channel_unref(ch);
	assert_int_equal(mx_net_fd_count(), 0);
	for (int i = 0; i < N; i++)
		own[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid = fork();
	if (!pid) {
		for (int i = 0; i < N; i++)
			if (fcntl(own[i], F_GETFD) < 0)
				_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (int i = 0; i < N; i++)
		close(own[i]);
	close(filler[0]);
	close(filler[1]);
	close(fd);
	tally_fini(&t);
}

MX_TEST_MAIN(MX_TEST(test_a_stop_cancels_what_is_parked),
	     MX_TEST(test_a_stop_waits_for_what_must_drain),
	     MX_TEST(test_a_stop_past_its_deadline_says_what_it_left),
	     MX_TEST(test_the_engine_starts_and_stops_many_times),
	     MX_TEST(test_a_hanging_credential_callback_hangs_nobody),
	     MX_TEST(test_a_stop_with_a_hanging_callback_ends),
	     MX_TEST(test_a_forked_child_is_inert),
	     MX_TEST(test_a_connect_given_up_leaves_no_descriptor))
