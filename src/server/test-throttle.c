/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the server refuses: objects of a kind, logons, requests.  B18, B19;
 * [MS-OXCROPS] 2.2.15.2, 3.2.4.2 */
#include <stdlib.h>
#include <string.h>

#include "server/testlib.h"

#define TOO_MANY 0x4deu

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

/* ---- Objects ---- */

/* Makes objects by q until the server refuses; how many there were.  One that is
 * given back can be had again, and the session goes on. */
static unsigned fill(struct mx_rop_req *q, uint32_t in)
{
	uint32_t h = 0, last = 0;
	unsigned n = 0;
	uint32_t ec;

	while (!(ec = tc_rop(&c, q, in, &h, NULL)) && n < 50) {
		last = h;
		n++;
	}
	assert_int_equal(ec, TOO_MANY);
	tc_release(&c, last);
	assert_int_equal(tc_rop(&c, q, in, &h, NULL), 0);
	assert_int_equal(tc_rop(&c, q, in, NULL, NULL), TOO_MANY);
	return n;
}

static void test_objects_of_each_kind_are_limited(void **state)
{
	struct mx_rop_req folder = {.id = MX_ROP_OPEN_FOLDER};
	struct mx_rop_req msg = {.id = MX_ROP_OPEN_MESSAGE};
	struct mx_rop_req table = {.id = MX_ROP_GET_CONTENTS_TABLE};
	struct mx_rop_req stream = {.id = MX_ROP_OPEN_STREAM};
	struct mx_rop_req attach = {.id = MX_ROP_CREATE_ATTACHMENT};
	uint32_t f, m;

	begin(&(struct mx_server_params){.max_folders = 3,
					 .max_messages = 4,
					 .max_tables = 5,
					 .max_streams = 6,
					 .max_attachments = 7});
	f = tc_open_folder(&c, c.fid[F_INBOX]);
	folder.open_folder.folder_id = c.fid[F_INBOX];
	assert_int_equal(fill(&folder, c.logon), 2);
	msg.open_message.code_page_id = 0x0fff;
	msg.open_message.folder_id = c.fid[F_INBOX];
	msg.open_message.message_id = tc_make_message(&c, c.fid[F_INBOX], "m");
	m = tc_open_message(&c, c.fid[F_INBOX], msg.open_message.message_id);
	assert_int_equal(fill(&msg, c.logon), 3);
	assert_int_equal(fill(&table, f), 5);
	stream.open_stream.property_tag = 0x1000001f;
	stream.open_stream.open_mode_flags = 2; /* Create */
	assert_int_equal(fill(&stream, m), 6);
	assert_int_equal(fill(&attach, m), 7);
	/* What is open still works. */
	assert_string_equal(tc_get(&c, m, 0x0037001f).v.str, "m");
	end();
}

static void test_logons_of_a_context_are_limited(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_LOGON};
	uint32_t h, last = 0;
	struct tx *x;

	begin(&(struct mx_server_params){.max_logons = 3});
	q.logon.logon_flags = 1;
	q.logon.essdn = (struct mx_bin){(uint32_t)strlen(ts->ann.dn) + 1,
					(const uint8_t *)ts->ann.dn};
	for (q.logon_id = 1; q.logon_id < 3; q.logon_id++)
		assert_int_equal(tc_rop(&c, &q, MX_NO_HANDLE, &last, NULL), 0);
	assert_int_equal(tc_rop(&c, &q, MX_NO_HANDLE, &h, NULL), TOO_MANY);
	/* An id taken over is no new one; one that went makes room. */
	q.logon_id = 1;
	assert_int_equal(tc_rop(&c, &q, MX_NO_HANDLE, &h, NULL), 0);
	x = tx_new(&c);
	tx_add(x, MX_ROP_RELEASE, 0)->logon_id = 1;
	x->handles[x->n_handles++] = h;
	tx_run(x);
	tx_free(x);
	q.logon_id = 3;
	assert_int_equal(tc_rop(&c, &q, MX_NO_HANDLE, &h, NULL), 0);
	end();
}

/* ---- Requests ---- */

/* RopGetPropertiesList of the mailbox, which is light. */
static struct tx *ask(struct tc *who)
{
	struct tx *x = tx_new(who);

	tx_add(x, MX_ROP_GET_PROPERTIES_LIST, 0);
	x->handles[x->n_handles++] = who->logon;
	tx_run(x);
	return x;
}

static bool is_backoff(const struct tx *x)
{
	return !x->ec && x->n_res && x->res[x->n_res - 1].id == MX_ROP_BACKOFF;
}

/* MS-OXCROPS_R4453, R4455, R4457, R4459, R4514, R4515, R4541, R4542, R4544. */
static void test_rop_backoff_stands_for_what_is_not_done(void **state)
{
	struct mx_rop_req list = {.id = MX_ROP_GET_PROPERTIES_LIST};
	struct mx_rop_res *r;
	uint32_t f;
	struct tx *x;

	begin(NULL);
	f = tc_open_folder(&c, c.fid[F_INBOX]);
	mx_server_throttle(ts->srv, ts->ann.id, MX_REFUSE_BACKOFF, 60000);
	x = tx_new(&c);
	tx_add(x, MX_ROP_RELEASE, 1);
	tx_add(x, MX_ROP_GET_PROPERTIES_LIST, 0);
	tx_add(x, MX_ROP_GET_PROPERTIES_LIST, 0);
	x->handles[0] = c.logon;
	x->handles[1] = f;
	x->n_handles = 2;
	tx_run(x);
	assert_int_equal(x->r.status, 200);
	assert_int_equal(x->ec, 0);
	assert_int_equal(x->n_res, 1);
	r = &x->res[0];
	assert_int_equal(r->id, MX_ROP_BACKOFF);
	assert_int_equal(r->backoff.logon_id, 0);
	assert_in_range(r->backoff.duration, 1, 60000);
	assert_int_equal(r->backoff.n_backoff_rop_data, 0);
	assert_int_equal(r->backoff.additional_data.n, 0);
	tx_free(x);
	mx_server_throttle(ts->srv, ts->ann.id, MX_REFUSE_BACKOFF, 0);
	/* What was to be released is. */
	assert_int_equal(tc_rop(&c, &list, f, NULL, NULL), NULL_OBJECT);
	assert_int_equal(tc_rop(&c, &list, c.logon, NULL, NULL), 0);
	end();
}

static void refused_with(enum mx_refusal how, long status)
{
	struct tc bob;
	struct tx *x;
	int s;

	begin(NULL);
	tc_init(&bob, ts, "bob");
	tc_logon(&bob, NULL);
	mx_server_throttle(ts->srv, ts->ann.id, how, 60000);
	x = ask(&c);
	assert_int_equal(x->r.status, status);
	s = atoi(tr_header(&x->r, "Retry-After"));
	assert_in_range(s, 1, 60);
	tx_free(x);
	x = ask(&bob);
	assert_int_equal(x->r.status, 200);
	assert_int_equal(x->ec, 0);
	tx_free(x);
	tc_fini(&bob);
	tc_disconnect(&c); /* what ends something is not held up */
	end();
}

static void test_429_and_503_say_when_to_come_back(void **state)
{
	refused_with(MX_REFUSE_429, 429);
	refused_with(MX_REFUSE_503, 503);
}

static void test_more_than_the_rate_is_429(void **state)
{
	unsigned n = 0;
	long status = 200;

	/* Connect and RopLogon are two of them. */
	begin(&(struct mx_server_params){.max_rate = 5});
	while (status == 200 && n < 100000) {
		struct tx *x = ask(&c);

		status = x->r.status;
		if (status == 429)
			assert_string_equal(tr_header(&x->r, "Retry-After"),
					    "1");
		n += status == 200;
		tx_free(x);
	}
	assert_int_equal(status, 429);
	assert_true(n >= 3);
	end();
}

/* ---- Requests at once ---- */

/* Until it is not this one that is refused. */
static void *run_ask(void *arg)
{
	struct tx *x = ask(&c);

	while (x->r.status != 200 || is_backoff(x)) {
		tx_free(x);
		x = ask(&c);
	}
	assert_int_equal(x->res[0].id, MX_ROP_GET_PROPERTIES_LIST);
	tx_free(x);
	return NULL;
}

/* With one request of ann's that takes long: k asks until it is refused, and
 * when that request is done it is not. */
static void one_at_a_time(struct tc *k, long status)
{
	struct th hold;
	pthread_t thread;
	bool refused = false;
	struct tx *x;

	tc_make_message(&c, c.fid[F_INBOX], "a row");
	th_begin(&hold, &c);
	assert_int_equal(pthread_create(&thread, NULL, run_ask, NULL), 0);
	while (!refused) {
		x = ask(k);
		refused = is_backoff(x) || x->r.status != 200;
		if (refused)
			assert_int_equal(x->r.status, status);
		tx_free(x);
	}
	th_end(&hold);
	pthread_join(thread, NULL);
	x = ask(k); /* at once */
	assert_false(is_backoff(x) || x->r.status != 200);
	tx_free(x);
}

/* k is ann's second session, in bob's mailbox, where nothing is held. */
static void test_too_many_of_a_user_at_once_is_backoff(void **state)
{
	struct tc k, bob;
	struct tx *x;

	begin(&(struct mx_server_params){.max_active = 1});
	assert_int_equal(mx_dir_grant(mx_server_store(ts->srv), "bob", "ann",
				      MX_GRANT_READ),
			 0);
	tc_init(&k, ts, "ann");
	tc_logon(&k, &ts->bob);
	tc_init(&bob, ts, "bob");
	tc_logon(&bob, NULL);
	one_at_a_time(&k, 200);
	x = ask(&bob);
	assert_false(is_backoff(x));
	tx_free(x);
	tc_fini(&bob);
	tc_fini(&k);
	end();
}

static void test_too_many_of_everybody_at_once_is_503(void **state)
{
	struct tc bob;

	ts = ts_start(&(struct mx_server_params){.max_running = 1});
	tc_init(&c, ts, "ann");
	tc_logon(&c, NULL);
	tc_init(&bob, ts, "bob");
	tc_logon(&bob, NULL);
	one_at_a_time(&bob, 503);
	tc_fini(&bob);
	end();
}

MX_TEST_MAIN(MX_TEST(test_objects_of_each_kind_are_limited),
	     MX_TEST(test_logons_of_a_context_are_limited),
	     MX_TEST(test_rop_backoff_stands_for_what_is_not_done),
	     MX_TEST(test_429_and_503_say_when_to_come_back),
	     MX_TEST(test_more_than_the_rate_is_429),
	     MX_TEST(test_too_many_of_a_user_at_once_is_backoff),
	     MX_TEST(test_too_many_of_everybody_at_once_is_503))
