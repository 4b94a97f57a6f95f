/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailboxes: RopLogon, and the map between REPLIDs and replica GUIDs.
 * [MS-OXCSTOR] 2.2.1.1; [MS-OXCDATA] 2.2.1
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session/session-private.h"

#define LOGON_PRIVATE 0x01
/* Few replicas occur in one store; more than this are asked for each time. */
#define MAX_REPLIDS 64

static int record_open(struct mx_logon *l, const struct mx_logon_params *p)
{
	struct mx_rop_req req = {.id = MX_ROP_LOGON};
	struct mx_logon_req *q = &req.logon;
	int err = 0;

	q->logon_flags = p->public_store ? 0 : LOGON_PRIVATE;
	q->open_flags = p->open_flags | MX_OPEN_USE_PER_MDB_REPLID_MAPPING |
			MX_OPEN_NO_MAIL;
	if (p->public_store)
		q->open_flags |= MX_OPEN_PUBLIC;
	if (!p->public_store)
		q->essdn = (struct mx_bin){
			.n = (uint32_t)strlen(l->dn) + 1,
			.p = (const uint8_t *)l->dn,
		};
	l->o.open = mx_rop_record(&req, &err);
	return err;
}

int mx_logon_new(struct mx_session *s, const struct mx_logon_params *params,
		 struct mx_logon **ret)
{
	const char *dn = params->mailbox_dn ? params->mailbox_dn : s->user_dn;
	int err = mx_session_usable(s, NULL);
	struct mx_logon *l;

	if (err)
		return err;
	l = mx_lines_calloc(sizeof(*l));
	if (!l)
		return -ENOMEM;
	mx_sobj_init(&l->o, MX_SOBJ_LOGON);
	l->o.logon = l;
	l->public_store = params->public_store;
	l->dn = strdup(dn);
	err = l->dn ? record_open(l, params) : -ENOMEM;
	if (err) {
		free(l->dn);
		free(l);
		return err;
	}
	l->s = mx_session_ref(s);
	mx_mutex_lock(&s->lock);
	s->n_logons++;
	mx_mutex_unlock(&s->lock);
	*ret = l;
	return 0;
}

struct mx_logon *mx_logon_ref(struct mx_logon *l)
{
	mx_sobj_ref(&l->o);
	return l;
}

void mx_logon_unref(struct mx_logon *l)
{
	mx_sobj_unref(l ? &l->o : NULL);
}

/* The place is given back at once, the id when the server has been told. */
static struct mx_ctx *leave_locked(struct mx_logon *l,
				   struct mx_conn **ret) MX_LOCKED
{
	struct mx_ctx *ctx = l->ctx;

	l->s->n_logons--;
	if (!ctx)
		return NULL;
	if (mx_sobj_live(&l->o))
		mx_sctx_release_locked(ctx, (struct mx_release){
						    .handle = l->o.handle,
						    .logon_id = l->id,
						    .logon = true,
					    });
	else
		mx_sctx_free_id_locked(ctx, l->id);
	ctx->n_logons--;
	l->ctx = NULL;
	if (l->counted)
		*ret = ctx->conn;
	return ctx;
}

void mx_logon_destroy(struct mx_logon *l)
{
	struct mx_session *s = l->s;
	struct mx_conn *conn = NULL;
	struct mx_ctx *ctx;

	mx_mutex_lock(&s->lock);
	ctx = leave_locked(l, &conn);
	/* A store in shared memory, under its own leaf lock; conn lives as
	 * long as s->lock is held. */
	if (conn)
		mx_conn_logon_release(conn);
	mx_mutex_unlock(&s->lock);
	if (ctx) {
		mx_sctx_poke(ctx);
		mx_sctx_unref(ctx);
	}
	mx_sobj_fini(&l->o);
	free(l->replids);
	free(l->dn);
	free(l);
	mx_session_unref(s);
}

int mx_logon_open(struct mx_logon *l, const struct mx_call *call)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_op *op;
	int err;

	mx_batch_init(&b);
	op = mx_batch_open(&b, &l->o);
	err = mx_batch_run(&b, call);
	return err ? err : mx_op_fault(op, call ? call->fault : NULL);
}

const struct mx_logon_info *mx_logon_info(struct mx_logon *l)
{
	bool have;

	mx_mutex_lock(&l->s->lock);
	have = l->have_info;
	mx_mutex_unlock(&l->s->lock);
	return have ? &l->info : NULL;
}

struct mx_sobj *mx_logon_sobj(struct mx_logon *l)
{
	return &l->o;
}

struct mx_session *mx_logon_session(struct mx_logon *l)
{
	return l->s;
}

const char *mx_logon_mailbox_dn(const struct mx_logon *l)
{
	return l->dn;
}

/* --- Replicas ----------------------------------------------------------- */

static bool know_guid(struct mx_logon *l, uint16_t id, struct mx_guid *ret)
{
	bool found = false;

	mx_mutex_lock(&l->s->lock);
	if (l->have_info && l->info.repl_id == id) {
		*ret = l->info.repl_guid;
		found = true;
	}
	for (unsigned i = 0; i < l->n_replids && !found; i++) {
		found = l->replids[i].id == id;
		if (found)
			*ret = l->replids[i].guid;
	}
	mx_mutex_unlock(&l->s->lock);
	return found;
}

static bool know_id(struct mx_logon *l, const struct mx_guid *guid,
		    uint16_t *ret)
{
	bool found = false;

	mx_mutex_lock(&l->s->lock);
	if (l->have_info && mx_guid_equal(&l->info.repl_guid, guid)) {
		*ret = l->info.repl_id;
		found = true;
	}
	for (unsigned i = 0; i < l->n_replids && !found; i++) {
		found = mx_guid_equal(&l->replids[i].guid, guid);
		if (found)
			*ret = l->replids[i].id;
	}
	mx_mutex_unlock(&l->s->lock);
	return found;
}

static void learn(struct mx_logon *l, uint16_t id, const struct mx_guid *guid)
{
	struct mx_guid known;
	struct mx_replid *p;

	if (know_guid(l, id, &known))
		return;
	mx_mutex_lock(&l->s->lock);
	if (l->n_replids < MAX_REPLIDS) {
		p = realloc(l->replids, (l->n_replids + 1) * sizeof(*p));
		if (p) {
			p[l->n_replids++] = (struct mx_replid){id, *guid};
			l->replids = p;
		}
	}
	mx_mutex_unlock(&l->s->lock);
}

/* The logon's own replica is only known once it is open. */
static int have_info(struct mx_logon *l, const struct mx_call *call)
{
	return mx_logon_info(l) ? mx_session_usable(l->s, NULL)
				: mx_logon_open(l, call);
}

int mx_logon_ltid_from_id(struct mx_logon *l, uint64_t id,
			  const struct mx_call *call, struct mx_ltid *ret)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_LONG_TERM_ID_FROM_ID};
	const struct mx_rop_res *res;
	struct mx_guid guid;
	int err;

	mx_batch_init(&b);
	err = have_info(l, call);
	if (err)
		return err;
	if (know_guid(l, mx_id_replid(id), &guid)) {
		*ret = mx_id_to_ltid(id, &guid);
		return 0;
	}
	req.long_term_id_from_id.object_id = id;
	err = mx_rop_call(&b, &l->o, &req, call, &res);
	if (err)
		return err;
	*ret = res->long_term_id_from_id.long_term_id;
	learn(l, mx_id_replid(id), &ret->replica);
	return 0;
}

int mx_logon_id_from_ltid(struct mx_logon *l, const struct mx_ltid *ltid,
			  const struct mx_call *call, uint64_t *ret)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_ID_FROM_LONG_TERM_ID};
	const struct mx_rop_res *res;
	uint16_t replid;
	int err;

	mx_batch_init(&b);
	err = have_info(l, call);
	if (err)
		return err;
	if (know_id(l, &ltid->replica, &replid)) {
		*ret = mx_id_from_ltid(ltid, replid);
		return 0;
	}
	req.id_from_long_term_id.long_term_id = *ltid;
	err = mx_rop_call(&b, &l->o, &req, call, &res);
	if (err)
		return err;
	*ret = res->id_from_long_term_id.object_id;
	learn(l, mx_id_replid(*ret), &ltid->replica);
	return 0;
}
