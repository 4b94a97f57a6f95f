/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one request carries, and what happens when its answer is not the plain
 * one.
 */
#include "session/test-util.h"

#include "session/rop-info.h"

static void test_first_rows_take_three_round_trips_deferred(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder, *table;
	struct mx_rop_req cols = tu_set_columns(), sort = tu_sort();
	struct fake_entry e;

	tu_start(&t);
	s = tu_session(&t, "ann"); /* 1 */
	l = tu_logon(s);
	assert_int_equal(mx_logon_open(l, &t.call), 0); /* 2 */
	folder = tu_folder(l);
	table = tu_contents(folder);
	assert_int_equal(mx_sobj_defer(table, &cols), 0);
	assert_int_equal(mx_sobj_defer(table, &sort), 0);
	assert_int_equal(tu_first_row(&t, table, 50), 0); /* 3 */
	assert_int_equal(fake_count(&t.f, NULL), 3);
	e = fake_get(&t.f, "Execute", 1);
	assert_string_equal(tu_rops(&e), "OpenFolder GetContentsTable "
					 "SetColumns SortTable QueryRows");
	assert_int_equal(mx_sobj_columns(table).n, 2);
	mx_sobj_unref(table);
	mx_sobj_unref(folder);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_logon_and_what_needs_it_go_in_one_request(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_rop_req q = tu_get_props();
	struct fake_entry e;
	uint32_t code = 1;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	assert_null(mx_logon_info(l));
	assert_int_equal(tu_rop(&t, mx_logon_sobj(l), &q, &code), 0);
	assert_int_equal(code, 0);
	assert_non_null(mx_logon_info(l));
	assert_true(mx_logon_info(l)->folder_ids[MX_FOLDER_INBOX] ==
		    mx_id_make(1, 104));
	assert_int_equal(fake_count(&t.f, NULL), 2);
	e = fake_get(&t.f, "Execute", 0);
	assert_string_equal(tu_rops(&e), "Logon GetPropertiesSpecific");
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_rows_come_in_order_over_several_requests(void **state)
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
	for (int i = 0; i < 10; i++)
		assert_int_equal(tu_first_row(&t, table, 10), 10 * i);
	assert_int_equal(tu_first_row(&t, table, 10), -1);
	mx_sobj_unref(table);
	mx_sobj_unref(folder);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

/* B18: handles are given back before new ones are asked for. */
static void test_releases_ride_in_front_of_the_next_request(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *a, *b;
	struct fake_entry e;
	struct mx_session_stats st;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	a = tu_folder(l);
	assert_int_equal(tu_open(&t, a), 0);
	mx_sobj_unref(a);
	mx_session_stats(s, &st);
	assert_int_equal(st.pending_releases, 1);
	b = tu_folder(l);
	assert_int_equal(tu_open(&t, b), 0);
	e = fake_get(&t.f, "Execute", 1);
	assert_string_equal(tu_rops(&e), "Release OpenFolder");
	mx_session_stats(s, &st);
	assert_int_equal(st.pending_releases, 0);
	assert_int_equal(fake_live_handles(&t.f), 2);
	mx_sobj_unref(b);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
	assert_int_equal(t.f.n_sessions, 0);
}

/* MS-OXCROPS_R4729: what is owned is released before its owner. */
static void test_a_parent_is_released_after_its_children(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *msg, *stream;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	msg = tu_message(l);
	stream = tu_stream(msg);
	assert_int_equal(tu_open(&t, stream), 0);
	mx_sobj_unref(msg); /* the parent first: B27 */
	assert_int_equal(fake_live_handles(&t.f), 3);
	assert_int_equal(tu_open(&t, stream), 0); /* still there */
	mx_sobj_unref(stream);
	msg = tu_folder(l);
	assert_int_equal(tu_open(&t, msg), 0);
	assert_int_equal(fake_live_handles(&t.f), 2);
	mx_sobj_unref(msg);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_a_failed_opening_is_the_code_of_what_needed_it(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder, *table;
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req cols = tu_set_columns(), rows = tu_query(5);
	struct mx_op *op[2];

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	folder = tu_folder(l);
	table = tu_contents(folder);
	t.f.fail_rop = MX_ROP_OPEN_FOLDER;
	t.f.fail_code = 0x8004010f;
	mx_batch_init(&b);
	op[0] = mx_batch_add(&b, table, &cols);
	op[1] = mx_batch_add(&b, table, &rows);
	assert_int_equal(mx_batch_run(&b, &t.call), 0);
	for (int i = 0; i < 2; i++) {
		assert_true(op[i]->answered);
		assert_int_equal(op[i]->code, 0x8004010f);
		assert_int_equal(op[i]->blame, MX_ROP_OPEN_FOLDER);
		assert_null(op[i]->res);
	}
	assert_ptr_equal(mx_batch_failed(&b), op[0]);
	assert_int_equal(mx_op_fault(op[0], &t.fault), -EREMOTEIO);
	assert_int_equal(t.fault.layer, MX_LAYER_ROP);
	assert_int_equal(t.fault.code, 0x8004010f);
	assert_string_equal(t.fault.op, "RopOpenFolder");
	assert_string_equal(t.fault.user, "ann");
	assert_string_equal(t.fault.server, "127.0.0.1:9");
	/* A failure is not remembered: the next try asks again. */
	t.f.fail_rop = 0;
	mx_batch_reset(&b);
	op[0] = mx_batch_add(&b, table, &cols);
	assert_int_equal(mx_batch_run(&b, &t.call), 0);
	assert_int_equal(op[0]->code, 0);
	mx_batch_reset(&b);
	mx_sobj_unref(table);
	mx_sobj_unref(folder);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_a_failed_deferred_rop_fails_what_carried_it(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder, *table;
	struct mx_rop_req cols = tu_set_columns(), rows = tu_query(5);
	uint32_t code = 0;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	folder = tu_folder(l);
	table = tu_contents(folder);
	t.f.fail_rop = MX_ROP_SET_COLUMNS;
	t.f.fail_code = 0x452;
	mx_sobj_defer(table, &cols);
	assert_int_equal(tu_rop(&t, table, &rows, &code), 0);
	assert_int_equal(code, 0x452);
	mx_sobj_unref(table);
	mx_sobj_unref(folder);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_a_large_batch_is_split_and_all_of_it_answered(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *msg[400];
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req q = tu_get_props();
	struct mx_op *op[400];

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	mx_batch_init(&b);
	for (int i = 0; i < 400; i++) {
		msg[i] = tu_message(l);
		op[i] = mx_batch_add(&b, msg[i], &q);
	}
	assert_int_equal(mx_batch_run(&b, &t.call), 0);
	/* The handle table has 255 places. */
	assert_int_equal(fake_count(&t.f, "Execute"), 2);
	for (int i = 0; i < 400; i++) {
		assert_true(op[i]->answered);
		assert_int_equal(op[i]->code, 0);
		assert_int_equal(op[i]->res->get_properties_specific.row_data
					 .vals[0]
					 .v.i4,
				 0x6748);
	}
	mx_batch_reset(&b);
	for (int i = 0; i < 400; i++)
		mx_sobj_unref(msg[i]);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_a_large_request_is_split_at_32_kib(void **state)
{
	static uint8_t bytes[12000];
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *msg, *stream;
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req q = {.id = MX_ROP_WRITE_STREAM};

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	msg = tu_message(l);
	stream = tu_stream(msg);
	mx_batch_init(&b);
	q.write_stream.data = (struct mx_bin){sizeof(bytes), bytes};
	for (int i = 0; i < 10; i++)
		mx_batch_add(&b, stream, &q);
	assert_int_equal(mx_batch_run(&b, &t.call), 0);
	assert_null(mx_batch_failed(&b));
	assert_int_equal(fake_count(&t.f, "Execute"), 5);
	assert_true(mx_sobj_dirty(stream));
	assert_true(mx_sobj_dirty(msg));
	mx_batch_reset(&b);
	mx_sobj_unref(stream);
	mx_sobj_unref(msg);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_one_rop_over_32_kib_is_a_clear_error(void **state)
{
	static uint8_t bytes[40000];
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *msg, *stream;
	struct mx_rop_req q = {.id = MX_ROP_WRITE_STREAM};

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	msg = tu_message(l);
	stream = tu_stream(msg);
	assert_int_equal(tu_open(&t, stream), 0);
	q.write_stream.data = (struct mx_bin){sizeof(bytes), bytes};
	assert_int_equal(tu_rop(&t, stream, &q, NULL), -EMSGSIZE);
	assert_non_null(strstr(t.fault.text, "32 KiB"));
	mx_sobj_unref(stream);
	mx_sobj_unref(msg);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

/* MS-OXCROPS_R4520: what was not processed is sent again. */
static void test_buffer_too_small_is_continued(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder, *table;
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req cols = tu_set_columns(), q = tu_query(10);
	struct mx_op *op[10];

	tu_start(&t);
	t.f.max_payload = 1000;
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	folder = tu_folder(l);
	table = tu_contents(folder);
	mx_batch_init(&b);
	mx_batch_add(&b, table, &cols);
	for (int i = 0; i < 10; i++)
		op[i] = mx_batch_add(&b, table, &q);
	assert_int_equal(mx_batch_run(&b, &t.call), 0);
	assert_true(fake_count(&t.f, "Execute") > 1);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(op[i]->code, 0);
		assert_int_equal(op[i]->res->query_rows.n_row_data, 10);
		assert_int_equal(
			op[i]->res->query_rows.row_data[0].vals[0].v.i4,
			10 * i);
	}
	mx_batch_reset(&b);
	mx_sobj_unref(table);
	mx_sobj_unref(folder);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

/* MS-OXCROPS_R4512: the client delays what the server asks to be delayed. */
static void test_backoff_is_waited_out_and_met(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder;
	struct mx_rop_req q = tu_get_props();
	uint32_t code = 1;
	mx_mono began;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	folder = tu_folder(l);
	t.f.backoff_rop = MX_ROP_GET_PROPERTIES_SPECIFIC;
	t.f.backoff_ms = 50;
	began = mx_mono_now();
	assert_int_equal(tu_rop(&t, folder, &q, &code), 0);
	assert_int_equal(code, 0);
	assert_int_equal(fake_count(&t.f, "Execute"), 2);
	assert_true(mx_mono_now().ns - began.ns >= 50 * MX_NS_PER_MS);
	/* A pause longer than the call may take is said, not sat through. */
	t.f.backoff_rop = MX_ROP_GET_PROPERTIES_SPECIFIC;
	t.f.backoff_ms = 3000000;
	t.call.deadline = mx_mono_in_ms(100000);
	assert_int_equal(tu_rop(&t, folder, &q, &code), -EAGAIN);
	mx_sobj_unref(folder);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_garbage_is_a_clear_error_and_the_session_goes_on(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder;
	struct mx_rop_req q = tu_get_props();

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	folder = tu_folder(l);
	t.f.script = NULL;
	assert_int_equal(tu_open(&t, folder), 0);
	mx_mutex_lock(&t.f.lock);
	t.f.max_payload = 1; /* nothing fits, ever */
	mx_mutex_unlock(&t.f.lock);
	assert_int_equal(tu_rop(&t, folder, &q, NULL), -EMSGSIZE);
	mx_mutex_lock(&t.f.lock);
	t.f.max_payload = 0;
	mx_mutex_unlock(&t.f.lock);
	assert_int_equal(tu_rop(&t, folder, &q, NULL), 0);
	mx_sobj_unref(folder);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_misuse_is_refused_before_anything_is_sent(void **state)
{
	struct tu t;
	struct mx_session *s, *s2;
	struct mx_logon *l, *l2;
	struct mx_rop_req q = {.id = MX_ROP_RELEASE}, get = tu_get_props();
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_sobj *o = NULL;

	tu_start(&t);
	s = tu_session(&t, "ann");
	s2 = tu_session(&t, "bob");
	l = tu_logon(s);
	l2 = tu_logon(s2);
	mx_batch_init(&b);
	mx_batch_add(&b, mx_logon_sobj(l), &q);
	assert_int_equal(mx_batch_run(&b, &t.call), -EINVAL);
	mx_batch_reset(&b);
	q.id = MX_ROP_MOVE_COPY_MESSAGES; /* needs a second object */
	mx_batch_add(&b, mx_logon_sobj(l), &q);
	assert_int_equal(mx_batch_run(&b, &t.call), -EINVAL);
	mx_batch_reset(&b);
	mx_batch_add(&b, mx_logon_sobj(l), &get);
	mx_batch_add(&b, mx_logon_sobj(l2), &get);
	assert_int_equal(mx_batch_run(&b, &t.call), -EXDEV);
	assert_int_equal(mx_sobj_new(mx_logon_sobj(l), &get, &o), -EINVAL);
	assert_int_equal(mx_sobj_defer(mx_logon_sobj(l), &get), -EINVAL);
	mx_batch_reset(&b);
	assert_int_equal(mx_batch_run(&b, &t.call), 0); /* nothing to do */
	assert_int_equal(fake_count(&t.f, "Execute"), 0);
	mx_logon_unref(l);
	mx_logon_unref(l2);
	mx_session_unref(s);
	mx_session_unref(s2);
	tu_stop(&t);
}

static void test_replids_are_asked_for_once(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_ltid ltid;
	uint64_t id = 0;
	size_t n;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	assert_int_equal(mx_logon_open(l, &t.call), 0);
	n = fake_count(&t.f, NULL);
	/* The logon's own replica is known. */
	assert_int_equal(
		mx_logon_ltid_from_id(l, mx_id_make(1, 9), &t.call, &ltid), 0);
	assert_int_equal(ltid.replica.b[0], 7);
	assert_int_equal(mx_logon_id_from_ltid(l, &ltid, &t.call, &id), 0);
	assert_true(id == mx_id_make(1, 9));
	assert_int_equal(fake_count(&t.f, NULL), n);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(mx_logon_ltid_from_id(l, mx_id_make(5, 9),
						       &t.call, &ltid),
				 0);
		assert_int_equal(ltid.replica.b[0], 99);
	}
	assert_int_equal(fake_count(&t.f, NULL), n + 1);
	ltid.replica.b[0] = 99;
	assert_int_equal(mx_logon_id_from_ltid(l, &ltid, &t.call, &id), 0);
	assert_int_equal(mx_id_replid(id), 5);
	assert_int_equal(fake_count(&t.f, NULL), n + 1);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

/* Of the ROPs we send, these and no others may be sent twice. */
static void test_what_may_be_sent_twice_is_decided_for_every_rop(void **state)
{
	static const uint8_t never[] = {
		MX_ROP_CREATE_MESSAGE,          MX_ROP_SET_PROPERTIES,
		MX_ROP_DELETE_PROPERTIES,       MX_ROP_SAVE_CHANGES_MESSAGE,
		MX_ROP_REMOVE_ALL_RECIPIENTS,   MX_ROP_MODIFY_RECIPIENTS,
		MX_ROP_SET_MESSAGE_READ_FLAG,   MX_ROP_CREATE_FOLDER,
		MX_ROP_DELETE_FOLDER,           MX_ROP_DELETE_MESSAGES,
		MX_ROP_CREATE_ATTACHMENT,       MX_ROP_DELETE_ATTACHMENT,
		MX_ROP_SAVE_CHANGES_ATTACHMENT, MX_ROP_WRITE_STREAM,
		MX_ROP_SET_STREAM_SIZE,         MX_ROP_SUBMIT_MESSAGE,
		MX_ROP_MOVE_COPY_MESSAGES,      MX_ROP_ABORT_SUBMIT,
		MX_ROP_COMMIT_STREAM,           MX_ROP_SET_READ_FLAGS,
	};
	uint8_t rop[16] = {0};
	unsigned n_sent = 0, n_never = 0;

	for (unsigned id = 0; id < 256; id++) {
		bool no = memchr(never, (int)id, sizeof(never)) != NULL;

		if (!mx_rop_flags((uint8_t)id) && !no) {
			assert_true(!strcmp(mx_rop_name((uint8_t)id), "?") ||
				    id == MX_ROP_NOTIFY ||
				    id == MX_ROP_PENDING ||
				    id == MX_ROP_BACKOFF ||
				    id == MX_ROP_BUFFER_TOO_SMALL);
			continue;
		}
		rop[0] = (uint8_t)id;
		assert_int_equal(mx_rop_resend(rop, sizeof(rop)), !no);
		n_sent++;
		n_never += no;
	}
	assert_int_equal(n_sent, 50); /* 54 with the four of answers only */
	assert_int_equal(n_never, sizeof(never));
	rop[0] = MX_ROP_OPEN_STREAM;
	rop[8] = 2; /* Create truncates */
	assert_false(mx_rop_resend(rop, 9));
}

MX_TEST_MAIN(MX_TEST(test_first_rows_take_three_round_trips_deferred),
	     MX_TEST(test_logon_and_what_needs_it_go_in_one_request),
	     MX_TEST(test_rows_come_in_order_over_several_requests),
	     MX_TEST(test_releases_ride_in_front_of_the_next_request),
	     MX_TEST(test_a_parent_is_released_after_its_children),
	     MX_TEST(test_a_failed_opening_is_the_code_of_what_needed_it),
	     MX_TEST(test_a_failed_deferred_rop_fails_what_carried_it),
	     MX_TEST(test_a_large_batch_is_split_and_all_of_it_answered),
	     MX_TEST(test_a_large_request_is_split_at_32_kib),
	     MX_TEST(test_one_rop_over_32_kib_is_a_clear_error),
	     MX_TEST(test_buffer_too_small_is_continued),
	     MX_TEST(test_backoff_is_waited_out_and_met),
	     MX_TEST(test_garbage_is_a_clear_error_and_the_session_goes_on),
	     MX_TEST(test_misuse_is_refused_before_anything_is_sent),
	     MX_TEST(test_replids_are_asked_for_once),
	     MX_TEST(test_what_may_be_sent_twice_is_decided_for_every_rop))
