/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes wrong on the way, as a program sees it: results, and sentences that
 * name user, server, operation and code.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/lock.h"
#include "gate.h"
#include "world.h"

static void text_has(const char *what)
{
	if (!strstr(MapiaryLastErrorText(), what))
		fail_msg("\"%s\" is not in: %s", what, MapiaryLastErrorText());
}

static LPMAPISESSION logon_with(struct world *w, MAPIARY_CONFIG *c)
{
	LPMAPISESSION s = NULL;

	ok(MapiaryLogon(world_user(w, 0), c, 0, &s));
	return s;
}

static void logon_fails(LPMAPIARYUSER u, const MAPIARY_CONFIG *c, HRESULT want)
{
	LPMAPISESSION s = NULL;
	HRESULT hr = MapiaryLogon(u, c, 0, &s);

	if (hr != want)
		fail_msg("0x%08x instead of 0x%08x: %s", (unsigned)hr,
			 (unsigned)want, MapiaryLastErrorText());
	assert_null(s);
}

static LPMAPIARYUSER someone(const char *name, const char *password)
{
	MAPIARY_USER_PARAMS who = {.cbSize = sizeof(who)};
	LPMAPIARYUSER u = NULL;

	who.lpszLogin = name;
	who.lpszPassword = password;
	ok(MapiaryCreateUser(&who, &u));
	return u;
}

/* "127.0.0.1:port", as errors name the server. */
static const char *server_of(const MAPIARY_CONFIG *c)
{
	return strstr(c->lpszUrl, "://") + 3;
}

static void test_refused_users_are_named_with_server_and_code(void **state)
{
	struct world *w = world_new(1);
	LPMAPIARYUSER wrong = someone("u0", "wrong");
	LPMAPIARYUSER nobody = someone("nobody", "secret-0");
	MAPIARY_CONFIG c;

	world_config(w, 0, &c);
	logon_fails(wrong, &c, MAPI_E_LOGON_FAILED);
	text_has("u0");
	text_has(server_of(&c));
	text_has("Connect");
	text_has("401");
	logon_fails(nobody, &c, MAPI_E_LOGON_FAILED);
	text_has("nobody");
	text_has(server_of(&c));
	text_has("Connect");
	text_has("401");
	MapiaryUserRelease(wrong);
	MapiaryUserRelease(nobody);
	world_free(w);
}

/* A port that was free a moment ago and is not given out again meanwhile. */
static int closed_port(unsigned *ret)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* bound and not listening: connections are refused */
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	getsockname(fd, (struct sockaddr *)&a, &n);
	*ret = ntohs(a.sin_port);
	return fd;
}

static void test_unreachable_and_unresolvable_are_told_apart(void **state)
{
	struct world *w = world_new(1);
	MAPIARY_CONFIG c;
	char url[64], server[64];
	unsigned port;
	int fd = closed_port(&port);

	world_config(w, 0, &c);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
	snprintf(server, sizeof(server), "127.0.0.1:%u", port);
	c.lpszUrl = url;
	logon_fails(world_user(w, 0), &c, MAPI_E_NETWORK_ERROR);
	text_has("u0");
	text_has(server);
	text_has("Connect");
	text_has("nothing listens");

	/* RFC 6761: never a name */
	c.lpszUrl = "https://mail.invalid";
	logon_fails(world_user(w, 0), &c, MAPI_E_NETWORK_ERROR);
	text_has("u0");
	text_has("mail.invalid:443");
	text_has("Connect");
	close(fd);
	world_free(w);
}

/* The session's own deadlines, not those of the process: the sentence tells
 * which one it was. */
static void test_silence_ends_by_the_deadline_of_its_session(void **state)
{
	struct world_opts opts = {.n_users = 1, .gate = true};
	struct world *w = world_new_with(&opts);
	LPMAPISESSION s;
	LPSPropValue v = NULL;
	LPMAPIFOLDER inbox;
	LPMAPIERROR err = NULL;
	MAPIARY_CONFIG c;
	LPMDB mdb;

	world_config(w, 0, &c);
	c.ulIdleDeadline = 210;
	gate_set(world_gate(w), GATE_SILENT);
	logon_fails(world_user(w, 0), &c, MAPI_E_NETWORK_ERROR);
	text_has("u0");
	text_has(server_of(&c));
	text_has("Connect");
	text_has("nothing came for 210 ms");

	gate_set(world_gate(w), GATE_OPEN);
	c.ulIdleDeadline = 20000;
	s = logon_with(w, &c);
	mdb = world_store(s, 0);
	inbox = world_inbox(mdb, 0);
	gate_set(world_gate(w), GATE_SILENT);
	ok(MapiarySetDeadlines(s, 220, 0));
	assert_int_equal(HrGetOneProp((LPMAPIPROP)inbox, PR_DISPLAY_NAME, &v),
			 MAPI_E_NETWORK_ERROR);
	text_has("nothing came for 220 ms");
	ok(IMAPIFolder_GetLastError(inbox, MAPI_E_NETWORK_ERROR, 0, &err));
	assert_non_null(err);
	assert_non_null(strstr((char *)err->lpszError, "220 ms"));
	assert_non_null(strstr((char *)err->lpszError, "u0"));
	assert_non_null(strstr((char *)err->lpszError, server_of(&c)));
	assert_non_null(strstr((char *)err->lpszError, "Execute"));
	MAPIFreeBuffer(err);

	/* not silent any more, and it works again */
	gate_set(world_gate(w), GATE_OPEN);
	ok(MapiarySetDeadlines(s, 20000, 0));
	ok(HrGetOneProp((LPMAPIPROP)inbox, PR_DISPLAY_NAME, &v));
	MAPIFreeBuffer(v);
	IMAPIFolder_Release(inbox);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	world_free(w);
}

static void test_total_deadline_of_a_session_ends_its_calls(void **state)
{
	struct world_opts opts = {.n_users = 1, .gate = true};
	struct world *w = world_new_with(&opts);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0);
	LPMAPIFOLDER inbox = world_inbox(mdb, 0);
	LPSPropValue v = NULL;

	gate_set(world_gate(w), GATE_SILENT);
	ok(MapiarySetDeadlines(s, 0, 230));
	assert_int_equal(HrGetOneProp((LPMAPIPROP)inbox, PR_DISPLAY_NAME, &v),
			 MAPI_E_NETWORK_ERROR);
	text_has("not done within");
	IMAPIFolder_Release(inbox);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	gate_set(world_gate(w), GATE_OPEN);
	world_free(w);
}

/* Two sessions of one process, each with its own trusted roots. */
static void test_tls_trusts_what_the_configuration_says(void **state)
{
	struct world_opts opts = {.n_users = 1, .tls = true};
	struct world *w = world_new_with(&opts);
	LPMAPISESSION s;
	MAPIARY_CONFIG c;
	LPMAPIFOLDER inbox;
	LPMDB mdb;

	world_config(w, 0, &c);
	assert_memory_equal(c.lpszUrl, "https://", 8);
	logon_fails(world_user(w, 0), &c, MAPI_E_NETWORK_ERROR);
	text_has("u0");
	text_has(server_of(&c));
	text_has("Connect");
	text_has("certificate");
	c.lpszCaFile = world_ca(w);
	s = logon_with(w, &c);
	mdb = world_store(s, 0);
	inbox = world_inbox(mdb, 0);
	IMAPIFolder_Release(inbox);
	/* the next configuration does not inherit it */
	c.lpszCaFile = NULL;
	logon_fails(world_user(w, 0), &c, MAPI_E_NETWORK_ERROR);
	text_has("certificate");
	c.lpszCaFile = "/nonexistent/ca.pem";
	logon_fails(world_user(w, 0), &c, MAPI_E_NETWORK_ERROR);
	text_has("/nonexistent/ca.pem");
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	world_free(w);
}

/* The gate sees what a proxy would: the session's traffic. */
static void test_proxy_of_the_configuration_is_used(void **state)
{
	struct world_opts opts = {.n_users = 1, .gate = true};
	struct world *w = world_new_with(&opts);
	MAPIARY_CONFIG c;

	world_config(w, 0, &c);
	c.lpszProxy = c.lpszUrl;
	c.lpszUrl = "https://mail.invalid";
	c.ulIdleDeadline = 200;
	gate_set(world_gate(w), GATE_SILENT);
	logon_fails(world_user(w, 0), &c, MAPI_E_NETWORK_ERROR);
	text_has("200 ms");
	gate_wait_swallowed(world_gate(w), NULL, 1);
	c.lpszProxy = "not a url";
	logon_fails(world_user(w, 0), &c, MAPI_E_INVALID_PARAMETER);
	text_has("proxy");
	gate_set(world_gate(w), GATE_OPEN);
	world_free(w);
}

struct caller {
	LPMAPIFOLDER folder;
	struct mx_mutex lock;
	struct mx_cond told;
	ULONG_PTR token;
	bool end;
	HRESULT hr;
	char text[300];
};

static void *call(void *arg)
{
	struct caller *c = arg;
	LPSPropValue v = NULL;

	mx_mutex_lock(&c->lock);
	c->token = MapiaryThreadToken();
	mx_cond_broadcast(&c->told);
	mx_mutex_unlock(&c->lock);
	c->hr = HrGetOneProp((LPMAPIPROP)c->folder, PR_DISPLAY_NAME, &v);
	snprintf(c->text, sizeof(c->text), "%s", MapiaryLastErrorText());
	MAPIFreeBuffer(v);
	mx_mutex_lock(&c->lock);
	while (!c->end)
		mx_cond_wait(&c->told, &c->lock, mx_mono_in_ms(1000));
	mx_mutex_unlock(&c->lock);
	return NULL;
}

static void test_cancel_ends_a_call_that_a_silent_server_holds(void **state)
{
	struct world_opts opts = {.n_users = 1, .gate = true};
	struct world *w = world_new_with(&opts);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0);
	struct caller c = {.lock = MX_MUTEX_INIT};
	LPSPropValue v = NULL;
	pthread_t thread;

	/* far beyond the deadline of this case */
	ok(MapiarySetDeadlines(s, 3600000, 3600000));
	c.folder = world_inbox(mdb, 0);
	mx_cond_init(&c.told);
	gate_set(world_gate(w), GATE_SILENT);
	assert_int_equal(pthread_create(&thread, NULL, call, &c), 0);
	gate_wait_swallowed(world_gate(w), "Execute", 1);
	mx_mutex_lock(&c.lock);
	while (!c.token)
		mx_cond_wait(&c.told, &c.lock, mx_mono_in_ms(1000));
	mx_mutex_unlock(&c.lock);
	ok(MapiaryCancelThread(c.token));
	/* no longer in a call, at some time: then there is nothing to end */
	while (MapiaryCancelThread(c.token) == S_OK)
		sched_yield();
	assert_int_equal(MapiaryCancelThread(c.token), MAPI_E_NOT_FOUND);
	mx_mutex_lock(&c.lock);
	c.end = true;
	mx_cond_broadcast(&c.told);
	mx_mutex_unlock(&c.lock);
	pthread_join(thread, NULL);
	assert_int_equal(c.hr, MAPI_E_USER_CANCEL);
	assert_non_null(strstr(c.text, "cancelled"));
	assert_int_equal(MapiaryCancelThread(c.token), MAPI_E_NOT_FOUND);

	gate_set(world_gate(w), GATE_OPEN);
	ok(HrGetOneProp((LPMAPIPROP)c.folder, PR_DISPLAY_NAME, &v));
	MAPIFreeBuffer(v);
	IMAPIFolder_Release(c.folder);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	mx_cond_fini(&c.told);
	world_free(w);
}

MX_TEST_MAIN(MX_TEST(test_refused_users_are_named_with_server_and_code),
	     MX_TEST(test_unreachable_and_unresolvable_are_told_apart),
	     MX_TEST(test_silence_ends_by_the_deadline_of_its_session),
	     MX_TEST(test_total_deadline_of_a_session_ends_its_calls),
	     MX_TEST(test_tls_trusts_what_the_configuration_says),
	     MX_TEST(test_proxy_of_the_configuration_is_used),
	     MX_TEST(test_cancel_ends_a_call_that_a_silent_server_holds))
