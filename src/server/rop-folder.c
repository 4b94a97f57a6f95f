/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* ROPs on folders and on many of their messages.  [MS-OXCFOLD], [MS-OXCMSG]
 * for RopSetReadFlags. */
#include <stdlib.h>
#include <string.h>

#include "server/exec.h"
#include "server/rop.h"
#include "store/folder.h"
#include "store/mbox.h"
#include "store/obj.h"
#include "store/table.h"

/* TableFlags.  [MS-OXCFOLD] 2.2.1.13.1, 2.2.1.14.1 */
#define TBL_ASSOCIATED 0x02
#define TBL_DEPTH 0x04
#define TBL_DEFERRED_ERRORS 0x08
#define TBL_NO_NOTIFICATIONS 0x10
#define TBL_SOFT_DELETES 0x20
#define TBL_USE_UNICODE 0x40
#define TBL_SUPPRESS 0x80     /* hierarchy: no notifications of own changes */
#define TBL_CONVERSATION 0x80 /* contents: not supported */

#define HIERARCHY_FLAGS                                                        \
	(TBL_DEPTH | TBL_DEFERRED_ERRORS | TBL_NO_NOTIFICATIONS |              \
	 TBL_SOFT_DELETES | TBL_USE_UNICODE | TBL_SUPPRESS)
#define CONTENTS_FLAGS                                                         \
	(TBL_ASSOCIATED | TBL_DEFERRED_ERRORS | TBL_NO_NOTIFICATIONS |         \
	 TBL_SOFT_DELETES | TBL_USE_UNICODE)

uint32_t mx_do_open_folder(struct mx_rop *r)
{
	const struct mx_open_folder_req *q = &r->req->open_folder;
	uint32_t ec;

	ec = mx_rop_output(r, q->output_handle_index, MX_S_FOLDER);
	if (ec)
		return ec;
	ec = mx_store_ec(mx_folder_open(
		r->in->mbox, q->folder_id,
		q->open_mode_flags & MX_OPEN_SOFT_DELETED, &r->made->obj));
	if (!ec)
		r->res.open_folder.has_rules =
			mx_folder_has_rules(r->made->obj);
	return ec;
}

uint32_t mx_do_create_folder(struct mx_rop *r)
{
	const struct mx_create_folder_req *q = &r->req->create_folder;
	struct mx_create_folder_res *a = &r->res.create_folder;
	struct mx_folder_new how = {.type = q->folder_type,
				    .name = q->display_name,
				    .comment = q->comment,
				    .open_existing = q->open_existing};
	uint32_t ec;

	if (q->reserved)
		return MX_EC_INVALID_PARAM;
	ec = mx_rop_output(r, q->output_handle_index, MX_S_FOLDER);
	if (ec)
		return ec;
	ec = mx_store_ec(mx_folder_create(r->in->obj, &how, &r->made->obj,
					  &a->is_existing_folder));
	if (ec)
		return ec;
	a->folder_id = mx_obj_fid(r->made->obj);
	if (a->is_existing_folder)
		a->has_rules = mx_folder_has_rules(r->made->obj);
	return ec;
}

uint32_t mx_do_delete_folder(struct mx_rop *r)
{
	const struct mx_delete_folder_req *q = &r->req->delete_folder;

	return mx_store_ec(mx_folder_delete(
		r->in->obj, q->folder_id, q->delete_folder_flags,
		&r->res.delete_folder.partial_completion));
}

uint32_t mx_do_delete_messages(struct mx_rop *r)
{
	const struct mx_delete_messages_req *q = &r->req->delete_messages;

	return mx_store_ec(mx_folder_delete_msgs(
		r->in->obj, q->message_ids, q->n_message_ids, false,
		q->notify_non_read,
		&r->res.delete_messages.partial_completion));
}

uint32_t mx_do_move_copy(struct mx_rop *r)
{
	const struct mx_move_copy_messages_req *q = &r->req->move_copy_messages;
	struct mx_exec *x = r->exec;
	struct mx_sobj *dst = NULL;

	/* The destination may be a folder of another logon. */
	if (q->dest_handle_index < x->n_handles)
		dst = mx_objects_get(&r->ctx->objects,
				     x->handles[q->dest_handle_index]);
	if (!dst) {
		r->res.move_copy_messages.dest_handle_index =
			q->dest_handle_index;
		return MX_EC_DST_NULL_OBJECT;
	}
	if (dst->kind != MX_S_FOLDER)
		return MX_EC_NOT_SUPPORTED;
	return mx_store_ec(mx_folder_move_copy(
		r->in->obj, dst->obj, q->message_ids, q->n_message_ids,
		q->want_copy, &r->res.move_copy_messages.partial_completion));
}

uint32_t mx_do_set_read_flags(struct mx_rop *r)
{
	const struct mx_set_read_flags_req *q = &r->req->set_read_flags;

	return mx_store_ec(mx_folder_set_read(
		r->in->obj, q->message_ids, q->n_message_ids, q->read_flags,
		&r->res.set_read_flags.partial_completion));
}

/* Makes the table watch its folder for the client.  [MS-OXCNOTIF] R256, R258 */
static uint32_t watch(struct mx_rop *r)
{
	struct mx_sobj *so = r->made;
	struct mx_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return MX_EC_NO_MEMORY;
	w->ctx = r->ctx;
	w->handle = so->handle;
	w->logon_id = so->logon_id;
	w->tbl = so->tbl;
	memcpy(w->mailbox, mx_mbox_info(so->mbox)->mailbox, 16);
	so->watch = w;
	mx_watch_add(w);
	return MX_EC_OK;
}

static unsigned store_flags(uint8_t flags)
{
	unsigned f = 0;

	if (flags & TBL_SOFT_DELETES)
		f |= MX_TBL_SOFT_DELETED;
	if (!(flags & TBL_NO_NOTIFICATIONS))
		f |= MX_TBL_CHANGES;
	return f;
}

uint32_t mx_do_hierarchy_table(struct mx_rop *r)
{
	const struct mx_get_hierarchy_table_req *q =
		&r->req->get_hierarchy_table;
	unsigned flags = store_flags(q->table_flags);
	uint32_t ec;

	if (q->table_flags & ~HIERARCHY_FLAGS)
		return MX_EC_INVALID_PARAM;
	if (q->table_flags & TBL_DEPTH)
		flags |= MX_TBL_DEPTH;
	ec = mx_rop_output(r, q->output_handle_index, MX_S_TABLE);
	if (ec)
		return ec;
	r->made->table = MX_TABLE_HIERARCHY;
	ec = mx_store_ec(
		mx_tbl_hierarchy(r->in->obj, flags, &r->made->tbl,
				 &r->res.get_hierarchy_table.row_count));
	if (!ec && (flags & MX_TBL_CHANGES))
		ec = watch(r);
	return ec;
}

uint32_t mx_do_contents_table(struct mx_rop *r)
{
	const struct mx_get_contents_table_req *q = &r->req->get_contents_table;
	unsigned flags = store_flags(q->table_flags);
	uint32_t ec;

	if (q->table_flags & TBL_CONVERSATION)
		return MX_EC_NOT_SUPPORTED;
	if (q->table_flags & ~CONTENTS_FLAGS)
		return MX_EC_INVALID_PARAM;
	if (q->table_flags & TBL_ASSOCIATED)
		flags |= MX_TBL_ASSOC;
	ec = mx_rop_output(r, q->output_handle_index, MX_S_TABLE);
	if (ec)
		return ec;
	r->made->table = MX_TABLE_CONTENTS;
	ec = mx_store_ec(mx_tbl_contents(r->in->obj, flags, &r->made->tbl,
					 &r->res.get_contents_table.row_count));
	if (!ec && (flags & MX_TBL_CHANGES))
		ec = watch(r);
	return ec;
}
