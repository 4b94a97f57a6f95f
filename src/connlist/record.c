/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records: taking a free one, checking one that a chain leads to, unlinking and
 * freeing.  What is read here may be damaged: an index is checked before it is
 * used, a checksum says whether the record is what it claims to be, a step count
 * ends every walk.
 */
#include "connlist/registry-private.h"

#include <errno.h>

#include "identity/crc.h"

/* --- Taking and freeing ------------------------------------------------- */

static uint32_t claim_from(struct mx_reg *reg, const uint64_t *claims,
			   uint32_t n, uint32_t at)
{
	uint64_t mine = SHM_CLAIM(SHM_CLAIMED, reg->tag);

	for (uint32_t i = 0; i < n; i++) {
		if (!shm_get64(&claims[at]) &&
		    shm_cas64(&claims[at], 0, mine)) {
			mx_sched_locked(&claims[at]);
			return at;
		}
		at = at + 1 < n ? at + 1 : 0;
	}
	return NO_INDEX;
}

static uint32_t claim_any(struct mx_reg *reg, const uint64_t *claims,
			  uint32_t n, const uint32_t *hint)
{
	uint32_t at, i;

	mx_sched_mark();
	at = shm_get32(hint);
	i = claim_from(reg, claims, n, at < n ? at : 0);
	if (i != NO_INDEX)
		shm_put32(hint, i + 1);
	mx_sched_forget(i);
	return i;
}

/* The new generation makes the old checksum wrong: until the record is complete
 * nobody takes it for one. */
uint32_t list_claim(struct mx_reg *reg, uint32_t bucket)
{
	const struct shm_map *m = &reg->map;
	uint32_t i = claim_from(reg, m->list_claims, m->n_lists,
				list_guess(m, bucket));

	if (i != NO_INDEX)
		shm_put64(&m->lists[i].gen, shm_get64(&m->lists[i].gen) + 1);
	return i;
}

uint32_t peer_claim(struct mx_reg *reg)
{
	const struct shm_map *m = &reg->map;
	uint32_t i = claim_any(reg, m->peer_claims, m->n_peers,
			       &m->header->peer_hint);

	if (i != NO_INDEX)
		shm_put64(&m->peers[i].gen, shm_get64(&m->peers[i].gen) + 1);
	return i;
}

uint32_t conn_claim(struct mx_reg *reg)
{
	const struct shm_map *m = &reg->map;
	uint32_t i = claim_any(reg, m->conn_claims, m->n_conns,
			       &m->header->conn_hint);

	if (i != NO_INDEX)
		shm_put64(&m->conns[i].gen, shm_get64(&m->conns[i].gen) + 1);
	return i;
}

void claim_free(const uint64_t *claim)
{
	shm_put64(claim, 0);
}

/* --- Checksums ---------------------------------------------------------- */

/* Looked at by everyone who joins, so not another CRC: each part times an odd
 * number.  None of these has 32 equal bits in a row, so that a bit that flips
 * in any part flips something in the upper half. */
uint32_t list_sum(const struct shm_map *m, uint32_t i)
{
	const struct shm_list *l = &m->lists[i];
	uint64_t where = (uint64_t)i << 32 | shm_get32(&l->sid_len);

	return (uint32_t)((shm_get64(&l->gen) * UINT64_C(0x9e3779b97f4a7c15) +
			   where * UINT64_C(0xc2b2ae3d27d4eb4f) +
			   shm_get32(&l->crc) * UINT64_C(0xd6e8feb86659fd93)) >>
			  32);
}

bool list_right(const struct shm_map *m, uint32_t i)
{
	const struct shm_list *l = &m->lists[i];
	uint64_t sid[SHM_SID_WORDS];
	uint32_t n = shm_get32(&l->sid_len);

	if (n > sizeof(sid) || shm_get32(&l->sum) != list_sum(m, i))
		return false;
	shm_get_bytes(sid, l->sid, SHM_SID_WORDS);
	return mx_crc32(0, sid, n) == shm_get32(&l->crc);
}

uint32_t peer_sum(const struct shm_map *m, uint32_t i)
{
	const struct shm_peer *p = &m->peers[i];
	struct {
		uint64_t gen, list_gen;
		uint32_t index, list;
		uint64_t server[SHM_SERVER_WORDS];
	} v = {.index = i};

	v.gen = shm_get64(&p->gen);
	v.list_gen = shm_get64(&p->list_gen);
	v.list = shm_get32(&p->list);
	shm_get_bytes(v.server, p->server, SHM_SERVER_WORDS);
	return mx_crc32(0, &v, sizeof(v));
}

uint32_t conn_sum(const struct shm_map *m, uint32_t i)
{
	const struct shm_conn *c = &m->conns[i];
	struct {
		uint64_t gen, list_gen;
		uint32_t index, list, peer, kind;
	} v = {.index = i};

	v.gen = shm_get64(&c->gen);
	v.list_gen = shm_get64(&c->list_gen);
	v.list = shm_get32(&c->list);
	v.peer = shm_get32(&c->peer);
	v.kind = shm_get32(&c->kind);
	return mx_crc32(0, &v, sizeof(v));
}

/* --- Chains ------------------------------------------------------------- */

/* The record that a link leads to, or NO_INDEX with c->err set when it leads
 * outside or the walk is longer than there are records. */
static uint32_t follow(const uint32_t *link, uint32_t n, struct chain *c)
{
	uint32_t v = shm_get32(link);

	if (!v)
		return NO_INDEX;
	if (v > n || c->steps++ >= n) {
		c->err = -EBADMSG;
		return NO_INDEX;
	}
	return v - 1;
}

static bool chain_damaged(struct chain *c)
{
	c->err = -EBADMSG;
	return false;
}

static bool claim_chained(uint64_t claim, bool conn)
{
	switch (SHM_CLAIM_STATE(claim)) {
	case SHM_CLAIMED:
	case SHM_DYING:
		return true;
	case SHM_LIVE:
		return !conn;
	case SHM_WAITING:
	case SHM_OPEN:
	case SHM_ORPHAN:
	case SHM_CLOSING:
		return conn;
	default:
		return false;
	}
}

bool list_at(const struct mx_reg *reg, const uint32_t *link, uint32_t bucket,
	     struct chain *c, uint32_t *ret)
{
	const struct shm_map *m = &reg->map;
	uint32_t i = follow(link, m->n_lists, c);

	if (i == NO_INDEX)
		return false;
	if (!claim_chained(shm_get64(&m->list_claims[i]), false) ||
	    bucket_of(m, shm_get32(&m->lists[i].crc)) != bucket)
		return chain_damaged(c);
	*ret = i;
	return true;
}

bool peer_at(const struct mx_reg *reg, const uint32_t *link, uint32_t list,
	     struct chain *c, uint32_t *ret)
{
	const struct shm_map *m = &reg->map;
	uint32_t i = follow(link, m->n_peers, c);
	const struct shm_peer *p;

	if (i == NO_INDEX)
		return false;
	p = &m->peers[i];
	if (!claim_chained(shm_get64(&m->peer_claims[i]), false) ||
	    shm_get32(&p->list) != list + 1 ||
	    shm_get64(&p->list_gen) != shm_get64(&m->lists[list].gen) ||
	    shm_get32(&p->sum) != peer_sum(m, i))
		return chain_damaged(c);
	*ret = i;
	return true;
}

bool conn_at(const struct mx_reg *reg, const uint32_t *link, uint32_t list,
	     struct chain *c, uint32_t *ret)
{
	const struct shm_map *m = &reg->map;
	uint32_t i = follow(link, m->n_conns, c);
	const struct shm_conn *k;

	if (i == NO_INDEX)
		return false;
	k = &m->conns[i];
	if (!claim_chained(shm_get64(&m->conn_claims[i]), true) ||
	    shm_get32(&k->list) != list + 1 ||
	    shm_get64(&k->list_gen) != shm_get64(&m->lists[list].gen) ||
	    shm_get32(&k->peer) - 1 >= m->n_peers || shm_get32(&k->kind) > 1 ||
	    shm_get32(&k->sum) != conn_sum(m, i))
		return chain_damaged(c);
	*ret = i;
	return true;
}

/* DYING first: whoever meets it after our death knows what we were doing. */
static void unlink_record(struct mx_reg *reg, const uint32_t *link,
			  const uint64_t *claim, const uint32_t *next)
{
	shm_put64(claim, SHM_CLAIM(SHM_DYING, reg->tag));
	shm_put32(link, shm_get32(next));
	claim_free(claim);
}

void unlink_list(struct mx_reg *reg, const uint32_t *link)
{
	uint32_t i = shm_get32(link) - 1;

	unlink_record(reg, link, &reg->map.list_claims[i],
		      &reg->map.lists[i].next);
}

void unlink_peer(struct mx_reg *reg, const uint32_t *link)
{
	uint32_t i = shm_get32(link) - 1;

	unlink_record(reg, link, &reg->map.peer_claims[i],
		      &reg->map.peers[i].next);
}

void unlink_conn(struct mx_reg *reg, const uint32_t *link)
{
	uint32_t i = shm_get32(link) - 1;

	unlink_record(reg, link, &reg->map.conn_claims[i],
		      &reg->map.conns[i].next);
}

/* The word that is most likely set is the last. */
bool list_has_member(const struct shm_list *l)
{
	for (unsigned i = SHM_MEMBER_WORDS; i-- > 0;)
		if (shm_get64(&l->members[i]))
			return true;
	return false;
}
