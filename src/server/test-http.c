/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint: headers, response codes, cookies, contexts.
 * [MS-OXCMAPIHTTP] 2.2.2, 2.2.3, 3.2.5 */
#include <string.h>

#include "server/testlib.h"

/* MS-OXCMAPIHTTP_R1219 R1221: Connect makes a context and sets its cookie.
 * MS-OXCMAPIHTTP_R2224, MS-OXCMAPIHTTP_R2040 (X-RequestId), R156 */
static void test_connect_gives_a_context_and_cookies(void **state)
{
	struct ts *ts = ts_start(NULL);
	struct mx_server_stats st;
	struct tc c;

	tc_init(&c, ts, "ann");
	assert_int_equal(tc_connect(&c), 0);
	assert_int_equal(strlen(c.context), 32);
	mx_server_stats(ts->srv, &st);
	assert_int_equal(st.contexts, 1);
	tc_disconnect(&c);
	mx_server_stats(ts->srv, &st);
	assert_int_equal(st.contexts, 0);
	tc_fini(&c);
	ts_stop(ts);
}

static void test_logon_opens_the_own_mailbox(void **state)
{
	struct ts *ts = ts_start(NULL);
	struct tc c;

	tc_init(&c, ts, "ann");
	tc_logon(&c, NULL);
	for (int i = 0; i < 13; i++)
		assert_int_not_equal(c.fid[i], 0);
	tc_release(&c, tc_open_folder(&c, c.fid[F_INBOX]));
	tc_disconnect(&c);
	tc_fini(&c);
	ts_stop(ts);
}

MX_TEST_MAIN(MX_TEST(test_connect_gives_a_context_and_cookies),
	     MX_TEST(test_logon_opens_the_own_mailbox))
