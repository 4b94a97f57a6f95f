/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Looking from outside, and what the diagnosis makes of it. */
#include "connlist/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connlist/test-util.h"

#define SERVER "mail.example:443"

struct picture {
	struct mx_snap_src *src;
	struct mx_snap s;
	struct mx_diag *v;
	size_t n;
};

static void picture_fini(struct picture *p)
{
	free(p->v);
	mx_snap_fini(&p->s);
	mx_snap_close(p->src);
}

static void look(struct picture *p, const struct mx_diag_params *dp)
{
	struct mx_fault f = MX_FAULT_INIT;

	if (!p->src && mx_snap_open(tu_path(), &p->src, &f)) {
		print_error("%s\n", f.text);
		fail();
	}
	assert_int_equal(mx_snap_take(p->src, &p->s), 0);
	free(p->v);
	assert_int_equal(mx_diag_run(&p->s, dp, &p->v, &p->n), 0);
}

static const struct mx_diag *found(const struct picture *p,
				   enum mx_diag_kind kind)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].kind == kind)
			return &p->v[i];
	return NULL;
}

static struct mx_conn *open_conn(struct mx_clist *cl)
{
	struct mx_conn_params p = {.server = SERVER};
	struct mx_conn *k = NULL;

	assert_int_equal(mx_conn_open(cl, &p, &k, NULL), 0);
	return k;
}

static void test_everything_is_seen(void **state)
{
	struct mx_reg *reg = tu_open(8, 8, 0);
	struct mx_clist *cl = tu_join(reg, 5);
	struct mx_conn *k = open_conn(cl);
	struct mx_op_result r = {.err = -EPROTO,
				 .code = 10,
				 .bytes_out = 100,
				 .bytes_in = 2000,
				 .round_trips = 2};
	MX_AUTO(picture_fini) struct picture p = {0};
	const struct mx_snap_conn *c;
	struct mx_sid sid = mx_sid_unix(5);

	assert_int_equal(mx_conn_logon_acquire(k), 0);
	assert_int_equal(mx_conn_set_cookies(k, "a=b"), 0);
	mx_conn_op_begin(k, MX_OP_CALL, "RopQueryRows", "answer",
			 MX_MONO_NEVER);
	mx_conn_op_end(k, MX_OP_CALL, &r);
	mx_conn_op_begin(k, MX_OP_PARKED, "NotificationWait", "PENDING",
			 mx_mono_in_ms(3600000));
	mx_conn_set_poller(k, MX_POLLER_STARTING);
	mx_conn_set_poller(k, MX_POLLER_PARKED);
	look(&p, NULL);
	assert_int_equal(p.s.n_procs, 1);
	assert_int_equal(p.s.n_lists, 1);
	assert_int_equal(p.s.n_peers, 1);
	assert_int_equal(p.s.n_conns, 1);
	assert_true(p.s.procs[0].alive);
	assert_int_equal(p.s.procs[0].pid, getpid());
	assert_true(mx_sid_equal(&p.s.lists[0].sid, &sid));
	assert_string_equal(p.s.lists[0].name, "user5");
	assert_int_equal(p.s.lists[0].crc, mx_sid_crc(&sid));
	assert_int_equal(p.s.lists[0].n_procs, 1);
	assert_string_equal(p.s.peers[0].server, SERVER);
	assert_int_equal(p.s.peers[0].used[MX_CONN_MAILBOX], 1);
	assert_int_equal(p.s.peers[0].limit[MX_CONN_MAILBOX], 32);
	c = &p.s.conns[0];
	assert_int_equal(c->state, MX_SNAP_OPEN);
	assert_int_equal(c->list, 0);
	assert_int_equal(c->peer, 0);
	assert_int_equal(c->proc, 0);
	assert_int_equal(c->n_logons, 1);
	assert_int_equal(c->cookie_bytes, 3);
	assert_int_equal(c->poller, MX_POLLER_PARKED);
	assert_false(c->op[MX_OP_CALL].active);
	assert_true(c->op[MX_OP_PARKED].active);
	assert_string_equal(c->op[MX_OP_PARKED].name, "NotificationWait");
	assert_string_equal(c->op[MX_OP_PARKED].waiting_on, "PENDING");
	assert_int_equal(c->op[MX_OP_PARKED].tid, gettid());
	assert_int_equal(c->round_trips, 2);
	assert_int_equal(c->bytes_in, 2000);
	assert_int_equal(c->last_err, -EPROTO);
	assert_int_equal(c->last_code, 10);
	assert_int_equal(p.n, 0); /* healthy */
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	mx_reg_close(reg);
}

static void test_looking_changes_nothing(void **state)
{
	struct mx_reg *reg = tu_open(8, 8, 0);
	struct mx_clist *cl = tu_join(reg, 5);
	MX_AUTO(picture_fini) struct picture p = {0};
	size_t n = reg->map.bytes;
	void *before = malloc(n);

	memcpy(before, reg->map.base, n);
	look(&p, NULL);
	look(&p, NULL);
	assert_memory_equal(before, reg->map.base, n);
	free(before);
	mx_clist_leave(cl);
	mx_reg_close(reg);
}

static void test_no_segment_and_no_segment_any_more(void **state)
{
	struct mx_reg *reg = tu_open(8, 8, 0);
	MX_AUTO(picture_fini) struct picture p = {0};
	struct mx_snap_src *no = NULL;
	struct mx_fault f = MX_FAULT_INIT;

	look(&p, NULL);
	mx_reg_close(reg);
	unlink(tu_path());
	assert_int_equal(mx_snap_take(p.src, &p.s), -ENOENT);
	assert_int_equal(mx_snap_open(tu_path(), &no, &f), -ENOENT);
	assert_true(f.text[0]);
	assert_int_equal(symlink("/dev/zero", tu_path()), 0);
	assert_int_not_equal(mx_snap_open(tu_path(), &no, &f), 0);
	unlink(tu_path());
}

/* --- Diagnosis ---------------------------------------------------------- */

static void test_an_operation_past_its_deadline_is_an_error(void **state)
{
	struct mx_reg *reg = tu_open(8, 8, 0);
	struct mx_clist *cl = tu_join(reg, 5);
	struct mx_conn *k = open_conn(cl);
	MX_AUTO(picture_fini) struct picture p = {0};
	const struct mx_diag *d;
	mx_mono past = {mx_mono_now().ns - 5 * MX_NS_PER_S};

	mx_conn_op_begin(k, MX_OP_CALL, "Execute", "answer", past);
	look(&p, NULL);
	d = found(&p, MX_DIAG_OVERDUE);
	assert_non_null(d);
	assert_int_equal(d->severity, MX_DIAG_ERROR);
	assert_non_null(strstr(d->text, "Execute"));
	assert_non_null(strstr(d->text, "user5 (S-1-22-1-5)"));
	assert_non_null(strstr(d->text, SERVER));
	assert_non_null(strstr(d->text, "answer"));
	assert_ptr_equal(d, &p.v[0]); /* worst first */
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	mx_reg_close(reg);
}

static void test_slow_is_a_warning_and_parked_is_normal(void **state)
{
	struct mx_reg *reg = tu_open(8, 8, 0);
	struct mx_clist *cl = tu_join(reg, 5);
	struct mx_conn *k = open_conn(cl);
	struct mx_diag_params dp = {.slow_ns = 1};
	MX_AUTO(picture_fini) struct picture p = {0};

	mx_conn_op_begin(k, MX_OP_PARKED, "NotificationWait", "PENDING",
			 MX_MONO_NEVER);
	look(&p, &dp);
	assert_null(found(&p, MX_DIAG_SLOW));
	mx_conn_op_begin(k, MX_OP_CALL, "Execute", "answer", MX_MONO_NEVER);
	look(&p, &dp);
	assert_non_null(found(&p, MX_DIAG_SLOW));
	assert_int_equal(found(&p, MX_DIAG_SLOW)->severity, MX_DIAG_WARNING);
	mx_conn_set_poller(k, MX_POLLER_STARTING);
	look(&p, &dp);
	assert_non_null(found(&p, MX_DIAG_POLLER));
	mx_conn_report(k, MX_HEALTH_BACKOFF, 60000, 429);
	look(&p, NULL);
	assert_non_null(found(&p, MX_DIAG_BACKOFF));
	assert_non_null(strstr(found(&p, MX_DIAG_BACKOFF)->text, "429"));
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	mx_reg_close(reg);
}

static void
test_a_callback_that_does_not_return_is_the_programs_fault(void **state)
{
	struct mx_reg *reg = tu_open(8, 8, 0);
	struct mx_clist *cl = tu_join(reg, 5);
	struct mx_diag_params dp = {.slow_ns = 1};
	MX_AUTO(picture_fini) struct picture p = {0};
	const struct mx_diag *d;
	int which[5];

	look(&p, &dp);
	assert_null(found(&p, MX_DIAG_CALLBACK));
	for (int i = 0; i < 5; i++)
		which[i] = mx_clist_callback_begin(cl);
	assert_int_equal(which[3], 3);
	assert_int_equal(which[4], -1); /* goes on, is not shown */
	look(&p, &dp);
	d = found(&p, MX_DIAG_CALLBACK);
	assert_non_null(d);
	assert_non_null(strstr(d->text, "user5 (S-1-22-1-5)"));
	assert_non_null(strstr(d->blame, "the program: its advise sink"));
	assert_int_equal(p.s.procs[0].callbacks[0].tid, gettid());
	for (int i = 0; i < 5; i++)
		mx_clist_callback_end(cl, which[i]);
	look(&p, &dp);
	assert_null(found(&p, MX_DIAG_CALLBACK));
	mx_clist_leave(cl);
	mx_reg_close(reg);
}

static void test_full_tables_are_reported(void **state)
{
	struct mx_reg *reg = tu_open(1, 8, 0);
	struct mx_clist *cl = tu_join(reg, 5);
	MX_AUTO(picture_fini) struct picture p = {0};

	look(&p, NULL);
	assert_non_null(found(&p, MX_DIAG_CAPACITY));
	assert_non_null(
		strstr(found(&p, MX_DIAG_CAPACITY)->text, "1 of 1 lists"));
	mx_clist_leave(cl);
	mx_reg_close(reg);
}

static void die_here(void)
{
	kill(getpid(), SIGKILL);
}

/* A child that dies inside a lock and in the middle of writing its record. */
static void die_in_the_middle(void)
{
	pid_t pid = tu_fork();

	if (pid == 0) {
		struct mx_reg *reg = tu_attach();
		struct mx_clist *cl = tu_join(reg, 9);
		struct mx_conn *k = open_conn(cl);

		mx_conn_op_begin(k, MX_OP_CALL, "Execute", "answer",
				 MX_MONO_NEVER);
		mx_reg_tick(reg);
		shm_put32(&reg->map.conns[mx_conn_slot(k)].seq, 7);
		if (bucket_lock(reg, 0, NULL))
			_exit(1);
		mx_shm_step = die_here;
		shm_put32(&reg->map.header->list_hint, 0);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Issue: works on a segment whose processes are all dead. */
static void test_a_segment_of_the_dead_can_be_read(void **state)
{
	struct mx_reg *reg = tu_open(8, 8, 1);
	MX_AUTO(picture_fini) struct picture p = {0};

	die_in_the_middle();
	look(&p, NULL);
	assert_int_equal(p.s.n_procs, 2);
	assert_non_null(found(&p, MX_DIAG_DEAD_PROCESS));
	assert_non_null(found(&p, MX_DIAG_LOCK));
	assert_non_null(strstr(found(&p, MX_DIAG_LOCK)->text, "is dead"));
	assert_non_null(found(&p, MX_DIAG_TORN));
	assert_string_equal(p.s.lists[0].name, "user9");
	mx_reg_tick(reg);
	look(&p, NULL);
	assert_null(found(&p, MX_DIAG_DEAD_PROCESS));
	assert_null(found(&p, MX_DIAG_LOCK));
	assert_null(found(&p, MX_DIAG_TORN));
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_a_process_without_a_heartbeat_is_named(void **state)
{
	struct mx_reg *reg = tu_open(8, 8, 1);
	struct mx_diag_params dp = {.stopped_ns = 1};
	MX_AUTO(picture_fini) struct picture p = {0};

	look(&p, &dp);
	assert_null(found(&p, MX_DIAG_STOPPED_PROCESS)); /* no engine yet */
	mx_reg_tick(reg);
	look(&p, &dp);
	assert_non_null(found(&p, MX_DIAG_STOPPED_PROCESS));
	mx_reg_close(reg);
}

static void test_the_watchdog_prints_what_is_in_flight(void **state)
{
	struct mx_reg *reg = tu_open(8, 8, 0);
	struct mx_clist *cl = tu_join(reg, 5);
	struct mx_conn *k = open_conn(cl);
	char text[2000] = "";
	int fd[2];
	ssize_t n;

	mx_conn_op_begin(k, MX_OP_CALL, "RopSubmitMessage", "answer",
			 MX_MONO_NEVER);
	assert_int_equal(pipe(fd), 0);
	mx_diag_print(fd[1], tu_path());
	close(fd[1]);
	n = read(fd[0], text, sizeof(text) - 1);
	close(fd[0]);
	assert_true(n > 0);
	assert_non_null(strstr(text, "in flight: RopSubmitMessage"));
	assert_non_null(strstr(text, "user5"));
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	mx_reg_close(reg);
}

/* A picture after another: what stayed, what changed, what came and went. */
static void test_pictures_that_follow_are_as_the_first(void **state)
{
	struct mx_reg *reg = tu_open(16, 16, 0);
	struct mx_clist *cl[6];
	struct mx_conn *k[6];
	MX_AUTO(picture_fini) struct picture again = {0};

	for (uint32_t i = 0; i < 6; i++) {
		cl[i] = tu_join(reg, i);
		k[i] = open_conn(cl[i]);
	}
	for (uint32_t step = 0; step < 40; step++) {
		MX_AUTO(picture_fini) struct picture first = {0};
		uint32_t i = step % 6;

		if (step % 4 == 0) {
			mx_conn_close(k[i], MX_CONN_ENDED);
			mx_clist_leave(cl[i]);
			cl[i] = tu_join(reg, 100 + step);
			k[i] = open_conn(cl[i]);
		} else if (step % 4 == 1) {
			mx_conn_op_begin(k[i], MX_OP_CALL, "Execute", "answer",
					 MX_MONO_NEVER);
		} else if (step % 4 == 2) {
			mx_conn_report(k[i], MX_HEALTH_BACKOFF, 60000, step);
		}
		look(&again, NULL);
		look(&first, NULL);
		assert_int_equal(again.s.n_lists, first.s.n_lists);
		assert_int_equal(again.s.n_peers, first.s.n_peers);
		assert_int_equal(again.s.n_conns, first.s.n_conns);
		for (size_t j = 0; j < first.s.n_lists; j++) {
			const struct mx_snap_list *a = &again.s.lists[j];
			const struct mx_snap_list *b = &first.s.lists[j];

			assert_int_equal(a->slot, b->slot);
			assert_int_equal(a->gen, b->gen);
			assert_string_equal(a->name, b->name);
			assert_true(mx_sid_equal(&a->sid, &b->sid));
			assert_int_equal(a->n_conns, b->n_conns);
			assert_int_equal(a->first_conn, b->first_conn);
			assert_int_equal(a->first_peer, b->first_peer);
		}
		for (size_t j = 0; j < first.s.n_peers; j++) {
			assert_int_equal(again.s.peers[j].code,
					 first.s.peers[j].code);
			assert_int_equal(again.s.peers[j].list,
					 first.s.peers[j].list);
			assert_int_equal(again.s.peers[j].used[0],
					 first.s.peers[j].used[0]);
		}
		for (size_t j = 0; j < first.s.n_conns; j++) {
			assert_int_equal(again.s.conns[j].op[0].active,
					 first.s.conns[j].op[0].active);
			assert_int_equal(again.s.conns[j].list,
					 first.s.conns[j].list);
			assert_int_equal(again.s.conns[j].opened_ns,
					 first.s.conns[j].opened_ns);
		}
	}
	for (uint32_t i = 0; i < 6; i++) {
		mx_conn_close(k[i], MX_CONN_ENDED);
		mx_clist_leave(cl[i]);
	}
	mx_reg_close(reg);
}

/* Reading behind the end of a file that was cut off would be SIGBUS. */
static void test_a_segment_that_was_cut_off_is_not_read(void **state)
{
	struct mx_reg *reg = tu_open(8, 8, 0);
	MX_AUTO(picture_fini) struct picture p = {0};

	look(&p, NULL);
	mx_reg_close(reg);
	assert_int_equal(truncate(tu_path(), 4096), 0);
	assert_int_equal(mx_snap_take(p.src, &p.s), -EBADMSG);
	unlink(tu_path());
}

/* --- While others write ------------------------------------------------- */

struct writer {
	struct mx_reg *reg;
	bool stop;
};

static void *write_on(void *arg)
{
	struct writer *w = arg;
	struct mx_clist *cl = tu_join(w->reg, 5);
	struct mx_conn *k = open_conn(cl);

	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		struct mx_op_result r = {
			.round_trips = 1, .bytes_in = 1, .bytes_out = 1};

		mx_conn_op_begin(k, MX_OP_CALL, "one", "one", MX_MONO_NEVER);
		mx_conn_op_end(k, MX_OP_CALL, &r);
		mx_conn_op_begin(k, MX_OP_CALL, "two", "two", MX_MONO_NEVER);
		mx_conn_op_end(k, MX_OP_CALL, &r);
	}
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	return NULL;
}

/* Each record is one consistent whole, or says that it is not. */
static void test_records_are_copied_whole(void **state)
{
	struct writer w = {.reg = tu_open(8, 8, 0)};
	MX_AUTO(picture_fini) struct picture p = {0};
	unsigned whole = 0, looks = 0;
	pthread_t id;

	assert_int_equal(pthread_create(&id, NULL, write_on, &w), 0);
	while (whole < 2000 && looks++ < 200000) {
		const struct mx_snap_conn *c;

		look(&p, NULL);
		c = p.s.n_conns ? &p.s.conns[0] : NULL;
		if (!c || c->torn)
			continue;
		assert_int_equal(c->round_trips, c->bytes_in);
		assert_int_equal(c->round_trips, c->bytes_out);
		assert_string_equal(c->op[0].name, c->op[0].waiting_on);
		whole++;
	}
	__atomic_store_n(&w.stop, true, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(id, NULL), 0);
	assert_int_equal(whole, 2000);
	mx_reg_close(w.reg);
}

/* Joins and is stopped before its heart was ever seen to beat. */
static int stops_before_its_first_tick(void)
{
	struct mx_reg *reg = NULL;
	struct mx_clist *cl = NULL;
	struct mx_sid sid = mx_sid_unix(6);

	if (mx_reg_open(&(struct mx_reg_params){.path = tu_path()}, &reg,
			NULL) ||
	    mx_clist_join(reg, &sid, "", &cl, NULL))
		return 1;
	raise(SIGSTOP);
	return 2;
}

static void test_a_process_stopped_before_its_first_beat_is_seen(void **state)
{
	struct mx_reg *reg = tu_open(8, 8, 0);
	MX_AUTO(picture_fini) struct picture p = {0};
	struct mx_diag_params dp = {.stopped_ns = 1};
	const struct mx_diag *d;
	pid_t pid = tu_fork();
	int st;

	if (pid == 0)
		_exit(stops_before_its_first_tick());
	assert_int_equal(waitpid(pid, &st, WUNTRACED), pid);
	assert_true(WIFSTOPPED(st));
	look(&p, &dp);
	d = found(&p, MX_DIAG_STOPPED_PROCESS);
	assert_non_null(d);
	assert_int_equal(p.s.procs[d->proc].pid, pid);
	assert_int_equal(d->severity, MX_DIAG_ERROR);
	/* We only attached, and hold nothing that others could wait for. */
	for (size_t i = 0; i < p.n; i++)
		if (&p.v[i] != d)
			assert_int_not_equal(p.v[i].kind, d->kind);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	mx_reg_close(reg);
}

MX_TEST_MAIN(
	MX_TEST(test_everything_is_seen), MX_TEST(test_looking_changes_nothing),
	MX_TEST(test_no_segment_and_no_segment_any_more),
	MX_TEST(test_an_operation_past_its_deadline_is_an_error),
	MX_TEST(test_slow_is_a_warning_and_parked_is_normal),
	MX_TEST(test_a_callback_that_does_not_return_is_the_programs_fault),
	MX_TEST(test_full_tables_are_reported),
	MX_TEST(test_a_segment_of_the_dead_can_be_read),
	MX_TEST(test_a_process_without_a_heartbeat_is_named),
	MX_TEST(test_the_watchdog_prints_what_is_in_flight),
	MX_TEST(test_pictures_that_follow_are_as_the_first),
	MX_TEST(test_a_segment_that_was_cut_off_is_not_read),
	MX_TEST(test_records_are_copied_whole),
	MX_TEST(test_a_process_stopped_before_its_first_beat_is_seen))
