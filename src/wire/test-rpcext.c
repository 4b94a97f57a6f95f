/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope of ROP buffers and the compression inside it. */
#include "wire/rpcext.h"

#include "base/rand.h"
#include "base/test.h"
#include "wire/lz77.h"

static void test_lz77_known_vectors(void **state)
{
	/* The two examples that [MS-XCA] gives for the same encoding. */
	static const uint8_t alphabet[] = "\x3f\x00\x00\x00"
					  "abcdefghijklmnopqrstuvwxyz";
	static const uint8_t abc[] = {0xff, 0xff, 0xff, 0x1f, 0x61, 0x62, 0x63,
				      0x17, 0x00, 0x0f, 0xff, 0x26, 0x01};
	uint8_t out[300], packed[64];

	(void)state;
	assert_int_equal(mx_lz77_decompress(alphabet, 30, out, 26), 0);
	assert_memory_equal(out, "abcdefghijklmnopqrstuvwxyz", 26);
	assert_int_equal(mx_lz77_decompress(abc, sizeof(abc), out, 300), 0);
	for (int i = 0; i < 300; i++)
		assert_int_equal(out[i], 'a' + i % 3);
	assert_int_equal(mx_lz77_compress(out, 300, packed, sizeof(packed)),
			 sizeof(abc));
	assert_memory_equal(packed, abc, sizeof(abc));
}

/* Text with repeats of all lengths, from short to over the longest form. */
static size_t make_text(struct mx_prng *r, uint8_t *p, size_t max)
{
	size_t n = 0;

	while (n + 600 < max && mx_prng_below(r, 40)) {
		size_t len = mx_prng_below(r, 2) ? mx_prng_below(r, 600)
						 : mx_prng_below(r, 12);
		size_t back = n ? 1 + mx_prng_below(r, (uint32_t)n) : 0;

		for (size_t i = 0; i < len; i++, n++)
			p[n] = back && mx_prng_below(r, 50)
				       ? p[n - back]
				       : (uint8_t)mx_prng_next(r);
	}
	return n;
}

static void test_lz77_round_trips(void **state)
{
	static uint8_t in[32768], packed[40000], back[32768];
	struct mx_prng r = {4711};
	size_t n_packed = 0;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		size_t n = make_text(&r, in, sizeof(in));
		size_t size = mx_lz77_compress(in, n, packed, sizeof(packed));

		if (!n)
			continue;
		assert_int_not_equal(size, 0);
		n_packed += size < n;
		memset(back, 0xee, n);
		assert_int_equal(mx_lz77_decompress(packed, size, back, n), 0);
		assert_memory_equal(in, back, n);
	}
	assert_true(n_packed > 100);
}

static void test_lz77_truncations_fail(void **state)
{
	static uint8_t in[4096], packed[8192], back[4096];
	struct mx_prng r = {99};
	size_t n = 0, size;

	(void)state;
	while (n < 500)
		n = make_text(&r, in, sizeof(in));
	size = mx_lz77_compress(in, n, packed, sizeof(packed));
	for (size_t cut = 0; cut < size; cut++) {
		MX_AUTO(mx_free_auto) uint8_t *copy = malloc(cut ? cut : 1);

		memcpy(copy, packed, cut);
		assert_int_equal(mx_lz77_decompress(copy, cut, back, n),
				 -EBADMSG);
	}
}

static void test_lz77_garbage_stays_inside(void **state)
{
	struct mx_prng r = {5};
	uint8_t in[64], out[512];

	(void)state;
	for (int i = 0; i < 200000; i++) {
		size_t n = mx_prng_below(&r, sizeof(in));

		for (size_t k = 0; k < n; k++)
			in[k] = (uint8_t)mx_prng_next(&r);
		mx_lz77_decompress(in, n, out, mx_prng_below(&r, 512));
	}
}

static void test_envelope_round_trips_with_all_flags(void **state)
{
	/* [MS-OXCRPC] 3.1.4.1.1: compressed first, then the XOR magic. */
	static const uint32_t handles[] = {1, 0xffffffff, 0x12345678};
	uint8_t rops[2000];

	(void)state;
	for (size_t i = 0; i < sizeof(rops); i++)
		rops[i] = (uint8_t)(i / 50);
	for (unsigned flags = 0; flags < 8; flags++) {
		MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
		MX_AUTO(mx_buf_auto) struct mx_buf out = MX_BUF_INIT;
		struct mx_ropbuf got;
		struct mx_rd rd;
		bool last;

		assert_int_equal(mx_rpcext_pack(&out, flags, rops, sizeof(rops),
						handles, 3),
				 0);
		assert_int_equal(out.p[2], flags);
		if (flags & MX_RPCEXT_COMPRESSED)
			assert_true(out.len < 400);
		if (flags & MX_RPCEXT_XORMAGIC)
			assert_int_not_equal(out.p[8] ^ 0xa5, out.p[8]);
		mx_rd_init(&rd, out.p, out.len, &a);
		mx_rpcext_next(&rd, &got, &last);
		assert_int_equal(mx_rd_end(&rd), 0);
		assert_int_equal(last, !!(flags & MX_RPCEXT_LAST));
		assert_int_equal(got.rops.n, sizeof(rops));
		assert_memory_equal(got.rops.p, rops, sizeof(rops));
		assert_int_equal(got.n_handles, 3);
		assert_memory_equal(got.handles, handles, sizeof(handles));
	}
}

static void test_chained_buffers_come_one_by_one(void **state)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	MX_AUTO(mx_buf_auto) struct mx_buf out = MX_BUF_INIT;
	struct mx_ropbuf got;
	struct mx_rd rd;
	bool last = false;
	uint32_t h = 7;

	(void)state;
	for (int i = 0; i < 3; i++) {
		uint8_t rop = (uint8_t)i;

		assert_int_equal(mx_rpcext_pack(&out,
						i == 2 ? MX_RPCEXT_LAST : 0,
						&rop, 1, &h, i == 0),
				 0);
	}
	mx_rd_init(&rd, out.p, out.len, &a);
	for (int i = 0; i < 3; i++) {
		assert_false(last);
		mx_rpcext_next(&rd, &got, &last);
		assert_int_equal(got.rops.p[0], i);
		assert_int_equal(got.n_handles, i == 0);
	}
	assert_true(last);
	assert_int_equal(mx_rd_end(&rd), 0);
}

static void test_envelope_truncations_fail(void **state)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	MX_AUTO(mx_buf_auto) struct mx_buf out = MX_BUF_INIT;
	uint32_t h[2] = {1, 2};

	(void)state;
	mx_rpcext_pack(&out, MX_RPCEXT_LAST, "\x01\x00\x00", 3, h, 2);
	for (size_t cut = 0; cut < out.len; cut++) {
		struct mx_ropbuf got;
		struct mx_rd rd;
		bool last;

		mx_rd_init(&rd, out.p, cut, &a);
		mx_rpcext_next(&rd, &got, &last);
		assert_int_equal(mx_rd_end(&rd), -EBADMSG);
	}
}

static void test_envelope_over_64k_is_refused(void **state)
{
	MX_AUTO(mx_buf_auto) struct mx_buf out = MX_BUF_INIT;
	static uint8_t rops[65534];

	(void)state;
	assert_int_equal(mx_rpcext_pack(&out, 0, rops, 65534, NULL, 0),
			 -EMSGSIZE);
	assert_int_equal(mx_rpcext_pack(&out, 0, rops, 65533, NULL, 0), 0);
}

MX_TEST_MAIN(MX_TEST(test_lz77_known_vectors), MX_TEST(test_lz77_round_trips),
	     MX_TEST(test_lz77_truncations_fail),
	     MX_TEST(test_lz77_garbage_stays_inside),
	     MX_TEST(test_envelope_round_trips_with_all_flags),
	     MX_TEST(test_chained_buffers_come_one_by_one),
	     MX_TEST(test_envelope_truncations_fail),
	     MX_TEST(test_envelope_over_64k_is_refused))
