/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ends by itself: changes that a dead process left half made, records of
 * dead processes, orphans whose time is over, lists nobody needs.
 *
 * A slot is swept by whoever holds its sweeping byte: the one that attaches to
 * it, or a survivor.  Everything here can be interrupted by death at any store
 * and done again by the next.
 *
 *   a dead process's conn   WAITING → freed;  OPEN → ORPHAN with cookies,
 *                           else freed
 *   CLAIMED or DYING        complete and linked: finished by the holder of the
 *                           bucket; else freed
 */
#include "connlist/registry-private.h"

#include <errno.h>
#include <limits.h>

#include "connlist/conn.h"

/* --- One list, under its bucket's lock ---------------------------------- */

void list_done_event(struct mx_reg *reg, uint32_t list)
{
	const struct shm_list *l = &reg->map.lists[list];

	shm_add32(&l->done_seq, 1);
	futex_wake(&l->done_seq, INT_MAX);
}

void conn_settle(struct mx_reg *reg, uint32_t conn)
{
	const struct shm_conn *k = &reg->map.conns[conn];
	uint32_t seq = shm_get32(&k->seq);

	if (!(seq & 1))
		shm_put32(&k->seq, ++seq);
	for (int i = 0; i < MX_OPS; i++)
		shm_put64(&k->op[i].since_ns, 0);
	if (shm_get32(&k->poller) != MX_POLLER_IDLE) {
		shm_put32(&k->poller, MX_POLLER_DONE);
		shm_put64(&k->poller_since_ns, now_ns());
	}
	shm_put32(&k->n_logons, 0);
	shm_put32(&k->seq, seq + 1);
}

/* True when the orphan has been kept long enough; a time in the future is from
 * before a reboot. */
static bool orphan_over(const struct mx_reg *reg, const struct shm_conn *k)
{
	uint64_t since = shm_get64(&k->orphan_ns), now = now_ns();

	return reg->orphan_ns < 0 || since > now ||
	       now - since > (uint64_t)reg->orphan_ns;
}

static bool worth_keeping(const struct mx_reg *reg, const struct shm_conn *k)
{
	uint32_t n = shm_get32(&k->cookie_len);

	return reg->orphan_ns >= 0 && n > 0 && n <= MX_CONN_COOKIES_MAX;
}

/* What becomes of one linked record.  True: it is to be unlinked. */
static bool conn_must_go(struct mx_reg *reg, uint32_t i, bool probe,
			 bool *ret_changed)
{
	const uint64_t *claim = &reg->map.conn_claims[i];
	const struct shm_conn *k = &reg->map.conns[i];
	uint64_t c = shm_get64(claim);

	switch (SHM_CLAIM_STATE(c)) {
	case SHM_ORPHAN:
		return orphan_over(reg, k);
	case SHM_WAITING:
	case SHM_OPEN:
		if (!probe || tag_alive(reg, SHM_CLAIM_TAG(c)))
			return false;
		conn_settle(reg, i);
		*ret_changed = true;
		if (SHM_CLAIM_STATE(c) == SHM_WAITING || !worth_keeping(reg, k))
			return true;
		shm_put64(&k->orphan_ns, now_ns());
		shm_put64(claim, SHM_CLAIM(SHM_ORPHAN, 0));
		return false;
	default: /* CLOSING; CLAIMED and DYING of the dead */
		return true;
	}
}

/* Under the lock nobody alive is in the middle of anything. */
static bool half_made_by_the_living(struct mx_reg *reg, uint64_t claim)
{
	uint32_t state = SHM_CLAIM_STATE(claim);

	return (state == SHM_CLAIMED || state == SHM_DYING) &&
	       tag_alive(reg, SHM_CLAIM_TAG(claim));
}

static int sweep_conns(struct mx_reg *reg, uint32_t list, bool probe,
		       bool *ret_changed)
{
	const struct shm_map *m = &reg->map;
	const uint32_t *link = &m->lists[list].conns;
	struct chain c = {0};
	uint32_t i;

	while (conn_at(reg, link, list, &c, &i)) {
		if (half_made_by_the_living(reg, shm_get64(&m->conn_claims[i])))
			return -EBADMSG;
		if (conn_must_go(reg, i, probe, ret_changed)) {
			unlink_conn(reg, link);
			*ret_changed = true;
		} else {
			link = &m->conns[i].next;
		}
	}
	return c.err;
}

static int sweep_peers(struct mx_reg *reg, uint32_t list)
{
	const struct shm_map *m = &reg->map;
	const uint32_t *link = &m->lists[list].peers;
	struct chain c = {0};
	uint32_t i;

	while (peer_at(reg, link, list, &c, &i)) {
		uint64_t claim = shm_get64(&m->peer_claims[i]);

		if (half_made_by_the_living(reg, claim))
			return -EBADMSG;
		if (SHM_CLAIM_STATE(claim) == SHM_DYING) {
			unlink_peer(reg, link);
			continue;
		}
		if (SHM_CLAIM_STATE(claim) == SHM_CLAIMED)
			shm_put64(&m->peer_claims[i], SHM_CLAIM(SHM_LIVE, 0));
		link = &m->peers[i].next;
	}
	return c.err;
}

int sweep_list_locked(struct mx_reg *reg, uint32_t list, bool probe)
{
	bool changed = false;
	int err = probe ? sweep_peers(reg, list) : 0;

	if (!err)
		err = sweep_conns(reg, list, probe, &changed);
	if (!err && changed)
		list_done_event(reg, list);
	/* A release that found the bucket locked asks for this by `todo`; what
	 * it changed is not seen here.  Waking one too many does no harm. */
	if (!err && (changed || !probe))
		grant_next_locked(reg, list);
	return err;
}

/* --- Lists nobody needs ------------------------------------------------- */

/* A back-off outlives the list's users, so that logging on again does not get
 * around it.  One further away than any we set is damage or a reboot. */
static bool backs_off(const struct shm_peer *p, uint64_t now)
{
	uint64_t until = shm_get64(&p->until_ns);

	return until > now && until - now <= (uint64_t)BACKOFF_MAX_NS;
}

/* 1: nobody needs it; 0; -EBADMSG. */
static int list_unneeded(struct mx_reg *reg, uint32_t list)
{
	const struct shm_list *l = &reg->map.lists[list];
	const uint32_t *link = &l->peers;
	uint64_t now = now_ns();
	struct chain c = {0};
	uint32_t i;

	if (list_has_member(l) || shm_get32(&l->conns))
		return 0;
	while (peer_at(reg, link, list, &c, &i)) {
		if (backs_off(&reg->map.peers[i], now))
			return 0;
		link = &reg->map.peers[i].next;
	}
	return c.err ? c.err : 1;
}

static void free_list(struct mx_reg *reg, const uint32_t *link, uint32_t list)
{
	const struct shm_list *l = &reg->map.lists[list];
	struct chain c = {0};
	uint32_t i;

	while (peer_at(reg, &l->peers, list, &c, &i))
		unlink_peer(reg, &l->peers);
	unlink_list(reg, link);
}

/* After a death, which may have come between a change and its signal, both are
 * signalled, changed or not. */
static int sweep_list_of_bucket(struct mx_reg *reg, uint32_t list, bool probe)
{
	int err = sweep_list_locked(reg, list, probe);

	if (!err && probe) {
		list_done_event(reg, list);
		grant_next_locked(reg, list);
	}
	return err;
}

int sweep_bucket_locked(struct mx_reg *reg, uint32_t bucket, bool probe)
{
	const struct shm_map *m = &reg->map;
	const uint32_t *link = &m->buckets[bucket].head;
	struct chain c = {0};
	uint32_t i;

	while (list_at(reg, link, bucket, &c, &i)) {
		uint64_t claim = shm_get64(&m->list_claims[i]);
		int err;

		if (half_made_by_the_living(reg, claim) || !list_right(m, i))
			return -EBADMSG;
		if (SHM_CLAIM_STATE(claim) == SHM_DYING) {
			unlink_list(reg, link);
			continue;
		}
		if (SHM_CLAIM_STATE(claim) == SHM_CLAIMED)
			shm_put64(&m->list_claims[i], SHM_CLAIM(SHM_LIVE, 0));
		err = sweep_list_of_bucket(reg, i, probe);
		if (!err)
			err = list_unneeded(reg, i);
		if (err < 0)
			return err;
		if (err)
			free_list(reg, link, i);
		else
			link = &m->lists[i].next;
	}
	return c.err;
}

/* --- A dead process's slot ---------------------------------------------- */

struct sweep {
	struct mx_reg *reg;
	uint32_t slot, keep;
	int64_t patience_ns;
	int err;
};

/* One bucket that a stopped process holds is no reason to leave the others;
 * it is waited for once. */
static void note(struct sweep *sw, int err)
{
	if (err == -EBUSY)
		sw->patience_ns = 0;
	if (err && (!sw->err || err == -EBADMSG))
		sw->err = err;
}

/* Locking does it: whoever takes a lock from the dead sweeps first. */
static int sweep_bucket_probing(struct sweep *sw, uint32_t bucket)
{
	struct mx_reg *reg = sw->reg;
	int err = bucket_lock_within(reg, bucket, sw->patience_ns, NULL);

	if (err)
		return err;
	err = sweep_bucket_locked(reg, bucket, true);
	bucket_unlock(reg, bucket);
	return err;
}

static void sweep_locks(struct sweep *sw)
{
	const struct shm_map *m = &sw->reg->map;

	for (uint32_t i = 0; i < m->n_buckets && sw->err != -EBADMSG; i++) {
		uint32_t word = shm_get32(&m->buckets[i].lock);

		word &= ~SHM_LOCK_WAITERS;
		if (word && word != sw->keep && SHM_TAG_SLOT(word) == sw->slot)
			note(sw, sweep_bucket_probing(sw, i));
		/* Left to the dead, who had let go and not looked yet. */
		else if (shm_get32(&m->buckets[i].todo))
			bucket_sweep_soon(sw->reg, i);
	}
}

static bool in_between(uint64_t claim)
{
	uint32_t state = SHM_CLAIM_STATE(claim);

	return state == SHM_CLAIMED || state == SHM_DYING;
}

/* After its bucket was swept a record that is still in between was not linked.
 * Compared and swapped: another sweeper may have been faster. */
static void drop_unlinked(const uint64_t *claim, uint64_t seen)
{
	if (in_between(seen))
		shm_cas64(claim, seen, 0);
}

static int sweep_conn_of(struct sweep *sw, uint32_t i, uint64_t claim)
{
	const struct shm_map *m = &sw->reg->map;
	const struct shm_conn *k = &m->conns[i];
	uint32_t list = shm_get32(&k->list) - 1;
	int err = 0;

	if (list < m->n_lists && shm_get32(&k->sum) == conn_sum(m, i))
		err = sweep_bucket_probing(
			sw, bucket_of(m, shm_get32(&m->lists[list].crc)));
	else if (!in_between(claim))
		err = -EBADMSG;
	if (!err)
		drop_unlinked(&m->conn_claims[i], claim);
	return err;
}

static int sweep_peer_of(struct sweep *sw, uint32_t i, uint64_t claim)
{
	const struct shm_map *m = &sw->reg->map;
	const struct shm_peer *p = &m->peers[i];
	uint32_t list = shm_get32(&p->list) - 1;
	int err = 0;

	if (list < m->n_lists && shm_get32(&p->sum) == peer_sum(m, i))
		err = sweep_bucket_probing(
			sw, bucket_of(m, shm_get32(&m->lists[list].crc)));
	if (!err)
		drop_unlinked(&m->peer_claims[i], claim);
	return err;
}

static int sweep_list_of(struct sweep *sw, uint32_t i, uint64_t claim)
{
	const struct shm_map *m = &sw->reg->map;
	int err = 0;

	if (list_right(m, i))
		err = sweep_bucket_probing(
			sw, bucket_of(m, shm_get32(&m->lists[i].crc)));
	if (!err)
		drop_unlinked(&m->list_claims[i], claim);
	return err;
}

static void sweep_claims(struct sweep *sw, const uint64_t *claims, uint32_t n,
			 int (*one)(struct sweep *, uint32_t, uint64_t))
{
	for (uint32_t i = 0; i < n && sw->err != -EBADMSG; i++) {
		uint64_t claim = shm_get64(&claims[i]);
		uint32_t tag = SHM_CLAIM_TAG(claim);

		if (tag && tag != sw->keep && SHM_TAG_SLOT(tag) == sw->slot)
			note(sw, one(sw, i, claim));
	}
}

static void sweep_memberships(struct mx_reg *reg, uint32_t slot)
{
	const struct shm_map *m = &reg->map;
	uint64_t bit = SHM_MEMBER_BIT(slot);

	for (uint32_t i = 0; i < m->n_lists; i++) {
		const uint64_t *word =
			&m->lists[i].members[SHM_MEMBER_WORD(slot)];

		if (SHM_CLAIM_STATE(shm_get64(&m->list_claims[i])) !=
			    SHM_LIVE ||
		    !(shm_get64(word) & bit))
			continue;
		/* It may have left a session to whoever waits, and died
		 * before it said so. */
		list_done_event(reg, i);
		bucket_sweep_soon(reg,
				  bucket_of(m, shm_get32(&m->lists[i].crc)));
		shm_and64(word, ~bit);
	}
}

/* Lists that a death left without members, or that a leaver could not free. */
static void sweep_memberless(struct mx_reg *reg)
{
	const struct shm_map *m = &reg->map;

	for (uint32_t i = 0; i < m->n_lists; i++)
		if (SHM_CLAIM_STATE(shm_get64(&m->list_claims[i])) ==
			    SHM_LIVE &&
		    !list_has_member(&m->lists[i]))
			bucket_sweep_soon(
				reg, bucket_of(m, shm_get32(&m->lists[i].crc)));
}

/* Memberships last: a list that a dead process was making becomes LIVE, with
 * its maker's bit, in the steps before. */
int sweep_slot(struct mx_reg *reg, uint32_t slot, uint32_t keep,
	       int64_t patience_ns)
{
	const struct shm_map *m = &reg->map;
	struct sweep sw = {.reg = reg,
			   .slot = slot,
			   .keep = keep,
			   .patience_ns = patience_ns};

	sweep_locks(&sw);
	sweep_claims(&sw, m->conn_claims, m->n_conns, sweep_conn_of);
	sweep_claims(&sw, m->peer_claims, m->n_peers, sweep_peer_of);
	sweep_claims(&sw, m->list_claims, m->n_lists, sweep_list_of);
	if (sw.err == -EBADMSG)
		return sw.err;
	sweep_memberships(reg, slot);
	sweep_memberless(reg);
	return sw.err;
}

static int sweep_if_dead(struct mx_reg *reg, uint32_t slot)
{
	const struct shm_proc *p = &reg->map.procs[slot];
	int err = 0;

	if (shm_get32(&p->state) == SHM_PROC_FREE || slot == reg->slot ||
	    segment_slot_locked(reg->fd, slot))
		return 0;
	if (segment_lock_sweep(reg->fd, slot))
		return 0; /* somebody else does it, or attaches there */
	if (shm_get32(&p->state) != SHM_PROC_FREE &&
	    !segment_slot_locked(reg->fd, slot)) {
		err = sweep_slot(reg, slot, 0, SWEEP_PATIENCE_NS);
		if (!err)
			shm_put32(&p->state, SHM_PROC_FREE);
	}
	segment_unlock_sweep(reg->fd, slot);
	return err;
}

int sweep_dead(struct mx_reg *reg)
{
	unsigned no = 0;
	int err = 0;

	/* Byte locks do not keep threads of one process apart. */
	if (!__atomic_compare_exchange_n(&reg->cleaning, &no, 1, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return 0;
	for (uint32_t i = 0; i < reg->map.n_procs; i++) {
		int e = sweep_if_dead(reg, i);

		err = err ? err : e;
	}
	__atomic_store_n(&reg->cleaning, 0, __ATOMIC_RELEASE);
	return err;
}

/* --- Everything, now and then ------------------------------------------- */

void sweep_all(struct mx_reg *reg)
{
	const struct shm_map *m = &reg->map;

	(void)sweep_dead(reg);
	for (uint32_t i = 0; i < m->n_conns; i++) {
		uint32_t s = SHM_CLAIM_STATE(shm_get64(&m->conn_claims[i]));
		uint32_t list;

		/* The claims alone are few cache lines; records are not. */
		if (s != SHM_CLOSING &&
		    (s != SHM_ORPHAN || !orphan_over(reg, &m->conns[i])))
			continue;
		list = shm_get32(&m->conns[i].list) - 1;
		if (list < m->n_lists)
			bucket_sweep_soon(
				reg,
				bucket_of(m, shm_get32(&m->lists[list].crc)));
	}
	sweep_memberless(reg);
}

/* --- No room ------------------------------------------------------------ */

/* A session that is remembered for a list which nobody holds. */
static bool forgettable(const struct shm_map *m, uint32_t i, uint32_t *ret_list)
{
	const struct shm_conn *k = &m->conns[i];
	uint32_t list = shm_get32(&k->list) - 1;

	if (shm_get64(&m->conn_claims[i]) != SHM_CLAIM(SHM_ORPHAN, 0) ||
	    list >= m->n_lists ||
	    shm_get64(&k->list_gen) != shm_get64(&m->lists[list].gen) ||
	    list_has_member(&m->lists[list]))
		return false;
	*ret_list = list;
	return true;
}

/* Looked at again under the lock: it may have been taken over meanwhile. */
static bool forget(struct mx_reg *reg, uint32_t i, uint64_t until_ns)
{
	const struct shm_map *m = &reg->map;
	uint32_t list, bucket;
	bool done;

	if (!forgettable(m, i, &list))
		return false;
	bucket = bucket_of(m, shm_get32(&m->lists[list].crc));
	if (bucket_lock_within(reg, bucket, SWEEP_PATIENCE_NS, NULL))
		return false;
	done = forgettable(m, i, &list) &&
	       bucket_of(m, shm_get32(&m->lists[list].crc)) == bucket &&
	       shm_get64(&m->conns[i].orphan_ns) <= until_ns;
	if (done) {
		shm_put64(&m->conn_claims[i], SHM_CLAIM(SHM_CLOSING, reg->tag));
		/* Damage shows to whoever locks it for itself. */
		(void)sweep_bucket_locked(reg, bucket, false);
	}
	bucket_unlock(reg, bucket);
	return done;
}

bool sweep_remembered(struct mx_reg *reg)
{
	const struct shm_map *m = &reg->map;
	uint64_t oldest = UINT64_MAX, newest = 0, until;
	uint32_t list;
	bool any = false;

	for (uint32_t i = 0; i < m->n_conns; i++) {
		uint64_t since = shm_get64(&m->conns[i].orphan_ns);

		if (!forgettable(m, i, &list))
			continue;
		oldest = since < oldest ? since : oldest;
		newest = since > newest ? since : newest;
	}
	until = oldest + (newest - oldest) / 2;
	for (uint32_t i = 0; i < m->n_conns && oldest <= newest; i++)
		any |= forget(reg, i, until);
	return any;
}

bool make_room(struct mx_reg *reg, unsigned tries)
{
	if (tries == 0)
		sweep_all(reg);
	return tries == 0 || sweep_remembered(reg);
}
