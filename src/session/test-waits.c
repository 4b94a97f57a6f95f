/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* When a crowd's waits and keep-alives come: never all of them in one moment. */
#include "session/test-heard.h"

#include <sched.h>

enum { CROWD = 200, SPREAD_S = 270, BIN_S = 15, BINS = SPREAD_S / BIN_S };

static struct mx_ctx *ctx_of(struct mx_logon *l)
{
	return mx_sobj_ctx(mx_logon_sobj(l));
}

/* When somebody who waits will end a wait by himself, and when he will be kept
 * alive if nothing else does that. */
static void places_of(struct mx_session *s, struct mx_logon *l,
		      mx_mono *ret_park, mx_mono *ret_beat)
{
	struct mx_ctx *ctx = ctx_of(l);

	for (ret_park->ns = 0; !ret_park->ns; sched_yield()) {
		mx_mutex_lock(&s->lock);
		if (ctx->parked && ctx->ping_timer) {
			*ret_park = ctx->park_place;
			*ret_beat = ctx->next_beat;
			assert_int_equal(ctx->beat_ms, SPREAD_S * 1000);
		}
		mx_mutex_unlock(&s->lock);
	}
}

static unsigned bin_of(mx_mono at)
{
	int64_t in_s = (at.ns - mx_mono_now().ns) / MX_NS_PER_S;

	assert_in_range(in_s + 60, 0, SPREAD_S + 120);
	return (unsigned)(at.ns / MX_NS_PER_S % SPREAD_S) / BIN_S;
}

static void check_places(struct mx_session **s, struct mx_logon **l)
{
	unsigned parks[BINS] = {0}, beats[BINS] = {0};
	mx_mono park, beat;

	for (int i = 0; i < CROWD; i++) {
		places_of(s[i], l[i], &park, &beat);
		parks[bin_of(park)]++;
		beats[bin_of(beat)]++;
	}
	for (unsigned i = 0; i < BINS; i++)
		if (parks[i] * BINS > 2 * CROWD || beats[i] * BINS > 2 * CROWD)
			fail_msg("%u waits and %u beats of %d in the %u. part "
				 "of the period",
				 parks[i], beats[i], CROWD, i);
}

/* A parked wait refreshes its context as a keep-alive does: those of a crowd that
 * was connected, or lost, in one moment do not come back in one moment. */
static void test_waits_of_a_crowd_spread_also_after_a_restart(void **state)
{
	static struct heard h[CROWD];
	struct mx_session *s[CROWD];
	struct mx_logon *l[CROWD];
	struct mx_sub *sub[CROWD];
	char name[16];
	struct tu t;

	tu_start(&t);
	t.f.expiration_ms = 2000 * SPREAD_S;
	for (int i = 0; i < CROWD; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		heard_init(&h[i]);
		s[i] = tu_session(&t, name);
		l[i] = tu_logon(s[i]);
		sub[i] = subscribe(&t, l[i], &h[i]);
	}
	check_places(s, l);
	fake_restart(&t.f);
	for (int i = 0; i < CROWD; i++)
		WAIT_FOR(&h[i], h[i].n_missed == 1);
	check_places(s, l);
	for (int i = 0; i < CROWD; i++) {
		mx_sub_cancel(sub[i]);
		mx_logon_unref(l[i]);
		mx_session_unref(s[i]);
	}
	tu_stop(&t);
}

static enum fake_act ended_by_us_once(struct fake *f,
				      const struct fake_entry *e)
{
	if (strcmp(e->type, "NotificationWait") || f->script_state++)
		return FAKE_SERVE;
	return FAKE_OVERALL;
}

/* A wait that is ended by us without a word from the server: how many failures
 * that is. */
static unsigned end_silently(struct tu *t, struct mx_session *s,
			     struct mx_logon *l, struct heard *h)
{
	struct mx_sub *sub;
	unsigned failures;

	mx_mutex_lock(&t->f.lock);
	t->f.script = ended_by_us_once;
	t->f.script_state = 0;
	t->f.silent = true;
	mx_mutex_unlock(&t->f.lock);
	fake_clear_log(&t->f);
	sub = subscribe(t, l, h);
	fake_wait_log(&t->f, "NotificationWait", 1);
	do { /* it has ended, and another may have begun */
		mx_mutex_lock(&s->lock);
		failures = ctx_of(l)->park_failures + ctx_of(l)->park_timer;
		mx_mutex_unlock(&s->lock);
		sched_yield();
	} while (!failures && fake_count(&t->f, "NotificationWait") < 2);
	mx_sub_cancel(sub);
	return failures;
}

static void test_a_wait_that_ends_at_its_place_is_no_failure(void **state)
{
	struct heard h;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sub *sub;
	struct mx_ctx *ctx;
	struct tu t;

	tu_start(&t);
	heard_init(&h);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	assert_int_equal(mx_logon_open(l, &t.call), 0);
	ctx = ctx_of(l);
	assert_int_equal(end_silently(&t, s, l, &h), 0);
	fake_clear_log(&t.f);
	/* Its place comes: from then on the server ends the waits. */
	sub = subscribe(&t, l, &h);
	fake_wait_log(&t.f, "NotificationWait", 1);
	mx_mutex_lock(&s->lock);
	ctx->park_place = mx_mono_now();
	mx_mutex_unlock(&s->lock);
	fake_new_mail(&t.f, 1);
	WAIT_FOR(&h, h.n_notify == 1);
	mx_sub_cancel(sub);
	mx_mutex_lock(&s->lock);
	assert_int_equal(ctx->park_place.ns, 0);
	mx_mutex_unlock(&s->lock);
	assert_int_not_equal(end_silently(&t, s, l, &h), 0);
	assert_int_equal(s->reconnects, 0);
	assert_int_equal(h.n_missed, 0);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

MX_TEST_MAIN(MX_TEST(test_waits_of_a_crowd_spread_also_after_a_restart),
	     MX_TEST(test_a_wait_that_ends_at_its_place_is_no_failure))
