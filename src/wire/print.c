/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/print.h"

#include <inttypes.h>

#include "base/auto.h"

#include "wire/restrict.h"

void mx_print_begin(struct mx_buf *out)
{
	mx_buf_puts(out, " {");
}

void mx_print_end(struct mx_buf *out)
{
	mx_buf_puts(out, "}");
}

void mx_print_name(struct mx_buf *out, const char *name)
{
	if (out->len && out->p[out->len - 1] != '{')
		mx_buf_puts(out, " ");
	mx_buf_printf(out, "%s=", name);
}

void mx_print_open(struct mx_buf *out)
{
	mx_buf_puts(out, "[");
}

void mx_print_next(struct mx_buf *out, size_t i)
{
	if (i)
		mx_buf_puts(out, " ");
}

void mx_print_close(struct mx_buf *out)
{
	mx_buf_puts(out, "]");
}

void mx_print_u8(struct mx_buf *out, uint8_t v)
{
	mx_buf_printf(out, "%u", v);
}

void mx_print_u16(struct mx_buf *out, uint16_t v)
{
	mx_buf_printf(out, "0x%x", v);
}

void mx_print_u32(struct mx_buf *out, uint32_t v)
{
	mx_buf_printf(out, "0x%" PRIx32, v);
}

void mx_print_u64(struct mx_buf *out, uint64_t v)
{
	mx_buf_printf(out, "0x%" PRIx64, v);
}

void mx_print_int(struct mx_buf *out, int64_t v)
{
	mx_buf_printf(out, "%" PRId64, v);
}

void mx_print_bool(struct mx_buf *out, bool v)
{
	mx_buf_puts(out, v ? "true" : "false");
}

void mx_print_tag(struct mx_buf *out, uint32_t tag)
{
	mx_buf_printf(out, "%04x:%04x", MX_PROP_ID(tag), MX_PROP_TYPE(tag));
}

/* Control characters and quotes are escaped: a trace line stays one line. */
void mx_print_str(struct mx_buf *out, const char *s)
{
	if (!s) {
		mx_buf_puts(out, "-");
		return;
	}
	mx_buf_puts(out, "\"");
	for (size_t i = 0; s[i]; i++) {
		unsigned char c = (unsigned char)s[i];

		if (i >= MX_PRINT_MAX && (c & 0xc0) != 0x80) {
			mx_buf_puts(out, "…");
			break;
		}
		if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
			mx_buf_printf(out, "\\x%02x", c);
		else
			mx_buf_put(out, &c, 1);
	}
	mx_buf_puts(out, "\"");
}

void mx_print_bytes(struct mx_buf *out, const uint8_t *p, size_t n)
{
	size_t shown = n < MX_PRINT_MAX ? n : MX_PRINT_MAX;

	mx_buf_printf(out, "%zu:", n);
	for (size_t i = 0; i < shown; i++)
		mx_buf_printf(out, "%02x", p[i]);
	if (shown < n)
		mx_buf_puts(out, "…");
}

void mx_guid_print(struct mx_buf *out, const struct mx_guid *g)
{
	char s[MX_GUID_STRLEN + 1];

	mx_guid_format(g, s);
	mx_buf_puts(out, s);
}

void mx_ltid_print(struct mx_buf *out, const struct mx_ltid *id)
{
	mx_guid_print(out, &id->replica);
	mx_buf_puts(out, "/");
	for (int i = 0; i < 6; i++)
		mx_buf_printf(out, "%02x", id->globcnt[i]);
}

void mx_propname_print(struct mx_buf *out, const struct mx_propname *n)
{
	mx_guid_print(out, &n->guid);
	if (n->kind == MX_KIND_LID)
		mx_buf_printf(out, "/0x%" PRIx32, n->lid);
	else if (n->kind == MX_KIND_NAME)
		mx_print_str(out, n->name);
}

void mx_propproblem_print(struct mx_buf *out, const struct mx_propproblem *p)
{
	mx_buf_printf(out, "#%u ", p->index);
	mx_print_tag(out, p->tag);
	mx_buf_printf(out, " 0x%08" PRIx32, p->code);
}

void mx_sortorder_print(struct mx_buf *out, const struct mx_sortorder *s)
{
	mx_print_tag(out, s->tag);
	mx_buf_puts(out, s->order == 0 ? "+" : s->order == 1 ? "-" : "max");
}

void mx_typedstr_print(struct mx_buf *out, const struct mx_typedstr *s)
{
	mx_print_str(out, s->s);
}

static void print_mv(struct mx_buf *out, uint16_t type, const struct mx_mv *mv)
{
	mx_print_open(out);
	for (uint32_t i = 0; i < mv->n && i < MX_PRINT_MAX; i++) {
		mx_print_next(out, i);
		if (type == MX_PT_STRING8 || type == MX_PT_UNICODE)
			mx_print_str(out, mv->str[i]);
		else if (type == MX_PT_BINARY)
			mx_print_bytes(out, mv->bin[i].p, mv->bin[i].n);
		else if (type == MX_PT_CLSID)
			mx_guid_print(out, &mv->guid[i]);
		else if (type == MX_PT_I2)
			mx_print_int(out, mv->i2[i]);
		else if (type == MX_PT_LONG)
			mx_print_int(out, mv->i4[i]);
		else if (type == MX_PT_R4)
			mx_buf_printf(out, "%g", (double)mv->r4[i]);
		else if (type == MX_PT_DOUBLE || type == MX_PT_APPTIME)
			mx_buf_printf(out, "%g", mv->r8[i]);
		else
			mx_print_int(out, mv->i8[i]);
	}
	mx_print_close(out);
}

static void print_data(struct mx_buf *out, uint16_t type,
		       const union mx_propdata *v)
{
	if (type & MX_MV_FLAG) {
		print_mv(out, type & (uint16_t)~MX_MV_FLAG, &v->mv);
		return;
	}
	switch (type) {
	case MX_PT_NULL:
	case MX_PT_OBJECT:
		mx_buf_puts(out, "-");
		break;
	case MX_PT_I2:
		mx_print_int(out, v->i2);
		break;
	case MX_PT_LONG:
		mx_print_int(out, v->i4);
		break;
	case MX_PT_R4:
		mx_buf_printf(out, "%g", (double)v->r4);
		break;
	case MX_PT_DOUBLE:
	case MX_PT_APPTIME:
		mx_buf_printf(out, "%g", v->r8);
		break;
	case MX_PT_ERROR:
		mx_buf_printf(out, "error 0x%08" PRIx32, v->err);
		break;
	case MX_PT_BOOLEAN:
		mx_print_bool(out, v->b);
		break;
	case MX_PT_CURRENCY:
	case MX_PT_I8:
	case MX_PT_SYSTIME:
		mx_print_int(out, v->i8);
		break;
	case MX_PT_STRING8:
	case MX_PT_UNICODE:
		mx_print_str(out, v->str);
		break;
	case MX_PT_CLSID:
		mx_guid_print(out, &v->guid);
		break;
	case MX_PT_SRESTRICT:
		mx_restrict_print(out, v->res);
		break;
	default:
		mx_print_bytes(out, v->bin.p, v->bin.n);
	}
}

void mx_propval_print(struct mx_buf *out, const struct mx_propval *v)
{
	mx_print_tag(out, v->tag);
	mx_buf_puts(out, "=");
	print_data(out, MX_PROP_TYPE(v->tag), &v->v);
}

void mx_proprow_print(struct mx_buf *out, const struct mx_proprow *row)
{
	mx_print_open(out);
	for (uint32_t i = 0; i < row->n; i++) {
		mx_print_next(out, i);
		mx_propval_print(out, &row->vals[i]);
	}
	mx_print_close(out);
}

static const char *relop_name(uint8_t op)
{
	static const char *const names[] = {
		"<", "<=", ">", ">=", "==", "!=", "~"};

	return op < MX_ARRAY_SIZE(names) ? names[op] : "op?";
}

static void print_list(struct mx_buf *out, const struct mx_restrict *r)
{
	mx_buf_puts(out, r->type == MX_RES_AND ? "and(" : "or(");
	for (uint32_t i = 0; i < r->list.n; i++) {
		mx_print_next(out, i);
		mx_restrict_print(out, &r->list.p[i]);
	}
	mx_buf_puts(out, ")");
}

void mx_restrict_print(struct mx_buf *out, const struct mx_restrict *r)
{
	switch (r->type) {
	case MX_RES_AND:
	case MX_RES_OR:
		print_list(out, r);
		break;
	case MX_RES_NOT:
		mx_buf_puts(out, "not ");
		mx_restrict_print(out, r->sub.res);
		break;
	case MX_RES_CONTENT:
		mx_print_tag(out, r->content.tag);
		mx_buf_printf(out, " contains(%x,%x) ", r->content.fuzzy_low,
			      r->content.fuzzy_high);
		mx_propval_print(out, &r->content.val);
		break;
	case MX_RES_PROPERTY:
		mx_print_tag(out, r->prop.tag);
		mx_buf_printf(out, " %s ", relop_name(r->prop.relop));
		mx_propval_print(out, &r->prop.val);
		break;
	case MX_RES_COMPAREPROPS:
		mx_print_tag(out, r->compare.tag1);
		mx_buf_printf(out, " %s ", relop_name(r->compare.relop));
		mx_print_tag(out, r->compare.tag2);
		break;
	case MX_RES_BITMASK:
		mx_print_tag(out, r->bitmask.tag);
		mx_buf_printf(out, " & 0x%" PRIx32 " %s", r->bitmask.mask,
			      r->bitmask.relop ? "!= 0" : "== 0");
		break;
	case MX_RES_SIZE:
		mx_buf_puts(out, "size ");
		mx_print_tag(out, r->size.tag);
		mx_buf_printf(out, " %s %" PRIu32, relop_name(r->size.relop),
			      r->size.size);
		break;
	case MX_RES_EXIST:
		mx_buf_puts(out, "exists ");
		mx_print_tag(out, r->exist.tag);
		break;
	case MX_RES_SUBRESTRICTION:
		mx_buf_puts(out, "any ");
		mx_print_tag(out, r->subobj.subobject);
		mx_buf_puts(out, " with ");
		mx_restrict_print(out, r->subobj.res);
		break;
	case MX_RES_COMMENT:
		mx_buf_puts(out, "comment ");
		if (r->comment.res)
			mx_restrict_print(out, r->comment.res);
		break;
	case MX_RES_COUNT:
		mx_buf_printf(out, "first %" PRIu32 " of ", r->count.count);
		mx_restrict_print(out, r->count.res);
		break;
	default:
		mx_buf_puts(out, "?");
	}
}
