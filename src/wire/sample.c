/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/sample.h"

#include "base/auto.h"

static const uint16_t types[] = {
	MX_PT_I2,       MX_PT_LONG,    MX_PT_R4,        MX_PT_DOUBLE,
	MX_PT_CURRENCY, MX_PT_APPTIME, MX_PT_BOOLEAN,   MX_PT_I8,
	MX_PT_STRING8,  MX_PT_UNICODE, MX_PT_SYSTIME,   MX_PT_CLSID,
	MX_PT_SVREID,   MX_PT_ACTIONS, MX_PT_SRESTRICT, MX_PT_BINARY,
	0x1002,         0x1003,        0x1004,          0x1005,
	0x1006,         0x1007,        0x1014,          0x101e,
	0x101f,         0x1040,        0x1048,          0x1102,
};

uint32_t mx_sample_below(struct mx_sampler *s, uint32_t n)
{
	return mx_prng_below(&s->rng, n);
}

uint64_t mx_sample_bits(struct mx_sampler *s)
{
	switch (mx_sample_below(s, 4)) {
	case 0:
		return mx_sample_below(s, 8);
	case 1:
		return mx_prng_next(&s->rng);
	default:
		return UINT64_C(1) << mx_sample_below(s, 16) |
		       UINT64_C(1) << mx_sample_below(s, 16);
	}
}

static const char *pick(struct mx_sampler *s, const char *const *from,
			uint32_t n)
{
	return mx_arena_strdup(s->arena, from[mx_sample_below(s, n)]);
}

const char *mx_sample_ascii(struct mx_sampler *s)
{
	static const char *const set[] = {"", "a", "IPM.Note", "/o=x/cn=y"};

	return pick(s, set, MX_ARRAY_SIZE(set));
}

const char *mx_sample_utf8(struct mx_sampler *s)
{
	static const char *const set[] = {
		"", "Betreff", "Gr\xc3\xbc\xc3\x9f\x65",
		"\xf0\x9f\x98\x80 \xe4\xbd\xa0\xe5\xa5\xbd",
		"lone \xed\xa0\xbd surrogate"};

	return pick(s, set, MX_ARRAY_SIZE(set));
}

struct mx_bin mx_sample_bin(struct mx_sampler *s, uint32_t max)
{
	uint32_t n = mx_sample_below(s, max + 1);
	uint8_t *p = mx_arena_alloc(s->arena, n);

	for (uint32_t i = 0; i < n; i++)
		p[i] = (uint8_t)mx_prng_next(&s->rng);
	return (struct mx_bin){n, p};
}

uint32_t mx_sample_tag(struct mx_sampler *s)
{
	return MX_PROP_TAG(types[mx_sample_below(s, MX_ARRAY_SIZE(types))],
			   mx_sample_below(s, 0x10000));
}

void mx_sample_guid(struct mx_sampler *s, struct mx_guid *ret)
{
	for (int i = 0; i < 16; i++)
		ret->b[i] = (uint8_t)mx_prng_next(&s->rng);
}

void mx_sample_ltid(struct mx_sampler *s, struct mx_ltid *ret)
{
	mx_sample_guid(s, &ret->replica);
	for (int i = 0; i < 6; i++)
		ret->globcnt[i] = (uint8_t)mx_prng_next(&s->rng);
}

void mx_sample_propname(struct mx_sampler *s, struct mx_propname *ret)
{
	static const uint8_t kinds[] = {MX_KIND_LID, MX_KIND_NAME,
					MX_KIND_NONE};

	memset(ret, 0, sizeof(*ret));
	ret->kind = kinds[mx_sample_below(s, 3)];
	mx_sample_guid(s, &ret->guid);
	if (ret->kind == MX_KIND_LID)
		ret->lid = (uint32_t)mx_sample_bits(s);
	if (ret->kind == MX_KIND_NAME)
		ret->name = mx_sample_utf8(s);
}

void mx_sample_propproblem(struct mx_sampler *s, struct mx_propproblem *ret)
{
	ret->index = (uint16_t)mx_sample_bits(s);
	ret->tag = mx_sample_tag(s);
	ret->code = (uint32_t)mx_sample_bits(s);
}

void mx_sample_sortorder(struct mx_sampler *s, struct mx_sortorder *ret)
{
	ret->tag = mx_sample_tag(s);
	ret->order = (uint8_t)mx_sample_below(s, 2);
}

void mx_sample_typedstr(struct mx_sampler *s, struct mx_typedstr *ret)
{
	switch (mx_sample_below(s, 3)) {
	case 0:
		*ret = mx_typedstr_make(NULL);
		break;
	case 1:
		*ret = (struct mx_typedstr){MX_TYPEDSTR_8BIT,
					    mx_sample_ascii(s)};
		break;
	default:
		*ret = mx_typedstr_make(mx_sample_utf8(s));
	}
}

static void sample_data(struct mx_sampler *s, uint16_t type,
			union mx_propdata *ret)
{
	struct mx_restrict *r;

	switch (type) {
	case MX_PT_BOOLEAN:
		ret->b = mx_sample_below(s, 2);
		break;
	case MX_PT_STRING8:
		ret->str = mx_sample_ascii(s);
		break;
	case MX_PT_UNICODE:
		ret->str = mx_sample_utf8(s);
		break;
	case MX_PT_CLSID:
		mx_sample_guid(s, &ret->guid);
		break;
	case MX_PT_SVREID:
	case MX_PT_ACTIONS:
	case MX_PT_BINARY:
		ret->bin = mx_sample_bin(s, 40);
		break;
	case MX_PT_SRESTRICT:
		r = mx_arena_new(s->arena, struct mx_restrict);
		mx_sample_restrict(s, r);
		ret->res = r;
		break;
	case MX_PT_R4:
		ret->r4 = (float)mx_sample_bits(s);
		break;
	case MX_PT_DOUBLE:
	case MX_PT_APPTIME:
		ret->r8 = (double)mx_sample_bits(s) / 7;
		break;
	default:
		ret->i8 = (int64_t)mx_sample_bits(s);
	}
}

static void sample_mv(struct mx_sampler *s, uint16_t type, struct mx_mv *ret)
{
	size_t size = mx_mv_item_size(type);
	uint8_t *items;

	ret->n = mx_sample_below(s, 4);
	ret->p = items = mx_arena_calloc(s->arena, ret->n, size);
	for (uint32_t i = 0; i < ret->n; i++) {
		union mx_propdata one;

		memset(&one, 0, sizeof(one));
		sample_data(s, type, &one);
		memcpy(items + i * size, &one, size);
	}
}

static void sample_val(struct mx_sampler *s, uint32_t tag,
		       struct mx_propval *ret)
{
	uint16_t type = MX_PROP_TYPE(tag);

	memset(ret, 0, sizeof(*ret));
	ret->tag = tag;
	if (type & MX_MV_FLAG)
		sample_mv(s, type & (uint16_t)~MX_MV_FLAG, &ret->v.mv);
	else
		sample_data(s, type, &ret->v);
}

void mx_sample_propval(struct mx_sampler *s, struct mx_propval *ret)
{
	sample_val(s, mx_sample_tag(s), ret);
}

void mx_sample_proprow(struct mx_sampler *s, struct mx_proprow *ret)
{
	bool holes = mx_sample_below(s, 2);

	ret->n = (uint32_t)s->n_cols;
	ret->vals = mx_arena_newv(s->arena, struct mx_propval, s->n_cols);
	for (uint32_t i = 0; i < ret->n; i++) {
		uint32_t hole = holes ? mx_sample_below(s, 4) : 2;

		sample_val(s, s->cols[i], &ret->vals[i]);
		if (hole == 0)
			sample_val(s, MX_PROP_RETYPE(s->cols[i], MX_PT_NULL),
				   &ret->vals[i]);
		if (hole == 1)
			sample_val(s, MX_PROP_RETYPE(s->cols[i], MX_PT_ERROR),
				   &ret->vals[i]);
		if (hole < 2)
			ret->vals[i].v.i8 =
				hole ? (int64_t)mx_sample_below(s, 99) : 0;
	}
}

static struct mx_restrict *sub(struct mx_sampler *s)
{
	struct mx_restrict *r = mx_arena_new(s->arena, struct mx_restrict);

	mx_sample_restrict(s, r);
	return r;
}

static void sample_node(struct mx_sampler *s, struct mx_restrict *ret)
{
	uint8_t relop = (uint8_t)mx_sample_below(s, 6);

	switch (ret->type) {
	case MX_RES_AND:
	case MX_RES_OR:
		ret->list.n = mx_sample_below(s, 3);
		ret->list.p = mx_arena_newv(s->arena, struct mx_restrict,
					    ret->list.n);
		for (uint32_t i = 0; i < ret->list.n; i++)
			mx_sample_restrict(s, &ret->list.p[i]);
		break;
	case MX_RES_NOT:
		ret->sub.res = sub(s);
		break;
	case MX_RES_CONTENT:
		ret->content.fuzzy_low = (uint16_t)mx_sample_below(s, 3);
		ret->content.fuzzy_high = (uint16_t)mx_sample_below(s, 8);
		mx_sample_propval(s, &ret->content.val);
		ret->content.tag = ret->content.val.tag;
		break;
	case MX_RES_PROPERTY:
		ret->prop.relop = relop;
		mx_sample_propval(s, &ret->prop.val);
		ret->prop.tag = ret->prop.val.tag;
		break;
	case MX_RES_COMPAREPROPS:
		ret->compare.relop = relop;
		ret->compare.tag1 = mx_sample_tag(s);
		ret->compare.tag2 = mx_sample_tag(s);
		break;
	case MX_RES_BITMASK:
	case MX_RES_SIZE:
		ret->bitmask.relop = relop;
		ret->bitmask.tag = mx_sample_tag(s);
		ret->bitmask.mask = (uint32_t)mx_sample_bits(s);
		break;
	case MX_RES_EXIST:
		ret->exist.tag = mx_sample_tag(s);
		break;
	case MX_RES_SUBRESTRICTION:
		ret->subobj.subobject = mx_sample_tag(s);
		ret->subobj.res = sub(s);
		break;
	case MX_RES_COMMENT:
		ret->comment.n = mx_sample_below(s, 3);
		ret->comment.vals = mx_arena_newv(s->arena, struct mx_propval,
						  ret->comment.n);
		for (uint32_t i = 0; i < ret->comment.n; i++)
			mx_sample_propval(s, &ret->comment.vals[i]);
		ret->comment.res = mx_sample_below(s, 2) ? sub(s) : NULL;
		break;
	default:
		ret->count.count = (uint32_t)mx_sample_bits(s);
		ret->count.res = sub(s);
	}
}

void mx_sample_restrict(struct mx_sampler *s, struct mx_restrict *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->type = s->depth < 4 ? (uint8_t)mx_sample_below(s, 12)
				 : (uint8_t)MX_RES_EXIST;
	s->depth++;
	sample_node(s, ret);
	s->depth--;
}
