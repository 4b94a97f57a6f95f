/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/lz77.h"

#include <errno.h>
#include <string.h>

#define MIN_MATCH 3u
#define MAX_OFFSET 8192u /* 13 bits, stored less one */
#define MAX_LENGTH 65535u

/* What both directions keep: where the current flags word is and the byte whose
 * other half the next long length uses. */

struct in {
	const uint8_t *p, *end;
	const uint8_t *half; /* NULL: the next length opens a new byte */
	int bad;
};

static uint32_t get(struct in *in, unsigned bytes)
{
	uint32_t v = 0;

	if ((size_t)(in->end - in->p) < bytes) {
		in->bad = 1;
		in->p = in->end;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		v |= (uint32_t)in->p[i] << (8 * i);
	in->p += bytes;
	return v;
}

/* Lengths: 3 bits, then half a byte, then a byte, then a word that holds the
 * whole; each step is taken when the one before is full. */
static uint32_t get_length(struct in *in, uint32_t low3)
{
	uint32_t len = low3;

	if (len < 7)
		return len + MIN_MATCH;
	if (in->half) {
		len = *in->half >> 4;
		in->half = NULL;
	} else {
		in->half = in->p;
		len = get(in, 1) & 0xf;
	}
	if (len < 15)
		return len + 7 + MIN_MATCH;
	len = get(in, 1);
	if (len < 255)
		return len + 15 + 7 + MIN_MATCH;
	len = get(in, 2);
	if (len < 15 + 7)
		in->bad = 1;
	return len + MIN_MATCH;
}

int mx_lz77_decompress(const uint8_t *src, size_t n_in, uint8_t *out,
		       size_t n_out)
{
	struct in in = {src, src + n_in, NULL, 0};
	uint32_t flags = 0;
	unsigned left = 0;
	size_t at = 0;

	while (at < n_out && !in.bad) {
		uint32_t v, off, len;

		if (!left) {
			flags = get(&in, 4);
			left = 32;
		}
		left--;
		if (!(flags >> left & 1)) {
			out[at++] = (uint8_t)get(&in, 1);
			continue;
		}
		v = get(&in, 2);
		off = (v >> 3) + 1;
		len = get_length(&in, v & 7);
		if (in.bad || off > at || len > n_out - at)
			return -EBADMSG;
		for (; len; len--, at++)
			out[at] = out[at - off];
	}
	/* What may follow is a last word of flags, or nothing. */
	return in.bad ? -EBADMSG : 0;
}

struct out {
	uint8_t *p;
	size_t cap, len;
	size_t half; /* where the open half byte is, 0: none */
	size_t flags_at;
	uint32_t flags;
	unsigned n_flags;
	int full;
};

static void put(struct out *o, uint32_t v, unsigned bytes)
{
	if (o->cap - o->len < bytes) {
		o->full = 1;
		return;
	}
	for (unsigned i = 0; i < bytes; i++)
		o->p[o->len++] = (uint8_t)(v >> (8 * i));
}

static void store_flags(struct out *o)
{
	uint32_t v = o->flags;

	if (o->full || !o->n_flags)
		return;
	if (o->n_flags < 32) /* what is not used says "match": the end */
		v = v << (32 - o->n_flags) | (UINT32_MAX >> o->n_flags);
	for (unsigned i = 0; i < 4; i++)
		o->p[o->flags_at + i] = (uint8_t)(v >> (8 * i));
}

static void flag(struct out *o, unsigned bit)
{
	if (o->n_flags == 32) {
		store_flags(o);
		o->n_flags = 0;
	}
	if (!o->n_flags) {
		o->flags_at = o->len;
		o->flags = 0;
		put(o, 0, 4);
	}
	o->flags = o->flags << 1 | bit;
	o->n_flags++;
}

static void put_length(struct out *o, uint32_t len)
{
	uint32_t low = len < 15 ? len : 15;

	if (o->half) {
		if (!o->full)
			o->p[o->half] |= (uint8_t)(low << 4);
		o->half = 0;
	} else {
		o->half = o->len;
		put(o, low, 1);
	}
	if (low < 15)
		return;
	len -= 15;
	put(o, len < 255 ? len : 255, 1);
	if (len >= 255)
		put(o, len + 15 + 7, 2);
}

static void put_match(struct out *o, uint32_t off, uint32_t len)
{
	len -= MIN_MATCH;
	put(o, (off - 1) << 3 | (len < 7 ? len : 7), 2);
	if (len >= 7)
		put_length(o, len - 7);
}

#define HASH_BITS 12

static uint32_t hash(const uint8_t *p)
{
	uint32_t v = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;

	return v * 2654435761u >> (32 - HASH_BITS);
}

static size_t match_length(const uint8_t *a, const uint8_t *b,
			   const uint8_t *end)
{
	size_t n = 0;

	while (b + n < end && n < MAX_LENGTH && a[n] == b[n])
		n++;
	return n;
}

size_t mx_lz77_compress(const uint8_t *in, size_t n_in, uint8_t *dst,
			size_t cap)
{
	uint16_t last[1 << HASH_BITS] = {0}; /* position + 1 */
	struct out o = {.p = dst, .cap = cap};
	size_t at = 0;

	if (n_in > UINT16_MAX)
		return 0;
	while (at < n_in && !o.full) {
		size_t len = 0, from = 0;

		if (n_in - at >= MIN_MATCH) {
			uint16_t *slot = &last[hash(in + at)];

			from = *slot;
			*slot = (uint16_t)(at + 1);
			if (from && at - (from - 1) <= MAX_OFFSET)
				len = match_length(in + from - 1, in + at,
						   in + n_in);
		}
		if (len < MIN_MATCH) {
			flag(&o, 0);
			put(&o, in[at++], 1);
			continue;
		}
		flag(&o, 1);
		put_match(&o, (uint32_t)(at - (from - 1)), (uint32_t)len);
		at += len;
	}
	store_flags(&o);
	return o.full || o.len >= cap ? 0 : o.len;
}
