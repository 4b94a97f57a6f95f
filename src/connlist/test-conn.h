/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of connection records share: places, asked for without waiting. */
#ifndef MX_CONNLIST_TEST_CONN_H
#define MX_CONNLIST_TEST_CONN_H

#include "connlist/conn.h"
#include "connlist/test-util.h"

#define TC_SERVER "mail.example:443"

/* A new segment of eight lists, three logons a session, and these budgets. */
static inline struct mx_reg *tc_open(uint32_t conns, uint32_t sessions,
				     int64_t orphan_ms)
{
	unlink(tu_path());
	return tu_open_with(&(struct mx_reg_params){.path = tu_path(),
						    .n_lists = 8,
						    .n_conns = conns,
						    .max_sessions = sessions,
						    .max_logons = 3,
						    .orphan_ms = orphan_ms});
}

/* Without waiting: 0 with a connection, else why there is no place. */
static inline int tc_try_kind(struct mx_clist *cl, const char *server,
			      enum mx_conn_kind kind, struct mx_conn **ret)
{
	struct mx_conn_params p = {.server = server, .kind = kind};

	return mx_conn_open(cl, &p, ret, NULL);
}

static inline int tc_try(struct mx_clist *cl, const char *server,
			 struct mx_conn **ret)
{
	return tc_try_kind(cl, server, MX_CONN_MAILBOX, ret);
}

#endif
