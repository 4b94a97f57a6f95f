/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* ROPs on tables.  [MS-OXCTABL] */
#include <string.h>

#include "server/testlib.h"

#define SUBJECT 0x0037001fu
#define MID 0x674a0014u

static const uint32_t cols[] = {SUBJECT, MID};

static struct ts *ts;
static struct tc c;
static uint32_t folder, table;

static uint32_t simple(uint8_t id, uint32_t h)
{
	struct mx_rop_req q = {.id = id};

	return tc_rop(&c, &q, h, NULL, NULL);
}

/* Five messages "b" "d" "a" "c" "e" and a table of them. */
static void begin(void)
{
	static const char *const names[] = {"b", "d", "a", "c", "e"};

	ts = ts_start(NULL);
	tc_init(&c, ts, "ann");
	tc_logon(&c, NULL);
	for (int i = 0; i < 5; i++)
		tc_make_message(&c, c.fid[F_INBOX], names[i]);
	folder = tc_open_folder(&c, c.fid[F_INBOX]);
	table = tc_contents(&c, folder, 0x10, NULL);
}

static void end(void)
{
	tc_fini(&c);
	ts_stop(ts);
}

static uint32_t query(uint8_t flags, bool forward, uint16_t n,
		      struct mx_rop_res *ret)
{
	struct mx_rop_req q = {.id = MX_ROP_QUERY_ROWS};

	q.query_rows.query_rows_flags = flags;
	q.query_rows.forward_read = forward;
	q.query_rows.row_count = n;
	return tc_rop(&c, &q, table, NULL, ret);
}

/* The subjects of the next n rows as one string. */
static const char *read_rows(uint16_t n)
{
	static char buf[64];
	struct mx_rop_res res;

	buf[0] = '\0';
	assert_int_equal(query(0, true, n, &res), 0);
	for (uint32_t i = 0; i < res.query_rows.n_row_data; i++)
		strcat(buf, res.query_rows.row_data[i].vals[0].v.str);
	return buf;
}

static uint32_t sort(uint32_t h, uint32_t tag, uint8_t order)
{
	struct mx_sortorder o = {tag, order};
	struct mx_rop_req q = {.id = MX_ROP_SORT_TABLE};
	struct mx_rop_res res;
	uint32_t ec;

	q.sort_table.n_sort_orders = 1;
	q.sort_table.sort_orders = &o;
	ec = tc_rop(&c, &q, h, NULL, &res);
	if (!ec)
		assert_int_equal(res.sort_table.table_status, 0);
	return ec;
}

static uint32_t restrict_to(uint8_t relop, const char *s)
{
	struct mx_restrict r = {.type = MX_RES_PROPERTY};
	struct mx_rop_req q = {.id = MX_ROP_RESTRICT};

	r.prop.relop = relop;
	r.prop.tag = SUBJECT;
	r.prop.val.tag = SUBJECT;
	r.prop.val.v.str = s;
	q.restrict_.restriction_data = s ? &r : NULL;
	return tc_rop(&c, &q, table, NULL, NULL);
}

static uint32_t seek(uint8_t origin, int32_t n, struct mx_rop_res *ret)
{
	struct mx_rop_req q = {.id = MX_ROP_SEEK_ROW};

	q.seek_row.origin = origin;
	q.seek_row.row_count = n;
	q.seek_row.want_row_moved_count = true;
	return tc_rop(&c, &q, table, NULL, ret);
}

/* MS-OXCTABL_R426, R427, R435, R436, R428, R471, R476, R416, R831 */
static void test_set_columns(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_SET_COLUMNS};
	static const uint32_t bad[] = {0x00370000};
	struct mx_rop_res res;

	begin();
	assert_int_equal(query(0, true, 5, &res), NULL_OBJECT);
	q.set_columns.set_columns_flags = 1; /* asynchronous */
	q.set_columns.property_tags = (struct mx_tags){2, cols};
	assert_int_equal(tc_rop(&c, &q, table, NULL, &res), 0);
	assert_int_equal(res.set_columns.table_status, 0);
	c.cols = cols;
	c.n_cols = 2;
	assert_int_equal(query(0, true, 5, &res), 0);
	assert_int_equal(res.query_rows.row_data[0].n, 2);
	q.set_columns.property_tags = (struct mx_tags){1, bad};
	assert_int_equal(tc_rop(&c, &q, table, NULL, NULL), INVALID_PARAM);
	q.set_columns.property_tags = (struct mx_tags){0, bad};
	assert_int_equal(tc_rop(&c, &q, table, NULL, NULL), INVALID_PARAM);
	q.set_columns.property_tags = (struct mx_tags){2, cols};
	assert_int_equal(tc_rop(&c, &q, folder, NULL, NULL), NOT_SUPPORTED);
	end();
}

/* MS-OXCTABL_R462, R463, R725, R726, R784, R467, R468, R469, R470, R472, R477,
 * R837 */
static void test_query_rows(void **state)
{
	struct mx_rop_res res;

	begin();
	tc_set_columns(&c, table, cols, 2);
	assert_int_equal(sort(table, SUBJECT, 0), 0);
	assert_int_equal(query(0x01, true, 2, &res), 0); /* NoAdvance */
	assert_int_equal(res.query_rows.n_row_data, 2);
	assert_string_equal(read_rows(2), "ab");
	assert_int_equal(query(0, true, 2, &res), 0);
	assert_int_equal(res.query_rows.origin, 1);
	assert_int_equal(query(0, true, 9, &res), 0);
	assert_int_equal(res.query_rows.n_row_data, 1);
	assert_int_equal(res.query_rows.origin, 2);
	assert_int_equal(query(0, true, 9, &res), 0);
	assert_int_equal(res.query_rows.n_row_data, 0);
	/* Backwards. */
	assert_int_equal(query(0, false, 2, &res), 0);
	assert_int_equal(res.query_rows.n_row_data, 2);
	assert_string_equal(read_rows(9), "de");
	assert_int_equal(query(0, false, 9, &res), 0);
	assert_int_equal(res.query_rows.origin, 0);
	assert_string_equal(read_rows(9), "abcde");
	assert_int_equal(query(0x80, true, 9, &res), INVALID_PARAM);
	assert_int_equal(simple(MX_ROP_QUERY_ROWS, folder), NOT_SUPPORTED);
	end();
}

/* MS-OXCTABL_R437, R438, R439, R447, R449, R450 */
static void test_sort_table(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_GET_HIERARCHY_TABLE};
	uint32_t h;

	begin();
	tc_set_columns(&c, table, cols, 2);
	assert_int_equal(sort(table, SUBJECT, 1), 0);
	assert_string_equal(read_rows(2), "ed");
	assert_int_equal(sort(table, SUBJECT, 0), 0);
	assert_string_equal(read_rows(5), "abcde");
	assert_int_equal(sort(table, SUBJECT, 4), NOT_SUPPORTED);
	assert_int_equal(tc_rop(&c, &q, folder, &h, NULL), 0);
	assert_int_equal(sort(h, SUBJECT, 0), NOT_SUPPORTED);
	assert_int_equal(sort(folder, SUBJECT, 0), NOT_SUPPORTED);
	end();
}

/* MS-OXCTABL_R451, R452, R453, R117, R834, R461 */
static void test_restrict(void **state)
{
	begin();
	tc_set_columns(&c, table, cols, 2);
	assert_int_equal(sort(table, SUBJECT, 0), 0);
	assert_int_equal(restrict_to(MX_RELOP_GE, "c"), 0);
	assert_string_equal(read_rows(9), "cde");
	assert_int_equal(restrict_to(MX_RELOP_EQ, "A"), 0);
	assert_string_equal(read_rows(9), "a");
	assert_int_equal(restrict_to(0, NULL), 0);
	assert_string_equal(read_rows(9), "abcde");
	assert_int_equal(simple(MX_ROP_RESTRICT, folder), NOT_SUPPORTED);
	end();
}

/* MS-OXCTABL_R495, R502; RopQueryPosition, RopSeekRow */
static void test_position_and_seek(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_QUERY_POSITION};
	struct mx_rop_res res;

	begin();
	tc_set_columns(&c, table, cols, 2);
	assert_int_equal(sort(table, SUBJECT, 0), 0);
	assert_int_equal(seek(0, 2, &res), 0);
	assert_int_equal(res.seek_row.rows_sought, 2);
	assert_false(res.seek_row.has_sought_less);
	assert_int_equal(tc_rop(&c, &q, table, NULL, &res), 0);
	assert_int_equal(res.query_position.numerator, 2);
	assert_int_equal(res.query_position.denominator, 5);
	assert_int_equal(seek(1, 9, &res), 0);
	assert_int_equal(res.seek_row.rows_sought, 3);
	assert_true(res.seek_row.has_sought_less);
	assert_int_equal(seek(2, -1, &res), 0);
	assert_string_equal(read_rows(5), "e");
	assert_int_equal(seek(7, 0, NULL), INVALID_PARAM);
	assert_int_equal(simple(MX_ROP_QUERY_POSITION, folder), NOT_SUPPORTED);
	assert_int_equal(simple(MX_ROP_SEEK_ROW, folder), NOT_SUPPORTED);
	end();
}

/* MS-OXCTABL_R246, R536, R544, R544001, R826, R824 */
static void test_find_row(void **state)
{
	struct mx_restrict r = {.type = MX_RES_PROPERTY};
	struct mx_rop_req q = {.id = MX_ROP_FIND_ROW};
	struct mx_rop_res res;

	begin();
	r.prop.relop = MX_RELOP_GT;
	r.prop.tag = SUBJECT;
	r.prop.val.tag = SUBJECT;
	r.prop.val.v.str = "b";
	q.find_row.restriction_data = &r;
	assert_int_equal(tc_rop(&c, &q, table, NULL, NULL), NULL_OBJECT);
	tc_set_columns(&c, table, cols, 2);
	assert_int_equal(sort(table, SUBJECT, 0), 0);
	assert_int_equal(tc_rop(&c, &q, table, NULL, &res), 0);
	assert_true(res.find_row.has_row_data);
	assert_string_equal(res.find_row.row_data.vals[0].v.str, "c");
	assert_string_equal(read_rows(2), "cd"); /* the cursor is on it */
	q.find_row.origin = 2;
	q.find_row.find_row_flags = 1; /* backwards from the end */
	assert_int_equal(tc_rop(&c, &q, table, NULL, &res), 0);
	assert_string_equal(res.find_row.row_data.vals[0].v.str, "e");
	q.find_row.find_row_flags = 0;
	q.find_row.origin = 0;
	r.prop.val.v.str = "z";
	assert_int_equal(tc_rop(&c, &q, table, NULL, NULL), NOT_FOUND);
	q.find_row.origin = 3;
	assert_int_equal(tc_rop(&c, &q, table, NULL, NULL), 0x80040405);
	assert_int_equal(simple(MX_ROP_FIND_ROW, folder), NOT_SUPPORTED);
	end();
}

MX_TEST_MAIN(MX_TEST(test_set_columns), MX_TEST(test_query_rows),
	     MX_TEST(test_sort_table), MX_TEST(test_restrict),
	     MX_TEST(test_position_and_seek), MX_TEST(test_find_row))
