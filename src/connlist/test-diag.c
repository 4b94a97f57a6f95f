/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the diagnosis makes of pictures made by hand: every finding says what,
 * for whom, on which server, whose fault it is and what to do. */
#include "connlist/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/test.h"

#define S ((uint64_t)MX_NS_PER_S)
#define NOW (1000 * S)

/* One process, one user, one server, one open connection. */
struct picture {
	struct mx_snap s;
	struct mx_snap_proc proc;
	struct mx_snap_list list;
	struct mx_snap_peer peer;
	struct mx_snap_conn conn;
	struct mx_snap_lock lock;
	struct mx_diag *v;
	size_t n;
};

static void picture_auto(struct picture *p)
{
	free(p->v);
}

static void begin(struct picture *p)
{
	memset(p, 0, sizeof(*p));
	p->proc = (struct mx_snap_proc){.gen = 1,
					.alive = true,
					.pid = 4711,
					.attached_ns = NOW - 500 * S,
					.beat_ns = NOW - S / 10,
					.name = "archiver"};
	p->list = (struct mx_snap_list){
		.gen = 1, .sid = mx_sid_unix(1000), .name = "anna"};
	p->peer = (struct mx_snap_peer){
		.next = UINT32_MAX, .server = "mail:443", .limit = {32, 32}};
	p->conn = (struct mx_snap_conn){.next = UINT32_MAX,
					.gen = 1,
					.state = MX_SNAP_OPEN,
					.opened_ns = NOW - 400 * S};
	p->s = (struct mx_snap){.taken_ns = NOW,
				.path = "/dev/shm/segment",
				.max_procs = 256,
				.max_lists = 10,
				.n_free_lists = 9,
				.max_peers = 10,
				.n_free_peers = 9,
				.max_conns = 10,
				.n_free_conns = 9,
				.n_procs = 1,
				.procs = &p->proc,
				.n_lists = 1,
				.lists = &p->list,
				.n_peers = 1,
				.peers = &p->peer,
				.n_conns = 1,
				.conns = &p->conn,
				.locks = &p->lock};
}

static void call(struct picture *p, uint64_t since_s, uint64_t deadline_ns,
		 const char *waiting_on)
{
	struct mx_snap_op *op = &p->conn.op[MX_OP_CALL];

	*op = (struct mx_snap_op){.active = true,
				  .since_ns = NOW - since_s * S,
				  .deadline_ns = deadline_ns,
				  .tid = 4712,
				  .name = "RopQueryRows"};
	snprintf(op->waiting_on, sizeof(op->waiting_on), "%s", waiting_on);
}

static void look(struct picture *p)
{
	free(p->v);
	p->v = NULL;
	assert_int_equal(mx_diag_run(&p->s, NULL, &p->v, &p->n), 0);
	for (size_t i = 0; i < p->n; i++) {
		assert_true(p->v[i].text[0]);
		assert_true(p->v[i].blame[0]);
		assert_true(p->v[i].advice[0]);
	}
}

static const struct mx_diag *found(struct picture *p, enum mx_diag_kind kind)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].kind == kind)
			return &p->v[i];
	fail_msg("no finding %s", mx_diag_kind_name(kind));
	return NULL;
}

static void is_about_annas_rows(const struct mx_diag *d)
{
	assert_int_equal(d->list, 0);
	assert_int_equal(d->peer, 0);
	assert_int_equal(d->proc, 0);
	assert_int_equal(d->conn, 0);
	assert_string_equal(d->op, "RopQueryRows");
	assert_non_null(strstr(d->text, "anna (S-1-22-1-1000)"));
	assert_non_null(strstr(d->text, "mail:443"));
}

static void test_a_silent_server_is_blamed(void **state)
{
	MX_AUTO(picture_auto) struct picture p;
	const struct mx_diag *d;

	begin(&p);
	call(&p, 30, NOW + 30 * S, "answer");
	look(&p);
	assert_int_equal(p.n, 1);
	d = found(&p, MX_DIAG_SLOW);
	is_about_annas_rows(d);
	assert_int_equal(d->severity, MX_DIAG_WARNING);
	assert_int_equal(d->age_ns, 30 * S);
	assert_non_null(strstr(d->blame, "the server mail:443"));
}

static void test_a_wait_for_another_call_does_not_blame_the_server(void **state)
{
	MX_AUTO(picture_auto) struct picture p;

	begin(&p);
	call(&p, 30, NOW + 30 * S, "turn");
	look(&p);
	assert_null(strstr(found(&p, MX_DIAG_SLOW)->blame, "server"));
	assert_non_null(strstr(found(&p, MX_DIAG_SLOW)->blame, "4711"));
}

static void test_a_silent_resolver_is_blamed(void **state)
{
	MX_AUTO(picture_auto) struct picture p;

	begin(&p);
	call(&p, 30, NOW + 30 * S, "resolve");
	look(&p);
	assert_non_null(
		strstr(found(&p, MX_DIAG_SLOW)->blame, "the name servers"));
	call(&p, 30, NOW + 30 * S, "connect");
	look(&p);
	assert_non_null(
		strstr(found(&p, MX_DIAG_SLOW)->blame, "or the way to it"));
}

static void test_a_wait_past_its_deadline_is_our_bug(void **state)
{
	MX_AUTO(picture_auto) struct picture p;
	const struct mx_diag *d;

	begin(&p);
	call(&p, 90, NOW - 30 * S, "answer");
	look(&p);
	d = found(&p, MX_DIAG_OVERDUE);
	is_about_annas_rows(d);
	assert_int_equal(d->severity, MX_DIAG_ERROR);
	assert_non_null(strstr(d->blame, "this runtime"));
}

static void test_a_stopped_process_is_blamed_for_what_it_was_doing(void **state)
{
	MX_AUTO(picture_auto) struct picture p;
	const struct mx_diag *d;

	begin(&p);
	p.proc.beat_ns = NOW - 100 * S;
	call(&p, 90, NOW - 30 * S, "answer");
	look(&p);
	d = found(&p, MX_DIAG_OVERDUE);
	assert_null(strstr(d->blame, "runtime"));
	assert_non_null(strstr(d->blame, "4711 (archiver), which is stopped"));
	assert_non_null(strstr(found(&p, MX_DIAG_STOPPED_PROCESS)->advice,
			       "kill -CONT 4711"));
	/* What explains the others comes first. */
	assert_int_equal(p.v[0].kind, MX_DIAG_NOBODY);
	assert_string_equal(p.v[0].text, "all 1 processes are stopped");
	assert_int_equal(p.v[0].severity, MX_DIAG_ERROR);
}

static void test_what_the_dead_were_doing_is_not_stuck(void **state)
{
	MX_AUTO(picture_auto) struct picture p;

	begin(&p);
	p.proc.alive = false;
	call(&p, 90, NOW - 30 * S, "answer");
	p.conn.poller = MX_POLLER_STOPPING;
	p.conn.poller_since_ns = NOW - 60 * S;
	p.proc.callbacks[0].since_ns = 0;
	look(&p);
	for (size_t i = 0; i < p.n; i++)
		assert_int_equal(p.v[i].severity, MX_DIAG_INFO);
	assert_string_equal(found(&p, MX_DIAG_NOBODY)->text,
			    "all 1 processes are dead");
	found(&p, MX_DIAG_DEAD_PROCESS);
}

static void test_who_waits_for_a_place_is_told_how_many_there_are(void **state)
{
	MX_AUTO(picture_auto) struct picture p;
	const struct mx_diag *d;

	begin(&p);
	p.conn.state = MX_SNAP_WAITING;
	p.conn.opened_ns = NOW - 20 * S;
	p.peer.used[0] = 32;
	p.peer.waiting[0] = 3;
	look(&p);
	d = found(&p, MX_DIAG_BUDGET);
	assert_int_equal(d->severity, MX_DIAG_WARNING);
	assert_int_equal(d->age_ns, 20 * S);
	assert_int_equal(d->peer, 0);
	assert_non_null(strstr(d->text, "32 of 32 in use, 3 waiting"));
	assert_non_null(strstr(d->text, "anna"));
}

static void test_a_back_off_says_who_asked_for_it(void **state)
{
	MX_AUTO(picture_auto) struct picture p;

	begin(&p);
	p.peer.health = MX_HEALTH_BACKOFF;
	p.peer.code = 429;
	p.peer.until_ns = NOW + 12 * S;
	look(&p);
	assert_non_null(strstr(found(&p, MX_DIAG_BACKOFF)->text,
			       "another 12.0 s: back-off, code 429"));
	assert_non_null(strstr(found(&p, MX_DIAG_BACKOFF)->blame, "asked"));
	p.peer.health = MX_HEALTH_DOWN;
	look(&p);
	assert_non_null(
		strstr(found(&p, MX_DIAG_BACKOFF)->blame, "the way to it"));
}

static void test_a_callback_is_slow_then_stuck(void **state)
{
	MX_AUTO(picture_auto) struct picture p;

	begin(&p);
	p.proc.callbacks[2] =
		(struct mx_snap_callback){.since_ns = NOW - 9 * S, .tid = 4713};
	look(&p);
	assert_int_equal(p.n, 0);
	p.proc.callbacks[2].since_ns = NOW - 30 * S;
	look(&p);
	assert_int_equal(found(&p, MX_DIAG_CALLBACK)->severity,
			 MX_DIAG_WARNING);
	assert_non_null(strstr(found(&p, MX_DIAG_CALLBACK)->text, "4713"));
	p.proc.callbacks[2].since_ns = NOW - 61 * S;
	look(&p);
	assert_int_equal(found(&p, MX_DIAG_CALLBACK)->severity, MX_DIAG_ERROR);
	assert_non_null(
		strstr(found(&p, MX_DIAG_CALLBACK)->blame, "the program"));
}

static void test_what_a_dead_process_left_says_since_when(void **state)
{
	MX_AUTO(picture_auto) struct picture p;

	begin(&p);
	p.conn.state = MX_SNAP_ORPHAN;
	p.conn.proc = UINT32_MAX;
	p.conn.orphan_ns = NOW - 40 * S;
	look(&p);
	assert_int_equal(p.n, 1);
	assert_int_equal(found(&p, MX_DIAG_ORPHAN)->age_ns, 40 * S);
	assert_int_equal(p.v[0].severity, MX_DIAG_INFO);
}

/* Records that lead nowhere, as damage may leave them. */
static void test_findings_without_user_server_and_process(void **state)
{
	MX_AUTO(picture_auto) struct picture p;

	begin(&p);
	call(&p, 90, NOW - 30 * S, "");
	p.conn.list = p.conn.peer = p.conn.proc = UINT32_MAX;
	p.conn.torn = true;
	p.lock = (struct mx_snap_lock){.bucket = 3, .proc = UINT32_MAX};
	p.s.n_locks = 1;
	p.peer.list = UINT32_MAX;
	p.peer.until_ns = NOW + S;
	p.proc.callbacks[0] = (struct mx_snap_callback){
		.since_ns = NOW - 20 * S, .list = UINT32_MAX};
	p.s.n_free_lists = 0;
	look(&p);
	found(&p, MX_DIAG_OVERDUE);
	found(&p, MX_DIAG_TORN);
	found(&p, MX_DIAG_LOCK);
	found(&p, MX_DIAG_CALLBACK);
	assert_int_equal(found(&p, MX_DIAG_CAPACITY)->severity, MX_DIAG_ERROR);
}

MX_TEST_MAIN(MX_TEST(test_a_silent_server_is_blamed),
	     MX_TEST(test_a_wait_for_another_call_does_not_blame_the_server),
	     MX_TEST(test_a_silent_resolver_is_blamed),
	     MX_TEST(test_a_wait_past_its_deadline_is_our_bug),
	     MX_TEST(test_a_stopped_process_is_blamed_for_what_it_was_doing),
	     MX_TEST(test_what_the_dead_were_doing_is_not_stuck),
	     MX_TEST(test_who_waits_for_a_place_is_told_how_many_there_are),
	     MX_TEST(test_a_back_off_says_who_asked_for_it),
	     MX_TEST(test_a_callback_is_slow_then_stuck),
	     MX_TEST(test_what_a_dead_process_left_says_since_when),
	     MX_TEST(test_findings_without_user_server_and_process))
