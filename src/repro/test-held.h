/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs that test-interleave-held and -bucket run in every order: our
 * connection lists, the real code of src/connlist, with what stands around them.
 *
 * That is what the session does: its lock is held for each call on a connection
 * (doc/locks.md); the release asks the poller to end, waits for the list's
 * completion (the hardest a caller can do: our IMsgStore::Release does not
 * wait), closes and leaves.
 */
#ifndef MX_REPRO_TEST_HELD_H
#define MX_REPRO_TEST_HELD_H

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connlist/conn.h"
#include "connlist/test-util.h"
#include "repro/explore.h"
#include "repro/test-threads.h"

struct side {
	struct mx_sid sid;
	unsigned poller; /* its thread */
	struct mx_conn *conn;
	uint32_t session; /* the session's lock */
	uint32_t closed;  /* the connection is; under it */
	uint32_t stop;    /* futex: the poller shall end */
};

/* Restored before each run. */
static struct world {
	struct side side[2];
	uint32_t n; /* counted under the bucket's lock */
} world;

static struct mx_reg *reg;
static bool owners = true; /* the search knows whose a record is */
static bool may_abort;     /* a poller may be cancelled at any of its points */

static inline uint64_t knows(const struct mx_clist *cl, const struct mx_conn *k)
{
	uint64_t v = cl->gen << 8 | cl->slot;

	return k ? v << 24 | k->gen << 8 | k->slot << 4 | k->peer : v;
}

/* A record belongs to its side from its claim to its end: as a lock. */
static inline void claims_of(const struct side *s, void (*fn)(const void *lock))
{
	const struct shm_map *m = &reg->map;

	fn(&m->conn_claims[s->conn->slot]);
	fn(&m->peer_claims[s->conn->peer]);
	fn(&m->list_claims[s->conn->list.slot]);
}

/* False: there is nothing to poll for any more. */
static inline bool move(struct side *s, enum mx_poller to)
{
	bool open;

	explore_lock(&s->session);
	open = !shm_get32(&s->closed);
	if (open) {
		claims_of(s, explore_hold);
		if (mx_conn_set_poller(s->conn, to))
			explore_fail("the poller cannot move");
		claims_of(s, mx_sched_unlocking);
	}
	explore_unlock(&s->session);
	explore_forget(mx_poller_name(to), open);
	return open && to != MX_POLLER_DONE &&
	       !(may_abort && explore_choose(2));
}

static inline void poller(void *arg)
{
	struct side *s = arg;

	explore_event("poller");
	if (move(s, MX_POLLER_STARTING) && move(s, MX_POLLER_PARKED)) {
		while (!shm_get32(&s->stop))
			futex_sleep(&s->stop, 0, UINT64_MAX);
		move(s, MX_POLLER_STOPPING);
	}
	/* The one exit. */
	move(s, MX_POLLER_DONE);
}

static inline struct mx_clist *connect_side(struct side *s)
{
	struct mx_conn_params p = {.server = "s", .kind = MX_CONN_MAILBOX};
	struct mx_clist *cl = NULL;

	explore_event("connect");
	if (mx_clist_join(reg, &s->sid, "u", &cl, NULL))
		explore_fail("no list");
	explore_forget("joined", knows(cl, NULL));
	if (mx_conn_open(cl, &p, &s->conn, NULL))
		explore_fail("no connection");
	explore_start(s->poller);
	explore_forget("connected", knows(cl, s->conn));
	return cl;
}

static inline void release_side(struct side *s, struct mx_clist *cl)
{
	explore_event("release");
	shm_put32(&s->stop, 1);
	futex_wake(&s->stop, 1);
	if (mx_clist_wait_done(cl, MX_SCOPE_PROCESS, MX_MONO_NEVER, NULL, NULL,
			       NULL))
		explore_fail("the wait failed");
	explore_forget("done", knows(cl, s->conn));
	explore_lock(&s->session);
	shm_put32(&s->closed, 1);
	mx_sched_unlocking(&reg->map.list_claims[cl->slot]);
	mx_conn_close(s->conn, MX_CONN_ENDED);
	explore_unlock(&s->session);
	explore_forget("closed", knows(cl, NULL));
	mx_clist_leave(cl);
}

static inline void worker(void *arg)
{
	struct side *s = arg;

	release_side(s, connect_side(s));
}

/* Has a connection that nobody polls. */
static inline void caller(void *arg)
{
	struct mx_conn_params p = {.server = "s", .kind = MX_CONN_MAILBOX};
	struct side *s = arg;
	struct mx_clist *cl = NULL;

	explore_event("connect");
	if (mx_clist_join(reg, &s->sid, "u", &cl, NULL))
		explore_fail("no list");
	explore_forget("joined", knows(cl, NULL));
	if (mx_conn_open(cl, &p, &s->conn, NULL))
		explore_fail("no connection");
	explore_forget("connected", knows(cl, s->conn));
	if (owners)
		mx_sched_unlocking(&reg->map.list_claims[cl->slot]);
	else
		claims_of(s, mx_sched_unlocking);
	mx_conn_close(s->conn, MX_CONN_ENDED);
	explore_forget("closed", knows(cl, NULL));
	mx_clist_leave(cl);
}

/* Joins a list and leaves it, without a connection. */
static inline void member(void *arg)
{
	struct side *s = arg;
	struct mx_clist *cl = NULL;

	explore_event("join");
	if (mx_clist_join(reg, &s->sid, "u", &cl, NULL))
		explore_fail("no list");
	explore_forget("joined", knows(cl, NULL));
	explore_event("leave");
	mx_sched_unlocking(&reg->map.list_claims[cl->slot]);
	mx_clist_leave(cl);
}

/* ---- free records ---- */

/* The record that a word lies in: its claim, and where in it the generation is,
 * which outlives it. */
struct record {
	const uint64_t *claim;
	const char *at;
	size_t n, gen;
};

static inline bool record_of(const void *word, const void *base, size_t size,
			     size_t gen, uint32_t n, const uint64_t *claims,
			     struct record *ret)
{
	size_t at = (size_t)((const char *)word - (const char *)base);

	if ((const char *)word < (const char *)base || at >= n * size)
		return false;
	*ret = (struct record){&claims[at / size],
			       (const char *)base + at / size * size, size,
			       gen};
	return true;
}

#define GEN(type) offsetof(struct shm_##type, gen)

static inline bool find_record(const void *word, struct record *ret)
{
	const struct shm_map *m = &reg->map;

	return record_of(word, m->lists, sizeof(*m->lists), GEN(list),
			 m->n_lists, m->list_claims, ret) ||
	       record_of(word, m->peers, sizeof(*m->peers), GEN(peer),
			 m->n_peers, m->peer_claims, ret) ||
	       record_of(word, m->conns, sizeof(*m->conns), GEN(conn),
			 m->n_conns, m->conn_claims, ret);
}

/* The i-th claim of an array that a word lies in. */
static inline bool claim_of(const void *word, const uint64_t *claims,
			    uint32_t n, uint32_t *ret)
{
	size_t at = (size_t)((const char *)word - (const char *)claims);

	if ((const char *)word < (const char *)claims || at >= 8 * (size_t)n)
		return false;
	*ret = (uint32_t)(at / 8);
	return true;
}

static inline bool find_claim(const void *word, struct record *ret)
{
	const struct shm_map *m = &reg->map;
	uint32_t i;

	if (claim_of(word, m->list_claims, m->n_lists, &i))
		return find_record(&m->lists[i], ret);
	if (claim_of(word, m->peer_claims, m->n_peers, &i))
		return find_record(&m->peers[i], ret);
	if (claim_of(word, m->conn_claims, m->n_conns, &i))
		return find_record(&m->conns[i], ret);
	return false;
}

static inline bool of_members(const void *word);

/* Whoever leaves looks at the members when the list may be gone already. */
static inline const void *claim_at(void *arg, const void *word)
{
	struct record r;

	(void)arg;
	if (find_claim(word, &r))
		return word;
	return find_record(word, &r) && !of_members(word) ? r.claim : NULL;
}

static inline bool has_members(const char *record)
{
	for (uint32_t i = 0; i < reg->map.n_lists; i++)
		for (unsigned k = 0; k < SHM_MEMBER_WORDS; k++)
			if (record == (const char *)&reg->map.lists[i] &&
			    reg->map.lists[i].members[k])
				return true;
	return false;
}

/* The last to leave looks whether he was the last: a sweep may have been faster
 * than that look.  There are no members in a free list. */
static inline bool of_members(const void *word)
{
	const char *at = word;

	for (uint32_t i = 0; i < reg->map.n_lists; i++) {
		const struct shm_list *l = &reg->map.lists[i];

		if (at >= (const char *)l->members &&
		    at < (const char *)l->members + sizeof(l->members))
			return true;
	}
	return false;
}

/* A record that was given back keeps its generation, the rest is garbage. */
static inline void clear_free(void *arg, const void *word)
{
	struct record r;

	(void)arg;
	if (!find_claim(word, &r) || *r.claim)
		return;
	if (has_members(r.at))
		explore_fail("a list is freed that somebody holds");
	explore_clear(r.at, r.gen);
	explore_clear(r.at + r.gen + 8, r.n - r.gen - 8);
}

static inline bool owned_or_generation(void *arg, const void *word)
{
	struct record r;

	(void)arg;
	return !find_record(word, &r) || *r.claim || word == r.at + r.gen ||
	       of_members(word);
}

static inline bool nothing_left(void *arg, bool hangs)
{
	const struct shm_map *m = &reg->map;
	uint32_t n = tu_claims(m->list_claims, m->n_lists) +
		     tu_claims(m->peer_claims, m->n_peers) +
		     tu_claims(m->conn_claims, m->n_conns);

	(void)arg;
	for (uint32_t i = 0; i < m->n_buckets; i++)
		n += m->buckets[i].lock + m->buckets[i].head;
	for (uint32_t i = 0; i < m->n_lists; i++)
		n += reg->holds[i];
	return hangs || n == 0;
}

/* The i-th user whose list falls into this bucket of two. */
static inline struct mx_sid user_in(uint32_t bucket, unsigned i)
{
	struct mx_sid sid;
	uint32_t uid = 1000;

	do {
		sid = mx_sid_unix(uid++);
	} while ((mx_sid_crc(&sid) & 1) != bucket || i--);
	return sid;
}

static inline void begin(struct explore_params *p, uint32_t n_buckets)
{
	reg = tu_open(2, 2, n_buckets);
	may_abort = false;
	world = (struct world){
		.side = {{.sid = user_in(0, 0), .poller = POLLER_A},
			 {.sid = user_in(1, 0), .poller = POLLER_B}}};
	*p = (struct explore_params){
		.threads = {{"worker A", worker, &world.side[0], false, 0},
			    {"poller A", poller, &world.side[0], true, 0},
			    {"worker B", worker, &world.side[1], false, 1},
			    {"poller B", poller, &world.side[1], true, 1}},
		.n_threads = 4,
		.mem = {{(void *)(uintptr_t)reg->map.base, reg->map.bytes,
			 true},
			{reg, sizeof(*reg)},
			{reg->holds, reg->map.n_lists * sizeof(*reg->holds)},
			{&world, sizeof(world)}},
		.n_mem = 4,
		.reduce = true,
		.collapse = true,
		.changed = clear_free,
		.may_load = owned_or_generation,
		.claim = claim_at,
		.guards = reg->map.buckets,
		.guards_n = n_buckets * sizeof(*reg->map.buckets),
		.check = nothing_left,
	};
}

static inline void run(const char *what, const struct explore_params *p,
		       struct explore_result *ret)
{
	explore(p, ret);
	print_message("held, %s: %" PRIu64 " states explored, %" PRIu64
		      " final states (%" PRIu64 " after a death), %" PRIu64
		      " of them hang\n",
		      what, ret->states, ret->finals, ret->deaths, ret->hung);
	if (ret->wrong || (ret->hung && !p->lose_wake))
		print_error("%s\n", ret->first);
	assert_true(ret->complete);
	assert_int_equal(ret->wrong, 0);
}

static inline bool lose_done(void *arg, const void *word)
{
	const struct shm_map *m = &reg->map;

	(void)arg;
	return word == &m->lists[0].done_seq || word == &m->lists[1].done_seq;
}

/* AddressSanitizer would have to be told of each frame that is put back, so
 * under it each run begins anew: too slow for the large ones. */
static inline void only_plain(void)
{
#if defined(__SANITIZE_ADDRESS__)
	mx_test_skip("too many states for AddressSanitizer");
#endif
}

/* Minutes. */
static inline void only_soak(void)
{
	only_plain();
	if (!getenv("MX_SOAK"))
		mx_test_skip("minutes: make soak");
}

/* The same program searched in two ways ends in the same states: as p says, and
 * with no order left out; nor are pasts, unless `own`. */
static inline void same_ends(const char *what, struct explore_params *p,
			     bool own, struct explore_result *ret_all)
{
	struct explore_result few;

	run(what, p, &few);
	p->reduce = false;
	p->collapse = own;
	run("the same, nothing left out", p, ret_all);
	assert_true(few.states < ret_all->states);
	assert_true(few.ends > 0);
	assert_int_equal(few.ends, ret_all->ends);
	assert_int_equal(few.hung_ends, ret_all->hung_ends);
	assert_true(few.ends_sum == ret_all->ends_sum);
}

#endif
