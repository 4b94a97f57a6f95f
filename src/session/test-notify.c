/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the server tells by itself, and how it reaches the program. */
#include "session/test-heard.h"

#include "connlist/clist.h"

static enum fake_act dead_wait(struct fake *f, const struct fake_entry *e)
{
	return strcmp(e->type, "NotificationWait") ? FAKE_SERVE : FAKE_DEAD;
}

static void test_new_mail_arrives_by_the_parked_wait(void **state)
{
	struct tu t;
	struct heard h;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sub *sub;
	struct mx_session_stats st;
	size_t n;

	tu_start(&t);
	heard_init(&h);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	assert_int_equal(mx_logon_open(l, &t.call), 0);
	assert_int_equal(fake_count(&t.f, "NotificationWait"), 0);
	sub = subscribe(&t, l, &h);
	fake_wait_log(&t.f, "NotificationWait", 1);
	n = fake_count(&t.f, "NotificationWait");
	assert_int_equal(fake_new_mail(&t.f, 4711), 1);
	WAIT_FOR(&h, h.n_notify == 1);
	assert_true(h.mids[0] == 4711);
	/* Parked again for the next. */
	fake_wait_log(&t.f, "NotificationWait", n + 1);
	fake_new_mail(&t.f, 4712);
	WAIT_FOR(&h, h.n_notify == 2);
	mx_session_stats(s, &st);
	assert_int_equal(st.notified, 2);
	mx_sub_cancel(sub);
	WAIT_FOR(&h, h.n_freed == 1);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
	assert_false(h.bad);
	assert_int_equal(t.f.n_sessions, 0);
}

static void test_what_comes_with_a_call_is_told_too(void **state)
{
	struct tu t;
	struct heard h;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sub *sub;
	struct mx_rop_req q = tu_get_props();

	tu_start(&t);
	heard_init(&h);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	mx_mutex_lock(&t.f.lock);
	t.f.script = dead_wait; /* the parked wait never says anything */
	mx_mutex_unlock(&t.f.lock);
	sub = subscribe(&t, l, &h);
	fake_new_mail(&t.f, 1);
	assert_int_equal(tu_rop(&t, mx_logon_sobj(l), &q, NULL), 0);
	WAIT_FOR(&h, h.n_notify == 1);
	mx_sub_cancel(sub);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_events_come_in_order_and_one_at_a_time(void **state)
{
	struct tu t;
	struct heard h;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sub *sub;

	tu_start(&t);
	heard_init(&h);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	sub = subscribe(&t, l, &h);
	for (unsigned i = 0; i < 300; i++) {
		fake_new_mail(&t.f, i);
		if (i % 100 == 99)
			WAIT_FOR(&h, h.n_notify == i + 1);
	}
	for (unsigned i = 0; i < 300; i++)
		assert_true(h.mids[i] == i);
	assert_false(h.bad);
	mx_sub_cancel(sub);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

/* B11: no callback starts after cancel has returned; the one that runs may end,
 * and its argument lives as long. */
static void test_B11_no_callback_starts_after_cancel(void **state)
{
	struct tu t;
	struct heard h;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sub *sub;

	tu_start(&t);
	heard_init(&h);
	h.hold = true;
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	sub = subscribe(&t, l, &h);
	for (unsigned i = 0; i < 20; i++)
		fake_new_mail(&t.f, i);
	WAIT_FOR(&h, h.n_notify == 1);
	mx_sub_cancel(sub); /* returns while the callback is stuck */
	mx_mutex_lock(&h.lock);
	h.cancelled = true;
	assert_int_equal(h.n_freed, 0);
	h.hold = false;
	mx_cond_broadcast(&h.cond);
	mx_mutex_unlock(&h.lock);
	WAIT_FOR(&h, h.n_freed == 1);
	assert_int_equal(h.n_notify, 1);
	assert_false(h.bad);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_B11_a_callback_calls_releases_and_cancels(void **state)
{
	struct tu t;
	struct heard h;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder;

	tu_start(&t);
	heard_init(&h);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	folder = tu_folder(l);
	assert_int_equal(tu_open(&t, folder), 0);
	h.obj = folder;
	h.logon = l;
	h.inner_err = 1;
	h.sub = subscribe(&t, l, &h);
	fake_new_mail(&t.f, 1);
	WAIT_FOR(&h, h.n_freed == 1);
	assert_int_equal(h.inner_err, 0);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
	assert_int_equal(t.f.n_sessions, 0);
}

/* B15: whatever is sent for a session, by whatever thread, goes out under the
 * user who connected it: waits, fetches, releases, Disconnect. */
static void test_B15_every_background_request_has_its_user(void **state)
{
	enum { N = 100 };
	struct tu t;
	static struct heard h[N];
	struct mx_session *s[N];
	struct mx_logon *l[N];
	struct mx_sub *sub[N];
	static char owner[4096][64];
	size_t n, n_background = 0;
	char name[16];

	tu_start_with(&t, &(struct mx_client_params){.release_ms = 1});
	memset(owner, 0, sizeof(owner));
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		heard_init(&h[i]);
		s[i] = tu_session(&t, name);
		l[i] = tu_logon(s[i]);
		sub[i] = subscribe(&t, l[i], &h[i]);
	}
	fake_wait_log(&t.f, "NotificationWait", N);
	fake_new_mail(&t.f, 5);
	for (int i = 0; i < N; i++) {
		WAIT_FOR(&h[i], h[i].n_notify == 1);
		mx_sub_cancel(sub[i]);
		mx_logon_unref(l[i]);
		mx_session_unref(s[i]);
	}
	fake_wait_log(&t.f, "Disconnect", N);
	n = fake_count(&t.f, NULL);
	for (size_t i = 0; i < n; i++) {
		struct fake_entry e = fake_get(&t.f, NULL, i);

		assert_true(e.session > 0);
		n_background += e.background;
		if (!strcmp(e.type, "Connect"))
			strcpy(owner[e.session], e.user);
		assert_string_equal(owner[e.session], e.user);
	}
	assert_true(n_background >= 3 * N);
	tu_stop(&t);
}

/* MS-OXCNOTIF; a lost context: registered again, and said so. */
static void test_after_a_restart_it_is_said_and_goes_on(void **state)
{
	struct tu t;
	struct heard h;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sub *sub;
	struct mx_session_stats st;

	tu_start(&t);
	heard_init(&h);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	sub = subscribe(&t, l, &h);
	fake_wait_log(&t.f, "NotificationWait", 1);
	/* Nobody calls: the parked wait notices, the background repairs. */
	fake_restart(&t.f);
	WAIT_FOR(&h, h.n_missed == 1);
	assert_int_equal(fake_new_mail(&t.f, 9), 1);
	WAIT_FOR(&h, h.n_notify == 1);
	mx_session_stats(s, &st);
	assert_int_equal(st.reconnects, 1);
	mx_sub_cancel(sub);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_a_registration_that_cannot_come_back_is_told(void **state)
{
	struct tu t;
	struct heard h;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sub *sub;

	tu_start(&t);
	heard_init(&h);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	sub = subscribe(&t, l, &h);
	fake_wait_log(&t.f, "NotificationWait", 1);
	mx_mutex_lock(&t.f.lock);
	t.f.fail_rop = MX_ROP_REGISTER_NOTIFICATION;
	t.f.fail_code = 0x80070005;
	mx_mutex_unlock(&t.f.lock);
	fake_restart(&t.f);
	WAIT_FOR(&h, h.n_lost == 1);
	mx_sub_cancel(sub);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_a_refused_registration_is_an_error(void **state)
{
	struct tu t;
	struct heard h;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sub *sub = NULL;

	tu_start(&t);
	heard_init(&h);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	t.f.fail_rop = MX_ROP_REGISTER_NOTIFICATION;
	t.f.fail_code = 0x80070005;
	assert_int_equal(try_subscribe(&t, l, &h, &sub), -EREMOTEIO);
	assert_null(sub);
	assert_int_equal(t.fault.code, 0x80070005);
	assert_int_equal(h.n_freed, 0); /* the argument is still ours */
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

/* Promise 3: the end of the last subscription ends the poller, which signals
 * that it is done, also when its server does not answer. */
static void test_the_poller_always_says_that_it_is_done(void **state)
{
	struct tu t;
	struct heard h;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sub *sub;

	tu_start(&t);
	heard_init(&h);
	mx_mutex_lock(&t.f.lock);
	t.f.script = dead_wait;
	mx_mutex_unlock(&t.f.lock);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	for (int i = 0; i < 20; i++) {
		sub = subscribe(&t, l, &h);
		fake_wait_log(&t.f, "NotificationWait", (size_t)i + 1);
		mx_sub_cancel(sub);
		assert_int_equal(mx_clist_wait_done(s->list, MX_SCOPE_EVERYONE,
						    mx_mono_in_ms(50000), NULL,
						    NULL, &t.fault),
				 0);
	}
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_sessions_end_while_their_wait_is_parked(void **state)
{
	struct tu t;
	struct heard h;

	tu_start(&t);
	heard_init(&h);
	for (int i = 0; i < 50; i++) {
		struct mx_session *s = tu_session(&t, "ann");
		struct mx_logon *l = tu_logon(s);
		struct mx_sub *sub = subscribe(&t, l, &h);

		if (i % 2)
			mx_session_logoff(s);
		mx_logon_unref(l);
		mx_session_unref(s);
		mx_sub_cancel(sub);
		fake_clear_log(&t.f);
	}
	tu_stop(&t);
	assert_int_equal(t.f.n_sessions, 0);
}

MX_TEST_MAIN(MX_TEST(test_new_mail_arrives_by_the_parked_wait),
	     MX_TEST(test_what_comes_with_a_call_is_told_too),
	     MX_TEST(test_events_come_in_order_and_one_at_a_time),
	     MX_TEST(test_B11_no_callback_starts_after_cancel),
	     MX_TEST(test_B11_a_callback_calls_releases_and_cancels),
	     MX_TEST(test_B15_every_background_request_has_its_user),
	     MX_TEST(test_after_a_restart_it_is_said_and_goes_on),
	     MX_TEST(test_a_registration_that_cannot_come_back_is_told),
	     MX_TEST(test_a_refused_registration_is_an_error),
	     MX_TEST(test_the_poller_always_says_that_it_is_done),
	     MX_TEST(test_sessions_end_while_their_wait_is_parked))
