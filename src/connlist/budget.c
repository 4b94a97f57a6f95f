/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The budget: how many sessions a user has on a server, in all processes.
 *
 * Nothing is counted up or down.  The places in use are the records in the
 * list's chain that name the server and are OPEN or ORPHAN (the server may still
 * hold a session for those); so a budget cannot be lost or overdrawn by a death.
 * Who waits has a record too, with a ticket, and goes in that order; who was
 * called and has not moved for a second (a stopped process) is passed by, and is
 * first again when it moves.
 */
#include "connlist/conn.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/auto.h"
#include "connlist/registry-private.h"

/* --- Servers as one user sees them -------------------------------------- */

static int peer_find(const struct mx_reg *reg, uint32_t list,
		     const uint64_t *server, uint32_t *ret)
{
	const struct shm_map *m = &reg->map;
	uint64_t other[SHM_SERVER_WORDS];
	struct chain c = {0};
	uint32_t i;

	*ret = NO_INDEX;
	for (const uint32_t *link = &m->lists[list].peers;
	     peer_at(reg, link, list, &c, &i); link = &m->peers[i].next) {
		shm_get_bytes(other, m->peers[i].server, SHM_SERVER_WORDS);
		if (!memcmp(other, server, sizeof(other))) {
			*ret = i;
			return 0;
		}
	}
	return c.err;
}

static void peer_make(struct mx_reg *reg, uint32_t list, const uint64_t *server,
		      uint32_t i)
{
	const struct shm_map *m = &reg->map;
	const struct shm_list *l = &m->lists[list];
	const struct shm_peer *p = &m->peers[i];

	shm_put32(&p->list, list + 1);
	shm_put64(&p->list_gen, shm_get64(&l->gen));
	shm_put64(&p->until_ns, 0);
	shm_put64(&p->health, 0);
	shm_put64(&p->limit_until_ns, 0);
	shm_put32(&p->limit[0], 0);
	shm_put32(&p->limit[1], 0);
	shm_put_bytes(p->server, SHM_SERVER_WORDS, server,
		      8 * SHM_SERVER_WORDS);
	shm_put32(&p->sum, peer_sum(m, i));
	shm_put32(&p->next, shm_get32(&l->peers));
	shm_put32(&l->peers, i + 1);
	shm_put64(&m->peer_claims[i], SHM_CLAIM(SHM_LIVE, 0));
}

int peer_get_locked(struct mx_reg *reg, uint32_t list, const char *server,
		    uint32_t *ret, struct mx_fault *f)
{
	uint64_t words[SHM_SERVER_WORDS] = {0};
	uint32_t i;
	int err;

	memcpy(words, server, strlen(server));
	err = peer_find(reg, list, words, &i);
	if (err)
		return reg_damaged(f, "a list's servers");
	if (i == NO_INDEX) {
		i = peer_claim(reg);
		if (i == NO_INDEX)
			return reg_fault(f, -ENOSPC,
					 "all %u server records of %s are in "
					 "use: its capacity is set when it is "
					 "created",
					 reg->map.n_peers, reg->path);
		peer_make(reg, list, words, i);
	}
	*ret = i;
	return 0;
}

/* A time we may have set: not further away than the longest back-off. */
static bool still_ahead(uint64_t until, uint64_t now)
{
	return until > now && until - now <= (uint64_t)BACKOFF_MAX_NS;
}

static uint32_t limit_of(const struct mx_reg *reg, const struct shm_peer *p,
			 uint32_t kind, uint64_t now)
{
	uint32_t learned = shm_get32(&p->limit[kind]);

	if (!still_ahead(shm_get64(&p->limit_until_ns), now) || !learned ||
	    learned > reg->max_sessions)
		return reg->max_sessions;
	return learned;
}

/* --- Places ------------------------------------------------------------- */

static bool passed_by(const struct shm_conn *k, uint64_t now)
{
	uint64_t called = shm_get64(&k->orphan_ns);

	return called && now > called &&
	       now - called > (uint64_t)LOCK_PATIENCE_NS;
}

static void count_one(const struct shm_map *m, uint32_t i, uint32_t me,
		      uint64_t now, struct place *pl)
{
	const struct shm_conn *k = &m->conns[i];

	switch (SHM_CLAIM_STATE(shm_get64(&m->conn_claims[i]))) {
	case SHM_OPEN:
		pl->used++;
		break;
	case SHM_ORPHAN:
		pl->used++;
		pl->n_orphans++;
		pl->orphan = i; /* the last in the chain: the oldest */
		break;
	case SHM_WAITING:
		if ((me == NO_INDEX ||
		     shm_get64(&k->ticket) < shm_get64(&m->conns[me].ticket)) &&
		    !passed_by(k, now))
			pl->ahead++;
		break;
	default:
		break;
	}
}

int place_look_locked(struct mx_reg *reg, uint32_t list, uint32_t peer,
		      uint32_t kind, uint32_t me, struct place *ret)
{
	const struct shm_map *m = &reg->map;
	uint64_t now = now_ns(), until;
	struct chain c = {0};
	uint32_t i;

	*ret = (struct place){.orphan = NO_INDEX};
	for (const uint32_t *link = &m->lists[list].conns;
	     conn_at(reg, link, list, &c, &i); link = &m->conns[i].next)
		if (i != me && shm_get32(&m->conns[i].peer) == peer + 1 &&
		    shm_get32(&m->conns[i].kind) == kind)
			count_one(m, i, me, now, ret);
	if (c.err)
		return c.err;
	ret->limit = limit_of(reg, &m->peers[peer], kind, now);
	until = shm_get64(&m->peers[peer].until_ns);
	if (still_ahead(until, now))
		ret->until_ns = until;
	if (ret->ahead)
		return -EDQUOT;
	if (ret->until_ns)
		return -EAGAIN;
	return ret->orphan != NO_INDEX || ret->used < ret->limit ? 0 : -EDQUOT;
}

/* `orphan_ns` of a WAITING record: since when it has been called. */
static void wake_waiter(const struct shm_conn *k)
{
	if (!shm_get64(&k->orphan_ns))
		shm_put64(&k->orphan_ns, now_ns());
	shm_add32(&k->grant, 1);
	futex_wake(&k->grant, INT_MAX);
}

#define GRANT_GROUPS 8

/* The chain has the newest first: of each server and kind, the last waiter in
 * it is the first in order.  Waking one too many does no harm. */
void grant_next_locked(struct mx_reg *reg, uint32_t list)
{
	const struct shm_map *m = &reg->map;
	uint32_t first[GRANT_GROUPS], n = 0, i, j;
	struct chain c = {0};

	for (const uint32_t *link = &m->lists[list].conns;
	     conn_at(reg, link, list, &c, &i); link = &m->conns[i].next) {
		const struct shm_conn *k = &m->conns[i];

		if (SHM_CLAIM_STATE(shm_get64(&m->conn_claims[i])) !=
		    SHM_WAITING)
			continue;
		for (j = 0; j < n; j++)
			if (shm_get32(&m->conns[first[j]].peer) ==
				    shm_get32(&k->peer) &&
			    shm_get32(&m->conns[first[j]].kind) ==
				    shm_get32(&k->kind))
				break;
		if (j == GRANT_GROUPS) {
			wake_waiter(k);
			continue;
		}
		first[j] = i;
		n = j == n ? n + 1 : n;
	}
	for (j = 0; j < n; j++)
		wake_waiter(&m->conns[first[j]]);
}

/* --- Health ------------------------------------------------------------- */

static void raise_until(const uint64_t *word, uint64_t until)
{
	uint64_t now = now_ns(), old;

	do {
		old = shm_get64(word);
		if (still_ahead(old, now) && old >= until)
			return;
	} while (!shm_cas64(word, old, until));
}

/* The server takes no more: what else is open is the limit it has shown. */
static void learn_limit(struct mx_conn *conn, uint64_t until)
{
	struct mx_reg *reg = conn->list.reg;
	const struct shm_peer *p = &reg->map.peers[conn->peer];
	uint32_t kind = shm_get32(&reg->map.conns[conn->slot].kind);
	struct place pl = {0};
	int err;

	if (kind >= MX_CONN_KINDS || bucket_lock(reg, conn->list.bucket, NULL))
		return;
	err = list_check_locked(&conn->list);
	if (!err)
		err = place_look_locked(reg, conn->list.slot, conn->peer, kind,
					conn->slot, &pl);
	if (err != -EBADMSG && pl.used) {
		shm_put32(&p->limit[kind], pl.used);
		shm_put64(&p->limit_until_ns, until);
	} else if (err != -EBADMSG) {
		raise_until(&p->until_ns, until);
	}
	bucket_unlock(reg, conn->list.bucket);
}

static void report(struct mx_conn *conn, enum mx_health health, uint64_t for_ns,
		   uint32_t code)
{
	const struct shm_peer *p = &conn->list.reg->map.peers[conn->peer];
	uint64_t word = (uint64_t)health << 32 | code;
	uint64_t now = now_ns(), until = now + for_ns;

	/* An answer that was under way does not end a back-off. */
	if (health <= MX_HEALTH_OK && still_ahead(shm_get64(&p->until_ns), now))
		return;
	if (shm_get64(&p->health) != word)
		shm_put64(&p->health, word);
	if (health <= MX_HEALTH_OK || !for_ns)
		return;
	if (health == MX_HEALTH_FULL)
		learn_limit(conn, until);
	else
		raise_until(&p->until_ns, until);
}

void mx_conn_report(struct mx_conn *conn, enum mx_health health, int64_t for_ms,
		    uint32_t code)
{
	uint64_t for_ns = 0;

	if (for_ms > BACKOFF_MAX_NS / MX_NS_PER_MS)
		for_ns = (uint64_t)BACKOFF_MAX_NS;
	else if (for_ms > 0)
		for_ns = (uint64_t)(for_ms * MX_NS_PER_MS);
	if (reg_enter(conn->list.reg))
		return;
	if (!list_check_locked(&conn->list))
		report(conn, health, for_ns, code);
	reg_leave(conn->list.reg);
}

mx_mono mx_conn_ready_at(struct mx_conn *conn)
{
	struct mx_reg *reg = conn->list.reg;
	mx_mono at = {0};
	uint64_t until;

	if (reg_enter(reg))
		return at;
	until = conn_owned(conn)
			? shm_get64(&reg->map.peers[conn->peer].until_ns)
			: 0;
	if (still_ahead(until, now_ns()))
		at.ns = (int64_t)until;
	reg_leave(reg);
	return at;
}

const char *mx_health_name(enum mx_health h)
{
	static const char *const names[] = {"unknown", "ok", "back-off", "full",
					    "down"};

	return (unsigned)h < MX_ARRAY_SIZE(names) ? names[h] : "?";
}
