/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connection records: one for each session context a process has on a server
 * for a user.  The record is the session's place in the user's budget, is where
 * others see what the session is doing, and keeps its cookies for whoever has
 * to end it when the process dies.
 *
 *   open ──► (waiting in order for the budget or a back-off) ──► OPEN
 *   OPEN ──► reopen, when the server refused ──► (waiting) ──► OPEN
 *   OPEN ──► close(ENDED)  ──► free
 *   OPEN ──► close(LEFT), or the process dies ──► ORPHAN ──► the next open of
 *            the same user, server and kind takes it over, cookies and all;
 *            or it is dropped when the server must have forgotten it
 *
 * The poller of a connection (its parked NotificationWait):
 *
 *   IDLE ──► STARTING ──► PARKED ──► STOPPING ──► DONE ──► STARTING …
 *                 └──────────┴───────────►────────┘
 *
 * DONE is the one exit; it is also set when the connection is closed and when
 * its process dies, and it always wakes who waits (mx_clist_wait_done).
 *
 * Any thread may call on a connection; calls never do I/O.  Only open waits.
 */
#ifndef MX_CONNLIST_CONN_H
#define MX_CONNLIST_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "connlist/clist.h"

enum mx_conn_kind {
	MX_CONN_MAILBOX,      /* EMSMDB */
	MX_CONN_ADDRESS_BOOK, /* NSPI */
};
#define MX_CONN_KINDS 2

struct mx_conn;

struct mx_conn_params {
	const char *server; /* "host:port", at most MX_CONN_SERVER_MAX bytes */
	enum mx_conn_kind kind;
	mx_mono deadline; /* for waiting; {0} or the past: do not wait */
	bool (*cancelled)(void *arg); /* asked at least every 100 ms; or NULL */
	void *arg;
};

#define MX_CONN_SERVER_MAX 191
#define MX_CONN_COOKIES_MAX 255

/* Takes a place in the budget "sessions of this user on this server", which
 * holds over all processes, in order of arrival, and waits out a back-off.  0
 * with *ret owned by the caller, or
 *   -ETIMEDOUT  the deadline came first; the fault says what was waited for,
 *               its code is EDQUOT (a place) or EAGAIN (the end of a back-off)
 *   -EDQUOT     the same, when the deadline was already over: no place now
 *   -EAGAIN     the same, in a back-off (the deadline may be to come: it
 *               is before the back-off's end)
 *   -ECANCELED
 *   -ENOSPC     the segment's connection or server records are all in use
 *   -EINVAL     no server name, or too long
 *   -EBUSY, -EBADMSG, -ESTALE, -ENOMEM as mx_clist_join().
 * The connection holds the list; cl may be left. */
int mx_conn_open(struct mx_clist *cl, const struct mx_conn_params *params,
		 struct mx_conn **ret, struct mx_fault *fault);

/* The server did not take a session in this place after all: gives it back and
 * waits for another, before everyone who came after the open.  0: conn has one
 * again, and mx_conn_cookies() are new; else as mx_conn_open, and conn is only
 * to be closed.  The parameters are those of the open, the deadline may differ;
 * one thread, and no other call on conn meanwhile. */
int mx_conn_reopen(struct mx_conn *conn, const struct mx_conn_params *params,
		   struct mx_fault *fault);

enum mx_conn_end {
	MX_CONN_ENDED, /* the server has no session any more, or never had */
	MX_CONN_LEFT,  /* it may have: keep the cookies for the next open */
};

/* Gives the place back (or leaves an orphan) and frees conn; never waits.
 * NULL is fine. */
void mx_conn_close(struct mx_conn *conn, enum mx_conn_end how);

bool mx_conn_valid(const struct mx_conn *conn);
uint32_t mx_conn_slot(const struct mx_conn *conn);

/* --- Cookies ------------------------------------------------------------ */

/* Writes the cookies kept in the record to buf and returns their length; 0 if
 * there are none or n is too small.  Right after open: those of a dead process,
 * to be sent with Connect so that the server frees its session (B17). */
size_t mx_conn_cookies(struct mx_conn *conn, char *buf, size_t n);

/* Keeps the session's cookies, "" for none.  What authenticates must not be
 * among them.  0, -E2BIG (the old ones are dropped), -ESTALE. */
int mx_conn_set_cookies(struct mx_conn *conn, const char *cookies);

/* --- Logons ------------------------------------------------------------- */

/* One more logon in this session.  0, -EDQUOT when it is full (open another
 * session), -ESTALE. */
int mx_conn_logon_acquire(struct mx_conn *conn);
void mx_conn_logon_release(struct mx_conn *conn);
unsigned mx_conn_logons(struct mx_conn *conn);

/* --- Operations in flight ----------------------------------------------- */

enum mx_conn_op {
	MX_OP_CALL,   /* the foreground request */
	MX_OP_PARKED, /* NotificationWait or keep-alive beside it */
};
#define MX_OPS 2

/* Says what is being done and on what it waits ("answer", "PENDING", "connect",
 * "retry" …); name and waiting_on are cut to 31 bytes and must not hold what a
 * user typed.  deadline: when it will be given up. */
void mx_conn_op_begin(struct mx_conn *conn, enum mx_conn_op op,
		      const char *name, const char *waiting_on,
		      mx_mono deadline);
void mx_conn_op_waiting(struct mx_conn *conn, enum mx_conn_op op,
			const char *waiting_on);

struct mx_op_result {
	int err;       /* 0 or negative errno */
	uint32_t code; /* the peer's code, 0 when none */
	uint64_t bytes_out, bytes_in;
	uint32_t round_trips; /* requests sent on the wire */
};

void mx_conn_op_end(struct mx_conn *conn, enum mx_conn_op op,
		    const struct mx_op_result *result);

/* A request is about to begin: has what op_begin and the others touch of this
 * connection fetched into the cache meanwhile. */
void mx_conn_prefetch(const struct mx_conn *conn);

/* --- The poller --------------------------------------------------------- */

enum mx_poller {
	MX_POLLER_IDLE,
	MX_POLLER_STARTING,
	MX_POLLER_PARKED,
	MX_POLLER_STOPPING,
	MX_POLLER_DONE,
};

/* Moves the poller.  0; -EINVAL for a move that the picture does not have
 * (nothing changes); -ESTALE.  DONE wakes every waiter. */
int mx_conn_set_poller(struct mx_conn *conn, enum mx_poller to);
enum mx_poller mx_conn_poller(struct mx_conn *conn);
const char *mx_poller_name(enum mx_poller p);

/* --- The server's health, for this user --------------------------------- */

enum mx_health {
	MX_HEALTH_UNKNOWN,
	MX_HEALTH_OK,
	MX_HEALTH_BACKOFF, /* 429, 503 Retry-After, X-ResponseCode back-off */
	MX_HEALTH_FULL,    /* too many sessions for this user */
	MX_HEALTH_DOWN,    /* cannot be reached */
};

/* What the server just said.  `for_ms` (BACKOFF, FULL, DOWN; at most an hour)
 * holds back opens of this user on this server in all processes; others are not
 * touched.  FULL lowers the budget to what else is open now, for that time, and
 * holds back only when nothing else is open.  code: the peer's.  May wait as
 * join does, for FULL only. */
void mx_conn_report(struct mx_conn *conn, enum mx_health health, int64_t for_ms,
		    uint32_t code);

/* When the back-off of this user on this server is over; the past when there is
 * none.  Requests other than open ask this and wait in their own way. */
mx_mono mx_conn_ready_at(struct mx_conn *conn);
const char *mx_health_name(enum mx_health h);

#endif
