/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/prop.h"

#include "wire/restrict.h"

static struct mx_bin decode_bin16(struct mx_rd *rd)
{
	uint16_t n = mx_rd_u16(rd);
	const uint8_t *p = mx_rd_bytes(rd, n);

	return (struct mx_bin){p ? n : 0, p};
}

static void encode_bin16(struct mx_wr *wr, const struct mx_bin *b)
{
	mx_wr_count(wr, b->n, 2);
	mx_wr_bytes(wr, b->p, b->n);
}

static float decode_r4(struct mx_rd *rd)
{
	uint32_t u = mx_rd_u32(rd);
	float f;

	memcpy(&f, &u, sizeof(f));
	return f;
}

static double decode_r8(struct mx_rd *rd)
{
	uint64_t u = mx_rd_u64(rd);
	double d;

	memcpy(&d, &u, sizeof(d));
	return d;
}

static void encode_r4(struct mx_wr *wr, float f)
{
	uint32_t u;

	memcpy(&u, &f, sizeof(u));
	mx_wr_u32(wr, u);
}

static void encode_r8(struct mx_wr *wr, double d)
{
	uint64_t u;

	memcpy(&u, &d, sizeof(u));
	mx_wr_u64(wr, u);
}

/* Wire and memory size of one item of a multivalue; 0 when there is no
 * multivalue of the type.  The wire size is the least possible. */
static size_t mv_sizes(uint16_t type, size_t *ret_mem)
{
	switch (type) {
	case MX_PT_I2:
		*ret_mem = 2;
		return 2;
	case MX_PT_LONG:
	case MX_PT_R4:
		*ret_mem = 4;
		return 4;
	case MX_PT_DOUBLE:
	case MX_PT_CURRENCY:
	case MX_PT_APPTIME:
	case MX_PT_I8:
	case MX_PT_SYSTIME:
		*ret_mem = 8;
		return 8;
	case MX_PT_STRING8:
		*ret_mem = sizeof(char *);
		return 1;
	case MX_PT_UNICODE:
		*ret_mem = sizeof(char *);
		return 2;
	case MX_PT_CLSID:
		*ret_mem = 16;
		return 16;
	case MX_PT_BINARY:
		*ret_mem = sizeof(struct mx_bin);
		return 2;
	default:
		return 0;
	}
}

size_t mx_mv_item_size(uint16_t type)
{
	size_t mem;

	return mv_sizes(type, &mem) ? mem : 0;
}

/* The item is decoded as a single value and its leading bytes are what the
 * array holds: every member of the union starts at its address. */
static void decode_mv(struct mx_rd *rd, uint16_t type, struct mx_mv *ret)
{
	size_t mem, least = mv_sizes(type, &mem), n;
	union mx_propdata one;
	uint8_t *items;

	*ret = (struct mx_mv){0};
	if (!least) {
		mx_rd_fail(rd, -EBADMSG);
		return;
	}
	n = mx_rd_count(rd, mx_rd_u32(rd), least);
	items = mx_rd_alloc(rd, n, mem);
	if (!items)
		return;
	for (size_t i = 0; i < n; i++) {
		mx_propdata_decode(rd, type, &one);
		memcpy(items + i * mem, &one, mem);
	}
	ret->n = (uint32_t)n;
	ret->p = items;
}

static void encode_mv(struct mx_wr *wr, uint16_t type, const struct mx_mv *mv)
{
	const uint8_t *items = mv->p;
	union mx_propdata one;
	size_t mem;

	if (!mv_sizes(type, &mem)) {
		wr->err = -EINVAL;
		return;
	}
	mx_wr_u32(wr, mv->n);
	for (size_t i = 0; i < mv->n; i++) {
		memset(&one, 0, sizeof(one));
		memcpy(&one, items + i * mem, mem);
		mx_propdata_encode(wr, type, &one);
	}
}

static void decode_res(struct mx_rd *rd, union mx_propdata *ret)
{
	struct mx_restrict *r = mx_rd_alloc(rd, 1, sizeof(*r));

	if (!r)
		return;
	mx_restrict_decode(rd, r);
	ret->res = r;
}

void mx_propdata_decode(struct mx_rd *rd, uint16_t type, union mx_propdata *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (type & MX_MV_FLAG) {
		decode_mv(rd, type & (uint16_t)~MX_MV_FLAG, &ret->mv);
		return;
	}
	switch (type) {
	case MX_PT_NULL:
	case MX_PT_OBJECT:
		break;
	case MX_PT_I2:
		ret->i2 = (int16_t)mx_rd_u16(rd);
		break;
	case MX_PT_LONG:
	case MX_PT_ERROR:
		ret->i4 = (int32_t)mx_rd_u32(rd);
		break;
	case MX_PT_R4:
		ret->r4 = decode_r4(rd);
		break;
	case MX_PT_DOUBLE:
	case MX_PT_APPTIME:
		ret->r8 = decode_r8(rd);
		break;
	case MX_PT_BOOLEAN:
		ret->b = mx_rd_u8(rd) != 0;
		break;
	case MX_PT_CURRENCY:
	case MX_PT_I8:
	case MX_PT_SYSTIME:
		ret->i8 = (int64_t)mx_rd_u64(rd);
		break;
	case MX_PT_STRING8:
		ret->str = mx_rd_asciiz(rd);
		break;
	case MX_PT_UNICODE:
		ret->str = mx_rd_utf16z(rd);
		break;
	case MX_PT_CLSID:
		mx_guid_decode(rd, &ret->guid);
		break;
	case MX_PT_SVREID:
	case MX_PT_ACTIONS:
	case MX_PT_BINARY:
		ret->bin = decode_bin16(rd);
		break;
	case MX_PT_SRESTRICT:
		decode_res(rd, ret);
		break;
	default:
		mx_rd_fail(rd, -EBADMSG);
	}
}

void mx_propdata_encode(struct mx_wr *wr, uint16_t type,
			const union mx_propdata *v)
{
	if (type & MX_MV_FLAG) {
		encode_mv(wr, type & (uint16_t)~MX_MV_FLAG, &v->mv);
		return;
	}
	switch (type) {
	case MX_PT_NULL:
	case MX_PT_OBJECT:
		break;
	case MX_PT_I2:
		mx_wr_u16(wr, (uint16_t)v->i2);
		break;
	case MX_PT_LONG:
	case MX_PT_ERROR:
		mx_wr_u32(wr, (uint32_t)v->i4);
		break;
	case MX_PT_R4:
		encode_r4(wr, v->r4);
		break;
	case MX_PT_DOUBLE:
	case MX_PT_APPTIME:
		encode_r8(wr, v->r8);
		break;
	case MX_PT_BOOLEAN:
		mx_wr_u8(wr, v->b);
		break;
	case MX_PT_CURRENCY:
	case MX_PT_I8:
	case MX_PT_SYSTIME:
		mx_wr_u64(wr, (uint64_t)v->i8);
		break;
	case MX_PT_STRING8:
		mx_wr_asciiz(wr, v->str);
		break;
	case MX_PT_UNICODE:
		mx_wr_utf16z(wr, v->str);
		break;
	case MX_PT_CLSID:
		mx_guid_encode(wr, &v->guid);
		break;
	case MX_PT_SVREID:
	case MX_PT_ACTIONS:
	case MX_PT_BINARY:
		encode_bin16(wr, &v->bin);
		break;
	case MX_PT_SRESTRICT:
		mx_restrict_encode(wr, v->res);
		break;
	default:
		wr->err = -EINVAL;
	}
}

void mx_propval_decode(struct mx_rd *rd, struct mx_propval *ret)
{
	ret->tag = mx_rd_u32(rd);
	mx_propdata_decode(rd, MX_PROP_TYPE(ret->tag), &ret->v);
}

void mx_propval_encode(struct mx_wr *wr, const struct mx_propval *v)
{
	mx_wr_u32(wr, v->tag);
	mx_propdata_encode(wr, MX_PROP_TYPE(v->tag), &v->v);
}

const struct mx_propval *mx_propval_find(const struct mx_propval *vals,
					 size_t n, uint32_t tag)
{
	uint32_t mask = MX_PROP_TYPE(tag) ? 0xffffffffu : 0xffff0000u;

	for (size_t i = 0; i < n; i++)
		if (((vals[i].tag ^ tag) & mask) == 0)
			return &vals[i];
	return NULL;
}

size_t mx_propval_size(const struct mx_propval *v)
{
	struct mx_wr wr = {0};

	mx_propdata_encode(&wr, MX_PROP_TYPE(v->tag), &v->v);
	return wr.len;
}
