/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must never be in shared memory (issue 3, section 3): passwords, keys,
 * tickets, tokens, Authorization headers, mail.  Sessions to a real server use
 * unusual ones, and the whole segment is searched for them, as UTF-8, as UTF-16
 * and as Basic encodes them, at each stage of a session's life.  Of what
 * Kerberos gives (a real KDC, test-kdc.h), which is long and made by nobody here,
 * any 31 bytes in a row are found.  What is meant to be there (the user, the
 * server, the session's cookie) is looked for by the same search, and a ticket
 * that is put into a copy, so that it is known to find things.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "front.h"
#include "net/test-kdc.h"
#include "store/dir.h"
#include "tickets.h"
#include "world.h"

#define LOGIN "xaverl"
#define PASSWORD "Quittenbrot-7391-zwoelf"
#define TOKEN "eyJhbGciOiJub25lIn0.Wachtelbohne-5582.c2ln"
#define SUBJECT "Rhabarberkuchen 6647 bestellt"
#define BODY "Der Holunder bluehte 9183 Tage lang."
#define RECIPIENT "trauernde-tanne-2274@mapiary.test"
#define KRB_LOGIN "annegret.kirschbaum@lab.test"
#define KRB_NAME "ann@LAB.TEST"
#define KRB_PASSWORD "Hagebutte-4418-sieben"

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

static void base64(const void *p, size_t n, char *out)
{
	static const char c[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
				"uvwxyz0123456789+/";
	const unsigned char *s = p;

	/* Whole groups only: how the rest ends depends on what follows. */
	for (size_t i = 0; i + 3 <= n; i += 3) {
		unsigned v = (unsigned)s[i] << 16 | (unsigned)s[i + 1] << 8 |
			     (unsigned)s[i + 2];

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

	base64(s, strlen(s), encoded);
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
					    "Bearer ",
					    KRB_PASSWORD,
					    "Negotiate "};
	MX_AUTO(view_fini) struct view v = read_segment();

	for (size_t i = 0; i < MX_ARRAY_SIZE(never); i++)
		must_not_have(&v, never[i], stage);
}

/* A session that lives: who, where, and the cookies that end it. */
static void finds_what_is_there(const char *login, const char *url)
{
	MX_AUTO(view_fini) struct view v = read_segment();

	assert_true(has_text(&v, login));
	assert_true(has_text(&v, url + strlen("http://")));
	assert_true(has_text(&v, "MapiContext="));
}

/* --- Searching for pieces ----------------------------------------------- */

#define PIECE 16

/* Every 16th byte of a secret begins a piece: 31 of its bytes in a row, cut from
 * it wherever, have a whole one among them. */
struct piece {
	unsigned char p[PIECE];
	const char *what;
};

struct pieces {
	struct piece *list; /* sorted */
	size_t n;
	bool begins[65536]; /* first two bytes of any */
};

static void pieces_fini(struct pieces *ps)
{
	free(ps->list);
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, PIECE);
}

static unsigned two(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void add_pieces(struct pieces *ps, const char *what, const void *secret,
		       size_t n)
{
	const unsigned char *p = secret;

	assert_true(n >= PIECE);
	ps->list = realloc(ps->list, (ps->n + n / PIECE) * sizeof(*ps->list));
	assert_non_null(ps->list);
	for (size_t i = 0; i + PIECE <= n; i += PIECE) {
		struct piece *to = &ps->list[ps->n++];

		memcpy(to->p, p + i, PIECE);
		to->what = what;
		ps->begins[two(to->p)] = true;
	}
}

/* As bytes, and as programs write bytes down. */
static void add_shapes(struct pieces *ps, const struct ticket_secret *s)
{
	static const char digits[2][17] = {"0123456789abcdef",
					   "0123456789ABCDEF"};
	char *text = malloc(2 * s->n + 1);

	assert_non_null(text);
	add_pieces(ps, s->what, s->p, s->n);
	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < s->n; i++) {
			text[2 * i] = digits[k][s->p[i] >> 4];
			text[2 * i + 1] = digits[k][s->p[i] & 15];
		}
		add_pieces(ps, s->what, text, 2 * s->n);
	}
	base64(s->p, s->n, text);
	add_pieces(ps, s->what, text, strlen(text));
	free(text);
}

/* A ticket within a token begins at any of base64's three places; the headers
 * have it as it is sent. */
static void take_pieces(struct tickets *t, struct pieces *ps)
{
	MX_AUTO(mx_free_auto) struct ticket_secret *list = NULL;
	size_t n;

	list = tickets_list(t, &n);
	for (size_t i = 0; i < n; i++)
		add_shapes(ps, &list[i]);
	qsort(ps->list, ps->n, sizeof(*ps->list), by_bytes);
}

/* What a piece that is there is of; NULL: there is none. */
static const char *find_piece(const struct pieces *ps, const struct view *v)
{
	for (size_t i = 0; i + PIECE <= v->n; i++) {
		const unsigned char *p = (const unsigned char *)v->p + i;
		const struct piece *found;

		if (!ps->begins[two(p)])
			continue;
		found = bsearch(p, ps->list, ps->n, sizeof(*ps->list),
				by_bytes);
		if (found)
			return found->what;
	}
	return NULL;
}

static void search_tickets(struct tickets *t, const char *stage)
{
	MX_AUTO(pieces_fini) struct pieces ps = {0};
	MX_AUTO(view_fini) struct view v = read_segment();
	const char *what;

	take_pieces(t, &ps);
	what = find_piece(&ps, &v);
	if (what)
		fail_msg("a piece of a %s is in shared memory %s", what, stage);
	search(stage);
}

/* The same search, for what is there and for what is not. */
static void finds_pieces_that_are_there(struct tickets *t)
{
	MX_AUTO(mx_free_auto) struct ticket_secret *list = NULL;
	MX_AUTO(pieces_fini) struct pieces there = {0}, ps = {0};
	MX_AUTO(view_fini) struct view v = read_segment();
	char saved[31];
	size_t n;

	add_pieces(&there, "login", KRB_LOGIN, strlen(KRB_LOGIN));
	assert_string_equal(find_piece(&there, &v), "login");
	take_pieces(t, &ps);
	assert_null(find_piece(&ps, &v));
	list = tickets_list(t, &n);
	for (size_t i = 0; i < n; i++) {
		char *at = v.p + v.n / 3 + 7 * i;

		assert_true(list[i].n > sizeof(saved));
		memcpy(saved, at, sizeof(saved));
		memcpy(at, list[i].p + 1, sizeof(saved));
		if (!find_piece(&ps, &v))
			fail_msg("a piece of a %s was not found", list[i].what);
		memcpy(at, saved, sizeof(saved));
	}
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

static LPMAPISESSION logon_at(const char *url, const char *dn,
			      const MAPIARY_USER_PARAMS *who, HRESULT want)
{
	MAPIARY_CONFIG c = {.cbSize = sizeof(c), .lpszUrl = url};
	LPMAPIARYUSER user = NULL;
	LPMAPISESSION s = NULL;
	HRESULT hr;

	c.lpszMailboxDn = dn;
	ok(MapiaryCreateUser(who, &user));
	hr = MapiaryLogon(user, &c, 0, &s);
	if (hr != want)
		fail_msg("0x%08x %s", (unsigned)hr, MapiaryLastErrorText());
	MapiaryUserRelease(user);
	return s;
}

static LPMAPISESSION logon(struct world *w, const char *dn,
			   const MAPIARY_USER_PARAMS *who, HRESULT want)
{
	return logon_at(mx_server_url(world_server(w)), dn, who, want);
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
	finds_what_is_there(LOGIN, mx_server_url(world_server(w)));
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
	finds_what_is_there(LOGIN, mx_server_url(world_server(w)));
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

static gss_cred_id_t kerberos(void)
{
	if (test_kdc_start()) {
		test_kdc_add_user("ann", KRB_PASSWORD);
		test_kdc_add_service("HTTP/127.0.0.1");
	}
	return test_kdc_acquire("ann", KRB_PASSWORD);
}

/* What the searches go through is what was sent: each token has the service
 * ticket of the credential in it. */
static void check_what_was_sent(struct tickets *t)
{
	MX_AUTO(mx_free_auto) struct ticket_secret *list = NULL;
	const struct ticket_secret *ticket = NULL;
	unsigned taken, refused;
	size_t n;

	tickets_count(t, KRB_NAME, &taken, &refused);
	assert_true(taken > 5);
	assert_int_equal(refused, 0);
	list = tickets_list(t, &n);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i].what, TICKET_SERVICE))
			ticket = &list[i];
	assert_non_null(ticket);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i].what, TICKET_TOKEN))
			assert_non_null(memmem(list[i].p, list[i].n, ticket->p,
					       ticket->n));
}

static void test_no_ticket_is_ever_in_shared_memory(void **state)
{
	gss_cred_id_t cred = kerberos();
	MAPIARY_USER_PARAMS who = {.cbSize = sizeof(who),
				   .ulAuth = MAPIARY_AUTH_GSS,
				   .lpszLogin = KRB_LOGIN,
				   .lpvContext = cred};
	struct tickets *t = tickets_new(LOGIN, PASSWORD);
	struct world *w = world_new(1);
	struct front *f =
		front_new(mx_server_port(world_server(w)), tickets_take, t);
	LPMAPIADVISESINK sink = NULL;
	LPMAPIFOLDER inbox;
	LPMAPISESSION s;
	LPMESSAGE m;
	LPMDB mdb;
	ULONG_PTR key = 0;
	unsigned events = 0;
	OM_uint32 minor;
	char dn[300];

	add_user(w, dn, sizeof(dn));
	tickets_of(t, cred);
	s = logon_at(front_url(f), dn, &who, S_OK);
	tickets_of(t, cred);
	search_tickets(t, "after logon");
	mdb = world_store(s, 0);
	inbox = world_inbox(mdb, 0);
	ok(HrAllocAdviseSink(on_event, &events, &sink));
	ok(IMsgStore_Advise(mdb, 0, NULL, fnevObjectCreated, sink, &key));
	m = write_mail(inbox);
	while (!__atomic_load_n(&events, __ATOMIC_RELAXED))
		sched_yield();
	search_tickets(t, "with mail open");
	finds_what_is_there(KRB_LOGIN, front_url(f));
	finds_pieces_that_are_there(t);
	check_what_was_sent(t);
	/* The server itself takes no tickets: it is sent one all the same. */
	tickets_pass_on(t, true);
	logon_at(front_url(f), dn, &who, MAPI_E_LOGON_FAILED);
	tickets_pass_on(t, false);
	search_tickets(t, "after a ticket was refused");

	IMAPIAdviseSink_Release(sink);
	IMessage_Release(m);
	IMAPIFolder_Release(inbox);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	search_tickets(t, "after release");
	world_uninitialize(w);
	search_tickets(t, "after MAPIUninitialize");
	front_free(f);
	world_free(w);
	tickets_free(t);
	gss_release_cred(&minor, &cred);
}

MX_TEST_MAIN(MX_TEST_IN(test_no_secret_is_ever_in_shared_memory, 120),
	     MX_TEST_IN(test_no_ticket_is_ever_in_shared_memory, 120))
