/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* User contexts for the tests of net. */
#ifndef MX_NET_TEST_USER_H
#define MX_NET_TEST_USER_H

#include "base/test.h"
#include "identity/userctx.h"
#include "net/fork.h"
#include "net/xfer-run.h"

static inline struct mx_userctx *test_user(const char *login, const char *pw)
{
	struct mx_userctx_params p = {
		.login = login,
		.auth = MX_AUTH_PASSWORD,
		.password = pw,
	};
	struct mx_userctx *u = NULL;

	assert_int_equal(mx_sid_parse("S-1-5-21-1-2-3-1001", &p.sid), 0);
	assert_int_equal(mx_userctx_new(&p, &u), 0);
	return u;
}

/* Sockets that channels and requests have open: without what is kept for
 * the next exchange, whosever it is. */
static inline unsigned test_open_fds(void)
{
	mx_exchange_trim();
	return mx_net_fd_count();
}

#endif
