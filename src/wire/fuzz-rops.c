/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* ROP requests and responses from hostile bytes: first byte even means request,
 * odd a response over a fixed set of columns.  What decodes must encode, and
 * then decode and encode to the same bytes again. */
#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "wire/rops.h"

static const uint32_t cols[] = {0x0037001f, 0x0e080003, 0x00000000, 0x8001301f,
				0x0ff90102};

union rop {
	struct mx_rop_req req;
	struct mx_rop_res res;
};

static int decode(bool req, const uint8_t *p, size_t n, struct mx_arena *a,
		  union rop *ret)
{
	struct mx_rd rd;

	mx_rd_init(&rd, p, n, a);
	rd.cols = cols;
	rd.n_cols = MX_ARRAY_SIZE(cols);
	if (req)
		mx_rop_req_decode(&rd, &ret->req);
	else
		mx_rop_res_decode(&rd, &ret->res);
	return rd.err;
}

static void encode(bool req, struct mx_wr *wr, const union rop *v)
{
	wr->cols = cols;
	if (req)
		mx_rop_req_encode(wr, &v->req);
	else
		mx_rop_res_encode(wr, &v->res);
}

static size_t write_out(bool req, const union rop *v, uint8_t **ret)
{
	struct mx_wr size = {0}, wr;

	encode(req, &size, v);
	if (size.err)
		abort();
	*ret = malloc(size.len);
	mx_wr_init(&wr, *ret, size.len);
	encode(req, &wr, v);
	if (mx_wr_end(&wr))
		abort();
	return size.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MX_AUTO(mx_arena_auto)
	struct mx_arena a = {.budget = size * MX_MAX_DECODE_RATIO + 4096};
	MX_AUTO(mx_arena_auto) struct mx_arena b = MX_ARENA_INIT;
	MX_AUTO(mx_free_auto) uint8_t *one = NULL;
	MX_AUTO(mx_free_auto) uint8_t *two = NULL;
	MX_AUTO(mx_buf_auto) struct mx_buf line = MX_BUF_INIT;
	union rop v, again;
	size_t n;
	bool req;

	if (!size)
		return 0;
	req = !(data[0] & 1);
	if (decode(req, data + 1, size - 1, &a, &v) < 0)
		return 0;
	n = write_out(req, &v, &one);
	if (decode(req, one, n, &b, &again) < 0)
		abort();
	if (write_out(req, &again, &two) != n || memcmp(one, two, n) != 0)
		abort();
	if (req)
		mx_rop_req_print(&line, &v.req);
	else
		mx_rop_res_print(&line, &v.res);
	return 0;
}
