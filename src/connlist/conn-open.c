/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a connection: a place in the budget, waited for in order.  The only
 * call on connections that waits; it sleeps on a futex in its own record, which
 * is linked while it waits, so that everybody sees who is in line.
 */
#include "connlist/conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "connlist/registry-private.h"

/* One open in progress. */
struct opening {
	struct mx_conn *conn; /* list is set and held */
	const struct mx_conn_params *p;
	struct mx_fault *f;
	uint32_t fresh; /* our claimed record, linked or not; or NO_INDEX */
	bool waiting;   /* it is linked, WAITING */
	/* The futex word as it was when we last looked, under the lock that
	 * granting takes: a grant after that look ends the sleep at once. */
	uint32_t grant;
	struct place place;
};

static void conn_fill(struct mx_reg *reg, uint32_t i, uint32_t list,
		      uint32_t peer, uint32_t kind)
{
	const struct shm_map *m = &reg->map;
	const struct shm_conn *k = &m->conns[i];
	const struct shm_list *l = &m->lists[list];
	uint64_t ticket = shm_get64(&l->ticket);

	shm_put64(&l->ticket, ticket + 1);
	shm_put32(&k->seq, (shm_get32(&k->seq) | 1) + 1);
	shm_put32(&k->list, list + 1);
	shm_put32(&k->peer, peer + 1);
	shm_put64(&k->list_gen, shm_get64(&l->gen));
	shm_put32(&k->kind, kind);
	shm_put64(&k->opened_ns, now_ns());
	shm_put64(&k->ticket, ticket);
	shm_put32(&k->n_logons, 0);
	shm_put32(&k->poller, MX_POLLER_IDLE);
	shm_put64(&k->poller_since_ns, 0);
	shm_put32(&k->cookie_len, 0);
	shm_put64(&k->round_trips, 0);
	shm_put64(&k->bytes_out, 0);
	shm_put64(&k->bytes_in, 0);
	shm_put32(&k->last_err, 0);
	shm_put32(&k->last_code, 0);
	shm_put64(&k->last_err_ns, 0);
	shm_put64(&k->orphan_ns, 0);
	for (int op = 0; op < MX_OPS; op++)
		shm_put64(&k->op[op].since_ns, 0);
	shm_put32(&k->sum, conn_sum(m, i));
}

static void conn_link(struct mx_reg *reg, uint32_t i, uint32_t list,
		      uint32_t state)
{
	const struct shm_map *m = &reg->map;
	const struct shm_list *l = &m->lists[list];

	shm_put32(&m->conns[i].next, shm_get32(&l->conns));
	shm_put32(&l->conns, i + 1);
	shm_put64(&m->conn_claims[i], SHM_CLAIM(state, reg->tag));
}

/* The record of a session that its process left, cookies and all, becomes
 * ours by one store. */
static void adopt(struct opening *o)
{
	struct mx_reg *reg = o->conn->list.reg;
	const struct shm_map *m = &reg->map;
	uint32_t i = o->place.orphan;

	shm_put64(&m->conns[i].opened_ns, now_ns());
	shm_put64(&m->conn_claims[i], SHM_CLAIM(SHM_OPEN, reg->tag));
	o->conn->slot = i;
	/* Ours is not needed; unlinked here when it waited in the chain. */
	if (o->waiting) {
		shm_put64(&m->conn_claims[o->fresh],
			  SHM_CLAIM(SHM_CLOSING, reg->tag));
		(void)sweep_list_locked(reg, o->conn->list.slot, false);
	} else {
		claim_free(&m->conn_claims[o->fresh]);
	}
}

static void take_place(struct opening *o)
{
	struct mx_conn *conn = o->conn;
	struct mx_reg *reg = conn->list.reg;

	if (o->place.orphan != NO_INDEX) {
		adopt(o);
	} else {
		conn->slot = o->fresh;
		if (o->waiting)
			shm_put64(&reg->map.conn_claims[o->fresh],
				  SHM_CLAIM(SHM_OPEN, reg->tag));
		else
			conn_link(reg, o->fresh, conn->list.slot, SHM_OPEN);
	}
	o->fresh = NO_INDEX;
	conn->gen = shm_get64(&reg->map.conns[conn->slot].gen);
	/* There may be room for the next, too. */
	grant_next_locked(reg, conn->list.slot);
}

/* --- Why there is no place ---------------------------------------------- */

#define HOLDERS_MAX 8

/* Processes that hold places, with how many each. */
struct holders {
	uint32_t pid[HOLDERS_MAX], n_places[HOLDERS_MAX];
	unsigned n;
	bool more;
};

static void add_holder(struct holders *h, uint32_t pid)
{
	unsigned i = 0;

	while (i < h->n && h->pid[i] != pid)
		i++;
	if (i == HOLDERS_MAX) {
		h->more = true;
		return;
	}
	if (i == h->n) {
		h->pid[i] = pid;
		h->n_places[i] = 0;
		h->n++;
	}
	h->n_places[i]++;
}

static void find_holders(const struct opening *o, struct holders *h)
{
	const struct mx_conn *conn = o->conn;
	struct mx_reg *reg = conn->list.reg;
	const struct shm_map *m = &reg->map;
	uint32_t list = conn->list.slot, i;
	struct chain c = {0};

	for (const uint32_t *link = &m->lists[list].conns;
	     conn_at(reg, link, list, &c, &i); link = &m->conns[i].next) {
		uint64_t claim = shm_get64(&m->conn_claims[i]);
		uint32_t slot = SHM_TAG_SLOT(SHM_CLAIM_TAG(claim));

		if (SHM_CLAIM_STATE(claim) == SHM_OPEN && slot < m->n_procs &&
		    shm_get32(&m->conns[i].peer) == conn->peer + 1 &&
		    shm_get32(&m->conns[i].kind) == (uint32_t)o->p->kind)
			add_holder(h, shm_get32(&m->procs[slot].pid));
	}
}

/* ", held by processes 812 (2), 815 (1)" */
static void holders_text(const struct opening *o, char *buf, size_t n)
{
	struct holders h = {0};
	size_t at;

	find_holders(o, &h);
	at = (size_t)snprintf(buf, n, "%s",
			      !h.n      ? ""
			      : h.n > 1 ? ", held by processes"
					: ", held by process");
	for (unsigned i = 0; i < h.n && at < n; i++)
		at += (size_t)snprintf(buf + at, n - at, "%s %u (%u)",
				       i ? "," : "", h.pid[i], h.n_places[i]);
	if (h.more && at < n)
		snprintf(buf + at, n - at, " and others");
}

static int full_text(const struct opening *o, int err)
{
	const struct place *pl = &o->place;
	char holders[120];

	holders_text(o, holders, sizeof(holders));
	return reg_fault(
		o->f, err,
		"%u of %u sessions of this user on this server are in use%s; "
		"%u left by dead processes, %u wait ahead%s",
		pl->used, pl->limit, holders, pl->n_orphans, pl->ahead,
		pl->limit < o->conn->list.reg->max_sessions
			? "; the server takes no more"
			: "");
}

/* A pause, or a server full of sessions that are none of ours: *why says. */
static int wait_text(const struct opening *o, int err, int *why)
{
	const struct mx_reg *reg = o->conn->list.reg;
	const struct shm_peer *p = &reg->map.peers[o->conn->peer];
	uint64_t now = now_ns(), until = o->place.until_ns;
	double left = until > now ? (double)(until - now) / 1e9 : 0.0;

	if (shm_get64(&p->health) >> 32 == MX_HEALTH_FULL) {
		*why = -EDQUOT;
		return reg_fault(o->f, err,
				 "the server takes no more sessions of this "
				 "user, and none of them is ours; it is asked "
				 "again in %.1f s",
				 left);
	}
	return reg_fault(o->f, err,
			 "the server asked this user to wait for another "
			 "%.1f s",
			 left);
}

/* The fault's code says which of the two it was. */
static int no_place(struct opening *o, int why, int err)
{
	const struct mx_reg *reg = o->conn->list.reg;
	char name[8 * SHM_LIST_NAME_WORDS];

	shm_get_text(name, reg->map.lists[o->conn->list.slot].name,
		     SHM_LIST_NAME_WORDS);
	mx_fault_who(o->f, name, o->p->server);
	if (why == -EAGAIN)
		wait_text(o, err, &why);
	else
		full_text(o, err);
	if (o->f)
		o->f->code = (uint32_t)-why;
	return err;
}

/* --- In line ------------------------------------------------------------ */

/* A back-off is never shortened: one that ends too late is not worth a wait. */
static bool may_wait(const struct opening *o)
{
	if (o->place.until_ns &&
	    o->place.until_ns > (uint64_t)o->p->deadline.ns)
		return false;
	return !mx_mono_passed(o->p->deadline);
}

/* Under the lock, the first time.  0: placed; 1: linked and waiting. */
static int open_first_locked(struct opening *o)
{
	struct mx_conn *conn = o->conn;
	struct mx_reg *reg = conn->list.reg;
	uint32_t list = conn->list.slot;
	int err = list_check_locked(&conn->list);

	if (err)
		return reg_damaged(o->f, "a list that is held was freed");
	err = peer_get_locked(reg, list, o->p->server, &conn->peer, o->f);
	if (err)
		return err;
	conn_fill(reg, o->fresh, list, conn->peer, o->p->kind);
	err = place_look_locked(reg, list, conn->peer, o->p->kind, NO_INDEX,
				&o->place);
	if (err == -EBADMSG)
		return reg_damaged(o->f, "a list's connections");
	if (!err) {
		take_place(o);
		return 0;
	}
	if (!may_wait(o))
		return no_place(o, err, err);
	conn_link(reg, o->fresh, list, SHM_WAITING);
	o->waiting = true;
	o->grant = shm_get32(&reg->map.conns[o->fresh].grant);
	return 1;
}

static int open_first(struct opening *o)
{
	struct mx_reg *reg = o->conn->list.reg;
	uint32_t bucket = o->conn->list.bucket;
	int r;

	o->fresh = conn_claim(reg);
	if (o->fresh == NO_INDEX)
		return reg_fault(o->f, -ENOSPC,
				 "all %u connection records of %s are in use: "
				 "its capacity is set when it is created",
				 reg->map.n_conns, reg->path);
	r = bucket_lock(reg, bucket, o->f);
	if (!r) {
		r = open_first_locked(o);
		bucket_unlock(reg, bucket);
	}
	if (r < 0)
		claim_free(&reg->map.conn_claims[o->fresh]);
	return r;
}

/* Asleep until granted, until the back-off is over, until it is time to ask who
 * lives, or until the deadline.  True: nobody woke us. */
static bool sleep_in_line(struct opening *o)
{
	const struct shm_map *m = &o->conn->list.reg->map;
	uint64_t until = now_ns() + (uint64_t)PROBE_NS;

	if (o->place.until_ns && o->place.until_ns < until)
		until = o->place.until_ns;
	if (until > (uint64_t)o->p->deadline.ns)
		until = (uint64_t)o->p->deadline.ns;
	return futex_sleep(&m->conns[o->fresh].grant, o->grant, until);
}

/* Under the lock: out of line. */
static void leave_line_locked(struct opening *o)
{
	struct mx_reg *reg = o->conn->list.reg;

	shm_put64(&reg->map.conn_claims[o->fresh],
		  SHM_CLAIM(SHM_CLOSING, reg->tag));
	(void)sweep_list_locked(reg, o->conn->list.slot, false);
}

/* 0: placed; 1: go on waiting; negative: give up. */
static int open_again_locked(struct opening *o, bool probe, bool cancelled)
{
	struct mx_conn *conn = o->conn;
	struct mx_reg *reg = conn->list.reg;
	int err = probe ? sweep_list_locked(reg, conn->list.slot, true) : 0;

	/* Here we are; whoever calls again starts a new second. */
	shm_put64(&reg->map.conns[o->fresh].orphan_ns, 0);
	if (!err)
		err = place_look_locked(reg, conn->list.slot, conn->peer,
					o->p->kind, o->fresh, &o->place);
	if (err == -EBADMSG)
		return reg_damaged(o->f, "a list's connections");
	if (cancelled) {
		leave_line_locked(o);
		return -ECANCELED;
	}
	if (!err) {
		take_place(o);
		return 0;
	}
	if (may_wait(o)) {
		o->grant = shm_get32(&reg->map.conns[o->fresh].grant);
		return 1;
	}
	no_place(o, err, -ETIMEDOUT);
	leave_line_locked(o);
	return -ETIMEDOUT;
}

/* A stopped process that holds the bucket is an error that names it, as
 * everywhere, and costs the place. */
static int open_again(struct opening *o, bool cancelled)
{
	struct mx_reg *reg = o->conn->list.reg;
	uint32_t bucket = o->conn->list.bucket;
	bool probe = false;
	int r;

	if (!cancelled)
		probe = sleep_in_line(o);
	r = bucket_lock(reg, bucket, o->f);
	if (r) {
		/* Left to be freed by whoever gets the lock. */
		shm_put64(&reg->map.conn_claims[o->fresh],
			  SHM_CLAIM(SHM_CLOSING, reg->tag));
		bucket_sweep_soon(reg, bucket);
		return r;
	}
	r = open_again_locked(o, probe, cancelled);
	bucket_unlock(reg, bucket);
	return r;
}

/* Entered; has left.  r: as open_again. */
static int wait_in_line(struct opening *o, int r)
{
	struct mx_reg *reg = o->conn->list.reg;

	while (r > 0) {
		bool cancelled;

		/* Not inside: detaching must not wait for the caller's code. */
		reg_leave(reg);
		cancelled = o->p->cancelled && o->p->cancelled(o->p->arg);
		if (reg_enter(reg))
			return -ESTALE;
		r = open_again(o, cancelled);
	}
	reg_leave(reg);
	return r;
}

static int open_placed(struct opening *o)
{
	unsigned tries = 0;
	int r;

	do {
		r = open_first(o);
	} while (r == -ENOSPC && make_room(o->conn->list.reg, tries++));
	return wait_in_line(o, r);
}

int mx_conn_open(struct mx_clist *cl, const struct mx_conn_params *params,
		 struct mx_conn **ret, struct mx_fault *fault)
{
	MX_AUTO(mx_free_auto) struct mx_conn *conn = NULL;
	struct opening o = {.p = params, .f = fault, .fresh = NO_INDEX};
	size_t n = params->server ? strlen(params->server) : 0;
	int err;

	if (!n || n > MX_CONN_SERVER_MAX ||
	    (unsigned)params->kind >= MX_CONN_KINDS)
		return reg_fault(fault, -EINVAL,
				 "a server name has 1 to %d bytes",
				 MX_CONN_SERVER_MAX);
	conn = calloc(1, sizeof(*conn));
	if (!conn)
		return -ENOMEM;
	conn->list = *cl;
	o.conn = conn;
	err = reg_enter(cl->reg);
	if (err)
		return err;
	list_hold(cl->reg, cl->slot);
	err = open_placed(&o); /* has left */
	if (err) {
		if (!reg_enter(cl->reg)) {
			list_unhold(&conn->list);
			reg_leave(cl->reg);
		}
		return err;
	}
	reg_ref(cl->reg);
	mx_mutex_init(&conn->lock);
	*ret = MX_STEAL(conn);
	return 0;
}

/* --- A place that was worth nothing ------------------------------------- */

/* Under the lock.  The record keeps its ticket and its place in the chain, so it
 * is before whoever came later; it forgets the session that never was. */
static int back_in_line_locked(struct opening *o)
{
	struct mx_conn *conn = o->conn;
	struct mx_reg *reg = conn->list.reg;
	const struct shm_conn *k = &reg->map.conns[conn->slot];
	const uint64_t *claim = &reg->map.conn_claims[conn->slot];

	if (shm_get64(claim) != SHM_CLAIM(SHM_OPEN, reg->tag) ||
	    shm_get64(&k->gen) != conn->gen)
		return -ESTALE;
	conn_settle(reg, conn->slot);
	shm_put32(&k->cookie_len, 0);
	shm_put32(&k->n_logons, 0);
	shm_put64(claim, SHM_CLAIM(SHM_WAITING, reg->tag));
	o->fresh = conn->slot;
	o->waiting = true;
	return open_again_locked(o, false, false);
}

int mx_conn_reopen(struct mx_conn *conn, const struct mx_conn_params *params,
		   struct mx_fault *fault)
{
	struct opening o = {.conn = conn, .p = params, .f = fault};
	struct mx_reg *reg = conn->list.reg;
	int r = reg_enter(reg);

	if (r)
		return r;
	r = bucket_lock(reg, conn->list.bucket, fault);
	if (!r) {
		r = back_in_line_locked(&o);
		bucket_unlock(reg, conn->list.bucket);
	}
	return wait_in_line(&o, r); /* has left */
}
