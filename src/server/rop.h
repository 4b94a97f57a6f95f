/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One ROP being processed: what a handler gets and what it may do.
 *
 * A handler reads r->req, works on r->in (the server object its handle index
 * means, already checked to be of a kind it takes), fills r->res and returns the
 * ReturnValue.  r->res is zeroed but for id and handle index.  A handler whose
 * answer is as long as there is room (rows, stream bytes) asks mx_rop_room().
 * One file a group of ROPs; dispatch.c has the table.
 */
#ifndef MX_SERVER_ROP_H
#define MX_SERVER_ROP_H

#include "base/arena.h"
#include "server/ctx.h"
#include "wire/rops.h"

/* ReturnValues.  [MS-OXCDATA] 2.4 */
enum mx_ec {
	MX_EC_OK = 0,
	MX_EC_PROFILE_NOT_CONFIGURED = 0x0000011c,
	MX_EC_UNKNOWN_USER = 0x000003eb,
	MX_EC_UNKNOWN_CODEPAGE = 0x000003ef,
	MX_EC_LOGIN_PERM = 0x000003f2,
	MX_EC_TOO_MANY_OBJECTS = 0x000004de,
	MX_EC_RPC_FORMAT = 0x000004b6,
	MX_EC_NULL_OBJECT = 0x000004b9,
	MX_EC_BUFFER_TOO_SMALL = 0x0000047d,
	MX_EC_DST_NULL_OBJECT = 0x00000503,
	MX_EC_ERROR = 0x80004005,
	MX_EC_NOT_SUPPORTED = 0x80040102,
	MX_EC_NOT_FOUND = 0x8004010f,
	MX_EC_LOGIN_FAILURE = 0x80040111,
	MX_EC_SESSION_LIMIT = 0x80040112,
	MX_EC_RPC_FAILED = 0x80040115,
	MX_EC_INVALID_BOOKMARK = 0x80040405,
	MX_EC_ACCESS_DENIED = 0x80070005,
	MX_EC_NO_MEMORY = 0x8007000e,
	MX_EC_INVALID_PARAM = 0x80070057,
};

struct mx_exec;

struct mx_rop {
	struct mx_exec *exec;
	struct mx_ctx *ctx;
	struct mx_arena *arena; /* of the Execute */
	const struct mx_rop_req *req;
	struct mx_rop_res res;
	const uint32_t *cols; /* for rows in res, see mx_proprow_encode */
	struct mx_sobj *in;   /* NULL for RopLogon */
	struct mx_sobj *made; /* what mx_rop_output gave */
	/* The last ROP of a request that allows chained answers continues:
	 * what is left of its RowCount or ByteCount. */
	bool chain, again;
	uint32_t left;
	bool raw;       /* the handler wrote its answer to exec->wr itself */
	bool too_small; /* not even the least of the answer fits */
};

typedef uint32_t mx_rop_fn(struct mx_rop *r);

/* Most bytes that r's answer may take, RopId included. */
size_t mx_rop_room(struct mx_rop *r);
/* The same for an empty output buffer of the largest size. */
size_t mx_rop_room_max(struct mx_rop *r);

/* Makes a server object on the ROP's logon and puts its handle into the table
 * at `index`.  0 with r->made; else the ReturnValue (the index is beyond the
 * table, too many objects). */
uint32_t mx_rop_output(struct mx_rop *r, uint8_t index, enum mx_skind kind);

/* The object at an index of the handle table, on the same logon; else NULL. */
struct mx_sobj *mx_rop_object(struct mx_rop *r, uint8_t index);

/* The rest of the table's slot for a ROP that failed. */
void mx_rop_set_handle(struct mx_rop *r, uint8_t index, uint32_t handle);

/* recips.c: recipients between rows and properties.  [MS-OXCDATA] 2.8.3 */
struct mx_msg_head;
struct mx_recip;
/* What OpenMessage and ReloadCachedInformation answer; sets so->cols. */
uint32_t mx_recips_head(struct mx_rop *r, struct mx_sobj *so, size_t room,
			struct mx_message_header *ret);
/* A row for the wire, by the columns; 0 or -ENOMEM. */
int mx_recips_to_row(const struct mx_recip *rc, struct mx_tags cols,
		     struct mx_arena *a, struct mx_recipient_row *ret);
/* And back. */
int mx_recips_from_row(const struct mx_modify_recipient_row *row,
		       struct mx_tags cols, const char *dn_prefix,
		       struct mx_arena *a, struct mx_recip *ret);

/* rop-table.c: appends TableModified notifications of the marked tables to the
 * context's queue. */
void mx_tables_collect(struct mx_exec *x);

/* The handlers. */
mx_rop_fn mx_do_logon, mx_do_get_receive_folder, mx_do_long_from_id,
	mx_do_id_from_long;
mx_rop_fn mx_do_open_folder, mx_do_create_folder, mx_do_delete_folder,
	mx_do_delete_messages, mx_do_move_copy, mx_do_set_read_flags,
	mx_do_hierarchy_table, mx_do_contents_table;
mx_rop_fn mx_do_open_message, mx_do_create_message, mx_do_save_message,
	mx_do_remove_recips, mx_do_modify_recips, mx_do_read_recips,
	mx_do_reload, mx_do_set_read_flag;
mx_rop_fn mx_do_attach_table, mx_do_open_attach, mx_do_create_attach,
	mx_do_delete_attach, mx_do_save_attach, mx_do_open_embedded;
mx_rop_fn mx_do_get_props, mx_do_get_all, mx_do_list_props, mx_do_set_props,
	mx_do_delete_props, mx_do_ids_from_names;
mx_rop_fn mx_do_set_columns, mx_do_sort, mx_do_restrict, mx_do_query_rows,
	mx_do_query_position, mx_do_seek_row, mx_do_find_row;
mx_rop_fn mx_do_open_stream, mx_do_read_stream, mx_do_write_stream,
	mx_do_seek_stream, mx_do_set_stream_size, mx_do_commit_stream,
	mx_do_stream_size;
mx_rop_fn mx_do_register, mx_do_submit, mx_do_abort_submit;

#endif
