/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The callback pool: in order, one at a time, no group starves the others, and
 * closing (Unadvise) is a promise.  B11.
 */
#include "net/serial.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/test.h"
#include "net/engine.h"

#define LATER 20000

static struct {
	struct mx_mutex lock;
	struct mx_cond cond;
	unsigned ran, refused, inside, max_inside, last;
	bool in_order, gate;
	struct mx_serial *q;
	bool was_elsewhere;
} T = {.lock = MX_MUTEX_INIT};

static void reset(void)
{
	mx_mutex_init(&T.lock);
	mx_cond_init(&T.cond);
	T.ran = T.refused = T.inside = T.max_inside = T.last = 0;
	T.in_order = true;
	T.gate = T.was_elsewhere = false;
	T.q = NULL;
	assert_int_equal(mx_engine_hold(), 0);
}

static void stop(struct mx_engine_left *left)
{
	assert_int_equal(mx_engine_drop(mx_mono_in_ms(LATER), left), 0);
}

static void wait_for(const unsigned *what, unsigned n)
{
	mx_mutex_lock(&T.lock);
	while (*what < n)
		mx_cond_wait(&T.cond, &T.lock, MX_MONO_NEVER);
	mx_mutex_unlock(&T.lock);
}

static void open_gate(void)
{
	mx_mutex_lock(&T.lock);
	T.gate = true;
	mx_cond_broadcast(&T.cond);
	mx_mutex_unlock(&T.lock);
}

static void numbered(void *arg, bool run)
{
	unsigned i = (unsigned)(uintptr_t)arg;

	mx_mutex_lock(&T.lock);
	T.refused += !run;
	T.ran += run;
	T.in_order = T.in_order && i == T.last + 1;
	T.last = i;
	T.inside++;
	T.max_inside = T.inside > T.max_inside ? T.inside : T.max_inside;
	mx_mutex_unlock(&T.lock);
	sched_yield();
	mx_mutex_lock(&T.lock);
	T.inside--;
	mx_cond_broadcast(&T.cond);
	mx_mutex_unlock(&T.lock);
}

/* Stays inside until the gate opens. */
static void gated(void *arg, bool run)
{
	(void)arg;
	mx_mutex_lock(&T.lock);
	T.refused += !run;
	T.ran += run;
	T.inside += run;
	mx_cond_broadcast(&T.cond);
	while (run && !T.gate)
		mx_cond_wait(&T.cond, &T.lock, MX_MONO_NEVER);
	T.inside -= run;
	mx_cond_broadcast(&T.cond);
	mx_mutex_unlock(&T.lock);
}

static void test_a_queue_runs_in_order_one_at_a_time(void **state)
{
	struct mx_serial *q = NULL;

	reset();
	assert_int_equal(mx_serial_new("a:1", &q), 0);
	for (uintptr_t i = 1; i <= 1000; i++)
		assert_int_equal(mx_serial_post(q, numbered, (void *)i), 0);
	wait_for(&T.ran, 1000);
	assert_true(T.in_order);
	assert_int_equal(T.max_inside, 1);
	mx_serial_unref(q);
	stop(NULL);
}

/* Of 2, 3 or 4 threads. */
static unsigned half_of_pool(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) >= 8 ? 2 : 1;
}

/* Sinks that wait for one dead server leave room for the others. */
static void test_one_group_cannot_hold_the_whole_pool(void **state)
{
	struct mx_serial *dead[8], *other = NULL;

	reset();
	for (int i = 0; i < 8; i++) {
		assert_int_equal(mx_serial_new("dead:1", &dead[i]), 0);
		assert_int_equal(mx_serial_post(dead[i], gated, NULL), 0);
	}
	wait_for(&T.inside, 1);
	assert_int_equal(mx_serial_new("alive:1", &other), 0);
	for (uintptr_t i = 1; i <= 100; i++)
		assert_int_equal(mx_serial_post(other, numbered, (void *)i), 0);
	/* The gate is closed: these can end only beside the dead ones. */
	wait_for(&T.last, 100);
	/* Half of the pool at most; a numbered one may be leaving still. */
	mx_mutex_lock(&T.lock);
	while (T.inside > half_of_pool())
		mx_cond_wait(&T.cond, &T.lock, MX_MONO_NEVER);
	mx_mutex_unlock(&T.lock);
	open_gate();
	wait_for(&T.ran, 108);
	for (int i = 0; i < 8; i++)
		mx_serial_unref(dead[i]);
	mx_serial_unref(other);
	stop(NULL);
}

/* A sink's call waits for its session's turn, which a request has that waits for
 * its user's credentials. */
static void test_awaited_work_is_not_held_up_by_callbacks(void **state)
{
	struct mx_serial *held[8], *awaited = NULL;
	char group[16];

	reset();
	for (int i = 0; i < 8; i++) {
		snprintf(group, sizeof(group), "g%d:1", i / 2);
		assert_int_equal(mx_serial_new(group, &held[i]), 0);
		assert_int_equal(mx_serial_post(held[i], gated, NULL), 0);
	}
	wait_for(&T.inside, 2 * half_of_pool());
	assert_int_equal(mx_serial_new_awaited("g0:1", &awaited), 0);
	for (uintptr_t i = 1; i <= 100; i++)
		assert_int_equal(mx_serial_post(awaited, numbered, (void *)i),
				 0);
	/* The gate is closed. */
	wait_for(&T.last, 100);
	assert_true(T.in_order);
	open_gate();
	wait_for(&T.ran, 108);
	for (int i = 0; i < 8; i++)
		mx_serial_unref(held[i]);
	mx_serial_unref(awaited);
	stop(NULL);
}

static void test_nothing_starts_after_close(void **state)
{
	struct mx_serial *q = NULL;

	reset();
	assert_int_equal(mx_serial_new("a:1", &q), 0);
	assert_int_equal(mx_serial_post(q, gated, NULL), 0);
	for (uintptr_t i = 1; i <= 10; i++)
		assert_int_equal(mx_serial_post(q, numbered, (void *)i), 0);
	wait_for(&T.inside, 1);
	/* One is running and may finish; the others never start. */
	assert_true(mx_serial_close(q));
	assert_int_equal(T.refused, 10);
	assert_int_equal(mx_serial_post(q, numbered, NULL), -ESHUTDOWN);
	open_gate();
	mx_serial_unref(q);
	stop(NULL);
	assert_int_equal(T.ran, 1);
	assert_int_equal(T.refused, 10);
}

static void close_self(void *arg, bool run)
{
	struct mx_serial *q = arg;
	bool elsewhere = mx_serial_close(q);

	mx_mutex_lock(&T.lock);
	T.was_elsewhere = elsewhere;
	T.ran += run;
	mx_cond_broadcast(&T.cond);
	mx_mutex_unlock(&T.lock);
	mx_serial_unref(q); /* the last reference, from its own work */
}

static void test_a_callback_may_close_its_own_queue(void **state)
{
	struct mx_serial *q = NULL;

	reset();
	assert_int_equal(mx_serial_new("a:1", &q), 0);
	assert_int_equal(mx_serial_post(q, close_self, q), 0);
	wait_for(&T.ran, 1);
	assert_false(T.was_elsewhere);
	stop(NULL);
}

static void post_more(void *arg, bool run)
{
	uintptr_t left = (uintptr_t)arg;

	if (run && left)
		assert_int_equal(
			mx_serial_post(T.q, post_more, (void *)(left - 1)), 0);
	mx_mutex_lock(&T.lock);
	T.ran += run;
	mx_cond_broadcast(&T.cond);
	mx_mutex_unlock(&T.lock);
}

static void test_a_callback_may_post(void **state)
{
	reset();
	assert_int_equal(mx_serial_new("a:1", &T.q), 0);
	assert_int_equal(mx_serial_post(T.q, post_more, (void *)100), 0);
	wait_for(&T.ran, 101);
	mx_serial_unref(T.q);
	stop(NULL);
}

static void test_a_stop_runs_what_is_queued(void **state)
{
	struct mx_serial *q = NULL;
	struct mx_engine_left left;

	reset();
	assert_int_equal(mx_serial_new("a:1", &q), 0);
	for (uintptr_t i = 1; i <= 100; i++)
		assert_int_equal(mx_serial_post(q, numbered, (void *)i), 0);
	stop(&left);
	assert_int_equal(T.ran, 100);
	assert_int_equal(left.callbacks, 0);
	assert_int_equal(mx_serial_post(q, numbered, NULL), -ESHUTDOWN);
	mx_serial_unref(q);
}

static void test_a_stop_past_its_deadline_refuses_the_rest(void **state)
{
	struct mx_serial *q = NULL;
	struct mx_engine_left left;

	reset();
	assert_int_equal(mx_serial_new("a:1", &q), 0);
	assert_int_equal(mx_serial_post(q, gated, NULL), 0);
	for (uintptr_t i = 1; i <= 5; i++)
		assert_int_equal(mx_serial_post(q, numbered, (void *)i), 0);
	wait_for(&T.inside, 1);
	assert_int_equal(mx_engine_drop(mx_mono_in_ms(30), &left), 0);
	assert_int_equal(left.callbacks, 1);
	assert_int_equal(T.refused, 5);
	/* It comes back later, into a new engine's time. */
	assert_int_equal(mx_engine_hold(), 0);
	open_gate();
	mx_mutex_lock(&T.lock);
	while (T.inside)
		mx_cond_wait(&T.cond, &T.lock, MX_MONO_NEVER);
	mx_mutex_unlock(&T.lock);
	/* The old thread's last steps are behind the queue's lock: once the
	 * queue works again it has left it. */
	for (uintptr_t i = 6; i <= 10; i++)
		assert_int_equal(mx_serial_post(q, numbered, (void *)i), 0);
	wait_for(&T.ran, 6);
	mx_serial_unref(q);
	stop(&left);
	assert_int_equal(left.callbacks, 0);
}

MX_TEST_MAIN(MX_TEST(test_a_queue_runs_in_order_one_at_a_time),
	     MX_TEST(test_one_group_cannot_hold_the_whole_pool),
	     MX_TEST(test_awaited_work_is_not_held_up_by_callbacks),
	     MX_TEST(test_nothing_starts_after_close),
	     MX_TEST(test_a_callback_may_close_its_own_queue),
	     MX_TEST(test_a_callback_may_post),
	     MX_TEST(test_a_stop_runs_what_is_queued),
	     MX_TEST(test_a_stop_past_its_deadline_refuses_the_rest))
