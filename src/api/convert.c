/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "api/convert.h"
#include "api/hresult.h"
#include "api/text.h"
#include "base/limits.h"
#include "base/utf.h"

#define BASE(type) ((type) & ~(ULONG)MVI_FLAG)

uint32_t mx_conv_tag(ULONG tag)
{
	ULONG type = PROP_TYPE(tag);

	if (BASE(type) == PT_STRING8)
		type = (type & MVI_FLAG) | PT_UNICODE;
	return CHANGE_PROP_TYPE(tag, type);
}

struct mx_tags mx_conv_tags(struct mx_arena *a, const SPropTagArray *tags)
{
	uint32_t *p = mx_arena_newv(a, uint32_t, tags->cValues + 1);

	for (ULONG i = 0; p && i < tags->cValues; i++)
		p[i] = mx_conv_tag(tags->aulPropTag[i]);
	return (struct mx_tags){tags->cValues, p};
}

/* ---- in ---- */

static uint64_t ft64(FILETIME ft)
{
	return (uint64_t)ft.dwHighDateTime << 32 | ft.dwLowDateTime;
}

static int in_one(struct mx_arena *a, ULONG type, const union _PV *v,
		  union mx_propdata *ret)
{
	switch (type) {
	case PT_I2:
		ret->i2 = v->i;
		return 0;
	case PT_LONG:
		ret->i4 = v->l;
		return 0;
	case PT_R4:
		ret->r4 = v->flt;
		return 0;
	case PT_DOUBLE:
	case PT_APPTIME:
		ret->r8 = v->dbl;
		return 0;
	case PT_CURRENCY:
		ret->i8 = v->cur.int64;
		return 0;
	case PT_I8:
		ret->i8 = v->li.QuadPart;
		return 0;
	case PT_BOOLEAN:
		ret->b = v->b != 0;
		return 0;
	case PT_SYSTIME:
		ret->ft = ft64(v->ft);
		return 0;
	case PT_STRING8:
		ret->str = v->lpszA;
		return v->lpszA ? 0 : -EINVAL;
	case PT_UNICODE:
		if (!v->lpszW)
			return -EINVAL;
		ret->str = mx_text_narrow(a, v->lpszW);
		return ret->str ? 0 : -ENOMEM;
	case PT_CLSID:
		if (!v->lpguid)
			return -EINVAL;
		memcpy(&ret->guid, v->lpguid, sizeof(ret->guid));
		return 0;
	case PT_BINARY:
	case PT_SVREID:
		if (v->bin.cb && !v->bin.lpb)
			return -EINVAL;
		ret->bin = (struct mx_bin){v->bin.cb, v->bin.lpb};
		return 0;
	default:
		return -EINVAL;
	}
}

static int in_strings(struct mx_arena *a, const SPropValue *v, ULONG type,
		      struct mx_mv *ret)
{
	const char **p = mx_arena_newv(a, const char *, ret->n + 1);

	if (!p)
		return -ENOMEM;
	for (ULONG i = 0; i < ret->n; i++) {
		if (type == PT_STRING8) {
			p[i] = v->Value.MVszA.lppszA[i];
		} else if (v->Value.MVszW.lppszW[i]) {
			p[i] = mx_text_narrow(a, v->Value.MVszW.lppszW[i]);
			if (!p[i])
				return -ENOMEM;
		}
		if (!p[i])
			return -EINVAL;
	}
	ret->str = p;
	return 0;
}

static int in_bins(struct mx_arena *a, const SPropValue *v, struct mx_mv *ret)
{
	struct mx_bin *p = mx_arena_newv(a, struct mx_bin, ret->n + 1);

	if (!p)
		return -ENOMEM;
	for (ULONG i = 0; i < ret->n; i++) {
		p[i].n = v->Value.MVbin.lpbin[i].cb;
		p[i].p = v->Value.MVbin.lpbin[i].lpb;
		if (p[i].n && !p[i].p)
			return -EINVAL;
	}
	ret->bin = p;
	return 0;
}

static int in_multi(struct mx_arena *a, const SPropValue *v, ULONG type,
		    struct mx_mv *ret)
{
	ret->n = v->Value.MVl.cValues;
	if (ret->n && !v->Value.MVl.lpl)
		return -EINVAL;
	switch (type) {
	case PT_STRING8:
	case PT_UNICODE:
		return in_strings(a, v, type, ret);
	case PT_BINARY:
		return in_bins(a, v, ret);
	case PT_I2:
	case PT_LONG:
	case PT_R4:
	case PT_DOUBLE:
	case PT_APPTIME:
	case PT_CURRENCY:
	case PT_I8:
	case PT_SYSTIME: /* two halves, low first: a u64 here */
	case PT_CLSID:
		ret->p = v->Value.MVl.lpl;
		return 0;
	default:
		return -EINVAL;
	}
}

int mx_conv_in(struct mx_arena *a, const SPropValue *v, struct mx_propval *ret)
{
	ULONG type = PROP_TYPE(v->ulPropTag);

	*ret = (struct mx_propval){.tag = mx_conv_tag(v->ulPropTag)};
	/* A value of an instance column is single. */
	if ((type & MVI_FLAG) == MVI_FLAG) {
		type = BASE(type);
		ret->tag = MX_PROP_RETYPE(ret->tag, mx_col_type(ret->tag));
	}
	if (type & MV_FLAG)
		return in_multi(a, v, BASE(type), &ret->v.mv);
	return in_one(a, type, &v->Value, &ret->v);
}

/* ---- restrictions ---- */

struct res_in {
	struct mx_arena *a;
	unsigned nodes;
};

static int res_in(struct res_in *c, const SRestriction *r, unsigned depth,
		  struct mx_restrict *ret);

static int res_child(struct res_in *c, const SRestriction *r, unsigned depth,
		     struct mx_restrict **ret)
{
	struct mx_restrict *p;

	if (!r)
		return -EINVAL;
	p = mx_arena_new(c->a, struct mx_restrict);
	if (!p)
		return -ENOMEM;
	*ret = p;
	return res_in(c, r, depth + 1, p);
}

static int res_list(struct res_in *c, ULONG n, const SRestriction *r,
		    unsigned depth, struct mx_restrict *ret)
{
	int err = 0;

	if (n && !r)
		return -EINVAL;
	if (n > MX_MAX_RESTRICT_NODES)
		return -E2BIG;
	ret->list.n = n;
	ret->list.p = mx_arena_newv(c->a, struct mx_restrict, n + 1);
	if (!ret->list.p)
		return -ENOMEM;
	for (ULONG i = 0; !err && i < n; i++)
		err = res_in(c, &r[i], depth + 1, &ret->list.p[i]);
	return err;
}

static int res_comment(struct res_in *c, const SCommentRestriction *r,
		       unsigned depth, struct mx_restrict *ret)
{
	int err = 0;

	if ((r->cValues && !r->lpProp) || r->cValues > UINT8_MAX)
		return -EINVAL;
	ret->comment.n = r->cValues;
	ret->comment.vals =
		mx_arena_newv(c->a, struct mx_propval, r->cValues + 1);
	if (!ret->comment.vals)
		return -ENOMEM;
	for (ULONG i = 0; !err && i < r->cValues; i++)
		err = mx_conv_in(c->a, &r->lpProp[i], &ret->comment.vals[i]);
	if (err || !r->lpRes)
		return err;
	return res_child(c, r->lpRes, depth, &ret->comment.res);
}

static int res_value(struct res_in *c, const SPropValue *v,
		     struct mx_propval *ret)
{
	return v ? mx_conv_in(c->a, v, ret) : -EINVAL;
}

static int res_in(struct res_in *c, const SRestriction *r, unsigned depth,
		  struct mx_restrict *ret)
{
	if (depth > MX_MAX_RESTRICT_DEPTH || ++c->nodes > MX_MAX_RESTRICT_NODES)
		return -E2BIG;
	*ret = (struct mx_restrict){.type = (uint8_t)r->rt};
	switch (r->rt) {
	case RES_AND:
	case RES_OR:
		return res_list(c, r->res.resAnd.cRes, r->res.resAnd.lpRes,
				depth, ret);
	case RES_NOT:
		return res_child(c, r->res.resNot.lpRes, depth, &ret->sub.res);
	case RES_CONTENT:
		ret->content.fuzzy_low =
			(uint16_t)r->res.resContent.ulFuzzyLevel;
		ret->content.fuzzy_high =
			(uint16_t)(r->res.resContent.ulFuzzyLevel >> 16);
		ret->content.tag = mx_conv_tag(r->res.resContent.ulPropTag);
		return res_value(c, r->res.resContent.lpProp,
				 &ret->content.val);
	case RES_PROPERTY:
		ret->prop.relop = (uint8_t)r->res.resProperty.relop;
		ret->prop.tag = mx_conv_tag(r->res.resProperty.ulPropTag);
		return res_value(c, r->res.resProperty.lpProp, &ret->prop.val);
	case RES_COMPAREPROPS:
		ret->compare.relop = (uint8_t)r->res.resCompareProps.relop;
		ret->compare.tag1 =
			mx_conv_tag(r->res.resCompareProps.ulPropTag1);
		ret->compare.tag2 =
			mx_conv_tag(r->res.resCompareProps.ulPropTag2);
		return 0;
	case RES_BITMASK:
		ret->bitmask.relop = (uint8_t)r->res.resBitMask.relBMR;
		ret->bitmask.tag = r->res.resBitMask.ulPropTag;
		ret->bitmask.mask = r->res.resBitMask.ulMask;
		return 0;
	case RES_SIZE:
		ret->size.relop = (uint8_t)r->res.resSize.relop;
		ret->size.tag = mx_conv_tag(r->res.resSize.ulPropTag);
		ret->size.size = r->res.resSize.cb;
		return 0;
	case RES_EXIST:
		ret->exist.tag = mx_conv_tag(r->res.resExist.ulPropTag);
		return 0;
	case RES_SUBRESTRICTION:
		ret->subobj.subobject = r->res.resSub.ulSubObject;
		return res_child(c, r->res.resSub.lpRes, depth,
				 &ret->subobj.res);
	case RES_COMMENT:
		return res_comment(c, &r->res.resComment, depth, ret);
	case RES_COUNT:
		ret->count.count = r->res.resCount.ulCount;
		return res_child(c, r->res.resCount.lpRes, depth,
				 &ret->count.res);
	default:
		return -EINVAL;
	}
}

int mx_conv_restrict(struct mx_arena *a, const SRestriction *r,
		     struct mx_restrict *ret)
{
	struct res_in c = {a, 0};

	return res_in(&c, r, 1, ret);
}

/* ---- out ---- */

void *mx_bump_take(struct mx_bump *b, size_t n)
{
	char *p = b->p ? b->p + b->at : NULL;

	b->at += (n + 7) & ~(size_t)7;
	return p;
}

static void *out_bytes(struct mx_bump *b, const void *src, size_t n)
{
	void *p = mx_bump_take(b, n);

	if (p && n)
		memcpy(p, src, n);
	return p;
}

static LPSTR out_narrow(struct mx_bump *b, const char *s)
{
	s = s ? s : "";
	return out_bytes(b, s, strlen(s) + 1);
}

/* Text that is not worth counting first. */
#define SHORT_TEXT 256u

static LPWSTR out_wide(struct mx_bump *b, const char *s)
{
	WCHAR *p = b->p ? (void *)(b->p + b->at) : NULL;
	size_t len, n;

	s = s ? s : "";
	len = strlen(s);
	/* There is room for it: the pass before counted the same characters, or
	 * one for each byte of what is short. */
	n = p || len > SHORT_TEXT ? mx_wchar_from_utf8(s, len, p, p ? len : 0)
				  : len;
	if (p)
		p[n] = 0;
	return mx_bump_take(b, (n + 1) * sizeof(*p));
}

static bool out_error(SPropValue *out, SCODE err)
{
	out->ulPropTag = CHANGE_PROP_TYPE(out->ulPropTag, PT_ERROR);
	out->Value.err = err;
	return false;
}

/* type: what the value is; as: which of the string types is wanted. */
static bool out_one(struct mx_bump *b, const union mx_propdata *v, ULONG type,
		    ULONG as, SPropValue *out)
{
	union _PV *o = &out->Value;

	switch (type) {
	case PT_I2:
		o->i = v->i2;
		return true;
	case PT_LONG:
		o->l = v->i4;
		return true;
	case PT_R4:
		o->flt = v->r4;
		return true;
	case PT_DOUBLE:
	case PT_APPTIME:
		o->dbl = v->r8;
		return true;
	case PT_CURRENCY:
		o->cur.int64 = v->i8;
		return true;
	case PT_I8:
		o->li.QuadPart = v->i8;
		return true;
	case PT_BOOLEAN:
		o->b = v->b;
		return true;
	case PT_SYSTIME:
		o->ft = mx_conv_filetime(v->ft);
		return true;
	case PT_STRING8:
	case PT_UNICODE:
		if (as == PT_UNICODE)
			o->lpszW = out_wide(b, v->str);
		else
			o->lpszA = out_narrow(b, v->str);
		return true;
	case PT_CLSID:
		o->lpguid = out_bytes(b, &v->guid, sizeof(v->guid));
		return true;
	case PT_BINARY:
	case PT_SVREID:
		o->bin.cb = v->bin.n;
		o->bin.lpb = out_bytes(b, v->bin.p, v->bin.n);
		return true;
	case PT_OBJECT:
		o->x = 0;
		return true;
	case PT_ERROR:
		return out_error(out, mx_hr_from_code(v->err));
	case PT_NULL:
		return out_error(out, MAPI_E_NOT_FOUND);
	default:
		return out_error(out, MAPI_E_TYPE_NO_SUPPORT);
	}
}

static size_t mv_width(ULONG base)
{
	switch (base) {
	case PT_I2:
		return 2;
	case PT_LONG:
	case PT_R4:
		return 4;
	case PT_DOUBLE:
	case PT_APPTIME:
	case PT_CURRENCY:
	case PT_I8:
	case PT_SYSTIME:
		return 8;
	case PT_CLSID:
		return sizeof(GUID);
	default:
		return 0;
	}
}

static bool out_multi(struct mx_bump *b, const struct mx_mv *mv, ULONG base,
		      ULONG as, SPropValue *out)
{
	ULONG n = mv->n;
	SBinary *bins;
	void **strs;

	out->Value.MVl.cValues = n;
	if (base == PT_STRING8 || base == PT_UNICODE) {
		strs = mx_bump_take(b, n * sizeof(*strs));
		out->Value.MVszA.lppszA = (LPSTR *)strs;
		for (ULONG i = 0; i < n; i++) {
			void *s = as == PT_UNICODE
					  ? (void *)out_wide(b, mv->str[i])
					  : (void *)out_narrow(b, mv->str[i]);

			if (strs)
				strs[i] = s;
		}
		return true;
	}
	if (base == PT_BINARY) {
		bins = mx_bump_take(b, n * sizeof(*bins));
		out->Value.MVbin.lpbin = bins;
		for (ULONG i = 0; i < n; i++) {
			void *p = out_bytes(b, mv->bin[i].p, mv->bin[i].n);

			if (bins)
				bins[i] = (SBinary){mv->bin[i].n, p};
		}
		return true;
	}
	if (!mv_width(base))
		return out_error(out, MAPI_E_TYPE_NO_SUPPORT);
	out->Value.MVl.lpl = out_bytes(b, mv->p, n * mv_width(base));
	return true;
}

bool mx_conv_out(struct mx_bump *b, const struct mx_propval *v, ULONG want,
		 ULONG flags, SPropValue *out)
{
	ULONG type = MX_PROP_TYPE(v->tag), wtype = PROP_TYPE(want);
	ULONG as = BASE(wtype);

	if (as != PT_STRING8 && as != PT_UNICODE)
		as = flags & MAPI_UNICODE ? PT_UNICODE : PT_STRING8;
	*out = (SPropValue){.ulPropTag = want};
	if (wtype == PT_UNSPECIFIED)
		out->ulPropTag = CHANGE_PROP_TYPE(
			want,
			BASE(type) == PT_STRING8 || BASE(type) == PT_UNICODE
				? (type & MV_FLAG) | as
				: type);
	if (type & MV_FLAG)
		return out_multi(b, &v->v.mv, BASE(type), as, out);
	return out_one(b, &v->v, type, as, out);
}

/* Bytes beside the SPropValue that mx_conv_out takes; no less. */
static size_t out_size(const struct mx_propval *v, ULONG want, ULONG flags)
{
	struct mx_bump b = {0};
	SPropValue tmp;
	size_t n;

	switch (MX_PROP_TYPE(v->tag)) {
	case PT_I2:
	case PT_LONG:
	case PT_BOOLEAN:
	case PT_SYSTIME:
	case PT_I8:
	case PT_ERROR:
		return 0;
	case PT_UNICODE:
		n = v->v.str ? strlen(v->v.str) : 0;
		if (n <= SHORT_TEXT)
			return (n + 1) * sizeof(WCHAR) + 8;
		break;
	default:
		break;
	}
	mx_conv_out(&b, v, want, flags, &tmp);
	return b.at;
}

HRESULT mx_conv_props(const struct mx_propval *vals, size_t n,
		      const ULONG *want, ULONG flags, SPropValue **ret)
{
	struct mx_bump b = {0};
	SPropValue *out;
	bool all = true;

	mx_bump_take(&b, n * sizeof(*out));
	for (size_t i = 0; i < n; i++)
		b.at += out_size(&vals[i],
				 want ? want[i]
				      : CHANGE_PROP_TYPE(vals[i].tag,
							 PT_UNSPECIFIED),
				 flags);
	out = mx_api_alloc(b.at + !b.at);
	if (!out)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	b = (struct mx_bump){.p = (char *)out};
	mx_bump_take(&b, n * sizeof(*out));
	for (size_t i = 0; i < n; i++)
		all &= mx_conv_out(&b, &vals[i],
				   want ? want[i]
					: CHANGE_PROP_TYPE(vals[i].tag,
							   PT_UNSPECIFIED),
				   flags, &out[i]);
	*ret = out;
	return all ? S_OK : MAPI_W_ERRORS_RETURNED;
}
