/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounded cursor over bytes that others wrote.  Failure sticks and zero
 * comes back, so a decoder reads a run of fields and asks once; but it asks
 * (mx_rd_ok) before a decoded value sets an allocation, a loop or a branch.
 * Everything on the wire is little-endian.  No I/O, no clock.
 */
#ifndef MX_WIRE_RD_H
#define MX_WIRE_RD_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"

struct mx_rd {
	const uint8_t *p, *end;
	struct mx_arena *arena; /* where decoded strings and arrays live */
	/* Columns of the PropertyRow that comes next, which the bytes do not
	 * tell: the tags of the request or of RopSetColumns.  Borrowed. */
	const uint32_t *cols;
	size_t n_cols;
	int err; /* 0, -EBADMSG, -ENOMEM, -EOPNOTSUPP for an unknown ROP */
	unsigned depth;
	unsigned nodes;    /* of restrictions so far */
	bool public_logon; /* the ROP that comes next is on a public logon */
	/* Failed responses may lack their own fields where the schema says lax:
	 * gromox leaves them out of SetReadFlags, ReadStream and WriteStream.
	 * Told apart by what stands there: the response that the caller expects
	 * next (next_rop 0: none), or the end. */
	bool lax;
	uint8_t next_rop, next_hindex;
};

static inline void mx_rd_init(struct mx_rd *rd, const void *p, size_t n,
			      struct mx_arena *arena)
{
	*rd = (struct mx_rd){
		.p = p, .end = (const uint8_t *)p + n, .arena = arena};
}

static inline bool mx_rd_ok(const struct mx_rd *rd)
{
	return !rd->err;
}

static inline size_t mx_rd_left(const struct mx_rd *rd)
{
	return (size_t)(rd->end - rd->p);
}

/* The first error stays; the cursor jumps to its end. */
static inline int mx_rd_fail(struct mx_rd *rd, int err)
{
	if (!rd->err)
		rd->err = err;
	rd->p = rd->end;
	return rd->err;
}

/* n bytes, borrowed from the input; NULL (and failure) when not there. */
static inline const uint8_t *mx_rd_bytes(struct mx_rd *rd, size_t n)
{
	const uint8_t *p = rd->p;

	if (n > mx_rd_left(rd)) {
		mx_rd_fail(rd, -EBADMSG);
		return NULL;
	}
	rd->p += n;
	return p;
}

static inline uint8_t mx_rd_u8(struct mx_rd *rd)
{
	const uint8_t *p = mx_rd_bytes(rd, 1);

	return p ? *p : 0;
}

static inline uint16_t mx_rd_u16(struct mx_rd *rd)
{
	const uint8_t *p = mx_rd_bytes(rd, 2);

	return p ? (uint16_t)(p[0] | p[1] << 8) : 0;
}

static inline uint32_t mx_rd_u32(struct mx_rd *rd)
{
	const uint8_t *p = mx_rd_bytes(rd, 4);

	return p ? p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
			       (uint32_t)p[3] << 24
		 : 0;
}

static inline uint64_t mx_rd_u64(struct mx_rd *rd)
{
	uint64_t lo = mx_rd_u32(rd);

	return lo | (uint64_t)mx_rd_u32(rd) << 32;
}

/* Memory from the arena, zeroed; NULL fails the cursor with -ENOMEM. */
static inline void *mx_rd_alloc(struct mx_rd *rd, size_t n, size_t size)
{
	void *p = rd->err ? NULL : mx_arena_calloc(rd->arena, n, size);

	if (!p)
		mx_rd_fail(rd, -ENOMEM);
	return p;
}

/* A count already read: n if n items of at least `least` bytes each can still
 * follow (least 0 counts as 1), else failure and 0. */
static inline size_t mx_rd_count(struct mx_rd *rd, size_t n, size_t least)
{
	if (rd->err)
		return 0;
	if (n > mx_rd_left(rd) / (least ? least : 1)) {
		mx_rd_fail(rd, -EBADMSG);
		return 0;
	}
	return n;
}

/* A cursor over the next n bytes, which are consumed here.  Errors in the sub
 * cursor are the caller's to carry over (mx_rd_join). */
static inline struct mx_rd mx_rd_sub(struct mx_rd *rd, size_t n)
{
	struct mx_rd sub = *rd;
	const uint8_t *p = mx_rd_bytes(rd, n);

	sub.p = p ? p : rd->end;
	sub.end = p ? p + n : rd->end;
	sub.err = rd->err;
	return sub;
}

/* Ends a sub cursor: all its bytes must be used; its error becomes rd's. */
static inline void mx_rd_join(struct mx_rd *rd, struct mx_rd *sub)
{
	if (!sub->err && sub->p != sub->end)
		sub->err = -EBADMSG;
	if (sub->err)
		mx_rd_fail(rd, sub->err);
}

/* Ends a decode: 0 when everything was there and nothing is left over. */
static inline int mx_rd_end(struct mx_rd *rd)
{
	if (!rd->err && rd->p != rd->end)
		rd->err = -EBADMSG;
	return rd->err;
}

/* Nesting guard: enter before recursing, leave after. */
static inline bool mx_rd_enter(struct mx_rd *rd, unsigned max)
{
	if (rd->depth >= max)
		mx_rd_fail(rd, -EBADMSG);
	else
		rd->depth++;
	return !rd->err;
}

static inline void mx_rd_leave(struct mx_rd *rd)
{
	if (rd->depth)
		rd->depth--;
}

/* Strings, copied to the arena; "" on failure, never NULL.
 * asciiz: bytes to the NUL, as they are.  utf16z: UTF-16LE to the two-byte NUL,
 * as UTF-8.  fixed: n bytes that hold a terminated string. */
const char *mx_rd_asciiz(struct mx_rd *rd);
const char *mx_rd_utf16z(struct mx_rd *rd);

#endif
