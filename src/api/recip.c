/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <strings.h>

#include "api/recip.h"
#include "api/text.h"
#include "wire/entryid.h"

/* ---- out ---- */

struct out {
	struct mx_arena *a;
	struct mx_propval *vals;
	ULONG n;
	int err;
};

static void put_long(struct out *o, uint32_t tag, int32_t v)
{
	o->vals[o->n++] = (struct mx_propval){.tag = tag, .v.i4 = v};
}

static void put_text(struct out *o, uint32_t tag, const char *s)
{
	if (s)
		o->vals[o->n++] = (struct mx_propval){
			.tag = MX_PROP_RETYPE(tag, MX_PT_UNICODE), .v.str = s};
}

static void put_bin(struct out *o, uint32_t tag, const void *p, size_t n)
{
	void *copy = mx_arena_dup(o->a, p, n);

	if (!copy)
		o->err = -ENOMEM;
	else
		o->vals[o->n++] = (struct mx_propval){
			.tag = tag, .v.bin = {(uint32_t)n, copy}};
}

static void put_ab_eid(struct out *o, const char *dn, uint8_t display_type)
{
	MX_AUTO(mx_buf_auto) struct mx_buf buf = MX_BUF_INIT;
	struct mx_abid id = {display_type, dn};

	o->err = o->err ? o->err : mx_abid_encode(&buf, &id);
	if (!o->err)
		put_bin(o, PR_ENTRYID, buf.p, buf.len);
}

static void put_one_off(struct out *o, const char *name, const char *type,
			const char *address, bool no_rich)
{
	MX_AUTO(mx_buf_auto) struct mx_buf buf = MX_BUF_INIT;
	struct mx_oneoff id = {MX_ONE_OFF_UNICODE, name ? name : "", type,
			       address ? address : ""};

	if (no_rich)
		id.flags |= MX_ONE_OFF_NO_RICH_INFO;
	o->err = o->err ? o->err : mx_oneoff_encode(&buf, &id);
	if (!o->err)
		put_bin(o, PR_ENTRYID, buf.p, buf.len);
}

/* The first AddressPrefixUsed characters of the prefix, then the row's part. */
static const char *full_dn(struct out *o, const struct mx_recipient_row *r,
			   const char *prefix)
{
	size_t n = prefix ? strnlen(prefix, r->address_prefix_used) : 0;
	const char *dn = mx_arena_printf(o->a, "%.*s%s", (int)n,
					 prefix ? prefix : "",
					 r->x500dn ? r->x500dn : "");

	if (!dn)
		o->err = -ENOMEM;
	return dn;
}

static void put_address(struct out *o, const struct mx_recipient_row *r,
			const char *prefix)
{
	const char *type, *dn;
	bool no_rich = r->recipient_flags & MX_RF_NO_RICH;

	switch (r->recipient_flags & MX_RF_TYPE) {
	case MX_RT_X500:
		dn = full_dn(o, r, prefix);
		put_text(o, PR_ADDRTYPE, "EX");
		put_text(o, PR_EMAIL_ADDRESS, dn);
		put_long(o, PR_DISPLAY_TYPE, r->display_type);
		if (dn)
			put_ab_eid(o, dn, r->display_type);
		return;
	case MX_RT_PDL1:
	case MX_RT_PDL2:
		put_text(o, PR_ADDRTYPE, "MAPIPDL");
		put_bin(o, PR_ENTRYID, r->entry_id.p, r->entry_id.n);
		put_bin(o, PR_SEARCH_KEY, r->search_key.p, r->search_key.n);
		return;
	case MX_RT_SMTP:
		type = "SMTP";
		break;
	default:
		type = r->address_type;
		break;
	}
	put_text(o, PR_ADDRTYPE, type);
	put_text(o, PR_EMAIL_ADDRESS, r->email_address);
	if (type)
		put_one_off(o, r->display_name, type, r->email_address,
			    no_rich);
}

static bool have(const struct out *o, uint32_t tag)
{
	for (ULONG i = 0; i < o->n; i++)
		if (MX_PROP_ID(o->vals[i].tag) == MX_PROP_ID(tag))
			return true;
	return false;
}

#define FIXED 16

int mx_recip_out(struct mx_arena *a, const struct mx_read_recipient_row *row,
		 const char *dn_prefix, struct mx_propval **ret, ULONG *ret_n)
{
	static const struct mx_recipient_row none;
	const struct mx_recipient_row *r =
		row->recipient_row ? row->recipient_row : &none;
	const struct mx_proprow *extra = &r->recipient_properties;
	struct out o = {.a = a};

	o.vals = mx_arena_newv(a, struct mx_propval, FIXED + extra->n);
	if (!o.vals)
		return -ENOMEM;
	put_long(&o, PR_ROWID, (int32_t)row->row_id);
	put_long(&o, PR_RECIPIENT_TYPE, row->recipient_type);
	put_text(&o, PR_DISPLAY_NAME, r->display_name);
	put_address(&o, r, dn_prefix);
	put_text(&o, PR_7BIT_DISPLAY_NAME, r->simple_display_name);
	put_text(&o, PR_TRANSMITABLE_DISPLAY_NAME,
		 r->recipient_flags & MX_RF_SAME
			 ? r->display_name
			 : r->transmittable_display_name);
	o.vals[o.n++] = (struct mx_propval){.tag = PR_SEND_RICH_INFO,
					    .v.b = !(r->recipient_flags &
						     MX_RF_NO_RICH)};
	o.vals[o.n++] = (struct mx_propval){.tag = PR_RESPONSIBILITY,
					    .v.b = r->recipient_flags &
						   MX_RF_RESPONSIBLE};
	for (uint32_t i = 0; i < extra->n; i++) {
		uint16_t type = MX_PROP_TYPE(extra->vals[i].tag);

		if (type != MX_PT_ERROR && type != MX_PT_NULL &&
		    !have(&o, extra->vals[i].tag))
			o.vals[o.n++] = extra->vals[i];
	}
	if (!have(&o, PR_OBJECT_TYPE))
		put_long(&o, PR_OBJECT_TYPE, (int32_t)MAPI_MAILUSER);
	*ret = o.vals;
	*ret_n = o.n;
	return o.err;
}

/* ---- in ---- */

/* What RecipientRow says itself, and what is not sent. */
static bool in_row(ULONG tag)
{
	static const ULONG ids[] = {
		PR_ROWID,
		PR_RECIPIENT_TYPE,
		PR_DISPLAY_NAME,
		PR_ADDRTYPE,
		PR_EMAIL_ADDRESS,
		PR_7BIT_DISPLAY_NAME,
		PR_TRANSMITABLE_DISPLAY_NAME,
		PR_SEND_RICH_INFO,
		PR_RESPONSIBILITY,
		PR_ENTRYID,
		PR_SEARCH_KEY,
		PR_INSTANCE_KEY,
		PR_RECORD_KEY,
	};

	for (size_t i = 0; i < MX_ARRAY_SIZE(ids); i++)
		if (PROP_ID(ids[i]) == PROP_ID(tag))
			return true;
	return false;
}

#define MAX_COLUMNS 256

struct mx_tags mx_recip_columns(struct mx_arena *a, const ADRLIST *list)
{
	uint32_t *tags = mx_arena_newv(a, uint32_t, MAX_COLUMNS);
	uint32_t n = 0;

	for (ULONG i = 0; tags && i < list->cEntries; i++)
		for (ULONG k = 0; k < list->aEntries[i].cValues; k++) {
			ULONG tag = list->aEntries[i].rgPropVals[k].ulPropTag;
			ULONG type = PROP_TYPE(tag);
			uint32_t at = 0;

			if (in_row(tag) || type == PT_ERROR ||
			    type == PT_NULL || type == PT_OBJECT)
				continue;
			tag = mx_conv_tag(tag);
			while (at < n && tags[at] != tag)
				at++;
			if (at == n && n < MAX_COLUMNS)
				tags[n++] = tag;
		}
	return (struct mx_tags){n, tags};
}

static const SPropValue *find(const ADRENTRY *e, ULONG tag)
{
	for (ULONG i = 0; i < e->cValues; i++) {
		ULONG t = e->rgPropVals[i].ulPropTag;

		if (PROP_ID(t) == PROP_ID(tag) && PROP_TYPE(t) != PT_ERROR)
			return &e->rgPropVals[i];
	}
	return NULL;
}

/* A string property as UTF-8, in the arena or borrowed; NULL if none. */
static const char *find_text(struct mx_arena *a, const ADRENTRY *e, ULONG tag,
			     int *err)
{
	const SPropValue *v = find(e, tag);
	struct mx_propval w;
	int r;

	if (!v || (PROP_TYPE(v->ulPropTag) != PT_STRING8 &&
		   PROP_TYPE(v->ulPropTag) != PT_UNICODE))
		return NULL;
	r = mx_conv_in(a, v, &w);
	if (r) {
		*err = r;
		return NULL;
	}
	return w.v.str;
}

struct address {
	const char *type, *address, *name;
	uint8_t display_type;
};

/* What the properties leave out the entry id may say. */
static int from_eid(struct mx_arena *a, const ADRENTRY *e, struct address *ad)
{
	const SPropValue *v = find(e, PR_ENTRYID);
	const struct mx_guid *provider;
	struct mx_oneoff oneoff;
	struct mx_abid ab;
	struct mx_bin bin;

	if (!v || PROP_TYPE(v->ulPropTag) != PT_BINARY)
		return 0;
	bin = (struct mx_bin){v->Value.bin.cb, v->Value.bin.lpb};
	provider = mx_entryid_provider(bin);
	if (!provider)
		return 0;
	if (mx_guid_equal(provider, &mx_provider_oneoff)) {
		if (mx_oneoff_decode(bin, a, &oneoff))
			return -EINVAL;
		ad->type = ad->type ? ad->type : oneoff.addrtype;
		ad->address = ad->address ? ad->address : oneoff.address;
		ad->name = ad->name ? ad->name : oneoff.name;
	} else if (mx_guid_equal(provider, &mx_provider_ab)) {
		if (mx_abid_decode(bin, a, &ab))
			return -EINVAL;
		ad->type = ad->type ? ad->type : "EX";
		if (!ad->address && !strcasecmp(ad->type, "EX"))
			ad->address = ab.dn;
		ad->display_type = (uint8_t)ab.type;
	}
	return 0;
}

static int find_address(struct mx_arena *a, const ADRENTRY *e,
			struct address *ad)
{
	int err = 0;

	ad->type = find_text(a, e, PR_ADDRTYPE, &err);
	ad->address = find_text(a, e, PR_EMAIL_ADDRESS, &err);
	ad->name = find_text(a, e, PR_DISPLAY_NAME, &err);
	if (!err)
		err = from_eid(a, e, ad);
	if (err)
		return err;
	if (!ad->address) {
		ad->address = find_text(a, e, PR_SMTP_ADDRESS, &err);
		ad->type = ad->address ? "SMTP" : NULL;
	}
	if (!ad->type && ad->address)
		ad->type = "SMTP";
	return ad->address && ad->type ? 0 : -EINVAL;
}

static int put_columns(struct mx_arena *a, const ADRENTRY *e,
		       struct mx_tags cols, struct mx_recipient_row *r)
{
	r->recipient_column_count = (uint16_t)cols.n;
	r->recipient_properties.n = cols.n;
	r->recipient_properties.vals =
		mx_arena_newv(a, struct mx_propval, cols.n + 1);
	if (!r->recipient_properties.vals)
		return -ENOMEM;
	for (uint32_t i = 0; i < cols.n; i++) {
		struct mx_propval *to = &r->recipient_properties.vals[i];
		const SPropValue *v = find(e, cols.p[i]);
		int err = v && mx_conv_tag(v->ulPropTag) == cols.p[i]
				  ? mx_conv_in(a, v, to)
				  : -EINVAL;

		if (err == -ENOMEM)
			return err;
		/* This recipient has no such property. */
		if (err)
			*to = (struct mx_propval){
				.tag = MX_PROP_RETYPE(cols.p[i], MX_PT_ERROR),
				.v.err = (uint32_t)MAPI_E_NOT_FOUND};
	}
	return 0;
}

static void put_names(const ADRENTRY *e, const struct address *ad,
		      const char *transmittable, const char *simple,
		      struct mx_recipient_row *r)
{
	const SPropValue *rich = find(e, PR_SEND_RICH_INFO);
	const SPropValue *resp = find(e, PR_RESPONSIBILITY);

	r->recipient_flags |= MX_RF_UNICODE | MX_RF_DISPLAY;
	r->display_name = ad->name ? ad->name : ad->address;
	if (simple) {
		r->recipient_flags |= MX_RF_SIMPLE;
		r->simple_display_name = simple;
	}
	if (transmittable && strcmp(transmittable, r->display_name)) {
		r->recipient_flags |= MX_RF_TRANSMITTABLE;
		r->transmittable_display_name = transmittable;
	} else {
		r->recipient_flags |= MX_RF_SAME;
	}
	if (rich && PROP_TYPE(rich->ulPropTag) == PT_BOOLEAN && !rich->Value.b)
		r->recipient_flags |= MX_RF_NO_RICH;
	if (resp && PROP_TYPE(resp->ulPropTag) == PT_BOOLEAN && resp->Value.b)
		r->recipient_flags |= MX_RF_RESPONSIBLE;
}

static void put_type(const struct address *ad, struct mx_recipient_row *r)
{
	if (!strcasecmp(ad->type, "EX")) {
		r->recipient_flags |= MX_RT_X500;
		r->x500dn = ad->address;
		r->display_type = ad->display_type;
		return;
	}
	r->recipient_flags |= MX_RF_EMAIL;
	r->email_address = ad->address;
	if (!strcasecmp(ad->type, "SMTP")) {
		r->recipient_flags |= MX_RT_SMTP;
	} else {
		r->recipient_flags |= MX_RF_OTHER_TYPE;
		r->address_type = ad->type;
	}
}

int mx_recip_in(struct mx_arena *a, const ADRENTRY *e, struct mx_tags cols,
		struct mx_modify_recipient_row *ret, uint32_t *ret_row_id)
{
	const SPropValue *id = find(e, PR_ROWID);
	const SPropValue *type = find(e, PR_RECIPIENT_TYPE);
	struct mx_recipient_row *r = mx_arena_new(a, struct mx_recipient_row);
	struct address ad = {0};
	const char *transmittable, *simple;
	int err = r ? find_address(a, e, &ad) : -ENOMEM;

	if (err)
		return err;
	transmittable = find_text(a, e, PR_TRANSMITABLE_DISPLAY_NAME, &err);
	simple = find_text(a, e, PR_7BIT_DISPLAY_NAME, &err);
	if (!err)
		err = put_columns(a, e, cols, r);
	if (err)
		return err;
	put_type(&ad, r);
	put_names(e, &ad, transmittable, simple, r);
	ret->recipient_row = r;
	/* MAPI_P1 and MAPI_SUBMITTED are bits 28 and 31 here, 4 and 7 there. */
	ret->recipient_type = (uint8_t)MAPI_TO;
	if (type)
		ret->recipient_type =
			(uint8_t)((type->Value.ul & 0x0f) |
				  (type->Value.ul & MAPI_P1 ? 0x10 : 0) |
				  (type->Value.ul >> 31 ? 0x80 : 0));
	*ret_row_id = id ? id->Value.ul : UINT32_MAX;
	return 0;
}
