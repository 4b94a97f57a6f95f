/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Property values, rows, restrictions and the small structures. */
#include "wire/prop.h"

#include "base/limits.h"
#include "base/test.h"
#include "wire/ids.h"
#include "wire/sample.h"

static void test_values_copy_and_compare(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 3000; seed++) {
		MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
		struct mx_sampler s = {.rng = {seed}, .arena = &a};
		struct mx_propval v, copy, other;

		mx_sample_propval(&s, &v);
		assert_int_equal(mx_propval_copy(&a, &v, &copy), 0);
		assert_true(mx_propval_equal(&v, &copy));
		other = copy;
		other.tag ^= 0x10000;
		assert_false(mx_propval_equal(&v, &other));
	}
}

static void test_restrictions_copy_and_compare(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 2000; seed++) {
		MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
		struct mx_sampler s = {.rng = {seed}, .arena = &a};
		struct mx_restrict r, copy;

		mx_sample_restrict(&s, &r);
		assert_int_equal(mx_restrict_copy(&a, &r, &copy), 0);
		assert_true(mx_restrict_equal(&r, &copy));
	}
}

static int decode_restrict(const uint8_t *p, size_t n, struct mx_arena *a)
{
	struct mx_restrict r;
	struct mx_rd rd;

	mx_rd_init(&rd, p, n, a);
	mx_restrict_decode(&rd, &r);
	return mx_rd_end(&rd);
}

static void test_restriction_depth_is_bounded(void **state)
{
	/* A chain of Not, ended by Exist. */
	uint8_t bytes[MX_MAX_RESTRICT_DEPTH + 8];
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	size_t n = MX_MAX_RESTRICT_DEPTH;

	(void)state;
	memset(bytes, MX_RES_NOT, sizeof(bytes));
	bytes[n - 1] = MX_RES_EXIST;
	assert_int_equal(decode_restrict(bytes, n + 4, &a), 0);
	bytes[n - 1] = MX_RES_NOT;
	bytes[n] = MX_RES_EXIST;
	assert_int_equal(decode_restrict(bytes, n + 5, &a), -EBADMSG);
}

static void test_restriction_nodes_are_bounded(void **state)
{
	/* An And of more empty Ands than allowed. */
	static uint8_t bytes[3 + 3 * 20000];
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;

	(void)state;
	bytes[1] = 20000 & 0xff;
	bytes[2] = 20000 >> 8;
	assert_int_equal(decode_restrict(bytes, sizeof(bytes), &a), -EBADMSG);
}

static void test_lone_surrogates_survive_in_values(void **state)
{
	/* B69's family: what a mailbox holds comes back unit for unit. */
	static const uint8_t in[] = {0x1f, 0,   0x37, 0, 0x3d,
				     0xd8, 'x', 0,    0, 0};
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	uint8_t out[sizeof(in)];
	struct mx_wr wr = {.p = out, .cap = sizeof(out)};
	struct mx_propval v;
	struct mx_rd rd;

	(void)state;
	mx_rd_init(&rd, in, sizeof(in), &a);
	mx_propval_decode(&rd, &v);
	assert_int_equal(mx_rd_end(&rd), 0);
	mx_propval_encode(&wr, &v);
	assert_int_equal(mx_wr_end(&wr), 0);
	assert_memory_equal(in, out, sizeof(in));
}

static void test_unspecified_columns_carry_their_type(void **state)
{
	/* [MS-OXCDATA] 2.8.1.1: TypedPropertyValue for PtypUnspecified. */
	static const uint32_t cols[] = {0x00370000, 0x0e080003};
	static const uint8_t in[] = {0, 0x1f, 0, 'h', 0, 0, 0, 5, 0, 0, 0};
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	uint8_t out[sizeof(in)];
	struct mx_wr wr = {.p = out, .cap = sizeof(out), .cols = cols};
	struct mx_proprow row;
	struct mx_rd rd;

	(void)state;
	mx_rd_init(&rd, in, sizeof(in), &a);
	rd.cols = cols;
	rd.n_cols = 2;
	mx_proprow_decode(&rd, &row);
	assert_int_equal(mx_rd_end(&rd), 0);
	assert_int_equal(row.vals[0].tag, 0x0037001f);
	assert_string_equal(row.vals[0].v.str, "h");
	mx_proprow_encode(&wr, &row);
	assert_int_equal(mx_wr_end(&wr), 0);
	assert_memory_equal(in, out, sizeof(in));
}

static void test_multivalue_instance_columns_are_single(void **state)
{
	static const uint32_t cols[] = {0x8001301f};
	static const uint8_t in[] = {0, 'a', 0, 0, 0};
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	struct mx_proprow row;
	struct mx_rd rd;

	(void)state;
	mx_rd_init(&rd, in, sizeof(in), &a);
	rd.cols = cols;
	rd.n_cols = 1;
	mx_proprow_decode(&rd, &row);
	assert_int_equal(mx_rd_end(&rd), 0);
	assert_int_equal(row.vals[0].tag, 0x8001001f);
}

static void test_value_of_another_type_is_refused(void **state)
{
	static const uint32_t cols[] = {0x0e080003};
	struct mx_propval v = {0x0e08001f, {.str = "x"}};
	struct mx_proprow row = {1, &v};
	struct mx_wr wr = {.cols = cols};

	(void)state;
	mx_proprow_encode(&wr, &row);
	assert_int_equal(mx_wr_end(&wr), -EINVAL);
}

static void test_ids_keep_counter_order(void **state)
{
	/* [MS-OXCDATA] 2.2.1.1: GLOBCNT travels big-endian behind REPLID. */
	uint64_t id = mx_id_make(1, 0x0000000102030405 >> 8);
	struct mx_guid replica = {{1, 2, 3}};
	struct mx_ltid l = mx_id_to_ltid(id, &replica);
	uint8_t bytes[8];
	struct mx_wr wr = {.p = bytes, .cap = 8};

	(void)state;
	mx_wr_u64(&wr, id);
	assert_memory_equal(bytes, "\x01\x00\x00\x00\x01\x02\x03\x04", 8);
	assert_memory_equal(l.globcnt, "\x00\x00\x01\x02\x03\x04", 6);
	assert_true(mx_id_from_ltid(&l, 1) == id);
	assert_true(mx_id_count(id) == 0x01020304);
	assert_int_equal(mx_id_replid(id), 1);
}

static void test_guid_text_form(void **state)
{
	/* PS_PUBLIC_STRINGS, {00020329-0000-0000-C000-000000000046}. */
	static const uint8_t want[16] = {0x29, 3, 2, 0, 0, 0, 0, 0,
					 0xc0, 0, 0, 0, 0, 0, 0, 0x46};
	char s[MX_GUID_STRLEN + 1];
	struct mx_guid g;

	(void)state;
	assert_int_equal(
		mx_guid_parse("{00020329-0000-0000-c000-000000000046}", &g), 0);
	assert_memory_equal(g.b, want, 16);
	mx_guid_format(&g, s);
	assert_string_equal(s, "00020329-0000-0000-C000-000000000046");
	assert_int_equal(mx_guid_parse("{"
				       "00020329",
				       &g),
			 -EINVAL);
	assert_int_equal(mx_guid_parse("", &g), -EINVAL);
	s[35] = 'x';
	assert_int_equal(mx_guid_parse(s, &g), -EINVAL);
}

static void test_typed_strings_take_the_tightest_form(void **state)
{
	(void)state;
	assert_int_equal(mx_typedstr_make(NULL).kind, MX_TYPEDSTR_NONE);
	assert_int_equal(mx_typedstr_make("").kind, MX_TYPEDSTR_EMPTY);
	assert_int_equal(mx_typedstr_make("\xc3\xbc").kind,
			 MX_TYPEDSTR_REDUCED);
	assert_int_equal(mx_typedstr_make("\xe2\x82\xac").kind,
			 MX_TYPEDSTR_UNICODE);
}

MX_TEST_MAIN(MX_TEST(test_values_copy_and_compare),
	     MX_TEST(test_restrictions_copy_and_compare),
	     MX_TEST(test_restriction_depth_is_bounded),
	     MX_TEST(test_restriction_nodes_are_bounded),
	     MX_TEST(test_lone_surrogates_survive_in_values),
	     MX_TEST(test_unspecified_columns_carry_their_type),
	     MX_TEST(test_multivalue_instance_columns_are_single),
	     MX_TEST(test_value_of_another_type_is_refused),
	     MX_TEST(test_ids_keep_counter_order), MX_TEST(test_guid_text_form),
	     MX_TEST(test_typed_strings_take_the_tightest_form))
