/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/rd.h"

#include <endian.h>
#include <string.h>

#include "base/utf.h"

const char *mx_rd_asciiz(struct mx_rd *rd)
{
	size_t left = mx_rd_left(rd);
	const uint8_t *nul = left ? memchr(rd->p, 0, left) : NULL;
	char *s;

	if (!nul || rd->err) {
		mx_rd_fail(rd, -EBADMSG);
		return "";
	}
	s = mx_arena_dup(rd->arena, rd->p, (size_t)(nul - rd->p) + 1);
	if (!s) {
		mx_rd_fail(rd, -ENOMEM);
		return "";
	}
	rd->p = nul + 1;
	return s;
}

/* Four code units, none of them 0 and all ASCII: neither u nor u - 1 is 0x80 or
 * more in any. */
static bool ascii_units(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	v = le64toh(v);
	return !((v | (v - UINT64_C(0x0001000100010001))) &
		 UINT64_C(0xff80ff80ff80ff80));
}

const char *mx_rd_utf16z(struct mx_rd *rd)
{
	size_t n = 0, left = mx_rd_left(rd), len;
	unsigned beyond = 0; /* ASCII, when it stays 0 */
	char *s;

	while (n + 8 <= left && ascii_units(rd->p + n))
		n += 8;
	for (; n + 2 <= left && (rd->p[n] || rd->p[n + 1]); n += 2)
		beyond |= rd->p[n + 1] | (rd->p[n] & 0x80u);
	if (rd->err || n + 2 > left) {
		mx_rd_fail(rd, -EBADMSG);
		return "";
	}
	len = beyond ? mx_utf8_from_utf16le(rd->p, n, NULL, 0) : n / 2;
	s = mx_arena_alloc(rd->arena, len + 1);
	if (!s) {
		mx_rd_fail(rd, -ENOMEM);
		return "";
	}
	mx_utf8_from_utf16le(rd->p, n, s, len);
	s[len] = '\0';
	rd->p += n + 2;
	return s;
}
