/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must never be in shared memory: passwords, tokens, Authorization headers,
 * mail.  Sessions to a real server use unusual ones, and the whole segment is
 * searched for them, as UTF-8, as UTF-16 and as Basic encodes them, at each stage
 * of a session's life.  What is meant to be there (the user, the server, the
 * session's cookie) is looked for by the same search, so that it is known to
 * find things.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "store/dir.h"
#include "world.h"

#define LOGIN "xaverl"
#define PASSWORD "Quittenbrot-7391-zwoelf"
#define TOKEN "eyJhbGciOiJub25lIn0.Wachtelbohne-5582.c2ln"
#define SUBJECT "Rhabarberkuchen 6647 bestellt"
#define BODY "Der Holunder bluehte 9183 Tage lang."
#define RECIPIENT "trauernde-tanne-2274@mapiary.test"

/* --- Searching ---------------------------------------------------------- */

struct view {
	char *p;
	size_t n;
};

static void view_fini(struct view *v)
{
	free(v->p);
}

#define PAGE 4096

static bool is_empty(const char *page)
{
	static const char zeros[PAGE];

	return !memcmp(page, zeros, PAGE);
}

/* All of it but the pages that hold nothing: nothing we look for can lie
 * across one. */
static struct view read_segment(void)
{
	int fd = open(getenv("MAPIARY_SEGMENT"), O_RDONLY | O_CLOEXEC);
	struct view v = {0};
	char page[PAGE];

	assert_true(fd >= 0);
	v.p = malloc(64u << 20);
	assert_non_null(v.p);
	while (read(fd, page, PAGE) == PAGE)
		if (!is_empty(page)) {
			assert_true(v.n + PAGE <= 64u << 20);
			memcpy(v.p + v.n, page, PAGE);
			v.n += PAGE;
		}
	close(fd);
	assert_true(v.n >= PAGE);
	return v;
}

static bool has(const struct view *v, const void *what, size_t n)
{
	return memmem(v->p, v->n, what, n) != NULL;
}

static bool has_text(const struct view *v, const char *s)
{
	return has(v, s, strlen(s));
}

static bool has_wide(const struct view *v, const char *s)
{
	char wide[400];
	size_t n = strlen(s);

	assert_true(2 * n <= sizeof(wide));
	for (size_t i = 0; i < n; i++) {
		wide[2 * i] = s[i];
		wide[2 * i + 1] = '\0';
	}
	return has(v, wide, 2 * n);
}

static void base64(const char *s, char *out)
{
	static const char c[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
				"uvwxyz0123456789+/";
	size_t n = strlen(s);

	/* Whole groups only: how the rest ends depends on what follows. */
	for (size_t i = 0; i + 3 <= n; i += 3) {
		unsigned v = (unsigned)(unsigned char)s[i] << 16 |
			     (unsigned)(unsigned char)s[i + 1] << 8 |
			     (unsigned)(unsigned char)s[i + 2];

		for (int k = 18; k >= 0; k -= 6)
			*out++ = c[v >> k & 63];
	}
	*out = '\0';
}

/* In every shape in which it goes over the wire or through memory. */
static void must_not_have(const struct view *v, const char *s,
			  const char *stage)
{
	char encoded[400];

	base64(s, encoded);
	if (has_text(v, s) || has_wide(v, s) || has_text(v, encoded))
		fail_msg("%s is in shared memory %s", s, stage);
}

static void search(const char *stage)
{
	static const char *const never[] = {PASSWORD,
					    LOGIN ":" PASSWORD,
					    TOKEN,
					    SUBJECT,
					    BODY,
					    RECIPIENT,
					    "secret-0",
					    "u0:secret-0",
					    "Authorization",
					    "Basic ",
					    "Bearer "};
	MX_AUTO(view_fini) struct view v = read_segment();

	for (size_t i = 0; i < MX_ARRAY_SIZE(never); i++)
		must_not_have(&v, never[i], stage);
}

/* A session that lives: who, where, and the cookies that end it. */
static void finds_what_is_there(struct world *w)
{
	MX_AUTO(view_fini) struct view v = read_segment();
	char server[64];

	assert_true(has_text(&v, LOGIN));
	snprintf(server, sizeof(server), "127.0.0.1:%u",
		 (unsigned)mx_server_port(world_server(w)));
	assert_true(has_text(&v, server));
	assert_true(has_text(&v, "MapiContext="));
}

/* --- What is done meanwhile --------------------------------------------- */

static void add_user(struct world *w, char *ret_dn, size_t n)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	struct mx_user row = {.name = LOGIN}, got;

	assert_int_equal(mx_dir_add(mx_server_store(world_server(w)), &row,
				    PASSWORD, &a, &got),
			 0);
	snprintf(ret_dn, n, "%s", got.dn);
}

static LPMAPISESSION logon(struct world *w, const char *dn,
			   const MAPIARY_USER_PARAMS *who, HRESULT want)
{
	MAPIARY_CONFIG c;
	LPMAPIARYUSER user = NULL;
	LPMAPISESSION s = NULL;
	HRESULT hr;

	world_config(w, 0, &c);
	c.lpszMailboxDn = dn;
	ok(MapiaryCreateUser(who, &user));
	hr = MapiaryLogon(user, &c, 0, &s);
	if (hr != want)
		fail_msg("0x%08x %s", (unsigned)hr, MapiaryLastErrorText());
	MapiaryUserRelease(user);
	return s;
}

static HRESULT STDAPICALLTYPE token(LPVOID context, LPCSTR server, LPSTR buf,
				    ULONG n)
{
	search("while a token is asked for");
	snprintf(buf, n, "%s", TOKEN);
	return S_OK;
}

static LONG STDAPICALLTYPE on_event(LPVOID context, ULONG n, LPNOTIFICATION v)
{
	__atomic_add_fetch((unsigned *)context, n, __ATOMIC_RELAXED);
	return 0;
}

static LPMESSAGE write_mail(LPMAPIFOLDER inbox)
{
	LPMESSAGE m = put_message(inbox, SUBJECT, BODY);
	SizedADRLIST(1, list) = {.cEntries = 1};
	SPropValue v[3] = {
		{.ulPropTag = PR_RECIPIENT_TYPE, .Value.l = MAPI_TO},
		{.ulPropTag = PR_DISPLAY_NAME_A,
		 .Value.lpszA = (LPSTR)RECIPIENT},
		{.ulPropTag = PR_EMAIL_ADDRESS_A,
		 .Value.lpszA = (LPSTR)RECIPIENT},
	};

	list.aEntries[0].cValues = 3;
	list.aEntries[0].rgPropVals = v;
	ok(IMessage_ModifyRecipients(m, MODRECIP_ADD,
				     (LPADRLIST)(void *)&list));
	ok(IMessage_SaveChanges(m, KEEP_OPEN_READWRITE));
	return m;
}

/* A search by subject, too: restrictions carry text. */
static void find_mail(LPMAPIFOLDER inbox)
{
	SPropValue v = {.ulPropTag = PR_SUBJECT_A,
			.Value.lpszA = (LPSTR)SUBJECT};
	SRestriction r = {.rt = RES_PROPERTY};
	LPMAPITABLE t = NULL;
	ULONG n = 0;

	r.res.resProperty.relop = RELOP_EQ;
	r.res.resProperty.ulPropTag = PR_SUBJECT_A;
	r.res.resProperty.lpProp = &v;
	ok(IMAPIFolder_GetContentsTable(inbox, 0, &t));
	ok(IMAPITable_Restrict(t, &r, 0));
	ok(IMAPITable_GetRowCount(t, 0, &n));
	assert_int_equal(n, 1);
	IMAPITable_Release(t);
}

static void test_no_secret_is_ever_in_shared_memory(void **state)
{
	MAPIARY_USER_PARAMS who = {.cbSize = sizeof(who),
				   .lpszLogin = LOGIN,
				   .lpszPassword = PASSWORD};
	MAPIARY_USER_PARAMS bearer = {.cbSize = sizeof(bearer),
				      .ulAuth = MAPIARY_AUTH_BEARER,
				      .lpszLogin = LOGIN,
				      .lpfnSecret = token};
	struct world *w = world_new(1);
	LPMAPIADVISESINK sink = NULL;
	LPMAPISESSION s, other;
	LPMAPIFOLDER inbox;
	LPMESSAGE m;
	ULONG_PTR key = 0;
	unsigned events = 0;
	char dn[300], *text;
	LPMDB mdb;

	add_user(w, dn, sizeof(dn));
	other = world_logon(w, 0);
	s = logon(w, dn, &who, S_OK);
	search("after logon");
	finds_what_is_there(w);
	mdb = world_store(s, 0);
	inbox = world_inbox(mdb, 0);
	ok(HrAllocAdviseSink(on_event, &events, &sink));
	ok(IMsgStore_Advise(mdb, 0, NULL, fnevObjectCreated, sink, &key));
	m = write_mail(inbox);
	while (!__atomic_load_n(&events, __ATOMIC_RELAXED))
		sched_yield();
	find_mail(inbox);
	text = get_text((LPMAPIPROP)(void *)m, PR_SUBJECT_A);
	assert_string_equal(text, SUBJECT);
	MAPIFreeBuffer(text);
	search("with mail open");
	finds_what_is_there(w);
	/* This server takes no tokens: it was sent one all the same. */
	logon(w, dn, &bearer, MAPI_E_LOGON_FAILED);
	search("after a token was sent");

	ok(IMsgStore_Unadvise(mdb, key));
	IMAPIAdviseSink_Release(sink);
	IMessage_Release(m);
	IMAPIFolder_Release(inbox);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	search("after release");
	IMAPISession_Release(other);
	world_uninitialize(w);
	search("after MAPIUninitialize");
	world_free(w);
}

MX_TEST_MAIN(MX_TEST_IN(test_no_secret_is_ever_in_shared_memory, 120))
