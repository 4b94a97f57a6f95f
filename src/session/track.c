/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server's answers tell about its objects, so that one lost with its
 * session context can be opened again as it was, or is known to hold changes
 * that are lost.  Works on encoded requests, which are the same for a caller's
 * ROP, a deferred one and one sent again.  All under the session's lock.
 */
#include <errno.h>
#include <stdlib.h>

#include "session/rop-info.h"
#include "session/session-private.h"

/* OpenModeFlags of OpenFolder: 0, of OpenMessage and OpenAttachment: best
 * access.  [MS-OXCMSG] 2.2.3.1.1, 2.2.3.12.1 */
#define BEST_ACCESS 0x03

/* The next opening is by `req`; without memory there is none. */
static void reopen_by(struct mx_sobj *o, const struct mx_rop_req *req)
{
	int err;

	free(o->open);
	o->open = mx_rop_record(req, &err);
	o->created = false;
}

static void set_cols(struct mx_sobj *o, const uint32_t *tags, size_t n)
{
	uint32_t *cols = n ? malloc(n * sizeof(*cols)) : NULL;

	free(o->cols);
	o->cols = cols;
	o->n_cols = 0;
	o->no_cols = n && !cols;
	if (!cols)
		return;
	memcpy(cols, tags, n * sizeof(*cols));
	o->n_cols = (uint32_t)n;
}

static void header_cols(struct mx_sobj *o, const struct mx_message_header *h)
{
	set_cols(o, h->recipient_columns.p, h->recipient_columns.n);
}

static void opened_folder(struct mx_sobj *o, const struct mx_rop_res *res)
{
	struct mx_rop_req again = {.id = MX_ROP_OPEN_FOLDER};

	again.open_folder.folder_id = res->create_folder.folder_id;
	o->fid = res->create_folder.folder_id;
	reopen_by(o, &again);
}

static void opened_attachment(struct mx_sobj *o, const struct mx_rop_res *res)
{
	struct mx_rop_req again = {.id = MX_ROP_OPEN_ATTACHMENT};

	o->attach_num = res->create_attachment.attachment_id;
	again.open_attachment.attachment_id = o->attach_num;
	again.open_attachment.open_attachment_flags = BEST_ACCESS;
	reopen_by(o, &again);
	o->dirty = true;
}

/* A stream made by Create is there now; opening it that way again would empty
 * it. */
static void opened_stream(struct mx_sobj *o)
{
	if (o->open && o->open->n >= 9 && o->open->p[8] == 2)
		o->open->p[8] = 1;
	o->pos = 0;
}

void mx_track_opened(struct mx_sobj *o, const struct mx_rop_res *res)
{
	o->opened = true;
	switch (res->id) {
	case MX_ROP_CREATE_FOLDER:
		opened_folder(o, res);
		break;
	case MX_ROP_CREATE_MESSAGE:
		o->created = true;
		o->dirty = true;
		break;
	case MX_ROP_OPEN_MESSAGE:
		header_cols(o, &res->open_message.header);
		break;
	case MX_ROP_OPEN_EMBEDDED_MESSAGE:
		header_cols(o, &res->open_embedded_message.header);
		/* OpenModeFlags Create: there from its first save on. */
		if (o->open && o->open->n >= 7 && o->open->p[6] == 2)
			o->dirty = o->created = true;
		break;
	case MX_ROP_CREATE_ATTACHMENT:
		opened_attachment(o, res);
		break;
	case MX_ROP_OPEN_STREAM:
		opened_stream(o);
		break;
	case MX_ROP_GET_CONTENTS_TABLE:
	case MX_ROP_GET_HIERARCHY_TABLE:
	case MX_ROP_GET_ATTACHMENT_TABLE:
		o->pos = 0;
		break;
	default:
		break;
	}
}

/* --- Tables ------------------------------------------------------------- */

static void keep(struct mx_rop_bytes **slot, const uint8_t *rop, size_t n)
{
	free(*slot);
	*slot = mx_rop_bytes_dup(rop, n);
}

static void columns_set(struct mx_sobj *o, const uint8_t *rop, size_t n)
{
	size_t count = n >= 6 ? mx_rop_u16(rop + 4) : 0;
	uint32_t *tags;

	if (6 + 4 * count > n)
		return;
	tags = malloc(count * sizeof(*tags) + 1);
	if (tags)
		for (size_t i = 0; i < count; i++)
			tags[i] = mx_rop_u32(rop + 6 + 4 * i);
	set_cols(o, tags, tags ? count : 0);
	o->no_cols |= count && !tags;
	free(tags);
	keep(&o->set_columns, rop, n);
}

static void rows_read(struct mx_sobj *o, const uint8_t *rop,
		      const struct mx_rop_res *res)
{
	int64_t n = res->query_rows.n_row_data;

	if (o->pos < 0 || (rop[3] & 0x01)) /* NoAdvance */
		return;
	o->pos += rop[4] ? n : -n;
	if (o->pos < 0)
		o->pos = 0;
}

/* exec.c always asks for RowsSought. */
static void row_sought(struct mx_sobj *o, const uint8_t *rop,
		       const struct mx_rop_res *res)
{
	if (rop[3] == 0) /* from the beginning */
		o->pos = res->seek_row.rows_sought;
	else if (rop[3] == 1 && o->pos >= 0)
		o->pos += res->seek_row.rows_sought;
	else
		o->pos = -1;
	if (rop[3] <= 1 && o->pos < 0)
		o->pos = 0;
}

static void track_table(struct mx_sobj *o, const uint8_t *rop, size_t n,
			const struct mx_rop_res *res)
{
	switch (rop[0]) {
	case MX_ROP_SET_COLUMNS:
		columns_set(o, rop, n);
		break;
	case MX_ROP_SORT_TABLE:
		keep(&o->sort, rop, n);
		o->pos = 0;
		break;
	case MX_ROP_RESTRICT:
		keep(&o->restr, rop, n);
		o->pos = 0;
		break;
	case MX_ROP_QUERY_ROWS:
		rows_read(o, rop, res);
		break;
	case MX_ROP_SEEK_ROW:
		row_sought(o, rop, res);
		break;
	case MX_ROP_FIND_ROW:
		o->pos = -1;
		break;
	case MX_ROP_QUERY_POSITION:
		o->pos = res->query_position.numerator;
		break;
	default:
		break;
	}
}

/* --- Streams ------------------------------------------------------------ */

/* What a change of o makes of the message it belongs to. */
static void dirty_up(struct mx_sobj *o)
{
	struct mx_sobj *p = o->parent;

	if (p && (p->kind == MX_SOBJ_MESSAGE || p->kind == MX_SOBJ_ATTACHMENT))
		p->dirty = true;
}

static void track_stream(struct mx_sobj *o, const uint8_t *rop,
			 const struct mx_rop_res *res)
{
	switch (rop[0]) {
	case MX_ROP_READ_STREAM:
		o->pos += res->read_stream.data.n;
		break;
	case MX_ROP_WRITE_STREAM:
		o->pos += res->write_stream.written_size;
		o->dirty = true;
		dirty_up(o);
		break;
	case MX_ROP_SEEK_STREAM:
		o->pos = (int64_t)res->seek_stream.new_position;
		break;
	case MX_ROP_SET_STREAM_SIZE:
		o->dirty = true;
		dirty_up(o);
		break;
	case MX_ROP_COMMIT_STREAM:
		o->dirty = false;
		dirty_up(o);
		break;
	default:
		break;
	}
}

/* --- Messages and attachments ------------------------------------------- */

static void message_saved(struct mx_sobj *o, const struct mx_rop_res *res)
{
	struct mx_rop_req again = {.id = MX_ROP_OPEN_MESSAGE};
	bool embedded = o->open &&
			o->open->p[0] == MX_ROP_OPEN_EMBEDDED_MESSAGE;

	o->dirty = false;
	if (embedded) {
		dirty_up(o);
		if (o->created && o->open->n >= 7)
			o->open->p[6] = 1; /* ReadWrite from now on */
		o->created = false;
		return;
	}
	o->mid = res->save_changes_message.message_id;
	if (!o->created)
		return;
	again.open_message.code_page_id = 0x0fff; /* the logon's */
	again.open_message.folder_id = o->fid;
	again.open_message.message_id = o->mid;
	again.open_message.open_mode_flags = BEST_ACCESS;
	reopen_by(o, &again);
}

/* Columns of ReadRecipients on a message that has never been read: those that
 * were written. */
static void recipients_modified(struct mx_sobj *o, const uint8_t *rop, size_t n)
{
	size_t count = n >= 5 ? mx_rop_u16(rop + 3) : 0;
	uint32_t *tags;

	if (o->n_cols || 5 + 4 * count > n)
		return;
	tags = malloc(count * sizeof(*tags) + 1);
	if (!tags) {
		o->no_cols = count > 0;
		return;
	}
	for (size_t i = 0; i < count; i++)
		tags[i] = mx_rop_u32(rop + 5 + 4 * i);
	set_cols(o, tags, count);
	free(tags);
}

static void track_message(struct mx_sobj *o, const uint8_t *rop, size_t n,
			  const struct mx_rop_res *res)
{
	switch (rop[0]) {
	case MX_ROP_SAVE_CHANGES_MESSAGE:
		message_saved(o, res);
		break;
	case MX_ROP_SAVE_CHANGES_ATTACHMENT:
		o->dirty = false;
		dirty_up(o);
		break;
	case MX_ROP_SUBMIT_MESSAGE:
		o->dirty = false;
		o->gone = true;
		break;
	case MX_ROP_RELOAD_CACHED_INFORMATION:
		header_cols(o, &res->reload_cached_information.header);
		break;
	default:
		if (mx_rop_flags(rop[0]) & MX_ROPF_DIRTIES)
			o->dirty = true;
		if (rop[0] == MX_ROP_MODIFY_RECIPIENTS)
			recipients_modified(o, rop, n);
		break;
	}
}

void mx_track_answer(struct mx_sobj *o, const uint8_t *rop, size_t n,
		     const struct mx_rop_res *res)
{
	if (res->return_value != 0)
		return;
	if (o->kind == MX_SOBJ_TABLE)
		track_table(o, rop, n, res);
	else if (o->kind == MX_SOBJ_STREAM)
		track_stream(o, rop, res);
	else if (o->kind == MX_SOBJ_MESSAGE || o->kind == MX_SOBJ_ATTACHMENT)
		track_message(o, rop, n, res);
}
