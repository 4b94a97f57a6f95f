/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at all of a segment that nobody else is attached to, after what the
 * dead left was undone: then nothing may be claimed, chained or counted but
 * lists with orphans or back-offs.  Anything else is damage, and nobody is there
 * who would lose by a new segment.
 */
#include "connlist/registry-private.h"

#include <errno.h>

struct counts {
	uint32_t lists, peers, conns;
};

static int verify_procs(const struct mx_reg *reg, struct mx_fault *f)
{
	for (uint32_t i = 0; i < reg->map.n_procs; i++)
		if (i != reg->slot &&
		    shm_get32(&reg->map.procs[i].state) != SHM_PROC_FREE)
			return reg_damaged(f, "a process slot cannot be freed");
	return 0;
}

static bool sid_right(const struct shm_map *m, uint32_t i)
{
	const struct shm_list *l = &m->lists[i];
	uint64_t raw[SHM_SID_WORDS];
	uint32_t n = shm_get32(&l->sid_len);
	struct mx_sid sid;

	shm_get_bytes(raw, l->sid, SHM_SID_WORDS);
	return n <= sizeof(raw) && !mx_sid_unpack(raw, n, &sid) &&
	       list_right(m, i);
}

static int verify_list(const struct mx_reg *reg, uint32_t list,
		       struct counts *n, struct mx_fault *f)
{
	const struct shm_map *m = &reg->map;
	const struct shm_list *l = &m->lists[list];
	struct chain c = {0};
	uint32_t i;

	if (shm_get64(&m->list_claims[list]) != SHM_CLAIM(SHM_LIVE, 0) ||
	    !sid_right(m, list) || list_has_member(l))
		return reg_damaged(f, "a list");
	for (const uint32_t *k = &l->conns; conn_at(reg, k, list, &c, &i);
	     k = &m->conns[i].next) {
		if (shm_get64(&m->conn_claims[i]) != SHM_CLAIM(SHM_ORPHAN, 0))
			return reg_damaged(f, "a connection's state");
		n->conns++;
	}
	if (c.err)
		return reg_damaged(f, "a connection");
	c = (struct chain){0};
	for (const uint32_t *k = &l->peers; peer_at(reg, k, list, &c, &i);
	     k = &m->peers[i].next) {
		if (shm_get64(&m->peer_claims[i]) != SHM_CLAIM(SHM_LIVE, 0))
			return reg_damaged(f, "a server's state");
		n->peers++;
	}
	return c.err ? reg_damaged(f, "a server") : 0;
}

static int verify_bucket(const struct mx_reg *reg, uint32_t bucket,
			 struct counts *n, struct mx_fault *f)
{
	const struct shm_map *m = &reg->map;
	const struct shm_bucket *b = &m->buckets[bucket];
	struct chain c = {0};
	uint32_t i;
	int err = 0;

	if (shm_get32(&b->lock))
		return reg_damaged(f, "a lock that nobody holds");
	for (const uint32_t *k = &b->head;
	     !err && list_at(reg, k, bucket, &c, &i); k = &m->lists[i].next) {
		err = verify_list(reg, i, n, f);
		n->lists++;
	}
	return err ? err : c.err ? reg_damaged(f, "a chain of lists") : 0;
}

static uint32_t count_claims(const uint64_t *claims, uint32_t n)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < n; i++)
		used += shm_get64(&claims[i]) != 0;
	return used;
}

int segment_verify(struct mx_reg *reg, struct mx_fault *f)
{
	const struct shm_map *m = &reg->map;
	struct counts n = {0};
	int err = verify_procs(reg, f);

	for (uint32_t i = 0; i < m->n_buckets && !err; i++)
		err = verify_bucket(reg, i, &n, f);
	if (err)
		return err;
	if (count_claims(m->list_claims, m->n_lists) != n.lists ||
	    count_claims(m->peer_claims, m->n_peers) != n.peers ||
	    count_claims(m->conn_claims, m->n_conns) != n.conns)
		return reg_damaged(f, "records that are in no list");
	return 0;
}
