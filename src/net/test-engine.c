/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The poll engine: everything submitted completes exactly once, under its own
 * user, on few threads.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "identity/creds.h"
#include "net/fork.h"
#include "net/test-tally.h"

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
				ch[i] = tally_channel(peer_url(p), name, NULL);
			}
			struct mx_engine_req q = tally_request(ch[i], &t);

			assert_int_equal(mx_engine_submit(&q), 0);
		}
		tally_wait(&t, (round + 1) * USERS);
		for (unsigned i = 0; round % 2 && i < USERS; i++)
			mx_channel_unref(ch[i]);
	}
	assert_int_equal(t.ok, 4 * USERS);
	tally_drop(NULL);
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
	tally_drop(NULL);
	tally_fini(&c.t);
}

/* --- Cancelling, deadlines, refusals ------------------------------------ */

static void test_a_parked_request_is_cancelled(void **state)
{
	struct peer *p = peer_start(tally_park, NULL);
	struct mx_channel *ch = tally_channel(peer_url(p), "ann", NULL);
	struct mx_cancel token;
	struct mx_engine_req q;
	struct tally t;

	tally_init(&t);
	mx_cancel_init(&token);
	assert_int_equal(mx_engine_hold(), 0);
	q = tally_request(ch, &t);
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
	assert_int_equal(mx_engine_call(tally_ran, &t, mx_mono_in_ms(LATER),
					&token, 0),
			 0);
	mx_cancel_fire(&token);
	tally_wait(&t, 3);
	assert_int_equal(t.last_err, -ECANCELED);
	tally_drop(NULL);
	assert_int_equal(t.done, 3);
	mx_channel_unref(ch);
	peer_stop(p);
	mx_cancel_fini(&token);
	tally_fini(&t);
}

static void test_the_idle_deadline_ends_a_background_request(void **state)
{
	struct mx_net_opts o = MX_NET_OPTS_INIT;
	struct peer *p = peer_start(tally_park, NULL);
	struct mx_engine_req q;
	struct mx_channel *ch;
	struct tally t;

	tally_init(&t);
	o.idle_ms = 50;
	ch = tally_channel(peer_url(p), "ann", &o);
	assert_int_equal(mx_engine_hold(), 0);
	q = tally_request(ch, &t);
	assert_int_equal(mx_engine_submit(&q), 0);
	tally_wait(&t, 1);
	assert_int_equal(t.last_err, -ETIMEDOUT);
	assert_int_equal(t.last_why, MX_XWHY_IDLE);
	tally_drop(NULL);
	mx_channel_unref(ch);
	peer_stop(p);
	tally_fini(&t);
}

static void test_a_second_request_on_a_channel_completes_as_busy(void **state)
{
	struct peer *p = peer_start(tally_park, NULL);
	struct mx_channel *ch = tally_channel(peer_url(p), "ann", NULL);
	struct mx_engine_req q;
	struct tally t;

	tally_init(&t);
	assert_int_equal(mx_engine_hold(), 0);
	q = tally_request(ch, &t);
	assert_int_equal(mx_engine_submit(&q), 0);
	peer_log_wait(p, 1);
	assert_int_equal(mx_engine_submit(&q), 0);
	tally_wait(&t, 1);
	assert_int_equal(t.last_err, -EBUSY);
	tally_drop(NULL);
	assert_int_equal(t.done, 2);
	assert_int_equal(t.canceled, 1);
	mx_channel_unref(ch);
	peer_stop(p);
	tally_fini(&t);
}

static void test_without_a_hold_nothing_is_taken(void **state)
{
	struct mx_channel *ch =
		tally_channel("http://127.0.0.1:1/", "ann", NULL);
	struct tally t;
	struct mx_engine_req q;

	tally_init(&t);
	q = tally_request(ch, &t);
	assert_int_equal(mx_engine_submit(&q), -ESHUTDOWN);
	assert_int_equal(mx_engine_call(tally_ran, &t, (mx_mono){0}, NULL, 0),
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
	tally_ran(&order.t, err);
}

static void note_b(void *arg, int err)
{
	strcat(order.text, "b");
	tally_ran(&order.t, err);
}

static void note_c(void *arg, int err)
{
	strcat(order.text, "c");
	tally_ran(&order.t, err);
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
	tally_drop(NULL);
	tally_fini(&order.t);
}

/* How often the engine's threads have gone to sleep. */
static unsigned engine_sleeps(void)
{
	char path[300], line[128];
	unsigned n = 0, v;
	struct dirent *e;
	DIR *d = opendir("/proc/self/task");

	assert_non_null(d);
	while ((e = readdir(d))) {
		bool engine = false;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status",
			 e->d_name);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f)) {
			engine = engine || !strcmp(line, "Name:\tmx-engine\n");
			if (engine &&
			    sscanf(line, "voluntary_ctxt_switches: %u", &v) ==
				    1)
				n += v;
		}
		if (f)
			fclose(f);
	}
	closedir(d);
	return n;
}

#define TICK_MS 10

static atomic_bool ticking;

static void tick(void *arg, int err)
{
	if (err || !atomic_load(&ticking) ||
	    mx_engine_call(tick, arg, mx_mono_in_ms(TICK_MS), NULL, 0))
		tally_ran(arg, err);
}

/* B77: what users leave for later, one after the other, does not wake the engine
 * each time; and what is cancelled meanwhile is not left until then. */
static void test_what_is_for_later_waits_for_the_next_wake(void **state)
{
	enum { N = 300 };
	const struct timespec pause = {.tv_nsec = MX_NS_PER_MS};
	struct mx_engine_stats s;
	struct mx_cancel c;
	unsigned before, sleeps;
	struct tally t;
	int64_t ms;

	tally_init(&t);
	mx_cancel_init(&c);
	atomic_store(&ticking, true);
	assert_int_equal(mx_engine_hold(), 0);
	tick(&t, 0);
	before = engine_sleeps();
	ms = mx_mono_now().ns / MX_NS_PER_MS;
	for (int i = 0; i < N; i++) {
		assert_int_equal(mx_engine_call(tally_ran, &t,
						mx_mono_in_ms(400), NULL, 0),
				 0);
		nanosleep(&pause, NULL);
	}
	ms = mx_mono_now().ns / MX_NS_PER_MS - ms;
	sleeps = engine_sleeps() - before;
	mx_engine_stats(&s);
	print_message("%d closures in %u ms: %u sleeps of %u threads\n", N,
		      (unsigned)ms, sleeps, s.threads);
	if (s.threads == 1) /* which more cores would share */
		assert_true(sleeps <= 50 + 2 * (unsigned)ms / TICK_MS);
	tally_wait(&t, N);
	assert_int_equal(mx_engine_call(tally_ran, &t,
					mx_mono_in_ms(LATER * 100), &c, 0),
			 0);
	mx_cancel_fire(&c);
	tally_wait(&t, N + 1);
	assert_int_equal(t.canceled, 1);
	atomic_store(&ticking, false);
	tally_wait(&t, N + 2);
	tally_drop(NULL);
	mx_cancel_fini(&c);
	tally_fini(&t);
}

/* --- A thrifty channel ------------------------------------------------- */

/* Connections are its own; while it is answered at once it keeps one, and
 * nothing is left open. */
static void test_a_thrifty_channel_shares_no_connection(void **state)
{
	enum { N = 20 };
	struct peer *p = peer_start(peer_echo, NULL);
	struct mx_channel *ch[2] = {tally_channel(peer_url(p), "ann", NULL),
				    tally_channel(peer_url(p), "bob", NULL)};
	char owner[65536] = {0};
	struct tally t;

	tally_init(&t);
	mx_channel_set_thrifty(ch[0]);
	mx_channel_set_thrifty(ch[1]);
	assert_int_equal(mx_engine_hold(), 0);
	for (unsigned i = 0; i < N; i++) {
		struct mx_engine_req q = tally_request(ch[i % 2], &t);
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
	tally_drop(NULL);
	assert_int_equal(mx_net_fd_count(), 0);
	tally_fini(&t);
	peer_stop(p);
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
		ch[i] = tally_channel(peer_url(p), "ann", NULL);
	}
	for (unsigned i = 0; i < STORM; i++) {
		struct mx_engine_req q = tally_request(ch[i], &s.t);

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
	tally_drop(NULL);
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
		ch[i] = tally_channel(url, "ann", &o);
		struct mx_engine_req q = tally_request(ch[i], &t);

		assert_int_equal(mx_engine_submit(&q), 0);
	}
	mx_engine_stats(&s);
	assert_true(s.threads >= 1 && s.threads <= 4);
	assert_true(threads_now() <= before + s.threads);
	tally_wait(&t, N);
	assert_int_equal(t.other, N);
	assert_int_equal(t.last_err, -ECONNREFUSED);
	tally_drop(NULL);
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
	     MX_TEST(test_what_is_for_later_waits_for_the_next_wake),
	     MX_TEST(test_a_thrifty_channel_shares_no_connection),
	     MX_TEST(test_everything_completes_exactly_once),
	     MX_TEST(test_threads_do_not_grow_with_users))
