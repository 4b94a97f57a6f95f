/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* One ROP an Execute, and short forms of those that nearly every test needs. */
#include "server/testlib.h"

#include <string.h>

static void set_output(struct mx_rop_req *q)
{
	switch (q->id) {
	case MX_ROP_OPEN_FOLDER:
	case MX_ROP_OPEN_MESSAGE:
	case MX_ROP_GET_HIERARCHY_TABLE:
	case MX_ROP_GET_CONTENTS_TABLE:
	case MX_ROP_CREATE_MESSAGE:
	case MX_ROP_CREATE_FOLDER:
	case MX_ROP_GET_ATTACHMENT_TABLE:
	case MX_ROP_OPEN_ATTACHMENT:
	case MX_ROP_CREATE_ATTACHMENT:
	case MX_ROP_REGISTER_NOTIFICATION:
	case MX_ROP_OPEN_STREAM:
	case MX_ROP_OPEN_EMBEDDED_MESSAGE:
		q->open_folder.output_handle_index = 1;
		break;
	case MX_ROP_SAVE_CHANGES_MESSAGE:
	case MX_ROP_SAVE_CHANGES_ATTACHMENT:
	case MX_ROP_SET_MESSAGE_READ_FLAG:
		q->hindex = 1; /* the response's; input stays 0 */
		break;
	case MX_ROP_LOGON:
		q->hindex = 1;
		break;
	default:
		break;
	}
}

uint32_t tc_rop(struct tc *c, struct mx_rop_req *req, uint32_t in,
		uint32_t *out, struct mx_rop_res *ret)
{
	struct tx *x = tx_new(c);
	uint32_t ec;

	set_output(req);
	x->reqs[x->n_reqs++] = *req;
	x->handles[0] = in;
	x->handles[1] = MX_NO_HANDLE;
	x->handles[2] = out && req->id == MX_ROP_MOVE_COPY_MESSAGES
				? *out
				: MX_NO_HANDLE;
	x->n_handles = 3;
	tx_run(x);
	assert_int_equal(x->r.curl, CURLE_OK);
	assert_int_equal(x->r.code, 0);
	assert_int_equal(x->ec, 0);
	assert_false(x->undecodable);
	assert_true(x->n_res >= 1);
	assert_int_equal(x->res[0].id, req->id);
	ec = x->res[0].return_value;
	if (ret)
		*ret = x->res[0];
	if (out && req->id != MX_ROP_MOVE_COPY_MESSAGES && x->n_out > 1)
		*out = x->out[1];
	tx_free(x);
	return ec;
}

void tc_release(struct tc *c, uint32_t handle)
{
	struct tx *x = tx_new(c);

	tx_add(x, MX_ROP_RELEASE, 0);
	x->handles[x->n_handles++] = handle;
	tx_run(x);
	assert_int_equal(x->ec, 0);
	tx_free(x);
}

/* ---- Short forms ---- */

void tc_logon(struct tc *c, const struct mx_user *whose)
{
	struct mx_rop_req q = {.id = MX_ROP_LOGON};
	struct mx_rop_res res;

	if (!whose)
		whose = tc_user(c);
	if (!*c->context)
		assert_int_equal(tc_connect(c), 0);
	q.logon.logon_flags = 1;
	q.logon.open_flags = 0x01000004;
	q.logon.essdn.p = (const uint8_t *)whose->dn;
	q.logon.essdn.n = (uint32_t)strlen(whose->dn) + 1;
	assert_int_equal(tc_rop(c, &q, MX_NO_HANDLE, &c->logon, &res), 0);
	memcpy(c->fid, res.logon.folder_ids, sizeof(c->fid));
}

uint32_t tc_open_folder(struct tc *c, uint64_t fid)
{
	struct mx_rop_req q = {.id = MX_ROP_OPEN_FOLDER,
			       .open_folder = {.folder_id = fid}};
	uint32_t h;

	assert_int_equal(tc_rop(c, &q, c->logon, &h, NULL), 0);
	return h;
}

uint32_t tc_create_message(struct tc *c, uint64_t fid)
{
	struct mx_rop_req q = {.id = MX_ROP_CREATE_MESSAGE,
			       .create_message = {.code_page_id = 0xfff,
						  .folder_id = fid}};
	uint32_t h;

	assert_int_equal(tc_rop(c, &q, c->logon, &h, NULL), 0);
	return h;
}

uint64_t tc_save(struct tc *c, uint32_t msg)
{
	struct mx_rop_req q = {.id = MX_ROP_SAVE_CHANGES_MESSAGE,
			       .save_changes_message = {.save_flags = 0x0a}};
	struct mx_rop_res res;

	assert_int_equal(tc_rop(c, &q, msg, NULL, &res), 0);
	return res.save_changes_message.message_id;
}

void tc_set_str(struct tc *c, uint32_t h, uint32_t tag, const char *s)
{
	struct mx_propval v = {.tag = tag, .v.str = s};
	struct mx_rop_req q = {.id = MX_ROP_SET_PROPERTIES,
			       .set_properties = {1, &v}};
	struct mx_rop_res res;

	assert_int_equal(tc_rop(c, &q, h, NULL, &res), 0);
	assert_int_equal(res.set_properties.n_property_problems, 0);
}

struct mx_propval tc_get(struct tc *c, uint32_t h, uint32_t tag)
{
	struct mx_rop_req q = {.id = MX_ROP_GET_PROPERTIES_SPECIFIC};
	struct mx_rop_res res;

	q.get_properties_specific.want_unicode = true;
	q.get_properties_specific.property_tags = (struct mx_tags){1, &tag};
	assert_int_equal(tc_rop(c, &q, h, NULL, &res), 0);
	return res.get_properties_specific.row_data.vals[0];
}

uint64_t tc_make_message(struct tc *c, uint64_t fid, const char *subject)
{
	uint32_t h = tc_create_message(c, fid);
	uint64_t mid;

	tc_set_str(c, h, 0x0037001f, subject);
	mid = tc_save(c, h);
	tc_release(c, h);
	return mid;
}

uint32_t tc_open_message(struct tc *c, uint64_t fid, uint64_t mid)
{
	struct mx_rop_req q = {.id = MX_ROP_OPEN_MESSAGE,
			       .open_message = {.code_page_id = 0xfff,
						.folder_id = fid,
						.open_mode_flags = 3,
						.message_id = mid}};
	uint32_t h;

	assert_int_equal(tc_rop(c, &q, c->logon, &h, NULL), 0);
	return h;
}

uint32_t tc_contents(struct tc *c, uint32_t folder, uint8_t flags,
		     uint32_t *ret_rows)
{
	struct mx_rop_req q = {.id = MX_ROP_GET_CONTENTS_TABLE,
			       .get_contents_table = {.table_flags = flags}};
	struct mx_rop_res res;
	uint32_t h;

	assert_int_equal(tc_rop(c, &q, folder, &h, &res), 0);
	if (ret_rows)
		*ret_rows = res.get_contents_table.row_count;
	return h;
}

void tc_set_columns(struct tc *c, uint32_t tbl, const uint32_t *tags, size_t n)
{
	struct mx_rop_req q = {.id = MX_ROP_SET_COLUMNS};

	q.set_columns.property_tags = (struct mx_tags){(uint32_t)n, tags};
	assert_int_equal(tc_rop(c, &q, tbl, NULL, NULL), 0);
	c->cols = tags;
	c->n_cols = n;
}

void tc_add_recip(struct tc *c, uint32_t msg, const char *smtp)
{
	struct mx_recipient_row row = {
		.recipient_flags = 0x0003 | 0x0008 | 0x0010 | 0x0200,
		.email_address = smtp,
		.display_name = smtp,
	};
	struct mx_modify_recipient_row r = {
		.row_id = 0, .recipient_type = 1, .recipient_row = &row};
	struct mx_rop_req q = {.id = MX_ROP_MODIFY_RECIPIENTS};

	q.modify_recipients.n_recipient_rows = 1;
	q.modify_recipients.recipient_rows = &r;
	assert_int_equal(tc_rop(c, &q, msg, NULL, NULL), 0);
}

void tc_send(struct tc *c, const char *to, const char *subject)
{
	struct mx_rop_req q = {.id = MX_ROP_SUBMIT_MESSAGE};
	uint32_t h = tc_create_message(c, c->fid[F_OUTBOX]);

	tc_set_str(c, h, 0x0037001f, subject);
	tc_set_str(c, h, 0x001a001f, "IPM.Note");
	tc_add_recip(c, h, to);
	assert_int_equal(tc_rop(c, &q, h, NULL, NULL), 0);
	tc_release(c, h);
}
