/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recipients: between RecipientRow, whose flags say which fields are there
 * ([MS-OXCDATA] 2.8.3.2), and the store's list of properties.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "server/exec.h"
#include "server/rop.h"
#include "store/message.h"
#include "store/obj.h"
#include "store/tags.h"

/* RecipientFlags */
#define RF_TYPE 0x0007
#define RF_X500 0x0001
#define RF_SMTP 0x0003
#define RF_EMAIL 0x0008
#define RF_DISPLAY 0x0010
#define RF_TRANSMIT 0x0020
#define RF_SAME 0x0040
#define RF_RESPONSIBLE 0x0080
#define RF_NO_RICH 0x0100
#define RF_UNICODE 0x0200
#define RF_SIMPLE 0x0400
#define RF_OTHER 0x8000

#define T_TRANSMITTABLE 0x3a20001fu
/* Columns of one answer; what a recipient has beyond them stays unseen. */
#define MAX_COLS 64u

/* What the row's fixed part says, so that no column repeats it. */
static bool is_fixed(uint32_t tag)
{
	static const uint32_t fixed[] = {
		T_RECIPIENT_TYPE, T_ADDRTYPE,          T_EMAIL_ADDRESS,
		T_DISPLAY_NAME,   T_7BIT_DISPLAY_NAME, T_TRANSMITTABLE,
		T_SEND_RICH_INFO, T_RESPONSIBILITY,    T_ROWID,
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (tag >> 16 == fixed[i] >> 16)
			return true;
	return false;
}

static const char *text_of(const struct mx_recip *rc, uint32_t tag)
{
	const struct mx_propval *v = mx_propval_find(rc->vals, rc->n_vals, tag);

	return v && v->v.str ? v->v.str : NULL;
}

static int32_t long_of(const struct mx_recip *rc, uint32_t tag)
{
	const struct mx_propval *v = mx_propval_find(rc->vals, rc->n_vals, tag);

	return v ? v->v.i4 : 0;
}

static void put_address(const struct mx_recip *rc, struct mx_recipient_row *row)
{
	const char *type = text_of(rc, T_ADDRTYPE);
	const char *email = text_of(rc, T_EMAIL_ADDRESS);

	if (type && !strcasecmp(type, "EX") && email) {
		row->recipient_flags |= RF_X500;
		row->display_type = (uint8_t)long_of(rc, T_DISPLAY_TYPE);
		row->x500dn = email;
		return;
	}
	if (type && !strcasecmp(type, "SMTP")) {
		row->recipient_flags |= RF_SMTP;
	} else if (type && *type) {
		row->recipient_flags |= RF_OTHER;
		row->address_type = type;
	}
	if (email) {
		row->recipient_flags |= RF_EMAIL;
		row->email_address = email;
	}
}

static void put_names(const struct mx_recip *rc, struct mx_recipient_row *row)
{
	const char *name = text_of(rc, T_DISPLAY_NAME);
	const char *simple = text_of(rc, T_7BIT_DISPLAY_NAME);
	const char *sent = text_of(rc, T_TRANSMITTABLE);

	if (name) {
		row->recipient_flags |= RF_DISPLAY;
		row->display_name = name;
	}
	if (simple) {
		row->recipient_flags |= RF_SIMPLE;
		row->simple_display_name = simple;
	}
	if (sent && name && !strcmp(sent, name)) {
		row->recipient_flags |= RF_SAME;
	} else if (sent) {
		row->recipient_flags |= RF_TRANSMIT;
		row->transmittable_display_name = sent;
	}
}

int mx_recips_to_row(const struct mx_recip *rc, struct mx_tags cols,
		     struct mx_arena *a, struct mx_recipient_row *ret)
{
	const struct mx_propval *v;

	memset(ret, 0, sizeof(*ret));
	ret->recipient_flags = RF_UNICODE;
	put_address(rc, ret);
	put_names(rc, ret);
	v = mx_propval_find(rc->vals, rc->n_vals, T_RESPONSIBILITY);
	if (v && v->v.b)
		ret->recipient_flags |= RF_RESPONSIBLE;
	v = mx_propval_find(rc->vals, rc->n_vals, T_SEND_RICH_INFO);
	if (v && !v->v.b)
		ret->recipient_flags |= RF_NO_RICH;
	ret->recipient_column_count = (uint16_t)cols.n;
	ret->recipient_properties.n = cols.n;
	ret->recipient_properties.vals =
		mx_arena_newv(a, struct mx_propval, cols.n);
	if (!ret->recipient_properties.vals)
		return -ENOMEM;
	for (uint32_t i = 0; i < cols.n; i++) {
		struct mx_propval *p = &ret->recipient_properties.vals[i];

		v = mx_propval_find(rc->vals, rc->n_vals, cols.p[i]);
		if (v) {
			*p = *v;
			continue;
		}
		p->tag = MX_PROP_RETYPE(cols.p[i], MX_PT_ERROR);
		p->v.err = MX_EC_NOT_FOUND;
	}
	return 0;
}

/* ---- The head of a message ---- */

static void add_col(uint32_t *cols, uint32_t *n, uint32_t tag)
{
	if (is_fixed(tag) || *n == MAX_COLS)
		return;
	for (uint32_t i = 0; i < *n; i++)
		if (cols[i] == tag)
			return;
	cols[(*n)++] = tag;
}

/* Every property that some recipient has beside the fixed part. */
static int choose_cols(struct mx_sobj *so, const struct mx_recip *rc, size_t n)
{
	uint32_t cols[MAX_COLS] = {T_OBJECT_TYPE, T_DISPLAY_TYPE,
				   T_SMTP_ADDRESS, T_ENTRYID, T_SEARCH_KEY};
	uint32_t n_cols = 5;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < rc[i].n_vals; k++)
			add_col(cols, &n_cols, rc[i].vals[k].tag);
	return mx_sobj_set_cols(so, cols, n_cols);
}

static size_t row_size(const struct mx_open_recipient_row *row,
		       struct mx_tags cols)
{
	struct mx_wr wr = {.cols = cols.p};

	mx_open_recipient_row_encode(&wr, row);
	return wr.len;
}

static size_t head_size(const struct mx_message_header *h)
{
	struct mx_wr wr = {0};

	mx_message_header_encode(&wr, h);
	return wr.len;
}

static uint32_t put_rows(struct mx_rop *r, struct mx_sobj *so,
			 const struct mx_recip *rc, size_t n, size_t room,
			 struct mx_message_header *h)
{
	h->recipient_rows =
		mx_arena_newv(r->arena, struct mx_open_recipient_row, n + 1);
	if (!h->recipient_rows)
		return MX_EC_NO_MEMORY;
	for (size_t i = 0; i < n && i < 255; i++) {
		struct mx_open_recipient_row *row = &h->recipient_rows[i];
		size_t size;

		row->recipient_type = rc[i].type;
		row->code_page_id = (uint16_t)r->ctx->codepage;
		row->recipient_row =
			mx_arena_new(r->arena, struct mx_recipient_row);
		if (!row->recipient_row ||
		    mx_recips_to_row(&rc[i], so->cols, r->arena,
				     row->recipient_row) < 0)
			return MX_EC_NO_MEMORY;
		size = row_size(row, so->cols);
		if (size > room)
			break;
		room -= size;
		h->n_recipient_rows++;
	}
	return MX_EC_OK;
}

uint32_t mx_recips_head(struct mx_rop *r, struct mx_sobj *so, size_t room,
			struct mx_message_header *h)
{
	struct mx_msg_head head;
	struct mx_recip *rc = NULL;
	size_t n = 0, size;
	uint32_t ec;

	ec = mx_store_ec(mx_msg_head(so->obj, r->arena, &head));
	if (!ec)
		ec = mx_store_ec(
			mx_msg_recips(so->obj, 0, 0, r->arena, &rc, &n));
	if (ec)
		return ec;
	if (choose_cols(so, rc, n) < 0)
		return MX_EC_NO_MEMORY;
	h->has_named_properties = head.has_named;
	h->subject_prefix = mx_typedstr_make(head.subject_prefix);
	h->normalized_subject = mx_typedstr_make(head.normalized_subject);
	h->recipient_count = (uint16_t)(n < 0xffff ? n : 0xffff);
	h->recipient_columns = so->cols;
	size = head_size(h) + 8;
	return put_rows(r, so, rc, n, room > size ? room - size : 0, h);
}

/* ---- From the wire ---- */

struct values {
	struct mx_propval *v;
	uint32_t n;
};

static void add_str(struct values *vs, uint32_t tag, bool unicode,
		    const char *s)
{
	vs->v[vs->n++] = (struct mx_propval){
		.tag = unicode ? tag : MX_PROP_RETYPE(tag, MX_PT_STRING8),
		.v.str = s};
}

static int take_address(const struct mx_recipient_row *row,
			const char *dn_prefix, struct mx_arena *a,
			struct values *vs)
{
	bool unicode = row->recipient_flags & RF_UNICODE;
	unsigned type = row->recipient_flags & RF_TYPE;
	const char *dn = row->x500dn;

	if (type == RF_X500) {
		if (row->address_prefix_used)
			dn = mx_arena_printf(a, "%.*s%s",
					     row->address_prefix_used,
					     dn_prefix, row->x500dn);
		if (!dn)
			return -ENOMEM;
		add_str(vs, T_ADDRTYPE, true, "EX");
		add_str(vs, T_EMAIL_ADDRESS, true, dn);
		vs->v[vs->n++] = (struct mx_propval){.tag = T_DISPLAY_TYPE,
						     .v.i4 = row->display_type};
	} else if (type == RF_SMTP) {
		add_str(vs, T_ADDRTYPE, true, "SMTP");
	} else if (!type && (row->recipient_flags & RF_OTHER)) {
		add_str(vs, T_ADDRTYPE, true, row->address_type);
	}
	if (row->entry_id.n)
		vs->v[vs->n++] = (struct mx_propval){.tag = T_ENTRYID,
						     .v.bin = row->entry_id};
	if (row->search_key.n)
		vs->v[vs->n++] = (struct mx_propval){.tag = T_SEARCH_KEY,
						     .v.bin = row->search_key};
	if (row->recipient_flags & RF_EMAIL)
		add_str(vs, T_EMAIL_ADDRESS, unicode, row->email_address);
	return 0;
}

static void take_names(const struct mx_recipient_row *row, struct values *vs)
{
	bool unicode = row->recipient_flags & RF_UNICODE;
	unsigned sent = row->recipient_flags & (RF_TRANSMIT | RF_SAME);

	if (row->recipient_flags & RF_DISPLAY) {
		add_str(vs, T_DISPLAY_NAME, unicode, row->display_name);
		if (sent & RF_SAME)
			add_str(vs, T_TRANSMITTABLE, unicode,
				row->display_name);
	}
	if (row->recipient_flags & RF_SIMPLE)
		add_str(vs, T_7BIT_DISPLAY_NAME, unicode,
			row->simple_display_name);
	if (sent == RF_TRANSMIT)
		add_str(vs, T_TRANSMITTABLE, unicode,
			row->transmittable_display_name);
	vs->v[vs->n++] = (struct mx_propval){.tag = T_RESPONSIBILITY,
					     .v.b = row->recipient_flags &
						    RF_RESPONSIBLE};
	vs->v[vs->n++] = (struct mx_propval){.tag = T_SEND_RICH_INFO,
					     .v.b = !(row->recipient_flags &
						      RF_NO_RICH)};
}

static bool has(const struct values *vs, uint32_t tag)
{
	for (uint32_t i = 0; i < vs->n; i++)
		if (vs->v[i].tag >> 16 == tag >> 16)
			return true;
	return false;
}

int mx_recips_from_row(const struct mx_modify_recipient_row *in,
		       struct mx_tags cols, const char *dn_prefix,
		       struct mx_arena *a, struct mx_recip *ret)
{
	const struct mx_recipient_row *row = in->recipient_row;
	struct values vs = {0};

	*ret = (struct mx_recip){.row_id = in->row_id,
				 .type = in->recipient_type};
	if (!row) { /* an empty row deletes */
		ret->type = 0;
		return 0;
	}
	vs.v = mx_arena_newv(a, struct mx_propval,
			     row->recipient_properties.n + 16);
	if (!vs.v || take_address(row, dn_prefix, a, &vs) < 0)
		return -ENOMEM;
	take_names(row, &vs);
	for (uint32_t i = 0; i < row->recipient_properties.n; i++) {
		const struct mx_propval *v = &row->recipient_properties.vals[i];

		if (MX_PROP_TYPE(v->tag) != MX_PT_ERROR &&
		    MX_PROP_TYPE(v->tag) != MX_PT_NULL && !has(&vs, v->tag))
			vs.v[vs.n++] = *v;
	}
	ret->vals = vs.v;
	ret->n_vals = vs.n;
	return 0;
}
