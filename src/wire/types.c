/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/types.h"

#include <stdio.h>

#include "base/rand.h"
#include "base/utf.h"

void mx_guid_format(const struct mx_guid *g, char buf[MX_GUID_STRLEN + 1])
{
	const uint8_t *b = g->b;

	snprintf(buf, MX_GUID_STRLEN + 1,
		 "%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-"
		 "%02X%02X%02X%02X%02X%02X",
		 b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9],
		 b[10], b[11], b[12], b[13], b[14], b[15]);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int mx_guid_parse(const char *s, struct mx_guid *ret)
{
	static const uint8_t place[16] = {3, 2, 1,  0,  5,  4,  7,  6,
					  8, 9, 10, 11, 12, 13, 14, 15};
	bool brace = *s == '{';
	struct mx_guid g;

	s += brace;
	for (int i = 0; i < 16; i++) {
		int hi, lo;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *s++ != '-')
			return -EINVAL;
		hi = hex(s[0]);
		lo = hi < 0 ? -1 : hex(s[1]);
		if (lo < 0)
			return -EINVAL;
		g.b[place[i]] = (uint8_t)(hi << 4 | lo);
		s += 2;
	}
	if ((brace && *s++ != '}') || *s)
		return -EINVAL;
	*ret = g;
	return 0;
}

int mx_guid_random(struct mx_guid *ret)
{
	struct mx_guid g;
	int r = mx_random(g.b, sizeof(g.b));

	if (r < 0)
		return r;
	g.b[7] = (uint8_t)((g.b[7] & 0x0f) | 0x40);
	g.b[8] = (uint8_t)((g.b[8] & 0x3f) | 0x80);
	*ret = g;
	return 0;
}

void mx_guid_decode(struct mx_rd *rd, struct mx_guid *ret)
{
	const uint8_t *p = mx_rd_bytes(rd, 16);

	if (p)
		memcpy(ret->b, p, 16);
	else
		memset(ret->b, 0, 16);
}

void mx_guid_encode(struct mx_wr *wr, const struct mx_guid *g)
{
	mx_wr_bytes(wr, g->b, 16);
}

void mx_ltid_decode(struct mx_rd *rd, struct mx_ltid *ret)
{
	const uint8_t *p;

	mx_guid_decode(rd, &ret->replica);
	p = mx_rd_bytes(rd, 6);
	if (p)
		memcpy(ret->globcnt, p, 6);
	else
		memset(ret->globcnt, 0, 6);
	mx_rd_u16(rd); /* Pad: ignored on receipt */
}

void mx_ltid_encode(struct mx_wr *wr, const struct mx_ltid *id)
{
	mx_guid_encode(wr, &id->replica);
	mx_wr_bytes(wr, id->globcnt, 6);
	mx_wr_u16(wr, 0);
}

void mx_propname_decode(struct mx_rd *rd, struct mx_propname *ret)
{
	struct mx_rd sub;

	*ret = (struct mx_propname){.kind = mx_rd_u8(rd)};
	mx_guid_decode(rd, &ret->guid);
	if (!mx_rd_ok(rd))
		return;
	switch (ret->kind) {
	case MX_KIND_LID:
		ret->lid = mx_rd_u32(rd);
		break;
	case MX_KIND_NAME:
		sub = mx_rd_sub(rd, mx_rd_u8(rd));
		ret->name = mx_rd_utf16z(&sub);
		mx_rd_join(rd, &sub);
		break;
	case MX_KIND_NONE:
		break;
	default:
		mx_rd_fail(rd, -EBADMSG);
	}
}

void mx_propname_encode(struct mx_wr *wr, const struct mx_propname *name)
{
	size_t n;

	mx_wr_u8(wr, name->kind);
	mx_guid_encode(wr, &name->guid);
	if (name->kind == MX_KIND_LID)
		mx_wr_u32(wr, name->lid);
	if (name->kind != MX_KIND_NAME)
		return;
	n = mx_utf16le_from_utf8(name->name, strlen(name->name), NULL, 0);
	mx_wr_count(wr, n + 2, 1);
	mx_wr_utf16z(wr, name->name);
}

void mx_propproblem_decode(struct mx_rd *rd, struct mx_propproblem *ret)
{
	ret->index = mx_rd_u16(rd);
	ret->tag = mx_rd_u32(rd);
	ret->code = mx_rd_u32(rd);
}

void mx_propproblem_encode(struct mx_wr *wr, const struct mx_propproblem *p)
{
	mx_wr_u16(wr, p->index);
	mx_wr_u32(wr, p->tag);
	mx_wr_u32(wr, p->code);
}

void mx_sortorder_decode(struct mx_rd *rd, struct mx_sortorder *ret)
{
	ret->tag = mx_rd_u32(rd);
	ret->order = mx_rd_u8(rd);
}

void mx_sortorder_encode(struct mx_wr *wr, const struct mx_sortorder *s)
{
	mx_wr_u32(wr, s->tag);
	mx_wr_u8(wr, s->order);
}

/* Units below 0x100, one byte each, are Latin-1. */
static const char *decode_reduced(struct mx_rd *rd)
{
	const char *raw = mx_rd_asciiz(rd);
	size_t n = strlen(raw), len = 0;
	char *s = mx_rd_alloc(rd, 1, 2 * n + 1);

	if (!s)
		return "";
	for (size_t i = 0; i < n; i++)
		len += mx_utf8_put((unsigned char)raw[i], s + len);
	return s;
}

void mx_typedstr_decode(struct mx_rd *rd, struct mx_typedstr *ret)
{
	*ret = (struct mx_typedstr){.kind = mx_rd_u8(rd)};
	if (!mx_rd_ok(rd))
		return;
	switch (ret->kind) {
	case MX_TYPEDSTR_NONE:
		break;
	case MX_TYPEDSTR_EMPTY:
		ret->s = "";
		break;
	case MX_TYPEDSTR_8BIT:
		ret->s = mx_rd_asciiz(rd);
		break;
	case MX_TYPEDSTR_REDUCED:
		ret->s = decode_reduced(rd);
		break;
	case MX_TYPEDSTR_UNICODE:
		ret->s = mx_rd_utf16z(rd);
		break;
	default:
		mx_rd_fail(rd, -EBADMSG);
	}
}

static void encode_reduced(struct mx_wr *wr, const char *s)
{
	size_t n = strlen(s);
	uint32_t cp;

	while (n) {
		size_t used = mx_utf8_next(s, n, &cp);

		if (cp > 0xff)
			wr->err = -EINVAL;
		mx_wr_u8(wr, (uint8_t)cp);
		s += used;
		n -= used;
	}
	mx_wr_u8(wr, 0);
}

void mx_typedstr_encode(struct mx_wr *wr, const struct mx_typedstr *s)
{
	mx_wr_u8(wr, s->kind);
	if (s->kind == MX_TYPEDSTR_8BIT)
		mx_wr_asciiz(wr, s->s);
	else if (s->kind == MX_TYPEDSTR_REDUCED)
		encode_reduced(wr, s->s);
	else if (s->kind == MX_TYPEDSTR_UNICODE)
		mx_wr_utf16z(wr, s->s);
}

struct mx_typedstr mx_typedstr_make(const char *s)
{
	size_t n = s ? strlen(s) : 0;
	const char *p = s;
	uint32_t cp;

	if (!s)
		return (struct mx_typedstr){MX_TYPEDSTR_NONE, NULL};
	if (!n)
		return (struct mx_typedstr){MX_TYPEDSTR_EMPTY, ""};
	while (n) {
		size_t used = mx_utf8_next(p, n, &cp);

		if (cp > 0xff)
			return (struct mx_typedstr){MX_TYPEDSTR_UNICODE, s};
		p += used;
		n -= used;
	}
	return (struct mx_typedstr){MX_TYPEDSTR_REDUCED, s};
}
