/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between property values (wire/prop.h) and the bytes a bag keeps of them.
 * Hosts are little-endian (asserted), so numbers are copied as they are.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/utf.h"
#include "store/bag.h"
#include "store/store.h"
#include "store/text.h"
#include "wire/restrict.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	      "the packed form is copied, not converted");

/* Bytes of a number of this type; 0 for what is no number. */
static size_t width(uint16_t type)
{
	switch (type) {
	case MX_PT_BOOLEAN:
		return 1;
	case MX_PT_I2:
		return 2;
	case MX_PT_LONG:
	case MX_PT_R4:
		return 4;
	case MX_PT_DOUBLE:
	case MX_PT_CURRENCY:
	case MX_PT_APPTIME:
	case MX_PT_I8:
	case MX_PT_SYSTIME:
		return 8;
	case MX_PT_CLSID:
		return 16;
	default:
		return 0;
	}
}

struct mx_propval mx_val_error(uint32_t tag, uint32_t code)
{
	return (struct mx_propval){.tag = MX_PROP_RETYPE(tag, MX_PT_ERROR),
				   .v.err = code};
}

bool mx_type_fits(uint16_t have, uint16_t want)
{
	if (want == have || want == MX_PT_UNSPECIFIED)
		return true;
	if (have == MX_PT_UNICODE)
		return want == MX_PT_STRING8;
	if (have == (MX_MV_FLAG | MX_PT_UNICODE))
		return want == (MX_MV_FLAG | MX_PT_STRING8);
	return false;
}

/* ---- In ---- */

static int set_bytes(struct mx_bag *b, uint32_t tag, const void *p, size_t n,
		     bool text)
{
	struct mx_bytes *big;
	int r;

	if (n > MX_STORE_MAX_VALUE)
		return MX_ANS_TOO_BIG;
	if (n <= MX_STORE_INLINE)
		return mx_bag_set_raw(b, tag, p, n + text);
	r = mx_bytes_from_mem(p, n, &big);
	if (r)
		return r;
	r = mx_bag_set_big(b, tag, big);
	mx_bytes_unref(big);
	return r;
}

static int set_text(struct mx_bag *b, const struct mx_propval *v, uint32_t cp)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	uint32_t tag = MX_PROP_RETYPE(v->tag, MX_PT_UNICODE);
	const char *s = v->v.str ? v->v.str : "";
	size_t n = strlen(s);

	if (MX_PROP_TYPE(v->tag) == MX_PT_STRING8 && cp != 65001) {
		s = mx_text_from_cp(cp, s, n, &a, &n);
		if (!s)
			return -ENOMEM;
	}
	return set_bytes(b, tag, s, n, true);
}

static void put_item(struct mx_buf *out, const void *p, size_t n)
{
	uint32_t len = (uint32_t)n;

	mx_buf_put(out, &len, 4);
	mx_buf_put(out, p, n);
}

static int put_strings(struct mx_buf *out, const struct mx_mv *mv, bool narrow,
		       uint32_t cp)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};

	for (uint32_t i = 0; i < mv->n; i++) {
		const char *s = mv->str[i] ? mv->str[i] : "";
		size_t n = strlen(s);

		if (narrow && cp != 65001)
			s = mx_text_from_cp(cp, s, n, &a, &n);
		if (!s)
			return -ENOMEM;
		put_item(out, s, n + 1);
	}
	return 0;
}

static int set_multiple(struct mx_bag *b, const struct mx_propval *v,
			uint32_t cp)
{
	MX_AUTO(mx_buf_auto) struct mx_buf out = {0};
	uint16_t type = MX_PROP_TYPE(v->tag) & (uint16_t)~MX_MV_FLAG;
	const struct mx_mv *mv = &v->v.mv;
	uint32_t tag = v->tag;
	int r = 0;

	out.max = MX_STORE_MAX_VALUE;
	mx_buf_put(&out, &mv->n, 4);
	switch (type) {
	case MX_PT_STRING8:
	case MX_PT_UNICODE:
		tag = MX_PROP_RETYPE(tag, MX_MV_FLAG | MX_PT_UNICODE);
		r = put_strings(&out, mv, type == MX_PT_STRING8, cp);
		break;
	case MX_PT_BINARY:
		for (uint32_t i = 0; i < mv->n; i++)
			put_item(&out, mv->bin[i].p, mv->bin[i].n);
		break;
	case MX_PT_BOOLEAN:
		return MX_ANS_INVALID_PARAM;
	default:
		if (!width(type))
			return MX_ANS_INVALID_PARAM;
		mx_buf_put(&out, mv->p, mv->n * width(type));
		break;
	}
	if (!r && out.err)
		r = out.err == -EMSGSIZE ? MX_ANS_TOO_BIG : out.err;
	return r ? r : set_bytes(b, tag, out.p, out.len, false);
}

static int set_restriction(struct mx_bag *b, const struct mx_propval *v)
{
	MX_AUTO(mx_free_auto) uint8_t *p = NULL;
	size_t n = mx_propval_size(v);
	struct mx_wr wr;

	p = malloc(n ? n : 1);
	if (!p)
		return -ENOMEM;
	mx_wr_init(&wr, p, n);
	mx_propdata_encode(&wr, MX_PT_SRESTRICT, &v->v);
	if (mx_wr_end(&wr))
		return MX_ANS_INVALID_PARAM;
	return set_bytes(b, v->tag, p, n, false);
}

int mx_bag_set(struct mx_bag *b, const struct mx_propval *v, uint32_t cp)
{
	uint16_t type = MX_PROP_TYPE(v->tag);
	uint8_t byte;

	if (type & MX_MV_INSTANCE)
		return MX_ANS_INVALID_PARAM;
	if (type & MX_MV_FLAG)
		return set_multiple(b, v, cp);
	switch (type) {
	case MX_PT_BOOLEAN:
		byte = v->v.b;
		return mx_bag_set_raw(b, v->tag, &byte, 1);
	case MX_PT_STRING8:
	case MX_PT_UNICODE:
		return set_text(b, v, cp);
	case MX_PT_BINARY:
	case MX_PT_SVREID:
	case MX_PT_ACTIONS:
		return set_bytes(b, v->tag, v->v.bin.p, v->v.bin.n, false);
	case MX_PT_SRESTRICT:
		return v->v.res ? set_restriction(b, v) : MX_ANS_INVALID_PARAM;
	default:
		if (!width(type))
			return MX_ANS_INVALID_PARAM;
		return mx_bag_set_raw(b, v->tag, &v->v, width(type));
	}
}

/* ---- Out ---- */

static size_t utf16_size(const char *s, size_t n)
{
	return mx_utf16le_from_utf8(s, n, NULL, 0) + 2;
}

static int get_text(const char *s, size_t n, uint32_t tag, bool narrow,
		    size_t max, uint32_t cp, struct mx_arena *a,
		    struct mx_propval *ret)
{
	size_t size = n + 1;

	ret->tag = MX_PROP_RETYPE(tag, narrow ? MX_PT_STRING8 : MX_PT_UNICODE);
	if (narrow && cp != 65001) {
		s = mx_text_to_cp(cp, s, n, a, &n);
		if (!s)
			return -ENOMEM;
		size = n + 1;
	} else if (!narrow && max && 2 * (n + 1) > max) {
		size = utf16_size(s, n);
	}
	ret->v.str = s;
	if (max && size > max)
		*ret = mx_val_error(tag, MX_EC_NOT_ENOUGH_MEMORY);
	return 0;
}

/* The next length-prefixed item; false at the end. */
static bool item(const uint8_t **p, size_t *left, struct mx_bin *ret)
{
	uint32_t n;

	if (*left < 4)
		return false;
	memcpy(&n, *p, 4);
	if (n > *left - 4)
		return false;
	*ret = (struct mx_bin){n, *p + 4};
	*p += 4 + n;
	*left -= 4 + n;
	return true;
}

static int get_items(const uint8_t *p, size_t n, uint32_t count, bool text,
		     bool narrow, uint32_t cp, struct mx_arena *a,
		     struct mx_mv *ret)
{
	struct mx_bin *bins = mx_arena_newv(a, struct mx_bin, count);
	const char **strs = mx_arena_newv(a, const char *, count);
	struct mx_bin it;

	if (!bins || !strs)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		size_t len;

		if (!item(&p, &n, &it) || (text && !it.n))
			return -EUCLEAN;
		bins[i] = it;
		strs[i] = (const char *)it.p;
		if (text && narrow && cp != 65001)
			strs[i] = mx_text_to_cp(cp, strs[i], it.n - 1, a, &len);
		if (text && !strs[i])
			return -ENOMEM;
	}
	ret->n = count;
	if (text)
		ret->str = strs;
	else
		ret->bin = bins;
	return 0;
}

static int get_multiple(const uint8_t *p, size_t n, uint32_t tag, bool narrow,
			uint32_t cp, struct mx_arena *a, struct mx_propval *ret)
{
	uint16_t type = MX_PROP_TYPE(tag) & (uint16_t)~MX_MV_FLAG;
	uint32_t count;

	if (n < 4)
		return -EUCLEAN;
	memcpy(&count, p, 4);
	p += 4;
	n -= 4;
	ret->tag = tag;
	if (type == MX_PT_UNICODE || type == MX_PT_BINARY) {
		bool text = type == MX_PT_UNICODE;

		if (count > n / 4)
			return -EUCLEAN;
		if (text && narrow)
			ret->tag =
				MX_PROP_RETYPE(tag, MX_MV_FLAG | MX_PT_STRING8);
		return get_items(p, n, count, text, narrow, cp, a, &ret->v.mv);
	}
	if (!width(type) || count != n / width(type) || n % width(type))
		return -EUCLEAN;
	ret->v.mv.n = count;
	ret->v.mv.p = mx_arena_dup(a, p, n); /* aligned */
	return ret->v.mv.p ? 0 : -ENOMEM;
}

static int get_restriction(const uint8_t *p, size_t n, struct mx_arena *a,
			   struct mx_propval *ret)
{
	struct mx_rd rd;

	mx_rd_init(&rd, p, n, a);
	mx_propdata_decode(&rd, MX_PT_SRESTRICT, &ret->v);
	return mx_rd_end(&rd) ? -EUCLEAN : 0;
}

/* The bytes of an entry: its own, or a large one's in the arena with a NUL. */
static int entry_bytes(const struct mx_ent *e, struct mx_arena *a,
		       const uint8_t **ret_p, size_t *ret_n)
{
	uint64_t n;
	uint8_t *p;

	if (!e->big) {
		*ret_p = e->p;
		*ret_n = e->len;
		return 0;
	}
	n = mx_bytes_size(e->big);
	p = mx_arena_alloc(a, n + 1);
	if (!p)
		return -ENOMEM;
	p[n] = 0;
	*ret_p = p;
	*ret_n = n + (MX_PROP_TYPE(e->tag) == MX_PT_UNICODE);
	return mx_bytes_read(e->big, 0, p, n);
}

int mx_ent_value(const struct mx_ent *e, uint32_t want, size_t max, uint32_t cp,
		 bool want_unicode, struct mx_arena *a, struct mx_propval *ret)
{
	uint16_t have = MX_PROP_TYPE(e->tag), type = MX_PROP_TYPE(want);
	uint64_t size = mx_ent_size(e);
	const uint8_t *p;
	bool narrow;
	size_t n;
	int r;

	if (!mx_type_fits(have, type)) {
		*ret = mx_val_error(want, MX_EC_NOT_FOUND);
		return 0;
	}
	narrow = type == MX_PT_UNSPECIFIED
			 ? !want_unicode
			 : (type & ~MX_MV_FLAG) == MX_PT_STRING8;
	/* UTF-16 is at least two thirds of UTF-8, everything else as long. */
	if (max && (have == MX_PT_UNICODE ? size / 3 * 2 : size) > max) {
		*ret = mx_val_error(want, MX_EC_NOT_ENOUGH_MEMORY);
		return 0;
	}
	r = entry_bytes(e, a, &p, &n);
	if (r)
		return r;
	ret->tag = e->tag;
	if (have & MX_MV_FLAG)
		return get_multiple(p, n, e->tag, narrow, cp, a, ret);
	switch (have) {
	case MX_PT_UNICODE:
		return get_text((const char *)p, n - 1, e->tag, narrow, max, cp,
				a, ret);
	case MX_PT_BOOLEAN:
		ret->v.b = n && p[0];
		return 0;
	case MX_PT_BINARY:
	case MX_PT_SVREID:
	case MX_PT_ACTIONS:
		ret->v.bin = (struct mx_bin){(uint32_t)n, p};
		return 0;
	case MX_PT_SRESTRICT:
		return get_restriction(p, n, a, ret);
	default:
		if (width(have) != n)
			return -EUCLEAN;
		memcpy(&ret->v, p, n);
		return 0;
	}
}

/* ---- Parts of values, for tables ---- */

/* Bytes of s whose UTF-16 form with its terminator fits max. */
static size_t fitting(const char *s, size_t n, size_t max)
{
	size_t at = 0, units = 1;

	while (at < n) {
		uint32_t c;
		size_t len = mx_utf8_next(s + at, n - at, &c);

		units += c > 0xffff ? 2 : 1;
		if (units * 2 > max)
			break;
		at += len;
	}
	return at;
}

int mx_val_cut(struct mx_propval *v, size_t max, struct mx_arena *a)
{
	size_t n, fit;

	switch (MX_PROP_TYPE(v->tag)) {
	case MX_PT_UNICODE:
		n = strlen(v->v.str);
		fit = 2 * (n + 1) <= max ? n : fitting(v->v.str, n, max);
		if (fit < n)
			v->v.str = mx_arena_strndup(a, v->v.str, fit);
		return v->v.str ? 0 : -ENOMEM;
	case MX_PT_STRING8:
		n = strlen(v->v.str);
		if (n >= max)
			v->v.str = mx_arena_strndup(a, v->v.str, max - 1);
		return v->v.str ? 0 : -ENOMEM;
	case MX_PT_BINARY:
		if (v->v.bin.n > max)
			v->v.bin.n = (uint32_t)max;
		return 0;
	default:
		if ((MX_PROP_TYPE(v->tag) & MX_MV_FLAG) &&
		    mx_propval_size(v) > max * 16)
			*v = mx_val_error(v->tag, MX_EC_NOT_ENOUGH_MEMORY);
		return 0;
	}
}

int mx_ent_part(const struct mx_ent *e, uint32_t want, size_t max, uint32_t cp,
		struct mx_arena *a, struct mx_propval *ret)
{
	uint16_t have = MX_PROP_TYPE(e->tag);
	struct mx_ent part = *e;
	size_t n;
	uint8_t *p;
	int r;

	if (e->big && !mx_type_fits(have, MX_PROP_TYPE(want))) {
		*ret = mx_val_error(want, MX_EC_NOT_FOUND);
		return 0;
	}
	if (e->big && (have == MX_PT_UNICODE || have == MX_PT_BINARY)) {
		/* More than enough of it: a character is up to 3 bytes a
		 * UTF-16 unit. */
		n = mx_bytes_size(e->big) < 2 * max ? mx_bytes_size(e->big)
						    : 2 * max;
		p = mx_arena_alloc(a, n + 1);
		r = p ? mx_bytes_read(e->big, 0, p, n) : -ENOMEM;
		if (r)
			return r;
		p[n] = 0;
		part = (struct mx_ent){.tag = e->tag,
				       .p = p,
				       .len = (uint32_t)n +
					      (have == MX_PT_UNICODE)};
	} else if (e->big && mx_bytes_size(e->big) > max * 16) {
		*ret = mx_val_error(want, MX_EC_NOT_ENOUGH_MEMORY);
		return 0;
	}
	r = mx_ent_value(&part, want, 0, cp, true, a, ret);
	return r ? r : mx_val_cut(ret, max, a);
}
