/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Joining, leaving, finding by full SID: one process, many threads. */
#include "connlist/clist.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/rand.h"
#include "connlist/conn.h"
#include "connlist/registry-private.h"
#include "connlist/test-util.h"

static void test_a_list_is_found_again(void **state)
{
	struct mx_reg *reg = tu_open(8, 8, 0);
	struct mx_clist *a = tu_join(reg, 1), *b = tu_join(reg, 1);
	struct mx_clist *c = tu_join(reg, 2);

	assert_int_equal(mx_clist_slot(a), mx_clist_slot(b));
	assert_int_equal(mx_clist_generation(a), mx_clist_generation(b));
	assert_int_not_equal(mx_clist_slot(a), mx_clist_slot(c));
	mx_clist_leave(a);
	assert_true(mx_clist_valid(b));
	mx_clist_leave(b);
	mx_clist_leave(c);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* Promise 2: lookup is by full SID also when only one list exists. */
static void test_the_only_list_is_not_taken_for_another_user(void **state)
{
	struct mx_reg *reg = tu_open(8, 8, 1);
	struct mx_clist *a = tu_join(reg, 1), *b = tu_join(reg, 2);

	assert_int_not_equal(mx_clist_slot(a), mx_clist_slot(b));
	mx_clist_leave(a);
	mx_clist_leave(b);
	mx_reg_close(reg);
}

static void test_equal_crcs_are_different_users(void **state)
{
	struct mx_reg *reg = tu_open(64, 8, 0);
	struct mx_sid sid[20];
	struct mx_clist *cl[20];
	uint32_t crc;

	for (uint32_t i = 0; i < 20; i++) {
		tu_colliding_sid(i, &sid[i]);
		if (i == 0)
			crc = mx_sid_crc(&sid[0]);
		assert_int_equal(mx_sid_crc(&sid[i]), crc);
		for (uint32_t j = 0; j < i; j++)
			assert_false(mx_sid_equal(&sid[i], &sid[j]));
		assert_int_equal(mx_clist_join(reg, &sid[i], "", &cl[i], NULL),
				 0);
	}
	for (uint32_t i = 0; i < 20; i++) {
		struct mx_clist *again = NULL;

		assert_int_equal(mx_clist_join(reg, &sid[i], "", &again, NULL),
				 0);
		assert_int_equal(mx_clist_slot(again), mx_clist_slot(cl[i]));
		for (uint32_t j = 0; j < i; j++)
			assert_int_not_equal(mx_clist_slot(cl[i]),
					     mx_clist_slot(cl[j]));
		mx_clist_leave(again);
	}
	for (uint32_t i = 0; i < 20; i++)
		mx_clist_leave(cl[i]);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_a_thousand_lists_in_one_bucket(void **state)
{
	struct mx_reg *reg = tu_open(1000, 8, 1);
	struct mx_clist *cl[1000], *one = NULL;
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_sid sid;

	for (uint32_t i = 0; i < 1000; i++) {
		tu_colliding_sid(i, &sid);
		assert_int_equal(mx_clist_join(reg, &sid, "", &cl[i], NULL), 0);
	}
	tu_colliding_sid(1000, &sid);
	assert_int_equal(mx_clist_join(reg, &sid, "", &one, &f), -ENOSPC);
	assert_non_null(strstr(f.text, "1000"));
	for (uint32_t i = 0; i < 1000; i++)
		mx_clist_leave(cl[(i * 7) % 1000]);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_full_is_an_error_and_ends(void **state)
{
	struct mx_reg *reg = tu_open(3, 8, 0);
	struct mx_clist *cl[3], *more = NULL;
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_sid sid = mx_sid_unix(99);

	for (uint32_t i = 0; i < 3; i++)
		cl[i] = tu_join(reg, i);
	assert_int_equal(mx_clist_join(reg, &sid, "x", &more, &f), -ENOSPC);
	assert_non_null(strstr(f.text, "all 3 connection lists"));
	mx_clist_leave(cl[1]);
	assert_int_equal(mx_clist_join(reg, &sid, "x", &more, &f), 0);
	mx_clist_leave(more);
	mx_clist_leave(cl[0]);
	mx_clist_leave(cl[2]);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_default_capacity_fits_48_mib(void **state)
{
	struct mx_reg *reg = tu_open(0, 0, 0);
	struct mx_reg_info info;

	mx_reg_info(reg, &info);
	assert_int_equal(info.n_lists, 16384);
	assert_int_equal(info.n_conns, 65536);
	assert_true(info.bytes <= 48u << 20);
	mx_reg_close(reg);
}

static void test_a_freed_slot_makes_old_handles_stale(void **state)
{
	struct mx_reg *reg = tu_open(1, 8, 0);
	struct mx_clist *a = tu_join(reg, 1), *b;
	struct mx_clist old = *a;

	mx_clist_leave(a);
	b = tu_join(reg, 2);
	assert_int_equal(mx_clist_slot(b), old.slot);
	assert_false(mx_clist_valid(&old));
	assert_true(mx_clist_valid(b));
	mx_clist_leave(b);
	mx_reg_close(reg);
}

/* Everything a handle can do, after its record went to somebody else: nothing
 * happens to that one's. */
static void test_a_stale_connection_touches_nothing(void **state)
{
	struct mx_reg *reg = tu_open(2, 1, 0);
	struct mx_clist *a = tu_join(reg, 1), *b;
	struct mx_conn_params p = {.server = "s:1"};
	struct mx_conn *k = NULL, old, *now = NULL;
	struct mx_op_result r = {.err = -EPROTO, .round_trips = 9};
	struct shm_conn before, after;
	char cookies[64];

	assert_int_equal(mx_conn_open(a, &p, &k, NULL), 0);
	old = *k;
	mx_conn_close(k, MX_CONN_ENDED);
	mx_mutex_init(&old.lock);
	mx_clist_leave(a);
	b = tu_join(reg, 2);
	assert_int_equal(mx_conn_open(b, &p, &now, NULL), 0);
	assert_int_equal(mx_conn_set_cookies(now, "mine=1"), 0);
	assert_int_equal(mx_conn_slot(now), old.slot);
	memcpy(&before, &reg->map.conns[old.slot], sizeof(before));

	assert_false(mx_conn_valid(&old));
	assert_int_equal(mx_conn_cookies(&old, cookies, sizeof(cookies)), 0);
	assert_int_equal(mx_conn_set_cookies(&old, "his=1"), -ESTALE);
	assert_int_equal(mx_conn_logon_acquire(&old), -ESTALE);
	mx_conn_logon_release(&old);
	assert_int_equal(mx_conn_logons(&old), 0);
	mx_conn_op_begin(&old, MX_OP_CALL, "x", "y", MX_MONO_NEVER);
	mx_conn_op_waiting(&old, MX_OP_CALL, "z");
	mx_conn_op_end(&old, MX_OP_CALL, &r);
	assert_int_equal(mx_conn_set_poller(&old, MX_POLLER_STARTING), -ESTALE);
	assert_int_equal(mx_conn_poller(&old), MX_POLLER_DONE);
	mx_conn_report(&old, MX_HEALTH_BACKOFF, 60000, 429);
	assert_int_equal(mx_conn_ready_at(&old).ns, 0);

	memcpy(&after, &reg->map.conns[old.slot], sizeof(after));
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(mx_conn_ready_at(now).ns, 0);
	mx_mutex_fini(&old.lock);
	mx_conn_close(now, MX_CONN_ENDED);
	mx_clist_leave(b);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* A list's slot that went to another user: a handle to the old one opens no
 * connection there and waits for nothing. */
static void test_a_stale_list_gives_nobodys_connection(void **state)
{
	struct mx_reg *reg = tu_open(1, 4, 0);
	struct mx_clist *a = tu_join(reg, 1), *b;
	struct mx_conn_params p = {.server = "s:1"};
	struct mx_clist old = *a;
	struct mx_conn *no = NULL;
	struct mx_fault f = MX_FAULT_INIT;

	mx_clist_leave(a);
	b = tu_join(reg, 2);
	assert_int_equal(mx_clist_slot(b), old.slot);
	assert_int_equal(mx_conn_open(&old, &p, &no, &f), -EBADMSG);
	assert_int_equal(mx_clist_wait_done(&old, MX_SCOPE_EVERYONE,
					    MX_MONO_NEVER, NULL, NULL, &f),
			 -EBADMSG);
	assert_int_equal(tu_claims(reg->map.conn_claims, 4), 0);
	assert_true(mx_clist_valid(b));
	mx_clist_leave(b);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_handles_outlive_the_registry(void **state)
{
	struct mx_reg *reg = tu_open(4, 8, 0);
	struct mx_clist *a = tu_join(reg, 1), *b = NULL;
	struct mx_sid sid = mx_sid_unix(1);

	mx_reg_close(reg);
	assert_false(mx_clist_valid(a));
	assert_int_equal(mx_clist_join(a->reg, &sid, "", &b, NULL), -ESTALE);
	assert_int_equal(mx_clist_wait_done(a, MX_SCOPE_EVERYONE, MX_MONO_NEVER,
					    NULL, NULL, NULL),
			 -ESTALE);
	mx_clist_leave(a);
}

static void test_names_are_cut_between_characters(void **state)
{
	struct mx_reg *reg = tu_open(4, 8, 0);
	struct mx_clist *cl = NULL;
	struct mx_sid sid = mx_sid_unix(1);
	char name[200], got[88];

	for (size_t i = 0; i < 198; i += 2)
		memcpy(name + i, "\xc3\xa4", 2);
	name[198] = '\0';
	assert_int_equal(mx_clist_join(reg, &sid, name, &cl, NULL), 0);
	shm_get_text(got, reg->map.lists[cl->slot].name, 11);
	assert_int_equal(strlen(got), 86);
	mx_clist_leave(cl);
	mx_reg_close(reg);
}

#define THREADS 6
#define USERS 5

static void *join_and_leave(void *arg)
{
	struct mx_reg *reg = arg;
	struct mx_prng r = {(uintptr_t)&r};

	for (int i = 0; i < 3000; i++) {
		struct mx_sid sid = mx_sid_unix(mx_prng_below(&r, USERS));
		struct mx_clist *cl = NULL, *more;

		if (mx_clist_join(reg, &sid, "u", &cl, NULL))
			return reg; /* not NULL: failed */
		more = mx_clist_ref(cl);
		mx_clist_leave(cl);
		if (!mx_clist_valid(more))
			return reg;
		mx_clist_leave(more);
	}
	return NULL;
}

static void test_threads_join_and_leave(void **state)
{
	struct mx_reg *reg = tu_open(USERS, 8, 2);
	pthread_t id[THREADS];
	void *why;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&id[i], NULL, join_and_leave, reg), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(id[i], &why), 0);
		assert_null(why);
	}
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* Promise 5 is checked for this lock, too, in builds that check. */
static void test_a_buckets_lock_counts(void **state)
{
	struct mx_reg *reg = tu_open(4, 4, 0);
	int most = 0;

#ifdef MX_DEBUG_LOCKS
	most = 1;
#endif
	assert_int_equal(bucket_lock(reg, 0, NULL), 0);
	assert_int_equal(mx_locks_held, most);
	bucket_unlock(reg, 0);
	assert_int_equal(mx_locks_held, 0);
	assert_int_equal(bucket_trylock(reg, 1), 0);
	assert_int_equal(mx_locks_held, most);
	bucket_unlock(reg, 1);
	assert_int_equal(mx_locks_held, 0);
	mx_reg_close(reg);
}

MX_TEST_MAIN(MX_TEST(test_a_list_is_found_again),
	     MX_TEST(test_the_only_list_is_not_taken_for_another_user),
	     MX_TEST(test_equal_crcs_are_different_users),
	     MX_TEST(test_a_thousand_lists_in_one_bucket),
	     MX_TEST(test_full_is_an_error_and_ends),
	     MX_TEST(test_default_capacity_fits_48_mib),
	     MX_TEST(test_a_freed_slot_makes_old_handles_stale),
	     MX_TEST(test_a_stale_connection_touches_nothing),
	     MX_TEST(test_a_stale_list_gives_nobodys_connection),
	     MX_TEST(test_handles_outlive_the_registry),
	     MX_TEST(test_names_are_cut_between_characters),
	     MX_TEST(test_a_buckets_lock_counts),
	     MX_TEST(test_threads_join_and_leave))
