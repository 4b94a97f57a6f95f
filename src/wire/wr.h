/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounded writer.  It counts what it is asked to write also when there is
 * no room, so one encoder both sizes (cap 0) and puts:
 *
 *	struct mx_wr size = {0};
 *	mx_rop_req_encode(&size, req);          size.len bytes needed
 *	struct mx_wr wr = {.p = buf, .cap = size.len};
 *	mx_rop_req_encode(&wr, req);            mx_wr_end(&wr) == 0
 *
 * Everything on the wire is little-endian.  No I/O, no clock.
 */
#ifndef MX_WIRE_WR_H
#define MX_WIRE_WR_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

struct mx_wr {
	uint8_t *p;
	size_t cap, len;
	int err;           /* -EINVAL: a value that the layout cannot say */
	bool public_logon; /* the ROP that comes next is on a public logon */
	/* Columns of the PropertyRow that comes next; NULL: as its values. */
	const uint32_t *cols;
};

static inline void mx_wr_init(struct mx_wr *wr, void *p, size_t cap)
{
	*wr = (struct mx_wr){.p = p, .cap = cap};
}

/* 0; -EMSGSIZE when it did not fit; -EINVAL. */
static inline int mx_wr_end(const struct mx_wr *wr)
{
	if (wr->err)
		return wr->err;
	return wr->len > wr->cap ? -EMSGSIZE : 0;
}

static inline void mx_wr_bytes(struct mx_wr *wr, const void *p, size_t n)
{
	if (n && wr->len <= wr->cap && n <= wr->cap - wr->len)
		memcpy(wr->p + wr->len, p, n);
	wr->len += n;
}

static inline void mx_wr_u8(struct mx_wr *wr, uint8_t v)
{
	mx_wr_bytes(wr, &v, 1);
}

static inline void mx_wr_u16(struct mx_wr *wr, uint16_t v)
{
	uint8_t b[2] = {(uint8_t)v, (uint8_t)(v >> 8)};

	mx_wr_bytes(wr, b, 2);
}

static inline void mx_wr_u32(struct mx_wr *wr, uint32_t v)
{
	uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
			(uint8_t)(v >> 24)};

	mx_wr_bytes(wr, b, 4);
}

static inline void mx_wr_u64(struct mx_wr *wr, uint64_t v)
{
	mx_wr_u32(wr, (uint32_t)v);
	mx_wr_u32(wr, (uint32_t)(v >> 32));
}

/* Overwrites two bytes at `at` once a length is known. */
static inline void mx_wr_patch_u16(struct mx_wr *wr, size_t at, size_t v)
{
	if (v > UINT16_MAX)
		wr->err = -EINVAL;
	else if (at + 2 <= wr->cap) {
		wr->p[at] = (uint8_t)v;
		wr->p[at + 1] = (uint8_t)(v >> 8);
	}
}

/* A count or size that must fit its field; -EINVAL sticks when it does not. */
static inline void mx_wr_count(struct mx_wr *wr, size_t n, unsigned bytes)
{
	if (bytes < 4 && n >> (8 * bytes))
		wr->err = -EINVAL;
	if (bytes == 1)
		mx_wr_u8(wr, (uint8_t)n);
	else if (bytes == 2)
		mx_wr_u16(wr, (uint16_t)n);
	else
		mx_wr_u32(wr, (uint32_t)n);
}

/* Terminated strings; NULL counts as "". */
void mx_wr_asciiz(struct mx_wr *wr, const char *s);
void mx_wr_utf16z(struct mx_wr *wr, const char *utf8);

#endif
