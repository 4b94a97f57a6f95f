/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything a process can do to the registry, once: what test-crash.c kills
 * and test-stopped.c stops before each store.  One bucket, so that all of it
 * meets under one lock.
 */
#ifndef MX_CONNLIST_TEST_STORY_H
#define MX_CONNLIST_TEST_STORY_H

#include <errno.h>

#include "connlist/conn.h"
#include "connlist/test-util.h"

#ifndef SERVER
#define SERVER "mail.example:443"
#endif

#define MUST(x)                                                                \
	do {                                                                   \
		if (!(x))                                                      \
			return __LINE__ % 100 + 100;                           \
	} while (0)

static inline int story_open(struct mx_clist *cl, const char *server,
			     int64_t ms, struct mx_conn **ret)
{
	struct mx_conn_params p = {
		.server = server, .kind = MX_CONN_MAILBOX, .deadline = {0}};

	if (ms)
		p.deadline = mx_mono_in_ms(ms);
	return mx_conn_open(cl, &p, ret, NULL);
}

/* Out of its place, in line, and in a place again. */
static inline int story_reopen(struct mx_conn *k, const char *server)
{
	struct mx_conn_params p = {.server = server,
				   .kind = MX_CONN_MAILBOX,
				   .deadline = mx_mono_in_ms(5000)};

	return mx_conn_reopen(k, &p, NULL);
}

static inline int story_use(struct mx_conn *k)
{
	struct mx_op_result r = {.err = -EPROTO, .code = 5, .round_trips = 1};

	MUST(!mx_conn_set_cookies(k, "MapiContext=0123456789abcdef"));
	MUST(!mx_conn_logon_acquire(k));
	mx_conn_op_begin(k, MX_OP_CALL, "RopOpenFolder", "answer",
			 MX_MONO_NEVER);
	mx_conn_op_waiting(k, MX_OP_CALL, "PENDING");
	mx_conn_op_end(k, MX_OP_CALL, &r);
	mx_conn_logon_release(k);
	MUST(!mx_conn_set_poller(k, MX_POLLER_STARTING));
	MUST(!mx_conn_set_poller(k, MX_POLLER_PARKED));
	MUST(!mx_conn_set_poller(k, MX_POLLER_DONE));
	return 0;
}

static inline struct mx_reg *story_attach(int64_t orphan_ms)
{
	struct mx_reg_params p = {.path = tu_path(),
				  .n_lists = 6,
				  .n_conns = 8,
				  .n_buckets = 1,
				  .max_sessions = 2,
				  .orphan_ms = orphan_ms};
	struct mx_reg *reg = NULL;

	return mx_reg_open(&p, &reg, NULL) ? NULL : reg;
}

static inline struct mx_clist *story_join(struct mx_reg *reg, uint32_t user)
{
	struct mx_sid sid = mx_sid_unix(user);
	struct mx_clist *cl = NULL;

	return mx_clist_join(reg, &sid, "child", &cl, NULL) ? NULL : cl;
}

/* A list of its own, a session used, left and taken over again. */
static inline int story_own_list(struct mx_reg *reg)
{
	struct mx_clist *cl = story_join(reg, 2);
	struct mx_conn *k = NULL, *other = NULL;
	char cookies[256];

	MUST(cl);
	/* The one before us may have left a back-off. */
	MUST(!story_open(cl, SERVER, 5000, &k));
	MUST(!story_use(k));
	MUST(!story_open(cl, "other:1", 5000, &other));
	MUST(!story_reopen(other, "other:1"));
	mx_conn_close(k, MX_CONN_LEFT);
	k = NULL;
	MUST(!story_open(cl, SERVER, 5000, &k));
	MUST(mx_conn_cookies(k, cookies, sizeof(cookies)) > 0);
	mx_conn_report(k, MX_HEALTH_BACKOFF, 1, 429);
	mx_conn_report(other, MX_HEALTH_FULL, 1, 9);
	mx_conn_close(k, MX_CONN_ENDED);
	mx_conn_close(other, MX_CONN_ENDED);
	MUST(!mx_clist_wait_done(cl, MX_SCOPE_EVERYONE, (mx_mono){0}, NULL,
				 NULL, NULL));
	mx_clist_leave(cl);
	return 0;
}

/* The survivor has one of two sessions of this user: the third has to wait, and
 * does not get it. */
static inline int story_shared_list(struct mx_reg *reg)
{
	struct mx_clist *cl = story_join(reg, 1);
	struct mx_conn *k = NULL, *no = NULL;
	int r;

	MUST(cl);
	MUST(!story_open(cl, SERVER, 0, &k));
	MUST(story_open(cl, SERVER, 0, &no) == -EDQUOT);
	r = story_open(cl, SERVER, 1, &no);
	/* On a busy machine the millisecond is over before the first look. */
	MUST(r == -ETIMEDOUT || r == -EDQUOT);
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	return 0;
}

static inline int story_everything(void)
{
	struct mx_reg *reg = story_attach(0);
	struct mx_clist *held;
	int r;

	MUST(reg);
	r = story_own_list(reg);
	if (!r)
		r = story_shared_list(reg);
	if (r)
		return r;
	held = story_join(reg, 3); /* left to the detaching */
	MUST(held);
	mx_reg_tick(reg);
	mx_reg_close(reg);
	mx_clist_leave(held);
	return 0;
}

#endif
