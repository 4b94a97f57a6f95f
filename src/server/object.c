/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "server/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "server/ctx.h"
#include "store/mbox.h"
#include "store/obj.h"
#include "store/store.h"
#include "store/table.h"
#include "wire/rpcext.h"

#define SLOT_BITS 20u
#define SLOT_MASK ((1u << SLOT_BITS) - 1)
#define MAX_GEN 0xffeu /* 0xfff would allow 0xffffffff */

void mx_objects_init(struct mx_objects *os, struct mx_ctx *ctx)
{
	memset(os, 0, sizeof(*os));
	os->ctx = ctx;
	for (size_t i = 0; i < 256; i++)
		os->logons[i] = MX_NO_HANDLE;
}

static void watch_free(struct mx_sobj *so)
{
	if (!so->watch)
		return;
	mx_watch_remove(so->watch);
	mx_notes_drop(so->watch->ctx, so->handle);
	free(so->watch);
	so->watch = NULL;
}

/* Closes what it is about; the mailbox goes with its logon object. */
static void sobj_free(struct mx_sobj *so)
{
	watch_free(so);
	if (so->strm && so->commit) {
		int r = mx_strm_commit(so->strm);

		if (r < 0) /* RopRelease has no answer to say it in */
			mx_log(MX_LOG_ERROR, "server",
			       "a released stream's data is lost: %s",
			       mx_store_strerror(r));
	}
	if (so->strm)
		mx_strm_close(so->strm, false);
	if (so->tbl)
		mx_tbl_close(so->tbl);
	mx_obj_close(so->obj);
	if (so->kind == MX_S_LOGON)
		mx_mbox_close(so->mbox);
	free((void *)(uintptr_t)so->cols.p);
	free(so);
}

static uint32_t *count_of(struct mx_objects *os, enum mx_skind kind)
{
	return &os->n_kind[__builtin_ctz((unsigned)kind)];
}

/* Subscriptions have no limit of their own. */
static unsigned limit_of(const struct mx_server_params *p, enum mx_skind kind)
{
	switch (kind) {
	case MX_S_LOGON:
		return p->max_logons;
	case MX_S_FOLDER:
		return p->max_folders;
	case MX_S_MESSAGE:
		return p->max_messages;
	case MX_S_ATTACH:
		return p->max_attachments;
	case MX_S_TABLE:
		return p->max_tables;
	case MX_S_STREAM:
		return p->max_streams;
	default:
		return p->max_objects;
	}
}

static void drop(struct mx_objects *os, uint32_t slot)
{
	struct mx_sobj *so = os->slots[slot];

	os->slots[slot] = NULL;
	os->gens[slot] = os->gens[slot] >= MAX_GEN ? 0 : os->gens[slot] + 1;
	os->n_used--;
	--*count_of(os, so->kind);
	if (slot < os->next)
		os->next = slot;
	atomic_fetch_sub(&os->ctx->srv->n_objects, 1);
	sobj_free(so);
}

static void release_logon(struct mx_objects *os, struct mx_sobj *logon)
{
	uint8_t id = logon->logon_id;
	uint32_t slot = logon->handle & SLOT_MASK;

	for (uint32_t i = 0; i < os->n_slots; i++)
		if (i != slot && os->slots[i] && os->slots[i]->logon_id == id)
			drop(os, i);
	os->logons[id] = MX_NO_HANDLE;
	drop(os, slot);
}

void mx_objects_fini(struct mx_objects *os)
{
	for (size_t i = 0; i < 256; i++) {
		struct mx_sobj *so = mx_objects_logon(os, (uint8_t)i);

		if (so)
			release_logon(os, so);
	}
	free(os->slots);
	free(os->gens);
	os->slots = NULL;
	os->gens = NULL;
	os->n_slots = 0;
}

static int grow(struct mx_objects *os)
{
	uint32_t n = os->n_slots ? os->n_slots * 2 : 8;
	struct mx_sobj **slots;
	uint16_t *gens;

	slots = realloc(os->slots, n * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	os->slots = slots;
	gens = realloc(os->gens, n * sizeof(*gens));
	if (!gens)
		return -ENOMEM;
	os->gens = gens;
	for (uint32_t i = os->n_slots; i < n; i++) {
		slots[i] = NULL;
		gens[i] = 1; /* so that small numbers are no handles */
	}
	os->n_slots = n;
	return 0;
}

int mx_objects_add(struct mx_objects *os, enum mx_skind kind, uint8_t logon_id,
		   struct mx_sobj **ret)
{
	const struct mx_server_params *p = &os->ctx->srv->p;
	struct mx_sobj *so;
	uint32_t i;

	if (os->n_used >= p->max_objects || os->n_used > SLOT_MASK ||
	    *count_of(os, kind) >= limit_of(p, kind))
		return -EDQUOT;
	for (i = os->next; i < os->n_slots && os->slots[i];)
		i++;
	if (i == os->n_slots && grow(os) < 0)
		return -ENOMEM;
	so = calloc(1, sizeof(*so));
	if (!so)
		return -ENOMEM;
	so->kind = kind;
	so->logon_id = logon_id;
	so->handle = i | (uint32_t)os->gens[i] << SLOT_BITS;
	os->slots[i] = so;
	os->next = i + 1;
	os->n_used++;
	++*count_of(os, kind);
	if (kind == MX_S_LOGON)
		os->logons[logon_id] = so->handle;
	atomic_fetch_add(&os->ctx->srv->n_objects, 1);
	*ret = so;
	return 0;
}

struct mx_sobj *mx_objects_get(struct mx_objects *os, uint32_t handle)
{
	uint32_t slot = handle & SLOT_MASK;

	if (handle == MX_NO_HANDLE || slot >= os->n_slots || !os->slots[slot])
		return NULL;
	return os->slots[slot]->handle == handle ? os->slots[slot] : NULL;
}

struct mx_sobj *mx_objects_logon(struct mx_objects *os, uint8_t logon_id)
{
	return mx_objects_get(os, os->logons[logon_id]);
}

void mx_objects_release(struct mx_objects *os, struct mx_sobj *so)
{
	if (so->kind == MX_S_LOGON)
		release_logon(os, so);
	else
		drop(os, so->handle & SLOT_MASK);
}

int mx_sobj_set_cols(struct mx_sobj *so, const uint32_t *tags, size_t n)
{
	uint32_t *p = malloc(n ? n * sizeof(*p) : 1);

	if (!p)
		return -ENOMEM;
	memcpy(p, tags, n * sizeof(*p));
	free((void *)(uintptr_t)so->cols.p);
	so->cols = (struct mx_tags){(uint32_t)n, p};
	return 0;
}
