/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint: headers, response codes, cookies, who may.
 * [MS-OXCMAPIHTTP] 2.2.2, 2.2.3, 3.2.5 */
#include <string.h>

#include "server/testlib.h"

static struct ts *ts;
static struct tc c;

static void begin(const struct mx_server_params *p)
{
	ts = ts_start(p);
	tc_init(&c, ts, "ann");
}

static void end(void)
{
	tc_fini(&c);
	ts_stop(ts);
}

static unsigned n_contexts(void)
{
	struct mx_server_stats st;

	mx_server_stats(ts->srv, &st);
	return st.contexts;
}

static uint64_t n_hashes(void)
{
	struct mx_server_stats st;

	mx_server_stats(ts->srv, &st);
	return st.hashes;
}

/* Posts an empty body of that type; the X-ResponseCode. */
static int code_of(struct tc *k, const char *type)
{
	struct tr r;
	int code;

	tc_post(k, type, NULL, 0, &r);
	assert_int_equal(r.curl, CURLE_OK);
	code = r.code;
	tr_fini(&r);
	return code;
}

/* An Execute without ROPs; the X-ResponseCode. */
static int execute_code(struct tc *k)
{
	struct tx *x = tx_new(k);
	int code;

	tx_run(x);
	code = x->r.code;
	tx_free(x);
	return code;
}

/* MS-OXCMAPIHTTP_R1219, MS-OXCMAPIHTTP_R1221: Connect makes a session context
 * and sets its cookie; MS-OXCMAPIHTTP_R2224: with the success body. */
static void test_connect_gives_a_context_and_cookies(void **state)
{
	begin(NULL);
	assert_int_equal(tc_connect(&c), 0);
	assert_int_equal(strlen(c.context), 32);
	assert_true(*c.sequence);
	assert_int_equal(n_contexts(), 1);
	tc_disconnect(&c);
	assert_int_equal(n_contexts(), 0);
	end();
}

/* MS-OXCMAPIHTTP_R2040 (X-RequestId), MS-OXCMAPIHTTP_R156 (X-ClientInfo),
 * MS-OXCMAPIHTTP_R164, MS-OXCMAPIHTTP_R165, MS-OXCMAPIHTTP_R167,
 * MS-OXCMAPIHTTP_R1242, MS-OXCMAPIHTTP_R2037, MS-OXCMAPIHTTP_R1345,
 * MS-OXCMAPIHTTP_R169, MS-OXCMAPIHTTP_R171, MS-OXCMAPIHTTP_R1460 */
static void test_every_answer_has_the_headers(void **state)
{
	struct tr r;

	begin(NULL);
	assert_int_equal(tc_connect(&c), 0);
	tc_post(&c, "PING", NULL, 0, &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.code, 0);
	assert_string_equal(tr_header(&r, "X-RequestType"), "PING");
	assert_string_equal(tr_header(&r, "X-RequestId"),
			    "{E2EA6C1C-E61B-49E9-9CFB-38184F907552}:2");
	assert_string_equal(tr_header(&r, "X-ClientInfo"),
			    "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:123");
	assert_string_equal(tr_header(&r, "Content-Type"),
			    "application/mapi-http");
	assert_string_equal(tr_header(&r, "X-PendingPeriod"), "30000");
	assert_string_equal(tr_header(&r, "X-ExpirationInfo"), "900000");
	assert_memory_equal(tr_header(&r, "X-ServerApplication"),
			    "Exchange/15.", 12);
	assert_string_equal(tr_header(&r, "X-DeviceInfo"), "");
	assert_true(r.processing);
	assert_true(r.done);
	assert_non_null(strstr(r.extra, "X-ElapsedTime: "));
	assert_non_null(strstr(r.extra, "X-StartTime: "));
	assert_int_equal(r.body.n, 0);
	assert_true(atoi(tr_header(&r, "Content-Length")) > 0);
	tr_fini(&r);
	end();
}

/* MS-OXCMAPIHTTP_R138, R139, R140, R141, R142, R143, R145, R146, R148, R149,
 * R152; MS-OXCMAPIHTTP_R47: status 200 all the same; MS-OXCMAPIHTTP_R2038:
 * text/html, MS-OXCMAPIHTTP_R56: that says what is wrong. */
static void test_each_response_code_for_its_fault(void **state)
{
	static const struct {
		int code;
		const char *type;
		struct tc how;
		const char *body;
	} cases[] = {
		{2, "Connect", {.method = "GET"}, NULL},
		{3, "Connect", {.path = "/mapi/other"}, NULL},
		{4, "Connect", {.request_id = "17"}, NULL},
		{4, "Connect", {.request_id = "{E2EA6C1C}:1"}, NULL},
		{4, "Connect", {.content_type = "text/plain"}, NULL},
		{5, "Conect", {0}, NULL},
		{5, "Bind", {0}, NULL},
		{6, "Execute", {.cookie = "MapiContext=no-cookie"}, NULL},
		{7, "Connect", {.no_type = true}, NULL},
		{7, "Connect", {.no_request_id = true}, NULL},
		{7, "Connect", {.no_content_type = true}, NULL},
		{10,
		 "Execute",
		 {.cookie = "MapiContext=0123456789abcdef0123456789abcdef"},
		 NULL},
		{10,
		 "PING",
		 {.cookie = "MapiContext=0123456789abcdef0123456789abcdef"},
		 NULL},
		{12, "Connect", {0}, "garbage"},
		{13, "Execute", {0}, NULL},
		{13, "NotificationWait", {0}, NULL},
		{13, "Disconnect", {0}, NULL},
		{16, "Bind", {.path = "/mapi/nspi/"}, NULL},
	};
	struct tr r;

	begin(NULL);
	for (size_t i = 0; i < MX_ARRAY_SIZE(cases); i++) {
		struct tc k = cases[i].how;

		k.ts = ts;
		k.curl = c.curl;
		strcpy(k.user, c.user);
		strcpy(k.password, c.password);
		tc_post(&k, cases[i].type, cases[i].body,
			cases[i].body ? strlen(cases[i].body) : 0, &r);
		assert_int_equal(r.curl, CURLE_OK);
		assert_int_equal(r.status, 200);
		if (r.code != cases[i].code)
			fail_msg("case %zu: %d", i, r.code);
		assert_memory_equal(tr_header(&r, "Content-Type"), "text/html",
				    9);
		if (strcmp(cases[i].how.method ? "GET" : "", "GET"))
			assert_non_null(strstr(mx_buf_str(&r.raw), "<p>"));
		tr_fini(&r);
	}
	end();
}

/* MS-OXCMAPIHTTP_R145: larger than the limit is 9, and the server goes on. */
static void test_too_large_is_refused(void **state)
{
	static char big[70000];
	struct tr r;

	begin(&(struct mx_server_params){.max_body = 65536});
	tc_post(&c, "Connect", big, sizeof(big), &r);
	assert_int_equal(r.code, 9);
	tr_fini(&r);
	assert_int_equal(tc_connect(&c), 0);
	end();
}

/* MS-OXCMAPIHTTP_R35, MS-OXCMAPIHTTP_R36, MS-OXCMAPIHTTP_R1331 */
static void test_nobody_gets_in_without_a_password(void **state)
{
	struct tr r;

	begin(NULL);
	c.anonymous = true;
	tc_post(&c, "Connect", "x", 1, &r);
	assert_int_equal(r.status, 401);
	assert_int_equal(r.code, 8);
	assert_memory_equal(tr_header(&r, "WWW-Authenticate"), "Basic ", 6);
	tr_fini(&r);
	c.anonymous = false;
	strcpy(c.password, "wrong");
	tc_post(&c, "Connect", "x", 1, &r);
	assert_int_equal(r.status, 401);
	tr_fini(&r);
	strcpy(c.user, "nobody");
	tc_post(&c, "Connect", "x", 1, &r);
	assert_int_equal(r.status, 401);
	assert_memory_equal(tr_header(&r, "WWW-Authenticate"), "Basic ", 6);
	tr_fini(&r);
	end();
}

static void test_verified_header_is_hashed_once(void **state)
{
	uint64_t before;

	begin(NULL);
	before = n_hashes();
	for (int i = 0; i < 5; i++)
		assert_int_equal(code_of(&c, "PING"), 0);
	assert_int_equal(n_hashes() - before, 1);
	/* What is wrong is verified each time. */
	strcpy(c.password, "wrong");
	for (int i = 0; i < 3; i++)
		code_of(&c, "PING");
	assert_int_equal(n_hashes() - before, 4);
	end();
}

static void test_changed_password_ends_the_old_at_once(void **state)
{
	struct mx_store *st;
	struct tr r;

	begin(NULL);
	st = mx_server_store(ts->srv);
	assert_int_equal(code_of(&c, "PING"), 0);
	assert_int_equal(mx_dir_set_password(st, "ann", "new"), 0);
	tc_post(&c, "PING", NULL, 0, &r);
	assert_int_equal(r.status, 401);
	tr_fini(&r);
	strcpy(c.password, "new");
	assert_int_equal(code_of(&c, "PING"), 0);
	assert_int_equal(mx_dir_set_disabled(st, "ann", true), 0);
	tc_post(&c, "PING", NULL, 0, &r);
	assert_int_equal(r.status, 401);
	tr_fini(&r);
	end();
}

static void test_removed_user_is_out_at_once(void **state)
{
	struct tr r;

	begin(NULL);
	assert_int_equal(code_of(&c, "PING"), 0);
	assert_int_equal(mx_dir_remove(mx_server_store(ts->srv), "ann"), 0);
	tc_post(&c, "PING", NULL, 0, &r);
	assert_int_equal(r.status, 401);
	tr_fini(&r);
	/* Nor does a new user of that name inherit the password. */
	assert_int_equal(mx_dir_add(mx_server_store(ts->srv),
				    &(struct mx_user){.name = "ann"}, "other",
				    &ts->a, &ts->ann),
			 0);
	tc_post(&c, "PING", NULL, 0, &r);
	assert_int_equal(r.status, 401);
	tr_fini(&r);
	end();
}

static void test_logon_names_of_domains_and_addresses(void **state)
{
	begin(NULL);
	strcpy(c.user, "LAB\\ann");
	assert_int_equal(code_of(&c, "PING"), 0);
	snprintf(c.user, sizeof(c.user), "%s", ts->ann.smtp);
	assert_int_equal(code_of(&c, "PING"), 0);
	end();
}

/* MS-OXCMAPIHTTP_R1223, MS-OXCMAPIHTTP_R1224, MS-OXCMAPIHTTP_R1225: a session
 * context under another identity is X-ResponseCode 10. */
static void test_another_identity_finds_no_context(void **state)
{
	struct tc other;

	begin(NULL);
	tc_logon(&c, NULL);
	tc_init(&other, ts, "bob");
	strcpy(other.context, c.context);
	strcpy(other.sequence, c.sequence);
	assert_int_equal(execute_code(&other), 10);
	assert_int_equal(code_of(&other, "NotificationWait"), 10);
	assert_int_equal(code_of(&other, "Disconnect"), 10);
	assert_int_equal(code_of(&other, "PING"), 10);
	/* The owner's context has not suffered. */
	tc_release(&c, tc_open_folder(&c, c.fid[F_INBOX]));
	/* Nor does a stranger's Connect with the cookie end it. */
	assert_int_equal(tc_connect(&other), 0);
	assert_int_equal(n_contexts(), 2);
	assert_int_equal(execute_code(&c), 0);
	tc_fini(&other);
	end();
}

/* One connects only as oneself.  MS-OXCRPC_R1369, R4888, R600 */
static void test_connect_as_somebody_else_is_denied(void **state)
{
	struct mx_user real;

	begin(NULL);
	real = ts->ann;
	ts->ann.dn = ts->bob.dn;
	assert_int_equal(tc_connect(&c), 0x80070005);
	ts->ann.dn = "/o=X/cn=nobody";
	assert_int_equal(tc_connect(&c), 0x3eb);
	ts->ann.dn = "";
	assert_int_equal(tc_connect(&c), 0x80070005);
	ts->ann = real;
	assert_int_equal(n_contexts(), 0);
	end();
}

/* MS-OXCMAPIHTTP_R2233, MS-OXCMAPIHTTP_R2236, MS-OXCMAPIHTTP_R1253,
 * MS-OXCMAPIHTTP_R2234, MS-OXCMAPIHTTP_R1255 */
static void test_disconnect_ends_the_context(void **state)
{
	struct mx_server_stats st;
	struct tr r;

	begin(NULL);
	tc_logon(&c, NULL);
	tc_post(&c, "Disconnect", NULL, 0, &r);
	assert_int_equal(r.code, 0);
	assert_int_equal(r.body.n, 12);
	assert_non_null(strstr(mx_buf_str(&r.head), "Set-Cookie: MapiContext"));
	tr_fini(&r);
	assert_int_equal(execute_code(&c), 10);
	do
		mx_server_stats(ts->srv, &st);
	while (st.objects);
	end();
}

/* MS-OXCMAPIHTTP_R1277, R1278, R1279, R1329, R1280: Connect with the old
 * cookies frees the old context and gives a new one. */
static void test_reconnect_replaces_the_context(void **state)
{
	char old[64];

	begin(NULL);
	assert_int_equal(tc_connect(&c), 0);
	strcpy(old, c.context);
	strcpy(c.sequence, "nonsense");
	assert_int_equal(tc_connect(&c), 0);
	assert_string_not_equal(c.context, old);
	assert_int_equal(n_contexts(), 1);
	strcpy(c.context, old);
	*c.sequence = '\0';
	assert_int_equal(execute_code(&c), 10);
	end();
}

static void test_sequence_cookie_of_another_context_is_15(void **state)
{
	begin(NULL);
	assert_int_equal(tc_connect(&c), 0);
	assert_int_equal(execute_code(&c), 0);
	strcpy(c.sequence, "1-99999");
	assert_int_equal(execute_code(&c), 15);
	strcpy(c.sequence, "");
	assert_int_equal(execute_code(&c), 0);
	end();
}

static void test_contexts_per_user_are_limited(void **state)
{
	struct tc k;

	begin(&(struct mx_server_params){.max_contexts = 3});
	for (int i = 0; i < 3; i++) {
		*c.context = '\0';
		assert_int_equal(tc_connect(&c), 0);
	}
	tc_init(&k, ts, "ann");
	assert_int_equal(tc_connect(&k), 0x80040112);
	assert_string_equal(k.context, "");
	tc_fini(&k);
	/* Another user has his own. */
	tc_init(&k, ts, "bob");
	assert_int_equal(tc_connect(&k), 0);
	/* And what is given back can be had again. */
	tc_disconnect(&c);
	*c.context = '\0';
	assert_int_equal(tc_connect(&c), 0);
	tc_fini(&k);
	end();
}

/* MS-OXCMAPIHTTP_R1283, MS-OXCMAPIHTTP_R1284, MS-OXCMAPIHTTP_R1285 */
static void test_idle_context_expires(void **state)
{
	begin(&(struct mx_server_params){.idle_ms = 50});
	tc_logon(&c, NULL);
	while (n_contexts())
		sched_yield();
	assert_int_equal(execute_code(&c), 10);
	end();
}

/* MS-OXCMAPIHTTP_R28, R29 and [MS-OXDSCLI]: the mapiHttp block. */
static void test_autodiscover_tells_url_and_dn(void **state)
{
	static const char form[] =
		"<?xml version=\"1.0\"?><Autodiscover xmlns=\"http://"
		"schemas.microsoft.com/exchange/autodiscover/outlook/"
		"requestschema/2006\"><Request><EMailAddress>%s"
		"</EMailAddress><AcceptableResponseSchema>http://schemas."
		"microsoft.com/exchange/autodiscover/outlook/responseschema/"
		"2006a</AcceptableResponseSchema></Request></Autodiscover>";
	char body[1024], want[256];
	struct tr r;

	begin(NULL);
	c.path = "/autodiscover/autodiscover.xml";
	c.content_type = "text/xml";
	snprintf(body, sizeof(body), form, ts->ann.smtp);
	tc_post(&c, "-", body, strlen(body), &r);
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(mx_buf_str(&r.raw), "Type=\"mapiHttp\""));
	snprintf(want, sizeof(want), "<LegacyDN>%s</LegacyDN>", ts->ann.dn);
	assert_non_null(strstr(mx_buf_str(&r.raw), want));
	snprintf(want, sizeof(want), "<InternalUrl>%s/mapi/emsmdb/",
		 mx_server_url(ts->srv));
	assert_non_null(strstr(mx_buf_str(&r.raw), want));
	tr_fini(&r);
	/* Somebody else's is as unknown as nobody's. */
	snprintf(body, sizeof(body), form, ts->bob.smtp);
	tc_post(&c, "-", body, strlen(body), &r);
	assert_non_null(strstr(mx_buf_str(&r.raw), "<ErrorCode>500<"));
	tr_fini(&r);
	/* Unless there is a grant. */
	assert_int_equal(mx_dir_grant(mx_server_store(ts->srv), "bob", "ann",
				      MX_GRANT_READ),
			 0);
	tc_post(&c, "-", body, strlen(body), &r);
	assert_non_null(strstr(mx_buf_str(&r.raw), ts->bob.dn));
	tr_fini(&r);
	tc_post(&c, "-", "<a", 2, &r);
	assert_non_null(strstr(mx_buf_str(&r.raw), "<ErrorCode>600<"));
	tr_fini(&r);
	c.anonymous = true;
	tc_post(&c, "-", body, strlen(body), &r);
	assert_int_equal(r.status, 401);
	tr_fini(&r);
	end();
}

MX_TEST_MAIN(MX_TEST(test_connect_gives_a_context_and_cookies),
	     MX_TEST(test_every_answer_has_the_headers),
	     MX_TEST(test_each_response_code_for_its_fault),
	     MX_TEST(test_too_large_is_refused),
	     MX_TEST(test_nobody_gets_in_without_a_password),
	     MX_TEST(test_verified_header_is_hashed_once),
	     MX_TEST(test_changed_password_ends_the_old_at_once),
	     MX_TEST(test_removed_user_is_out_at_once),
	     MX_TEST(test_logon_names_of_domains_and_addresses),
	     MX_TEST(test_another_identity_finds_no_context),
	     MX_TEST(test_connect_as_somebody_else_is_denied),
	     MX_TEST(test_disconnect_ends_the_context),
	     MX_TEST(test_reconnect_replaces_the_context),
	     MX_TEST(test_sequence_cookie_of_another_context_is_15),
	     MX_TEST(test_contexts_per_user_are_limited),
	     MX_TEST(test_idle_context_expires),
	     MX_TEST(test_autodiscover_tells_url_and_dn))
