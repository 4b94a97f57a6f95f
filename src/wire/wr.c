/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/wr.h"

#include "base/utf.h"

void mx_wr_asciiz(struct mx_wr *wr, const char *s)
{
	mx_wr_bytes(wr, s ? s : "", s ? strlen(s) + 1 : 1);
}

void mx_wr_utf16z(struct mx_wr *wr, const char *s)
{
	size_t n = s ? strlen(s) : 0;
	size_t room = wr->len < wr->cap ? wr->cap - wr->len : 0;
	size_t need =
		mx_utf16le_from_utf8(s, n, room ? wr->p + wr->len : NULL, room);

	wr->len += need;
	mx_wr_u16(wr, 0);
}
