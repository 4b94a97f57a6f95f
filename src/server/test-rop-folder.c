/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* ROPs on folders and on the mailbox.  [MS-OXCFOLD], [MS-OXCSTOR] */
#include <string.h>

#include "server/testlib.h"

static struct ts *ts;
static struct tc c;

static void begin(void)
{
	ts = ts_start(NULL);
	tc_init(&c, ts, "ann");
	tc_logon(&c, NULL);
}

static void end(void)
{
	tc_fini(&c);
	ts_stop(ts);
}

static uint32_t create(uint32_t parent, const char *name, bool existing,
		       uint32_t *ret_h, struct mx_rop_res *ret)
{
	struct mx_rop_req q = {.id = MX_ROP_CREATE_FOLDER};

	q.create_folder.folder_type = 1;
	q.create_folder.use_unicode_strings = true;
	q.create_folder.open_existing = existing;
	q.create_folder.display_name = name;
	q.create_folder.comment = "";
	return tc_rop(&c, &q, parent, ret_h, ret);
}

/* MS-OXCFOLD_R9, R16, R21, R24, R26, R29, R460, R462, R46202, R468, R469, R472,
 * R473; MS-OXCROPS_R549, R551, R554, R574, R576, R579 */
static void test_open_folder(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_OPEN_FOLDER};
	struct mx_rop_res res;
	uint32_t h, tbl;

	begin();
	q.open_folder.folder_id = c.fid[F_INBOX];
	assert_int_equal(tc_rop(&c, &q, c.logon, &h, &res), 0);
	assert_int_equal(res.id, 0x02);
	assert_int_equal(res.hindex, 1);
	assert_false(res.open_folder.has_rules);
	assert_false(res.open_folder.is_ghosted);
	assert_string_equal(tc_get(&c, h, 0x3001001f).v.str, "Inbox");
	/* From a folder as well as from the logon. */
	q.open_folder.folder_id = c.fid[F_SENT];
	assert_int_equal(tc_rop(&c, &q, h, &tbl, NULL), 0);
	q.open_folder.folder_id = mx_id_make(1, 0x7fffff);
	assert_int_equal(tc_rop(&c, &q, c.logon, &tbl, &res), NOT_FOUND);
	assert_int_equal(res.hindex, 1);
	tbl = tc_contents(&c, h, 0, NULL);
	assert_int_equal(tc_rop(&c, &q, tbl, &h, NULL), NOT_SUPPORTED);
	end();
}

/* MS-OXCFOLD_R465, R46501, R46502, R46503, R46504, R46505, R46506, R46507 */
static void test_open_folder_ignores_invalid_bits(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_OPEN_FOLDER};
	uint32_t h;

	begin();
	q.open_folder.folder_id = c.fid[F_INBOX];
	for (unsigned bit = 1; bit < 256; bit <<= 1) {
		q.open_folder.open_mode_flags = (uint8_t)bit;
		assert_int_equal(tc_rop(&c, &q, c.logon, &h, NULL), 0);
	}
	end();
}

/* MS-OXCFOLD_R481, R486, R487, R491, R493, R494, R495 */
static void test_create_folder(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_CREATE_FOLDER};
	struct mx_rop_res res;
	uint32_t root, h, h2;
	uint64_t fid;

	begin();
	root = tc_open_folder(&c, c.fid[F_IPM]);
	assert_int_equal(create(root, "Project \xc3\xa4", false, &h, &res), 0);
	assert_false(res.create_folder.is_existing_folder);
	fid = res.create_folder.folder_id;
	assert_string_equal(tc_get(&c, h, 0x3001001f).v.str,
			    "Project \xc3\xa4");
	assert_int_equal(create(root, "Project \xc3\xa4", false, &h2, NULL),
			 0x80040604);
	assert_int_equal(create(root, "Project \xc3\xa4", true, &h2, &res), 0);
	assert_true(res.create_folder.is_existing_folder);
	assert_true(res.create_folder.folder_id == fid);
	assert_false(res.create_folder.is_ghosted);
	q.create_folder.folder_type = 9;
	q.create_folder.use_unicode_strings = true;
	q.create_folder.display_name = "x";
	q.create_folder.comment = "";
	assert_int_equal(tc_rop(&c, &q, root, &h2, NULL), INVALID_PARAM);
	h2 = tc_contents(&c, root, 0, NULL);
	assert_int_equal(create(h2, "y", false, &h, NULL), NOT_SUPPORTED);
	end();
}

static uint32_t delete_folder(uint32_t parent, uint64_t fid, uint8_t flags,
			      bool *ret_partial)
{
	struct mx_rop_req q = {.id = MX_ROP_DELETE_FOLDER};
	struct mx_rop_res res;
	uint32_t ec;

	q.delete_folder.delete_folder_flags = flags;
	q.delete_folder.folder_id = fid;
	ec = tc_rop(&c, &q, parent, NULL, &res);
	*ret_partial = res.delete_folder.partial_completion;
	return ec;
}

/* MS-OXCFOLD_R504, R507, R510, R509, R2500, R503, R764, R471 */
static void test_delete_folder(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_OPEN_FOLDER};
	struct mx_rop_res res;
	uint32_t root, h, tbl;
	uint64_t fid;
	bool partial;

	begin();
	root = tc_open_folder(&c, c.fid[F_IPM]);
	assert_int_equal(create(root, "full", false, &h, &res), 0);
	fid = res.create_folder.folder_id;
	tc_make_message(&c, fid, "in it");
	assert_int_equal(delete_folder(root, fid, 0, &partial), 0);
	assert_true(partial); /* not empty, not told to */
	assert_int_equal(delete_folder(root, fid, 0x01, &partial), 0);
	assert_false(partial);
	q.open_folder.folder_id = fid;
	assert_int_equal(tc_rop(&c, &q, c.logon, &h, NULL), NOT_FOUND);
	q.open_folder.open_mode_flags = 4; /* OpenSoftDeleted */
	assert_int_equal(tc_rop(&c, &q, c.logon, &h, NULL), 0);
	assert_int_equal(create(root, "hard", false, &h, &res), 0);
	fid = res.create_folder.folder_id;
	assert_int_equal(delete_folder(root, fid, 0x10, &partial), 0);
	q.open_folder.folder_id = fid;
	assert_int_equal(tc_rop(&c, &q, c.logon, &h, NULL), NOT_FOUND);
	assert_int_equal(delete_folder(root, fid, 0, &partial), NOT_FOUND);
	assert_int_equal(delete_folder(root, c.fid[F_INBOX], 0, &partial),
			 0x80070005);
	tbl = tc_contents(&c, root, 0, NULL);
	assert_int_equal(delete_folder(tbl, fid, 0, &partial), NOT_SUPPORTED);
	end();
}

static uint32_t rows_of(uint64_t fid)
{
	uint32_t folder = tc_open_folder(&c, fid), tbl, rows;

	tbl = tc_contents(&c, folder, 0x10, &rows);
	tc_release(&c, tbl);
	tc_release(&c, folder);
	return rows;
}

/* MS-OXCFOLD_R637, R638; MS-OXCROPS RopDeleteMessages */
static void test_delete_messages(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_DELETE_MESSAGES};
	struct mx_rop_res res;
	uint64_t mids[3];
	uint32_t inbox;

	begin();
	inbox = tc_open_folder(&c, c.fid[F_INBOX]);
	for (int i = 0; i < 3; i++)
		mids[i] = tc_make_message(&c, c.fid[F_INBOX], "m");
	q.delete_messages.n_message_ids = 2;
	q.delete_messages.message_ids = mids;
	assert_int_equal(tc_rop(&c, &q, inbox, NULL, &res), 0);
	assert_false(res.delete_messages.partial_completion);
	assert_int_equal(rows_of(c.fid[F_INBOX]), 1);
	/* One of them is not there any more: partial. */
	q.delete_messages.message_ids = mids + 1;
	assert_int_equal(tc_rop(&c, &q, inbox, NULL, &res), 0);
	assert_true(res.delete_messages.partial_completion);
	assert_int_equal(rows_of(c.fid[F_INBOX]), 0);
	assert_int_equal(tc_rop(&c, &q, c.logon, NULL, NULL), NOT_SUPPORTED);
	end();
}

/* MS-OXCFOLD_R589, R590; 0x503 when the destination handle is none. */
static void test_move_and_copy_messages(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_MOVE_COPY_MESSAGES};
	struct mx_rop_res res;
	uint32_t inbox, dst, none = MX_NO_HANDLE;
	uint64_t mid;

	begin();
	mid = tc_make_message(&c, c.fid[F_INBOX], "wanderer");
	inbox = tc_open_folder(&c, c.fid[F_INBOX]);
	dst = tc_open_folder(&c, c.fid[F_DELETED]);
	q.move_copy_messages.dest_handle_index = 2;
	q.move_copy_messages.n_message_ids = 1;
	q.move_copy_messages.message_ids = &mid;
	q.move_copy_messages.want_copy = true;
	assert_int_equal(tc_rop(&c, &q, inbox, &dst, &res), 0);
	assert_false(res.move_copy_messages.partial_completion);
	assert_int_equal(rows_of(c.fid[F_INBOX]), 1);
	assert_int_equal(rows_of(c.fid[F_DELETED]), 1);
	q.move_copy_messages.want_copy = false;
	assert_int_equal(tc_rop(&c, &q, inbox, &dst, &res), 0);
	assert_int_equal(rows_of(c.fid[F_INBOX]), 0);
	assert_int_equal(rows_of(c.fid[F_DELETED]), 2);
	assert_int_equal(tc_rop(&c, &q, inbox, &none, &res), 0x503);
	assert_int_equal(res.move_copy_messages.dest_handle_index, 2);
	assert_int_equal(tc_rop(&c, &q, inbox, &c.logon, NULL), NOT_SUPPORTED);
	assert_int_equal(tc_rop(&c, &q, c.logon, &dst, NULL), NOT_SUPPORTED);
	end();
}

/* MS-OXCMSG_R1516; RopSetReadFlags */
static void test_set_read_flags(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_SET_READ_FLAGS};
	struct mx_rop_res res;
	uint64_t mid;
	uint32_t inbox, msg;

	begin();
	mid = tc_make_message(&c, c.fid[F_INBOX], "unread");
	inbox = tc_open_folder(&c, c.fid[F_INBOX]);
	q.set_read_flags.read_flags = 0x04; /* unread */
	q.set_read_flags.n_message_ids = 1;
	q.set_read_flags.message_ids = &mid;
	assert_int_equal(tc_rop(&c, &q, inbox, NULL, &res), 0);
	assert_false(res.set_read_flags.partial_completion);
	msg = tc_open_message(&c, c.fid[F_INBOX], mid);
	assert_int_equal(tc_get(&c, msg, 0x0e070003).v.i4 & 1, 0);
	q.set_read_flags.read_flags = 0x01;
	assert_int_equal(tc_rop(&c, &q, inbox, NULL, &res), 0);
	msg = tc_open_message(&c, c.fid[F_INBOX], mid);
	assert_int_equal(tc_get(&c, msg, 0x0e070003).v.i4 & 1, 1);
	assert_int_equal(tc_rop(&c, &q, c.logon, NULL, NULL), NULL_OBJECT);
	end();
}

/* MS-OXCFOLD_R657, R658, R671, R672, R1178, R1179 */
static void test_tables_of_folders(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_GET_HIERARCHY_TABLE};
	struct mx_rop_req q2 = {.id = MX_ROP_GET_CONTENTS_TABLE};
	struct mx_rop_res res, deep;
	uint32_t root, h, tbl;

	begin();
	root = tc_open_folder(&c, c.fid[F_ROOT]);
	assert_int_equal(tc_rop(&c, &q, root, &h, &res), 0);
	assert_true(res.get_hierarchy_table.row_count >= 5);
	q.get_hierarchy_table.table_flags = 0x04; /* Depth */
	assert_int_equal(tc_rop(&c, &q, root, &h, &deep), 0);
	assert_true(deep.get_hierarchy_table.row_count >
		    res.get_hierarchy_table.row_count);
	tbl = tc_contents(&c, root, 0, NULL);
	assert_int_equal(tc_rop(&c, &q, tbl, &h, NULL), NOT_SUPPORTED);
	q2.get_contents_table.table_flags = 0x01;
	assert_int_equal(tc_rop(&c, &q2, root, &h, NULL), INVALID_PARAM);
	q2.get_contents_table.table_flags = 0x02; /* Associated */
	assert_int_equal(tc_rop(&c, &q2, root, &h, NULL), 0);
	assert_int_equal(tc_rop(&c, &q2, tbl, &h, NULL), NOT_SUPPORTED);
	end();
}

/* MS-OXCSTOR_R232, R233, R234, R235, R59785 */
static void test_get_receive_folder(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_GET_RECEIVE_FOLDER};
	struct mx_rop_res res;

	begin();
	q.get_receive_folder.message_class = "IPM.Note.Custom";
	assert_int_equal(tc_rop(&c, &q, c.logon, NULL, &res), 0);
	assert_true(res.get_receive_folder.folder_id == c.fid[F_INBOX]);
	q.get_receive_folder.message_class = "IPM..Note";
	assert_int_equal(tc_rop(&c, &q, c.logon, NULL, NULL), INVALID_PARAM);
	q.get_receive_folder.message_class = "IPM";
	assert_int_equal(tc_rop(&c, &q, tc_open_folder(&c, c.fid[F_INBOX]),
				NULL, NULL),
			 NOT_SUPPORTED);
	end();
}

/* MS-OXCSTOR_R449, R450, R466, R467, R1120, R1121 */
static void test_long_term_ids(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_LONG_TERM_ID_FROM_ID};
	struct mx_rop_req q2 = {.id = MX_ROP_ID_FROM_LONG_TERM_ID};
	struct mx_rop_res res, res2;

	begin();
	q.long_term_id_from_id.object_id = c.fid[F_INBOX];
	assert_int_equal(tc_rop(&c, &q, c.logon, NULL, &res), 0);
	q2.id_from_long_term_id.long_term_id =
		res.long_term_id_from_id.long_term_id;
	assert_int_equal(tc_rop(&c, &q2, c.logon, NULL, &res2), 0);
	assert_true(res2.id_from_long_term_id.object_id == c.fid[F_INBOX]);
	q.long_term_id_from_id.object_id = mx_id_make(0x7ffe, 1);
	assert_int_equal(tc_rop(&c, &q, c.logon, NULL, NULL), NOT_FOUND);
	memset(&q2.id_from_long_term_id.long_term_id.replica, 0, 16);
	assert_int_equal(tc_rop(&c, &q2, c.logon, NULL, NULL), INVALID_PARAM);
	end();
}

MX_TEST_MAIN(MX_TEST(test_open_folder),
	     MX_TEST(test_open_folder_ignores_invalid_bits),
	     MX_TEST(test_create_folder), MX_TEST(test_delete_folder),
	     MX_TEST(test_delete_messages),
	     MX_TEST(test_move_and_copy_messages), MX_TEST(test_set_read_flags),
	     MX_TEST(test_tables_of_folders), MX_TEST(test_get_receive_folder),
	     MX_TEST(test_long_term_ids))
