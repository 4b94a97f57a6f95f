/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The buffer of an Execute: ROPs, handle table, and which is whose. */
#include <errno.h>
#include <stdlib.h>

#include "session/exec-private.h"
#include "session/rop-info.h"

/* Handles in one Execute: an index is one byte, 255 means none. */
#define N_SLOTS 255

void mx_exec_fini(struct mx_exec *ex)
{
	free(ex->items);
	free(ex->block);
	ex->items = NULL;
	ex->block = NULL;
	ex->slots = NULL;
	ex->handles = NULL;
	ex->rops = NULL;
}

/* Runs that send no Execute, and those that wait, do without. */
static int make_block(struct mx_exec *ex)
{
	const size_t slots = N_SLOTS * sizeof(*ex->slots);
	const size_t handles = N_SLOTS * sizeof(*ex->handles);
	char *p = malloc(slots + handles + MX_MAX_ROP_PAYLOAD);

	if (!p)
		return -ENOMEM;
	ex->block = p;
	ex->slots = (struct mx_sobj **)(void *)p;
	ex->handles = (uint32_t *)(void *)(p + slots);
	ex->rops = (uint8_t *)p + slots + handles;
	return 0;
}

int mx_exec_reset(struct mx_run *r)
{
	struct mx_exec *ex = &r->ex;

	if (!ex->block && make_block(ex))
		return -ENOMEM;
	ex->n_handles = ex->n_items = ex->n_released = 0;
	ex->n_rops = 0;
	ex->resend = true;
	ex->chain = ex->pending = ex->all_lost = false;
	ex->backoff_ms = ex->size_needed = 0;
	ex->seq = ++r->ctx->exec_seq;
	if (!ex->seq)
		ex->seq = ++r->ctx->exec_seq;
	return 0;
}

size_t mx_exec_room(const struct mx_exec *ex)
{
	size_t used = 2 + ex->n_rops + 4 * (size_t)ex->n_handles;

	return used < MX_MAX_ROP_PAYLOAD ? MX_MAX_ROP_PAYLOAD - used : 0;
}

int mx_exec_slot(struct mx_exec *ex, struct mx_sobj *o, uint32_t handle)
{
	if (ex->n_handles == N_SLOTS || mx_exec_room(ex) < 4)
		return -ENOSPC;
	ex->slots[ex->n_handles] = o;
	ex->handles[ex->n_handles] = handle;
	if (o) {
		o->slot = (uint8_t)ex->n_handles;
		o->slot_seq = ex->seq;
	}
	return (int)ex->n_handles++;
}

bool mx_exec_has(const struct mx_exec *ex, const struct mx_sobj *o)
{
	return o->slot_seq == ex->seq && o->slot < ex->n_handles &&
	       ex->slots[o->slot] == o;
}

struct mx_item *mx_exec_item(struct mx_exec *ex)
{
	unsigned cap = ex->cap_items ? 2 * ex->cap_items : 16;
	struct mx_item *p = ex->items;

	if (ex->n_items == ex->cap_items) {
		p = realloc(ex->items, cap * sizeof(*p));
		if (!p)
			return NULL;
		ex->items = p;
		ex->cap_items = cap;
	}
	p += ex->n_items;
	*p = (struct mx_item){0};
	return p;
}

void mx_exec_commit(struct mx_exec *ex, struct mx_item *it, size_t n)
{
	it->at = (uint16_t)ex->n_rops;
	it->n = (uint16_t)n;
	it->rop = ex->rops[ex->n_rops];
	if (!mx_rop_resend(ex->rops + ex->n_rops, n))
		ex->resend = false;
	ex->n_rops += n;
	ex->n_items++;
}
