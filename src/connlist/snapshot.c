/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying a segment out while others change it.  Lists and servers are constant
 * from link to unlink and carry a checksum over their generation; connections
 * have a sequence number that is odd while their owner writes.  A record that
 * does not hold still for a few looks is marked torn: its owner died or was
 * stopped while writing.
 *
 * What constant fields say is believed for as long as the generation is the
 * same, and a connection's record as long as its sequence number is: pictures
 * that follow each other read little more than what changed.
 */
#include "connlist/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connlist/registry-private.h"
#include "connlist/snapshot-private.h"

#define LOOKS 100

/* --- Taking ------------------------------------------------------------- */

void mx_snap_fini(struct mx_snap *s)
{
	free(s->procs);
	free(s->lists);
	free(s->peers);
	free(s->conns);
	free(s->locks);
	free(s->index);
	free(s->past.lists);
	free(s->past.peers);
	free(s->past.conns);
	free(s->past.index);
	*s = MX_SNAP_INIT;
}

static int grow(void **array, size_t *cap, size_t n, size_t size)
{
	size_t more = *cap ? 2 * *cap : 16;
	void *p;

	if (n < *cap)
		return 0;
	p = realloc(*array, more * size);
	if (!p)
		return -ENOMEM;
	*array = p;
	*cap = more;
	return 0;
}

/* One more item, not filled; NULL when out of memory. */
#define ADD(s, what)                                                           \
	__extension__({                                                        \
		void *a_ = (s)->what;                                          \
		int e_ = grow(&a_, &(s)->cap_##what, (s)->n_##what,            \
			      sizeof(*(s)->what));                             \
		(s)->what = a_;                                                \
		e_ ? NULL : &(s)->what[(s)->n_##what++];                       \
	})

static size_t at_peers(const struct mx_snap *s)
{
	return s->max_lists;
}

static size_t at_conns(const struct mx_snap *s)
{
	return at_peers(s) + s->max_peers;
}

static size_t at_procs(const struct mx_snap *s)
{
	return at_conns(s) + s->max_conns;
}

#define SWAP(a, b)                                                             \
	do {                                                                   \
		__typeof__(a) t_ = (a);                                        \
		(a) = (b);                                                     \
		(b) = t_;                                                      \
	} while (0)

/* What was the picture becomes the past. */
static int begin(const struct mx_snap_src *src, struct mx_snap *s)
{
	const struct shm_map *m = &src->map;
	size_t n = (size_t)m->n_lists + m->n_peers + m->n_conns + m->n_procs;
	bool same = s->past.source == src->source;
	uint32_t *index;

	SWAP(s->lists, s->past.lists);
	SWAP(s->peers, s->past.peers);
	SWAP(s->conns, s->past.conns);
	SWAP(s->index, s->past.index);
	SWAP(s->cap_lists, s->past.cap_lists);
	SWAP(s->cap_peers, s->past.cap_peers);
	SWAP(s->cap_conns, s->past.cap_conns);
	s->n_procs = s->n_lists = s->n_peers = s->n_conns = s->n_locks = 0;
	s->past.source = 0; /* until the picture is whole */
	index = realloc(s->index, n * sizeof(*index));
	if (!index)
		return -ENOMEM;
	s->index = index;
	memset(index, 0xff, n * sizeof(*index));
	if (!same) {
		index = realloc(s->past.index, n * sizeof(*index));
		if (!index)
			return -ENOMEM;
		s->past.index = index;
		memset(index, 0xff, n * sizeof(*index));
	}
	s->taken_ns = now_ns();
	snprintf(s->path, sizeof(s->path), "%s", src->path);
	s->version = SHM_VERSION;
	s->bytes = m->bytes;
	s->max_procs = m->n_procs;
	s->max_lists = m->n_lists;
	s->max_conns = m->n_conns;
	s->max_peers = m->n_peers;
	s->n_buckets = m->n_buckets;
	s->n_free_lists = s->n_free_conns = s->n_free_peers = 0;
	return 0;
}

static void copy_callbacks(const struct shm_proc *p, struct mx_snap_proc *o)
{
	static_assert(MX_SNAP_CALLBACKS == SHM_CALLBACKS, "both are counts");
	for (unsigned i = 0; i < SHM_CALLBACKS; i++) {
		const struct shm_callback *cb = &p->callbacks[i];
		uint32_t since = shm_get32(&cb->since);

		o->callbacks[i] = (struct mx_snap_callback){.list = NO_INDEX};
		if (!o->alive || since < SHM_CALLBACK_FIRST)
			continue;
		o->callbacks[i].list = shm_get32(&cb->list) - 1; /* slot */
		o->callbacks[i].tid = shm_get32(&cb->tid);
		o->callbacks[i].since_ns =
			o->attached_ns +
			(uint64_t)(since - SHM_CALLBACK_FIRST) *
				SHM_CALLBACK_UNIT_NS;
	}
}

/* When the lists are known: slots to indexes. */
static void find_callback_lists(struct mx_snap *s)
{
	for (size_t i = 0; i < s->n_procs; i++)
		for (unsigned k = 0; k < MX_SNAP_CALLBACKS; k++) {
			uint32_t *l = &s->procs[i].callbacks[k].list;

			*l = *l < s->max_lists ? s->index[*l] : NO_INDEX;
		}
}

static int take_procs(const struct mx_snap_src *src, struct mx_snap *s)
{
	const struct shm_map *m = &src->map;

	for (uint32_t i = 0; i < m->n_procs; i++) {
		const struct shm_proc *p = &m->procs[i];
		struct mx_snap_proc *o;

		if (shm_get32(&p->state) == SHM_PROC_FREE)
			continue;
		o = ADD(s, procs);
		if (!o)
			return -ENOMEM;
		s->index[at_procs(s) + i] = (uint32_t)s->n_procs - 1;
		o->slot = i;
		o->gen = shm_get64(&p->gen);
		o->alive = segment_slot_locked(src->fd, i);
		o->pid = shm_get32(&p->pid);
		o->pidns = shm_get64(&p->pidns);
		o->uid = shm_get32(&p->uid);
		o->max_sessions = shm_get32(&p->max_sessions);
		o->attached_ns = shm_get64(&p->attached_ns);
		o->beat_ns = shm_get64(&p->beat_ns);
		shm_get_text(o->name, p->name, 4);
		copy_callbacks(p, o);
	}
	return 0;
}

/* The process that a tag names, as an index; UINT32_MAX when it has gone. */
static uint32_t proc_of(struct mx_snap *s, uint32_t tag)
{
	uint32_t slot = SHM_TAG_SLOT(tag);
	uint32_t i = slot < s->max_procs ? s->index[at_procs(s) + slot]
					 : NO_INDEX;

	if (i == NO_INDEX ||
	    (s->procs[i].gen & SHM_TAG_GEN_MASK) != SHM_TAG_GEN(tag))
		return NO_INDEX;
	return i;
}

static int take_locks(const struct mx_snap_src *src, struct mx_snap *s)
{
	const struct shm_map *m = &src->map;

	for (uint32_t i = 0; i < m->n_buckets; i++) {
		uint32_t w = shm_get32(&m->buckets[i].lock);
		struct mx_snap_lock *o;

		if (!w)
			continue;
		o = ADD(s, locks);
		if (!o)
			return -ENOMEM;
		o->bucket = i;
		o->proc = proc_of(s, w & ~SHM_LOCK_WAITERS);
		o->alive = o->proc != NO_INDEX && s->procs[o->proc].alive;
	}
	return 0;
}

static uint32_t count_members(const struct shm_list *l)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < SHM_MEMBER_WORDS; i++)
		n += (uint32_t)__builtin_popcountll(shm_get64(&l->members[i]));
	return n;
}

/* What does not change while the list is linked. */
static void copy_list(const struct shm_map *m, uint32_t i,
		      struct mx_snap_list *o)
{
	const struct shm_list *l = &m->lists[i];
	uint64_t sid[SHM_SID_WORDS];
	uint32_t n = shm_get32(&l->sid_len);

	o->slot = i;
	o->gen = shm_get64(&l->gen);
	shm_get_bytes(sid, l->sid, SHM_SID_WORDS);
	if (n > sizeof(sid) || mx_sid_unpack(sid, n, &o->sid))
		o->sid = MX_SID_NONE;
	o->crc = shm_get32(&l->crc);
	o->bucket = bucket_of(m, o->crc);
	shm_get_text(o->name, l->name, SHM_LIST_NAME_WORDS);
	o->created_ns = shm_get64(&l->created_ns);
	o->torn = !list_right(m, i) || shm_get64(&l->gen) != o->gen;
}

static void take_list(const struct shm_map *m, struct mx_snap *s, uint32_t i,
		      struct mx_snap_list *o)
{
	uint32_t was = s->past.index[i];
	const struct mx_snap_list *old = was == NO_INDEX ? NULL
							 : &s->past.lists[was];

	if (old && !old->torn && old->gen == shm_get64(&m->lists[i].gen)) {
		*o = *old;
	} else {
		for (int look = 0; look < LOOKS; look++) {
			copy_list(m, i, o);
			if (!o->torn)
				break;
		}
	}
	o->n_procs = count_members(&m->lists[i]);
	o->n_conns = o->n_waiting = o->n_orphans = 0;
	o->first_conn = o->first_peer = NO_INDEX;
}

static int take_lists(const struct mx_snap_src *src, struct mx_snap *s)
{
	const struct shm_map *m = &src->map;

	for (uint32_t i = 0; i < m->n_lists; i++) {
		uint64_t claim = shm_get64(&m->list_claims[i]);
		struct mx_snap_list *o;

		s->n_free_lists += !claim;
		if (SHM_CLAIM_STATE(claim) != SHM_LIVE)
			continue;
		o = ADD(s, lists);
		if (!o)
			return -ENOMEM;
		s->index[i] = (uint32_t)s->n_lists - 1;
		take_list(m, s, i, o);
	}
	return 0;
}

/* The list a record names, if it is still the same one. */
static uint32_t list_index(struct mx_snap *s, uint32_t link, uint64_t gen)
{
	uint32_t i = link - 1 < s->max_lists ? s->index[link - 1] : NO_INDEX;

	return i != NO_INDEX && s->lists[i].gen == gen ? i : NO_INDEX;
}

static uint32_t own_limit(const struct mx_snap *s)
{
	uint32_t most = 0;

	for (size_t i = 0; i < s->n_procs; i++)
		if (s->procs[i].max_sessions > most)
			most = s->procs[i].max_sessions;
	return most;
}

static void copy_peer(const struct shm_map *m, uint32_t i,
		      struct mx_snap_peer *o)
{
	const struct shm_peer *p = &m->peers[i];

	o->slot = i;
	o->gen = shm_get64(&p->gen);
	shm_get_text(o->server, p->server, SHM_SERVER_WORDS);
	o->torn = shm_get32(&p->sum) != peer_sum(m, i) ||
		  shm_get64(&p->gen) != o->gen;
}

/* What changes: health and limits. */
static void copy_health(const struct shm_peer *p, const struct mx_snap *s,
			uint32_t def_limit, struct mx_snap_peer *o)
{
	uint64_t health = shm_get64(&p->health);
	bool learned = shm_get64(&p->limit_until_ns) > s->taken_ns;

	o->health = health >> 32 <= MX_HEALTH_DOWN
			    ? (enum mx_health)(health >> 32)
			    : MX_HEALTH_UNKNOWN;
	o->code = (uint32_t)health;
	o->until_ns = shm_get64(&p->until_ns);
	if (o->until_ns <= s->taken_ns)
		o->until_ns = 0;
	for (int k = 0; k < MX_CONN_KINDS; k++) {
		uint32_t v = learned ? shm_get32(&p->limit[k]) : 0;

		o->limit[k] = v ? v : def_limit;
		o->used[k] = o->waiting[k] = 0;
	}
}

static void take_peer(const struct shm_map *m, struct mx_snap *s, uint32_t i,
		      uint32_t def_limit, struct mx_snap_peer *o)
{
	const struct shm_peer *p = &m->peers[i];
	uint32_t was = s->past.index[at_peers(s) + i];
	const struct mx_snap_peer *old = was == NO_INDEX ? NULL
							 : &s->past.peers[was];

	if (old && !old->torn && old->gen == shm_get64(&p->gen)) {
		*o = *old;
	} else {
		for (int look = 0; look < LOOKS; look++) {
			copy_peer(m, i, o);
			if (!o->torn)
				break;
		}
	}
	o->list = list_index(s, shm_get32(&p->list), shm_get64(&p->list_gen));
	copy_health(p, s, def_limit, o);
}

/* Chains are made backwards, so that they run forwards: the last record of
 * each array is put in front first. */
static void chain_peers(struct mx_snap *s)
{
	for (size_t i = s->n_peers; i--;) {
		struct mx_snap_peer *p = &s->peers[i];

		p->next = NO_INDEX;
		if (p->list == NO_INDEX)
			continue;
		p->next = s->lists[p->list].first_peer;
		s->lists[p->list].first_peer = (uint32_t)i;
	}
}

static void chain_conns(struct mx_snap *s)
{
	for (size_t i = s->n_conns; i--;) {
		struct mx_snap_conn *k = &s->conns[i];

		k->next = NO_INDEX;
		if (k->list == NO_INDEX)
			continue;
		k->next = s->lists[k->list].first_conn;
		s->lists[k->list].first_conn = (uint32_t)i;
	}
}

static int take_peers(const struct mx_snap_src *src, struct mx_snap *s)
{
	const struct shm_map *m = &src->map;
	uint32_t def_limit = own_limit(s);

	for (uint32_t i = 0; i < m->n_peers; i++) {
		uint64_t claim = shm_get64(&m->peer_claims[i]);
		struct mx_snap_peer *o;

		s->n_free_peers += !claim;
		if (SHM_CLAIM_STATE(claim) != SHM_LIVE)
			continue;
		o = ADD(s, peers);
		if (!o)
			return -ENOMEM;
		s->index[at_peers(s) + i] = (uint32_t)s->n_peers - 1;
		take_peer(m, s, i, def_limit, o);
	}
	chain_peers(s);
	return 0;
}

static void copy_op(const struct shm_op *op, struct mx_snap_op *o)
{
	o->since_ns = shm_get64(&op->since_ns);
	o->active = o->since_ns != 0;
	o->deadline_ns = shm_get64(&op->deadline_ns);
	o->tid = shm_get32(&op->tid);
	shm_get_text(o->name, op->name, SHM_OP_WORDS);
	shm_get_text(o->waiting_on, op->waiting_on, SHM_OP_WORDS);
}

static void copy_conn_numbers(const struct shm_conn *k, struct mx_snap_conn *o)
{
	uint32_t poller = shm_get32(&k->poller);

	o->opened_ns = shm_get64(&k->opened_ns);
	o->ticket = shm_get64(&k->ticket);
	o->n_logons = shm_get32(&k->n_logons);
	o->cookie_bytes = shm_get32(&k->cookie_len);
	o->poller = poller <= MX_POLLER_DONE ? (enum mx_poller)poller
					     : MX_POLLER_IDLE;
	o->poller_since_ns = shm_get64(&k->poller_since_ns);
	for (int i = 0; i < MX_OPS; i++)
		copy_op(&k->op[i], &o->op[i]);
	o->round_trips = shm_get64(&k->round_trips);
	o->bytes_out = shm_get64(&k->bytes_out);
	o->bytes_in = shm_get64(&k->bytes_in);
	o->last_err = -(int)shm_get32(&k->last_err);
	o->last_code = shm_get32(&k->last_code);
	o->last_err_ns = shm_get64(&k->last_err_ns);
	o->orphan_ns = shm_get64(&k->orphan_ns);
}

static void copy_conn(const struct shm_map *m, uint32_t i,
		      struct mx_snap_conn *o)
{
	const struct shm_conn *k = &m->conns[i];
	uint32_t kind;

	o->slot = i;
	o->seq = shm_get32(&k->seq);
	o->gen = shm_get64(&k->gen);
	kind = shm_get32(&k->kind);
	o->kind = kind < MX_CONN_KINDS ? (enum mx_conn_kind)kind
				       : MX_CONN_MAILBOX;
	copy_conn_numbers(k, o);
	o->torn = o->seq & 1 || shm_get32(&k->seq) != o->seq ||
		  shm_get32(&k->sum) != conn_sum(m, i);
}

static bool conn_unchanged(const struct shm_conn *k, uint64_t claim,
			   const struct mx_snap_conn *old)
{
	return !old->torn && old->claim == claim &&
	       old->gen == shm_get64(&k->gen) && old->seq == shm_get32(&k->seq);
}

static void take_conn(const struct shm_map *m, struct mx_snap *s, uint32_t i,
		      uint64_t claim, struct mx_snap_conn *o)
{
	const struct shm_conn *k = &m->conns[i];
	uint32_t was = s->past.index[at_conns(s) + i], peer;

	if (was != NO_INDEX && conn_unchanged(k, claim, &s->past.conns[was])) {
		*o = s->past.conns[was];
		o->opened_ns = shm_get64(&k->opened_ns);
	} else {
		for (int look = 0; look < LOOKS; look++) {
			copy_conn(m, i, o);
			if (!o->torn)
				break;
		}
	}
	o->claim = claim;
	o->list = list_index(s, shm_get32(&k->list), shm_get64(&k->list_gen));
	peer = shm_get32(&k->peer) - 1;
	o->peer = peer < s->max_peers ? s->index[at_peers(s) + peer] : NO_INDEX;
}

static void count_conn(struct mx_snap *s, const struct mx_snap_conn *o)
{
	bool waits = o->state == MX_SNAP_WAITING;
	bool orphan = o->state == MX_SNAP_ORPHAN;

	if (o->list != NO_INDEX) {
		s->lists[o->list].n_conns++;
		s->lists[o->list].n_waiting += waits;
		s->lists[o->list].n_orphans += orphan;
	}
	if (o->peer != NO_INDEX && o->state != MX_SNAP_CLOSING) {
		s->peers[o->peer].used[o->kind] += !waits;
		s->peers[o->peer].waiting[o->kind] += waits;
	}
}

static bool shown_state(uint64_t claim, enum mx_snap_state *ret)
{
	switch (SHM_CLAIM_STATE(claim)) {
	case SHM_WAITING:
		*ret = MX_SNAP_WAITING;
		return true;
	case SHM_OPEN:
		*ret = MX_SNAP_OPEN;
		return true;
	case SHM_ORPHAN:
		*ret = MX_SNAP_ORPHAN;
		return true;
	case SHM_CLOSING:
		*ret = MX_SNAP_CLOSING;
		return true;
	default:
		return false;
	}
}

static int take_conns(const struct mx_snap_src *src, struct mx_snap *s)
{
	const struct shm_map *m = &src->map;

	for (uint32_t i = 0; i < m->n_conns; i++) {
		uint64_t claim = shm_get64(&m->conn_claims[i]);
		enum mx_snap_state state;
		struct mx_snap_conn *o;

		s->n_free_conns += !claim;
		if (!shown_state(claim, &state))
			continue;
		o = ADD(s, conns);
		if (!o)
			return -ENOMEM;
		s->index[at_conns(s) + i] = (uint32_t)s->n_conns - 1;
		take_conn(m, s, i, claim, o);
		o->state = state;
		o->proc = state == MX_SNAP_ORPHAN || state == MX_SNAP_CLOSING
				  ? NO_INDEX
				  : proc_of(s, SHM_CLAIM_TAG(claim));
		count_conn(s, o);
	}
	chain_conns(s);
	return 0;
}

int mx_snap_take(struct mx_snap_src *src, struct mx_snap *snap)
{
	int err = snap_still_there(src);

	if (!err)
		err = begin(src, snap);
	if (!err)
		err = take_procs(src, snap);
	if (!err)
		err = take_locks(src, snap);
	if (!err)
		err = take_lists(src, snap);
	if (!err)
		find_callback_lists(snap);
	if (!err)
		err = take_peers(src, snap);
	if (!err)
		err = take_conns(src, snap);
	if (!err)
		snap->past.source = src->source;
	return err;
}
