/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* ROPs on attachments and what is embedded in them.  [MS-OXCMSG] */
#include "server/exec.h"
#include "server/rop.h"
#include "store/message.h"
#include "store/obj.h"
#include "store/table.h"

uint32_t mx_do_attach_table(struct mx_rop *r)
{
	const struct mx_get_attachment_table_req *q =
		&r->req->get_attachment_table;
	uint32_t ec;

	if (q->table_flags & ~0x40) /* Unicode */
		return MX_EC_INVALID_PARAM;
	ec = mx_rop_output(r, q->output_handle_index, MX_S_TABLE);
	if (ec)
		return ec;
	r->made->table = MX_TABLE_ATTACH;
	return mx_store_ec(
		mx_tbl_attachments(r->in->obj, 0, &r->made->tbl, NULL));
}

uint32_t mx_do_open_attach(struct mx_rop *r)
{
	const struct mx_open_attachment_req *q = &r->req->open_attachment;
	uint32_t ec;

	if (q->open_attachment_flags & ~MX_MSG_BEST_ACCESS)
		return MX_EC_INVALID_PARAM;
	ec = mx_rop_output(r, q->output_handle_index, MX_S_ATTACH);
	if (ec)
		return ec;
	return mx_store_ec(mx_att_open(r->in->obj, q->attachment_id,
				       q->open_attachment_flags,
				       &r->made->obj));
}

uint32_t mx_do_create_attach(struct mx_rop *r)
{
	const struct mx_create_attachment_req *q = &r->req->create_attachment;
	uint32_t ec;

	ec = mx_rop_output(r, q->output_handle_index, MX_S_ATTACH);
	if (ec)
		return ec;
	return mx_store_ec(mx_att_create(
		r->in->obj, &r->res.create_attachment.attachment_id,
		&r->made->obj));
}

uint32_t mx_do_delete_attach(struct mx_rop *r)
{
	return mx_store_ec(mx_att_delete(
		r->in->obj, r->req->delete_attachment.attachment_id));
}

uint32_t mx_do_save_attach(struct mx_rop *r)
{
	const struct mx_save_changes_attachment_req *q =
		&r->req->save_changes_attachment;

	if (q->save_flags & ~0x0f) /* R466 */
		return MX_EC_NOT_SUPPORTED;
	return mx_store_ec(mx_att_save(r->in->obj, q->save_flags & 0x07));
}

uint32_t mx_do_open_embedded(struct mx_rop *r)
{
	const struct mx_open_embedded_message_req *q =
		&r->req->open_embedded_message;
	struct mx_open_embedded_message_res *a = &r->res.open_embedded_message;
	uint32_t ec;

	if (q->open_mode_flags > MX_MSG_CREATE)
		return MX_EC_INVALID_PARAM;
	ec = mx_rop_output(r, q->output_handle_index, MX_S_MESSAGE);
	if (ec)
		return ec;
	ec = mx_store_ec(mx_msg_open_embedded(r->in->obj, q->open_mode_flags,
					      q->code_page_id, &r->made->obj,
					      &a->message_id));
	if (!ec)
		ec = mx_recips_head(r, r->made, mx_rop_room(r) - 15,
				    &a->header);
	return ec;
}
