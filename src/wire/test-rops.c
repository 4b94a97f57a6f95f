/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every layout of the schemas: random instances go out and come back the same,
 * no truncation is taken for the whole, no count can outgrow its input.
 */
#include "wire/rops.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/test.h"
#include "wire/bodies-sample.h"
#include "wire/rops-sample.h"

#define ROUNDS 300
#define MAX_BYTES 8192

typedef void encode_fn(struct mx_wr *, const void *);
typedef void decode_fn(struct mx_rd *, void *);

/* Columns of every type, for rows. */
static const uint32_t columns[] = {
	0x0037001f, 0x0e060040, 0x0e080003, 0x0ff90102, 0x0e1b000b, 0x3ff90102,
	0x1000001e, 0x67480014, 0x8001101f, 0x80021102, 0x80030048, 0x80040005,
};

struct codec {
	const char *what;
	encode_fn *encode;
	decode_fn *decode;
	size_t size;
	uint8_t id;
};

static size_t encode(const struct codec *c, const void *v, uint8_t *buf)
{
	struct mx_wr size = {0}, wr = {.p = buf, .cap = MAX_BYTES};

	c->encode(&size, v);
	c->encode(&wr, v);
	if (size.err || mx_wr_end(&wr) || size.len != wr.len)
		fail_msg("%s %02x: sizing and writing differ", c->what, c->id);
	return wr.len;
}

static int decode(const struct codec *c, const uint8_t *p, size_t n,
		  struct mx_arena *arena, void *ret)
{
	struct mx_rd rd;

	mx_rd_init(&rd, p, n, arena);
	rd.cols = columns;
	rd.n_cols = MX_ARRAY_SIZE(columns);
	c->decode(&rd, ret);
	return mx_rd_end(&rd);
}

/* The input lies at the end of its own block: ASan sees any read past it. */
static void check_truncations(const struct codec *c, const uint8_t *p, size_t n,
			      void *scratch)
{
	for (size_t cut = 0; cut < n; cut++) {
		MX_AUTO(mx_arena_auto)
		struct mx_arena a = {.budget = MX_MAX_DECODE_RATIO * n + 4096};
		MX_AUTO(mx_free_auto) uint8_t *copy = malloc(cut ? cut : 1);

		memcpy(copy, p, cut);
		if (decode(c, copy, cut, &a, scratch) != -EBADMSG)
			fail_msg("%s %02x: %zu of %zu bytes taken for whole",
				 c->what, c->id, cut, n);
	}
}

static void check_round_trip(const struct codec *c, const void *v, bool rest)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	MX_AUTO(mx_free_auto) void *back = calloc(1, c->size);
	uint8_t one[MAX_BYTES], two[MAX_BYTES];
	size_t n = encode(c, v, one);

	a.budget = MX_MAX_DECODE_RATIO * n + 4096;
	if (decode(c, one, n, &a, back) < 0)
		fail_msg("%s %02x: own bytes refused", c->what, c->id);
	if (encode(c, back, two) != n || memcmp(one, two, n) != 0)
		fail_msg("%s %02x: bytes changed on the way", c->what, c->id);
	if (!rest)
		check_truncations(c, one, n, back);
}

#define WRAP(name, type)                                                       \
	static void wrap_##name##_encode(struct mx_wr *wr, const void *v)      \
	{                                                                      \
		mx_##name##_encode(wr, (const type *)v);                       \
	}                                                                      \
	static void wrap_##name##_decode(struct mx_rd *rd, void *v)            \
	{                                                                      \
		mx_##name##_decode(rd, (type *)v);                             \
	}

WRAP(rop_req, struct mx_rop_req)
WRAP(rop_res, struct mx_rop_res)

static struct mx_sampler sampler(struct mx_arena *a, uint64_t seed)
{
	return (struct mx_sampler){.rng = {seed * 7919 + 1},
				   .arena = a,
				   .cols = columns,
				   .n_cols = MX_ARRAY_SIZE(columns)};
}

static void test_every_request_round_trips(void **state)
{
	(void)state;
	for (size_t i = 0; i < MX_ARRAY_SIZE(mx_sample_req_ids); i++) {
		struct codec c = {"request", wrap_rop_req_encode,
				  wrap_rop_req_decode,
				  sizeof(struct mx_rop_req),
				  mx_sample_req_ids[i]};

		for (uint64_t seed = 0; seed < ROUNDS; seed++) {
			MX_AUTO(mx_arena_auto)
			struct mx_arena a = MX_ARENA_INIT;
			struct mx_sampler s = sampler(&a, seed);
			struct mx_rop_req v = {
				.id = c.id, .logon_id = 3, .hindex = 2};

			mx_sample_rop_req(&s, &v);
			check_round_trip(&c, &v, false);
		}
	}
}

/* What answers end in: 0, a plain failure, and the two values that have a
 * layout of their own. */
static const uint32_t returns[] = {0, 0x80040102, 0x478, 0x503};

static void test_every_response_round_trips(void **state)
{
	(void)state;
	for (size_t i = 0; i < MX_ARRAY_SIZE(mx_sample_res_ids); i++) {
		struct codec c = {"response", wrap_rop_res_encode,
				  wrap_rop_res_decode,
				  sizeof(struct mx_rop_res),
				  mx_sample_res_ids[i]};

		for (uint64_t seed = 0; seed < ROUNDS; seed++) {
			MX_AUTO(mx_arena_auto)
			struct mx_arena a = MX_ARENA_INIT;
			struct mx_sampler s = sampler(&a, seed);
			struct mx_rop_res v = {.id = c.id,
					       .hindex = 1,
					       .return_value =
						       returns[seed % 4]};

			mx_sample_rop_res(&s, &v);
			check_round_trip(&c, &v,
					 c.id == MX_ROP_BUFFER_TOO_SMALL);
		}
	}
}

static void test_fields_survive_not_only_bytes(void **state)
{
	/* [MS-OXCROPS] R1166 ff.: RopQueryRows with a flagged and a standard
	 * row; what was said is what is heard. */
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	static const uint32_t cols[] = {0x0037001f, 0x0e080003};
	struct mx_propval one[] = {{0x0037001f, {.str = "Gr\xc3\xbc\xc3\x9f"}},
				   {0x0e080003, {.i4 = -7}}};
	struct mx_propval two[] = {{0x00370001, {.i8 = 0}},
				   {0x0e08000a, {.err = 0x8004010f}}};
	struct mx_proprow rows[] = {{2, one}, {2, two}};
	struct mx_rop_res v = {
		.id = MX_ROP_QUERY_ROWS,
		.query_rows = {.origin = 2, .n_row_data = 2, .row_data = rows}};
	struct mx_rop_res back;
	uint8_t buf[256];
	struct mx_wr wr = {.p = buf, .cap = sizeof(buf)};
	struct mx_rd rd;

	(void)state;
	mx_rop_res_encode(&wr, &v);
	assert_int_equal(mx_wr_end(&wr), 0);
	mx_rd_init(&rd, buf, wr.len, &a);
	rd.cols = cols;
	rd.n_cols = 2;
	mx_rop_res_decode(&rd, &back);
	assert_int_equal(mx_rd_end(&rd), 0);
	assert_int_equal(back.query_rows.n_row_data, 2);
	assert_string_equal(back.query_rows.row_data[0].vals[0].v.str,
			    "Gr\xc3\xbc\xc3\x9f");
	assert_int_equal(back.query_rows.row_data[0].vals[1].v.i4, -7);
	assert_int_equal(back.query_rows.row_data[1].vals[0].tag, 0x00370001);
	assert_int_equal(back.query_rows.row_data[1].vals[1].tag, 0x0e08000a);
	assert_int_equal(back.query_rows.row_data[1].vals[1].v.err, 0x8004010f);
}

static void test_published_bytes_decode(void **state)
{
	/* [MS-OXCTABL] 4.5.3.1 RopQueryRows, [MS-OXCFOLD] 4.2 RopDeleteFolder
	 * and its answer, [MS-OXOMSG] 4.1.1 RopSubmitMessage. */
	static const uint8_t query[] = {0x15, 0, 0, 0, 1, 0x32, 0};
	static const uint8_t del[] = {0x1d, 0, 1,    5,    1,    0,
				      0,    0, 0x0e, 0x8e, 0xdf, 0x36};
	static const uint8_t deleted[] = {0x1d, 1, 0, 0, 0, 0, 0};
	static const uint8_t submit[] = {0x32, 0, 2, 0};
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	struct mx_rop_req req;
	struct mx_rop_res res;
	struct mx_rd rd;

	(void)state;
	mx_rd_init(&rd, query, sizeof(query), &a);
	mx_rop_req_decode(&rd, &req);
	assert_int_equal(mx_rd_end(&rd), 0);
	assert_true(req.query_rows.forward_read);
	assert_int_equal(req.query_rows.row_count, 50);
	mx_rd_init(&rd, del, sizeof(del), &a);
	mx_rop_req_decode(&rd, &req);
	assert_int_equal(mx_rd_end(&rd), 0);
	assert_int_equal(req.delete_folder.delete_folder_flags, 5);
	assert_true(req.delete_folder.folder_id == 0x36df8e0e00000001);
	mx_rd_init(&rd, deleted, sizeof(deleted), &a);
	mx_rop_res_decode(&rd, &res);
	assert_int_equal(mx_rd_end(&rd), 0);
	assert_int_equal(res.hindex, 1);
	assert_false(res.delete_folder.partial_completion);
	mx_rd_init(&rd, submit, sizeof(submit), &a);
	mx_rop_req_decode(&rd, &req);
	assert_int_equal(mx_rd_end(&rd), 0);
	assert_int_equal(req.hindex, 2);
}

static void test_counts_cannot_outgrow_the_input(void **state)
{
	/* 65535 rows of a table with many empty columns in ten bytes. */
	MX_AUTO(mx_arena_auto) struct mx_arena a = {.budget = 1 << 20};
	static uint32_t cols[20000];
	uint8_t bytes[64] = {0x15, 0, 0, 0, 0, 0, 2, 0xff, 0xff};
	struct mx_rop_res v;
	struct mx_rd rd;

	(void)state;
	for (size_t i = 0; i < MX_ARRAY_SIZE(cols); i++)
		cols[i] = MX_PT_NULL;
	mx_rd_init(&rd, bytes, sizeof(bytes), &a);
	rd.cols = cols;
	rd.n_cols = MX_ARRAY_SIZE(cols);
	mx_rop_res_decode(&rd, &v);
	assert_int_not_equal(mx_rd_end(&rd), 0);
	assert_true(a.total <= a.budget);
}

static void test_unknown_rop_is_told_from_garbage(void **state)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	static const uint8_t bytes[] = {0x9d, 0, 0, 0, 0, 0};
	struct mx_rop_req req;
	struct mx_rop_res res;
	struct mx_rd rd;

	(void)state;
	mx_rd_init(&rd, bytes, sizeof(bytes), &a);
	mx_rop_req_decode(&rd, &req);
	assert_int_equal(rd.err, -EOPNOTSUPP);
	mx_rd_init(&rd, bytes, sizeof(bytes), &a);
	mx_rop_res_decode(&rd, &res);
	assert_int_equal(rd.err, -EOPNOTSUPP);
}

static void test_a_count_over_its_field_is_refused(void **state)
{
	static uint8_t big[70000];
	struct mx_rop_req v = {.id = MX_ROP_WRITE_STREAM,
			       .write_stream = {.data = {70000, big}}};
	struct mx_wr wr = {0};

	(void)state;
	mx_rop_req_encode(&wr, &v);
	assert_int_equal(mx_wr_end(&wr), -EINVAL);
}

static void test_every_rop_prints_on_one_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < MX_ARRAY_SIZE(mx_sample_res_ids); i++) {
		MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
		MX_AUTO(mx_buf_auto) struct mx_buf out = MX_BUF_INIT;
		struct mx_sampler s = sampler(&a, i);
		struct mx_rop_res v = {.id = mx_sample_res_ids[i]};

		mx_sample_rop_res(&s, &v);
		mx_rop_res_print(&out, &v);
		assert_int_equal(out.err, 0);
		assert_non_null(strstr(mx_buf_str(&out), mx_rop_name(v.id)));
		assert_null(strchr(mx_buf_str(&out), '\n'));
	}
}

/* Failed SetReadFlags, ReadStream and WriteStream without their own fields, as
 * gromox 3.10 sends them, and with them, as [MS-OXCROPS] says. */
static void test_lax_failures_end_where_the_next_answer_begins(void **state)
{
	static const struct {
		const char *what;
		uint8_t n, took; /* bytes; of them the first response's */
		uint8_t next;    /* RopId expected after it */
		uint8_t p[12];
	} cases[] = {
		{"flags, end", 6, 6, 0, {0x66, 0, 2, 1, 4, 0x80}},
		{"flags, whole", 7, 7, 0, {0x66, 0, 2, 1, 4, 0x80, 1}},
		{"flags, then one",
		 8,
		 6,
		 0x5e,
		 {0x66, 0, 2, 1, 4, 0x80, 0x5e, 0}},
		{"flags, whole, then one",
		 9,
		 7,
		 0x5e,
		 {0x66, 0, 2, 1, 4, 0x80, 1, 0x5e, 0}},
		{"read, then write",
		 12,
		 6,
		 0x2d,
		 {0x2c, 0, 2, 1, 4, 0x80, 0x2d, 0, 2, 1, 4, 0x80}},
		{"read, whole", 8, 8, 0, {0x2c, 0, 2, 1, 4, 0x80, 0, 0}},
		{"write, whole", 8, 8, 0, {0x2d, 0, 2, 1, 4, 0x80, 5, 0}},
		{"write, then a notification",
		 9,
		 6,
		 0,
		 {0x2d, 0, 2, 1, 4, 0x80, 0x6e, 1, 0}},
		{"success is not lax", 6, 0, 0, {0x66, 0, 0, 0, 0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < MX_ARRAY_SIZE(cases); i++) {
		MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
		struct mx_rop_res res;
		struct mx_rd rd;

		mx_rd_init(&rd, cases[i].p, cases[i].n, &a);
		rd.lax = true;
		rd.next_rop = cases[i].next;
		mx_rop_res_decode(&rd, &res);
		if (!cases[i].took) {
			assert_int_equal(rd.err, -EBADMSG);
			continue;
		}
		if (rd.err || rd.p - cases[i].p != cases[i].took)
			fail_msg("%s: took %d, error %d", cases[i].what,
				 (int)(rd.p - cases[i].p), rd.err);
		assert_int_equal(res.return_value, 0x80040102);
	}
}

#define BODY_TEST(name)                                                        \
	WRAP(name, struct mx_##name)                                           \
	static void test_body_##name##_round_trips(void **state)               \
	{                                                                      \
		struct codec c = {#name, wrap_##name##_encode,                 \
				  wrap_##name##_decode,                        \
				  sizeof(struct mx_##name), 0};                \
		(void)state;                                                   \
		for (uint64_t seed = 0; seed < ROUNDS; seed++) {               \
			MX_AUTO(mx_arena_auto)                                 \
			struct mx_arena a = MX_ARENA_INIT;                     \
			struct mx_sampler s = sampler(&a, seed);               \
			struct mx_##name v;                                    \
			mx_sample_##name(&s, &v);                              \
			check_round_trip(&c, &v, false);                       \
		}                                                              \
	}

BODY_TEST(connect_req)
BODY_TEST(connect_res)
BODY_TEST(execute_req)
BODY_TEST(execute_res)
BODY_TEST(disconnect_req)
BODY_TEST(disconnect_res)
BODY_TEST(notification_wait_req)
BODY_TEST(notification_wait_res)

MX_TEST_MAIN(MX_TEST(test_every_request_round_trips),
	     MX_TEST(test_every_response_round_trips),
	     MX_TEST(test_fields_survive_not_only_bytes),
	     MX_TEST(test_published_bytes_decode),
	     MX_TEST(test_counts_cannot_outgrow_the_input),
	     MX_TEST(test_unknown_rop_is_told_from_garbage),
	     MX_TEST(test_a_count_over_its_field_is_refused),
	     MX_TEST(test_every_rop_prints_on_one_line),
	     MX_TEST(test_lax_failures_end_where_the_next_answer_begins),
	     MX_TEST(test_body_connect_req_round_trips),
	     MX_TEST(test_body_connect_res_round_trips),
	     MX_TEST(test_body_execute_req_round_trips),
	     MX_TEST(test_body_execute_res_round_trips),
	     MX_TEST(test_body_disconnect_req_round_trips),
	     MX_TEST(test_body_disconnect_res_round_trips),
	     MX_TEST(test_body_notification_wait_req_round_trips),
	     MX_TEST(test_body_notification_wait_res_round_trips))
