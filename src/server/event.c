/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "server/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "server/ctx.h"
#include "server/wait.h"
#include "store/table.h"

#define SHARDS 64u
#define BUCKETS 32u

struct mx_events {
	struct shard {
		struct mx_mutex lock;
		struct mx_list buckets[BUCKETS];
	} shards[SHARDS];
};

int mx_events_new(struct mx_events **ret)
{
	struct mx_events *ev = calloc(1, sizeof(*ev));

	if (!ev)
		return -ENOMEM;
	for (size_t s = 0; s < SHARDS; s++) {
		mx_mutex_init(&ev->shards[s].lock);
		for (size_t b = 0; b < BUCKETS; b++)
			mx_list_init(&ev->shards[s].buckets[b]);
	}
	*ret = ev;
	return 0;
}

void mx_events_free(struct mx_events *ev)
{
	for (size_t s = 0; ev && s < SHARDS; s++)
		mx_mutex_fini(&ev->shards[s].lock);
	free(ev);
}

static struct shard *shard_of(struct mx_events *ev, const uint8_t guid[16])
{
	return &ev->shards[guid[0] % SHARDS];
}

static struct mx_list *bucket_of(struct shard *s, const uint8_t guid[16])
{
	return &s->buckets[guid[1] % BUCKETS];
}

void mx_watch_add(struct mx_watch *w)
{
	struct shard *s = shard_of(w->ctx->srv->events, w->mailbox);

	mx_mutex_lock(&s->lock);
	mx_list_push_tail(bucket_of(s, w->mailbox), &w->node);
	mx_mutex_unlock(&s->lock);
}

void mx_watch_remove(struct mx_watch *w)
{
	struct shard *s = shard_of(w->ctx->srv->events, w->mailbox);

	mx_mutex_lock(&s->lock);
	mx_list_unlink(&w->node);
	mx_mutex_unlock(&s->lock);
}

/* ---- Notes ---- */

static bool in_scope(const struct mx_watch *w, const struct mx_event *e)
{
	if (!(w->types & e->type))
		return false;
	if (w->whole_store)
		return true;
	if (w->mid)
		return e->mid == w->mid || (e->mid && e->old_mid == w->mid);
	if (e->fid == w->fid || e->old_fid == w->fid)
		return true;
	return !e->mid &&
	       (e->parent_fid == w->fid || e->old_parent_fid == w->fid);
}

static void fill_tags(struct mx_note *n, const struct mx_event *e,
		      uint32_t *room)
{
	struct mx_notification_data *d = &n->data;

	d->tag_count = (uint16_t)e->n_tags;
	memcpy(room, e->tags, e->n_tags * sizeof(*room));
	d->tags = (struct mx_tags){(uint32_t)e->n_tags, room};
}

static void fill(struct mx_note *n, const struct mx_event *e)
{
	struct mx_notification_data *d = &n->data;

	d->notification_flags = (uint16_t)e->type;
	if (e->mid)
		d->notification_flags |= 0x8000;
	d->folder_id = e->fid;
	d->message_id = e->mid;
	d->parent_folder_id = e->parent_fid;
	d->old_folder_id = e->old_fid;
	d->old_message_id = e->old_mid;
	d->old_parent_folder_id = e->old_parent_fid;
	if (e->type == MX_EV_MODIFIED && !e->mid && e->counts) {
		d->notification_flags |= 0x3000;
		d->total_message_count = e->total;
		d->unread_message_count = e->unread;
	}
	if (e->type == MX_EV_NEW_MAIL) {
		d->message_flags = e->flags;
		d->unicode_flag = true;
	}
}

static struct mx_note *note_new(const struct mx_watch *w,
				const struct mx_event *e)
{
	size_t n_tags = e->n_tags < 0xffff ? e->n_tags : 0;
	size_t n_class = e->message_class ? strlen(e->message_class) + 1 : 1;
	struct mx_note *n = calloc(1, sizeof(*n) + 4 * n_tags + n_class);
	char *room;

	if (!n)
		return NULL;
	room = (char *)(n + 1);
	fill(n, e);
	if (n_tags)
		fill_tags(n, e, (uint32_t *)(void *)room);
	room += 4 * n_tags;
	if (e->message_class)
		memcpy(room, e->message_class, n_class);
	n->data.message_class = room;
	n->handle = w->handle;
	n->logon_id = w->logon_id;
	return n;
}

static void queue(struct mx_watch *w, const struct mx_event *e)
{
	struct mx_note *n = note_new(w, e);
	struct mx_ctx *ctx = w->ctx;

	mx_mutex_lock(&ctx->lock);
	if (n && ctx->n_notes < MX_MAX_NOTES) {
		mx_list_push_tail(&ctx->notes, &n->node);
		ctx->n_notes++;
		n = NULL;
	} else if (!ctx->n_lost++) {
		mx_log(MX_LOG_WARN, "server",
		       "context %llu of %s does not fetch its notifications: "
		       "more than %u, new ones are lost",
		       (unsigned long long)ctx->serial, ctx->owner->name,
		       MX_MAX_NOTES);
	}
	mx_wait_wake_locked(ctx);
	mx_mutex_unlock(&ctx->lock);
	free(n);
}

static void mark(struct mx_watch *w)
{
	mx_mutex_lock(&w->ctx->lock);
	if (!w->dirty) {
		w->dirty = true;
		w->ctx->tables_dirty = true;
		mx_wait_wake_locked(w->ctx);
	}
	mx_mutex_unlock(&w->ctx->lock);
}

static bool touches(const struct mx_watch *w, const struct mx_event *e)
{
	return mx_tbl_watches(w->tbl, e->fid) ||
	       (e->parent_fid && mx_tbl_watches(w->tbl, e->parent_fid)) ||
	       (e->old_fid && mx_tbl_watches(w->tbl, e->old_fid)) ||
	       (e->old_parent_fid && mx_tbl_watches(w->tbl, e->old_parent_fid));
}

void mx_events_take(void *arg, const struct mx_event *e)
{
	struct shard *s = shard_of(arg, e->mailbox);

	mx_mutex_lock(&s->lock);
	MX_LIST_FOR_EACH(it, bucket_of(s, e->mailbox)) {
		struct mx_watch *w = MX_CONTAINER_OF(it, struct mx_watch, node);

		if (memcmp(w->mailbox, e->mailbox, 16))
			continue;
		if (w->tbl) {
			if (touches(w, e))
				mark(w);
		} else if (in_scope(w, e)) {
			queue(w, e);
		}
	}
	mx_mutex_unlock(&s->lock);
}

struct mx_note *mx_note_take(struct mx_ctx *ctx)
{
	struct mx_list *n;

	mx_mutex_lock(&ctx->lock);
	n = mx_list_pop(&ctx->notes);
	if (n)
		ctx->n_notes--;
	mx_mutex_unlock(&ctx->lock);
	return n ? MX_CONTAINER_OF(n, struct mx_note, node) : NULL;
}

void mx_note_put_back(struct mx_ctx *ctx, struct mx_note *n)
{
	mx_mutex_lock(&ctx->lock);
	mx_list_push_head(&ctx->notes, &n->node);
	ctx->n_notes++;
	mx_mutex_unlock(&ctx->lock);
}

void mx_notes_clear(struct mx_ctx *ctx)
{
	struct mx_note *n;

	while ((n = mx_note_take(ctx)))
		free(n);
}

void mx_notes_drop(struct mx_ctx *ctx, uint32_t handle)
{
	mx_mutex_lock(&ctx->lock);
	MX_LIST_FOR_EACH_SAFE(it, &ctx->notes) {
		struct mx_note *n = MX_CONTAINER_OF(it, struct mx_note, node);

		if (n->handle != handle)
			continue;
		mx_list_unlink(it);
		ctx->n_notes--;
		free(n);
	}
	mx_mutex_unlock(&ctx->lock);
}

bool mx_tables_dirty_take(struct mx_ctx *ctx)
{
	bool dirty;

	mx_mutex_lock(&ctx->lock);
	dirty = ctx->tables_dirty;
	ctx->tables_dirty = false;
	mx_mutex_unlock(&ctx->lock);
	return dirty;
}

bool mx_watch_dirty_take(struct mx_ctx *ctx, struct mx_watch *w)
{
	bool dirty;

	mx_mutex_lock(&ctx->lock);
	dirty = w->dirty;
	w->dirty = false;
	mx_mutex_unlock(&ctx->lock);
	return dirty;
}
