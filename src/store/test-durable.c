/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was acknowledged stays: after a power failure at any sync, after
 * kill -9, with a full disk; and what a damaged or foreign file answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rand.h"
#include "store/testlib.h"
#include "store/testvfs.h"
#include "wire/types.h"

static void db_path(struct tl *t, const struct mx_user *u, char path[700])
{
	char text[MX_GUID_STRLEN + 1];
	struct mx_guid g;

	memcpy(g.b, u->mailbox, 16);
	mx_guid_format(&g, text);
	snprintf(path, 700, "%s/mailboxes/%s.db", t->dir, text);
}

/* How many messages of the folder have that subject. */
struct counting {
	const char *subject;
	unsigned n;
};

static int take(void *arg, const struct mx_propval *vals, size_t n)
{
	struct counting *c = arg;

	c->n += vals[0].tag == T_SUBJECT && !strcmp(vals[0].v.str, c->subject);
	return 0;
}

static unsigned count_of(struct mx_mbox *mb, enum mx_special folder,
			 const char *subject)
{
	struct mx_obj *f = tl_folder(mb, folder);
	struct counting c = {subject, 0};
	struct mx_query q = {.max_rows = 100000};
	uint32_t tag = T_SUBJECT, n;
	enum mx_origin o;
	struct mx_tbl *tbl;

	ok(mx_tbl_contents(f, 0, &tbl, NULL));
	ok(mx_tbl_columns(tbl, &tag, 1));
	ok(mx_tbl_query(tbl, &q, take, &c, &n, &o));
	mx_tbl_close(tbl);
	mx_obj_close(f);
	return c.n;
}

/* ---- Power failure ---- */

#define STEPS 4

/* Saves and submits; bit i of the result: step i was acknowledged before the
 * power failed. */
static unsigned work(struct tl *t)
{
	unsigned acked = 0;

	for (unsigned i = 0; i < STEPS; i++) {
		char subject[16];
		struct mx_obj *m;

		snprintf(subject, sizeof(subject), "step%u", i);
		if (i % 2) {
			m = tl_draft(t->ma, subject, t->bert.dn);
			ok(mx_msg_submit(m, 0));
			mx_obj_close(m);
		} else {
			tl_message(t->ma, MX_FLD_NOTES, subject);
		}
		acked |= tv_is_cut() ? 0 : 1u << i;
	}
	return acked;
}

static void check_after(struct tl *t, unsigned acked)
{
	const char *text = NULL;

	for (unsigned i = 0; i < STEPS; i++) {
		char subject[16];
		bool sure = acked & 1u << i;
		unsigned mine, his;

		snprintf(subject, sizeof(subject), "step%u", i);
		if (i % 2 == 0) {
			mine = count_of(t->ma, MX_FLD_NOTES, subject);
			assert_true(mine == 1 || (!sure && mine == 0));
			continue;
		}
		mine = count_of(t->ma, MX_FLD_SENT, subject);
		his = count_of(t->mb, MX_FLD_INBOX, subject);
		assert_true(mine == 1 || (!sure && mine == 0));
		assert_int_equal(mine, his); /* one copy each, or none */
	}
	ok(mx_mbox_check(t->ma, &t->a, &text));
	ok(mx_mbox_check(t->mb, &t->a, &text));
}

static void open_again(struct tl *t)
{
	tl_open_store(t, NULL);
	ok(mx_dir_by_name(t->st, "anna", &t->a, &t->anna));
	ok(mx_dir_by_name(t->st, "bert", &t->a, &t->bert));
	t->ma = tl_mbox(t, &t->anna, &t->anna);
	t->mb = tl_mbox(t, &t->bert, &t->bert);
}

static void
test_acknowledged_work_survives_a_power_cut_at_every_sync(void **state)
{
	bool reached = true;

	tv_register();
	for (int n = 1; reached && n < 200; n++) {
		struct tl *t;
		unsigned acked;

		tv_reset((uint64_t)n);
		t = tl_open_vfs(TV_NAME);
		tv_cut_at(n);
		acked = work(t);
		reached = tv_is_cut();
		if (!reached) { /* the work was done before: cut at its end */
			assert_int_equal(acked, (1u << STEPS) - 1);
			tv_cut_at(0);
		}
		tl_close_store(t);
		tv_restore();
		open_again(t);
		check_after(t, acked);
		tl_close(t);
	}
	assert_false(reached); /* every sync had its turn */
}

/* ---- kill -9 ---- */

static void submit_for_ever(struct tl *t, int fd)
{
	for (unsigned i = 0;; i++) {
		char subject[16];
		struct mx_obj *m;

		snprintf(subject, sizeof(subject), "n%u", i);
		m = tl_draft(t->ma, subject, t->bert.dn);
		if (mx_msg_submit(m, 0))
			_exit(1);
		mx_obj_close(m);
		if (write(fd, &i, sizeof(i)) != sizeof(i))
			_exit(2);
	}
}

static void kill_after(struct tl *t, unsigned acks, struct mx_prng *p)
{
	unsigned last = 0, spin = mx_prng_below(p, 2000000);
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	tl_close_store(t);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(fds[0]);
		open_again(t);
		submit_for_ever(t, fds[1]);
	}
	close(fds[1]);
	for (unsigned i = 0; i < acks; i++)
		assert_int_equal(read(fds[0], &last, sizeof(last)),
				 sizeof(last));
	for (volatile unsigned i = 0; i < spin; i++)
		; /* anywhere within the next submit */
	kill(pid, SIGKILL);
	while (read(fds[0], &last, sizeof(last)) == sizeof(last))
		;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	open_again(t);
	for (unsigned i = 0; i <= last + 1; i++) {
		char subject[16];
		unsigned mine, his;

		snprintf(subject, sizeof(subject), "n%u", i);
		mine = count_of(t->ma, MX_FLD_SENT, subject);
		his = count_of(t->mb, MX_FLD_INBOX, subject);
		assert_int_equal(mine, his);
		assert_true(i > last || mine >= 1);
	}
}

static void test_acknowledged_submit_survives_kill_9(void **state)
{
	struct mx_prng p = {42};

	for (int round = 0; round < 8; round++) {
		struct tl *t = tl_open();

		kill_after(t, 1 + mx_prng_below(&p, 6), &p);
		tl_close(t);
	}
}

/* ---- Full disk ---- */

static void test_full_disk_loses_nothing_and_can_be_tried_again(void **state)
{
	struct tl *t;
	struct mx_obj *m = NULL;
	char *big = malloc(300001);
	uint64_t mid = 0;

	assert_non_null(big);
	memset(big, 'z', 300000);
	big[300000] = '\0';
	tv_register();
	tv_reset(1);
	t = tl_open_vfs(TV_NAME);
	tl_message(t->ma, MX_FLD_INBOX, "before");
	ok(mx_msg_create(t->ma, mx_mbox_info(t->ma)->fid[MX_FLD_INBOX], false,
			 0x0fff, &m));
	tl_set_str(m, T_SUBJECT, "during");
	tl_set_str(m, T_BODY, big);
	tv_space(20000);
	assert_int_equal(mx_msg_save(m, MX_SAVE_READ_WRITE, &mid), -ENOSPC);
	assert_int_equal(mx_store_ec(-ENOSPC), 0x8004010d);
	assert_int_equal(tl_count(t->ma, MX_FLD_INBOX), 1);
	assert_int_equal(count_of(t->ma, MX_FLD_INBOX, "before"), 1);
	tl_add_recip(m, 0, 1, t->bert.dn);
	assert_int_equal(mx_msg_submit(m, 0), -ENOSPC);
	tv_space(-1);
	ok(mx_msg_save(m, MX_SAVE_READ_WRITE, &mid));
	assert_string_equal(tl_str(t, m, T_BODY), big);
	mx_obj_close(m);
	assert_int_equal(tl_count(t->ma, MX_FLD_INBOX), 2);
	free(big);
	tl_close(t);
}

/* ---- Damage ---- */

static void scribble(const char *path, off_t from, size_t n)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	char junk[4096];

	assert_true(fd >= 0);
	memset(junk, 0x5a, sizeof(junk));
	for (size_t at = 0; at < n; at += sizeof(junk))
		assert_int_equal(pwrite(fd, junk, sizeof(junk),
					from + (off_t)at),
				 sizeof(junk));
	close(fd);
}

static void test_damaged_mailbox_is_told_and_others_go_on(void **state)
{
	struct tl *t = tl_open();
	struct mx_mbox_conf conf = {0};
	struct mx_mbox *mb = NULL;
	char path[700];

	tl_message(t->mb, MX_FLD_INBOX, "fine");
	db_path(t, &t->anna, path);
	tl_close_store(t);
	scribble(path, 0, 64 << 10);
	tl_open_store(t, NULL);
	conf.user = t->anna.id;
	memcpy(conf.mailbox, t->anna.mailbox, 16);
	assert_int_equal(mx_mbox_open(t->st, &conf, &mb), -EUCLEAN);
	assert_int_equal(mx_store_ec(-EUCLEAN), 0x80040116);
	assert_string_equal(mx_store_strerror(-EUCLEAN), "database damaged");
	t->mb = tl_mbox(t, &t->bert, &t->bert);
	assert_int_equal(count_of(t->mb, MX_FLD_INBOX, "fine"), 1);
	/* mail to the damaged one waits; the sender is not held up */
	{
		struct mx_obj *m = tl_draft(t->mb, "waits", t->anna.dn);

		ok(mx_msg_submit(m, 0));
		mx_obj_close(m);
		assert_int_equal(count_of(t->mb, MX_FLD_SENT, "waits"), 1);
		assert_int_equal(count_of(t->mb, MX_FLD_INBOX, "waits"), 0);
	}
	tl_close(t);
}

static void test_damage_inside_is_an_error_not_a_crash(void **state)
{
	struct tl *t = tl_open();
	char path[700], *big = malloc(20001);
	uint64_t mids[40];
	int damaged = 0;

	assert_non_null(big);
	memset(big, 'd', 20000);
	big[20000] = '\0';
	for (int i = 0; i < 40; i++) {
		struct mx_obj *m = NULL;

		ok(mx_msg_create(t->ma, mx_mbox_info(t->ma)->fid[MX_FLD_INBOX],
				 false, 0x0fff, &m));
		tl_set_str(m, T_SUBJECT, "s");
		tl_set_str(m, T_BODY, big);
		tl_set_str(m, 0x6666001f, "cold");
		ok(mx_msg_save(m, 0, &mids[i]));
		mx_obj_close(m);
	}
	db_path(t, &t->anna, path);
	tl_close_store(t);
	scribble(path, 120 << 10, 400 << 10);
	tl_open_store(t, NULL);
	t->mb = tl_mbox(t, &t->bert, &t->bert);
	{
		struct mx_mbox_conf conf = {.user = t->anna.id};
		const char *text = NULL;

		memcpy(conf.mailbox, t->anna.mailbox, 16);
		damaged += mx_mbox_open(t->st, &conf, &t->ma) != 0;
		if (t->ma)
			damaged += mx_mbox_check(t->ma, &t->a, &text) ==
				   -EUCLEAN;
	}
	for (int i = 0; t->ma && i < 40; i++) {
		struct mx_obj *m = NULL;
		uint32_t tag = T_BODY;
		struct mx_propval v;

		if (mx_msg_open(t->ma, 0, mids[i], 0, 0x0fff, &m))
			continue;
		mx_obj_get(m, &tag, 1, 0, true, &t->a, &v, NULL);
		mx_obj_close(m);
	}
	assert_true(damaged > 0);
	free(big);
	tl_close(t);
}

/* ---- Versions ---- */

static void exec_on(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_newer_or_foreign_database_is_refused(void **state)
{
	struct tl *t = tl_open();
	struct mx_mbox_conf conf = {.user = t->anna.id};
	struct mx_mbox *mb = NULL;
	char path[700];

	memcpy(conf.mailbox, t->anna.mailbox, 16);
	db_path(t, &t->anna, path);
	tl_close_store(t);
	exec_on(path, "PRAGMA user_version = 99");
	tl_open_store(t, NULL);
	assert_int_equal(mx_mbox_open(t->st, &conf, &mb), -EUCLEAN);
	exec_on(path, "PRAGMA user_version = 1; PRAGMA application_id = 7");
	assert_int_equal(mx_mbox_open(t->st, &conf, &mb), -EUCLEAN);
	exec_on(path, "PRAGMA application_id = 1297640802"); /* "MXmb" */
	ok(mx_mbox_open(t->st, &conf, &mb));
	mx_mbox_close(mb);
	tl_close(t);
}

MX_TEST_MAIN(
	MX_TEST_IN(test_acknowledged_work_survives_a_power_cut_at_every_sync,
		   300),
	MX_TEST_IN(test_acknowledged_submit_survives_kill_9, 120),
	MX_TEST(test_full_disk_loses_nothing_and_can_be_tried_again),
	MX_TEST(test_damaged_mailbox_is_told_and_others_go_on),
	MX_TEST(test_damage_inside_is_an_error_not_a_crash),
	MX_TEST(test_newer_or_foreign_database_is_refused))
