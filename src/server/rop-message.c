/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* ROPs on one message and its recipients.  [MS-OXCMSG] */
#include "server/exec.h"
#include "server/rop.h"
#include "store/folder.h"
#include "store/message.h"
#include "store/obj.h"

#define OPEN_MODES (MX_MSG_BEST_ACCESS | MX_MSG_SOFT_DELETED)

uint32_t mx_do_open_message(struct mx_rop *r)
{
	const struct mx_open_message_req *q = &r->req->open_message;
	uint32_t ec;

	if (q->open_mode_flags & ~OPEN_MODES)
		return MX_EC_INVALID_PARAM;
	ec = mx_rop_output(r, q->output_handle_index, MX_S_MESSAGE);
	if (ec)
		return ec;
	ec = mx_store_ec(mx_msg_open(r->in->mbox, q->folder_id, q->message_id,
				     q->open_mode_flags, q->code_page_id,
				     &r->made->obj));
	if (!ec)
		ec = mx_recips_head(r, r->made, mx_rop_room(r) - 6,
				    &r->res.open_message.header);
	return ec;
}

uint32_t mx_do_create_message(struct mx_rop *r)
{
	const struct mx_create_message_req *q = &r->req->create_message;
	uint32_t ec;

	ec = mx_rop_output(r, q->output_handle_index, MX_S_MESSAGE);
	if (ec)
		return ec;
	/* The id is known when the message is saved: HasMessageId 0. */
	return mx_store_ec(mx_msg_create(r->in->mbox, q->folder_id,
					 q->associated_flag, q->code_page_id,
					 &r->made->obj));
}

uint32_t mx_do_save_message(struct mx_rop *r)
{
	const struct mx_save_changes_message_req *q =
		&r->req->save_changes_message;
	struct mx_save_changes_message_res *a = &r->res.save_changes_message;

	if (q->save_flags &
	    ~(MX_SAVE_READ_ONLY | MX_SAVE_READ_WRITE | MX_SAVE_FORCE | 0x08))
		return MX_EC_INVALID_PARAM;
	a->input_handle_index = q->input_handle_index;
	return mx_store_ec(
		mx_msg_save(r->in->obj, q->save_flags & 0x07, &a->message_id));
}

uint32_t mx_do_remove_recips(struct mx_rop *r)
{
	return mx_store_ec(mx_msg_recips_clear(r->in->obj));
}

uint32_t mx_do_modify_recips(struct mx_rop *r)
{
	const struct mx_modify_recipients_req *q = &r->req->modify_recipients;
	struct mx_recip *rc;

	rc = mx_arena_newv(r->arena, struct mx_recip, q->n_recipient_rows + 1);
	if (!rc)
		return MX_EC_NO_MEMORY;
	for (uint32_t i = 0; i < q->n_recipient_rows; i++)
		if (mx_recips_from_row(&q->recipient_rows[i],
				       q->recipient_columns, r->ctx->dn_prefix,
				       r->arena, &rc[i]) < 0)
			return MX_EC_NO_MEMORY;
	/* What ReadRecipients shows to who has never opened the message. */
	if (!r->in->cols.p && mx_sobj_set_cols(r->in, q->recipient_columns.p,
					       q->recipient_columns.n) < 0)
		return MX_EC_NO_MEMORY;
	return mx_store_ec(
		mx_msg_recips_modify(r->in->obj, rc, q->n_recipient_rows));
}

/* Bytes of one row on the wire. */
static size_t row_size(const struct mx_read_recipient_row *row,
		       struct mx_tags cols)
{
	struct mx_wr wr = {.cols = cols.p};

	mx_read_recipient_row_encode(&wr, row);
	return wr.len;
}

/* As many rows as fit, at least one.  3.2.5.6 */
uint32_t mx_do_read_recips(struct mx_rop *r)
{
	const struct mx_read_recipients_req *q = &r->req->read_recipients;
	struct mx_read_recipients_res *a = &r->res.read_recipients;
	size_t n, room = mx_rop_room(r);
	struct mx_recip *rc;
	uint32_t ec;

	ec = mx_store_ec(
		mx_msg_recips(r->in->obj, q->row_id, 255, r->arena, &rc, &n));
	if (ec)
		return ec;
	if (!n)
		return MX_EC_NOT_FOUND;
	a->recipient_rows =
		mx_arena_newv(r->arena, struct mx_read_recipient_row, n);
	if (!a->recipient_rows)
		return MX_EC_NO_MEMORY;
	room = room > 7 ? room - 7 : 0;
	r->cols = r->in->cols.p;
	for (size_t i = 0; i < n; i++) {
		struct mx_read_recipient_row *row = &a->recipient_rows[i];
		size_t size;

		row->row_id = rc[i].row_id;
		row->recipient_type = rc[i].type;
		row->code_page_id = (uint16_t)r->ctx->codepage;
		row->recipient_row =
			mx_arena_new(r->arena, struct mx_recipient_row);
		if (!row->recipient_row ||
		    mx_recips_to_row(&rc[i], r->in->cols, r->arena,
				     row->recipient_row) < 0)
			return MX_EC_NO_MEMORY;
		size = row_size(row, r->in->cols);
		if (size > room && i)
			break;
		room -= size < room ? size : room;
		a->n_recipient_rows++;
	}
	return MX_EC_OK;
}

uint32_t mx_do_reload(struct mx_rop *r)
{
	return mx_recips_head(r, r->in, mx_rop_room(r) - 6,
			      &r->res.reload_cached_information.header);
}

uint32_t mx_do_set_read_flag(struct mx_rop *r)
{
	const struct mx_set_message_read_flag_req *q =
		&r->req->set_message_read_flag;
	bool changed;

	/* ReadStatusChanged is for who reads public folders: always 0 here. */
	return mx_store_ec(
		mx_msg_set_read(r->in->obj, q->read_flags, &changed));
}
