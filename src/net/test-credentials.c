/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Basic and Bearer headers (test-gss.c has Negotiate), and whom TLS trusts.  The server is libmicrohttpd with
 * a certificate made for this run by openssl(1).
 */
#include "net/credentials.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/test.h"
#include "net/exchange.h"
#include "net/opts.h"
#include "net/test-user.h"

static int auth(const struct mx_userctx_params *base, char *out, size_t n,
		struct mx_fault *f)
{
	MX_AUTO(mx_secret_auto) struct mx_secret s = MX_SECRET_INIT;
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = NULL;
	struct mx_userctx_params p = *base;
	int err;

	*f = MX_FAULT_INIT;
	assert_int_equal(mx_sid_parse("S-1-5-21-1-2-3-1001", &p.sid), 0);
	assert_int_equal(mx_userctx_new(&p, &u), 0);
	err = mx_auth_header(u, "mail.lab.test:443", &s, f);
	snprintf(out, n, "%s", s.p ? s.p : "");
	return err;
}

static int give_login_and_server(void *arg, const char *server,
				 struct mx_secret *ret)
{
	if (arg)
		return -EKEYEXPIRED;
	return mx_secret_set(ret, server);
}

/* RFC 7617 section 2 and 2.1 (UTF-8). */
static void test_basic_headers(void **state)
{
	static const struct {
		const char *login, *password, *want;
	} t[] = {
		{"Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
		{"test", "123\xc2\xa3", "dGVzdDoxMjPCow=="},
		{"a", "", "YTo="},
		{"a", "b", "YTpi"},
		{"a@lab.test", "x:y:z", "YUBsYWIudGVzdDp4Onk6eg=="},
	};
	char got[200], want[200];
	struct mx_fault f;

	for (size_t i = 0; i < MX_ARRAY_SIZE(t); i++) {
		struct mx_userctx_params p = {.login = t[i].login,
					      .auth = MX_AUTH_PASSWORD,
					      .password = t[i].password};

		assert_int_equal(auth(&p, got, sizeof(got), &f), 0);
		snprintf(want, sizeof(want), "Authorization: Basic %s",
			 t[i].want);
		assert_string_equal(got, want);
	}
}

static void test_bad_logins_are_refused(void **state)
{
	struct mx_userctx_params p = {.auth = MX_AUTH_PASSWORD,
				      .password = "secret"};
	struct mx_fault f;
	char got[200];

	assert_int_equal(auth(&p, got, sizeof(got), &f), -ENOKEY);
	p.login = "a:b";
	assert_int_equal(auth(&p, got, sizeof(got), &f), -EINVAL);
	p.login = "a\r\nX-Evil: 1";
	assert_int_equal(auth(&p, got, sizeof(got), &f), -EINVAL);
	assert_null(strstr(f.text, "secret"));
	p = (struct mx_userctx_params){.auth = MX_AUTH_NONE};
	assert_int_equal(auth(&p, got, sizeof(got), &f), -ENOKEY);
	assert_true(strlen(f.text) > 0);
}

static void test_callbacks_know_the_server_and_may_fail(void **state)
{
	struct mx_userctx_params p = {.login = "ann",
				      .auth = MX_AUTH_BEARER,
				      .secret = give_login_and_server};
	struct mx_fault f;
	char got[200];

	assert_int_equal(auth(&p, got, sizeof(got), &f), 0);
	assert_string_equal(got, "Authorization: Bearer mail.lab.test:443");
	p.arg = &f;
	assert_int_equal(auth(&p, got, sizeof(got), &f), -EKEYEXPIRED);
	assert_int_equal(f.layer, MX_LAYER_LOCAL);
	assert_int_equal(f.err, -EKEYEXPIRED);
}

static int give_blank(void *arg, const char *server, struct mx_secret *ret)
{
	return mx_secret_set(ret, arg);
}

static void test_a_bearer_token_cannot_carry_a_header(void **state)
{
	static char bad[] = "abc\r\nX-Evil: 1", none[] = "";
	struct mx_userctx_params p = {
		.auth = MX_AUTH_BEARER, .secret = give_blank, .arg = bad};
	struct mx_fault f;
	char got[200];

	assert_int_equal(auth(&p, got, sizeof(got), &f), -EINVAL);
	p.arg = none;
	assert_int_equal(auth(&p, got, sizeof(got), &f), -EINVAL);
}

/* --- TLS ---------------------------------------------------------------- */

static char *read_file(const char *path)
{
	char *s = calloc(1, 16384);
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	assert_true(fread(s, 1, 16383, f) > 0);
	fclose(f);
	return s;
}

/* A self-signed certificate for one name, in the test's directory. */
static void make_cert(const char *name, const char *alt, char *cert, char *key,
		      size_t n)
{
	char cmd[1200];

	snprintf(cert, n, "%s/%s.crt", mx_test_dir(), name);
	snprintf(key, n, "%s/%s.key", mx_test_dir(), name);
	snprintf(cmd, sizeof(cmd),
		 "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "
		 "/CN=%s -addext subjectAltName=%s -keyout %s -out %s "
		 ">/dev/null 2>&1",
		 name, alt, key, cert);
	assert_int_equal(system(cmd), 0);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c,
				  const char *url, const char *method,
				  const char *version, const char *data,
				  size_t *n, void **ctx)
{
	static char body[] = "PROCESSING\r\nDONE\r\n\r\nok";
	struct MHD_Response *r;
	enum MHD_Result ret;

	if (!*ctx || *n) {
		*ctx = body;
		*n = 0;
		return MHD_YES;
	}
	r = MHD_create_response_from_buffer(sizeof(body) - 1, body,
					    MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(r, "X-ResponseCode", "0");
	MHD_add_response_header(r, "Content-Type", "application/mapi-http");
	ret = MHD_queue_response(c, 200, r);
	MHD_destroy_response(r);
	return ret;
}

static struct MHD_Daemon *tls_server(const char *cert, const char *key,
				     unsigned *port)
{
	MX_AUTO(mx_free_auto) char *c = read_file(cert);
	MX_AUTO(mx_free_auto) char *k = read_file(key);
	struct MHD_Daemon *d;
	const union MHD_DaemonInfo *info;

	d = MHD_start_daemon(
		MHD_USE_TLS | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO, 0,
		NULL, NULL, on_request, NULL, MHD_OPTION_HTTPS_MEM_CERT, c,
		MHD_OPTION_HTTPS_MEM_KEY, k, MHD_OPTION_END);
	if (!d)
		return NULL;
	info = MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT);
	*port = info->port;
	return d;
}

static int ask(unsigned port, const char *ca, bool no_verify,
	       struct mx_xresp *r, struct mx_fault *f)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = test_user("ann", "pw");
	MX_AUTO(mx_channel_auto) struct mx_channel *ch = NULL;
	const struct mx_xreq q = {.type = "PING", .request_id = "{r}:1"};
	struct mx_net_opts o = MX_NET_OPTS_INIT;
	char url[64];

	o.ca_file = ca;
	o.tls_no_verify = no_verify;
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", port);
	assert_int_equal(mx_channel_new(url, u, &o, &ch, f), 0);
	return mx_exchange(ch, &q, r, f);
}

static void test_tls_trusts_the_ca_file_and_the_right_name_only(void **state)
{
	char right[300], right_key[300], wrong[300], wrong_key[300];
	struct {
		bool use_wrong;
		const char *ca;
		bool no_verify;
		int err;
	} t[] = {
		{false, right, false, 0},
		{false, NULL, false, -EKEYREJECTED},
		{false, wrong, false, -EKEYREJECTED},
		{true, wrong, false, -EKEYREJECTED},
		{true, NULL, true, 0},
		{false, "/nonexistent.pem", false, -EKEYREJECTED},
	};
	struct MHD_Daemon *d[2];
	unsigned port[2];

	make_cert("right", "IP:127.0.0.1", right, right_key, sizeof(right));
	make_cert("wrong", "DNS:other.test", wrong, wrong_key, sizeof(wrong));
	d[0] = tls_server(right, right_key, &port[0]);
	d[1] = tls_server(wrong, wrong_key, &port[1]);
	assert_non_null(d[0]);
	assert_non_null(d[1]);
	for (size_t i = 0; i < MX_ARRAY_SIZE(t); i++) {
		MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
		struct mx_fault f = MX_FAULT_INIT;
		int err = ask(port[t[i].use_wrong], t[i].ca, t[i].no_verify, &r,
			      &f);

		if (err != t[i].err)
			print_message("case %zu: %d %s\n", i, err, f.text);
		assert_int_equal(err, t[i].err);
		assert_int_equal(r.why, err ? MX_XWHY_TLS : MX_XWHY_OK);
		if (err)
			assert_false(r.maybe_sent);
		else
			assert_memory_equal(r.body.p, "ok", 2);
	}
	MHD_stop_daemon(d[0]);
	MHD_stop_daemon(d[1]);
}

MX_TEST_MAIN(MX_TEST(test_basic_headers), MX_TEST(test_bad_logins_are_refused),
	     MX_TEST(test_callbacks_know_the_server_and_may_fail),
	     MX_TEST(test_a_bearer_token_cannot_carry_a_header),
	     MX_TEST(test_tls_trusts_the_ca_file_and_the_right_name_only))
