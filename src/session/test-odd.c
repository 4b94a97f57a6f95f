/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server may do that the specification does not say, as gromox 3.10 does
 * it (doc/interop.md): the call goes on, or fails with a clear reason.
 */
#include "session/test-util.h"

struct odd {
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder;
};

static void odd_start(struct odd *o)
{
	tu_start(&o->t);
	o->s = tu_session(&o->t, "ann");
	o->l = tu_logon(o->s);
	o->folder = tu_folder(o->l);
}

static void odd_stop(struct odd *o)
{
	mx_sobj_unref(o->folder);
	mx_logon_unref(o->l);
	mx_session_unref(o->s);
	tu_stop(&o->t);
}

static void script(struct odd *o,
		   enum fake_act (*fn)(struct fake *,
				       const struct fake_entry *))
{
	mx_mutex_lock(&o->t.f.lock);
	o->t.f.script = fn;
	o->t.f.script_state = 0;
	mx_mutex_unlock(&o->t.f.lock);
}

static enum fake_act code_once(struct fake *f, const struct fake_entry *e)
{
	if (strcmp(e->type, "Execute") || f->script_state++)
		return FAKE_SERVE;
	return FAKE_CODE;
}

static enum fake_act code_always(struct fake *f, const struct fake_entry *e)
{
	return strcmp(e->type, "Execute") ? FAKE_SERVE : FAKE_CODE;
}

/* gromox numbers X-ResponseCode by itself; 2: unknown or expired cookie, 4:
 * another user's, 7: not the latest sequence cookie. */
static void test_a_context_is_lost_by_any_code_that_says_so(void **state)
{
	static const uint32_t codes[] = {2, 4, 7};
	struct mx_rop_req set = tu_set_props();
	struct mx_session_stats st;
	uint32_t code = 1;
	struct odd o;

	(void)state;
	odd_start(&o);
	assert_int_equal(mx_logon_open(o.l, &o.t.call), 0);
	for (size_t i = 0; i < MX_ARRAY_SIZE(codes); i++) {
		o.t.f.code = codes[i];
		script(&o, code_once);
		assert_int_equal(tu_rop(&o.t, mx_logon_sobj(o.l), &set, &code),
				 0);
		assert_int_equal(code, 0);
		mx_session_stats(o.s, &st);
		assert_int_equal(st.reconnects, i + 1);
	}
	script(&o, code_always);
	assert_int_equal(tu_rop(&o.t, mx_logon_sobj(o.l), &set, &code),
			 -EREMOTEIO);
	assert_int_equal(o.t.fault.code, 7);
	/* Another code is the answer to this request. */
	o.t.f.code = 12;
	mx_session_stats(o.s, &st);
	script(&o, NULL);
	assert_int_equal(tu_rop(&o.t, mx_logon_sobj(o.l), &set, &code), 0);
	script(&o, code_always);
	assert_int_equal(tu_rop(&o.t, mx_logon_sobj(o.l), &set, &code),
			 -EREMOTEIO);
	assert_int_equal(o.t.fault.code, 12);
	script(&o, NULL);
	odd_stop(&o);
}

static enum fake_act too_large(struct fake *f, const struct fake_entry *e)
{
	return strcmp(e->type, "Execute") ? FAKE_SERVE : FAKE_TOO_LARGE;
}

/* ErrorCode 0x47D: no answer at all, though the ROPs were carried out. */
static void test_answers_too_large_together_are_asked_for_in_parts(void **state)
{
	struct mx_batch b;
	struct mx_rop_req q = tu_get_props();
	struct mx_op *ops[20];
	struct odd o;

	(void)state;
	odd_start(&o);
	mx_batch_init(&b);
	o.t.f.max_rops = 8;
	script(&o, too_large);
	for (size_t i = 0; i < MX_ARRAY_SIZE(ops); i++)
		ops[i] = mx_batch_add(&b, o.folder, &q);
	assert_int_equal(mx_batch_run(&b, &o.t.call), 0);
	for (size_t i = 0; i < MX_ARRAY_SIZE(ops); i++) {
		assert_true(ops[i]->answered);
		assert_int_equal(ops[i]->code, 0);
	}
	mx_batch_fini(&b);
	script(&o, NULL);
	odd_stop(&o);
}

/* A question whose answer is too large costs nobody unsaved changes. */
static void test_unsaved_changes_survive_an_answer_too_large(void **state)
{
	struct mx_rop_req msg = {.id = MX_ROP_CREATE_MESSAGE};
	struct mx_rop_req set = tu_set_props(), get = tu_get_props();
	struct mx_session_stats st;
	struct mx_sobj *m;
	struct odd o;

	(void)state;
	odd_start(&o);
	m = tu_new(o.folder, &msg);
	assert_int_equal(tu_rop(&o.t, m, &set, NULL), 0);
	o.t.f.max_rops = 0;
	script(&o, too_large);
	assert_int_equal(tu_rop(&o.t, m, &get, NULL), -EMSGSIZE);
	script(&o, NULL);
	assert_int_equal(tu_rop(&o.t, m, &set, NULL), 0);
	mx_session_stats(o.s, &st);
	assert_int_equal(st.reconnects, 0);
	mx_sobj_unref(m);
	odd_stop(&o);
}

static void test_one_answer_too_large_is_a_clear_error(void **state)
{
	struct mx_rop_req q = tu_get_props();
	struct odd o;

	(void)state;
	odd_start(&o);
	o.t.f.max_rops = 0;
	script(&o, too_large);
	assert_int_equal(tu_rop(&o.t, o.folder, &q, NULL), -EMSGSIZE);
	assert_int_equal(o.t.fault.code, 0x47d);
	script(&o, NULL);
	assert_int_equal(tu_rop(&o.t, o.folder, &q, NULL), 0);
	odd_stop(&o);
}

/* What must not happen twice is not sent again: it has happened. */
static void test_changes_with_too_large_answers_happen_once(void **state)
{
	struct mx_rop_req q = tu_set_props();
	struct odd o;
	size_t n;

	(void)state;
	odd_start(&o);
	assert_int_equal(mx_logon_open(o.l, &o.t.call), 0);
	n = fake_count(&o.t.f, "Execute");
	o.t.f.max_rops = 0;
	script(&o, too_large);
	assert_int_equal(tu_rop(&o.t, mx_logon_sobj(o.l), &q, NULL),
			 -ENETRESET);
	assert_int_equal(o.t.fault.code, 0x47d);
	assert_int_equal(fake_count(&o.t.f, "Execute"), n + 1);
	script(&o, NULL);
	odd_stop(&o);
}

/* ReadStream without DataSize, in the middle of a buffer. */
static void test_bare_failures_do_not_hide_the_answers_behind_them(void **state)
{
	struct mx_batch b;
	struct mx_rop_req read = {.id = MX_ROP_READ_STREAM};
	struct mx_rop_req get = tu_get_props();
	struct mx_op *bad, *good, *end;
	struct odd o;

	(void)state;
	odd_start(&o);
	mx_batch_init(&b);
	o.t.f.bare_failures = true;
	o.t.f.fail_rop = MX_ROP_READ_STREAM;
	o.t.f.fail_code = 0x80040102;
	bad = mx_batch_add(&b, o.folder, &read);
	good = mx_batch_add(&b, o.folder, &get);
	end = mx_batch_add(&b, o.folder, &read);
	assert_int_equal(mx_batch_run(&b, &o.t.call), 0);
	assert_int_equal(bad->code, 0x80040102);
	assert_int_equal(good->code, 0);
	assert_int_equal(good->res->get_properties_specific.row_data.n,
			 get.get_properties_specific.property_tags.n);
	assert_int_equal(end->code, 0x80040102);
	mx_batch_fini(&b);
	odd_stop(&o);
}

/* MS-OXCMSG_R876: the response index names the message; the fake refuses
 * anything else, as gromox does. */
static void test_an_attachment_is_saved_with_its_message(void **state)
{
	struct mx_rop_req msg = {.id = MX_ROP_CREATE_MESSAGE};
	struct mx_rop_req att = {.id = MX_ROP_CREATE_ATTACHMENT};
	struct mx_rop_req save = {.id = MX_ROP_SAVE_CHANGES_ATTACHMENT};
	struct mx_sobj *m, *a;
	uint32_t code = 1;
	struct odd o;

	(void)state;
	odd_start(&o);
	m = tu_new(o.folder, &msg);
	a = tu_new(m, &att);
	assert_int_equal(tu_rop(&o.t, a, &save, &code), 0);
	assert_int_equal(code, 0);
	mx_sobj_unref(a);
	mx_sobj_unref(m);
	odd_stop(&o);
}

/* The layout of SetMessageReadFlag depends on the logon, and gromox chooses it
 * before it carries out the first ROP. */
static void test_a_read_flag_goes_out_after_its_logon(void **state)
{
	struct mx_rop_req msg = {.id = MX_ROP_OPEN_MESSAGE};
	struct mx_rop_req flag = {.id = MX_ROP_SET_MESSAGE_READ_FLAG};
	struct fake_entry e;
	struct mx_sobj *m;
	uint32_t code = 1;
	struct odd o;

	(void)state;
	odd_start(&o);
	m = tu_new(o.folder, &msg);
	assert_int_equal(tu_rop(&o.t, m, &flag, &code), 0);
	assert_int_equal(code, 0);
	e = fake_get(&o.t.f, "Execute", 0);
	assert_string_equal(tu_rops(&e), "Logon OpenMessage");
	e = fake_get(&o.t.f, "Execute", 1);
	assert_string_equal(tu_rops(&e), "SetMessageReadFlag");
	mx_sobj_unref(m);
	odd_stop(&o);
}

/* MS-OXCMAPIHTTP_R155, R2042, R2043: one GUID, a number a context. */
static void test_client_info_is_sent_with_every_request(void **state)
{
	struct mx_session *other;
	struct fake_entry a, b;
	size_t guid;
	struct odd o;

	(void)state;
	odd_start(&o);
	assert_int_equal(mx_logon_open(o.l, &o.t.call), 0);
	other = tu_session(&o.t, "bob");
	a = fake_get(&o.t.f, "Connect", 0);
	b = fake_get(&o.t.f, "Execute", 0);
	assert_string_equal(a.client_info, b.client_info);
	b = fake_get(&o.t.f, "Connect", 1);
	guid = strcspn(a.client_info, ":");
	assert_int_equal(guid, 38);
	assert_memory_equal(a.client_info, b.client_info, guid);
	assert_string_not_equal(a.client_info, b.client_info);
	mx_session_unref(other);
	odd_stop(&o);
}

static enum fake_act wait_is_never_answered(struct fake *f,
					    const struct fake_entry *e)
{
	if (strcmp(e->type, "NotificationWait"))
		return FAKE_SERVE;
	return f->script_state++ < 5 ? FAKE_OVERALL : FAKE_HOLD;
}

static void on_event(void *arg, const struct mx_event *ev)
{
	(void)arg, (void)ev;
}

/* A wait that only ever says PENDING is ended by us, and is no failure. */
static void test_a_wait_that_never_ends_is_parked_again(void **state)
{
	struct mx_sub_params p = {
		.types = 2, .whole_store = true, .fn = on_event};
	struct mx_sub *sub = NULL;
	unsigned failures;
	struct odd o;

	(void)state;
	odd_start(&o);
	script(&o, wait_is_never_answered);
	p.logon = o.l;
	assert_int_equal(mx_sub_new(&p, &o.t.call, &sub), 0);
	fake_wait_log(&o.t.f, "NotificationWait", 6);
	mx_mutex_lock(&o.s->lock);
	failures = mx_sobj_ctx(mx_logon_sobj(o.l))->park_failures;
	mx_mutex_unlock(&o.s->lock);
	assert_int_equal(failures, 0);
	mx_sub_cancel(sub);
	odd_stop(&o);
}

MX_TEST_MAIN(MX_TEST(test_a_context_is_lost_by_any_code_that_says_so),
	     MX_TEST(test_answers_too_large_together_are_asked_for_in_parts),
	     MX_TEST(test_unsaved_changes_survive_an_answer_too_large),
	     MX_TEST(test_one_answer_too_large_is_a_clear_error),
	     MX_TEST(test_changes_with_too_large_answers_happen_once),
	     MX_TEST(test_bare_failures_do_not_hide_the_answers_behind_them),
	     MX_TEST(test_an_attachment_is_saved_with_its_message),
	     MX_TEST(test_a_read_flag_goes_out_after_its_logon),
	     MX_TEST(test_client_info_is_sent_with_every_request),
	     MX_TEST(test_a_wait_that_never_ends_is_parked_again))
