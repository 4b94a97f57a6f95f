/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No signal is lost to a death.  Who waits looks again by himself every 100 ms;
 * that this is never what saves him is shown here (and by model/lists.pml):
 * he is stopped, and the survivors' housekeeping alone calls him.
 */
#include <errno.h>
#include <sched.h>

#include "connlist/test-kids.h"

static uint32_t die_at, stop_at, steps;

static void stop_or_die(void)
{
	uint32_t n = __atomic_add_fetch(&steps, 1, __ATOMIC_RELAXED);

	if (n == stop_at)
		raise(SIGSTOP);
	if (n == die_at)
		kill(getpid(), SIGKILL);
}

static struct mx_reg *attach_for_one(void)
{
	struct mx_reg_params p = {.path = tu_path(),
				  .n_lists = 6,
				  .n_conns = 8,
				  .n_buckets = 1,
				  .max_sessions = 1};

	return tu_open_with(&p);
}

/* --- A place is left, and nobody says so -------------------------------- */

static int leaving_holder(int fd)
{
	struct mx_clist *cl = tu_join(attach_for_one(), 1);
	struct mx_conn *k;

	if (open_conn(cl, mx_mono_in_ms(5000), &k) ||
	    mx_conn_set_cookies(k, "a=b"))
		return 1;
	says(fd, 'r');
	if (!hears(fd, 'g'))
		return 2;
	mx_shm_step = stop_or_die;
	mx_conn_close(k, MX_CONN_LEFT);
	return 0;
}

static int waiter(int fd)
{
	struct mx_clist *cl = tu_join(attach_for_one(), 1);
	struct mx_conn *k;

	says(fd, 'r');
	return open_conn(cl, mx_mono_in_ms(120000), &k) != 0;
}

/* The record of who stands in line, as soon as somebody does. */
static uint32_t waiting_record(const struct mx_reg *reg)
{
	for (;;) {
		for (uint32_t i = 0; i < reg->map.n_conns; i++)
			if (SHM_CLAIM_STATE(shm_get64(
				    &reg->map.conn_claims[i])) == SHM_WAITING)
				return i;
		sched_yield();
	}
}

/* Stopped, but not while it looks. */
static void stop_in_line(const struct mx_reg *reg, pid_t pid)
{
	int st;

	for (;;) {
		kill(pid, SIGSTOP);
		assert_int_equal(waitpid(pid, &st, WUNTRACED), pid);
		assert_true(WIFSTOPPED(st));
		if (!shm_get32(&reg->map.buckets[0].lock))
			return;
		kill(pid, SIGCONT);
	}
}

/* The holder leaves its session and dies before its n-th store.  True when it
 * came to that. */
static bool leaving_dies(uint32_t n)
{
	struct mx_reg *reg;
	struct kid h, w;
	uint32_t i, before;
	bool died;
	int st;

	unlink(tu_path());
	reg = attach_for_one();
	mx_reg_tick(reg);
	die_at = n;
	h = kid_start(leaving_holder);
	assert_true(hears(h.fd, 'r'));
	w = kid_start(waiter);
	assert_true(hears(w.fd, 'r'));
	i = waiting_record(reg);
	stop_in_line(reg, w.pid);
	before = shm_get32(&reg->map.conns[i].grant);
	says(h.fd, 'g');
	assert_int_equal(waitpid(h.pid, &st, 0), h.pid);
	died = WIFSIGNALED(st);
	assert_true(died ? WTERMSIG(st) == SIGKILL : !WEXITSTATUS(st));
	mx_reg_tick(reg);
	if (shm_get32(&reg->map.conns[i].grant) == before) {
		print_error("dead before store %u: nobody was called\n", n);
		fail();
	}
	kill(w.pid, SIGCONT);
	assert_int_equal(waitpid(w.pid, &st, 0), w.pid);
	assert_int_equal(st, 0);
	close(h.fd);
	close(w.fd);
	mx_reg_close(reg);
	return died;
}

static void test_a_death_while_leaving_calls_who_waits(void **state)
{
	uint32_t n = 1;

	while (leaving_dies(n))
		n++;
	assert_true(n > 8);
}

/* --- A release finds the bucket locked, and its holder dies -------------- */

static int leaver(int fd)
{
	struct mx_clist *cl = tu_join(attach_for_one(), 2);

	mx_shm_step = stop_or_die;
	mx_clist_leave(cl);
	return 0;
}

/* The leaver stops before its n-th store, a connection is closed meanwhile, and
 * it dies before the next.  True when it came to that. */
static bool released_to_the_dying(uint32_t n)
{
	const struct shm_map *m;
	struct mx_clist *cl;
	struct mx_reg *reg;
	struct mx_conn *k;
	struct kid x;
	int st;

	unlink(tu_path());
	reg = attach_for_one();
	m = &reg->map;
	cl = tu_join(reg, 1);
	assert_int_equal(open_conn(cl, mx_mono_in_ms(5000), &k), 0);
	/* What the next tick does is not what is done every five seconds. */
	mx_reg_tick(reg);
	stop_at = n;
	die_at = n + 1;
	x = kid_start(leaver);
	assert_int_equal(waitpid(x.pid, &st, WUNTRACED), x.pid);
	mx_conn_close(k, MX_CONN_ENDED);
	if (WIFSTOPPED(st)) {
		kill(x.pid, SIGCONT);
		assert_int_equal(waitpid(x.pid, &st, 0), x.pid);
	}
	mx_reg_tick(reg);
	if (tu_claims(m->conn_claims, m->n_conns)) {
		print_error("stopped before store %u, dead before the next: "
			    "what was released is not given back\n",
			    n);
		fail();
	}
	assert_int_equal(shm_get32(&m->buckets[0].todo), 0);
	assert_int_equal(tu_claims(m->list_claims, m->n_lists), 1);
	close(x.fd);
	mx_clist_leave(cl);
	mx_reg_close(reg);
	return WIFSIGNALED(st);
}

static void test_a_release_left_to_the_dying_is_given_back(void **state)
{
	uint32_t n = 1;

	while (released_to_the_dying(n))
		n++;
	assert_true(n > 8);
}

MX_TEST_MAIN(MX_TEST_IN(test_a_death_while_leaving_calls_who_waits, 120),
	     MX_TEST_IN(test_a_release_left_to_the_dying_is_given_back, 120))
