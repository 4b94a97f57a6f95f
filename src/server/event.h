/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what the store says has changed to what a client is told.
 * [MS-OXCNOTIF] 3.1.
 *
 *   store's hook ─► who watches this mailbox?  ─► note in the context's queue
 *                                              └► table marked, to be asked
 *                                                 by the context's next Execute
 *
 * A watch is a subscription (RopRegisterNotification) or an open table.
 */
#ifndef MX_SERVER_EVENT_H
#define MX_SERVER_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "store/store.h"
#include "wire/rops.h"

struct mx_ctx;
struct mx_tbl;

/* Notes that wait in one context; beyond them new ones are lost (and logged). */
#define MX_MAX_NOTES 4096u

struct mx_watch {
	struct mx_list node; /* in its shard */
	struct mx_ctx *ctx;
	uint8_t mailbox[16];
	uint32_t handle; /* NotificationHandle */
	uint8_t logon_id;
	struct mx_tbl *tbl; /* a table's watch, else NULL */
	bool dirty;         /* the table may have changed; ctx->lock */
	/* A subscription's. */
	uint16_t types;
	bool whole_store;
	uint64_t fid, mid;
};

/* One RopNotify waiting to be sent. */
struct mx_note {
	struct mx_list node;
	uint32_t handle;
	uint8_t logon_id;
	struct mx_notification_data data; /* strings and tags follow it */
};

struct mx_events;

int mx_events_new(struct mx_events **ret);
void mx_events_free(struct mx_events *ev);

/* The store's hook; arg is the struct mx_events. */
void mx_events_take(void *arg, const struct mx_event *e);

/* From now on w (caller's memory) gets events; until the second returns. */
void mx_watch_add(struct mx_watch *w);
void mx_watch_remove(struct mx_watch *w);

/* Takes the oldest note of ctx, NULL when there is none; free() it.  Put back
 * goes to the front again. */
struct mx_note *mx_note_take(struct mx_ctx *ctx);
void mx_note_put_back(struct mx_ctx *ctx, struct mx_note *n);
void mx_notes_clear(struct mx_ctx *ctx);
/* Forgets what is queued for a handle that was released. */
void mx_notes_drop(struct mx_ctx *ctx, uint32_t handle);

/* Whether the tables of ctx were marked; takes the mark. */
bool mx_tables_dirty_take(struct mx_ctx *ctx);
bool mx_watch_dirty_take(struct mx_ctx *ctx, struct mx_watch *w);

#endif
