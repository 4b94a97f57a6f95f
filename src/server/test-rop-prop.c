/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* ROPs on properties and streams.  [MS-OXCPRPT] */
#include <stdlib.h>
#include <string.h>

#include "server/testlib.h"

#define SUBJECT 0x0037001fu
#define BODY 0x1000001fu
#define DATA 0x37010102u
#define COMMENT 0x3004001fu

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

static uint32_t get(uint32_t h, const uint32_t *tags, size_t n, uint16_t limit,
		    struct mx_rop_res *ret)
{
	struct mx_rop_req q = {.id = MX_ROP_GET_PROPERTIES_SPECIFIC};

	q.get_properties_specific.property_size_limit = limit;
	q.get_properties_specific.want_unicode = true;
	q.get_properties_specific.property_tags =
		(struct mx_tags){(uint32_t)n, tags};
	return tc_rop(&c, &q, h, NULL, ret);
}

static uint32_t set(uint32_t h, struct mx_propval *v, size_t n,
		    struct mx_rop_res *ret)
{
	struct mx_rop_req q = {.id = MX_ROP_SET_PROPERTIES};

	q.set_properties.n_property_values = (uint32_t)n;
	q.set_properties.property_values = v;
	return tc_rop(&c, &q, h, NULL, ret);
}

/* RopGetPropertiesSpecific: values in the order asked for; a missing one is an
 * error in its place.  MS-OXCPRPT_R83603, MS-OXCPRPT_R875 */
static void test_get_properties_specific(void **state)
{
	static const uint32_t tags[] = {SUBJECT, 0x66010003, 0x0ffe0003};
	struct mx_rop_res res;
	const struct mx_propval *v;
	uint32_t h;

	begin();
	h = tc_create_message(&c, c.fid[F_INBOX]);
	tc_set_str(&c, h, SUBJECT, "s");
	assert_int_equal(get(h, tags, 3, 0, &res), 0);
	v = res.get_properties_specific.row_data.vals;
	assert_int_equal(res.get_properties_specific.row_data.n, 3);
	assert_string_equal(v[0].v.str, "s");
	assert_int_equal(MX_PROP_TYPE(v[1].tag), MX_PT_ERROR);
	assert_int_equal(v[1].v.err, NOT_FOUND);
	assert_int_equal(v[2].v.i4, 5); /* MAPI_MESSAGE */
	tc_set_columns(&c,
		       tc_contents(&c, tc_open_folder(&c, c.fid[F_INBOX]), 0,
				   NULL),
		       tags, 1);
	end();
}

static void test_properties_need_an_object_that_has_them(void **state)
{
	static const uint32_t tag = SUBJECT;
	uint32_t tbl;

	begin();
	tbl = tc_contents(&c, tc_open_folder(&c, c.fid[F_INBOX]), 0, NULL);
	assert_int_equal(get(tbl, &tag, 1, 0, NULL), NOT_SUPPORTED);
	assert_int_equal(get(c.logon, &tag, 1, 0, NULL), 0);
	end();
}

/* What does not fit the answer is NotEnoughMemory in its place: a stream reads
 * it.  MS-OXCPRPT RopGetPropertiesSpecific, RopGetPropertiesAll */
static void test_large_values_are_left_to_streams(void **state)
{
	static const uint32_t tags[] = {SUBJECT, BODY};
	struct mx_rop_req q = {.id = MX_ROP_GET_PROPERTIES_ALL};
	struct mx_rop_res res;
	const struct mx_propval *v;
	char *big = malloc(14001);
	uint32_t h;

	begin();
	memset(big, 'b', 14000);
	big[14000] = '\0';
	h = tc_create_message(&c, c.fid[F_INBOX]);
	tc_set_str(&c, h, SUBJECT, "s");
	tc_set_str(&c, h, BODY, big);
	assert_int_equal(get(h, tags, 2, 0, &res), 0);
	v = res.get_properties_specific.row_data.vals;
	assert_string_equal(v[1].v.str, big);
	assert_int_equal(get(h, tags, 2, 1000, &res), 0);
	v = res.get_properties_specific.row_data.vals;
	assert_string_equal(v[0].v.str, "s");
	assert_int_equal(v[1].v.err, 0x8007000e);
	q.get_properties_all.property_size_limit = 1000;
	q.get_properties_all.want_unicode = true;
	assert_int_equal(tc_rop(&c, &q, h, NULL, &res), 0);
	v = mx_propval_find(res.get_properties_all.property_values,
			    res.get_properties_all.n_property_values, SUBJECT);
	assert_string_equal(v->v.str, "s");
	free(big);
	end();
}

/* RopGetPropertiesList names what RopGetPropertiesAll gives. */
static void test_list_and_all_agree(void **state)
{
	struct mx_rop_req all = {.id = MX_ROP_GET_PROPERTIES_ALL};
	struct mx_rop_req list = {.id = MX_ROP_GET_PROPERTIES_LIST};
	struct mx_rop_res a, l;
	uint32_t h;

	begin();
	h = tc_create_message(&c, c.fid[F_INBOX]);
	tc_set_str(&c, h, SUBJECT, "s");
	tc_save(&c, h);
	all.get_properties_all.want_unicode = true;
	assert_int_equal(tc_rop(&c, &all, h, NULL, &a), 0);
	assert_int_equal(tc_rop(&c, &list, h, NULL, &l), 0);
	for (uint32_t i = 0; i < a.get_properties_all.n_property_values; i++) {
		uint32_t id = a.get_properties_all.property_values[i].tag >> 16;
		bool found = false;

		for (uint32_t k = 0; k < l.get_properties_list.property_tags.n;
		     k++)
			found |= l.get_properties_list.property_tags.p[k] >>
					 16 ==
				 id;
		assert_true(found);
	}
	end();
}

/* MS-OXCPRPT_R478, R480: set, and a problem for what cannot be set. */
static void test_set_properties_tells_problems(void **state)
{
	struct mx_propval v[] = {
		{.tag = SUBJECT, .v.str = "s"},
		{.tag = 0x0e080003, .v.i4 = 7}, /* PR_MESSAGE_SIZE */
		{.tag = 0x80050003, .v.i4 = 9},
	};
	struct mx_rop_res res;
	uint32_t h;

	begin();
	h = tc_create_message(&c, c.fid[F_INBOX]);
	assert_int_equal(set(h, v, 2, &res), 0);
	assert_int_equal(res.set_properties.n_property_problems, 1);
	assert_int_equal(res.set_properties.property_problems[0].index, 1);
	assert_int_equal(res.set_properties.property_problems[0].tag,
			 0x0e080003);
	assert_string_equal(tc_get(&c, h, SUBJECT).v.str, "s");
	end();
}

/* MS-OXCPRPT_R485, R489, R491 */
static void test_delete_properties(void **state)
{
	static const uint32_t tag = SUBJECT;
	struct mx_rop_req q = {.id = MX_ROP_DELETE_PROPERTIES};
	struct mx_rop_res res;
	uint32_t h, other;
	uint64_t mid;

	begin();
	mid = tc_make_message(&c, c.fid[F_INBOX], "kept");
	h = tc_open_message(&c, c.fid[F_INBOX], mid);
	q.delete_properties.property_tags = (struct mx_tags){1, &tag};
	assert_int_equal(tc_rop(&c, &q, h, NULL, &res), 0);
	assert_int_equal(res.delete_properties.n_property_problems, 0);
	assert_int_equal(MX_PROP_TYPE(tc_get(&c, h, SUBJECT).tag), MX_PT_ERROR);
	other = tc_open_message(&c, c.fid[F_INBOX], mid);
	assert_string_equal(tc_get(&c, other, SUBJECT).v.str, "kept");
	tc_save(&c, h);
	other = tc_open_message(&c, c.fid[F_INBOX], mid);
	assert_int_equal(MX_PROP_TYPE(tc_get(&c, other, SUBJECT).tag),
			 MX_PT_ERROR);
	end();
}

/* MS-OXCPRPT_R534, R535 and RopGetPropertyIdsFromNames */
static void test_ids_from_names(void **state)
{
	struct mx_propname names[] = {
		{.kind = MX_KIND_NAME, .guid = {{1, 2, 3}}, .name = "Colour"},
		{.kind = MX_KIND_LID, .guid = {{1, 2, 3}}, .lid = 0x8233},
	};
	struct mx_rop_req q = {.id = MX_ROP_GET_PROPERTY_IDS_FROM_NAMES};
	struct mx_rop_res res;
	uint16_t id;

	begin();
	q.get_property_ids_from_names.n_property_names = 2;
	q.get_property_ids_from_names.property_names = names;
	assert_int_equal(tc_rop(&c, &q, c.logon, NULL, &res), 0);
	assert_int_equal(res.get_property_ids_from_names.n_property_ids, 2);
	assert_int_equal(res.get_property_ids_from_names.property_ids[0], 0);
	q.get_property_ids_from_names.flags = 2; /* create */
	assert_int_equal(tc_rop(&c, &q, c.logon, NULL, &res), 0);
	id = res.get_property_ids_from_names.property_ids[0];
	assert_true(id >= 0x8000);
	assert_int_not_equal(id,
			     res.get_property_ids_from_names.property_ids[1]);
	q.get_property_ids_from_names.flags = 0;
	assert_int_equal(tc_rop(&c, &q, c.logon, NULL, &res), 0);
	assert_int_equal(res.get_property_ids_from_names.property_ids[0], id);
	q.get_property_ids_from_names.n_property_names = 0;
	assert_int_equal(tc_rop(&c, &q, c.logon, NULL, &res), 0);
	assert_true(res.get_property_ids_from_names.n_property_ids >= 2);
	q.get_property_ids_from_names.flags = 0x40;
	assert_int_equal(tc_rop(&c, &q, c.logon, NULL, NULL), INVALID_PARAM);
	end();
}

/* ---- Streams ---- */

static uint32_t open_stream(uint32_t obj, uint32_t tag, uint8_t mode,
			    uint32_t *h, uint32_t *ret_size)
{
	struct mx_rop_req q = {.id = MX_ROP_OPEN_STREAM};
	struct mx_rop_res res;
	uint32_t ec;

	q.open_stream.property_tag = tag;
	q.open_stream.open_mode_flags = mode;
	ec = tc_rop(&c, &q, obj, h, &res);
	if (!ec && ret_size)
		*ret_size = res.open_stream.stream_size;
	return ec;
}

static uint32_t write_stream(uint32_t s, const void *p, uint32_t n,
			     struct mx_rop_res *ret)
{
	struct mx_rop_req q = {.id = MX_ROP_WRITE_STREAM};

	q.write_stream.data = (struct mx_bin){n, p};
	return tc_rop(&c, &q, s, NULL, ret);
}

static uint32_t read_stream(uint32_t s, uint16_t n, struct mx_bin *ret)
{
	struct mx_rop_req q = {.id = MX_ROP_READ_STREAM};
	struct mx_rop_res res;
	uint32_t ec;

	q.read_stream.byte_count = n;
	ec = tc_rop(&c, &q, s, NULL, &res);
	*ret = res.read_stream.data;
	return ec;
}

static uint32_t seek(uint32_t s, uint8_t origin, int64_t off, uint64_t *ret)
{
	struct mx_rop_req q = {.id = MX_ROP_SEEK_STREAM};
	struct mx_rop_res res;
	uint32_t ec;

	q.seek_stream.origin = origin;
	q.seek_stream.offset = off;
	ec = tc_rop(&c, &q, s, NULL, &res);
	if (!ec)
		*ret = res.seek_stream.new_position;
	return ec;
}

static uint32_t stream_size(uint32_t s)
{
	struct mx_rop_req q = {.id = MX_ROP_GET_STREAM_SIZE};
	struct mx_rop_res res;

	assert_int_equal(tc_rop(&c, &q, s, NULL, &res), 0);
	return res.get_stream_size.stream_size;
}

/* MS-OXCPRPT_R536, R545, R546, R547, R549, R552, R55206, R555, R556, R560, R561,
 * R571, R575, R57706, R57707, R581, R891 */
static void test_stream_reads_what_was_written(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_COMMIT_STREAM};
	struct mx_rop_req size = {.id = MX_ROP_SET_STREAM_SIZE};
	struct mx_rop_res res;
	struct mx_bin b;
	uint32_t h, s, n;
	uint64_t pos;

	begin();
	h = tc_create_message(&c, c.fid[F_INBOX]);
	assert_int_equal(open_stream(h, DATA, 0, &s, NULL), NOT_FOUND);
	assert_int_equal(open_stream(h, DATA, 2, &s, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(write_stream(s, "hello world", 11, &res), 0);
	assert_int_equal(res.write_stream.written_size, 11);
	assert_int_equal(stream_size(s), 11);
	assert_int_equal(seek(s, 0, 6, &pos), 0);
	assert_int_equal(pos, 6);
	assert_int_equal(read_stream(s, 100, &b), 0);
	assert_int_equal(b.n, 5);
	assert_memory_equal(b.p, "world", 5);
	assert_int_equal(read_stream(s, 100, &b), 0);
	assert_int_equal(b.n, 0);
	assert_int_equal(seek(s, 2, -11, &pos), 0);
	assert_int_equal(pos, 0);
	assert_int_equal(read_stream(s, 3, &b), 0);
	assert_memory_equal(b.p, "hel", 3);
	assert_int_equal(seek(s, 1, 1, &pos), 0);
	assert_int_equal(pos, 4);
	size.set_stream_size.stream_size = 13;
	assert_int_equal(tc_rop(&c, &size, s, NULL, NULL), 0);
	assert_int_equal(seek(s, 0, 11, &pos), 0);
	assert_int_equal(read_stream(s, 10, &b), 0);
	assert_memory_equal(b.p, "\0\0", 2);
	size.set_stream_size.stream_size = 5;
	assert_int_equal(tc_rop(&c, &size, s, NULL, NULL), 0);
	assert_int_equal(tc_rop(&c, &q, s, NULL, NULL), 0);
	b = tc_get(&c, h, DATA).v.bin;
	assert_int_equal(b.n, 5);
	assert_memory_equal(b.p, "hello", 5);
	end();
}

/* MS-OXCPRPT_R582, R894, R903, R900, R901, R548, R886, R885 */
static void test_stream_fails_with_the_right_code(void **state)
{
	struct mx_rop_res res;
	struct mx_bin b;
	uint32_t h, s, folder;
	uint64_t pos;

	begin();
	folder = tc_open_folder(&c, c.fid[F_INBOX]);
	h = tc_create_message(&c, c.fid[F_INBOX]);
	tc_set_str(&c, h, BODY, "text");
	assert_int_equal(open_stream(h, BODY, 0, &s, NULL), 0);
	assert_int_equal(write_stream(s, "x", 1, &res), 0x80030005);
	assert_int_equal(res.write_stream.written_size, 0);
	assert_int_equal(seek(s, 0, INT64_C(0x80000000), &pos), 0x80030019);
	assert_int_equal(seek(s, 1, -1, &pos), 0x80030019);
	assert_int_equal(seek(s, 3, 0, &pos), 0x80030057);
	assert_int_equal(open_stream(h, 0x0e070003, 0, &s, NULL),
			 NOT_SUPPORTED);
	assert_int_equal(open_stream(h, BODY, 7, &s, NULL), INVALID_PARAM);
	assert_int_equal(read_stream(folder, 1, &b), NOT_SUPPORTED);
	assert_int_equal(b.n, 0);
	end();
}

/* MS-OXCPRPT_R56405: RopRelease keeps what was written. */
static void test_released_stream_keeps_what_was_written(void **state)
{
	static const uint8_t text[] = {'o', 0, 'k', 0};
	struct mx_rop_res res;
	uint32_t f, s;

	begin();
	f = tc_open_folder(&c, c.fid[F_INBOX]);
	assert_int_equal(open_stream(f, COMMENT, 2, &s, NULL), 0);
	assert_int_equal(write_stream(s, text, 4, &res), 0);
	tc_release(&c, s);
	assert_string_equal(tc_get(&c, f, COMMENT).v.str, "ok");
	end();
}

/* MS-OXCPRPT_R55205, MS-OXCRPC_R1280, MS-OXCRPC_R972: 0xBABE and chained
 * buffers give a large value at once, and not more than was asked for. */
static void test_long_read_fills_chained_buffers(void **state)
{
	struct tx *x;
	struct mx_rop_req *q;
	static uint8_t big[30000];
	struct mx_rop_res res;
	uint32_t h, s;
	uint64_t pos;
	size_t n = 0;

	begin();
	h = tc_create_message(&c, c.fid[F_INBOX]);
	assert_int_equal(open_stream(h, DATA, 2, &s, NULL), 0);
	for (int i = 0; i < 5; i++) {
		memset(big, 'a' + i, sizeof(big));
		assert_int_equal(write_stream(s, big, sizeof(big), &res), 0);
	}
	assert_int_equal(seek(s, 0, 0, &pos), 0);
	x = tx_new(&c);
	x->flags |= MX_EXECUTE_CHAIN;
	x->max_out = 0x40000;
	q = tx_add(x, MX_ROP_READ_STREAM, 0);
	q->read_stream.byte_count = 0xbabe;
	q->read_stream.maximum_byte_count = 140000;
	x->handles[x->n_handles++] = s;
	tx_run(x);
	assert_int_equal(x->ec, 0);
	assert_true(x->n_buffers > 3);
	for (size_t i = 0; i < x->n_res; i++) {
		struct mx_bin d = x->res[i].read_stream.data;

		for (uint32_t k = 0; k < d.n; k++)
			if (d.p[k] != 'a' + (n + k) / sizeof(big))
				fail_msg("byte %zu", n + k);
		n += d.n;
	}
	assert_int_equal(n, 140000);
	tx_free(x);
	end();
}

MX_TEST_MAIN(MX_TEST(test_get_properties_specific),
	     MX_TEST(test_properties_need_an_object_that_has_them),
	     MX_TEST(test_large_values_are_left_to_streams),
	     MX_TEST(test_list_and_all_agree),
	     MX_TEST(test_set_properties_tells_problems),
	     MX_TEST(test_delete_properties), MX_TEST(test_ids_from_names),
	     MX_TEST(test_stream_reads_what_was_written),
	     MX_TEST(test_stream_fails_with_the_right_code),
	     MX_TEST(test_released_stream_keeps_what_was_written),
	     MX_TEST(test_long_read_fills_chained_buffers))
