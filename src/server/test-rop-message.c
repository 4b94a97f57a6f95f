/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* ROPs on messages, recipients, attachments, sending.  [MS-OXCMSG] */
#include <string.h>

#include "server/testlib.h"

#define SUBJECT 0x0037001fu
#define BODY 0x1000001fu

static struct ts *ts;
static struct tc c, k; /* two contexts of ann */

static void begin(void)
{
	ts = ts_start(NULL);
	tc_init(&c, ts, "ann");
	tc_logon(&c, NULL);
	tc_init(&k, ts, "ann");
	tc_logon(&k, NULL);
}

static void end(void)
{
	tc_fini(&c);
	tc_fini(&k);
	ts_stop(ts);
}

static uint32_t simple(uint8_t id, uint32_t in)
{
	struct mx_rop_req q = {.id = id};

	return tc_rop(&c, &q, in, NULL, NULL);
}

static uint32_t open_msg(uint64_t fid, uint64_t mid, uint8_t mode,
			 uint32_t *ret_h, struct mx_rop_res *ret)
{
	struct mx_rop_req q = {.id = MX_ROP_OPEN_MESSAGE};

	q.open_message.code_page_id = 0xfff;
	q.open_message.folder_id = fid;
	q.open_message.open_mode_flags = mode;
	q.open_message.message_id = mid;
	return tc_rop(&c, &q, c.logon, ret_h, ret);
}

/* MS-OXCMSG_R339: a created message is nowhere before it is saved; R704 */
static void test_created_message_is_hidden_until_saved(void **state)
{
	uint32_t h, rows, folder;
	uint64_t mid;

	begin();
	h = tc_create_message(&c, c.fid[F_INBOX]);
	tc_set_str(&c, h, SUBJECT, "Draft");
	folder = tc_open_folder(&k, k.fid[F_INBOX]);
	tc_contents(&k, folder, 0x10, &rows);
	assert_int_equal(rows, 0);
	mid = tc_save(&c, h);
	tc_contents(&k, folder, 0x10, &rows);
	assert_int_equal(rows, 1);
	assert_string_equal(tc_get(&k, tc_open_message(&k, k.fid[F_INBOX], mid),
				   SUBJECT)
				    .v.str,
			    "Draft");
	end();
}

/* MS-OXCMSG_R672, R1668, R676, R678, R679, R680, R681, R683, R684, R685, R977,
 * R321, R1475; MS-OXCROPS_R1694, R1696, R1702, R1716, R1718, R1722 */
static void test_open_message_answers_its_head(void **state)
{
	struct mx_rop_res res;
	struct mx_message_header *head = &res.open_message.header;
	uint32_t h, h2;
	uint64_t mid;

	begin();
	h = tc_create_message(&c, c.fid[F_INBOX]);
	tc_set_str(&c, h, SUBJECT, "RE: Topic \xe2\x82\xac");
	tc_add_recip(&c, h, "x@example.org");
	mid = tc_save(&c, h);
	assert_int_equal(open_msg(c.fid[F_INBOX], mid, 0, &h, &res), 0);
	assert_int_equal(res.hindex, 1);
	assert_false(head->has_named_properties);
	assert_string_equal(head->subject_prefix.s, "RE: ");
	assert_string_equal(head->normalized_subject.s, "Topic \xe2\x82\xac");
	assert_int_equal(head->recipient_count, 1);
	assert_int_equal(head->n_recipient_rows, 1);
	assert_true(head->recipient_columns.n > 0);
	assert_int_equal(head->recipient_rows[0].recipient_type, 1);
	assert_int_equal(
		head->recipient_rows[0].recipient_row->recipient_column_count,
		head->recipient_columns.n);
	assert_string_equal(
		head->recipient_rows[0].recipient_row->email_address,
		"x@example.org");
	/* Each opening is a handle of its own. */
	assert_int_equal(open_msg(c.fid[F_INBOX], mid, 0, &h2, &res), 0);
	assert_int_not_equal(h, h2);
	end();
}

/* MS-OXCMSG_R323, R333, R1477, R1478, R326, R335, R324, R2184 */
static void test_open_message_fails_with_the_right_code(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_DELETE_MESSAGES};
	struct mx_rop_req q2 = {.id = MX_ROP_OPEN_MESSAGE};
	uint32_t h, folder;
	uint64_t mid;

	begin();
	mid = tc_make_message(&c, c.fid[F_INBOX], "m");
	assert_int_equal(open_msg(c.fid[F_INBOX], mx_id_make(1, 0x7ffffff), 0,
				  &h, NULL),
			 NOT_FOUND);
	assert_int_equal(open_msg(c.fid[F_SENT], mid, 0, &h, NULL), NOT_FOUND);
	folder = tc_open_folder(&c, c.fid[F_INBOX]);
	h = tc_contents(&c, folder, 0, NULL);
	q2.open_message.folder_id = c.fid[F_INBOX];
	q2.open_message.message_id = mid;
	assert_int_equal(tc_rop(&c, &q2, h, &h, NULL), NULL_OBJECT);
	q.delete_messages.n_message_ids = 1;
	q.delete_messages.message_ids = &mid;
	assert_int_equal(tc_rop(&c, &q, folder, NULL, NULL), 0);
	assert_int_equal(open_msg(c.fid[F_INBOX], mid, 0, &h, NULL), NOT_FOUND);
	assert_int_equal(open_msg(c.fid[F_INBOX], mid, 4, &h, NULL), 0);
	end();
}

/* MS-OXCMSG_R661, R663, R665: read-only is not written to. */
static void test_read_only_message_is_not_saved(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_SAVE_CHANGES_MESSAGE};
	struct mx_rop_req set = {.id = MX_ROP_SET_PROPERTIES};
	struct mx_propval v = {.tag = SUBJECT, .v.str = "changed"};
	struct mx_rop_res res;
	uint32_t h;
	uint64_t mid;

	begin();
	mid = tc_make_message(&c, c.fid[F_INBOX], "kept");
	assert_int_equal(open_msg(c.fid[F_INBOX], mid, 0, &h, NULL), 0);
	set.set_properties.n_property_values = 1;
	set.set_properties.property_values = &v;
	tc_rop(&c, &set, h, NULL, &res);
	q.save_changes_message.save_flags = 0x0a;
	assert_int_not_equal(tc_rop(&c, &q, h, NULL, &res), 0);
	h = tc_open_message(&k, c.fid[F_INBOX], mid);
	assert_string_equal(tc_get(&k, h, SUBJECT).v.str, "kept");
	end();
}

/* MS-OXCMSG_R704, R724, R1053 */
static void test_save_meets_anothers_change(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_SAVE_CHANGES_MESSAGE};
	uint32_t h1, h2;
	uint64_t mid;

	begin();
	mid = tc_make_message(&c, c.fid[F_INBOX], "first");
	h1 = tc_open_message(&c, c.fid[F_INBOX], mid);
	h2 = tc_open_message(&k, k.fid[F_INBOX], mid);
	tc_set_str(&k, h2, SUBJECT, "other");
	tc_set_str(&c, h1, SUBJECT, "mine");
	assert_string_equal(tc_get(&k, h2, SUBJECT).v.str, "other");
	tc_save(&k, h2);
	q.save_changes_message.save_flags = 0x02;
	assert_int_equal(tc_rop(&c, &q, h1, NULL, NULL), 0x80040109);
	q.save_changes_message.save_flags = 0x04;
	assert_int_equal(tc_rop(&c, &q, h1, NULL, NULL), 0);
	h2 = tc_open_message(&k, k.fid[F_INBOX], mid);
	assert_string_equal(tc_get(&k, h2, SUBJECT).v.str, "mine");
	end();
}

static uint32_t read_recips(struct tc *t, uint32_t h, uint32_t row,
			    struct mx_rop_res *ret)
{
	struct mx_rop_req q = {.id = MX_ROP_READ_RECIPIENTS};

	q.read_recipients.row_id = row;
	return tc_rop(t, &q, h, NULL, ret);
}

/* MS-OXCMSG_R381, R382, R393, R395, R403, R1055, R1057, R1493, R1982 */
static void test_recipients_come_and_go(void **state)
{
	static const uint32_t none[1];
	struct mx_rop_res res;
	uint32_t h, h2;
	uint64_t mid;

	begin();
	h = tc_create_message(&c, c.fid[F_INBOX]);
	assert_int_equal(read_recips(&c, h, 0, &res), NOT_FOUND);
	c.cols = none;
	c.n_cols = 0;
	tc_add_recip(&c, h, "a@example.org");
	assert_int_equal(read_recips(&c, h, 0, &res), 0);
	assert_int_equal(res.read_recipients.n_recipient_rows, 1);
	assert_string_equal(res.read_recipients.recipient_rows[0]
				    .recipient_row->email_address,
			    "a@example.org");
	assert_int_equal(read_recips(&c, h, 7, &res), NOT_FOUND);
	mid = tc_save(&c, h);
	h = tc_open_message(&c, c.fid[F_INBOX], mid);
	assert_int_equal(simple(MX_ROP_REMOVE_ALL_RECIPIENTS, h), 0);
	assert_int_equal(read_recips(&c, h, 0, &res), NOT_FOUND);
	/* Another handle still sees them. */
	h2 = tc_open_message(&k, k.fid[F_INBOX], mid);
	assert_int_equal(tc_get(&k, h2, 0x0e04001f).tag, 0x0e04001f);
	assert_int_equal(simple(MX_ROP_REMOVE_ALL_RECIPIENTS, c.logon),
			 NULL_OBJECT);
	assert_int_equal(simple(MX_ROP_READ_RECIPIENTS, c.logon), NULL_OBJECT);
	assert_int_equal(simple(MX_ROP_MODIFY_RECIPIENTS, c.logon),
			 NULL_OBJECT);
	end();
}

/* MS-OXCMSG_R1498; RopReloadCachedInformation */
static void test_reload_answers_as_open_does(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_RELOAD_CACHED_INFORMATION};
	struct mx_rop_res res;
	uint32_t h;

	begin();
	h = tc_create_message(&c, c.fid[F_INBOX]);
	tc_set_str(&c, h, SUBJECT, "FW: again");
	assert_int_equal(tc_rop(&c, &q, h, NULL, &res), 0);
	assert_string_equal(
		res.reload_cached_information.header.normalized_subject.s,
		"again");
	assert_int_equal(tc_rop(&c, &q, c.logon, NULL, NULL), NULL_OBJECT);
	end();
}

/* MS-OXCMSG_R1521; RopSetMessageReadFlag */
static void test_set_message_read_flag(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_SET_MESSAGE_READ_FLAG};
	struct mx_rop_res res;
	uint32_t h;
	uint64_t mid;

	begin();
	mid = tc_make_message(&c, c.fid[F_INBOX], "m");
	h = tc_open_message(&c, c.fid[F_INBOX], mid);
	q.set_message_read_flag.read_flags = 0x04;
	assert_int_equal(tc_rop(&c, &q, h, NULL, &res), 0);
	assert_false(res.set_message_read_flag.read_status_changed);
	h = tc_open_message(&k, k.fid[F_INBOX], mid);
	assert_int_equal(tc_get(&k, h, 0x0e070003).v.i4 & 1, 0);
	assert_int_equal(tc_rop(&c, &q, c.logon, NULL, NULL), NULL_OBJECT);
	end();
}

static uint32_t attach(uint32_t msg, uint32_t *ret_num)
{
	struct mx_rop_req q = {.id = MX_ROP_CREATE_ATTACHMENT};
	struct mx_rop_res res;
	uint32_t h;

	assert_int_equal(tc_rop(&c, &q, msg, &h, &res), 0);
	*ret_num = res.create_attachment.attachment_id;
	return h;
}

static uint32_t open_att(struct tc *t, uint32_t msg, uint32_t num, uint32_t *h)
{
	struct mx_rop_req q = {.id = MX_ROP_OPEN_ATTACHMENT};

	q.open_attachment.open_attachment_flags = 3;
	q.open_attachment.attachment_id = num;
	return tc_rop(t, &q, msg, h, NULL);
}

static uint32_t save_att(uint32_t att, uint8_t flags)
{
	struct mx_rop_req q = {.id = MX_ROP_SAVE_CHANGES_ATTACHMENT};

	q.save_changes_attachment.save_flags = flags;
	return tc_rop(&c, &q, att, NULL, NULL);
}

static uint32_t delete_att(uint32_t msg, uint32_t num)
{
	struct mx_rop_req q = {.id = MX_ROP_DELETE_ATTACHMENT};

	q.delete_attachment.attachment_id = num;
	return tc_rop(&c, &q, msg, NULL, NULL);
}

/* MS-OXCMSG_R440, R1063, R1062, R466, R467, R1526, R1620, R1712, R1524 */
static void test_attachments(void **state)
{
	static const uint32_t tags[] = {0x0e210003, 0x3707001f};
	struct mx_rop_req q = {.id = MX_ROP_GET_ATTACHMENT_TABLE};
	struct mx_rop_req rows = {.id = MX_ROP_QUERY_ROWS};
	struct mx_rop_res res;
	uint32_t h, a, num, tbl, h2;
	uint64_t mid;

	begin();
	h = tc_create_message(&c, c.fid[F_INBOX]);
	a = attach(h, &num);
	tc_set_str(&c, a, 0x3707001f, "file.txt");
	assert_int_equal(save_att(a, 0x40), NOT_SUPPORTED);
	assert_int_equal(save_att(a, 0x0a), 0);
	mid = tc_save(&c, h);
	assert_int_equal(tc_rop(&c, &q, h, &tbl, NULL), 0);
	tc_set_columns(&c, tbl, tags, 2);
	rows.query_rows.forward_read = true;
	rows.query_rows.row_count = 10;
	assert_int_equal(tc_rop(&c, &rows, tbl, NULL, &res), 0);
	assert_int_equal(res.query_rows.n_row_data, 1);
	assert_string_equal(res.query_rows.row_data[0].vals[1].v.str,
			    "file.txt");
	h2 = tc_open_message(&k, k.fid[F_INBOX], mid);
	assert_int_equal(open_att(&k, h2, num, &a), 0);
	assert_string_equal(tc_get(&k, a, 0x3707001f).v.str, "file.txt");
	assert_int_equal(open_att(&c, h, num + 5, &a), NOT_FOUND);
	assert_int_equal(delete_att(h, num + 5), NOT_FOUND);
	assert_int_equal(delete_att(h, num), 0);
	assert_int_equal(open_att(&c, h, num, &a), NOT_FOUND);
	/* Not committed yet for others. */
	h2 = tc_open_message(&k, k.fid[F_INBOX], mid);
	assert_int_equal(open_att(&k, h2, num, &a), 0);
	assert_int_equal(open_att(&c, c.logon, 0, &a), NULL_OBJECT);
	assert_int_equal(delete_att(c.logon, 0), NULL_OBJECT);
	assert_int_equal(save_att(h, 0), NOT_SUPPORTED);
	assert_int_equal(tc_rop(&c, &q, c.logon, &tbl, NULL), NULL_OBJECT);
	q.id = MX_ROP_CREATE_ATTACHMENT;
	assert_int_equal(tc_rop(&c, &q, c.logon, &tbl, NULL), NULL_OBJECT);
	end();
}

static uint32_t embedded(struct tc *t, uint32_t att, uint8_t mode, uint32_t *h)
{
	struct mx_rop_req q = {.id = MX_ROP_OPEN_EMBEDDED_MESSAGE};

	q.open_embedded_message.code_page_id = 0xfff;
	q.open_embedded_message.open_mode_flags = mode;
	return tc_rop(t, &q, att, h, NULL);
}

/* MS-OXCMSG_R481, R1525 */
static void test_embedded_message(void **state)
{
	uint32_t h, a, e, num, h2;
	uint64_t mid;

	begin();
	h = tc_create_message(&c, c.fid[F_INBOX]);
	a = attach(h, &num);
	assert_int_equal(embedded(&c, a, 0, &e), NOT_FOUND);
	assert_int_equal(embedded(&c, a, 2, &e), 0);
	tc_set_str(&c, e, SUBJECT, "inner");
	tc_save(&c, e);
	assert_int_equal(save_att(a, 0x0a), 0);
	mid = tc_save(&c, h);
	h2 = tc_open_message(&k, k.fid[F_INBOX], mid);
	assert_int_equal(open_att(&k, h2, num, &a), 0);
	assert_int_equal(embedded(&k, a, 0, &e), 0);
	assert_string_equal(tc_get(&k, e, SUBJECT).v.str, "inner");
	assert_int_equal(embedded(&c, h, 0, &e), NULL_OBJECT);
	end();
}

/* RopSubmitMessage, RopAbortSubmit: to the addressee, a copy in Sent Items. */
static void test_submit_delivers(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_ABORT_SUBMIT};
	uint32_t h, rows;
	struct tc bob;

	begin();
	tc_send(&c, ts->bob.smtp, "for bob");
	tc_init(&bob, ts, "bob");
	tc_logon(&bob, NULL);
	tc_contents(&bob, tc_open_folder(&bob, bob.fid[F_INBOX]), 0x10, &rows);
	assert_int_equal(rows, 1);
	tc_contents(&c, tc_open_folder(&c, c.fid[F_SENT]), 0x10, &rows);
	assert_int_equal(rows, 1);
	h = tc_create_message(&c, c.fid[F_OUTBOX]);
	assert_int_equal(simple(MX_ROP_SUBMIT_MESSAGE, h), 0x80040607);
	assert_int_equal(simple(MX_ROP_SUBMIT_MESSAGE, c.logon), NOT_SUPPORTED);
	q.abort_submit.folder_id = c.fid[F_OUTBOX];
	q.abort_submit.message_id = mx_id_make(1, 0x7ffffff);
	assert_int_equal(tc_rop(&c, &q, c.logon, NULL, NULL), NOT_FOUND);
	tc_fini(&bob);
	end();
}

MX_TEST_MAIN(MX_TEST(test_created_message_is_hidden_until_saved),
	     MX_TEST(test_open_message_answers_its_head),
	     MX_TEST(test_open_message_fails_with_the_right_code),
	     MX_TEST(test_read_only_message_is_not_saved),
	     MX_TEST(test_save_meets_anothers_change),
	     MX_TEST(test_recipients_come_and_go),
	     MX_TEST(test_reload_answers_as_open_does),
	     MX_TEST(test_set_message_read_flag), MX_TEST(test_attachments),
	     MX_TEST(test_embedded_message), MX_TEST(test_submit_delivers))
