/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining and leaving lists.
 *
 * A process holds a list with one bit in the list, whatever many holds it has;
 * it counts those itself.  The bit is set under the bucket's lock, so that a
 * list is never freed while somebody joins it, and cleared without: the last one
 * to leave only then asks for the lock, and without waiting.
 */
#include "connlist/clist.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "connlist/conn.h"
#include "connlist/registry-private.h"
#include "identity/crc.h"

#define NAME_MAX_BYTES (8 * SHM_LIST_NAME_WORDS - 1)

/* --- Holds -------------------------------------------------------------- */

/* The last leaver of this process is clearing its bit: two stores.  AWAITED:
 * and somebody sleeps until he has.  GONE: detached, nobody clears anything. */
#define HOLD_LEAVING UINT32_MAX
#define HOLD_AWAITED (UINT32_MAX - 1)
#define HOLD_GONE (UINT32_MAX - 2)

static uint32_t hold_get(const struct mx_reg *reg, uint32_t slot)
{
	mx_sched_access(&reg->holds[slot], 4, MX_SCHED_LOAD);
	return __atomic_load_n(&reg->holds[slot], __ATOMIC_ACQUIRE);
}

static void hold_put(struct mx_reg *reg, uint32_t slot, uint32_t n)
{
	mx_sched_access(&reg->holds[slot], 4, MX_SCHED_STORE);
	__atomic_store_n(&reg->holds[slot], n, __ATOMIC_RELEASE);
}

static uint32_t hold_swap(struct mx_reg *reg, uint32_t slot, uint32_t n)
{
	mx_sched_access(&reg->holds[slot], 4, MX_SCHED_RMW);
	return __atomic_exchange_n(&reg->holds[slot], n, __ATOMIC_ACQ_REL);
}

static bool hold_move(struct mx_reg *reg, uint32_t slot, uint32_t from,
		      uint32_t to)
{
	mx_sched_access(&reg->holds[slot], 4, MX_SCHED_RMW);
	return __atomic_compare_exchange_n(&reg->holds[slot], &from, to, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* From none to one only under the bucket's lock, so nobody else does that at
 * the same time; from one to none without, so that has a state of its own. */
void list_hold(struct mx_reg *reg, uint32_t slot)
{
	const struct shm_list *l = &reg->map.lists[slot];

	for (;;) {
		uint32_t n = hold_get(reg, slot);

		if (n == HOLD_AWAITED) {
			futex_sleep(&reg->holds[slot], n,
				    now_ns() + (uint64_t)PROBE_NS);
		} else if (n == HOLD_LEAVING) {
			hold_move(reg, slot, n, HOLD_AWAITED);
		} else if (n == 0) {
			shm_or64(&l->members[SHM_MEMBER_WORD(reg->slot)],
				 SHM_MEMBER_BIT(reg->slot));
			hold_put(reg, slot, 1);
			return;
		} else if (hold_move(reg, slot, n, n + 1)) {
			return;
		}
	}
}

/* One hold less.  True: it was the last, and until hold_swap() nobody of this
 * process gets a first one, nor is the segment unmapped. */
static bool hold_end(struct mx_reg *reg, uint32_t slot)
{
	uint32_t n;

	/* A forked child's is never ended, and its segment is not there. */
	if (__atomic_load_n(&reg->gone, __ATOMIC_ACQUIRE))
		return false;
	do {
		n = hold_get(reg, slot);
		if (n == HOLD_GONE)
			return false;
	} while (!hold_move(reg, slot, n, n > 1 ? n - 1 : HOLD_LEAVING));
	return n == 1;
}

/* What comes after the swap is a call like any other. */
void list_unhold(struct mx_clist *cl)
{
	struct mx_reg *reg = cl->reg;
	const struct shm_list *l;
	bool was_last;

	if (!hold_end(reg, cl->slot))
		return;
	l = &reg->map.lists[cl->slot];
	shm_and64(&l->members[SHM_MEMBER_WORD(reg->slot)],
		  ~SHM_MEMBER_BIT(reg->slot));
	was_last = !list_has_member(l);
	if (hold_swap(reg, cl->slot, 0) == HOLD_AWAITED)
		futex_wake(&reg->holds[cl->slot], INT_MAX);
	if (!was_last || reg_enter(reg))
		return;
	bucket_sweep_soon(reg, cl->bucket);
	reg_leave(reg);
}

bool holds_end_all(struct mx_reg *reg)
{
	bool all = true;

	for (uint32_t i = 0; i < reg->map.n_lists; i++) {
		uint32_t n = hold_get(reg, i);

		while (n < HOLD_GONE && !hold_move(reg, i, n, HOLD_GONE))
			n = hold_get(reg, i);
		all = all && n <= HOLD_GONE;
	}
	return all;
}

int list_check_locked(const struct mx_clist *cl)
{
	const struct shm_map *m = &cl->reg->map;

	return shm_get64(&m->list_claims[cl->slot]) == SHM_CLAIM(SHM_LIVE, 0) &&
			       shm_get64(&m->lists[cl->slot].gen) == cl->gen
		       ? 0
		       : -EBADMSG;
}

/* --- Finding and making ------------------------------------------------- */

struct wanted {
	uint64_t sid[SHM_SID_WORDS];
	uint32_t sid_len, crc, bucket;
	const char *name;
};

/* Word by word; what lies behind the SID is zero in both. */
static bool same_sid(const struct shm_list *l, const struct wanted *w)
{
	uint64_t differ = 0;

	if (shm_get32(&l->crc) != w->crc ||
	    shm_get32(&l->sid_len) != w->sid_len)
		return false;
	for (uint32_t i = 0; i < shm_sid_words(w->sid_len); i++)
		differ |= shm_get64(&l->sid[i]) ^ w->sid[i];
	return !differ;
}

/* The whole SID, also when there is only one list.  0 with *ret an index or
 * NO_INDEX; -EBADMSG.  The SID that we look for has that CRC, so with the sum,
 * which covers the CRC, all of the record is right. */
static int find_list(const struct mx_reg *reg, const struct wanted *w,
		     uint32_t *ret)
{
	const struct shm_map *m = &reg->map;
	struct chain c = {0};
	uint32_t i;

	for (const uint32_t *link = &m->buckets[w->bucket].head;
	     list_at(reg, link, w->bucket, &c, &i); link = &m->lists[i].next) {
		if (!same_sid(&m->lists[i], w))
			continue;
		if (shm_get32(&m->lists[i].sum) != list_sum(m, i) ||
		    shm_get64(&m->list_claims[i]) != SHM_CLAIM(SHM_LIVE, 0))
			return -EBADMSG;
		*ret = i;
		return 0;
	}
	*ret = NO_INDEX;
	return c.err;
}

static void fetch_list(const struct mx_reg *reg, uint32_t i)
{
	const struct shm_map *m = &reg->map;

	__builtin_prefetch(&m->list_claims[i]);
	__builtin_prefetch(&m->lists[i].gen, 1);
	__builtin_prefetch(&reg->holds[i], 1);
}

/* The segment is larger than caches: what the lock's holder will read is on its
 * way while all else is done. */
static void look_ahead(const struct mx_reg *reg, uint32_t bucket)
{
	const struct shm_map *m = &reg->map;
	uint32_t i;

	__builtin_prefetch(&m->buckets[bucket], 1);
	fetch_list(reg, list_guess(m, bucket));
	i = shm_get32(&m->buckets[bucket].head) - 1;
	if (i < m->n_lists)
		fetch_list(reg, i);
}

/* Bytes of s that fit, never half a character. */
static size_t fitting(const char *s, size_t max)
{
	size_t n = strnlen(s, max + 1);

	if (n <= max)
		return n;
	n = max;
	while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* Complete with its maker's bit and checksum, then linked, then LIVE. */
static void make_list(struct mx_reg *reg, const struct wanted *w, uint32_t i)
{
	const struct shm_map *m = &reg->map;
	const struct shm_list *l = &m->lists[i];
	const struct shm_bucket *b = &m->buckets[w->bucket];

	shm_put32(&l->crc, w->crc);
	shm_put32(&l->sid_len, w->sid_len);
	shm_put32(&l->conns, 0);
	shm_put32(&l->peers, 0);
	shm_put64(&l->created_ns, now_ns());
	shm_put64(&l->ticket, 1);
	for (unsigned j = 0; j < SHM_MEMBER_WORDS; j++)
		shm_put64(&l->members[j], 0);
	shm_put_bytes(l->sid, SHM_SID_WORDS, w->sid, sizeof(w->sid));
	shm_put_bytes(l->name, SHM_LIST_NAME_WORDS, w->name,
		      fitting(w->name, NAME_MAX_BYTES));
	shm_put32(&l->sum, list_sum(m, i));
	list_hold(reg, i);
	shm_put32(&l->next, shm_get32(&b->head));
	shm_put32(&b->head, i + 1);
	shm_put64(&m->list_claims[i], SHM_CLAIM(SHM_LIVE, 0));
}

static int find_or_make(struct mx_reg *reg, const struct wanted *w,
			uint32_t *ret, struct mx_fault *f)
{
	uint32_t i;
	int err = find_list(reg, w, &i);

	if (err)
		return reg_damaged(f, "a bucket's lists");
	if (i != NO_INDEX) {
		list_hold(reg, i);
		*ret = i;
		return 0;
	}
	i = list_claim(reg, w->bucket);
	if (i == NO_INDEX)
		return reg_fault(f, -ENOSPC,
				 "all %u connection lists of %s are in use: "
				 "its capacity is set when it is created",
				 reg->map.n_lists, reg->path);
	make_list(reg, w, i);
	*ret = i;
	return 0;
}

static int join_once(struct mx_reg *reg, const struct wanted *w,
		     struct mx_clist *cl, struct mx_fault *f)
{
	int err = bucket_lock(reg, w->bucket, f);

	if (err)
		return err;
	err = find_or_make(reg, w, &cl->slot, f);
	if (!err)
		cl->gen = shm_get64(&reg->map.lists[cl->slot].gen);
	bucket_unlock(reg, w->bucket);
	return err;
}

static int join(struct mx_reg *reg, const struct wanted *w, struct mx_clist *cl,
		struct mx_fault *f)
{
	unsigned tries = 0;
	int err;

	reg_first_beat(reg);
	do {
		err = join_once(reg, w, cl, f);
	} while (err == -ENOSPC && make_room(reg, tries++));
	return err;
}

int mx_clist_join(struct mx_reg *reg, const struct mx_sid *sid,
		  const char *name, struct mx_clist **ret,
		  struct mx_fault *fault)
{
	struct mx_clist *cl;
	struct wanted w = {.name = name ? name : ""};
	int err;

	w.sid_len = (uint32_t)mx_sid_pack(sid, (uint8_t *)w.sid);
	if (!w.sid_len)
		return reg_fault(fault, -EINVAL, "a list needs a SID");
	w.crc = mx_crc32(0, w.sid, w.sid_len);
	err = reg_enter(reg);
	if (err)
		return err;
	w.bucket = bucket_of(&reg->map, w.crc);
	look_ahead(reg, w.bucket);
	cl = malloc(sizeof(*cl));
	err = cl ? join(reg, &w, cl, fault) : -ENOMEM;
	if (err) {
		reg_leave(reg);
		free(cl);
		return err;
	}
	cl->reg = reg;
	cl->bucket = w.bucket;
	reg_leave_with_ref(reg);
	*ret = cl;
	return 0;
}

struct mx_clist *mx_clist_ref(struct mx_clist *cl)
{
	struct mx_clist *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *cl;
	reg_ref(cl->reg);
	if (!reg_enter(cl->reg)) {
		list_hold(cl->reg, cl->slot);
		reg_leave(cl->reg);
	}
	return copy;
}

void mx_clist_leave(struct mx_clist *cl)
{
	if (!cl)
		return;
	list_unhold(cl);
	reg_unref(cl->reg);
	free(cl);
}

bool mx_clist_valid(const struct mx_clist *cl)
{
	bool ok;

	if (reg_enter(cl->reg))
		return false;
	ok = !list_check_locked(cl);
	reg_leave(cl->reg);
	return ok;
}

uint32_t mx_clist_slot(const struct mx_clist *cl)
{
	return cl->slot;
}

uint64_t mx_clist_generation(const struct mx_clist *cl)
{
	return cl->gen;
}

/* --- Callbacks ---------------------------------------------------------- */

/* Since when, in the unit of the record. */
static uint32_t callback_time(const struct shm_proc *p)
{
	uint64_t now = now_ns(), begin = shm_get64(&p->attached_ns);
	uint64_t t = now > begin ? (now - begin) / SHM_CALLBACK_UNIT_NS : 0;

	t += SHM_CALLBACK_FIRST;
	return t < UINT32_MAX ? (uint32_t)t : UINT32_MAX;
}

int mx_clist_callback_begin(struct mx_clist *cl)
{
	struct mx_reg *reg = cl->reg;
	const struct shm_proc *p;
	int which = -1;

	if (reg_enter(reg))
		return -1;
	p = &reg->map.procs[reg->slot];
	for (unsigned i = 0; i < SHM_CALLBACKS; i++) {
		const struct shm_callback *cb = &p->callbacks[i];

		if (shm_get32(&cb->since) || !shm_cas32(&cb->since, 0, 1))
			continue;
		shm_put32(&cb->list, cl->slot + 1);
		shm_put32(&cb->tid, (uint32_t)gettid());
		shm_put32(&cb->since, callback_time(p));
		which = (int)i;
		break;
	}
	reg_leave(reg);
	return which;
}

void mx_clist_callback_end(struct mx_clist *cl, int which)
{
	struct mx_reg *reg = cl->reg;

	if (which < 0 || which >= (int)SHM_CALLBACKS || reg_enter(reg))
		return;
	shm_put32(&reg->map.procs[reg->slot].callbacks[which].since, 0);
	reg_leave(reg);
}

/* --- Completion --------------------------------------------------------- */

struct running {
	uint32_t conn; /* NO_INDEX: none */
	uint32_t tag;
	enum mx_poller poller;
	uint64_t since_ns;
};

static bool runs(uint32_t poller)
{
	return poller == MX_POLLER_STARTING || poller == MX_POLLER_PARKED ||
	       poller == MX_POLLER_STOPPING;
}

/* A poller that still runs and whose process lives.  Dead ones are swept, which
 * is one of the exits. */
static int find_running(struct mx_clist *cl, enum mx_scope scope,
			struct running *ret)
{
	struct mx_reg *reg = cl->reg;
	const struct shm_map *m = &reg->map;
	struct chain c = {0};
	uint32_t i;
	int err = list_check_locked(cl);

	ret->conn = NO_INDEX;
	if (!err && scope == MX_SCOPE_EVERYONE)
		err = sweep_list_locked(reg, cl->slot, true);
	if (err)
		return err;
	for (const uint32_t *k = &m->lists[cl->slot].conns;
	     conn_at(reg, k, cl->slot, &c, &i); k = &m->conns[i].next) {
		uint64_t claim = shm_get64(&m->conn_claims[i]);
		uint32_t poller = shm_get32(&m->conns[i].poller);

		if (SHM_CLAIM_STATE(claim) != SHM_OPEN || !runs(poller) ||
		    (scope == MX_SCOPE_PROCESS &&
		     SHM_CLAIM_TAG(claim) != reg->tag))
			continue;
		*ret = (struct running){
			.conn = i,
			.tag = SHM_CLAIM_TAG(claim),
			.poller = (enum mx_poller)poller,
			.since_ns = shm_get64(&m->conns[i].poller_since_ns),
		};
		return 0;
	}
	return c.err;
}

static int still_running_fault(struct mx_clist *cl, const struct running *r,
			       struct mx_fault *f)
{
	const struct shm_map *m = &cl->reg->map;
	uint32_t slot = SHM_TAG_SLOT(r->tag);
	uint32_t pid = slot < m->n_procs ? shm_get32(&m->procs[slot].pid) : 0;
	uint64_t now = now_ns();

	return reg_fault(
		f, -ETIMEDOUT,
		"the poller of connection %u in process %u has been %s for "
		"%.1f s and has not ended",
		r->conn, pid, mx_poller_name(r->poller),
		now > r->since_ns ? (double)(now - r->since_ns) / 1e9 : 0.0);
}

/* One look, one sleep.  1: done; 0: look again; negative: over. */
static int wait_round(struct mx_clist *cl, enum mx_scope scope,
		      mx_mono deadline, struct mx_fault *f)
{
	struct mx_reg *reg = cl->reg;
	const uint32_t *word = &reg->map.lists[cl->slot].done_seq;
	struct running r;
	uint32_t seq = shm_get32(word);
	uint64_t now = now_ns();
	uint64_t until = now + (uint64_t)PROBE_NS;
	int err = bucket_lock(reg, cl->bucket, f);

	if (err)
		return err;
	err = find_running(cl, scope, &r);
	bucket_unlock(reg, cl->bucket);
	if (err)
		return reg_damaged(f, "a list's connections");
	if (r.conn == NO_INDEX)
		return 1;
	if (deadline.ns != INT64_MAX && now >= (uint64_t)deadline.ns)
		return still_running_fault(cl, &r, f);
	if (until > (uint64_t)deadline.ns)
		until = (uint64_t)deadline.ns;
	futex_sleep(word, seq, until);
	return 0;
}

int mx_clist_wait_done(struct mx_clist *cl, enum mx_scope scope,
		       mx_mono deadline, bool (*cancelled)(void *), void *arg,
		       struct mx_fault *fault)
{
	int r;

	do {
		if (cancelled && cancelled(arg))
			return -ECANCELED;
		r = reg_enter(cl->reg);
		if (r)
			return r;
		r = wait_round(cl, scope, deadline, fault);
		reg_leave(cl->reg);
	} while (r == 0);
	return r > 0 ? 0 : r;
}
