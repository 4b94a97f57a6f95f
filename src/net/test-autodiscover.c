/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/autodiscover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "net/fork.h"
#include "net/opts.h"
#include "net/test-peer.h"
#include "net/test-user.h"

#define DN "/o=Lab/ou=Exchange/cn=Recipients/cn=ann"
#define OPEN                                                                   \
	"<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\""     \
	"http://schemas.microsoft.com/exchange/autodiscover/responseschema/"   \
	"2006\"><Response xmlns=\"http://schemas.microsoft.com/exchange/"      \
	"autodiscover/outlook/responseschema/2006a\">"
#define USER                                                                   \
	"<User><DisplayName> Ann &amp; Co \n</DisplayName><LegacyDN>" DN       \
	"</LegacyDN><AutoDiscoverSMTPAddress>ann@lab.test"                     \
	"</AutoDiscoverSMTPAddress></User>"
#define EXCH "<Protocol><Type>EXCH</Type><Server>old</Server></Protocol>"
#define MAPI                                                                   \
	"<Protocol Type=\"mapiHttp\" Version=\"1\"><MailStore><InternalUrl>"   \
	"https://in.lab.test/mapi/emsmdb/?MailboxId=1</InternalUrl>"           \
	"<ExternalUrl>https://ex.lab.test/mapi/emsmdb/?MailboxId=1"            \
	"</ExternalUrl></MailStore><AddressBook><InternalUrl>"                 \
	"https://in.lab.test/mapi/nspi/</InternalUrl></AddressBook></Protocol>"
#define CLOSE "</Response></Autodiscover>"
static const char whole[] = OPEN USER
	"<Account><Action>settings</Action>" EXCH MAPI "</Account>" CLOSE;

static int parse(const char *doc, struct mx_autodiscover *a, char **to)
{
	struct mx_fault f = MX_FAULT_INIT;

	return mx_autodiscover_parse(doc, strlen(doc), a, to, &f);
}

/* --- Documents ---------------------------------------------------------- */

/* [MS-OXDSCLI] 2.2.4.1.1.2. */
static void test_an_answer_gives_urls_and_dn(void **state)
{
	MX_AUTO(mx_autodiscover_auto)
	struct mx_autodiscover a = MX_AUTODISCOVER_INIT;
	char *to = NULL;

	assert_int_equal(parse(whole, &a, &to), MX_AUTODISCOVER_FOUND);
	assert_null(to);
	assert_string_equal(a.emsmdb_url,
			    "https://ex.lab.test/mapi/emsmdb/?MailboxId=1");
	assert_string_equal(a.nspi_url, "https://in.lab.test/mapi/nspi/");
	assert_string_equal(a.user_dn, DN);
	assert_string_equal(a.display, "Ann & Co");
	assert_string_equal(a.smtp, "ann@lab.test");
}

static void test_every_truncation_of_an_answer_fails(void **state)
{
	MX_AUTO(mx_autodiscover_auto)
	struct mx_autodiscover a = MX_AUTODISCOVER_INIT;
	char *to = NULL;

	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		MX_AUTO(mx_free_auto) char *exact = malloc(n ? n : 1);

		memcpy(exact, whole, n);
		assert_int_equal(mx_autodiscover_parse(exact, n, &a, &to, NULL),
				 -EBADMSG);
		assert_null(a.emsmdb_url);
	}
}

static void test_answers_without_what_is_needed(void **state)
{
	static const struct {
		const char *doc;
		int err;
	} t[] = {
		{OPEN USER "<Account>" EXCH "</Account>" CLOSE, -ENOENT},
		{OPEN "<Account>" MAPI "</Account>" CLOSE, -ENOENT},
		{OPEN "<Error Time=\"1\"><ErrorCode>500</ErrorCode><Message>"
		      "no such user</Message></Error>" CLOSE,
		 -ENOENT},
		{OPEN USER CLOSE, -EBADMSG},
		{"<html><body>Login</body></html>", -EBADMSG},
		{"", -EBADMSG},
		{"<!DOCTYPE x [<!ENTITY e \"" DN "\">]>"
		 "<Autodiscover><Response/></Autodiscover>",
		 -EBADMSG},
		{"<!DOCTYPE x SYSTEM \"http://127.0.0.1:1/x.dtd\">"
		 "<Autodiscover><Response/></Autodiscover>",
		 -EBADMSG},
	};
	MX_AUTO(mx_autodiscover_auto)
	struct mx_autodiscover a = MX_AUTODISCOVER_INIT;
	char *to = NULL;

	for (size_t i = 0; i < MX_ARRAY_SIZE(t); i++)
		assert_int_equal(parse(t[i].doc, &a, &to), t[i].err);
	assert_null(to);
}

static void test_deep_and_large_documents_are_refused(void **state)
{
	MX_AUTO(mx_autodiscover_auto)
	struct mx_autodiscover a = MX_AUTODISCOVER_INIT;
	MX_AUTO(mx_free_auto) char *doc = calloc(1, MX_MAX_AUTODISCOVER + 2);
	char *to = NULL;

	for (int i = 0; i < 10000; i++)
		strcpy(doc + 3 * i, "<a>");
	assert_int_equal(parse(doc, &a, &to), -EBADMSG);
	memset(doc, ' ', MX_MAX_AUTODISCOVER + 1);
	assert_int_equal(parse(doc, &a, &to), -EMSGSIZE);
}

static void test_redirects_are_told(void **state)
{
	MX_AUTO(mx_autodiscover_auto)
	struct mx_autodiscover a = MX_AUTODISCOVER_INIT;
	char *to = NULL;

	assert_int_equal(parse(OPEN "<Account><Action>redirectUrl</Action>"
				    "<RedirectUrl>https://b/</RedirectUrl>"
				    "</Account>" CLOSE,
			       &a, &to),
			 MX_AUTODISCOVER_REDIRECT_URL);
	assert_string_equal(to, "https://b/");
	free(to);
	assert_int_equal(parse(OPEN "<Account><RedirectAddr>a@b.test"
				    "</RedirectAddr></Account>" CLOSE,
			       &a, &to),
			 MX_AUTODISCOVER_REDIRECT_ADDR);
	assert_string_equal(to, "a@b.test");
	free(to);
}

static void test_the_request_escapes_the_address(void **state)
{
	MX_AUTO(mx_free_auto) char *doc = mx_autodiscover_request("a<b&c@d");

	assert_non_null(strstr(doc, "<EMailAddress>a&lt;b&amp;c@d</EMail"));
	assert_non_null(strstr(doc, "/outlook/responseschema/2006a<"));
}

/* --- The search --------------------------------------------------------- */

/* What the peer says, by the order of requests. */
struct script {
	const char *say[8];
	unsigned n;
};

static void play(struct peer_conn *c, void *arg)
{
	struct script *s = arg;
	struct peer_request r;
	const char *what;
	char buf[4096];

	while (peer_read(c, &r)) {
		what = s->say[s->n++];
		if (!strncmp(what, "HTTP/", 5))
			snprintf(buf, sizeof(buf),
				 "%s\r\nContent-Length: 0\r\n\r\n", what);
		else
			snprintf(buf, sizeof(buf),
				 "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n"
				 "Content-Type: text/xml\r\n\r\n%s",
				 strlen(what), what);
		if (!peer_puts(c, buf))
			return;
	}
}

static int search(struct script *s, struct mx_autodiscover *a,
		  struct mx_fault *f, unsigned *asked)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = test_user("ann", "pw");
	struct peer *p = peer_start(play, s);
	char base[64];
	int err;

	snprintf(base, sizeof(base), "http://127.0.0.1:%u", peer_port(p));
	*f = MX_FAULT_INIT;
	err = mx_autodiscover("ann@lab.test", base, u, NULL, NULL, a, f);
	*asked = (unsigned)peer_log_count(p);
	if (*asked) {
		struct peer_request r = peer_log_get(p, 0);

		assert_string_equal(r.path, "/autodiscover/autodiscover.xml");
		assert_string_equal(r.auth, "Basic YW5uOnB3");
		assert_non_null(strstr(r.body, "ann@lab.test"));
	}
	peer_stop(p);
	assert_int_equal(test_open_fds(), 0);
	return err;
}

static void test_a_search_finds_the_endpoint(void **state)
{
	MX_AUTO(mx_autodiscover_auto)
	struct mx_autodiscover a = MX_AUTODISCOVER_INIT;
	struct script s = {.say = {whole}};
	struct mx_fault f;
	unsigned asked;

	assert_int_equal(search(&s, &a, &f, &asked), 0);
	assert_string_equal(a.user_dn, DN);
	assert_int_equal(asked, 1);
}

static void test_a_search_follows_redirects(void **state)
{
	MX_AUTO(mx_autodiscover_auto)
	struct mx_autodiscover a = MX_AUTODISCOVER_INIT;
	struct script s = {
		.say = {"HTTP/1.1 302 Found\r\nLocation: /elsewhere/a.xml",
			OPEN "<Account><RedirectAddr>b@lab.test</RedirectAddr>"
			     "</Account>" CLOSE,
			whole}};
	struct mx_fault f;
	unsigned asked;

	assert_int_equal(search(&s, &a, &f, &asked), 0);
	assert_int_equal(asked, 3);
}

static void test_a_circle_of_redirects_ends(void **state)
{
	static const char again[] = "HTTP/1.1 302 Found\r\nLocation: /again";
	MX_AUTO(mx_autodiscover_auto)
	struct mx_autodiscover a = MX_AUTODISCOVER_INIT;
	struct script s = {.say = {again, again, again, again, again, again,
				   again, again}};
	struct mx_fault f;
	unsigned asked;

	assert_int_equal(search(&s, &a, &f, &asked), -ELOOP);
	assert_int_equal(asked, MX_AUTODISCOVER_REDIRECTS + 1);
}

static void test_failures_are_told(void **state)
{
	static const struct {
		const char *say;
		int err;
		enum mx_layer layer;
	} t[] = {
		{"HTTP/1.1 401 No", -EACCES, MX_LAYER_HTTP},
		{"HTTP/1.1 404 No", -ENOENT, MX_LAYER_HTTP},
		{"HTTP/1.1 500 No", -EREMOTEIO, MX_LAYER_HTTP},
		{"<html/>", -EBADMSG, MX_LAYER_LOCAL},
		{"HTTP/1.1 302 Found\r\nLocation: ftp://x/", -EINVAL,
		 MX_LAYER_LOCAL},
		{"HTTP/1.1 302 Found\r\nLocation: http://away.test/", -EPERM,
		 MX_LAYER_LOCAL},
	};

	for (size_t i = 0; i < MX_ARRAY_SIZE(t); i++) {
		MX_AUTO(mx_autodiscover_auto)
		struct mx_autodiscover a = MX_AUTODISCOVER_INIT;
		struct script s = {.say = {t[i].say}};
		struct mx_fault f;
		unsigned asked;

		assert_int_equal(search(&s, &a, &f, &asked), t[i].err);
		assert_int_equal(f.layer, t[i].layer);
		assert_string_equal(f.op, "Autodiscover");
		assert_string_equal(f.user, "ann");
		assert_true(strlen(f.text) > 0);
		assert_null(a.emsmdb_url);
	}
}

static void test_what_is_no_address_is_not_asked(void **state)
{
	static const char *const t[] = {"ann",    "@lab.test", "ann@",
					"a@b@c",  "a b@c",     "a@b/c",
					"a@b:80", "a@b\n"};
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = test_user("ann", "pw");
	MX_AUTO(mx_autodiscover_auto)
	struct mx_autodiscover a = MX_AUTODISCOVER_INIT;

	for (size_t i = 0; i < MX_ARRAY_SIZE(t); i++)
		assert_int_equal(mx_autodiscover(t[i], NULL, u, NULL, NULL, &a,
						 NULL),
				 -EINVAL);
}

MX_TEST_MAIN(MX_TEST(test_an_answer_gives_urls_and_dn),
	     MX_TEST(test_every_truncation_of_an_answer_fails),
	     MX_TEST(test_answers_without_what_is_needed),
	     MX_TEST(test_deep_and_large_documents_are_refused),
	     MX_TEST(test_redirects_are_told),
	     MX_TEST(test_the_request_escapes_the_address),
	     MX_TEST(test_a_search_finds_the_endpoint),
	     MX_TEST(test_a_search_follows_redirects),
	     MX_TEST(test_a_circle_of_redirects_ends),
	     MX_TEST(test_failures_are_told),
	     MX_TEST(test_what_is_no_address_is_not_asked))
