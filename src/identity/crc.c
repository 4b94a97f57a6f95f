/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32, made for what is short and known by its length: SIDs and records are
 * a few words of 32 bits.
 *
 * The CRC of n words is the sum of the words, each multiplied by x^32 as often
 * as there are words from it to the end, modulo the polynomial.  So with
 * carry-less multiplication no word waits for another one's: n products with
 * constants, and one reduction of the 64 bits that they add up to (Barrett's:
 * two more).  Anything longer, and other processors, take a table.
 */
#include "identity/crc.h"

#include <endian.h>
#include <string.h>
#if defined(__x86_64__)
#include <wmmintrin.h>
#endif

/* Reflected polynomial 0xedb88320, eight bytes at a time: what each of the 16
 * half bytes does to the CRC, given by its four bits since CRC-32 is linear.
 * 1 KiB, needs no initialisation, and the look-ups do not wait for each other. */
#define NIBBLE(a, b, c, d)                                                     \
	{                                                                      \
		0, a, b, (a) ^ (b), c, (a) ^ (c), (b) ^ (c), (a) ^ (b) ^ (c),  \
			d, (a) ^ (d), (b) ^ (d), (a) ^ (b) ^ (d), (c) ^ (d),   \
			(a) ^ (c) ^ (d), (b) ^ (c) ^ (d),                      \
			(a) ^ (b) ^ (c) ^ (d)                                  \
	}

uint32_t mx_crc32_plain(uint32_t crc, const void *bytes, size_t n)
{
	static const uint32_t table[16][16] = {
		NIBBLE(0xccaa009e, 0x4225077d, 0x844a0efa, 0xd3e51bb5),
		NIBBLE(0x7cbb312b, 0xf9766256, 0x299dc2ed, 0x533b85da),
		NIBBLE(0xa6770bb4, 0x979f1129, 0xf44f2413, 0x33ef4e67),
		NIBBLE(0x67de9cce, 0xcfbd399c, 0x440b7579, 0x8816eaf2),
		NIBBLE(0xcb5cd3a5, 0x4dc8a10b, 0x9b914216, 0xec53826d),
		NIBBLE(0x03d6029b, 0x07ac0536, 0x0f580a6c, 0x1eb014d8),
		NIBBLE(0x3d6029b0, 0x7ac05360, 0xf580a6c0, 0x30704bc1),
		NIBBLE(0x60e09782, 0xc1c12f04, 0x58f35849, 0xb1e6b092),
		NIBBLE(0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef),
		NIBBLE(0x5019579f, 0xa032af3e, 0x9b14583d, 0xed59b63b),
		NIBBLE(0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8),
		NIBBLE(0x1c26a370, 0x384d46e0, 0x709a8dc0, 0xe1351b80),
		NIBBLE(0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08),
		NIBBLE(0x4ac21251, 0x958424a2, 0xf0794f05, 0x3b83984b),
		NIBBLE(0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832),
		NIBBLE(0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320),
	};
	const uint8_t *p = bytes;
	uint32_t half;
	uint64_t w;

	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&w, p, 8);
		w = le64toh(w) ^ crc;
		crc = 0;
#pragma GCC unroll 16
		for (int i = 0; i < 16; i++)
			crc ^= table[i][w >> 4 * i & 15];
	}
	if (n >= 4) {
		memcpy(&half, p, 4);
		half = le32toh(half) ^ crc;
		crc = 0;
#pragma GCC unroll 8
		for (int i = 0; i < 8; i++)
			crc ^= table[8 + i][half >> 4 * i & 15];
		n -= 4;
		p += 4;
	}
	for (; n; n--, p++) {
		crc = table[15][(crc ^ *p) & 15] ^ crc >> 4;
		crc = table[15][(crc ^ *p >> 4) & 15] ^ crc >> 4;
	}
	return ~crc;
}

#if defined(__x86_64__)

#define WORDS_MAX 20

/* x^(32 i) modulo the polynomial, i = 1…20, bits reflected and shifted by the
 * one that a reflected product lacks. */
static const uint64_t powers[WORDS_MAX] = {
	0x1db710640, 0x163cd6124, 0x0ccaa009e, 0x140d44a2e, 0x1751997d0,
	0x065673b46, 0x15a546366, 0x1dac4fb5c, 0x0f1da05aa, 0x14e01d2d4,
	0x174359406, 0x02a283862, 0x03db1ecdc, 0x1b2bdfa4c, 0x1c6e41596,
	0x111a288ce, 0x154442bd4, 0x0653d9822, 0x0ae0b5394, 0x08e42b13e,
};

#define POLYNOMIAL 0x1db710641 /* reflected, all 33 bits */
#define QUOTIENT 0x1f7011641   /* x^64 divided by it, reflected */

__attribute__((__target__("pclmul"))) static __m128i times(__m128i v,
							   uint64_t by)
{
	return _mm_clmulepi64_si128(v, _mm_cvtsi64_si128((int64_t)by), 0);
}

__attribute__((__target__("pclmul"))) static uint32_t
crc_of_words(uint32_t crc, const uint8_t *p, size_t n)
{
	const __m128i low = _mm_cvtsi32_si128(-1);
	__m128i sum = _mm_setzero_si128(), q;

	for (; n; n--, p += 4) {
		uint32_t w;

		memcpy(&w, p, 4);
		sum = _mm_xor_si128(sum,
				    times(_mm_cvtsi32_si128((int)(w ^ crc)),
					  powers[n - 1]));
		crc = 0;
	}
	q = times(_mm_and_si128(sum, low), QUOTIENT);
	q = times(_mm_and_si128(q, low), POLYNOMIAL);
	return (uint32_t)((uint64_t)_mm_cvtsi128_si64(_mm_xor_si128(sum, q)) >>
			  32);
}

uint32_t mx_crc32(uint32_t crc, const void *p, size_t n)
{
	if (n && n % 4 == 0 && n / 4 <= WORDS_MAX &&
	    __builtin_cpu_supports("pclmul"))
		return ~crc_of_words(~crc, p, n / 4);
	return mx_crc32_plain(crc, p, n);
}

#else

uint32_t mx_crc32(uint32_t crc, const void *p, size_t n)
{
	return mx_crc32_plain(crc, p, n);
}

#endif
