/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/userctx.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/test.h"

#define USER 54321

static struct mx_userctx *make(const char *sid, const char *login)
{
	struct mx_userctx_params p = {
		.login = login, .auth = MX_AUTH_PASSWORD, .password = "pw"};
	struct mx_userctx *ctx = NULL;

	assert_int_equal(mx_sid_parse(sid, &p.sid), 0);
	assert_int_equal(mx_userctx_new(&p, &ctx), 0);
	return ctx;
}

static void on_thread(void *(*fn)(void *), void *arg)
{
	pthread_t id;

	assert_int_equal(pthread_create(&id, NULL, fn, arg), 0);
	assert_int_equal(pthread_join(id, NULL), 0);
}

static void test_a_context_says_who(void **state)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *a = NULL;
	struct mx_userctx_params p = {.sid = mx_sid_unix(5)};
	MX_AUTO(mx_userctx_auto) struct mx_userctx *b = NULL;

	a = make("S-1-5-21-1-2-3-4", "ann@example.org");
	assert_string_equal(mx_userctx_sid_text(a), "S-1-5-21-1-2-3-4");
	assert_string_equal(mx_userctx_login(a), "ann@example.org");
	assert_string_equal(mx_userctx_display(a), "ann@example.org");
	assert_int_equal(mx_userctx_auth(a), MX_AUTH_PASSWORD);
	assert_int_equal(mx_userctx_new(&p, &b), 0);
	assert_string_equal(mx_userctx_display(b), "S-1-22-1-5");
	assert_null(mx_userctx_login(b));
}

static void test_incomplete_contexts_are_refused(void **state)
{
	struct mx_userctx *ctx = NULL;
	struct mx_userctx_params p = {.auth = MX_AUTH_NONE};

	assert_int_equal(mx_userctx_new(&p, &ctx), -EINVAL); /* no SID */
	p.sid = mx_sid_unix(5);
	p.auth = MX_AUTH_PASSWORD;
	assert_int_equal(mx_userctx_new(&p, &ctx), -EINVAL);
	p.auth = MX_AUTH_BEARER;
	assert_int_equal(mx_userctx_new(&p, &ctx), -EINVAL);
	p.auth = MX_AUTH_GSS;
	assert_int_equal(mx_userctx_new(&p, &ctx), -EINVAL);
	assert_null(ctx);
}

struct asked {
	int calls, freed;
	int answer;
	char server[64];
};

static int ask(void *arg, const char *server, struct mx_secret *ret)
{
	struct asked *a = arg;

	a->calls++;
	snprintf(a->server, sizeof(a->server), "%s", server);
	return a->answer ? a->answer : mx_secret_set(ret, "from callback");
}

static void asked_free(void *arg)
{
	((struct asked *)arg)->freed++;
}

static void test_secrets_come_from_where_they_should(void **state)
{
	struct asked a = {0};
	struct mx_userctx_params p = {.sid = mx_sid_unix(5),
				      .auth = MX_AUTH_BEARER,
				      .secret = ask,
				      .arg = &a,
				      .free_arg = asked_free};
	MX_AUTO(mx_userctx_auto) struct mx_userctx *fixed = NULL;
	MX_AUTO(mx_secret_auto) struct mx_secret s = MX_SECRET_INIT;
	struct mx_userctx *ctx = NULL;

	fixed = make("S-1-5-18", "x");
	assert_int_equal(mx_userctx_secret(fixed, "h:1", &s), 0);
	assert_string_equal(s.p, "pw");
	assert_int_equal(mx_userctx_new(&p, &ctx), 0);
	assert_int_equal(mx_userctx_secret(ctx, "h:443", &s), 0);
	assert_string_equal(s.p, "from callback");
	assert_string_equal(a.server, "h:443");
	a.answer = -ECANCELED;
	assert_int_equal(mx_userctx_secret(ctx, "h:443", &s), -ECANCELED);
	assert_int_equal(a.freed, 0);
	mx_userctx_unref(mx_userctx_ref(ctx));
	mx_userctx_unref(ctx);
	assert_int_equal(a.freed, 1);
}

static void test_other_kinds_have_no_secret(void **state)
{
	int cred = 0;
	struct mx_userctx_params p = {
		.sid = mx_sid_unix(5), .auth = MX_AUTH_GSS, .arg = &cred};
	MX_AUTO(mx_userctx_auto) struct mx_userctx *ctx = NULL;
	struct mx_secret s = MX_SECRET_INIT;

	assert_int_equal(mx_userctx_new(&p, &ctx), 0);
	assert_int_equal(mx_userctx_secret(ctx, "h", &s), -ENOTSUP);
	assert_ptr_equal(mx_userctx_gss(ctx), &cred);
}

/* Stands in front of the C library's, for the library under test too. */
static const void *wiped;
static size_t n_wiped;

void explicit_bzero(void *p, size_t n)
{
	volatile char *c = p;

	wiped = p;
	n_wiped = n;
	while (n--)
		*c++ = 0;
}

static void test_secrets_are_wiped_before_they_are_freed(void **state)
{
	struct mx_secret s = MX_SECRET_INIT;
	const void *was;
	struct mx_userctx *ctx;

	assert_int_equal(mx_secret_set(&s, "hunter2"), 0);
	was = s.p;
	assert_int_equal(mx_secret_set(&s, "other"), 0);
	assert_ptr_equal(wiped, was);
	assert_int_equal(n_wiped, 7);
	was = s.p;
	mx_secret_fini(&s);
	assert_ptr_equal(wiped, was);
	assert_int_equal(n_wiped, 5);
	assert_null(s.p);
	mx_secret_fini(&s); /* twice is harmless */
	ctx = make("S-1-5-18", "x");
	mx_userctx_unref(ctx);
	assert_int_equal(n_wiped, 2); /* "pw" */
}

static void test_the_stack_nests(void **state)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *a = NULL;
	MX_AUTO(mx_userctx_auto) struct mx_userctx *b = NULL;

	a = make("S-1-5-18", "a");
	b = make("S-1-5-19", "b");
	assert_int_equal(mx_userctx_pop(), -ENOENT);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(mx_userctx_push(a), 0);
		assert_int_equal(mx_userctx_push(b), 0);
		assert_ptr_equal(mx_userctx_top(), b);
	}
	for (int i = 0; i < 50; i++) {
		assert_int_equal(mx_userctx_pop(), 0);
		assert_ptr_equal(mx_userctx_top(), a);
		assert_int_equal(mx_userctx_pop(), 0);
	}
	assert_null(mx_userctx_top());
	assert_int_equal(mx_userctx_pop(), -ENOENT);
}

static void test_the_stack_has_an_end(void **state)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *a = make("S-1-5-18", "a");
	int n = 0;

	while (!mx_userctx_push(a))
		n++;
	assert_int_equal(n, 1000);
	assert_int_equal(mx_userctx_push(a), -E2BIG);
	while (n--)
		assert_int_equal(mx_userctx_pop(), 0);
}

static void *push_and_end(void *p)
{
	mx_userctx_push(p);
	mx_userctx_push(p);
	return mx_userctx_top();
}

static void *top(void *p)
{
	*(struct mx_userctx **)p = mx_userctx_top();
	return NULL;
}

static void test_stacks_are_per_thread_and_end_with_it(void **state)
{
	struct asked a = {0};
	struct mx_userctx_params p = {.sid = mx_sid_unix(5),
				      .auth = MX_AUTH_BEARER,
				      .secret = ask,
				      .arg = &a,
				      .free_arg = asked_free};
	struct mx_userctx *ctx = NULL, *seen = (void *)&a;

	assert_int_equal(mx_userctx_new(&p, &ctx), 0);
	assert_int_equal(mx_userctx_push(ctx), 0);
	on_thread(top, &seen);
	assert_null(seen); /* not inherited by a new thread */
	on_thread(push_and_end, ctx);
	assert_int_equal(mx_userctx_pop(), 0);
	assert_int_equal(a.freed, 0);
	mx_userctx_unref(ctx);
	assert_int_equal(a.freed, 1); /* the ended thread kept none */
}

static void test_capture_prefers_the_stack(void **state)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *a = make("S-1-5-18", "a");
	MX_AUTO(mx_userctx_auto) struct mx_userctx *p = make("S-1-5-19", "p");
	MX_AUTO(mx_userctx_auto) struct mx_userctx *got = NULL;

	mx_userctx_set_process(p);
	assert_int_equal(mx_userctx_push(a), 0);
	assert_int_equal(mx_userctx_capture(MX_CAPTURE_PROCESS, &got), 0);
	assert_ptr_equal(got, a);
	assert_int_equal(mx_userctx_pop(), 0);
	mx_userctx_set_process(NULL);
	/* Captured is kept: a value, whatever the thread does now. */
	assert_string_equal(mx_userctx_login(got), "a");
}

/* B47: a logon on a thread that says nothing has a defined result. */
static void test_b47_a_silent_thread_gets_what_is_configured(void **state)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *p = make("S-1-5-19", "p");
	MX_AUTO(mx_userctx_auto) struct mx_userctx *got = NULL;

	assert_int_equal(mx_userctx_capture(MX_CAPTURE_PROCESS, &got), -ENOENT);
	mx_userctx_set_process(p);
	assert_int_equal(mx_userctx_capture(MX_CAPTURE_EXPLICIT, &got),
			 -ENOENT);
	assert_int_equal(mx_userctx_capture(MX_CAPTURE_PROCESS, &got), 0);
	assert_ptr_equal(got, p);
	mx_userctx_set_process(NULL);
}

struct captured {
	struct mx_userctx *ctx;
	int err;
	bool by_fsuid;
};

static void *capture_as_user(void *arg)
{
	struct captured *c = arg;

	if (c->by_fsuid)
		syscall(SYS_setfsuid, USER);
	else if (syscall(SYS_setresuid, -1, USER, -1))
		abort();
	c->err = mx_userctx_capture(MX_CAPTURE_PROCESS, &c->ctx);
	return NULL;
}

static void test_kernel_credentials_find_their_context(void **state)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *p = make("S-1-5-19", "p");
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = make("S-1-5-20", "u");

	if (geteuid() != 0)
		mx_test_skip("needs root to change a thread's user id");
	mx_userctx_set_process(p);
	assert_int_equal(mx_userctx_register(USER, u), 0);
	for (int by_fsuid = 0; by_fsuid < 2; by_fsuid++) {
		struct captured c = {.by_fsuid = by_fsuid};

		on_thread(capture_as_user, &c);
		assert_int_equal(c.err, 0);
		assert_ptr_equal(c.ctx, u);
		mx_userctx_unref(c.ctx);
	}
	assert_int_equal(mx_userctx_register(USER, NULL), 0);
	mx_userctx_set_process(NULL);
}

/* A thread the kernel takes for another user never acts for the process. */
static void test_unknown_kernel_credentials_are_refused(void **state)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *p = make("S-1-5-19", "p");
	struct captured c = {0};

	if (geteuid() != 0)
		mx_test_skip("needs root to change a thread's user id");
	mx_userctx_set_process(p);
	on_thread(capture_as_user, &c);
	assert_int_equal(c.err, -EACCES);
	assert_null(c.ctx);
	mx_userctx_set_process(NULL);
}

static void test_registering_replaces_and_removes(void **state)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *a = make("S-1-5-18", "a");

	for (uid_t uid = 0; uid < 500; uid++)
		assert_int_equal(mx_userctx_register((uid * 7919) % 500, a), 0);
	assert_int_equal(mx_userctx_register(250, a), 0);
	for (uid_t uid = 0; uid < 500; uid++)
		assert_int_equal(mx_userctx_register(uid, NULL), 0);
	assert_int_equal(mx_userctx_register(1, NULL), 0);
}

static void *work(void *p)
{
	struct mx_userctx *ctx = p, *got;

	for (int i = 0; i < 2000; i++) {
		uid_t uid = (uid_t)(i % 17);

		if (mx_userctx_push(ctx) ||
		    mx_userctx_capture(MX_CAPTURE_EXPLICIT, &got))
			return p;
		if (got != ctx)
			return p;
		mx_userctx_unref(got);
		mx_userctx_register(uid, i % 3 ? ctx : NULL);
		mx_userctx_set_process(i % 2 ? ctx : NULL);
		if (mx_userctx_pop() || mx_userctx_top())
			return p;
	}
	return NULL;
}

static void test_threads_do_not_meet(void **state)
{
	struct mx_userctx *ctx[6];
	pthread_t id[6];
	void *bad;

	for (size_t i = 0; i < 6; i++) {
		ctx[i] = make("S-1-5-18", "t");
		assert_int_equal(pthread_create(&id[i], NULL, work, ctx[i]), 0);
	}
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(pthread_join(id[i], &bad), 0);
		assert_null(bad);
	}
	mx_userctx_set_process(NULL);
	for (uid_t uid = 0; uid < 17; uid++)
		mx_userctx_register(uid, NULL);
	for (size_t i = 0; i < 6; i++)
		mx_userctx_unref(ctx[i]);
}

MX_TEST_MAIN(MX_TEST(test_a_context_says_who),
	     MX_TEST(test_incomplete_contexts_are_refused),
	     MX_TEST(test_secrets_come_from_where_they_should),
	     MX_TEST(test_other_kinds_have_no_secret),
	     MX_TEST(test_secrets_are_wiped_before_they_are_freed),
	     MX_TEST(test_the_stack_nests), MX_TEST(test_the_stack_has_an_end),
	     MX_TEST(test_stacks_are_per_thread_and_end_with_it),
	     MX_TEST(test_capture_prefers_the_stack),
	     MX_TEST(test_b47_a_silent_thread_gets_what_is_configured),
	     MX_TEST(test_kernel_credentials_find_their_context),
	     MX_TEST(test_unknown_kernel_credentials_are_refused),
	     MX_TEST(test_registering_replaces_and_removes),
	     MX_TEST(test_threads_do_not_meet))
