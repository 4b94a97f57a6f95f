/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lost session contexts, lost answers, and servers that refuse: what comes back
 * by itself, what is said clearly, and what is never sent twice.
 */
#include "session/test-util.h"

/* Does `what` to the script_state-th Execute from now, once. */
static enum fake_act once(struct fake *f, const struct fake_entry *e,
			  const char *type, enum fake_act what)
{
	if (strcmp(e->type, type) || f->script_state <= 0)
		return FAKE_SERVE;
	return --f->script_state == 0 ? what : FAKE_SERVE;
}

#define ONCE(name, type, act)                                                  \
	static enum fake_act name(struct fake *f, const struct fake_entry *e)  \
	{                                                                      \
		return once(f, e, type, act);                                  \
	}
ONCE(forget_once, "Execute", FAKE_FORGET)
ONCE(lose_once, "Execute", FAKE_LOSE)
ONCE(unsent_once, "Execute", FAKE_UNSENT)
ONCE(busy_once, "Execute", FAKE_BUSY)
ONCE(throttle_once, "Execute", FAKE_THROTTLE)
ONCE(garbage_once, "Execute", FAKE_GARBAGE)
ONCE(full_once, "Connect", FAKE_FULL)
ONCE(lose_connect_once, "Connect", FAKE_LOSE)

static enum fake_act lose_all(struct fake *f, const struct fake_entry *e)
{
	return strcmp(e->type, "Execute") ? FAKE_SERVE : FAKE_LOSE;
}

static enum fake_act forget_all(struct fake *f, const struct fake_entry *e)
{
	return strcmp(e->type, "Execute") ? FAKE_SERVE : FAKE_FORGET;
}

static void
script(struct tu *t,
       enum fake_act (*fn)(struct fake *, const struct fake_entry *), int nth)
{
	mx_mutex_lock(&t->f.lock);
	t->f.script = fn;
	t->f.script_state = nth;
	mx_mutex_unlock(&t->f.lock);
}

/* MS-OXCMAPIHTTP_R1193, R1200; B17: a table comes back with its columns, order
 * and position, and the old cookies go along with Connect. */
static void test_a_table_comes_back_where_it_was(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder, *table;
	struct mx_rop_req cols = tu_set_columns(), sort = tu_sort();
	struct fake_entry e;
	size_t n;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	folder = tu_folder(l);
	table = tu_contents(folder);
	assert_int_equal(tu_rop(&t, table, &cols, NULL), 0);
	assert_int_equal(tu_rop(&t, table, &sort, NULL), 0);
	assert_int_equal(tu_first_row(&t, table, 30), 0);
	fake_restart(&t.f);
	n = fake_count(&t.f, "Execute");
	assert_int_equal(tu_first_row(&t, table, 5), 30);
	e = fake_get(&t.f, "Connect", 1);
	assert_int_equal(e.session, 2); /* its own: 1 went along */
	e = fake_get(&t.f, "Execute", n + 1);
	assert_string_equal(tu_rops(&e),
			    "Logon OpenFolder GetContentsTable SetColumns "
			    "SortTable SeekRow QueryRows");
	assert_int_equal(tu_first_row(&t, table, 5), 35);
	mx_sobj_unref(table);
	mx_sobj_unref(folder);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_a_found_row_is_a_known_position(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder, *table;
	struct mx_rop_req cols = tu_set_columns();
	struct mx_rop_req q = {.id = MX_ROP_FIND_ROW};

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	folder = tu_folder(l);
	table = tu_contents(folder);
	assert_int_equal(tu_rop(&t, table, &cols, NULL), 0);
	assert_int_equal(tu_rop(&t, table, &q, NULL), 0); /* row 5 */
	fake_restart(&t.f);
	assert_int_equal(tu_first_row(&t, table, 1), 5);
	q = (struct mx_rop_req){.id = MX_ROP_SEEK_ROW};
	q.seek_row.origin = 2;
	q.seek_row.row_count = -10;
	assert_int_equal(tu_rop(&t, table, &q, NULL), 0);
	fake_restart(&t.f);
	assert_int_equal(tu_first_row(&t, table, 1), 90);
	mx_sobj_unref(table);
	mx_sobj_unref(folder);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_a_stream_comes_back_where_it_was(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *msg, *stream;
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req q = {.id = MX_ROP_READ_STREAM};
	const struct mx_rop_res *res;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	msg = tu_message(l);
	stream = tu_stream(msg);
	q.read_stream.byte_count = 70;
	assert_int_equal(tu_rop(&t, stream, &q, NULL), 0);
	fake_restart(&t.f);
	mx_batch_init(&b);
	assert_int_equal(mx_rop_call(&b, stream, &q, &t.call, &res), 0);
	assert_int_equal(res->read_stream.data.n, 30); /* of 100 */
	mx_batch_reset(&b);
	mx_sobj_unref(stream);
	mx_sobj_unref(msg);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_unsaved_changes_are_a_clear_error(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *msg, *other;
	struct mx_rop_req set = tu_set_props(), get = tu_get_props();
	struct mx_rop_req save = {.id = MX_ROP_SAVE_CHANGES_MESSAGE};
	uint32_t code = 1;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	msg = tu_create(l);
	other = tu_message(l);
	assert_int_equal(tu_rop(&t, msg, &set, NULL), 0);
	assert_true(mx_sobj_dirty(msg));
	fake_restart(&t.f);
	assert_int_equal(tu_rop(&t, msg, &save, NULL), -ESTALE);
	assert_non_null(strstr(t.fault.text, "message"));
	assert_non_null(strstr(t.fault.text, "unsaved"));
	/* It stays so; nothing else is harmed. */
	assert_int_equal(tu_rop(&t, msg, &get, NULL), -ESTALE);
	assert_int_equal(tu_rop(&t, other, &get, &code), 0);
	assert_int_equal(code, 0);
	mx_sobj_unref(msg);
	mx_sobj_unref(other);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_a_saved_message_comes_back_by_its_mid(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *msg;
	struct mx_rop_req set = tu_set_props(), get = tu_get_props();
	struct mx_rop_req save = {.id = MX_ROP_SAVE_CHANGES_MESSAGE};
	struct fake_entry e;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	msg = tu_create(l);
	assert_int_equal(tu_rop(&t, msg, &set, NULL), 0);
	assert_int_equal(tu_rop(&t, msg, &save, NULL), 0);
	assert_false(mx_sobj_dirty(msg));
	assert_true(mx_sobj_mid(msg) == mx_id_make(1, 5000));
	fake_restart(&t.f);
	assert_int_equal(tu_rop(&t, msg, &get, NULL), 0);
	e = fake_get(&t.f, "Execute", fake_count(&t.f, "Execute") - 1);
	assert_string_equal(tu_rops(&e),
			    "Logon OpenMessage GetPropertiesSpecific");
	mx_sobj_unref(msg);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

/* X-ResponseCode 10 is not a failure of the call: it was not executed. */
static void test_a_forgotten_context_is_invisible_to_the_call(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_rop_req set = tu_set_props();
	struct mx_session_stats st;
	uint32_t code = 1;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	assert_int_equal(mx_logon_open(l, &t.call), 0);
	script(&t, forget_once, 1);
	/* Also one that must not happen twice: it did not happen. */
	assert_int_equal(tu_rop(&t, mx_logon_sobj(l), &set, &code), 0);
	assert_int_equal(code, 0);
	mx_session_stats(s, &st);
	assert_int_equal(st.reconnects, 1);
	/* A server that forgets every time is given up on. */
	script(&t, forget_all, 0);
	assert_int_equal(tu_rop(&t, mx_logon_sobj(l), &set, &code), -ESTALE);
	script(&t, NULL, 0);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

/* Submit never twice: MS-OXCMAPIHTTP_R1207, R1205. */
static void test_submit_is_never_sent_twice(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *msg;
	struct mx_rop_req save = {.id = MX_ROP_SAVE_CHANGES_MESSAGE};
	struct mx_rop_req submit = {.id = MX_ROP_SUBMIT_MESSAGE};
	struct mx_rop_req set = tu_set_props();
	unsigned n = 0;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	msg = tu_create(l);
	assert_int_equal(tu_rop(&t, msg, &set, NULL), 0);
	assert_int_equal(tu_rop(&t, msg, &save, NULL), 0);
	script(&t, lose_once, 1);
	assert_int_equal(tu_rop(&t, msg, &submit, NULL), -ENETRESET);
	assert_non_null(strstr(t.fault.text, "not known"));
	assert_int_equal(t.fault.err, -ENETRESET);
	for (size_t i = 0; i < fake_count(&t.f, "Execute"); i++) {
		struct fake_entry e = fake_get(&t.f, "Execute", i);

		for (unsigned k = 0; k < e.n_rops; k++)
			n += e.rops[k] == MX_ROP_SUBMIT_MESSAGE;
	}
	assert_int_equal(n, 1);
	mx_sobj_unref(msg);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

/* Every ROP that may not be sent twice, by way of the wire: when the answer is
 * lost the server sees it once. */
static void test_no_change_is_sent_twice_when_its_answer_is_lost(void **state)
{
	static const uint8_t rops[] = {
		MX_ROP_SET_PROPERTIES, MX_ROP_DELETE_PROPERTIES,
		MX_ROP_DELETE_FOLDER,  MX_ROP_DELETE_MESSAGES,
		MX_ROP_SET_READ_FLAGS, MX_ROP_ABORT_SUBMIT,
	};
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	folder = tu_folder(l);
	for (size_t i = 0; i < sizeof(rops); i++) {
		struct mx_rop_req q = {.id = rops[i]};
		size_t n;

		assert_int_equal(tu_open(&t, folder), 0);
		n = fake_count(&t.f, "Execute");
		script(&t, lose_once, 1);
		assert_int_equal(tu_rop(&t, folder, &q, NULL), -ENETRESET);
		assert_int_equal(fake_count(&t.f, "Execute"), n + 1);
	}
	mx_sobj_unref(folder);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_reads_are_sent_again_when_their_answer_is_lost(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder, *table;
	struct mx_rop_req cols = tu_set_columns();

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	folder = tu_folder(l);
	table = tu_contents(folder);
	assert_int_equal(tu_rop(&t, table, &cols, NULL), 0);
	assert_int_equal(tu_first_row(&t, table, 10), 0);
	/* The server has moved on by ten rows; we have not seen them. */
	script(&t, lose_once, 1);
	assert_int_equal(tu_first_row(&t, table, 10), 10);
	assert_int_equal(tu_first_row(&t, table, 10), 20);
	/* A server that loses every answer is given up on. */
	script(&t, lose_all, 0);
	{
		struct mx_rop_req q = tu_query(1);

		assert_int_equal(tu_rop(&t, table, &q, NULL), -ECONNRESET);
	}
	script(&t, NULL, 0);
	assert_int_equal(tu_first_row(&t, table, 10), 30);
	mx_sobj_unref(table);
	mx_sobj_unref(folder);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

/* MS-OXCMAPIHTTP_R1205, R1206: resubmitted as it is, in the same context. */
static void test_what_was_not_sent_is_sent_again(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *msg;
	struct mx_rop_req save = {.id = MX_ROP_SAVE_CHANGES_MESSAGE};
	struct mx_rop_req set = tu_set_props();
	uint32_t code = 1;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	msg = tu_create(l);
	assert_int_equal(tu_rop(&t, msg, &set, NULL), 0);
	script(&t, unsent_once, 1);
	assert_int_equal(tu_rop(&t, msg, &save, &code), 0);
	assert_int_equal(code, 0);
	assert_int_equal(fake_count(&t.f, "Connect"), 1);
	mx_sobj_unref(msg);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

/* X-ResponseCode 15 and 503 with Retry-After: waited out, nothing lost. */
static void test_a_busy_server_is_waited_for(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *msg;
	struct mx_rop_req set = tu_set_props();
	mx_mono began;

	tu_start(&t);
	t.f.retry_ms = 60;
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	msg = tu_create(l);
	assert_int_equal(tu_rop(&t, msg, &set, NULL), 0);
	script(&t, busy_once, 1);
	assert_int_equal(tu_rop(&t, msg, &set, NULL), 0);
	began = mx_mono_now();
	script(&t, throttle_once, 1);
	assert_int_equal(tu_rop(&t, msg, &set, NULL), 0);
	assert_true(mx_mono_now().ns - began.ns >= 60 * MX_NS_PER_MS);
	assert_int_equal(fake_count(&t.f, "Connect"), 1);
	/* Longer than the caller has: -EAGAIN at once. */
	t.f.retry_ms = 900000;
	t.call.deadline = mx_mono_in_ms(60000);
	script(&t, throttle_once, 1);
	assert_int_equal(tu_rop(&t, msg, &set, NULL), -EAGAIN);
	mx_sobj_unref(msg);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

/* B19: the user waits in order, with the limit named. */
static void test_too_many_sessions_on_the_server_is_waited_for(void **state)
{
	struct tu t;
	struct mx_session *s = NULL, *other;

	tu_start(&t);
	script(&t, full_once, 1);
	t.call.deadline = mx_mono_in_ms(200);
	assert_true(tu_try_session(&t, "ann", &t.call, &s) < 0);
	assert_null(s);
	/* Another user is not slowed: its Connect goes through at once. */
	script(&t, NULL, 0);
	t.call.deadline = (mx_mono){0};
	other = tu_session(&t, "bob");
	mx_session_unref(other);
	tu_stop(&t);
	assert_int_equal(t.f.n_sessions, 0);
}

static void test_a_lost_answer_to_connect_is_asked_for_again(void **state)
{
	struct tu t;
	struct mx_session *s;

	tu_start(&t);
	script(&t, lose_connect_once, 1);
	s = tu_session(&t, "ann");
	assert_int_equal(fake_count(&t.f, "Connect"), 2);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_an_unreadable_answer_is_an_error_and_then_over(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_rop_req get = tu_get_props();
	int err;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	assert_int_equal(mx_logon_open(l, &t.call), 0);
	script(&t, garbage_once, 1);
	err = tu_rop(&t, mx_logon_sobj(l), &get, NULL);
	assert_true(err == -EBADMSG || err == -EPROTO);
	assert_int_equal(tu_rop(&t, mx_logon_sobj(l), &get, NULL), 0);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

/* B16: 255 logons a context; the rest find another by themselves. */
static void test_more_than_255_logons_spread_over_contexts(void **state)
{
	enum { N = 600 };
	struct tu t;
	struct mx_session *s;
	static struct mx_logon *l[N];
	struct mx_session_stats st;

	tu_start(&t);
	s = tu_session(&t, "ann");
	for (int i = 0; i < N; i++) {
		l[i] = tu_logon(s);
		assert_int_equal(mx_logon_open(l[i], &t.call), 0);
	}
	mx_session_stats(s, &st);
	assert_int_equal(st.logons, N);
	assert_int_equal(st.contexts, 3);
	assert_int_equal(t.f.n_sessions, 3);
	for (int i = 0; i < N; i++)
		mx_logon_unref(l[i]);
	mx_session_stats(s, &st);
	assert_int_equal(st.logons, 0);
	mx_session_unref(s);
	tu_stop(&t);
	assert_int_equal(t.f.n_sessions, 0);
}

static void test_a_server_with_fewer_logons_is_met(void **state)
{
	enum { N = 20 };
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l[N];
	struct mx_session_stats st;

	tu_start(&t);
	t.f.max_logons = 7;
	s = tu_session(&t, "ann");
	for (int i = 0; i < N; i++) {
		l[i] = tu_logon(s);
		assert_int_equal(mx_logon_open(l[i], &t.call), 0);
	}
	mx_session_stats(s, &st);
	assert_int_equal(st.contexts, 3);
	for (int i = 0; i < N; i++)
		mx_logon_unref(l[i]);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_logon_ids_are_used_again(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_session_stats st;

	tu_start(&t);
	s = tu_session(&t, "ann");
	for (int i = 0; i < 1000; i++) {
		struct mx_logon *l = tu_logon(s);

		assert_int_equal(mx_logon_open(l, &t.call), 0);
		mx_logon_unref(l);
	}
	mx_session_stats(s, &st);
	assert_int_equal(st.contexts, 1);
	assert_true(fake_live_handles(&t.f) <= 1);
	mx_session_unref(s);
	tu_stop(&t);
}

MX_TEST_MAIN(MX_TEST(test_a_table_comes_back_where_it_was),
	     MX_TEST(test_a_found_row_is_a_known_position),
	     MX_TEST(test_a_stream_comes_back_where_it_was),
	     MX_TEST(test_unsaved_changes_are_a_clear_error),
	     MX_TEST(test_a_saved_message_comes_back_by_its_mid),
	     MX_TEST(test_a_forgotten_context_is_invisible_to_the_call),
	     MX_TEST(test_submit_is_never_sent_twice),
	     MX_TEST(test_no_change_is_sent_twice_when_its_answer_is_lost),
	     MX_TEST(test_reads_are_sent_again_when_their_answer_is_lost),
	     MX_TEST(test_what_was_not_sent_is_sent_again),
	     MX_TEST(test_a_busy_server_is_waited_for),
	     MX_TEST(test_too_many_sessions_on_the_server_is_waited_for),
	     MX_TEST(test_a_lost_answer_to_connect_is_asked_for_again),
	     MX_TEST(test_an_unreadable_answer_is_an_error_and_then_over),
	     MX_TEST(test_more_than_255_logons_spread_over_contexts),
	     MX_TEST(test_a_server_with_fewer_logons_is_met),
	     MX_TEST(test_logon_ids_are_used_again))
