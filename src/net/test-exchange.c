/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange: what goes out, what comes back, what is told meanwhile, and what
 * ends it before there is an answer.  Wrong answers: test-answers.c.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/test-ask.h"

/* --- The good case ------------------------------------------------------ */

/* [MS-OXCMAPIHTTP] 2.2.2, 2.2.3: what goes out and what comes back. */
static void test_a_whole_answer_with_all_its_headers(void **state)
{
	MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
	struct peer *p = peer_start(peer_echo, NULL);
	struct mx_xreq q = ask_request("hello");
	struct mx_fault f;
	struct peer_request got;

	q.cookies = "sid=old; x=1";
	assert_int_equal(ask_url(peer_url(p), NULL, &q, &r, &f), 0);
	assert_int_equal(r.why, MX_XWHY_OK);
	assert_int_equal(r.http_status, 200);
	assert_true(r.have_response_code);
	assert_int_equal(r.response_code, 0);
	assert_int_equal(r.body.len, 5);
	assert_memory_equal(r.body.p, "hello", 5);
	assert_int_equal(r.n_pending, 1);
	assert_int_equal(r.expiration_ms, 900000);
	assert_int_equal(r.pending_period_ms, 15000);
	assert_int_equal(r.elapsed_ms, 12);
	assert_string_equal(r.server_app, "Peer/1");
	assert_string_equal(mx_cookies_get(&r.set_cookies, "sid"), "abc");
	assert_string_equal(mx_cookies_get(&r.set_cookies, "seq"), "7");
	assert_true(r.maybe_sent);
	assert_true(r.new_connection);
	assert_true(r.bytes_out > 5 && r.bytes_in > 5 && r.took_ns > 0);
	assert_int_equal(r.bytes_out - r.head_out, q.body_len);
	/* The tags and what stands behind DONE are the body's. */
	assert_true(r.head_in > 5 && r.bytes_in > r.head_in + 5);
	got = peer_log_get(p, 0);
	assert_string_equal(got.auth, "Basic YW5uOnB3");
	assert_string_equal(got.type, "Execute");
	assert_string_equal(got.id, ID);
	assert_string_equal(got.cookie, "sid=old; x=1");
	assert_int_equal(got.client_port, r.local_port);
	peer_stop(p);
}

static void test_a_large_body_goes_both_ways(void **state)
{
	MX_AUTO(mx_free_auto) char *big = malloc(3000001);
	MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
	struct peer *p = peer_start(peer_echo, NULL);
	struct mx_fault f;
	struct mx_xreq q;

	memset(big, 'x', 3000000);
	big[3000000] = 0;
	q = ask_request(big);
	assert_int_equal(ask_url(peer_url(p), NULL, &q, &r, &f), 0);
	assert_int_equal(peer_log_get(p, 0).body_len, 3000000);
	assert_true(r.bytes_out > 3000000);
	assert_true(r.head_out < 1000);
	assert_int_equal(r.body.len, 4095);
	peer_stop(p);
}

/* --- Not reached -------------------------------------------------------- */

static void test_nobody_listens(void **state)
{
	MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
	const struct mx_xreq q = ask_request("x");
	struct mx_fault f;
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", peer_closed_port());
	assert_int_equal(ask_url(url, NULL, &q, &r, &f), -ECONNREFUSED);
	assert_int_equal(r.why, MX_XWHY_CONNECT);
	ask_fault(&f, MX_LAYER_TRANSPORT, -ECONNREFUSED);
	assert_false(r.maybe_sent);
}

static void not_tls(struct peer_conn *c, void *arg)
{
	peer_puts(c, "HTTP/1.1 400 speak plainly\r\n\r\n");
	peer_wait_close(c);
}

static void test_a_server_without_tls_is_a_tls_error(void **state)
{
	MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
	struct peer *p = peer_start(not_tls, NULL);
	const struct mx_xreq q = ask_request("x");
	struct mx_fault f;
	char url[64];

	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", peer_port(p));
	assert_int_equal(ask_url(url, NULL, &q, &r, &f), -EKEYREJECTED);
	assert_int_equal(r.why, MX_XWHY_TLS);
	ask_fault(&f, MX_LAYER_TRANSPORT, -EKEYREJECTED);
	assert_false(r.maybe_sent);
	peer_stop(p);
}

/* --- Cancelling --------------------------------------------------------- */

struct canceller {
	struct mx_cancel *token;
	struct peer *peer;
};

static void *cancel_main(void *arg)
{
	struct canceller *c = arg;

	peer_log_wait(c->peer, 1);
	mx_cancel_fire(c->token);
	return NULL;
}

static void test_a_call_is_cancelled_from_another_thread(void **state)
{
	static const char *const say[1] = {""};
	MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
	struct peer *p = peer_start(ask_silent, (void *)say);
	struct mx_xreq q = ask_request("x");
	struct mx_cancel token;
	struct canceller c = {&token, p};
	struct mx_fault f;
	pthread_t id;

	mx_cancel_init(&token);
	q.cancel = &token;
	pthread_create(&id, NULL, cancel_main, &c);
	assert_int_equal(ask_url(peer_url(p), NULL, &q, &r, &f), -ECANCELED);
	pthread_join(id, NULL);
	assert_int_equal(r.why, MX_XWHY_CANCELED);
	ask_fault(&f, MX_LAYER_LOCAL, -ECANCELED);
	mx_xresp_fini(&r);
	/* And at once, when it had fired before. */
	assert_int_equal(ask_url(peer_url(p), NULL, &q, &r, &f), -ECANCELED);
	assert_false(r.maybe_sent);
	mx_cancel_fini(&token);
	peer_stop(p);
}

/* --- What is told meanwhile --------------------------------------------- */

static void phase_note(void *arg, enum mx_xphase ph)
{
	char *s = arg;

	strcat(s, mx_xphase_name(ph));
	strcat(s, " ");
}

static void test_the_phases_are_told(void **state)
{
	MX_AUTO(mx_xresp_auto) struct mx_xresp r = MX_XRESP_INIT;
	struct peer *p = peer_start(peer_echo, NULL);
	struct mx_xreq q = ask_request("x");
	char text[200] = "";
	struct mx_fault f;

	q.phase = phase_note;
	q.phase_arg = text;
	assert_int_equal(ask_url(peer_url(p), NULL, &q, &r, &f), 0);
	assert_string_equal(text, "connect answer PENDING PENDING body ");
	peer_stop(p);
}

MX_TEST_MAIN(MX_TEST(test_a_whole_answer_with_all_its_headers),
	     MX_TEST(test_a_large_body_goes_both_ways),
	     MX_TEST(test_nobody_listens),
	     MX_TEST(test_a_server_without_tls_is_a_tls_error),
	     MX_TEST(test_a_call_is_cancelled_from_another_thread),
	     MX_TEST(test_the_phases_are_told))
