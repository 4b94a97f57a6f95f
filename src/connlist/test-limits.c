/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * B30: capacity is stated, can be used to the end, and its end is an error that
 * names the limit; what is given back can be had again.
 */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connlist/conn.h"
#include "connlist/test-util.h"

static int open_at(struct mx_clist *cl, uint32_t server, struct mx_conn **ret,
		   struct mx_fault *f)
{
	char name[32];
	struct mx_conn_params p = {.server = name};

	snprintf(name, sizeof(name), "server%u:443", server);
	return mx_conn_open(cl, &p, ret, f);
}

static void test_b30_the_end_of_the_lists_is_named(void **state)
{
	struct mx_reg *reg = tu_open(5, 4, 0);
	struct mx_clist *cl[5], *no = NULL;
	struct mx_sid sid = mx_sid_unix(9);
	struct mx_fault f = MX_FAULT_INIT;

	for (uint32_t i = 0; i < 5; i++)
		cl[i] = tu_join(reg, i);
	assert_int_equal(mx_clist_join(reg, &sid, "", &no, &f), -ENOSPC);
	assert_non_null(strstr(f.text, "all 5 connection lists of "));
	assert_non_null(strstr(f.text, tu_path()));
	mx_clist_leave(cl[2]);
	cl[2] = tu_join(reg, 9);
	for (uint32_t i = 0; i < 5; i++)
		mx_clist_leave(cl[i]);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_b30_the_end_of_the_connections_is_named(void **state)
{
	struct mx_reg *reg = tu_open(4, 3, 0);
	struct mx_clist *cl = tu_join(reg, 1);
	struct mx_conn *k[3], *no = NULL;
	struct mx_fault f = MX_FAULT_INIT;

	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(open_at(cl, i, &k[i], NULL), 0);
	assert_int_equal(open_at(cl, 3, &no, &f), -ENOSPC);
	assert_non_null(strstr(f.text, "all 3 connection records of "));
	mx_conn_close(k[1], MX_CONN_ENDED);
	assert_int_equal(open_at(cl, 4, &k[1], NULL), 0);
	for (uint32_t i = 0; i < 3; i++)
		mx_conn_close(k[i], MX_CONN_ENDED);
	mx_clist_leave(cl);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* A server stays remembered as long as its list. */
static void test_b30_the_end_of_the_servers_is_named(void **state)
{
	struct mx_reg *reg = tu_open(4, 8, 0);
	struct mx_clist *cl = tu_join(reg, 1);
	struct mx_conn *k = NULL;
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_reg_info info;
	char want[64];

	mx_reg_info(reg, &info);
	for (uint32_t i = 0; i < info.n_peers; i++) {
		assert_int_equal(open_at(cl, i, &k, NULL), 0);
		mx_conn_close(k, MX_CONN_ENDED);
	}
	assert_int_equal(open_at(cl, info.n_peers, &k, &f), -ENOSPC);
	snprintf(want, sizeof(want), "all %u server records of ", info.n_peers);
	assert_non_null(strstr(f.text, want));
	assert_int_equal(tu_claims(reg->map.conn_claims, 8), 0);
	mx_clist_leave(cl);
	cl = tu_join(reg, 1);
	assert_int_equal(open_at(cl, info.n_peers, &k, NULL), 0);
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_b30_the_end_of_the_processes_is_named(void **state)
{
	struct mx_reg_params p = {.path = tu_path()};
	struct mx_reg *reg[SHM_PROCS], *no = NULL;
	struct mx_fault f = MX_FAULT_INIT;

	reg[0] = tu_open(2, 2, 0);
	for (uint32_t i = 1; i < SHM_PROCS; i++)
		reg[i] = tu_attach();
	assert_int_equal(mx_reg_open(&p, &no, &f), -EUSERS);
	assert_non_null(strstr(f.text, "all 256 process slots of "));
	mx_reg_close(reg[77]);
	reg[77] = tu_attach();
	for (uint32_t i = 1; i < SHM_PROCS; i++)
		mx_reg_close(reg[i]);
	tu_assert_empty(reg[0]);
	mx_reg_close(reg[0]);
}

/* Every list with four connections, as the stated capacity has it. */
static void test_b30_the_default_capacity_can_be_used(void **state)
{
	struct mx_reg *reg = tu_open(0, 0, 0);
	struct mx_clist **cl = calloc(16384, sizeof(struct mx_clist *));
	struct mx_conn **k = calloc(65536, sizeof(struct mx_conn *));
	struct mx_conn *no = NULL;
	struct mx_clist *more = NULL;
	struct mx_sid sid = mx_sid_unix(1u << 30);
	struct mx_reg_info info;

	assert_true(cl && k);
	mx_reg_info(reg, &info);
	assert_true(info.bytes <= 48u << 20);
	for (uint32_t i = 0; i < 16384; i++) {
		cl[i] = tu_join(reg, i);
		for (uint32_t j = 0; j < 4; j++)
			assert_int_equal(open_at(cl[i], 0, &k[4 * i + j], NULL),
					 0);
	}
	assert_int_equal(mx_clist_join(reg, &sid, "", &more, NULL), -ENOSPC);
	assert_int_equal(open_at(cl[0], 0, &no, NULL), -ENOSPC);
	for (uint32_t i = 0; i < 65536; i++)
		mx_conn_close(k[i], MX_CONN_ENDED);
	for (uint32_t i = 0; i < 16384; i++)
		mx_clist_leave(cl[i]);
	tu_assert_empty(reg);
	mx_reg_close(reg);
	free(cl);
	free(k);
}

/* What dead processes left is remembered as long as there is room. */
static void leave_sessions(const char *const *names, uint32_t first, uint32_t n)
{
	pid_t pid = tu_fork();
	int st;

	if (pid == 0) {
		struct mx_reg *reg = tu_attach();

		for (uint32_t i = first; i < first + n; i++) {
			struct mx_conn *k = NULL;

			if (open_at(tu_join(reg, i), 0, &k, NULL))
				_exit(1);
			mx_conn_set_cookies(k, names[i]);
		}
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(st, 0);
}

static bool is_remembered(struct mx_reg *reg, uint32_t user)
{
	struct mx_sid sid = mx_sid_unix(user);
	bool found = false;

	for (uint32_t i = 0; i < reg->map.n_lists; i++)
		found = found ||
			(shm_get64(&reg->map.list_claims[i]) &&
			 shm_get32(&reg->map.lists[i].crc) == mx_sid_crc(&sid));
	return found;
}

/* The living go first: of what is remembered the older half of the time goes,
 * and what a user has with whom somebody acts stays. */
static void test_remembered_sessions_give_way_to_the_living(void **state)
{
	static const char *const names[] = {"a=0", "a=1", "a=2", "a=3", "a=4"};
	struct mx_reg *reg = tu_open(5, 5, 0);
	struct mx_clist *mine, *cl, *no = NULL;
	struct mx_conn *k[5] = {NULL}, *none = NULL;
	struct mx_sid sid = mx_sid_unix(9);
	struct mx_conn_params p = {.server = "server0:443"};
	char got[MX_CONN_COOKIES_MAX + 1];

	leave_sessions(names, 0, 1);
	mx_reg_tick(reg);
	mine = tu_join(reg, 0);
	leave_sessions(names, 1, 2);
	mx_reg_tick(reg);
	leave_sessions(names, 3, 2);
	mx_reg_tick(reg);
	assert_int_equal(tu_claims(reg->map.conn_claims, 5), 5);
	cl = tu_join(reg, 9); /* lists are full: the oldest go */
	assert_true(is_remembered(reg, 0));
	assert_false(is_remembered(reg, 1));
	assert_true(is_remembered(reg, 4));
	assert_int_equal(open_at(cl, 0, &k[0], NULL), 0);
	/* The same for connections; at last only the living are there. */
	for (uint32_t i = 1; i < 4; i++)
		assert_int_equal(open_at(cl, i, &k[i], NULL), 0);
	assert_false(is_remembered(reg, 4));
	assert_int_equal(open_at(cl, 4, &none, NULL), -ENOSPC);
	mx_conn_close(k[3], MX_CONN_ENDED);
	k[3] = NULL;
	assert_int_equal(mx_conn_open(mine, &p, &k[4], NULL), 0);
	assert_int_equal(mx_conn_cookies(k[4], got, sizeof(got)), 3);
	assert_string_equal(got, "a=0");
	for (uint32_t i = 0; i < 5; i++)
		mx_conn_close(k[i], MX_CONN_ENDED);
	mx_clist_leave(cl);
	mx_clist_leave(mine);
	assert_int_equal(mx_clist_join(reg, &sid, "", &no, NULL), 0);
	mx_clist_leave(no);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

MX_TEST_MAIN(MX_TEST(test_b30_the_end_of_the_lists_is_named),
	     MX_TEST(test_b30_the_end_of_the_connections_is_named),
	     MX_TEST(test_b30_the_end_of_the_servers_is_named),
	     MX_TEST(test_b30_the_end_of_the_processes_is_named),
	     MX_TEST(test_b30_the_default_capacity_can_be_used),
	     MX_TEST(test_remembered_sessions_give_way_to_the_living))
