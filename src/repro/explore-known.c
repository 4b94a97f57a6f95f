/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the search knows: states whose whole continuation has been explored, and
 * the sets of what is behind them.  Sets are kept once each, since many states
 * have the same behind them.
 */
#include <stdlib.h>
#include <string.h>

#include "repro/explore-private.h"

static struct {
	struct known *at;  /* hash table */
	struct ways *ways; /* as at; NULL with `reduce` */
	uint64_t n, size;
	const struct set **sets; /* hash table */
	uint64_t n_sets, sets_size;
	struct hash *ends;
	uint64_t n_ends;
} db;

void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

const touched set_none[MAX_PLACES];

static uint64_t set_hash(const touched *t, uint32_t n)
{
	struct hash h = {7, 8};

	for (uint32_t i = 0; i < n; i++)
		if (t[i])
			mix(&h, (uint64_t)i << 16 | t[i]);
	return h.a;
}

static uint32_t trimmed(const touched *t, uint32_t n)
{
	while (n && !t[n - 1])
		n--;
	return n;
}

static const struct set **set_slot(const touched *t, uint32_t n)
{
	uint64_t i = set_hash(t, n) & (db.sets_size - 1);

	for (; db.sets[i]; i = (i + 1) & (db.sets_size - 1))
		if (db.sets[i]->n == n &&
		    !memcmp(db.sets[i]->t, t, n * sizeof(*t)))
			break;
	return &db.sets[i];
}

static void grow_sets(void)
{
	const struct set **old = db.sets;
	uint64_t n = db.sets_size;

	db.sets_size = n ? 2 * n : 1024;
	db.sets = must(calloc(db.sets_size, sizeof(*db.sets)));
	for (uint64_t i = 0; i < n; i++)
		if (old[i])
			*set_slot(old[i]->t, old[i]->n) = old[i];
	free(old);
}

const struct set *set_of(const touched *t)
{
	uint32_t n = trimmed(t, ex.n_places);
	const struct set **slot;
	struct set *s;

	if (2 * db.n_sets >= db.sets_size)
		grow_sets();
	slot = set_slot(t, n);
	if (*slot)
		return *slot;
	s = must(malloc(sizeof(*s) + n * sizeof(*t)));
	s->n = n;
	memcpy(s->t, t, n * sizeof(*t));
	db.n_sets++;
	*slot = s;
	return s;
}

/* Is all of b in a? */
static bool has_all(const struct set *a, const struct set *b)
{
	touched more = 0;

	if (b->n > a->n)
		return false;
	for (uint32_t i = 0; i < b->n; i++)
		more |= (touched)(b->t[i] & ~a->t[i]);
	return !more;
}

const struct set *set_union(const struct set *a, const struct set *b)
{
	static touched t[MAX_PLACES];

	if (!a || a == b || has_all(b, a))
		return b;
	if (has_all(a, b))
		return a;
	memset(t, 0, sizeof(t));
	memcpy(t, a->t, a->n * sizeof(*t));
	for (uint32_t i = 0; i < b->n; i++)
		t[i] |= b->t[i];
	return set_of(t);
}

const struct set *set_with(const struct set *a, uint32_t place, touched bits)
{
	static touched t[MAX_PLACES];

	if (place < a->n && !(bits & ~a->t[place]))
		return a;
	memset(t, 0, sizeof(t));
	memcpy(t, a->t, a->n * sizeof(*t));
	t[place] |= bits;
	return set_of(t);
}

/* ---- known states ---- */

static struct known *known_slot(const struct hash *key)
{
	uint64_t i = key->a & (db.size - 1);

	while (db.at[i].behind &&
	       (db.at[i].key.a != key->a || db.at[i].key.b != key->b))
		i = (i + 1) & (db.size - 1);
	return &db.at[i];
}

static void grow_known(void)
{
	struct known *old = db.at;
	struct ways *ways = db.ways;
	uint64_t n = db.size;

	db.size = n ? 2 * n : 4096;
	db.at = must(calloc(db.size, sizeof(*db.at)));
	if (!ex.p->reduce)
		db.ways = must(calloc(db.size, sizeof(*db.ways)));
	for (uint64_t i = 0; i < n; i++) {
		struct known *k;

		if (!old[i].behind)
			continue;
		k = known_slot(&old[i].key);
		*k = old[i];
		if (db.ways)
			db.ways[k - db.at] = ways[i];
	}
	free(old);
	free(ways);
}

void remember(const struct known *k, const struct ways *w)
{
	struct known *slot;

	if (4 * db.n >= 3 * db.size)
		grow_known();
	slot = known_slot(&k->key);
	db.n += !slot->behind;
	*slot = *k;
	if (db.ways)
		db.ways[slot - db.at] = *w;
	ex.res->states = db.n;
}

bool known_find(const struct hash *key, struct known *ret,
		struct ways *ret_ways)
{
	const struct known *k = db.size ? known_slot(key) : NULL;

	if (!k || !k->behind)
		return false;
	*ret = *k;
	if (db.ways)
		*ret_ways = db.ways[k - db.at];
	return true;
}

/* There are few. */
bool end_is_new(const struct hash *end)
{
	for (uint64_t i = 0; i < db.n_ends; i++)
		if (db.ends[i].a == end->a && db.ends[i].b == end->b)
			return false;
	db.ends = must(realloc(db.ends, (db.n_ends + 1) * sizeof(*db.ends)));
	db.ends[db.n_ends++] = *end;
	return true;
}

void known_drop(void)
{
	for (uint64_t i = 0; i < db.sets_size; i++)
		free((void *)(uintptr_t)db.sets[i]);
	free(db.sets);
	free(db.at);
	free(db.ways);
	free(db.ends);
	memset(&db, 0, sizeof(db));
}
