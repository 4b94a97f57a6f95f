/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/sid.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/rand.h"
#include "identity/crc.h"

#define AUTHORITY_MAX ((UINT64_C(1) << 48) - 1)
#define AUTHORITY_NT 5
#define AUTHORITY_UNIX 22
#define SUB_NT_DOMAIN 21 /* S-1-5-21-… */
#define SUB_UNIX_USER 1  /* S-1-22-1-uid; S-1-22-2-gid are groups */

bool mx_sid_valid(const struct mx_sid *sid)
{
	return sid->n_subs >= 1 && sid->n_subs <= MX_SID_MAX_SUBS &&
	       sid->authority <= AUTHORITY_MAX;
}

bool mx_sid_equal(const struct mx_sid *a, const struct mx_sid *b)
{
	return mx_sid_compare(a, b) == 0;
}

int mx_sid_compare(const struct mx_sid *a, const struct mx_sid *b)
{
	if (a->authority != b->authority)
		return a->authority < b->authority ? -1 : 1;
	for (unsigned i = 0; i < MX_SID_MAX_SUBS; i++) {
		if (i >= a->n_subs || i >= b->n_subs)
			break;
		if (a->sub[i] != b->sub[i])
			return a->sub[i] < b->sub[i] ? -1 : 1;
	}
	return (a->n_subs > b->n_subs) - (a->n_subs < b->n_subs);
}

/* Reads decimal digits up to max; at least one, no sign, no spaces. */
static bool read_decimal(const char **p, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	const char *s = *p;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > max)
			return false;
	}
	*p = s;
	*ret = v;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* [MS-DTYP] 2.4.2.1: decimal below 2^32, else "0x" and twelve digits. */
static bool read_authority(const char **p, uint64_t *ret)
{
	const char *s = *p;
	uint64_t v = 0;

	if (s[0] != '0' || (s[1] != 'x' && s[1] != 'X'))
		return read_decimal(p, AUTHORITY_MAX, ret);
	s += 2;
	for (int i = 0; i < 12; i++, s++) {
		int d = hex_digit(*s);

		if (d < 0)
			return false;
		v = v << 4 | (uint64_t)d;
	}
	*p = s;
	*ret = v;
	return true;
}

int mx_sid_parse(const char *text, struct mx_sid *ret)
{
	struct mx_sid sid = MX_SID_NONE;
	const char *p = text;
	uint64_t v;

	if ((p[0] != 'S' && p[0] != 's') || p[1] != '-' || p[2] != '1' ||
	    p[3] != '-')
		return -EINVAL;
	p += 4;
	if (!read_authority(&p, &sid.authority))
		return -EINVAL;
	while (*p == '-') {
		p++;
		if (sid.n_subs == MX_SID_MAX_SUBS ||
		    !read_decimal(&p, UINT32_MAX, &v))
			return -EINVAL;
		sid.sub[sid.n_subs++] = (uint32_t)v;
	}
	if (*p != '\0' || !mx_sid_valid(&sid))
		return -EINVAL;
	*ret = sid;
	return 0;
}

const char *mx_sid_format(const struct mx_sid *sid, char buf[MX_SID_MAX_STR])
{
	size_t n;

	if (!mx_sid_valid(sid)) {
		snprintf(buf, MX_SID_MAX_STR, "(no SID)");
		return buf;
	}
	if (sid->authority <= UINT32_MAX)
		n = (size_t)snprintf(buf, MX_SID_MAX_STR, "S-1-%" PRIu64,
				     sid->authority);
	else
		n = (size_t)snprintf(buf, MX_SID_MAX_STR, "S-1-0x%012" PRIX64,
				     sid->authority);
	for (unsigned i = 0; i < sid->n_subs && n < MX_SID_MAX_STR; i++)
		n += (size_t)snprintf(buf + n, MX_SID_MAX_STR - n, "-%" PRIu32,
				      sid->sub[i]);
	return buf;
}

/* Whole words where the form has them, for whoever reads it again in words. */
size_t mx_sid_pack(const struct mx_sid *sid, uint8_t buf[MX_SID_MAX_BYTES])
{
	uint64_t head;
	uint32_t sub;

	if (!mx_sid_valid(sid))
		return 0;
	head = htobe64(UINT64_C(1) << 56 | (uint64_t)sid->n_subs << 48 |
		       sid->authority);
	memcpy(buf, &head, 8);
	for (unsigned i = 0; i < sid->n_subs; i++) {
		sub = htole32(sid->sub[i]);
		memcpy(buf + 8 + 4 * (size_t)i, &sub, 4);
	}
	return 8 + 4 * (size_t)sid->n_subs;
}

int mx_sid_unpack(const void *bytes, size_t n, struct mx_sid *ret)
{
	struct mx_sid sid = MX_SID_NONE;
	const uint8_t *p = bytes;

	if (n < 12 || p[0] != 1 || p[1] < 1 || p[1] > MX_SID_MAX_SUBS ||
	    n != 8 + 4 * (size_t)p[1])
		return -EBADMSG;
	sid.n_subs = p[1];
	for (int i = 2; i < 8; i++)
		sid.authority = sid.authority << 8 | p[i];
	p += 8;
	for (unsigned i = 0; i < sid.n_subs; i++, p += 4)
		sid.sub[i] = (uint32_t)p[0] | (uint32_t)p[1] << 8 |
			     (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	*ret = sid;
	return 0;
}

uint32_t mx_sid_crc(const struct mx_sid *sid)
{
	uint8_t buf[MX_SID_MAX_BYTES];
	size_t n = mx_sid_pack(sid, buf);

	return n ? mx_crc32(0, buf, n) : 0;
}

struct mx_sid mx_sid_unix(uid_t uid)
{
	return (struct mx_sid){
		.authority = AUTHORITY_UNIX,
		.n_subs = 2,
		.sub = {SUB_UNIX_USER, uid},
	};
}

bool mx_sid_is_unix(const struct mx_sid *sid, uid_t *ret)
{
	if (sid->authority != AUTHORITY_UNIX || sid->n_subs != 2 ||
	    sid->sub[0] != SUB_UNIX_USER)
		return false;
	*ret = sid->sub[1];
	return true;
}

int mx_sid_random(uint32_t rid, struct mx_sid *ret)
{
	uint32_t r[3];
	int err = mx_random(r, sizeof(r));

	if (err)
		return err;
	*ret = (struct mx_sid){
		.authority = AUTHORITY_NT,
		.n_subs = 5,
		.sub = {SUB_NT_DOMAIN, r[0], r[1], r[2], rid},
	};
	return 0;
}

int mx_sid_with_rid(const struct mx_sid *sid, uint32_t rid, struct mx_sid *ret)
{
	struct mx_sid out = *sid;

	if (!mx_sid_valid(sid))
		return -EINVAL;
	out.sub[out.n_subs - 1] = rid;
	*ret = out;
	return 0;
}
