/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing: SetProps, DeleteProps.
 *
 * Values are packed into as many SetProperties as their sizes ask for; one that
 * is too large for any goes through a stream.  All of it is one batch.
 */
#include <errno.h>

#include "api/prop.h"
#include "api/strm.h"

/* Bytes of values in one SetProperties, under the 32 KiB of a ROP buffer. */
#define SET_MAX 24000
/* Bytes in one WriteStream. */
#define WRITE_MAX 30000

static void problem(LPSPropProblemArray list, ULONG i, ULONG tag, SCODE sc)
{
	list->aProblem[list->cProblem++] = (SPropProblem){i, tag, sc};
}

static LPSPropProblemArray problems_new(ULONG n)
{
	return mx_api_alloc(CbNewSPropProblemArray((size_t)n + 1));
}

/* Gives the list to the caller, who gets NULL when there is none. */
static void problems_give(LPSPropProblemArray list, LPSPropProblemArray *ret)
{
	if (list->cProblem && ret)
		*ret = list;
	else
		MAPIFreeBuffer(list);
}

/* One SetProperties of a batch, and which of the caller's values it has. */
struct group {
	struct mx_op *op;
	ULONG *index;
	ULONG n;
};

/* A stream of a large value: writes in the batch. */
static int add_stream(struct mx_obj *o, struct mx_batch *b,
		      const struct mx_propval *v)
{
	MX_AUTO(mx_sobj_auto) struct mx_sobj *s = NULL;
	struct mx_rop_req req = {.id = MX_ROP_OPEN_STREAM};
	uint16_t type = MX_PROP_TYPE(v->tag);
	const uint8_t *p;
	size_t n;
	int err;

	req.open_stream.property_tag = v->tag;
	req.open_stream.open_mode_flags = MX_STRM_CREATE;
	err = mx_sobj_new(o->so, &req, &s);
	if (err)
		return err;
	if (type == MX_PT_UNICODE) {
		p = mx_strm_utf16(&b->arena, v->v.str, &n);
		if (!p)
			return -ENOMEM;
	} else {
		p = v->v.bin.p;
		n = v->v.bin.n;
	}
	mx_batch_open(b, s);
	for (size_t at = 0; at < n; at += WRITE_MAX) {
		req = (struct mx_rop_req){.id = MX_ROP_WRITE_STREAM};
		req.write_stream.data.p = p + at;
		req.write_stream.data.n =
			(uint32_t)(n - at < WRITE_MAX ? n - at : WRITE_MAX);
		mx_batch_add(b, s, &req);
	}
	req = (struct mx_rop_req){.id = MX_ROP_COMMIT_STREAM};
	mx_batch_add(b, s, &req);
	return 0;
}

static bool can_stream(const struct mx_propval *v)
{
	return MX_PROP_TYPE(v->tag) == MX_PT_UNICODE ||
	       MX_PROP_TYPE(v->tag) == MX_PT_BINARY;
}

struct setter {
	struct mx_obj *o;
	struct mx_batch *b;
	LPSPropProblemArray problems;
	struct group *groups;
	ULONG n_groups;
	struct mx_propval *vals; /* of the group being filled */
	ULONG *index;
	ULONG n;
	size_t size;
	ULONG n_vals; /* of the caller; room for as many problems */
};

static void flush_group(struct setter *s)
{
	struct mx_rop_req req = {.id = MX_ROP_SET_PROPERTIES};
	struct group *g = &s->groups[s->n_groups];

	if (!s->n)
		return;
	req.set_properties.n_property_values = s->n;
	req.set_properties.property_values = s->vals;
	g->op = mx_batch_add(s->b, s->o->so, &req);
	g->index = s->index;
	g->n = s->n;
	s->n_groups++;
	s->vals += s->n;
	s->index += s->n;
	s->n = 0;
	s->size = 0;
}

static int set_one(struct setter *s, ULONG i, const SPropValue *v)
{
	struct mx_propval w;
	size_t size;
	int err;

	if (PROP_TYPE(v->ulPropTag) == PT_ERROR ||
	    PROP_TYPE(v->ulPropTag) == PT_NULL)
		return 0; /* GetProps may hand these back; they set nothing */
	err = mx_conv_in(&s->b->arena, v, &w);
	if (err == -EINVAL) {
		problem(s->problems, i, v->ulPropTag,
			PROP_TYPE(v->ulPropTag) == PT_OBJECT
				? MAPI_E_COMPUTED
				: MAPI_E_INVALID_TYPE);
		return 0;
	}
	if (err)
		return err;
	size = mx_propval_size(&w) + 4;
	if (size > SET_MAX) {
		if (can_stream(&w)) {
			flush_group(s);
			return add_stream(s->o, s->b, &w);
		}
		problem(s->problems, i, v->ulPropTag, MAPI_E_TOO_BIG);
		return 0;
	}
	if (s->size + size > SET_MAX)
		flush_group(s);
	s->vals[s->n] = w;
	s->index[s->n++] = i;
	s->size += size;
	return 0;
}

static void collect(struct setter *s, const SPropValue *vals)
{
	for (ULONG g = 0; g < s->n_groups; g++) {
		const struct mx_rop_res *res = s->groups[g].op->res;
		const struct mx_set_properties_res *r;

		if (!res || s->groups[g].op->code)
			continue;
		r = &res->set_properties;
		for (uint32_t k = 0; k < r->n_property_problems; k++) {
			uint16_t at = r->property_problems[k].index;
			uint32_t code = r->property_problems[k].code;

			if (at < s->groups[g].n &&
			    s->problems->cProblem < s->n_vals)
				problem(s->problems, s->groups[g].index[at],
					vals[s->groups[g].index[at]].ulPropTag,
					mx_hr_from_code(code));
		}
	}
}

static int set_props(struct mx_do *d, struct mx_obj *o, struct mx_batch *b,
		     ULONG n, const SPropValue *vals, LPSPropProblemArray list)
{
	struct setter s = {.o = o, .b = b, .problems = list, .n_vals = n};
	struct mx_op *bad;
	int err;

	s.vals = mx_arena_newv(&b->arena, struct mx_propval, n + 1);
	s.index = mx_arena_newv(&b->arena, ULONG, n + 1);
	s.groups = mx_arena_newv(&b->arena, struct group, n + 1);
	if (!s.vals || !s.index || !s.groups)
		return -ENOMEM;
	for (ULONG i = 0; i < n; i++) {
		err = set_one(&s, i, &vals[i]);
		if (err)
			return err;
	}
	flush_group(&s);
	err = mx_batch_run(b, &d->call);
	if (err)
		return err;
	bad = mx_batch_failed(b);
	if (bad)
		return mx_op_fault(bad, &d->fault);
	collect(&s, vals);
	return 0;
}

HRESULT mx_prop_set(struct mx_obj *o, ULONG n, LPSPropValue vals,
		    LPSPropProblemArray *ret)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	LPSPropProblemArray list;
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, o);
	if (FAILED(hr))
		return hr;
	if (ret)
		*ret = NULL;
	if (n && !vals)
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "SetProps without values");
	list = problems_new(n);
	if (!list)
		return mx_do_end(&d, -ENOMEM);
	err = mx_strm_flush_all(&d, o);
	if (!err && n)
		err = set_props(&d, o, &b, n, vals, list);
	if (err) {
		MAPIFreeBuffer(list);
		return mx_do_end(&d, err);
	}
	problems_give(list, ret);
	return mx_do_end(&d, 0);
}

HRESULT mx_prop_delete(struct mx_obj *o, LPSPropTagArray tags,
		       LPSPropProblemArray *ret)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_DELETE_PROPERTIES};
	const struct mx_rop_res *res;
	LPSPropProblemArray list;
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, o);
	if (FAILED(hr))
		return hr;
	if (ret)
		*ret = NULL;
	if (!tags || !tags->cValues)
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "DeleteProps without tags");
	req.delete_properties.property_tags = mx_conv_tags(&b.arena, tags);
	list = problems_new(tags->cValues);
	if (!list || !req.delete_properties.property_tags.p) {
		MAPIFreeBuffer(list);
		return mx_do_end(&d, -ENOMEM);
	}
	err = mx_strm_flush_all(&d, o);
	if (!err)
		err = mx_rop_call(&b, o->so, &req, &d.call, &res);
	if (err) {
		MAPIFreeBuffer(list);
		return mx_do_end(&d, err);
	}
	for (uint32_t i = 0; i < res->delete_properties.n_property_problems;
	     i++) {
		uint16_t at = res->delete_properties.property_problems[i].index;
		uint32_t code =
			res->delete_properties.property_problems[i].code;

		if (at < tags->cValues && list->cProblem < tags->cValues)
			problem(list, at, tags->aulPropTag[at],
				mx_hr_from_code(code));
	}
	problems_give(list, ret);
	return mx_do_end(&d, 0);
}
