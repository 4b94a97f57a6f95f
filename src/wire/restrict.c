/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/restrict.h"

#include "base/limits.h"

static struct mx_restrict *decode_new(struct mx_rd *rd)
{
	struct mx_restrict *r = mx_rd_alloc(rd, 1, sizeof(*r));

	if (r)
		mx_restrict_decode(rd, r);
	return r;
}

static void decode_list(struct mx_rd *rd, struct mx_restrict *ret)
{
	/* The smallest restriction, Exist, has five bytes; an empty And three. */
	size_t n = mx_rd_count(rd, mx_rd_u16(rd), 3);

	ret->list.p = mx_rd_alloc(rd, n, sizeof(*ret->list.p));
	for (size_t i = 0; i < n && mx_rd_ok(rd); i++)
		mx_restrict_decode(rd, &ret->list.p[i]);
	ret->list.n = ret->list.p ? (uint32_t)n : 0;
}

static void decode_comment(struct mx_rd *rd, struct mx_restrict *ret)
{
	size_t n = mx_rd_count(rd, mx_rd_u8(rd), 4);

	ret->comment.vals = mx_rd_alloc(rd, n, sizeof(*ret->comment.vals));
	for (size_t i = 0; i < n && mx_rd_ok(rd); i++)
		mx_propval_decode(rd, &ret->comment.vals[i]);
	ret->comment.n = ret->comment.vals ? (uint32_t)n : 0;
	if (mx_rd_u8(rd))
		ret->comment.res = decode_new(rd);
}

static void decode_body(struct mx_rd *rd, struct mx_restrict *ret)
{
	switch (ret->type) {
	case MX_RES_AND:
	case MX_RES_OR:
		decode_list(rd, ret);
		break;
	case MX_RES_NOT:
		ret->sub.res = decode_new(rd);
		break;
	case MX_RES_CONTENT:
		ret->content.fuzzy_low = mx_rd_u16(rd);
		ret->content.fuzzy_high = mx_rd_u16(rd);
		ret->content.tag = mx_rd_u32(rd);
		mx_propval_decode(rd, &ret->content.val);
		break;
	case MX_RES_PROPERTY:
		ret->prop.relop = mx_rd_u8(rd);
		ret->prop.tag = mx_rd_u32(rd);
		mx_propval_decode(rd, &ret->prop.val);
		break;
	case MX_RES_COMPAREPROPS:
		ret->compare.relop = mx_rd_u8(rd);
		ret->compare.tag1 = mx_rd_u32(rd);
		ret->compare.tag2 = mx_rd_u32(rd);
		break;
	case MX_RES_BITMASK:
		ret->bitmask.relop = mx_rd_u8(rd);
		ret->bitmask.tag = mx_rd_u32(rd);
		ret->bitmask.mask = mx_rd_u32(rd);
		break;
	case MX_RES_SIZE:
		ret->size.relop = mx_rd_u8(rd);
		ret->size.tag = mx_rd_u32(rd);
		ret->size.size = mx_rd_u32(rd);
		break;
	case MX_RES_EXIST:
		ret->exist.tag = mx_rd_u32(rd);
		break;
	case MX_RES_SUBRESTRICTION:
		ret->subobj.subobject = mx_rd_u32(rd);
		ret->subobj.res = decode_new(rd);
		break;
	case MX_RES_COMMENT:
		decode_comment(rd, ret);
		break;
	case MX_RES_COUNT:
		ret->count.count = mx_rd_u32(rd);
		ret->count.res = decode_new(rd);
		break;
	default:
		mx_rd_fail(rd, -EBADMSG);
	}
}

void mx_restrict_decode(struct mx_rd *rd, struct mx_restrict *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (!mx_rd_enter(rd, MX_MAX_RESTRICT_DEPTH))
		return;
	if (++rd->nodes > MX_MAX_RESTRICT_NODES)
		mx_rd_fail(rd, -EBADMSG);
	ret->type = mx_rd_u8(rd);
	if (mx_rd_ok(rd))
		decode_body(rd, ret);
	mx_rd_leave(rd);
}

void mx_restrict_encode(struct mx_wr *wr, const struct mx_restrict *r)
{
	mx_wr_u8(wr, r->type);
	switch (r->type) {
	case MX_RES_AND:
	case MX_RES_OR:
		mx_wr_count(wr, r->list.n, 2);
		for (uint32_t i = 0; i < r->list.n; i++)
			mx_restrict_encode(wr, &r->list.p[i]);
		break;
	case MX_RES_NOT:
		mx_restrict_encode(wr, r->sub.res);
		break;
	case MX_RES_CONTENT:
		mx_wr_u16(wr, r->content.fuzzy_low);
		mx_wr_u16(wr, r->content.fuzzy_high);
		mx_wr_u32(wr, r->content.tag);
		mx_propval_encode(wr, &r->content.val);
		break;
	case MX_RES_PROPERTY:
		mx_wr_u8(wr, r->prop.relop);
		mx_wr_u32(wr, r->prop.tag);
		mx_propval_encode(wr, &r->prop.val);
		break;
	case MX_RES_COMPAREPROPS:
		mx_wr_u8(wr, r->compare.relop);
		mx_wr_u32(wr, r->compare.tag1);
		mx_wr_u32(wr, r->compare.tag2);
		break;
	case MX_RES_BITMASK:
		mx_wr_u8(wr, r->bitmask.relop);
		mx_wr_u32(wr, r->bitmask.tag);
		mx_wr_u32(wr, r->bitmask.mask);
		break;
	case MX_RES_SIZE:
		mx_wr_u8(wr, r->size.relop);
		mx_wr_u32(wr, r->size.tag);
		mx_wr_u32(wr, r->size.size);
		break;
	case MX_RES_EXIST:
		mx_wr_u32(wr, r->exist.tag);
		break;
	case MX_RES_SUBRESTRICTION:
		mx_wr_u32(wr, r->subobj.subobject);
		mx_restrict_encode(wr, r->subobj.res);
		break;
	case MX_RES_COMMENT:
		mx_wr_count(wr, r->comment.n, 1);
		for (uint32_t i = 0; i < r->comment.n; i++)
			mx_propval_encode(wr, &r->comment.vals[i]);
		mx_wr_u8(wr, r->comment.res != NULL);
		if (r->comment.res)
			mx_restrict_encode(wr, r->comment.res);
		break;
	case MX_RES_COUNT:
		mx_wr_u32(wr, r->count.count);
		mx_restrict_encode(wr, r->count.res);
		break;
	default:
		wr->err = -EINVAL;
	}
}
