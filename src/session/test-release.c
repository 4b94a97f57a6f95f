/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Releasing never waits, on any object, in any order, from any thread, with the
 * server gone.  A release that waited would never return here, because the
 * scripted server never answers: the case's deadline would end the program.
 */
#include "session/test-util.h"

#include <pthread.h>
#include <sys/wait.h>

#include "base/rand.h"
#include "connlist/snapshot.h"

static enum fake_act dead(struct fake *f, const struct fake_entry *e)
{
	return FAKE_DEAD;
}

static enum fake_act dead_for_ann(struct fake *f, const struct fake_entry *e)
{
	return !strcmp(e->user, "ann") ? FAKE_DEAD : FAKE_SERVE;
}

static enum fake_act hold_execute(struct fake *f, const struct fake_entry *e)
{
	return strcmp(e->type, "Execute") ? FAKE_SERVE : FAKE_HOLD;
}

static void set_script(struct tu *t,
		       enum fake_act (*fn)(struct fake *,
					   const struct fake_entry *))
{
	mx_mutex_lock(&t->f.lock);
	t->f.script = fn;
	mx_mutex_unlock(&t->f.lock);
}

static void wait_held(struct tu *t, unsigned n)
{
	mx_mutex_lock(&t->f.lock);
	while (t->f.n_held < n)
		mx_cond_wait(&t->f.cond, &t->f.lock, MX_MONO_NEVER);
	mx_mutex_unlock(&t->f.lock);
}

/* A call on another thread. */
struct caller {
	struct mx_sobj *o;
	struct mx_cancel cancel;
	struct mx_fault fault;
	int err;
	pthread_t thread;
};

static void *call(void *arg)
{
	struct caller *c = arg;
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req q = tu_get_props();
	const struct mx_call how = {.cancel = &c->cancel, .fault = &c->fault};

	mx_batch_init(&b);
	c->err = mx_rop_call(&b, c->o, &q, &how, NULL);
	return NULL;
}

static void start_call(struct caller *c, struct mx_sobj *o)
{
	*c = (struct caller){.o = o};
	mx_cancel_init(&c->cancel);
	assert_int_equal(pthread_create(&c->thread, NULL, call, c), 0);
}

static int end_call(struct caller *c)
{
	pthread_join(c->thread, NULL);
	mx_cancel_fini(&c->cancel);
	return c->err;
}

/* B2, B22 to B25, B28: the store is released at once after it was opened, again
 * and again; nothing stays behind. */
static void test_B2_logon_and_release_at_once_many_times(void **state)
{
	struct tu t;

	tu_start(&t);
	for (int i = 0; i < 1000; i++) {
		struct mx_session *s = tu_session(&t, "ann");
		struct mx_logon *l = tu_logon(s);

		if (i % 2)
			assert_int_equal(mx_logon_open(l, &t.call), 0);
		if (i % 3) {
			mx_logon_unref(l);
			mx_session_unref(s);
		} else {
			mx_session_unref(s);
			mx_logon_unref(l);
		}
		fake_clear_log(&t.f);
	}
	tu_stop(&t);
	assert_int_equal(t.f.n_sessions, 0);
}

/* B5, B27, B33, B33a, B38: every order of release, a dead server, and another
 * call stuck in it. */
static void test_B27_no_order_of_release_waits_for_a_dead_server(void **state)
{
	enum { N = 7 };
	struct mx_prng rnd = {.s = 42};
	struct tu t;

	tu_start_with(&t, &(struct mx_client_params){.release_ms = 1,
						     .reaper_ms = 50});
	for (int round = 0; round < 40; round++) {
		struct mx_session *s;
		struct mx_logon *l;
		struct mx_sobj *o[N];
		struct caller c;
		int order[N + 2];

		set_script(&t, NULL);
		s = tu_session(&t, "ann");
		l = tu_logon(s);
		o[0] = tu_folder(l);
		o[1] = tu_contents(o[0]);
		o[2] = tu_message(l);
		o[3] = tu_stream(o[2]);
		o[4] = tu_create(l);
		o[5] = tu_stream(o[4]);
		o[6] = tu_folder(l);
		for (int i = 0; i < 6; i++)
			assert_int_equal(tu_open(&t, o[i]), 0);
		set_script(&t, dead);
		start_call(&c, o[6]);
		wait_held(&t, 1);
		for (int i = 0; i < N + 2; i++)
			order[i] = i;
		for (uint32_t i = N + 1; i > 0; i--) {
			uint32_t k = mx_prng_below(&rnd, i + 1);
			int was = order[i];

			order[i] = order[k];
			order[k] = was;
		}
		for (int i = 0; i < N + 2; i++) {
			if (order[i] < N)
				mx_sobj_unref(order[i] == 6 ? NULL
							    : o[order[i]]);
			else if (order[i] == N)
				mx_logon_unref(l);
			else
				mx_session_unref(s);
		}
		mx_cancel_fire(&c.cancel);
		assert_int_equal(end_call(&c), -ECANCELED);
		mx_sobj_unref(o[6]);
		fake_clear_log(&t.f);
	}
	/* Given up by their deadlines: nothing of ours is left. */
	tu_stop(&t);
}

/* B38: the last release comes from a thread that is not the creator's. */
static void *unref_elsewhere(void *o)
{
	mx_sobj_unref(o);
	return NULL;
}

static void test_B38_last_release_from_another_thread(void **state)
{
	struct tu t;

	tu_start(&t);
	for (int i = 0; i < 50; i++) {
		struct mx_session *s = tu_session(&t, "ann");
		struct mx_logon *l = tu_logon(s);
		struct mx_sobj *folder = tu_folder(l);
		pthread_t th;

		assert_int_equal(tu_open(&t, folder), 0);
		mx_logon_unref(l);
		mx_session_unref(s);
		pthread_create(&th, NULL, unref_elsewhere, folder);
		pthread_join(th, NULL);
		fake_clear_log(&t.f);
	}
	tu_stop(&t);
	assert_int_equal(t.f.n_sessions, 0);
}

/* B5: one user's dead server does not hold another's calls. */
static void test_B5_others_work_while_one_server_is_dead(void **state)
{
	struct tu t;
	struct mx_session *ann, *bob;
	struct mx_logon *la, *lb;
	struct mx_rop_req q = tu_get_props();
	struct caller c;

	tu_start_with(&t, &(struct mx_client_params){.reaper_ms = 50});
	ann = tu_session(&t, "ann");
	bob = tu_session(&t, "bob");
	la = tu_logon(ann);
	lb = tu_logon(bob);
	assert_int_equal(mx_logon_open(la, &t.call), 0);
	set_script(&t, dead_for_ann);
	start_call(&c, mx_logon_sobj(la));
	wait_held(&t, 1);
	for (int i = 0; i < 100; i++)
		assert_int_equal(tu_rop(&t, mx_logon_sobj(lb), &q, NULL), 0);
	mx_session_unref(tu_session(&t, "carl"));
	mx_cancel_fire(&c.cancel);
	assert_int_equal(end_call(&c), -ECANCELED);
	mx_logon_unref(la);
	mx_logon_unref(lb);
	mx_session_unref(ann);
	mx_session_unref(bob);
	tu_stop(&t);
}

/* B33a: the table's answer is in flight when everything goes. */
static void test_B33a_shutdown_while_a_table_is_being_opened(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder, *table;
	struct caller c;
	struct mx_left left;

	tu_start_with(&t, &(struct mx_client_params){.reaper_ms = 50});
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	folder = tu_folder(l);
	table = tu_contents(folder);
	assert_int_equal(tu_open(&t, folder), 0);
	set_script(&t, hold_execute);
	start_call(&c, table);
	wait_held(&t, 1);
	mx_sobj_unref(folder);
	mx_logon_unref(l);
	mx_session_unref(s);
	mx_client_shutdown(t.c, mx_mono_in_ms(20000), &left);
	assert_int_equal(left.sessions, 1); /* the table holds it */
	assert_int_equal(left.contexts, 0);
	assert_int_equal(end_call(&c), -ESHUTDOWN);
	/* What the program still holds is valid memory, and refuses. */
	assert_int_equal(tu_open(&t, table), -ESHUTDOWN);
	mx_sobj_unref(table);
	mx_client_unref(t.c);
	fake_stop(&t.f);
}

static void test_shutdown_says_what_it_leaves_behind(void **state)
{
	struct tu t;
	struct mx_session *s[3];
	struct mx_left left;
	struct mx_session *again = NULL;

	tu_start(&t);
	for (int i = 0; i < 3; i++)
		s[i] = tu_session(&t, "ann");
	set_script(&t, dead);
	mx_session_unref(s[0]);
	assert_int_equal(mx_client_shutdown(t.c, mx_mono_in_ms(100), &left),
			 -ETIMEDOUT);
	assert_int_equal(left.sessions, 2);
	assert_int_equal(left.contexts, 3);
	assert_false(mx_client_alive(t.c));
	assert_int_equal(tu_try_session(&t, "bob", &t.call, &again),
			 -ESHUTDOWN);
	mx_session_unref(s[1]);
	mx_session_unref(s[2]);
	assert_int_equal(mx_client_shutdown(t.c, mx_mono_now(), NULL), 0);
	mx_client_unref(t.c);
	set_script(&t, NULL);
	assert_int_equal(t.f.n_sessions, 3);

	/* B17: whoever comes next sends the old cookies. */
	assert_int_equal(mx_client_new(&t.params, &t.c, &t.fault), 0);
	s[0] = tu_session(&t, "ann");
	assert_int_equal(t.f.n_sessions, 3); /* one ended, one begun */
	mx_session_unref(s[0]);
	tu_stop(&t);
}

/* The reaper: releases go out by themselves when nobody calls. */
static void test_releases_go_out_by_themselves(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder;
	size_t n;

	tu_start_with(&t, &(struct mx_client_params){.release_ms = 1});
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	folder = tu_folder(l);
	assert_int_equal(tu_open(&t, folder), 0);
	n = fake_count(&t.f, "Execute");
	mx_sobj_unref(folder);
	fake_wait_log(&t.f, "Execute", n + 1);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
	assert_int_equal(t.f.n_sessions, 0);
}

static void test_many_releases_do_not_wait_for_the_timer(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *msg[100];
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	size_t n;

	tu_start(&t); /* its timer takes an hour */
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	mx_batch_init(&b);
	for (int i = 0; i < 100; i++) {
		msg[i] = tu_message(l);
		mx_batch_open(&b, msg[i]);
	}
	assert_int_equal(mx_batch_run(&b, &t.call), 0);
	mx_batch_reset(&b);
	n = fake_count(&t.f, "Execute");
	for (int i = 0; i < 100; i++)
		mx_sobj_unref(msg[i]);
	fake_wait_log(&t.f, "Execute", n + 1);
	assert_true(fake_get(&t.f, "Execute", n).background);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

/* B14: closing one connection does not disturb the others. */
static void test_B14_closing_one_leaves_the_others_alone(void **state)
{
	enum { N = 30 };
	struct mx_prng rnd = {.s = 7};
	struct tu t;
	struct mx_session *s[N];
	struct mx_logon *l[N];
	struct mx_rop_req q = tu_get_props();
	char name[16];
	unsigned left = N;

	tu_start(&t);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "user%d", i % 10);
		s[i] = tu_session(&t, name);
		l[i] = tu_logon(s[i]);
	}
	while (left) {
		uint32_t k = mx_prng_below(&rnd, left);

		mx_logon_unref(l[k]);
		mx_session_unref(s[k]);
		left--;
		l[k] = l[left];
		s[k] = s[left];
		for (unsigned i = 0; i < left; i++) {
			uint32_t code = 1;

			assert_int_equal(
				tu_rop(&t, mx_logon_sobj(l[i]), &q, &code), 0);
			assert_int_equal(code, 0);
		}
	}
	tu_stop(&t);
	assert_int_equal(t.f.n_sessions, 0);
}

/* B13: logging one session off touches no other; its own objects refuse. */
static void test_B13_logoff_ends_one_session_only(void **state)
{
	struct tu t;
	struct mx_session *s, *other;
	struct mx_logon *l, *lo;
	struct mx_rop_req q = tu_get_props();
	struct caller c;
	struct mx_sobj *o = NULL;
	struct mx_rop_req open = {.id = MX_ROP_OPEN_FOLDER};

	tu_start(&t);
	s = tu_session(&t, "ann");
	other = tu_session(&t, "ann");
	l = tu_logon(s);
	lo = tu_logon(other);
	assert_int_equal(mx_logon_open(l, &t.call), 0);
	assert_int_equal(mx_logon_open(lo, &t.call), 0);
	set_script(&t, hold_execute);
	start_call(&c, mx_logon_sobj(l));
	wait_held(&t, 1);
	mx_session_logoff(s); /* while a call is in flight: it ends */
	assert_int_equal(end_call(&c), -ESHUTDOWN);
	set_script(&t, NULL);
	assert_int_equal(tu_rop(&t, mx_logon_sobj(l), &q, NULL), -ESHUTDOWN);
	assert_int_equal(mx_sobj_new(mx_logon_sobj(l), &open, &o), -ESHUTDOWN);
	assert_int_equal(tu_rop(&t, mx_logon_sobj(lo), &q, NULL), 0);
	mx_session_logoff(s); /* twice is once */
	mx_logon_unref(l);
	mx_session_unref(s);
	mx_logon_unref(lo);
	mx_session_unref(other);
	tu_stop(&t);
	assert_int_equal(t.f.n_sessions, 0);
}

static void test_a_call_is_cancelled_from_another_thread(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct caller in_flight, waiting;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	assert_int_equal(mx_logon_open(l, &t.call), 0);
	set_script(&t, hold_execute);
	start_call(&in_flight, mx_logon_sobj(l));
	wait_held(&t, 1);
	/* This one waits for its turn behind the first. */
	start_call(&waiting, mx_logon_sobj(l));
	mx_cancel_fire(&waiting.cancel);
	assert_int_equal(end_call(&waiting), -ECANCELED);
	mx_cancel_fire(&in_flight.cancel);
	assert_int_equal(end_call(&in_flight), -ECANCELED);
	set_script(&t, NULL);
	/* The context is connected again and goes on. */
	assert_int_equal(tu_open(&t, mx_logon_sobj(l)), 0);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

static void test_a_turn_is_waited_for_up_to_the_deadline(void **state)
{
	struct tu t;
	struct mx_session *s;
	struct mx_logon *l;
	struct caller c;
	struct mx_rop_req q = tu_get_props();

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	assert_int_equal(mx_logon_open(l, &t.call), 0);
	set_script(&t, hold_execute);
	start_call(&c, mx_logon_sobj(l));
	wait_held(&t, 1);
	t.call.deadline = mx_mono_in_ms(30);
	assert_int_equal(tu_rop(&t, mx_logon_sobj(l), &q, NULL), -ETIMEDOUT);
	assert_string_equal(t.fault.user, "ann");
	fake_let_go(&t.f);
	assert_int_equal(end_call(&c), 0);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

/* B61: idle contexts are kept alive. */
static void test_B61_an_idle_context_is_kept_alive(void **state)
{
	struct tu t;
	struct mx_session *s;

	tu_start(&t);
	t.f.expiration_ms = 400;
	s = tu_session(&t, "ann");
	fake_wait_log(&t.f, "PING", 3);
	assert_string_equal(fake_get(&t.f, "PING", 0).user, "ann");
	mx_session_unref(s);
	tu_stop(&t);
}

/* A Connect that fails leaves nothing: the list is left, its end signalled. */
static void test_a_failed_connect_leaves_nothing(void **state)
{
	struct tu t;
	struct mx_session *s = NULL;
	struct mx_snap snap = MX_SNAP_INIT;
	struct mx_snap_src *src;

	tu_start_with(&t, &(struct mx_client_params){.reaper_ms = 50});
	set_script(&t, dead);
	t.call.deadline = mx_mono_in_ms(50);
	assert_int_equal(tu_try_session(&t, "ann", &t.call, &s), -ETIMEDOUT);
	assert_null(s);
	set_script(&t, NULL);
	assert_int_equal(mx_client_shutdown(t.c, mx_mono_in_ms(20000), NULL),
			 0);
	assert_int_equal(mx_snap_open(tu_path(), &src, NULL), 0);
	assert_int_equal(mx_snap_take(src, &snap), 0);
	assert_int_equal(snap.n_lists, 0);
	assert_int_equal(snap.n_conns, 0);
	mx_snap_fini(&snap);
	mx_snap_close(src);
	mx_client_unref(t.c);
	fake_stop(&t.f);
}

/* The child of a fork has none of it, and sends nothing. */
static void test_a_forked_child_is_inert(void **state)
{
	struct tu t;
	struct mx_session *s, *none = NULL;
	struct mx_logon *l;
	struct mx_sobj *folder;
	struct mx_rop_req q = tu_get_props();
	int status = -1;
	pid_t pid;

	tu_start(&t);
	s = tu_session(&t, "ann");
	l = tu_logon(s);
	folder = tu_folder(l);
	assert_int_equal(tu_open(&t, folder), 0);
	mx_mutex_lock(&s->lock); /* as if another thread were in there */
	pid = fork();
	if (pid == 0) {
		int bad = 0;

		bad |= tu_rop(&t, folder, &q, NULL) != -ESTALE;
		bad |= (mx_logon_open(l, &t.call) != -ESTALE) << 1;
		bad |= mx_client_alive(t.c) << 2;
		bad |= (tu_try_session(&t, "bob", NULL, &none) != -ESTALE) << 3;
		bad |= (mx_client_registry(t.c) != NULL) << 4;
		mx_sobj_unref(folder);
		mx_logon_unref(l);
		mx_session_logoff(s);
		mx_session_unref(s);
		bad |= (mx_client_shutdown(t.c, mx_mono_now(), NULL) != -ESTALE)
		       << 5;
		mx_client_unref(t.c);
		_exit(bad);
	}
	mx_mutex_unlock(&s->lock);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(fake_count(&t.f, NULL), 2);
	assert_int_equal(tu_rop(&t, folder, &q, NULL), 0); /* the parent can */
	mx_sobj_unref(folder);
	mx_logon_unref(l);
	mx_session_unref(s);
	tu_stop(&t);
}

MX_TEST_MAIN(MX_TEST(test_B2_logon_and_release_at_once_many_times),
	     MX_TEST(test_B27_no_order_of_release_waits_for_a_dead_server),
	     MX_TEST(test_B38_last_release_from_another_thread),
	     MX_TEST(test_B5_others_work_while_one_server_is_dead),
	     MX_TEST(test_B33a_shutdown_while_a_table_is_being_opened),
	     MX_TEST(test_shutdown_says_what_it_leaves_behind),
	     MX_TEST(test_releases_go_out_by_themselves),
	     MX_TEST(test_many_releases_do_not_wait_for_the_timer),
	     MX_TEST(test_B14_closing_one_leaves_the_others_alone),
	     MX_TEST(test_B13_logoff_ends_one_session_only),
	     MX_TEST(test_a_call_is_cancelled_from_another_thread),
	     MX_TEST(test_a_turn_is_waited_for_up_to_the_deadline),
	     MX_TEST(test_B61_an_idle_context_is_kept_alive),
	     MX_TEST(test_a_failed_connect_leaves_nothing),
	     MX_TEST(test_a_forked_child_is_inert))
