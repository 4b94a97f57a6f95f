/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/rpcext.h"

#include <stdlib.h>

#include "base/auto.h"
#include "wire/lz77.h"

#define XOR_MAGIC 0xa5u

static void xor_magic(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] ^= XOR_MAGIC;
}

static void put_payload(struct mx_wr *wr, const void *rops, size_t n_rops,
			const uint32_t *handles, size_t n_handles)
{
	mx_wr_count(wr, n_rops + 2, 2); /* RopSize counts itself */
	mx_wr_bytes(wr, rops, n_rops);
	for (size_t i = 0; i < n_handles; i++)
		mx_wr_u32(wr, handles[i]);
}

int mx_rpcext_pack(struct mx_buf *out, unsigned flags, const void *rops,
		   size_t n_rops, const uint32_t *handles, size_t n_handles)
{
	size_t n = 2 + n_rops + 4 * n_handles, packed = 0;
	MX_AUTO(mx_free_auto) uint8_t *small = NULL;
	struct mx_wr wr;
	uint8_t *p;

	if (n > UINT16_MAX)
		return -EMSGSIZE;
	p = mx_buf_room(out, MX_RPCEXT_HEADER + n);
	if (!p)
		return out->err;
	mx_wr_init(&wr, p + MX_RPCEXT_HEADER, n);
	put_payload(&wr, rops, n_rops, handles, n_handles);
	if (flags & MX_RPCEXT_COMPRESSED) {
		small = malloc(n);
		if (!small)
			return -ENOMEM;
		packed = mx_lz77_compress(p + MX_RPCEXT_HEADER, n, small, n);
	}
	if (packed)
		memcpy(p + MX_RPCEXT_HEADER, small, packed);
	else
		flags &= ~(unsigned)MX_RPCEXT_COMPRESSED;
	packed = packed ? packed : n;
	if (flags & MX_RPCEXT_XORMAGIC)
		xor_magic(p + MX_RPCEXT_HEADER, packed);
	mx_wr_init(&wr, p, MX_RPCEXT_HEADER);
	mx_wr_u16(&wr, 0); /* Version */
	mx_wr_u16(&wr, (uint16_t)flags);
	mx_wr_u16(&wr, (uint16_t)packed);
	mx_wr_u16(&wr, (uint16_t)n);
	out->len += MX_RPCEXT_HEADER + packed;
	return 0;
}

/* The payload in clear; borrowed when it was sent so, else in the arena. */
static struct mx_bin unwrap(struct mx_rd *rd, unsigned flags, size_t size,
			    size_t actual)
{
	const uint8_t *raw = mx_rd_bytes(rd, size);
	struct mx_bin none = {0};
	uint8_t *clear = NULL;

	if (!raw)
		return none;
	if (flags & MX_RPCEXT_XORMAGIC) {
		clear = mx_rd_alloc(rd, 1, size);
		if (!clear)
			return none;
		memcpy(clear, raw, size);
		xor_magic(clear, size);
		raw = clear;
	}
	if (!(flags & MX_RPCEXT_COMPRESSED)) {
		if (size != actual)
			mx_rd_fail(rd, -EBADMSG);
		return (struct mx_bin){(uint32_t)size, raw};
	}
	clear = mx_rd_alloc(rd, 1, actual);
	if (!clear)
		return none;
	if (mx_lz77_decompress(raw, size, clear, actual) < 0)
		mx_rd_fail(rd, -EBADMSG);
	return (struct mx_bin){(uint32_t)actual, clear};
}

static void split(struct mx_rd *rd, struct mx_bin payload,
		  struct mx_ropbuf *ret)
{
	struct mx_rd in = *rd;
	uint32_t *handles;
	size_t n, left;

	in.p = payload.p;
	in.end = payload.p + payload.n;
	n = mx_rd_u16(&in);
	if (n < 2)
		mx_rd_fail(&in, -EBADMSG);
	n -= mx_rd_ok(&in) ? 2 : n;
	ret->rops.p = mx_rd_bytes(&in, n);
	ret->rops.n = ret->rops.p ? (uint32_t)n : 0;
	left = mx_rd_left(&in);
	if (left % 4)
		mx_rd_fail(&in, -EBADMSG);
	handles = mx_rd_alloc(&in, left / 4, sizeof(*handles));
	for (size_t i = 0; handles && i < left / 4; i++)
		handles[i] = mx_rd_u32(&in);
	ret->handles = handles;
	ret->n_handles = handles ? (uint32_t)(left / 4) : 0;
	if (in.err)
		mx_rd_fail(rd, in.err);
}

void mx_rpcext_next(struct mx_rd *rd, struct mx_ropbuf *ret, bool *ret_last)
{
	uint16_t version = mx_rd_u16(rd);
	uint16_t flags = mx_rd_u16(rd);
	uint16_t size = mx_rd_u16(rd);
	uint16_t actual = mx_rd_u16(rd);
	struct mx_bin payload;

	*ret = (struct mx_ropbuf){0};
	*ret_last = true;
	if (version != 0)
		mx_rd_fail(rd, -EBADMSG);
	if (!mx_rd_ok(rd))
		return;
	payload = unwrap(rd, flags, size, actual);
	if (!mx_rd_ok(rd))
		return;
	split(rd, payload, ret);
	*ret_last = flags & MX_RPCEXT_LAST;
}
