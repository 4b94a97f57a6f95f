/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subscriptions: what the server tells by itself.  [MS-OXCNOTIF]
 *
 * While something is subscribed, each session context has one NotificationWait
 * parked on the poll engine, under its own user.  Events are handed to a small
 * pool of callback threads; events of one subscription come in order and one at
 * a time.  A subscription outlives its session context: it is registered again,
 * and told that it may have missed something.
 */
#ifndef MX_SESSION_NOTIFY_H
#define MX_SESSION_NOTIFY_H

#include "base/lock.h"
#include "session/sobj.h"

enum mx_event_kind {
	MX_EVENT_NOTIFY, /* data is set; for tables perhaps row */
	/* The session context was lost and is back, or more came in than we
	 * keep: something may have been missed.  data is NULL. */
	MX_EVENT_MISSED,
	/* Cannot be registered any more; nothing will come.  data is NULL. */
	MX_EVENT_LOST,
};

struct mx_event {
	enum mx_event_kind kind;
	const struct mx_notification_data
		*data; /* until the callback returns */
	/* TableRowAdded and TableRowModified: the row, by the table's columns
	 * as they were when it came; NULL when it cannot be read. */
	const struct mx_proprow *row;
	uint32_t code; /* LOST: the server's ReturnValue, or 0 */
};

/* Runs on a callback thread with no lock held.  May call anything of this
 * module, except mx_client_shutdown(). */
typedef void mx_notify_fn(void *arg, const struct mx_event *ev);

struct mx_sub_params {
	/* Either a table: its TableModified events, implicit in the protocol;
	 * or a logon with what to watch in it. */
	struct mx_sobj *table;
	struct mx_logon *logon;
	uint16_t types;   /* NotificationTypes; [MS-OXCNOTIF] 2.2.1.2.1.1 */
	bool whole_store; /* else fid, and mid unless 0 */
	uint64_t fid, mid;
	mx_notify_fn *fn;
	void *arg;
	void (*free_arg)(void *arg); /* when no callback can use it; or NULL */
};

struct mx_sub;

/* Registers (one round trip for a logon; for a table none unless it is not open
 * yet) and makes sure that a NotificationWait is parked.  0 with *ret to be
 * cancelled; the errors of session.h.  On failure free_arg is not called. */
int mx_sub_new(const struct mx_sub_params *params, const struct mx_call *call,
	       struct mx_sub **ret) MX_UNLOCKED;

/* Ends it.  When it returns no callback starts any more; one that is already
 * running on another thread may still finish (arg stays until then, free_arg
 * comes after it).  Called from its own callback it ends it all the same.  Never
 * waits; the server is told in the background.  NULL is fine. */
void mx_sub_cancel(struct mx_sub *sub) MX_UNLOCKED;

#endif
