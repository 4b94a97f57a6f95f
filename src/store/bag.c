/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/bag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "store/store.h"
#include "store/tags.h"

#define HEAD 8u
#define LEN_REF UINT32_C(0x80000000)
#define REF_BYTES 16u

static uint32_t get32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static uint64_t get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
}

void mx_bag_init(struct mx_bag *b)
{
	*b = (struct mx_bag){0};
}

static void ent_clear(struct mx_ent *e)
{
	free(e->own);
	mx_bytes_unref(e->big);
	e->own = NULL;
	e->big = NULL;
	e->p = NULL;
	e->len = 0;
}

void mx_bag_fini(struct mx_bag *b)
{
	for (size_t i = 0; i < b->n; i++)
		ent_clear(&b->e[i]);
	free(b->e);
	free(b->base);
	mx_bag_init(b);
}

void mx_bag_auto(struct mx_bag *b)
{
	mx_bag_fini(b);
}

/* Index of id, or of where it belongs. */
static size_t place(const struct mx_bag *b, uint16_t id)
{
	size_t lo = 0, hi = b->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (MX_PROP_ID(b->e[mid].tag) < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct mx_ent *mx_bag_find(const struct mx_bag *b, uint16_t id)
{
	size_t i = place(b, id);

	return i < b->n && MX_PROP_ID(b->e[i].tag) == id ? &b->e[i] : NULL;
}

/* The entry for tag, emptied, made when missing; NULL without memory. */
static struct mx_ent *slot(struct mx_bag *b, uint32_t tag)
{
	size_t i = place(b, MX_PROP_ID(tag));

	if (i < b->n && MX_PROP_ID(b->e[i].tag) == MX_PROP_ID(tag)) {
		ent_clear(&b->e[i]);
		b->e[i].tag = tag;
		return &b->e[i];
	}
	if (b->n == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 32;
		struct mx_ent *e = reallocarray(b->e, cap, sizeof(*e));

		if (!e)
			return NULL;
		b->e = e;
		b->cap = cap;
	}
	memmove(&b->e[i + 1], &b->e[i], (b->n - i) * sizeof(*b->e));
	b->n++;
	b->e[i] = (struct mx_ent){.tag = tag};
	return &b->e[i];
}

bool mx_bag_delete(struct mx_bag *b, uint16_t id)
{
	size_t i = place(b, id);

	if (i == b->n || MX_PROP_ID(b->e[i].tag) != id)
		return false;
	ent_clear(&b->e[i]);
	b->n--;
	memmove(&b->e[i], &b->e[i + 1], (b->n - i) * sizeof(*b->e));
	return true;
}

int mx_bag_set_raw(struct mx_bag *b, uint32_t tag, const void *p, size_t n)
{
	uint8_t *own = malloc(n + 1);
	struct mx_ent *e;

	if (!own)
		return -ENOMEM;
	if (n)
		memcpy(own, p, n);
	own[n] = 0;
	e = slot(b, tag);
	if (!e) {
		free(own);
		return -ENOMEM;
	}
	e->own = own;
	e->p = own;
	e->len = (uint32_t)n;
	return 0;
}

int mx_bag_set_big(struct mx_bag *b, uint32_t tag, struct mx_bytes *bytes)
{
	uint64_t size = mx_bytes_size(bytes);
	MX_AUTO(mx_free_auto) uint8_t *own = NULL;
	struct mx_ent *e;
	bool text = MX_PROP_TYPE(tag) == MX_PT_UNICODE;
	int r;

	if (size > MX_STORE_INLINE) {
		mx_bytes_ref(bytes); /* it may be what the slot holds now */
		e = slot(b, tag);
		if (!e) {
			mx_bytes_unref(bytes);
			return -ENOMEM;
		}
		e->big = bytes;
		return 0;
	}
	own = calloc(1, size + 1);
	if (!own)
		return -ENOMEM;
	r = size ? mx_bytes_read(bytes, 0, own, size) : 0;
	return r ? r : mx_bag_set_raw(b, tag, own, size + text);
}

/* ---- The packed form ---- */

/* The next entry of a packed form at *off; false at its end or when damaged. */
static bool next_packed(const uint8_t *p, size_t n, size_t *off,
			struct mx_ent *ret, int64_t *blob, uint64_t *size)
{
	uint32_t len, bytes;

	if (n - *off < HEAD)
		return false;
	*ret = (struct mx_ent){.tag = get32(p + *off)};
	len = get32(p + *off + 4);
	bytes = len & LEN_REF ? REF_BYTES : len;
	if (bytes > n - *off - HEAD)
		return false;
	ret->p = p + *off + HEAD;
	ret->len = bytes;
	*blob = 0;
	*size = bytes;
	if (len & LEN_REF) {
		*blob = (int64_t)get64(ret->p);
		*size = get64(ret->p + 8);
	}
	bytes = (bytes + 3) & ~3u;
	*off += HEAD + (bytes < n - *off - HEAD ? bytes : n - *off - HEAD);
	return true;
}

bool mx_pack_find(const void *p, size_t n, uint16_t id, struct mx_ent *ret,
		  int64_t *ret_blob, uint64_t *ret_size)
{
	size_t off = 0;

	while (next_packed(p, n, &off, ret, ret_blob, ret_size)) {
		if (MX_PROP_ID(ret->tag) == id)
			return true;
		if (MX_PROP_ID(ret->tag) > id)
			break;
	}
	return false;
}

int mx_pack_release(struct mx_mdb *db, const void *p, size_t n)
{
	struct mx_ent e;
	size_t off = 0;
	uint64_t size;
	int64_t blob;
	int r = 0;

	while (!r && next_packed(p, n, &off, &e, &blob, &size))
		if (blob)
			r = mx_blob_release(db, blob);
	return r;
}

int mx_bag_unpack(struct mx_bag *b, struct mx_mdb *db, const void *p, size_t n)
{
	MX_AUTO(mx_bag_auto) struct mx_bag bag = {0};
	struct mx_bytes *big;
	struct mx_ent e, *s;
	size_t off = 0;
	uint64_t size;
	int64_t blob;
	int r;

	bag.base = malloc(n ? n : 1);
	if (!bag.base)
		return -ENOMEM;
	if (n)
		memcpy(bag.base, p, n);
	while (next_packed(bag.base, n, &off, &e, &blob, &size)) {
		big = NULL;
		if (blob && !db)
			return -EUCLEAN;
		r = blob ? mx_bytes_from_blob(db, blob, size, &big) : 0;
		if (r)
			return r;
		if (MX_PROP_TYPE(e.tag) == MX_PT_UNICODE && !blob &&
		    (!e.len || e.p[e.len - 1]))
			return -EUCLEAN;
		s = slot(&bag, e.tag);
		if (!s) {
			mx_bytes_unref(big);
			return -ENOMEM;
		}
		s->big = big;
		s->p = blob ? NULL : e.p;
		s->len = blob ? 0 : e.len;
	}
	if (off != n)
		return -EUCLEAN;
	mx_bag_fini(b);
	*b = bag;
	mx_bag_init(&bag);
	return 0;
}

static int pack_one(const struct mx_ent *e, struct mx_mdb *db,
		    struct mx_buf *out)
{
	uint8_t head[HEAD + REF_BYTES] = {0};
	static const uint8_t zeros[4];
	int64_t id;
	int r;

	put32(head, e->tag);
	if (e->big) {
		r = mx_bytes_store(e->big, db, &id);
		if (r)
			return r;
		put32(head + 4, LEN_REF | REF_BYTES);
		put32(head + 8, (uint32_t)id);
		put32(head + 12, (uint32_t)((uint64_t)id >> 32));
		put32(head + 16, (uint32_t)mx_bytes_size(e->big));
		put32(head + 20, (uint32_t)(mx_bytes_size(e->big) >> 32));
		return mx_buf_put(out, head, sizeof(head));
	}
	put32(head + 4, e->len);
	r = mx_buf_put(out, head, HEAD);
	if (!r && e->len)
		r = mx_buf_put(out, e->p, e->len);
	if (!r && e->len % 4)
		r = mx_buf_put(out, zeros, 4 - e->len % 4);
	return r;
}

int mx_bag_pack(const struct mx_bag *b, struct mx_mdb *db,
		bool (*skip)(const struct mx_ent *e), struct mx_buf *out)
{
	int r = 0;

	for (size_t i = 0; !r && i < b->n; i++)
		if (!skip || !skip(&b->e[i]))
			r = pack_one(&b->e[i], db, out);
	return r;
}

/* ---- Whole bags ---- */

int mx_bag_clone(const struct mx_bag *b, struct mx_bag *ret)
{
	MX_AUTO(mx_bag_auto) struct mx_bag bag = {0};

	for (size_t i = 0; i < b->n; i++) {
		const struct mx_ent *e = &b->e[i];
		int r = e->big ? mx_bag_set_big(&bag, e->tag, e->big)
			       : mx_bag_set_raw(&bag, e->tag, e->p, e->len);

		if (r)
			return r;
	}
	mx_bag_fini(ret);
	*ret = bag;
	mx_bag_init(&bag);
	return 0;
}

int mx_bag_detach(struct mx_bag *b, const char *dir)
{
	for (size_t i = 0; i < b->n; i++) {
		struct mx_bytes *own;
		int r;

		if (!b->e[i].big)
			continue;
		r = mx_bytes_detach(b->e[i].big, dir, &own);
		if (r)
			return r;
		mx_bytes_unref(b->e[i].big);
		b->e[i].big = own;
	}
	return 0;
}

uint64_t mx_ent_size(const struct mx_ent *e)
{
	return e->big ? mx_bytes_size(e->big) : e->len;
}

uint64_t mx_bag_size(const struct mx_bag *b)
{
	uint64_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += mx_ent_size(&b->e[i]) + HEAD;
	return n;
}

/* ---- Shorthands ---- */

int mx_bag_set_i4(struct mx_bag *b, uint32_t tag, int32_t v)
{
	return mx_bag_set_raw(b, tag, &v, sizeof(v));
}

int mx_bag_set_i8(struct mx_bag *b, uint32_t tag, int64_t v)
{
	return mx_bag_set_raw(b, tag, &v, sizeof(v));
}

int mx_bag_set_bool(struct mx_bag *b, uint32_t tag, bool v)
{
	uint8_t byte = v;

	return mx_bag_set_raw(b, tag, &byte, 1);
}

int mx_bag_set_str(struct mx_bag *b, uint32_t tag, const char *s)
{
	return mx_bag_set(b, &(struct mx_propval){.tag = tag, .v.str = s}, 0);
}

int mx_bag_set_bin(struct mx_bag *b, uint32_t tag, const void *p, size_t n)
{
	return mx_bag_set_raw(b, tag, p, n);
}

static const struct mx_ent *small(const struct mx_bag *b, uint32_t tag,
				  size_t least)
{
	const struct mx_ent *e = mx_bag_find(b, MX_PROP_ID(tag));

	return e && e->tag == tag && !e->big && e->len >= least ? e : NULL;
}

int32_t mx_bag_i4(const struct mx_bag *b, uint32_t tag, int32_t none)
{
	const struct mx_ent *e = small(b, tag, 4);

	if (e)
		memcpy(&none, e->p, 4);
	return none;
}

int64_t mx_bag_i8(const struct mx_bag *b, uint32_t tag, int64_t none)
{
	const struct mx_ent *e = small(b, tag, 8);

	if (e)
		memcpy(&none, e->p, 8);
	return none;
}

bool mx_bag_bool(const struct mx_bag *b, uint32_t tag)
{
	const struct mx_ent *e = small(b, tag, 1);

	return e && e->p[0];
}

const char *mx_bag_str(const struct mx_bag *b, uint32_t tag, const char *none)
{
	const struct mx_ent *e = small(b, tag, 1);

	return e ? (const char *)e->p : none;
}

struct mx_bin mx_bag_bin(const struct mx_bag *b, uint32_t tag)
{
	const struct mx_ent *e = small(b, tag, 0);

	return e ? (struct mx_bin){e->len, e->p} : (struct mx_bin){0, NULL};
}
