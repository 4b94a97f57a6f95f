/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading: GetProps, GetPropList, and what this side knows by itself.
 *
 * A property of the class's own_tags is answered here; the rest goes to the
 * server in one ROP.  A value too large for the answer comes back as PT_ERROR
 * MAPI_E_NOT_ENOUGH_MEMORY and is read with OpenProperty(IID_IStream).
 */
#include <errno.h>

#include "api/eid.h"
#include "api/prop.h"
#include "api/store.h"
#include "api/strm.h"

/* ---- own properties ---- */

int mx_prop_own_bin(struct mx_arena *a, uint32_t tag, const void *p, size_t n,
		    struct mx_propval *ret)
{
	void *copy = mx_arena_dup(a, p, n);

	if (!copy)
		return -ENOMEM;
	*ret = (struct mx_propval){.tag = tag, .v.bin = {(uint32_t)n, copy}};
	return 1;
}

int mx_prop_own_eid(struct mx_do *d, struct mx_obj *o, struct mx_arena *a,
		    uint32_t tag, uint64_t fid, uint64_t mid,
		    struct mx_propval *ret)
{
	uint8_t eid[MX_MESSAGE_ENTRYID_SIZE];
	size_t n;
	int err = mx_eid_make(mx_obj_store(o)->logon, NULL, fid, mid, &d->call,
			      eid, &n);

	return err ? err : mx_prop_own_bin(a, tag, eid, n, ret);
}

int mx_prop_own_common(struct mx_do *d, struct mx_obj *o, struct mx_arena *a,
		       uint32_t tag, struct mx_propval *ret)
{
	struct mx_store *st = mx_obj_store(o);

	switch (tag) {
	case PR_OBJECT_TYPE:
		*ret = (struct mx_propval){.tag = tag,
					   .v.i4 = (int32_t)o->cls->type};
		return 1;
	case PR_STORE_SUPPORT_MASK:
		*ret = (struct mx_propval){.tag = tag,
					   .v.i4 = MX_STORE_SUPPORT};
		return 1;
	case PR_STORE_ENTRYID:
		return mx_prop_own_bin(a, tag, st->eid, st->eid_n, ret);
	case PR_MDB_PROVIDER:
		return mx_prop_own_bin(a, tag, mx_store_provider(st), 16, ret);
	case PR_STORE_RECORD_KEY:
	case PR_MAPPING_SIGNATURE: {
		int err = mx_logon_open(st->logon, &d->call);

		return err ? err
			   : mx_prop_own_bin(
				     a, tag,
				     &mx_logon_info(st->logon)->mailbox_guid,
				     16, ret);
	}
	default:
		return 0;
	}
}

static bool is_own(const struct mx_class *cls, uint32_t tag)
{
	for (size_t i = 0; i < cls->n_own_tags; i++)
		if (PROP_ID(cls->own_tags[i]) == PROP_ID(tag))
			return PROP_TYPE(tag) == PT_UNSPECIFIED ||
			       mx_conv_tag(tag) == cls->own_tags[i];
	return false;
}

/* The full tag of an own property that may be asked for without its type. */
static uint32_t own_tag(const struct mx_class *cls, uint32_t tag)
{
	for (size_t i = 0; i < cls->n_own_tags; i++)
		if (PROP_ID(cls->own_tags[i]) == PROP_ID(tag))
			return cls->own_tags[i];
	return tag;
}

/* 1 with *ret, 0: not here.  What cannot be had now is an error value: asking
 * for the entry id of a message not saved yet fails nothing else. */
static int get_own(struct mx_do *d, struct mx_obj *o, struct mx_arena *a,
		   uint32_t tag, struct mx_propval *ret)
{
	if (!o->cls->own || !is_own(o->cls, tag))
		return 0;
	return o->cls->own(d, o, a, own_tag(o->cls, tag), ret);
}

/* ---- GetProps ---- */

/* The values of n tags, in order, in the batch's arena. */
static int get_some(struct mx_do *d, struct mx_obj *o, struct mx_batch *b,
		    const SPropTagArray *tags, ULONG flags,
		    struct mx_propval **ret)
{
	ULONG n = tags->cValues, n_ask = 0;
	struct mx_propval *vals =
		mx_arena_newv(&b->arena, struct mx_propval, n + 1);
	uint32_t *ask = mx_arena_newv(&b->arena, uint32_t, n + 1);
	bool *own = mx_arena_newv(&b->arena, bool, n + 1);
	const struct mx_rop_res *res;
	struct mx_rop_req req = {.id = MX_ROP_GET_PROPERTIES_SPECIFIC};
	int err;

	if (!vals || !ask || !own)
		return -ENOMEM;
	for (ULONG i = 0; i < n; i++) {
		err = get_own(d, o, &b->arena, tags->aulPropTag[i], &vals[i]);
		if (err < 0)
			return err;
		own[i] = err;
		if (!own[i])
			ask[n_ask++] = mx_conv_tag(tags->aulPropTag[i]);
	}
	*ret = vals;
	if (!n_ask)
		return 0;
	req.get_properties_specific.want_unicode = true;
	req.get_properties_specific.property_tags =
		(struct mx_tags){n_ask, ask};
	err = mx_rop_call(b, o->so, &req, &d->call, &res);
	if (err)
		return err;
	if (res->get_properties_specific.row_data.n != n_ask)
		return mx_fault_set(&d->fault, MX_LAYER_LOCAL, 0, -EPROTO,
				    "the server answered %u of %u properties",
				    res->get_properties_specific.row_data.n,
				    n_ask);
	for (ULONG i = 0, k = 0; i < n; i++)
		if (!own[i])
			vals[i] =
				res->get_properties_specific.row_data.vals[k++];
	return 0;
}

static bool has_tag(const struct mx_propval *vals, size_t n, uint32_t tag)
{
	for (size_t i = 0; i < n; i++)
		if (PROP_ID(vals[i].tag) == PROP_ID(tag))
			return true;
	return false;
}

/* Their names first, then their values. */
static int ask_listed(struct mx_do *d, struct mx_obj *o, struct mx_batch *b,
		      const struct mx_propval **ret, size_t *ret_n)
{
	MX_AUTO(mx_batch_auto) struct mx_batch names;
	struct mx_rop_req req = {.id = MX_ROP_GET_PROPERTIES_LIST};
	const struct mx_rop_res *res;
	struct mx_tags tags;
	int err;

	mx_batch_init(&names);
	err = mx_rop_call(&names, o->so, &req, &d->call, &res);
	if (err)
		return err;
	tags = res->get_properties_list.property_tags;
	req = (struct mx_rop_req){.id = MX_ROP_GET_PROPERTIES_SPECIFIC};
	req.get_properties_specific.want_unicode = true;
	req.get_properties_specific.property_tags = tags;
	mx_batch_reset(b);
	err = mx_rop_call(b, o->so, &req, &d->call, &res);
	if (err)
		return err;
	*ret = res->get_properties_specific.row_data.vals;
	*ret_n = res->get_properties_specific.row_data.n;
	return 0;
}

/* What gromox says when all of an object does not fit into one answer; others
 * leave out what is too large. */
static bool does_not_fit(const struct mx_fault *f)
{
	return f->layer == MX_LAYER_EMSMDB &&
	       (f->code == 0x3f0 || f->code == 0x47d);
}

static int ask_all(struct mx_do *d, struct mx_obj *o, struct mx_batch *b,
		   const struct mx_propval **ret, size_t *ret_n)
{
	struct mx_rop_req req = {.id = MX_ROP_GET_PROPERTIES_ALL};
	const struct mx_rop_res *res;
	int err;

	/* 0 means no limit, but gromox takes it for one of no bytes. */
	req.get_properties_all.property_size_limit = UINT16_MAX;
	req.get_properties_all.want_unicode = true;
	err = mx_rop_call(b, o->so, &req, &d->call, &res);
	if (err && does_not_fit(&d->fault))
		return ask_listed(d, o, b, ret, ret_n);
	if (err)
		return err;
	*ret = res->get_properties_all.property_values;
	*ret_n = res->get_properties_all.n_property_values;
	return 0;
}

/* All that the server has, then what it does not know. */
static int get_all(struct mx_do *d, struct mx_obj *o, struct mx_batch *b,
		   struct mx_propval **ret, size_t *ret_n)
{
	const struct mx_propval *there;
	struct mx_propval *vals;
	size_t n, k;
	int err = ask_all(d, o, b, &there, &n);

	if (err)
		return err;
	k = n;
	vals = mx_arena_newv(&b->arena, struct mx_propval,
			     n + o->cls->n_own_tags + 1);
	if (!vals)
		return -ENOMEM;
	if (n)
		memcpy(vals, there, n * sizeof(*vals));
	for (size_t i = 0; i < o->cls->n_own_tags; i++) {
		if (has_tag(vals, n, o->cls->own_tags[i]))
			continue;
		err = get_own(d, o, &b->arena, o->cls->own_tags[i], &vals[k]);
		if (err < 0)
			return err;
		if (err && MX_PROP_TYPE(vals[k].tag) != MX_PT_ERROR)
			k++;
	}
	*ret = vals;
	*ret_n = k;
	return 0;
}

HRESULT mx_prop_get(struct mx_obj *o, LPSPropTagArray tags, ULONG flags,
		    ULONG *ret_n, LPSPropValue *ret)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_propval *vals = NULL;
	size_t n = tags ? tags->cValues : 0;
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, o);
	if (FAILED(hr))
		return hr;
	if (!ret || !ret_n || (tags && !tags->cValues))
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "GetProps without tags or results");
	if (flags & ~MAPI_UNICODE)
		return mx_do_end_hr(&d, MAPI_E_UNKNOWN_FLAGS, "GetProps");
	*ret = NULL;
	*ret_n = 0;
	err = mx_strm_flush_all(&d, o);
	if (!err)
		err = tags ? get_some(&d, o, &b, tags, flags, &vals)
			   : get_all(&d, o, &b, &vals, &n);
	if (err)
		return mx_do_end(&d, err);
	hr = mx_conv_props(vals, n, tags ? tags->aulPropTag : NULL, flags, ret);
	if (FAILED(hr))
		return mx_do_end(&d, -ENOMEM);
	*ret_n = (ULONG)n;
	return mx_do_end_hr(&d, hr, "GetProps");
}

/* ---- GetPropList ---- */

static uint32_t list_tag(uint32_t tag, ULONG flags)
{
	ULONG base = PROP_TYPE(tag) & ~(ULONG)MV_FLAG;

	if (!(flags & MAPI_UNICODE) && base == PT_UNICODE)
		return CHANGE_PROP_TYPE(tag, (PROP_TYPE(tag) & MV_FLAG) |
						     PT_STRING8);
	return tag;
}

static bool listed(const SPropTagArray *list, uint32_t tag)
{
	for (ULONG i = 0; i < list->cValues; i++)
		if (PROP_ID(list->aulPropTag[i]) == PROP_ID(tag))
			return true;
	return false;
}

HRESULT mx_prop_list(struct mx_obj *o, ULONG flags, LPSPropTagArray *ret)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_GET_PROPERTIES_LIST};
	const struct mx_rop_res *res;
	struct mx_tags tags;
	SPropTagArray *list;
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, o);
	if (FAILED(hr))
		return hr;
	if (!ret || (flags & ~MAPI_UNICODE))
		return mx_do_end_hr(&d,
				    ret ? MAPI_E_UNKNOWN_FLAGS
					: MAPI_E_INVALID_PARAMETER,
				    "GetPropList");
	*ret = NULL;
	err = mx_strm_flush_all(&d, o);
	if (!err)
		err = mx_rop_call(&b, o->so, &req, &d.call, &res);
	if (err)
		return mx_do_end(&d, err);
	tags = res->get_properties_list.property_tags;
	list = mx_api_alloc(CbNewSPropTagArray(tags.n + o->cls->n_own_tags));
	if (!list)
		return mx_do_end(&d, -ENOMEM);
	for (uint32_t i = 0; i < tags.n; i++)
		list->aulPropTag[list->cValues++] = list_tag(tags.p[i], flags);
	for (size_t i = 0; i < o->cls->n_own_tags; i++)
		if (!listed(list, o->cls->own_tags[i]))
			list->aulPropTag[list->cValues++] =
				list_tag(o->cls->own_tags[i], flags);
	*ret = list;
	return mx_do_end(&d, 0);
}

/* ---- OpenProperty ---- */

HRESULT mx_prop_open(struct mx_obj *o, ULONG tag, LPCIID iid, ULONG options,
		     ULONG flags, LPUNKNOWN *ret)
{
	if (!ret || !iid)
		return MAPI_E_INVALID_PARAMETER;
	*ret = NULL;
	if (IsEqualGUID(iid, &IID_IStream) ||
	    IsEqualGUID(iid, &IID_ISequentialStream))
		return mx_api_strm_open(o, tag, flags, (LPSTREAM *)(void *)ret);
	if (o->cls->open_property)
		return o->cls->open_property(o, tag, iid, options, flags, ret);
	return mx_obj_unsupported(o, "OpenProperty with this interface");
}

HRESULT mx_prop_save_nothing(struct mx_obj *o, ULONG flags)
{
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, o);

	return FAILED(hr) ? hr : mx_do_end(&d, mx_strm_flush_all(&d, o));
}
