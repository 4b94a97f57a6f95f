/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Death before every store into the segment.  A child does everything the
 * registry can do and is killed before its n-th store, for n = 1, 2, … until it
 * gets through; after each death a survivor, with one call of its housekeeping,
 * must find every invariant kept and no slot, record or budget lost.
 */
#include "connlist/conn.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rand.h"
#include "connlist/test-story.h"

/* --- Dying -------------------------------------------------------------- */

static uint32_t die_at, steps;

static void die_here(void)
{
	if (__atomic_add_fetch(&steps, 1, __ATOMIC_RELAXED) == die_at)
		kill(getpid(), SIGKILL);
}

/* Runs fn in a child that dies before its n-th store (0: never).  True when it
 * died there; a child that fails otherwise fails the test. */
static bool dies(int (*fn)(void), uint32_t n)
{
	pid_t pid = tu_fork();
	int st;

	if (pid == 0) {
		die_at = n;
		mx_shm_step = die_here;
		_exit(fn());
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	if (WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL)
		return true;
	if (!WIFEXITED(st) || WEXITSTATUS(st)) {
		print_error("step %u: child ended with status %x\n", n, st);
		fail();
	}
	return false;
}

/* --- What the child does: test-story.h, and this ------------------------ */

/* With nobody who has sessions of the shared user. */
static int everything_alone(void)
{
	struct mx_reg *reg = story_attach(0);
	struct mx_clist *held;
	int r;

	MUST(reg);
	r = story_own_list(reg);
	if (r)
		return r;
	held = story_join(reg, 3);
	MUST(held);
	mx_reg_close(reg);
	mx_clist_leave(held);
	return 0;
}

/* --- What must be true after a death ------------------------------------ */

static void check_list(struct mx_reg *reg, uint32_t list, uint32_t *n_conns,
		       uint32_t *n_peers)
{
	const struct shm_map *m = &reg->map;
	const struct shm_list *l = &m->lists[list];
	struct chain c = {0};
	uint32_t i;

	assert_int_equal(shm_get64(&m->list_claims[list]),
			 SHM_CLAIM(SHM_LIVE, 0));
	for (unsigned w = 0; w < SHM_MEMBER_WORDS; w++)
		assert_int_equal(shm_get64(&l->members[w]) &
					 ~(w == SHM_MEMBER_WORD(reg->slot)
						   ? SHM_MEMBER_BIT(reg->slot)
						   : 0),
				 0);
	for (const uint32_t *k = &l->conns; conn_at(reg, k, list, &c, &i);
	     k = &m->conns[i].next) {
		uint64_t claim = shm_get64(&m->conn_claims[i]);

		assert_true(claim == SHM_CLAIM(SHM_ORPHAN, 0) ||
			    claim == SHM_CLAIM(SHM_OPEN, reg->tag));
		assert_int_equal(shm_get32(&m->conns[i].seq) & 1, 0);
		(*n_conns)++;
	}
	assert_int_equal(c.err, 0);
	c = (struct chain){0};
	for (const uint32_t *k = &l->peers; peer_at(reg, k, list, &c, &i);
	     k = &m->peers[i].next) {
		assert_int_equal(shm_get64(&m->peer_claims[i]),
				 SHM_CLAIM(SHM_LIVE, 0));
		(*n_peers)++;
	}
	assert_int_equal(c.err, 0);
}

/* Only we are attached, no lock is held, every claimed record is chained. */
static void check_segment(struct mx_reg *reg)
{
	const struct shm_map *m = &reg->map;
	uint32_t n_lists = 0, n_conns = 0, n_peers = 0, i;

	for (i = 0; i < m->n_procs; i++)
		assert_int_equal(shm_get32(&m->procs[i].state),
				 i == reg->slot ? SHM_PROC_LIVE
						: SHM_PROC_FREE);
	for (uint32_t b = 0; b < m->n_buckets; b++) {
		struct chain c = {0};

		assert_int_equal(shm_get32(&m->buckets[b].lock), 0);
		for (const uint32_t *k = &m->buckets[b].head;
		     list_at(reg, k, b, &c, &i); k = &m->lists[i].next) {
			check_list(reg, i, &n_conns, &n_peers);
			n_lists++;
		}
		assert_int_equal(c.err, 0);
	}
	assert_int_equal(tu_claims(m->list_claims, m->n_lists), n_lists);
	assert_int_equal(tu_claims(m->conn_claims, m->n_conns), n_conns);
	assert_int_equal(tu_claims(m->peer_claims, m->n_peers), n_peers);
}

/* Takes over what was left for this user and ends it: then two sessions can be
 * open at once again, no more, no less. */
static void check_budget(struct mx_reg *reg, uint32_t user, unsigned mine)
{
	struct mx_clist *cl = tu_join(reg, user);
	struct mx_conn *k[3] = {NULL};
	unsigned n = 0;

	while (n < 3 && !story_open(cl, SERVER, 5000 * (n + mine < 2), &k[n]))
		n++;
	assert_int_equal(n + mine, 2);
	while (n)
		mx_conn_close(k[--n], MX_CONN_ENDED);
	/* The other server, too. */
	assert_int_equal(story_open(cl, "other:1", 5000, &k[0]), 0);
	mx_conn_close(k[0], MX_CONN_ENDED);
	mx_clist_leave(cl);
}

static struct survivor {
	struct mx_reg *reg;
	struct mx_clist *cl;
	struct mx_conn *conn;
} sv;

static void survivor_start(void)
{
	unlink(tu_path());
	sv.reg = story_attach(0);
	assert_non_null(sv.reg);
	sv.cl = tu_join(sv.reg, 1);
	assert_int_equal(story_open(sv.cl, SERVER, 0, &sv.conn), 0);
}

static void survivor_end(void)
{
	mx_conn_close(sv.conn, MX_CONN_ENDED);
	mx_clist_leave(sv.cl);
	tu_assert_empty(sv.reg);
	mx_reg_close(sv.reg);
}

static void survivor_checks(void)
{
	mx_reg_tick(sv.reg);
	check_segment(sv.reg);
	assert_true(mx_clist_valid(sv.cl));
	assert_true(mx_conn_valid(sv.conn));
	check_budget(sv.reg, 1, 1);
	check_budget(sv.reg, 2, 0);
	check_segment(sv.reg);
}

/* Before any housekeeping: who meets a dead one's traces goes on. */
static void survivor_goes_on(void)
{
	/* The list that is being made comes first: any other would sweep it. */
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t user = i ? i : 2;
		struct mx_clist *cl = tu_join(sv.reg, user);
		struct mx_conn *k = NULL;
		int err = story_open(cl, SERVER, 0, &k);

		assert_true(!err || err == -EDQUOT || err == -EAGAIN);
		mx_conn_close(k, MX_CONN_ENDED);
		mx_clist_leave(cl);
	}
}

/* Only the survivor's own list is left when back-offs are over. */
static void survivor_drains(void)
{
	while (tu_claims(sv.reg->map.list_claims, sv.reg->map.n_lists) > 1)
		sweep_all(sv.reg);
	check_segment(sv.reg);
	assert_int_equal(
		tu_claims(sv.reg->map.conn_claims, sv.reg->map.n_conns), 1);
}

static void die_everywhere(void (*first)(void))
{
	uint32_t n = 1;

	survivor_start();
	while (dies(story_everything, n)) {
		if (first)
			first();
		survivor_checks();
		n++;
	}
	survivor_checks();
	survivor_drains();
	print_message("killed before each of %u stores\n", n - 1);
	assert_true(n > 300);
	survivor_end();
}

static void test_death_before_every_store_is_repaired(void **state)
{
	die_everywhere(NULL);
}

static void test_death_before_every_store_holds_nobody_up(void **state)
{
	die_everywhere(survivor_goes_on);
}

/* The next to attach repairs it as well, when nobody survived; what it finds
 * are the sessions that the dead one left, and nothing else. */
static void test_death_with_no_survivor_is_repaired(void **state)
{
	uint32_t n = 1, lists = 0;

	unlink(tu_path());
	while (dies(everything_alone, n)) {
		struct mx_reg *reg = story_attach(-1);

		assert_non_null(reg);
		check_segment(reg);
		mx_reg_close(reg);
		n += 3;
		lists++;
	}
	assert_true(lists > 100);
}

/* A file under the name is complete or not there, and nothing is left beside
 * it, when the process that creates it dies. */
static void test_death_while_creating_leaves_no_file(void **state)
{
	uint32_t n = 1;

	do {
		struct dirent *e;
		unsigned files = 0;
		DIR *d;

		unlink(tu_path());
		if (!dies(story_everything, n++))
			break;
		d = opendir(mx_test_dir());
		assert_non_null(d);
		while ((e = readdir(d)))
			files += e->d_name[0] != '.';
		closedir(d);
		assert_true(files <= 1);
		if (files) {
			struct mx_reg *reg = story_attach(0);

			assert_non_null(reg);
			mx_reg_close(reg);
		}
	} while (n < 40);
	assert_int_equal(n, 40);
}

static int attach_and_tick(void)
{
	struct mx_reg *reg = story_attach(0);

	MUST(reg);
	sweep_all(reg);
	mx_reg_close(reg);
	return 0;
}

static int attach_and_forget(void)
{
	struct mx_reg *reg = story_attach(0);

	MUST(reg);
	while (sweep_remembered(reg))
		;
	mx_reg_close(reg);
	return 0;
}

static uint32_t stores_of(int (*fn)(void))
{
	uint32_t n = 1, step = 64;

	/* Doubling, then halving, to find the first n it survives. */
	while (dies(fn, n + step))
		n += step;
	while (step /= 2)
		if (dies(fn, n + step))
			n += step;
	return n;
}

/* Whoever cleans up may die doing it, at any store, and the next one too. */
static void test_death_while_cleaning_up_is_repaired(void **state)
{
	struct mx_prng r = {4711};
	uint32_t most;

	survivor_start();
	most = stores_of(story_everything);
	for (int i = 0; i < 700; i++) {
		dies(story_everything, 1 + mx_prng_below(&r, most));
		dies(attach_and_tick, 1 + mx_prng_below(&r, 150));
		dies(i % 2 ? attach_and_tick : attach_and_forget,
		     1 + mx_prng_below(&r, 150));
		survivor_checks();
	}
	survivor_drains();
	survivor_end();
}

/* --- Many at once ------------------------------------------------------- */

static int busy_worker(void)
{
	struct mx_prng r = {(uint64_t)getpid()};
	struct mx_reg *reg = story_attach(0);

	MUST(reg);
	for (int i = 0; i < 300; i++) {
		struct mx_clist *cl = story_join(reg, 1 + mx_prng_below(&r, 2));
		struct mx_conn *k = NULL;
		int err;

		MUST(cl);
		err = story_open(cl, SERVER, 20, &k);
		MUST(!err || err == -ETIMEDOUT || err == -EDQUOT ||
		     err == -ENOSPC);
		if (k) {
			mx_conn_set_cookies(k, "a=b");
			mx_conn_close(k, mx_prng_below(&r, 8) ? MX_CONN_ENDED
							      : MX_CONN_LEFT);
		}
		mx_clist_leave(cl);
		if (i % 16 == 0)
			mx_reg_tick(reg);
	}
	mx_reg_close(reg);
	return 0;
}

/* Processes that die at random stores while others work: nobody is held up for
 * good, and in the end nothing is left. */
static void test_deaths_among_workers(void **state)
{
	struct mx_prng r = {99};
	pid_t pid[12];
	unsigned killed = 0;

	survivor_start();
	for (int round = 0; round < 6; round++) {
		for (unsigned i = 0; i < 12; i++) {
			uint32_t n = i % 3 ? 1 + mx_prng_below(&r, 4000) : 0;

			pid[i] = tu_fork();
			if (pid[i] == 0) {
				die_at = n;
				mx_shm_step = die_here;
				_exit(busy_worker());
			}
			assert_true(pid[i] > 0);
		}
		for (unsigned i = 0; i < 12; i++) {
			int st;

			assert_int_equal(waitpid(pid[i], &st, 0), pid[i]);
			killed += WIFSIGNALED(st);
			if (!WIFSIGNALED(st) && st) {
				print_error("worker: status %x\n", st);
				fail();
			}
		}
		mx_reg_tick(sv.reg);
		check_segment(sv.reg);
	}
	assert_true(killed > 20);
	assert_true(mx_conn_valid(sv.conn));
	survivor_checks();
	survivor_end();
}

MX_TEST_MAIN(MX_TEST_IN(test_death_before_every_store_is_repaired, 240),
	     MX_TEST_IN(test_death_before_every_store_holds_nobody_up, 240),
	     MX_TEST_IN(test_death_with_no_survivor_is_repaired, 120),
	     MX_TEST(test_death_while_creating_leaves_no_file),
	     MX_TEST_IN(test_death_while_cleaning_up_is_repaired, 240),
	     MX_TEST_IN(test_deaths_among_workers, 120))
