/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Deep copies and comparisons of values and restrictions. */
#include "wire/restrict.h"

static int dup_str(struct mx_arena *a, const char *s, const char **ret)
{
	*ret = mx_arena_strdup(a, s ? s : "");
	return *ret ? 0 : -ENOMEM;
}

static int dup_bin(struct mx_arena *a, struct mx_bin b, struct mx_bin *ret)
{
	ret->n = b.n;
	ret->p = mx_arena_dup(a, b.p, b.n);
	return ret->p ? 0 : -ENOMEM;
}

static int copy_mv(struct mx_arena *a, uint16_t type, const struct mx_mv *mv,
		   struct mx_mv *ret)
{
	struct mx_bin *bins;
	const char **strs;
	int r = 0;

	ret->n = mv->n;
	if (type == MX_PT_BINARY) {
		ret->p = bins = mx_arena_newv(a, struct mx_bin, mv->n);
		for (uint32_t i = 0; bins && i < mv->n && !r; i++)
			r = dup_bin(a, mv->bin[i], &bins[i]);
	} else if (type == MX_PT_STRING8 || type == MX_PT_UNICODE) {
		ret->p = strs = mx_arena_newv(a, const char *, mv->n);
		for (uint32_t i = 0; strs && i < mv->n && !r; i++)
			r = dup_str(a, mv->str[i], &strs[i]);
	} else {
		ret->p = mx_arena_dup(a, mv->p, mv->n * mx_mv_item_size(type));
	}
	return ret->p ? r : -ENOMEM;
}

int mx_propval_copy(struct mx_arena *a, const struct mx_propval *v,
		    struct mx_propval *ret)
{
	uint16_t type = MX_PROP_TYPE(v->tag);
	struct mx_restrict *res;

	*ret = *v;
	if (type & MX_MV_FLAG)
		return copy_mv(a, type & (uint16_t)~MX_MV_FLAG, &v->v.mv,
			       &ret->v.mv);
	switch (type) {
	case MX_PT_STRING8:
	case MX_PT_UNICODE:
		return dup_str(a, v->v.str, &ret->v.str);
	case MX_PT_BINARY:
	case MX_PT_SVREID:
	case MX_PT_ACTIONS:
		return dup_bin(a, v->v.bin, &ret->v.bin);
	case MX_PT_SRESTRICT:
		ret->v.res = res = mx_arena_new(a, struct mx_restrict);
		return res ? mx_restrict_copy(a, v->v.res, res) : -ENOMEM;
	default:
		return 0;
	}
}

static bool equal_mv(uint16_t type, const struct mx_mv *a,
		     const struct mx_mv *b)
{
	if (a->n != b->n)
		return false;
	if (type != MX_PT_BINARY && type != MX_PT_STRING8 &&
	    type != MX_PT_UNICODE)
		return !a->n ||
		       !memcmp(a->p, b->p, a->n * mx_mv_item_size(type));
	for (uint32_t i = 0; i < a->n; i++)
		if (type == MX_PT_BINARY ? !mx_bin_equal(a->bin[i], b->bin[i])
					 : strcmp(a->str[i], b->str[i]) != 0)
			return false;
	return true;
}

bool mx_propval_equal(const struct mx_propval *a, const struct mx_propval *b)
{
	uint16_t type = MX_PROP_TYPE(a->tag);

	if (a->tag != b->tag)
		return false;
	if (type & MX_MV_FLAG)
		return equal_mv(type & (uint16_t)~MX_MV_FLAG, &a->v.mv,
				&b->v.mv);
	switch (type) {
	case MX_PT_UNSPECIFIED:
	case MX_PT_NULL:
	case MX_PT_OBJECT:
		return true;
	case MX_PT_BOOLEAN:
		return a->v.b == b->v.b;
	case MX_PT_ERROR:
		return a->v.err == b->v.err;
	case MX_PT_STRING8:
	case MX_PT_UNICODE:
		return strcmp(a->v.str, b->v.str) == 0;
	case MX_PT_BINARY:
	case MX_PT_SVREID:
	case MX_PT_ACTIONS:
		return mx_bin_equal(a->v.bin, b->v.bin);
	case MX_PT_SRESTRICT:
		return mx_restrict_equal(a->v.res, b->v.res);
	default:
		return memcmp(&a->v, &b->v, mx_mv_item_size(type)) == 0;
	}
}

static int copy_sub(struct mx_arena *a, struct mx_restrict **slot)
{
	const struct mx_restrict *from = *slot;

	if (!from)
		return 0;
	*slot = mx_arena_new(a, struct mx_restrict);
	return *slot ? mx_restrict_copy(a, from, *slot) : -ENOMEM;
}

static int copy_comment(struct mx_arena *a, struct mx_restrict *ret)
{
	const struct mx_propval *from = ret->comment.vals;
	int r = 0;

	ret->comment.vals = mx_arena_newv(a, struct mx_propval, ret->comment.n);
	if (!ret->comment.vals)
		return -ENOMEM;
	for (uint32_t i = 0; i < ret->comment.n && !r; i++)
		r = mx_propval_copy(a, &from[i], &ret->comment.vals[i]);
	return r ? r : copy_sub(a, &ret->comment.res);
}

int mx_restrict_copy(struct mx_arena *a, const struct mx_restrict *from,
		     struct mx_restrict *ret)
{
	int r = 0;

	*ret = *from;
	switch (from->type) {
	case MX_RES_AND:
	case MX_RES_OR:
		ret->list.p =
			mx_arena_newv(a, struct mx_restrict, from->list.n);
		if (!ret->list.p)
			return -ENOMEM;
		for (uint32_t i = 0; i < from->list.n && !r; i++)
			r = mx_restrict_copy(a, &from->list.p[i],
					     &ret->list.p[i]);
		return r;
	case MX_RES_NOT:
		return copy_sub(a, &ret->sub.res);
	case MX_RES_CONTENT:
		return mx_propval_copy(a, &from->content.val,
				       &ret->content.val);
	case MX_RES_PROPERTY:
		return mx_propval_copy(a, &from->prop.val, &ret->prop.val);
	case MX_RES_SUBRESTRICTION:
		return copy_sub(a, &ret->subobj.res);
	case MX_RES_COMMENT:
		return copy_comment(a, ret);
	case MX_RES_COUNT:
		return copy_sub(a, &ret->count.res);
	default:
		return 0;
	}
}

static bool equal_comment(const struct mx_restrict *a,
			  const struct mx_restrict *b)
{
	if (a->comment.n != b->comment.n || !a->comment.res != !b->comment.res)
		return false;
	for (uint32_t i = 0; i < a->comment.n; i++)
		if (!mx_propval_equal(&a->comment.vals[i], &b->comment.vals[i]))
			return false;
	return !a->comment.res ||
	       mx_restrict_equal(a->comment.res, b->comment.res);
}

static bool equal_list(const struct mx_restrict *a, const struct mx_restrict *b)
{
	if (a->list.n != b->list.n)
		return false;
	for (uint32_t i = 0; i < a->list.n; i++)
		if (!mx_restrict_equal(&a->list.p[i], &b->list.p[i]))
			return false;
	return true;
}

bool mx_restrict_equal(const struct mx_restrict *a, const struct mx_restrict *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case MX_RES_AND:
	case MX_RES_OR:
		return equal_list(a, b);
	case MX_RES_NOT:
		return mx_restrict_equal(a->sub.res, b->sub.res);
	case MX_RES_CONTENT:
		return a->content.fuzzy_low == b->content.fuzzy_low &&
		       a->content.fuzzy_high == b->content.fuzzy_high &&
		       a->content.tag == b->content.tag &&
		       mx_propval_equal(&a->content.val, &b->content.val);
	case MX_RES_PROPERTY:
		return a->prop.relop == b->prop.relop &&
		       a->prop.tag == b->prop.tag &&
		       mx_propval_equal(&a->prop.val, &b->prop.val);
	case MX_RES_COMPAREPROPS:
		return a->compare.relop == b->compare.relop &&
		       a->compare.tag1 == b->compare.tag1 &&
		       a->compare.tag2 == b->compare.tag2;
	case MX_RES_BITMASK:
	case MX_RES_SIZE:
		return a->bitmask.relop == b->bitmask.relop &&
		       a->bitmask.tag == b->bitmask.tag &&
		       a->bitmask.mask == b->bitmask.mask;
	case MX_RES_EXIST:
		return a->exist.tag == b->exist.tag;
	case MX_RES_SUBRESTRICTION:
		return a->subobj.subobject == b->subobj.subobject &&
		       mx_restrict_equal(a->subobj.res, b->subobj.res);
	case MX_RES_COMMENT:
		return equal_comment(a, b);
	case MX_RES_COUNT:
		return a->count.count == b->count.count &&
		       mx_restrict_equal(a->count.res, b->count.res);
	default:
		return false;
	}
}
