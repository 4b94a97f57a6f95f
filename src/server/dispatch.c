/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a ROP's id to its handler: the table, the rules of handle indexes, and
 * the answer's way into the buffer.  [MS-OXCROPS] 3.2.5.1.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "base/limits.h"
#include "server/exec.h"
#include "server/rop.h"
#include "wire/rpcext.h"

enum {
	IN_BODY = 1,   /* hindex is for the response; the body begins with the
		      * index of the input */
	OUT_BODY = 2,  /* the body begins with the index of the output, which
		       * the response repeats */
	KIND_NULL = 4, /* another kind of object is ecNullObject, as
			* [MS-OXCMSG] wants it, not ecNotSupported */
};

#define K_TABLE MX_S_TABLE
#define K_STREAM MX_S_STREAM
#define K_MESSAGE MX_S_MESSAGE
#define K_FOLDER MX_S_FOLDER
#define K_ATTACH MX_S_ATTACH
#define K_LOGON MX_S_LOGON

static const struct entry {
	mx_rop_fn *fn;
	uint8_t kinds; /* of the input object; 0: there is none */
	uint8_t flags;
} entries[256] = {
	[MX_ROP_OPEN_FOLDER] = {mx_do_open_folder, K_LOGON | K_FOLDER,
				OUT_BODY},
	[MX_ROP_OPEN_MESSAGE] = {mx_do_open_message, K_LOGON | K_FOLDER,
				 OUT_BODY | KIND_NULL},
	[MX_ROP_GET_HIERARCHY_TABLE] = {mx_do_hierarchy_table, K_FOLDER,
					OUT_BODY},
	[MX_ROP_GET_CONTENTS_TABLE] = {mx_do_contents_table, K_FOLDER,
				       OUT_BODY},
	[MX_ROP_CREATE_MESSAGE] = {mx_do_create_message, K_LOGON | K_FOLDER,
				   OUT_BODY | KIND_NULL},
	[MX_ROP_GET_PROPERTIES_SPECIFIC] = {mx_do_get_props, MX_S_PROPS, 0},
	[MX_ROP_GET_PROPERTIES_ALL] = {mx_do_get_all, MX_S_PROPS, 0},
	[MX_ROP_GET_PROPERTIES_LIST] = {mx_do_list_props, MX_S_PROPS, 0},
	[MX_ROP_SET_PROPERTIES] = {mx_do_set_props, MX_S_PROPS, 0},
	[MX_ROP_DELETE_PROPERTIES] = {mx_do_delete_props, MX_S_PROPS, 0},
	[MX_ROP_SAVE_CHANGES_MESSAGE] = {mx_do_save_message, K_MESSAGE,
					 IN_BODY | KIND_NULL},
	[MX_ROP_REMOVE_ALL_RECIPIENTS] = {mx_do_remove_recips, K_MESSAGE,
					  KIND_NULL},
	[MX_ROP_MODIFY_RECIPIENTS] = {mx_do_modify_recips, K_MESSAGE,
				      KIND_NULL},
	[MX_ROP_READ_RECIPIENTS] = {mx_do_read_recips, K_MESSAGE, KIND_NULL},
	[MX_ROP_RELOAD_CACHED_INFORMATION] = {mx_do_reload, K_MESSAGE,
					      KIND_NULL},
	[MX_ROP_SET_MESSAGE_READ_FLAG] = {mx_do_set_read_flag, K_MESSAGE,
					  IN_BODY | KIND_NULL},
	[MX_ROP_SET_COLUMNS] = {mx_do_set_columns, K_TABLE, 0},
	[MX_ROP_SORT_TABLE] = {mx_do_sort, K_TABLE, 0},
	[MX_ROP_RESTRICT] = {mx_do_restrict, K_TABLE, 0},
	[MX_ROP_QUERY_ROWS] = {mx_do_query_rows, K_TABLE, 0},
	[MX_ROP_QUERY_POSITION] = {mx_do_query_position, K_TABLE, 0},
	[MX_ROP_SEEK_ROW] = {mx_do_seek_row, K_TABLE, 0},
	[MX_ROP_CREATE_FOLDER] = {mx_do_create_folder, K_FOLDER, OUT_BODY},
	[MX_ROP_DELETE_FOLDER] = {mx_do_delete_folder, K_FOLDER, 0},
	[MX_ROP_DELETE_MESSAGES] = {mx_do_delete_messages, K_FOLDER, 0},
	[MX_ROP_GET_ATTACHMENT_TABLE] = {mx_do_attach_table, K_MESSAGE,
					 OUT_BODY | KIND_NULL},
	[MX_ROP_OPEN_ATTACHMENT] = {mx_do_open_attach, K_MESSAGE,
				    OUT_BODY | KIND_NULL},
	[MX_ROP_CREATE_ATTACHMENT] = {mx_do_create_attach, K_MESSAGE,
				      OUT_BODY | KIND_NULL},
	[MX_ROP_DELETE_ATTACHMENT] = {mx_do_delete_attach, K_MESSAGE,
				      KIND_NULL},
	[MX_ROP_SAVE_CHANGES_ATTACHMENT] = {mx_do_save_attach, K_ATTACH,
					    IN_BODY},
	[MX_ROP_GET_RECEIVE_FOLDER] = {mx_do_get_receive_folder, K_LOGON, 0},
	[MX_ROP_REGISTER_NOTIFICATION] = {mx_do_register, MX_S_ANY, OUT_BODY},
	[MX_ROP_OPEN_STREAM] = {mx_do_open_stream, MX_S_PROPS, OUT_BODY},
	[MX_ROP_READ_STREAM] = {mx_do_read_stream, K_STREAM, 0},
	[MX_ROP_WRITE_STREAM] = {mx_do_write_stream, K_STREAM, 0},
	[MX_ROP_SEEK_STREAM] = {mx_do_seek_stream, K_STREAM, 0},
	[MX_ROP_SET_STREAM_SIZE] = {mx_do_set_stream_size, K_STREAM, 0},
	[MX_ROP_SUBMIT_MESSAGE] = {mx_do_submit, K_MESSAGE, 0},
	[MX_ROP_MOVE_COPY_MESSAGES] = {mx_do_move_copy, K_FOLDER, 0},
	[MX_ROP_ABORT_SUBMIT] = {mx_do_abort_submit, K_LOGON, 0},
	[MX_ROP_LONG_TERM_ID_FROM_ID] = {mx_do_long_from_id, MX_S_ANY, 0},
	[MX_ROP_ID_FROM_LONG_TERM_ID] = {mx_do_id_from_long, MX_S_ANY, 0},
	[MX_ROP_OPEN_EMBEDDED_MESSAGE] = {mx_do_open_embedded, K_ATTACH,
					  OUT_BODY | KIND_NULL},
	[MX_ROP_FIND_ROW] = {mx_do_find_row, K_TABLE, 0},
	[MX_ROP_GET_PROPERTY_IDS_FROM_NAMES] = {mx_do_ids_from_names,
						MX_S_PROPS, 0},
	[MX_ROP_COMMIT_STREAM] = {mx_do_commit_stream, K_STREAM, 0},
	[MX_ROP_GET_STREAM_SIZE] = {mx_do_stream_size, K_STREAM, 0},
	[MX_ROP_SET_READ_FLAGS] = {mx_do_set_read_flags, K_FOLDER, KIND_NULL},
	[MX_ROP_LOGON] = {mx_do_logon, 0, 0},
};

/* What [MS-OXCROPS] 2.2.2 defines as requests. */
bool mx_rop_defined(uint8_t id)
{
	static const uint8_t high[] = {0x80, 0x81, 0x82, 0x86, 0x89, 0x90,
				       0x91, 0x92, 0x93, 0x9d, 0xa3, 0xfe};
	static const uint8_t holes[] = {0x00, 0x28, 0x2a, 0x3c, 0x3d, 0x62,
					0x65, 0x6a, 0x6e, 0x71, 0x7c, 0x7d};

	if (id >= 0x80) {
		for (size_t i = 0; i < sizeof(high); i++)
			if (high[i] == id)
				return true;
		return false;
	}
	for (size_t i = 0; i < sizeof(holes); i++)
		if (holes[i] == id)
			return false;
	return true;
}

/* The first byte of the body, which for these ROPs is a handle index; every
 * such struct begins with it (asserted below). */
static uint8_t body_index(const struct mx_rop_req *req)
{
	static_assert(offsetof(struct mx_open_folder_req,
			       output_handle_index) == 0,
		      "");
	static_assert(offsetof(struct mx_save_changes_message_req,
			       input_handle_index) == 0,
		      "");
	return req->open_folder.output_handle_index;
}

size_t mx_rop_least(const struct mx_rop_req *req)
{
	switch (req->id) {
	case MX_ROP_RELEASE:
		return 0;
	case MX_ROP_LOGON:
		return 192;
	case MX_ROP_SET_PROPERTIES:
		return 8 + 10 * (size_t)req->set_properties.n_property_values;
	case MX_ROP_DELETE_PROPERTIES:
		return 8 + 10 * (size_t)req->delete_properties.property_tags.n;
	case MX_ROP_GET_PROPERTY_IDS_FROM_NAMES:
		return 8 + 2 * (size_t)req->get_property_ids_from_names
					   .n_property_names;
	case MX_ROP_GET_PROPERTIES_SPECIFIC:
		return 7 +
		       5 * (size_t)req->get_properties_specific.property_tags.n;
	case MX_ROP_OPEN_MESSAGE:
	case MX_ROP_OPEN_EMBEDDED_MESSAGE:
	case MX_ROP_RELOAD_CACHED_INFORMATION:
		return 128;
	case MX_ROP_SET_MESSAGE_READ_FLAG:
		return 40;
	default:
		return 20;
	}
}

size_t mx_rop_room(struct mx_rop *r)
{
	struct mx_wr *wr = &r->exec->wr;

	return wr->len < wr->cap ? wr->cap - wr->len : 0;
}

size_t mx_rop_room_max(struct mx_rop *r)
{
	return MX_MAX_ROP_PAYLOAD - 5 - 4 * (size_t)r->exec->n_handles;
}

struct mx_sobj *mx_rop_object(struct mx_rop *r, uint8_t index)
{
	struct mx_exec *x = r->exec;
	struct mx_sobj *so;

	if (index >= x->n_handles)
		return NULL;
	so = mx_objects_get(&r->ctx->objects, x->handles[index]);
	return so && so->logon_id == r->req->logon_id ? so : NULL;
}

void mx_rop_set_handle(struct mx_rop *r, uint8_t index, uint32_t handle)
{
	if (index < r->exec->n_handles)
		r->exec->handles[index] = handle;
}

uint32_t mx_rop_output(struct mx_rop *r, uint8_t index, enum mx_skind kind)
{
	struct mx_sobj *so;
	int err;

	if (index >= r->exec->n_handles)
		return MX_EC_NULL_OBJECT;
	err = mx_objects_add(&r->ctx->objects, kind, r->req->logon_id, &so);
	if (err < 0)
		return err == -EDQUOT ? MX_EC_TOO_MANY_OBJECTS
				      : MX_EC_NO_MEMORY;
	so->mbox = r->in ? r->in->mbox : NULL;
	r->made = so;
	mx_rop_set_handle(r, index, so->handle);
	return MX_EC_OK;
}

/* Takes back what a failed or unanswerable ROP made. */
static void undo(struct mx_rop *r)
{
	if (!r->made)
		return;
	for (uint32_t i = 0; i < r->exec->n_handles; i++)
		if (r->exec->handles[i] == r->made->handle)
			r->exec->handles[i] = MX_NO_HANDLE;
	mx_objects_release(&r->ctx->objects, r->made);
	r->made = NULL;
}

static uint32_t run(struct mx_rop *r, const struct entry *e)
{
	const struct mx_rop_req *req = r->req;
	uint8_t index = e->flags & IN_BODY ? body_index(req) : req->hindex;
	uint32_t ec;

	if (!e->fn)
		return MX_EC_NOT_SUPPORTED;
	if (e->kinds) {
		r->in = mx_rop_object(r, index);
		if (!r->in)
			return MX_EC_NULL_OBJECT;
		if (!(r->in->kind & e->kinds))
			return e->flags & KIND_NULL ? MX_EC_NULL_OBJECT
						    : MX_EC_NOT_SUPPORTED;
	}
	ec = e->fn(r);
	if (ec)
		undo(r);
	return ec;
}

static void release(struct mx_exec *x, const struct mx_rop_req *req)
{
	struct mx_sobj *so;

	if (req->hindex >= x->n_handles)
		return;
	so = mx_objects_get(&x->ctx->objects, x->handles[req->hindex]);
	if (so && so->logon_id == req->logon_id)
		mx_objects_release(&x->ctx->objects, so);
}

ssize_t mx_dispatch(struct mx_exec *x, const struct mx_rop_req *req,
		    struct mx_chain *chain)
{
	const struct entry *e = &entries[req->id];
	struct mx_rop r = {.exec = x,
			   .ctx = x->ctx,
			   .arena = x->arena,
			   .req = req,
			   .chain = chain->again,
			   .left = chain->left};
	size_t begin = x->wr.len, need;

	if (req->id == MX_ROP_RELEASE) {
		release(x, req);
		return 0;
	}
	r.res.id = req->id;
	r.res.hindex = e->flags & OUT_BODY ? body_index(req) : req->hindex;
	r.res.return_value = run(&r, e);
	chain->again = r.again && !r.res.return_value;
	chain->left = r.left;
	if (!r.raw || r.res.return_value || r.too_small) {
		x->wr.len = begin;
		x->wr.cols = r.cols;
		mx_rop_res_encode(&x->wr, &r.res);
		x->wr.cols = NULL;
	}
	if (x->wr.err)
		return x->wr.err;
	if (x->wr.len <= x->wr.cap && !r.too_small)
		return 0;
	need = x->wr.len > x->wr.cap ? x->wr.len : x->cap + 1;
	x->wr.len = begin;
	undo(&r);
	return (ssize_t)need;
}
