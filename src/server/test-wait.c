/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* NotificationWait, requests side by side, notifications, the end.
 * [MS-OXCMAPIHTTP] 3.2.5.2, 3.2.5.5; [MS-OXCNOTIF] 3.1 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/testlib.h"

static struct ts *ts;
static struct tc c;

static void begin(const struct mx_server_params *p)
{
	ts = ts_start(p);
	tc_init(&c, ts, "ann");
	tc_logon(&c, NULL);
}

static void end(void)
{
	tc_fini(&c);
	ts_stop(ts);
}

static uint32_t subscribe(uint16_t types, uint64_t fid, uint64_t mid)
{
	struct mx_rop_req q = {.id = MX_ROP_REGISTER_NOTIFICATION};
	uint32_t h;

	q.register_notification.notification_types = types;
	q.register_notification.want_whole_store = !fid;
	q.register_notification.folder_id = fid;
	q.register_notification.message_id = mid;
	assert_int_equal(tc_rop(&c, &q, c.logon, &h, NULL), 0);
	return h;
}

/* An Execute without ROPs fetches what is queued. */
static struct tx *fetch(struct tc *k)
{
	struct tx *x = tx_new(k);

	tx_run(x);
	return x;
}

/* MS-OXCMAPIHTTP_R1237, R1238, R1258, R1256, R1259: held open beside other
 * requests, ended by an event.  MS-OXCROPS_R453901 */
static void test_event_ends_the_parked_wait(void **state)
{
	struct tc bob;
	struct tw w;
	struct tx *x;
	uint32_t h;

	begin(NULL);
	h = subscribe(0x0002, 0, 0);
	tw_start(&w, &c);
	ts_await_parked(ts, 1);
	/* Other requests of the context go on beside it. */
	tc_release(&c, tc_open_folder(&c, c.fid[F_INBOX]));
	tc_init(&bob, ts, "bob");
	tc_logon(&bob, NULL);
	tc_send(&bob, ts->ann.smtp, "hello");
	tw_join(&w);
	assert_int_equal(w.r.code, 0);
	assert_int_equal(w.r.late_code, -1);
	assert_true(w.r.processing);
	assert_string_equal(tr_header(&w.r, "Transfer-Encoding"), "chunked");
	assert_int_equal(w.res.event_pending, 1);
	x = fetch(&c);
	assert_int_equal(x->n_res, 1);
	/* MS-OXCNOTIF_R17501 */
	assert_int_equal(x->res[0].id, MX_ROP_NOTIFY);
	assert_int_equal(x->res[0].notify.notification_handle, h);
	assert_int_equal(x->res[0].notify.notification_data.notification_flags,
			 0x8002);
	assert_true(x->res[0].notify.notification_data.folder_id ==
		    c.fid[F_INBOX]);
	assert_string_equal(x->res[0].notify.notification_data.message_class,
			    "IPM.Note");
	tx_free(x);
	tw_fini(&w);
	tc_fini(&bob);
	end();
}

/* What is pending already ends a wait before it begins. */
static void test_pending_event_answers_at_once(void **state)
{
	struct tw w;
	struct tx *x;

	begin(NULL);
	subscribe(0x0004, 0, 0);
	/* Our own Execute would fetch its own event: another context makes it. */
	{
		struct tc k;

		tc_init(&k, ts, "ann");
		tc_logon(&k, NULL);
		tc_make_message(&k, k.fid[F_INBOX], "new");
		tc_fini(&k);
	}
	tw_start(&w, &c);
	tw_join(&w);
	assert_int_equal(w.res.event_pending, 1);
	x = fetch(&c);
	assert_true(x->n_res >= 1);
	tx_free(x);
	tw_fini(&w);
	end();
}

/* MS-OXCMAPIHTTP_R1241, R1239, R157: PENDING each X-PendingPeriod; R1259,
 * R2228: after its longest time DONE with EventPending 0. */
static void test_wait_expires_after_pendings(void **state)
{
	struct tw w;

	begin(&(struct mx_server_params){.pending_ms = 30, .wait_ms = 250});
	tw_start(&w, &c);
	tw_join(&w);
	assert_int_equal(w.r.code, 0);
	assert_true(w.r.done);
	assert_true(w.r.n_pending >= 2);
	assert_int_equal(w.res.event_pending, 0);
	assert_int_equal(w.res.error_code, 0);
	assert_non_null(strstr(w.r.extra, "X-ElapsedTime: "));
	tw_fini(&w);
	end();
}

/* MS-OXCMAPIHTTP_R1260: a parked wait keeps its context alive. */
static void test_wait_keeps_the_context_alive(void **state)
{
	struct tw w;

	begin(&(struct mx_server_params){.idle_ms = 100, .wait_ms = 600});
	tw_start(&w, &c);
	tw_join(&w);
	assert_int_equal(w.r.late_code, -1);
	assert_int_equal(w.res.event_pending, 0);
	tw_fini(&w);
	end();
}

/* MS-OXCMAPIHTTP_R2229, R2230: a later X-ResponseCode. */
static void test_disconnect_ends_the_parked_wait(void **state)
{
	struct tw w;

	begin(NULL);
	tw_start(&w, &c);
	ts_await_parked(ts, 1);
	tc_disconnect(&c);
	tw_join(&w);
	assert_int_equal(w.r.code, 0);
	assert_int_equal(w.r.late_code, 10);
	assert_non_null(strstr(w.r.extra, "Content-Type: text/html"));
	tw_fini(&w);
	end();
}

/* A second one is X-ResponseCode 15, but for a client that lost the connection
 * of its first. */
static void test_second_wait_is_15_unless_the_first_is_dead(void **state)
{
	struct tw w;
	int fd;

	begin(NULL);
	fd = ts_raw_wait(ts, c.context);
	ts_await_parked(ts, 1);
	tw_start(&w, &c);
	tw_join(&w);
	assert_int_equal(w.r.code > 0 ? w.r.code : w.r.late_code, 15);
	tw_fini(&w);
	ts_await_log(ts, 3);
	close(fd); /* without a word */
	tw_start(&w, &c);
	ts_await_log(ts, 4); /* the first has ended */
	ts_await_parked(ts, 1);
	tc_disconnect(&c);
	tw_join(&w);
	assert_int_equal(w.r.late_code, 10);
	tw_fini(&w);
	end();
}

/* MS-OXCMAPIHTTP_R154: shutdown ends waits at once. */
static void test_stop_ends_parked_waits(void **state)
{
	struct tw w[5];

	begin(NULL);
	for (int i = 0; i < 5; i++) {
		struct tc k;

		tc_init(&k, ts, i % 2 ? "bob" : "ann");
		assert_int_equal(tc_connect(&k), 0);
		tw_start(&w[i], &k);
		tc_fini(&k);
	}
	ts_await_parked(ts, 5);
	tc_fini(&c);
	mx_server_stop(MX_STEAL(ts->srv));
	for (int i = 0; i < 5; i++) {
		tw_join(&w[i]);
		assert_int_equal(w[i].r.late_code, 18);
		tw_fini(&w[i]);
	}
	ts_stop(ts);
}

/* ---- One request at a time ---- */

static void *run_save(void *arg)
{
	struct tx *x = arg;

	tx_run(x);
	return NULL;
}

/* MS-OXCMAPIHTTP_R1227, MS-OXCMAPIHTTP_R1228: 15 for a second request;
 * MS-OXCMAPIHTTP_R1230, R1237, R1239, R1240: what takes long starts with
 * PROCESSING and PENDING; others are not held up. */
static void test_simultaneous_request_is_15(void **state)
{
	struct tx *x, *y;
	struct mx_rop_req *q;
	pthread_t t;
	struct tc slow, bob;
	struct th hold;
	int code;

	begin(&(struct mx_server_params){.grace_ms = 20, .pending_ms = 40});
	tc_init(&slow, ts, "ann");
	strcpy(slow.context, c.context);
	x = tx_new(&slow);
	q = tx_add(x, MX_ROP_SAVE_CHANGES_MESSAGE, 0);
	q->save_changes_message.save_flags = 0x0a;
	x->handles[x->n_handles++] = tc_create_message(&c, c.fid[F_INBOX]);
	tc_make_message(&c, c.fid[F_INBOX], "a row");
	th_begin(&hold, &c);
	assert_int_equal(pthread_create(&t, NULL, run_save, x), 0);
	do {
		y = fetch(&c);
		code = y->r.code > 0 ? y->r.code : y->r.late_code;
		tx_free(y);
	} while (code <= 0);
	assert_int_equal(code, 15);
	/* Another user is served meanwhile. */
	tc_init(&bob, ts, "bob");
	tc_logon(&bob, NULL);
	tc_make_message(&bob, bob.fid[F_INBOX], "not held up");
	th_end(&hold);
	pthread_join(t, NULL);
	assert_int_equal(x->r.code, 0);
	assert_true(x->r.processing);
	assert_int_equal(x->res[0].return_value, 0);
	tx_free(x);
	/* And the context is free again. */
	y = fetch(&c);
	assert_int_equal(y->r.code, 0);
	tx_free(y);
	tc_fini(&slow);
	tc_fini(&bob);
	end();
}

/* ---- What is told to whom ---- */

static size_t count(struct tc *k, uint32_t handle, uint16_t flags)
{
	struct tx *x = fetch(k);
	size_t n = 0;

	for (size_t i = 0; i < x->n_res; i++)
		n += x->res[i].id == MX_ROP_NOTIFY &&
		     x->res[i].notify.notification_handle == handle &&
		     (x->res[i].notify.notification_data.notification_flags &
		      0x8fff) == flags;
	tx_free(x);
	return n;
}

/* MS-OXCNOTIF_R41 to R47, R52, R53: types and scope. */
static void test_subscription_hears_only_its_scope(void **state)
{
	uint32_t inbox, whole, wrong, msg;
	struct tc k;
	uint64_t mid;

	begin(NULL);
	tc_init(&k, ts, "ann");
	tc_logon(&k, NULL);
	mid = tc_make_message(&k, c.fid[F_INBOX], "old");
	inbox = subscribe(0x0004, c.fid[F_INBOX], 0);
	whole = subscribe(0x0004, 0, 0);
	wrong = subscribe(0x0008, c.fid[F_INBOX], 0);
	msg = subscribe(0x0010, c.fid[F_INBOX], mid);
	tc_make_message(&k, c.fid[F_DELETED], "elsewhere");
	assert_int_equal(count(&c, inbox, 0x8004), 0);
	tc_make_message(&k, c.fid[F_DELETED], "elsewhere");
	assert_int_equal(count(&c, whole, 0x8004), 1);
	tc_make_message(&k, c.fid[F_INBOX], "here");
	assert_int_equal(count(&c, inbox, 0x8004), 1);
	tc_make_message(&k, c.fid[F_INBOX], "here");
	assert_int_equal(count(&c, wrong, 0x8008), 0);
	{
		uint32_t h = tc_open_message(&k, c.fid[F_INBOX], mid);

		tc_set_str(&k, h, 0x0037001f, "changed");
		tc_save(&k, h);
	}
	assert_int_equal(count(&c, msg, 0x8010), 1);
	/* A released subscription is silent. */
	tc_release(&c, inbox);
	tc_make_message(&k, c.fid[F_INBOX], "here");
	assert_int_equal(count(&c, inbox, 0x8004), 0);
	tc_fini(&k);
	end();
}

/* MS-OXCNOTIF_R256, R261, R262: an open table tells of its rows; R258: not one
 * that was opened with NoNotifications; R243: not before it was looked at. */
static void test_open_table_tells_of_its_rows(void **state)
{
	static const uint32_t tags[] = {0x674a0014, 0x0037001f};
	struct mx_rop_req q = {.id = MX_ROP_QUERY_ROWS};
	struct mx_notification_data d = {0};
	uint32_t folder, table, quiet;
	struct tc k;
	struct tx *x;
	uint64_t mid;

	begin(NULL);
	tc_init(&k, ts, "ann");
	tc_logon(&k, NULL);
	folder = tc_open_folder(&c, c.fid[F_INBOX]);
	table = tc_contents(&c, folder, 0, NULL);
	quiet = tc_contents(&c, folder, 0x10, NULL);
	tc_set_columns(&c, quiet, tags, 2);
	tc_set_columns(&c, table, tags, 2);
	q.query_rows.forward_read = true;
	q.query_rows.row_count = 10;
	assert_int_equal(tc_rop(&c, &q, table, NULL, NULL), 0);
	assert_int_equal(tc_rop(&c, &q, quiet, NULL, NULL), 0);
	mid = tc_make_message(&k, c.fid[F_INBOX], "row");
	x = fetch(&c);
	for (size_t i = 0; i < x->n_res; i++) {
		assert_int_equal(x->res[i].id, MX_ROP_NOTIFY);
		assert_int_equal(x->res[i].notify.notification_handle, table);
		d = x->res[i].notify.notification_data;
		if (d.table_event_type == 3)
			break;
	}
	assert_int_equal(d.notification_flags, 0x8100);
	assert_int_equal(d.table_event_type, 3);
	assert_true(d.table_row_folder_id == c.fid[F_INBOX]);
	assert_true(d.table_row_message_id == mid);
	assert_true(d.table_row_data.n > 8);
	tx_free(x);
	tc_fini(&k);
	end();
}

/* MS-OXCROPS_R452202, R453902, MS-OXCNOTIF_R334, R349: RopPending when not all
 * notifications fit; none is lost. */
static void test_pending_says_that_there_is_more(void **state)
{
	size_t n = 0, rounds = 0;
	struct tx *x;
	struct tc k;
	bool more;

	begin(NULL);
	tc_init(&k, ts, "ann");
	tc_logon(&k, NULL);
	subscribe(0x0004, c.fid[F_INBOX], 0);
	for (int i = 0; i < 12; i++)
		tc_make_message(&k, c.fid[F_INBOX], "many");
	do {
		x = tx_new(&c);
		x->max_out = 130;
		tx_run(x);
		more = false;
		for (size_t i = 0; i < x->n_res; i++) {
			n += x->res[i].id == MX_ROP_NOTIFY;
			more |= x->res[i].id == MX_ROP_PENDING;
		}
		tx_free(x);
		rounds++;
	} while (more);
	assert_int_equal(n, 12);
	assert_true(rounds > 2);
	tc_fini(&k);
	end();
}

/* "A TCP connection never serves two user contexts" is read from this log; and
 * every NotificationWait's user is its context's. */
static void test_log_tells_connection_user_and_context(void **state)
{
	size_t waits = 0;
	struct tc bob;
	struct tw w;

	begin(NULL);
	tc_init(&bob, ts, "bob");
	tc_logon(&bob, NULL);
	tw_start(&w, &c);
	ts_await_parked(ts, 1);
	tc_disconnect(&c);
	tw_join(&w);
	ts_await_log(ts, 6);
	pthread_mutex_lock(&ts->lock);
	for (size_t i = 0; i < ts->n_log; i++) {
		const struct ts_access *a = &ts->log[i];

		assert_true(a->connection && a->port);
		for (size_t k = 0; k < i; k++)
			if (ts->log[k].connection == a->connection)
				assert_string_equal(ts->log[k].user, a->user);
		if (a->context)
			assert_int_equal(a->owner, !strcmp(a->user, "ann")
							   ? ts->ann.id
							   : ts->bob.id);
		waits += !strcmp(a->type, "NotificationWait");
	}
	pthread_mutex_unlock(&ts->lock);
	assert_int_equal(waits, 1);
	tw_fini(&w);
	tc_fini(&bob);
	end();
}

MX_TEST_MAIN(MX_TEST(test_event_ends_the_parked_wait),
	     MX_TEST(test_pending_event_answers_at_once),
	     MX_TEST(test_wait_expires_after_pendings),
	     MX_TEST(test_wait_keeps_the_context_alive),
	     MX_TEST(test_disconnect_ends_the_parked_wait),
	     MX_TEST(test_second_wait_is_15_unless_the_first_is_dead),
	     MX_TEST(test_stop_ends_parked_waits),
	     MX_TEST(test_simultaneous_request_is_15),
	     MX_TEST(test_subscription_hears_only_its_scope),
	     MX_TEST(test_open_table_tells_of_its_rows),
	     MX_TEST(test_pending_says_that_there_is_more),
	     MX_TEST(test_log_tells_connection_user_and_context))
