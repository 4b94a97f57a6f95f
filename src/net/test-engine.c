/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The poll engine: everything submitted completes exactly once, under its own
 * user, on few threads, and stopping never hangs.
 */
#include "net/engine.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/test.h"
#include "identity/creds.h"
#include "net/fork.h"
#include "net/opts.h"
#include "net/test-peer.h"
#include "net/test-user.h"

#define ID "{11111111-2222-3333-4444-555555555555}:1"
#define LATER 20000 /* ms; a deadline no good run comes near */

/* --- Collecting outcomes ------------------------------------------------ */

struct tally {
	struct mx_mutex lock;
	struct mx_cond cond;
	unsigned done, ok, canceled, other;
	int last_err;
	enum mx_xwhy last_why;
	struct mx_fault fault;
};

static void tally_init(struct tally *t)
{
	memset(t, 0, sizeof(*t));
	mx_mutex_init(&t->lock);
	mx_cond_init(&t->cond);
}

static void tally_fini(struct tally *t)
{
	mx_cond_fini(&t->cond);
	mx_mutex_fini(&t->lock);
}

static void tally_add(struct tally *t, int err, const struct mx_xresp *r,
		      const struct mx_fault *f)
{
	mx_mutex_lock(&t->lock);
	t->done++;
	t->ok += err == 0;
	t->canceled += err == -ECANCELED;
	t->other += err && err != -ECANCELED;
	t->last_err = err;
	t->last_why = r ? r->why : MX_XWHY_OK;
	if (f)
		t->fault = *f;
	mx_cond_broadcast(&t->cond);
	mx_mutex_unlock(&t->lock);
}

static void done(void *arg, int err, struct mx_xresp *r,
		 const struct mx_fault *f)
{
	if (!err && !r->body.len)
		err = -ENODATA;
	tally_add(arg, err, r, f);
}

static void ran(void *arg, int err)
{
	tally_add(arg, err, NULL, NULL);
}

static void tally_wait(struct tally *t, unsigned n)
{
	mx_mutex_lock(&t->lock);
	while (t->done < n)
		mx_cond_wait(&t->cond, &t->lock, MX_MONO_NEVER);
	mx_mutex_unlock(&t->lock);
}

static struct mx_channel *channel(const char *url, const char *user,
				  const struct mx_net_opts *o)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = test_user(user, "pw");
	struct mx_channel *ch = NULL;

	assert_int_equal(mx_channel_new(url, u, o, &ch, NULL), 0);
	return ch;
}

static struct mx_engine_req request(struct mx_channel *ch, struct tally *t)
{
	return (struct mx_engine_req){
		.ch = ch,
		.x = {.type = "NotificationWait",
		      .body = "hello",
		      .body_len = 5,
		      .request_id = ID},
		.done = done,
		.arg = t,
	};
}

static void drop(struct mx_engine_left *left)
{
	assert_int_equal(mx_engine_drop(mx_mono_in_ms(LATER), left), 0);
}

static void park(struct peer_conn *c, void *arg)
{
	struct peer_request r;

	if (peer_read(c, &r))
		peer_wait_close(c);
}

/* --- Under whose name --------------------------------------------------- */

#define USERS 60

/* DESIGN 3.4, B15: each request under its own user, and a connection never
 * serves two, also after users have left and others come. */
static void test_each_request_goes_out_as_its_own_user(void **state)
{
	struct mx_channel *ch[USERS];
	struct peer *p = peer_start(peer_echo, NULL);
	static char owner[65536][64];
	struct tally t;
	char name[16];
	unsigned seen = 0;

	memset(owner, 0, sizeof(owner));
	tally_init(&t);
	assert_int_equal(mx_engine_hold(), 0);
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < USERS; i++) {
			if (round % 2 == 0) {
				snprintf(name, sizeof(name), "user%u", i);
				ch[i] = channel(peer_url(p), name, NULL);
			}
			struct mx_engine_req q = request(ch[i], &t);

			assert_int_equal(mx_engine_submit(&q), 0);
		}
		tally_wait(&t, (round + 1) * USERS);
		for (unsigned i = 0; round % 2 && i < USERS; i++)
			mx_channel_unref(ch[i]);
	}
	assert_int_equal(t.ok, 4 * USERS);
	drop(NULL);
	assert_int_equal(peer_log_count(p), 4 * USERS);
	for (size_t i = 0; i < 4 * USERS; i++) {
		struct peer_request r = peer_log_get(p, i);

		if (owner[r.client_port][0])
			assert_string_equal(owner[r.client_port], r.auth);
		else
			seen++;
		snprintf(owner[r.client_port], sizeof(owner[0]), "%.60s",
			 r.auth);
	}
	/* Kept connections are used again: two per user, not four. */
	assert_true(seen <= 2 * USERS + USERS / 2);
	assert_int_equal(mx_net_fd_count(), 0);
	peer_stop(p);
	tally_fini(&t);
}

struct creds_check {
	struct tally t;
	atomic_int equal;
};

static void check_creds(void *arg, int err)
{
	MX_AUTO(mx_creds_auto) struct mx_creds a = MX_CREDS_INIT;
	MX_AUTO(mx_creds_auto) struct mx_creds b = MX_CREDS_INIT;
	struct creds_check *c = arg;

	if (!mx_creds_process(&a) && !mx_creds_thread(&b))
		atomic_store(&c->equal, mx_creds_equal(&a, &b));
	tally_add(&c->t, err, NULL, NULL);
}

static void *start_as_nobody(void *arg)
{
	/* Effective ids of this thread alone, the real ones stay root's. */
	if (syscall(SYS_setresgid, -1, 65534, -1) ||
	    syscall(SYS_setresuid, -1, 65534, -1))
		return (void *)1;
	return (void *)(intptr_t)mx_engine_call(check_creds, arg, (mx_mono){0},
						NULL, 0);
}

/* B15: the engine is first started by a thread that impersonates someone. */
static void test_engine_threads_have_the_process_credentials(void **state)
{
	struct creds_check c = {.equal = -1};
	pthread_t id;
	void *ret;

	if (getuid())
		mx_test_skip("needs root to become another user");
	tally_init(&c.t);
	assert_int_equal(mx_engine_hold(), 0);
	pthread_create(&id, NULL, start_as_nobody, &c);
	pthread_join(id, &ret);
	assert_null(ret);
	tally_wait(&c.t, 1);
	assert_int_equal(c.equal, 1);
	drop(NULL);
	tally_fini(&c.t);
}

/* --- Cancelling, deadlines, refusals ------------------------------------ */

static void test_a_parked_request_is_cancelled(void **state)
{
	struct peer *p = peer_start(park, NULL);
	struct mx_channel *ch = channel(peer_url(p), "ann", NULL);
	struct mx_cancel token;
	struct mx_engine_req q;
	struct tally t;

	tally_init(&t);
	mx_cancel_init(&token);
	assert_int_equal(mx_engine_hold(), 0);
	q = request(ch, &t);
	q.x.cancel = &token;
	assert_int_equal(mx_engine_submit(&q), 0);
	peer_log_wait(p, 1);
	mx_cancel_fire(&token);
	tally_wait(&t, 1);
	assert_int_equal(t.last_err, -ECANCELED);
	assert_int_equal(t.last_why, MX_XWHY_CANCELED);
	assert_string_equal(t.fault.user, "ann");
	assert_string_equal(t.fault.op, "NotificationWait");
	/* And one that fired before. */
	assert_int_equal(mx_engine_submit(&q), 0);
	tally_wait(&t, 2);
	assert_int_equal(t.last_err, -ECANCELED);
	/* And a closure that waits. */
	mx_cancel_reset(&token);
	assert_int_equal(
		mx_engine_call(ran, &t, mx_mono_in_ms(LATER), &token, 0), 0);
	mx_cancel_fire(&token);
	tally_wait(&t, 3);
	assert_int_equal(t.last_err, -ECANCELED);
	drop(NULL);
	assert_int_equal(t.done, 3);
	mx_channel_unref(ch);
	peer_stop(p);
	mx_cancel_fini(&token);
	tally_fini(&t);
}

static void test_the_idle_deadline_ends_a_background_request(void **state)
{
	struct mx_net_opts o = MX_NET_OPTS_INIT;
	struct peer *p = peer_start(park, NULL);
	struct mx_engine_req q;
	struct mx_channel *ch;
	struct tally t;

	tally_init(&t);
	o.idle_ms = 50;
	ch = channel(peer_url(p), "ann", &o);
	assert_int_equal(mx_engine_hold(), 0);
	q = request(ch, &t);
	assert_int_equal(mx_engine_submit(&q), 0);
	tally_wait(&t, 1);
	assert_int_equal(t.last_err, -ETIMEDOUT);
	assert_int_equal(t.last_why, MX_XWHY_IDLE);
	drop(NULL);
	mx_channel_unref(ch);
	peer_stop(p);
	tally_fini(&t);
}

static void test_a_second_request_on_a_channel_completes_as_busy(void **state)
{
	struct peer *p = peer_start(park, NULL);
	struct mx_channel *ch = channel(peer_url(p), "ann", NULL);
	struct mx_engine_req q;
	struct tally t;

	tally_init(&t);
	assert_int_equal(mx_engine_hold(), 0);
	q = request(ch, &t);
	assert_int_equal(mx_engine_submit(&q), 0);
	peer_log_wait(p, 1);
	assert_int_equal(mx_engine_submit(&q), 0);
	tally_wait(&t, 1);
	assert_int_equal(t.last_err, -EBUSY);
	drop(NULL);
	assert_int_equal(t.done, 2);
	assert_int_equal(t.canceled, 1);
	mx_channel_unref(ch);
	peer_stop(p);
	tally_fini(&t);
}

static void test_without_a_hold_nothing_is_taken(void **state)
{
	struct mx_channel *ch = channel("http://127.0.0.1:1/", "ann", NULL);
	struct tally t;
	struct mx_engine_req q;

	tally_init(&t);
	q = request(ch, &t);
	assert_int_equal(mx_engine_submit(&q), -ESHUTDOWN);
	assert_int_equal(mx_engine_call(ran, &t, (mx_mono){0}, NULL, 0),
			 -ESHUTDOWN);
	assert_int_equal(mx_engine_drop(mx_mono_in_ms(0), NULL), -EINVAL);
	assert_int_equal(t.done, 0);
	mx_channel_unref(ch);
	tally_fini(&t);
}

/* --- Closures ----------------------------------------------------------- */

struct order {
	struct tally t;
	char text[16];
};

static struct order order;

static void note_a(void *arg, int err)
{
	strcat(order.text, "a");
	ran(&order.t, err);
}

static void note_b(void *arg, int err)
{
	strcat(order.text, "b");
	ran(&order.t, err);
}

static void note_c(void *arg, int err)
{
	strcat(order.text, "c");
	ran(&order.t, err);
}

/* From inside one closure, so that one thread's heap has them all. */
static void test_closures_run_in_the_order_of_their_times(void **state)
{
	memset(&order, 0, sizeof(order));
	tally_init(&order.t);
	assert_int_equal(mx_engine_hold(), 0);
	mx_mono now = mx_mono_now();

	assert_int_equal(mx_engine_call(note_c, NULL,
					(mx_mono){now.ns + 90 * MX_NS_PER_MS},
					NULL, 0),
			 0);
	assert_int_equal(mx_engine_call(note_a, NULL,
					(mx_mono){now.ns + 30 * MX_NS_PER_MS},
					NULL, 0),
			 0);
	assert_int_equal(mx_engine_call(note_b, NULL,
					(mx_mono){now.ns + 60 * MX_NS_PER_MS},
					NULL, 0),
			 0);
	tally_wait(&order.t, 3);
	assert_true(mx_mono_now().ns >= now.ns + 90 * MX_NS_PER_MS);
	assert_int_equal(order.t.ok, 3);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 4)
		assert_string_equal(order.text, "abc");
	drop(NULL);
	tally_fini(&order.t);
}

/* --- Keep-alives: no second above twice the mean ------------------------ */

enum { BEATS = 10000, PERIOD_S = 450 }; /* half of 15 minutes */

struct beats {
	uint32_t k;
	unsigned second[BEATS]; /* of each context, in the period */
};

static void beat_at(struct beats *b, unsigned i, int64_t now_ns)
{
	mx_mono due = mx_engine_beat_after((mx_mono){now_ns}, ++b->k,
					   PERIOD_S * 1000);

	assert_true(due.ns >= now_ns);
	assert_true(due.ns < now_ns + PERIOD_S * MX_NS_PER_S);
	b->second[i] = (unsigned)(due.ns / MX_NS_PER_S % PERIOD_S);
}

static void check_spread(const struct beats *b, unsigned n)
{
	unsigned count[PERIOD_S] = {0};

	for (unsigned i = 0; i < n; i++)
		count[b->second[i]]++;
	for (unsigned i = 0; i < PERIOD_S; i++)
		if (count[i] * PERIOD_S > 2 * n)
			fail_msg("second %u has %u of %u", i, count[i], n);
}

/* After 10,000 logons: at one moment, and at rates from 1 ms to an hour apart,
 * among them the one that goes with the golden ratio. */
static void test_keep_alives_spread_whenever_users_log_on(void **state)
{
	static const int64_t apart_ms[] = {
		0, 1, 6, 10, 100, 1000, 5000, 171885, 278115, 450000, 3600000};
	static struct beats b;

	for (size_t r = 0; r < MX_ARRAY_SIZE(apart_ms); r++) {
		b.k = (uint32_t)r * 12345;
		for (unsigned i = 0; i < BEATS; i++)
			beat_at(&b, i,
				1000000007 + i * apart_ms[r] * MX_NS_PER_MS);
		check_spread(&b, BEATS);
	}
}

/* After an outage of whatever length everybody has his place again; who comes
 * and who goes meanwhile does not matter. */
static void test_keep_alives_spread_after_a_mass_reconnect(void **state)
{
	static struct beats b;
	const int64_t period = PERIOD_S * MX_NS_PER_S;
	int64_t now = 77 * MX_NS_PER_S + 3;

	for (unsigned i = 0; i < BEATS; i++)
		beat_at(&b, i, now);
	for (unsigned outage = 1; outage < 5 * PERIOD_S; outage += 61) {
		for (unsigned i = 0; i < BEATS; i++) {
			mx_mono last = {now - now % period +
					b.second[i] * MX_NS_PER_S};
			mx_mono next, then = {now + outage * MX_NS_PER_S};

			next = mx_engine_next_beat(last, then, PERIOD_S * 1000);
			assert_true(next.ns > then.ns);
			assert_true(next.ns <= then.ns + period);
			assert_int_equal((next.ns - last.ns) % period, 0);
			b.second[i] =
				(unsigned)(next.ns / MX_NS_PER_S % PERIOD_S);
		}
		check_spread(&b, BEATS);
		now += outage * MX_NS_PER_S;
		/* A third of them is replaced by others. */
		for (unsigned i = 0; i < BEATS / 3; i++)
			beat_at(&b, (outage * 100 + i) % BEATS, now);
		check_spread(&b, BEATS);
	}
}

/* The engine counts who asks, in all threads. */
static void test_first_beats_spread_evenly(void **state)
{
	static struct beats b;

	for (int i = 0; i < BEATS; i++)
		b.second[i] =
			(unsigned)(mx_engine_first_beat(PERIOD_S * 1000).ns /
				   MX_NS_PER_S % PERIOD_S);
	check_spread(&b, BEATS);
}

/* --- A thrifty channel ------------------------------------------------- */

/* Connections are its own; while it is answered at once it keeps one, and
 * nothing is left open. */
static void test_a_thrifty_channel_shares_no_connection(void **state)
{
	enum { N = 20 };
	struct peer *p = peer_start(peer_echo, NULL);
	struct mx_channel *ch[2] = {channel(peer_url(p), "ann", NULL),
				    channel(peer_url(p), "bob", NULL)};
	char owner[65536] = {0};
	struct tally t;

	tally_init(&t);
	mx_channel_set_thrifty(ch[0]);
	mx_channel_set_thrifty(ch[1]);
	assert_int_equal(mx_engine_hold(), 0);
	for (unsigned i = 0; i < N; i++) {
		struct mx_engine_req q = request(ch[i % 2], &t);
		char *who;

		assert_int_equal(mx_engine_submit(&q), 0);
		tally_wait(&t, i + 1);
		if (t.ok != i + 1)
			fail_msg("%d %s", t.last_err, t.fault.text);
		who = &owner[peer_log_get(p, i).client_port];
		assert_true(!*who || *who == "ab"[i % 2]);
		*who = "ab"[i % 2];
	}
	/* The first of each is alone: nobody knew that it would be quick. */
	assert_int_equal(peer_accepted(p), 4);
	mx_channel_unref(ch[0]);
	mx_channel_unref(ch[1]);
	drop(NULL);
	assert_int_equal(mx_net_fd_count(), 0);
	tally_fini(&t);
	peer_stop(p);
}

/* --- Stopping ----------------------------------------------------------- */

static void test_a_stop_cancels_what_is_parked(void **state)
{
	struct peer *p = peer_start(park, NULL);
	struct mx_channel *ch[20];
	struct mx_engine_left left;
	struct tally t;

	tally_init(&t);
	assert_int_equal(mx_engine_hold(), 0);
	assert_int_equal(mx_engine_hold(), 0);
	for (int i = 0; i < 20; i++) {
		ch[i] = channel(peer_url(p), "ann", NULL);
		struct mx_engine_req q = request(ch[i], &t);

		assert_int_equal(mx_engine_submit(&q), 0);
	}
	assert_int_equal(mx_engine_call(ran, &t, mx_mono_in_ms(LATER * 100),
					NULL, 0),
			 0);
	peer_log_wait(p, 20);
	drop(&left); /* not the last hold */
	assert_int_equal(t.done, 0);
	drop(&left);
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
	struct mx_engine_req q = request(c->ch, &c->t);

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
	struct chain c = {.ch = channel(peer_url(p), "ann", NULL), .left = 9};
	struct mx_engine_left left;
	struct mx_engine_req q;

	tally_init(&c.t);
	assert_int_equal(mx_engine_hold(), 0);
	q = request(c.ch, &c.t);
	q.done = next_link;
	q.arg = &c;
	q.flags = MX_ENGINE_DRAIN;
	/* Its time has not come, which a stop does not wait for. */
	q.not_before = mx_mono_in_ms(LATER * 100);
	assert_int_equal(mx_engine_submit(&q), 0);
	drop(&left);
	assert_int_equal(c.t.done, 10);
	assert_int_equal(c.t.ok, 10);
	assert_int_equal(left.requests, 0);
	mx_channel_unref(c.ch);
	peer_stop(p);
	tally_fini(&c.t);
}

static void test_a_stop_past_its_deadline_says_what_it_left(void **state)
{
	struct peer *p = peer_start(park, NULL);
	struct mx_channel *ch = channel(peer_url(p), "ann", NULL);
	struct mx_engine_left left;
	struct mx_engine_req q;
	char want[200];
	struct tally t;

	tally_init(&t);
	assert_int_equal(mx_engine_hold(), 0);
	q = request(ch, &t);
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
	struct mx_channel *ch = channel(peer_url(p), "ann", NULL);
	struct tally t;

	tally_init(&t);
	for (unsigned i = 1; i <= 200; i++) {
		struct mx_engine_req q = request(ch, &t);

		assert_int_equal(mx_engine_hold(), 0);
		q.flags = i % 2 ? MX_ENGINE_DRAIN : 0;
		assert_int_equal(mx_engine_submit(&q), 0);
		drop(NULL);
		assert_int_equal(t.done, i);
	}
	assert_true(t.ok >= 100);
	assert_int_equal(t.other, 0);
	mx_channel_unref(ch);
	assert_int_equal(mx_net_fd_count(), 0);
	peer_stop(p);
	tally_fini(&t);
}

/* --- Exactly once, under a storm of cancels ----------------------------- */

#define STORM 300

struct storm {
	struct mx_cancel tokens[STORM];
	atomic_uint calls[STORM];
	struct tally t;
};

struct storm_arg {
	struct storm *s;
	unsigned i;
};

static void storm_done(void *arg, int err, struct mx_xresp *r,
		       const struct mx_fault *f)
{
	struct storm_arg *a = arg;

	atomic_fetch_add(&a->s->calls[a->i], 1);
	tally_add(&a->s->t, err, r, f);
}

static void *storm_main(void *arg)
{
	struct storm *s = arg;

	for (unsigned i = 0; i < STORM; i += 2)
		mx_cancel_fire(&s->tokens[i]);
	return NULL;
}

static void test_everything_completes_exactly_once(void **state)
{
	static struct storm s;
	static struct storm_arg args[STORM];
	struct peer *p = peer_start(peer_echo, NULL);
	struct mx_channel *ch[STORM];
	pthread_t id[2];

	memset(&s, 0, sizeof(s));
	tally_init(&s.t);
	assert_int_equal(mx_engine_hold(), 0);
	for (unsigned i = 0; i < STORM; i++) {
		mx_cancel_init(&s.tokens[i]);
		args[i] = (struct storm_arg){&s, i};
		ch[i] = channel(peer_url(p), "ann", NULL);
	}
	for (unsigned i = 0; i < STORM; i++) {
		struct mx_engine_req q = request(ch[i], &s.t);

		q.x.cancel = &s.tokens[i];
		q.done = storm_done;
		q.arg = &args[i];
		assert_int_equal(mx_engine_submit(&q), 0);
		if (i == STORM / 4)
			pthread_create(&id[0], NULL, storm_main, &s);
		if (i == STORM / 2)
			pthread_create(&id[1], NULL, storm_main, &s);
	}
	pthread_join(id[0], NULL);
	pthread_join(id[1], NULL);
	tally_wait(&s.t, STORM);
	drop(NULL);
	for (unsigned i = 0; i < STORM; i++) {
		assert_int_equal(s.calls[i], 1);
		mx_cancel_fini(&s.tokens[i]);
		mx_channel_unref(ch[i]);
	}
	assert_int_equal(s.t.other, 0);
	assert_true(s.t.ok >= STORM / 2);
	assert_int_equal(mx_net_fd_count(), 0);
	peer_stop(p);
	tally_fini(&s.t);
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
	struct mx_channel *bea = NULL, *ann = channel(peer_url(p), "ann", NULL);
	struct mx_cancel token;
	struct mx_engine_req q;
	struct tally t;

	tally_init(&t);
	mx_cancel_init(&token);
	assert_int_equal(mx_engine_hold(), 0);
	assert_int_equal(mx_channel_new(peer_url(p), u, NULL, &bea, NULL), 0);
	q = request(bea, &t);
	q.x.cancel = &token;
	assert_int_equal(mx_engine_submit(&q), 0);
	asker_wait(&a);
	assert_string_equal(a.thread, "mx-callback");
	q = request(ann, &t);
	assert_int_equal(mx_engine_submit(&q), 0);
	tally_wait(&t, 1);
	assert_int_equal(t.ok, 1);
	mx_cancel_fire(&token);
	tally_wait(&t, 2);
	assert_int_equal(t.canceled, 1);
	asker_open(&a);
	/* Now it answers at once. */
	mx_cancel_reset(&token);
	q = request(bea, &t);
	assert_int_equal(mx_engine_submit(&q), 0);
	tally_wait(&t, 3);
	assert_int_equal(t.ok, 2);
	drop(NULL);
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
	q = request(bea, &t);
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
	drop(NULL);
	tally_fini(&t);
}

/* --- Fork --------------------------------------------------------------- */

static int in_child(struct mx_channel *ch, struct tally *t)
{
	MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
	struct mx_engine_req q = request(ch, t);
	struct mx_engine_stats s;

	if (mx_net_fd_count())
		return 1;
	if (mx_engine_submit(&q) != -ECHILD)
		return 2;
	if (mx_exchange(ch, &q.x, &r, NULL) != -ECHILD)
		return 3;
	if (mx_engine_call(ran, t, (mx_mono){0}, NULL, 0) != -ESHUTDOWN)
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
	struct peer *p = peer_start(park, NULL);
	struct mx_channel *ch = channel(peer_url(p), "ann", NULL);
	struct mx_engine_req q;
	struct tally t;
	int status;
	pid_t pid;

#if defined(__SANITIZE_THREAD__)
	mx_test_skip("TSan does not follow threads into a forked child");
#endif
	tally_init(&t);
	assert_int_equal(mx_engine_hold(), 0);
	q = request(ch, &t);
	assert_int_equal(mx_engine_submit(&q), 0);
	peer_log_wait(p, 1);
	pid = fork();
	if (!pid)
		_exit(in_child(ch, &t));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(t.done, 0);
	assert_int_equal(peer_log_count(p), 1);
	drop(NULL);
	assert_int_equal(t.canceled, 1);
	mx_channel_unref(ch);
	peer_stop(p);
	tally_fini(&t);
}

/* --- How many threads --------------------------------------------------- */

static unsigned threads_now(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void test_threads_do_not_grow_with_users(void **state)
{
	enum { N = 200 };
	struct mx_channel *ch[N];
	struct mx_engine_stats s;
	struct mx_net_opts o = MX_NET_OPTS_INIT;
	unsigned before, port = peer_closed_port();
	struct tally t;
	char url[64];

	tally_init(&t);
	o.allow_plain = true;
	before = threads_now();
	assert_int_equal(mx_engine_hold(), 0);
	for (int i = 0; i < N; i++) {
		snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
		ch[i] = channel(url, "ann", &o);
		struct mx_engine_req q = request(ch[i], &t);

		assert_int_equal(mx_engine_submit(&q), 0);
	}
	mx_engine_stats(&s);
	assert_true(s.threads >= 1 && s.threads <= 4);
	assert_true(threads_now() <= before + s.threads);
	tally_wait(&t, N);
	assert_int_equal(t.other, N);
	assert_int_equal(t.last_err, -ECONNREFUSED);
	drop(NULL);
	for (int i = 0; i < N; i++)
		mx_channel_unref(ch[i]);
	tally_fini(&t);
}

MX_TEST_MAIN(MX_TEST(test_each_request_goes_out_as_its_own_user),
	     MX_TEST(test_engine_threads_have_the_process_credentials),
	     MX_TEST(test_a_parked_request_is_cancelled),
	     MX_TEST(test_the_idle_deadline_ends_a_background_request),
	     MX_TEST(test_a_second_request_on_a_channel_completes_as_busy),
	     MX_TEST(test_without_a_hold_nothing_is_taken),
	     MX_TEST(test_closures_run_in_the_order_of_their_times),
	     MX_TEST(test_keep_alives_spread_whenever_users_log_on),
	     MX_TEST(test_keep_alives_spread_after_a_mass_reconnect),
	     MX_TEST(test_first_beats_spread_evenly),
	     MX_TEST(test_a_thrifty_channel_shares_no_connection),
	     MX_TEST(test_a_stop_cancels_what_is_parked),
	     MX_TEST(test_a_stop_waits_for_what_must_drain),
	     MX_TEST(test_a_stop_past_its_deadline_says_what_it_left),
	     MX_TEST(test_the_engine_starts_and_stops_many_times),
	     MX_TEST(test_everything_completes_exactly_once),
	     MX_TEST(test_a_hanging_credential_callback_hangs_nobody),
	     MX_TEST(test_a_stop_with_a_hanging_callback_ends),
	     MX_TEST(test_a_forked_child_is_inert),
	     MX_TEST(test_threads_do_not_grow_with_users))
