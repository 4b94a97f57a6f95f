/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/filter.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "store/tags.h"
#include "store/text.h"

/* ---- Comparing ---- */

#define ORDER(x, y) ((x) < (y) ? -1 : (x) > (y))

static int compare_bytes(struct mx_bin a, struct mx_bin b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = n ? memcmp(a.p, b.p, n) : 0;

	return r ? r : ORDER(a.n, b.n);
}

static bool is_text(uint16_t type)
{
	return type == MX_PT_UNICODE || type == MX_PT_STRING8;
}

bool mx_val_compare(const struct mx_propval *a, const struct mx_propval *b,
		    int *ret)
{
	uint16_t ta = MX_PROP_TYPE(a->tag), tb = MX_PROP_TYPE(b->tag);

	if (is_text(ta) && is_text(tb)) {
		*ret = mx_text_compare(a->v.str, strlen(a->v.str), b->v.str,
				       strlen(b->v.str));
		return true;
	}
	if (ta != tb)
		return false;
	switch (ta) {
	case MX_PT_BOOLEAN:
		*ret = ORDER(a->v.b, b->v.b);
		return true;
	case MX_PT_I2:
		*ret = ORDER(a->v.i2, b->v.i2);
		return true;
	case MX_PT_LONG:
		*ret = ORDER(a->v.i4, b->v.i4);
		return true;
	case MX_PT_R4:
		*ret = ORDER(a->v.r4, b->v.r4);
		return true;
	case MX_PT_DOUBLE:
	case MX_PT_APPTIME:
		*ret = ORDER(a->v.r8, b->v.r8);
		return true;
	case MX_PT_CURRENCY:
	case MX_PT_I8:
		*ret = ORDER(a->v.i8, b->v.i8);
		return true;
	case MX_PT_SYSTIME:
		*ret = ORDER(a->v.ft, b->v.ft);
		return true;
	case MX_PT_CLSID:
		*ret = memcmp(&a->v.guid, &b->v.guid, sizeof(a->v.guid));
		return true;
	case MX_PT_BINARY:
	case MX_PT_SVREID:
		*ret = compare_bytes(a->v.bin, b->v.bin);
		return true;
	default:
		return false;
	}
}

static bool holds(uint8_t relop, int order)
{
	switch (relop) {
	case MX_RELOP_LT:
		return order < 0;
	case MX_RELOP_LE:
		return order <= 0;
	case MX_RELOP_GT:
		return order > 0;
	case MX_RELOP_GE:
		return order >= 0;
	case MX_RELOP_EQ:
		return order == 0;
	default:
		return order != 0;
	}
}

/* ---- Values of the object ---- */

/* 1 with *ret; 0 not there. */
static int value(struct mx_obj *o, uint32_t tag, struct mx_arena *a,
		 struct mx_propval *ret)
{
	int r;

	if ((MX_PROP_TYPE(tag) & MX_MV_INSTANCE) == MX_MV_INSTANCE)
		tag &= ~(uint32_t)MX_MV_INSTANCE;
	r = mx_obj_value(o, tag, 0, true, a, ret);
	if (r)
		return r == MX_ANS_OBJECT_DELETED ? 0 : r;
	return MX_PROP_TYPE(ret->tag) != MX_PT_ERROR;
}

/* Value i of a multiple one, or the single one itself; false behind the last. */
static bool nth(const struct mx_propval *v, uint32_t i, struct mx_propval *ret)
{
	uint16_t type = MX_PROP_TYPE(v->tag);
	const struct mx_mv *mv = &v->v.mv;

	if (!(type & MX_MV_FLAG)) {
		*ret = *v;
		return i == 0;
	}
	if (i >= mv->n)
		return false;
	type &= (uint16_t)~MX_MV_FLAG;
	ret->tag = MX_PROP_RETYPE(v->tag, type);
	switch (type) {
	case MX_PT_I2:
		ret->v.i2 = mv->i2[i];
		break;
	case MX_PT_LONG:
	case MX_PT_R4:
		ret->v.i4 = mv->i4[i];
		break;
	case MX_PT_STRING8:
	case MX_PT_UNICODE:
		ret->v.str = mv->str[i];
		break;
	case MX_PT_CLSID:
		ret->v.guid = mv->guid[i];
		break;
	case MX_PT_BINARY:
		ret->v.bin = mv->bin[i];
		break;
	default:
		ret->v.i8 = mv->i8[i];
		break;
	}
	return true;
}

/* ---- The kinds of conditions ---- */

static int on_content(struct mx_obj *o, const struct mx_restrict *r,
		      struct mx_arena *a)
{
	const struct mx_propval *want = &r->content.val;
	struct mx_propval v, one;
	uint32_t i = 0;
	bool hit = false;
	int found = value(o, r->content.tag, a, &v);

	if (found <= 0)
		return found;
	for (; !hit && nth(&v, i, &one); i++) {
		uint16_t type = MX_PROP_TYPE(one.tag);

		if (is_text(type) && is_text(MX_PROP_TYPE(want->tag)))
			hit = mx_text_match(one.v.str, strlen(one.v.str),
					    want->v.str, strlen(want->v.str),
					    r->content.fuzzy_low,
					    r->content.fuzzy_high);
		else if (type == MX_PT_BINARY &&
			 MX_PROP_TYPE(want->tag) == MX_PT_BINARY)
			hit = mx_text_match((const char *)one.v.bin.p,
					    one.v.bin.n,
					    (const char *)want->v.bin.p,
					    want->v.bin.n, r->content.fuzzy_low,
					    0);
	}
	return hit;
}

static int on_property(struct mx_obj *o, const struct mx_restrict *r,
		       struct mx_arena *a)
{
	struct mx_propval v, one;
	uint32_t tag = r->prop.tag;
	bool hit = false;
	int order, found;

	/* A single value against a multiple property: one must fit. */
	found = value(o, tag, a, &v);
	if (found <= 0)
		return found;
	for (uint32_t i = 0; !hit && nth(&v, i, &one); i++)
		hit = mx_val_compare(&one, &r->prop.val, &order) &&
		      holds(r->prop.relop, order);
	return hit;
}

static int on_compare(struct mx_obj *o, const struct mx_restrict *r,
		      struct mx_arena *a)
{
	struct mx_propval v1, v2;
	int order, found = value(o, r->compare.tag1, a, &v1);

	if (found == 1)
		found = value(o, r->compare.tag2, a, &v2);
	if (found <= 0)
		return found;
	return mx_val_compare(&v1, &v2, &order) &&
	       holds(r->compare.relop, order);
}

static int on_bits(struct mx_obj *o, const struct mx_restrict *r,
		   struct mx_arena *a)
{
	struct mx_propval v;
	int found = value(o, r->bitmask.tag, a, &v);

	if (found <= 0)
		return found;
	if (MX_PROP_TYPE(v.tag) != MX_PT_LONG)
		return 0;
	return ((uint32_t)v.v.i4 & r->bitmask.mask) != 0
		       ? r->bitmask.relop == MX_BMR_NEZ
		       : r->bitmask.relop == MX_BMR_EQZ;
}

static int on_size(struct mx_obj *o, const struct mx_restrict *r,
		   struct mx_arena *a)
{
	struct mx_propval v;
	int found = value(o, r->size.tag, a, &v);
	size_t n;

	if (found <= 0)
		return found;
	n = mx_propval_size(&v);
	/* Sizes are of the value itself: binary has a count before it. */
	if (MX_PROP_TYPE(v.tag) == MX_PT_BINARY)
		n = v.v.bin.n;
	return holds(r->size.relop, ORDER(n, (size_t)r->size.size));
}

/* A recipient as an attachment-like object: its properties are a bag. */
static int on_recipients(struct mx_obj *o, const struct mx_restrict *r,
			 struct mx_arena *a)
{
	int hit = 0;

	for (size_t i = 0; !hit && i < o->msg->n_rcps; i++) {
		struct mx_rcp *rcp = &o->msg->rcps[i];
		struct mx_att att = {.bag = rcp->bag};
		struct mx_obj sub = {.kind = MX_OBJ_ATTACH,
				     .mb = o->mb,
				     .db = o->db,
				     .cp = o->cp,
				     .att = &att};
		MX_AUTO(mx_bag_auto) struct mx_bag bag = {0};

		/* The type is a field, not a property, where it is kept. */
		hit = mx_bag_clone(&rcp->bag, &bag);
		if (!hit)
			hit = mx_bag_set_i4(&bag, T_RECIPIENT_TYPE,
					    rcp->type & 0x0f);
		if (hit)
			return hit;
		att.bag = bag;
		hit = mx_filter(&sub, r, a);
	}
	return hit;
}

static int on_attachments(struct mx_obj *o, const struct mx_restrict *r,
			  struct mx_arena *a)
{
	int hit = 0;

	for (size_t i = 0; !hit && i < o->msg->n_atts; i++) {
		struct mx_obj sub = {.kind = MX_OBJ_ATTACH,
				     .mb = o->mb,
				     .db = o->db,
				     .cp = o->cp,
				     .att = o->msg->atts[i]};

		hit = mx_filter(&sub, r, a);
	}
	return hit;
}

static int on_list(struct mx_obj *o, const struct mx_restrict *r,
		   struct mx_arena *a)
{
	bool all = r->type == MX_RES_AND;

	for (uint32_t i = 0; i < r->list.n; i++) {
		int hit = mx_filter(o, &r->list.p[i], a);

		if (hit < 0 || hit != all)
			return hit;
	}
	return all;
}

int mx_filter(struct mx_obj *o, const struct mx_restrict *r, struct mx_arena *a)
{
	struct mx_propval v;
	int hit;

	switch (r->type) {
	case MX_RES_AND:
	case MX_RES_OR:
		return on_list(o, r, a);
	case MX_RES_NOT:
		hit = mx_filter(o, r->sub.res, a);
		return hit < 0 ? hit : !hit;
	case MX_RES_CONTENT:
		return on_content(o, r, a);
	case MX_RES_PROPERTY:
		return on_property(o, r, a);
	case MX_RES_COMPAREPROPS:
		return on_compare(o, r, a);
	case MX_RES_BITMASK:
		return on_bits(o, r, a);
	case MX_RES_SIZE:
		return on_size(o, r, a);
	case MX_RES_EXIST:
		return value(o, MX_PROP_RETYPE(r->exist.tag, MX_PT_UNSPECIFIED),
			     a, &v);
	case MX_RES_SUBRESTRICTION:
		if (o->kind != MX_OBJ_MESSAGE)
			return 0;
		return MX_PROP_ID(r->subobj.subobject) ==
				       MX_PROP_ID(T_MESSAGE_RECIPIENTS)
			       ? on_recipients(o, r->subobj.res, a)
			       : on_attachments(o, r->subobj.res, a);
	case MX_RES_COMMENT:
		return r->comment.res ? mx_filter(o, r->comment.res, a) : 1;
	case MX_RES_COUNT: /* the number is kept by who walks the rows */
		return mx_filter(o, r->count.res, a);
	default:
		return 0;
	}
}

/* ---- Checking ---- */

static int check(const struct mx_restrict *r, unsigned depth, bool top)
{
	int err = 0;

	if (depth > MX_MAX_RESTRICT_DEPTH)
		return MX_ANS_TOO_COMPLEX;
	switch (r->type) {
	case MX_RES_AND:
	case MX_RES_OR:
		for (uint32_t i = 0; !err && i < r->list.n; i++)
			err = check(&r->list.p[i], depth + 1, false);
		return err;
	case MX_RES_NOT:
		return check(r->sub.res, depth + 1, false);
	case MX_RES_CONTENT:
		return (r->content.fuzzy_low & 0xff) > MX_FL_PREFIX
			       ? MX_ANS_INVALID_PARAM
			       : 0;
	case MX_RES_PROPERTY:
		return r->prop.relop > MX_RELOP_NE ? MX_ANS_TOO_COMPLEX : 0;
	case MX_RES_COMPAREPROPS:
		return r->compare.relop > MX_RELOP_NE ? MX_ANS_TOO_COMPLEX : 0;
	case MX_RES_BITMASK:
		return r->bitmask.relop > MX_BMR_NEZ ? MX_ANS_INVALID_PARAM : 0;
	case MX_RES_SIZE:
		return r->size.relop > MX_RELOP_NE ? MX_ANS_TOO_COMPLEX : 0;
	case MX_RES_EXIST:
		return 0;
	case MX_RES_SUBRESTRICTION:
		if (MX_PROP_ID(r->subobj.subobject) !=
			    MX_PROP_ID(T_MESSAGE_RECIPIENTS) &&
		    MX_PROP_ID(r->subobj.subobject) !=
			    MX_PROP_ID(T_MESSAGE_ATTACHMENTS))
			return MX_ANS_TOO_COMPLEX;
		return check(r->subobj.res, depth + 1, false);
	case MX_RES_COMMENT:
		return r->comment.res ? check(r->comment.res, depth + 1, top)
				      : 0;
	case MX_RES_COUNT: /* a number of rows has a meaning at the top only */
		return top ? check(r->count.res, depth + 1, false)
			   : MX_ANS_TOO_COMPLEX;
	default:
		return MX_ANS_INVALID_PARAM;
	}
}

int mx_filter_check(const struct mx_restrict *r)
{
	return check(r, 0, true);
}

bool mx_filter_needs_parts(const struct mx_restrict *r)
{
	switch (r->type) {
	case MX_RES_AND:
	case MX_RES_OR:
		for (uint32_t i = 0; i < r->list.n; i++)
			if (mx_filter_needs_parts(&r->list.p[i]))
				return true;
		return false;
	case MX_RES_NOT:
		return mx_filter_needs_parts(r->sub.res);
	case MX_RES_SUBRESTRICTION:
		return true;
	case MX_RES_COMMENT:
		return r->comment.res && mx_filter_needs_parts(r->comment.res);
	case MX_RES_COUNT:
		return mx_filter_needs_parts(r->count.res);
	default:
		return false;
	}
}
