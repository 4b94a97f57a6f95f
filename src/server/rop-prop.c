/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* ROPs on properties, of every object that has them.  [MS-OXCPRPT] */
#include <string.h>

#include "base/limits.h"
#include "server/exec.h"
#include "server/rop.h"
#include "store/mbox.h"
#include "store/obj.h"

/* The type an answer has by the property's default; 2.2.2.1. */
static void too_big(struct mx_propval *v)
{
	v->tag = MX_PROP_RETYPE(v->tag, MX_PT_ERROR);
	v->v.err = MX_EC_NO_MEMORY;
}

static bool is_error(const struct mx_propval *v)
{
	return MX_PROP_TYPE(v->tag) == MX_PT_ERROR;
}

static struct mx_propval *largest(struct mx_propval *vals, size_t n,
				  size_t *ret_size)
{
	struct mx_propval *max = NULL;
	size_t size, best = 0;

	for (size_t i = 0; i < n; i++) {
		size = is_error(&vals[i]) ? 0 : mx_propval_size(&vals[i]);
		if (size > best) {
			best = size;
			max = &vals[i];
		}
	}
	*ret_size = best;
	return max;
}

static size_t all_size(const struct mx_propval *vals, size_t n, size_t each)
{
	size_t size = 0;

	for (size_t i = 0; i < n; i++)
		size += each + mx_propval_size(&vals[i]);
	return size;
}

/* What would not fit even into the largest output buffer becomes an error,
 * largest first: the client opens a stream on it.  3.2.5.1 */
static void shrink(struct mx_propval *vals, size_t n, size_t each, size_t room)
{
	size_t size = all_size(vals, n, each), part;
	struct mx_propval *v;

	while (size > room && (v = largest(vals, n, &part)) && part > 4) {
		too_big(v);
		size -= part - 4;
	}
}

/* PropertySizeLimit 0 leaves it to the output buffer. */
static size_t value_limit(const struct mx_rop *r, uint16_t limit)
{
	return limit ? limit : MX_MAX_ROP_PAYLOAD;
}

uint32_t mx_do_get_props(struct mx_rop *r)
{
	const struct mx_get_properties_specific_req *q =
		&r->req->get_properties_specific;
	struct mx_proprow *row = &r->res.get_properties_specific.row_data;
	uint32_t ec;

	row->n = q->property_tags.n;
	row->vals = mx_arena_newv(r->arena, struct mx_propval, row->n);
	if (!row->vals)
		return MX_EC_NO_MEMORY;
	ec = mx_store_ec(mx_obj_get(r->in->obj, q->property_tags.p, row->n,
				    value_limit(r, q->property_size_limit),
				    q->want_unicode, r->arena, row->vals,
				    NULL));
	if (ec)
		return ec;
	shrink(row->vals, row->n, 4, mx_rop_room_max(r) - 16);
	r->cols = q->property_tags.p;
	return MX_EC_OK;
}

uint32_t mx_do_get_all(struct mx_rop *r)
{
	const struct mx_get_properties_all_req *q = &r->req->get_properties_all;
	struct mx_get_properties_all_res *a = &r->res.get_properties_all;
	size_t n;
	uint32_t ec;

	ec = mx_store_ec(mx_obj_get_all(
		r->in->obj, value_limit(r, q->property_size_limit),
		q->want_unicode, r->arena, &a->property_values, &n));
	if (ec)
		return ec;
	shrink(a->property_values, n, 4, mx_rop_room_max(r) - 16);
	a->n_property_values = (uint32_t)n;
	return MX_EC_OK;
}

uint32_t mx_do_list_props(struct mx_rop *r)
{
	struct mx_tags *tags = &r->res.get_properties_list.property_tags;
	uint32_t *p;
	size_t n;
	uint32_t ec;

	ec = mx_store_ec(mx_obj_list(r->in->obj, r->arena, &p, &n));
	if (!ec)
		*tags = (struct mx_tags){(uint32_t)n, p};
	return ec;
}

uint32_t mx_do_set_props(struct mx_rop *r)
{
	const struct mx_set_properties_req *q = &r->req->set_properties;
	struct mx_set_properties_res *a = &r->res.set_properties;
	size_t n = 0;
	uint32_t ec;

	ec = mx_store_ec(mx_obj_set(r->in->obj, q->property_values,
				    q->n_property_values, r->arena,
				    &a->property_problems, &n));
	a->n_property_problems = ec ? 0 : (uint32_t)n;
	return ec;
}

uint32_t mx_do_delete_props(struct mx_rop *r)
{
	const struct mx_delete_properties_req *q = &r->req->delete_properties;
	struct mx_delete_properties_res *a = &r->res.delete_properties;
	size_t n = 0;
	uint32_t ec;

	ec = mx_store_ec(mx_obj_delete(r->in->obj, q->property_tags.p,
				       q->property_tags.n, r->arena,
				       &a->property_problems, &n));
	a->n_property_problems = ec ? 0 : (uint32_t)n;
	return ec;
}

/* Flags: 0 get, 2 get and create.  2.2.12.1 */
uint32_t mx_do_ids_from_names(struct mx_rop *r)
{
	const struct mx_get_property_ids_from_names_req *q =
		&r->req->get_property_ids_from_names;
	struct mx_get_property_ids_from_names_res *a =
		&r->res.get_property_ids_from_names;
	struct mx_propname *names;
	uint16_t *ids;
	size_t n, missing;
	uint32_t ec;

	if (q->flags != 0x00 && q->flags != 0x02)
		return MX_EC_INVALID_PARAM;
	if (!q->n_property_names) {
		ec = mx_store_ec(mx_mbox_all_names(r->in->mbox, r->arena, &ids,
						   &names, &n));
		a->property_ids = ids;
		a->n_property_ids = ec ? 0 : (uint32_t)n;
		return ec;
	}
	n = q->n_property_names;
	ids = mx_arena_newv(r->arena, uint16_t, n);
	if (!ids)
		return MX_EC_NO_MEMORY;
	ec = mx_store_ec(mx_mbox_ids_from_names(r->in->mbox, q->property_names,
						n, q->flags == 0x02, ids,
						&missing));
	a->property_ids = ids;
	a->n_property_ids = ec ? 0 : (uint32_t)n;
	return ec;
}
