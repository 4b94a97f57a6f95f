/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* PropertyRow: the flagged and the standard form.  [MS-OXCDATA] 2.8.1 */
#include "wire/prop.h"

enum {
	ROW_STANDARD = 0x00,
	ROW_FLAGGED = 0x01,
	FLAG_PRESENT = 0x00,
	FLAG_ABSENT = 0x01,
	FLAG_ERROR = 0x0a,
};

static void decode_flagged(struct mx_rd *rd, uint16_t type,
			   struct mx_propval *v)
{
	switch (mx_rd_u8(rd)) {
	case FLAG_PRESENT:
		break;
	case FLAG_ABSENT:
		v->tag = MX_PROP_RETYPE(v->tag, MX_PT_NULL);
		return;
	case FLAG_ERROR:
		v->tag = MX_PROP_RETYPE(v->tag, MX_PT_ERROR);
		v->v.err = mx_rd_u32(rd);
		return;
	default:
		mx_rd_fail(rd, -EBADMSG);
		return;
	}
	mx_propdata_decode(rd, type, &v->v);
}

static void decode_cell(struct mx_rd *rd, uint32_t col, bool flagged,
			struct mx_propval *v)
{
	uint16_t type = mx_col_type(col);

	if (type == MX_PT_UNSPECIFIED)
		type = mx_rd_u16(rd);
	v->tag = MX_PROP_RETYPE(col, type);
	if (flagged)
		decode_flagged(rd, type, v);
	else
		mx_propdata_decode(rd, type, &v->v);
}

void mx_proprow_decode(struct mx_rd *rd, struct mx_proprow *ret)
{
	uint8_t form = mx_rd_u8(rd);
	struct mx_propval *vals;

	*ret = (struct mx_proprow){0};
	if (form > ROW_FLAGGED)
		mx_rd_fail(rd, -EBADMSG);
	vals = mx_rd_alloc(rd, rd->n_cols, sizeof(*vals));
	if (!vals)
		return;
	for (size_t i = 0; i < rd->n_cols && mx_rd_ok(rd); i++)
		decode_cell(rd, rd->cols[i], form == ROW_FLAGGED, &vals[i]);
	ret->n = (uint32_t)rd->n_cols;
	ret->vals = vals;
}

static bool is_missing(const struct mx_propval *v)
{
	uint16_t t = MX_PROP_TYPE(v->tag);

	return t == MX_PT_NULL || t == MX_PT_ERROR;
}

static bool needs_flags(const struct mx_wr *wr, const struct mx_proprow *row)
{
	for (uint32_t i = 0; i < row->n; i++) {
		if (!is_missing(&row->vals[i]))
			continue;
		if (!wr->cols ||
		    mx_col_type(wr->cols[i]) != MX_PROP_TYPE(row->vals[i].tag))
			return true;
	}
	return false;
}

static void encode_cell(struct mx_wr *wr, const struct mx_propval *v,
			uint16_t col_type, bool flagged)
{
	uint16_t type = MX_PROP_TYPE(v->tag);

	if (col_type == MX_PT_UNSPECIFIED)
		mx_wr_u16(wr, type);
	else if (type != col_type && !is_missing(v))
		wr->err = -EINVAL;
	if (flagged && type == MX_PT_NULL) {
		mx_wr_u8(wr, FLAG_ABSENT);
		return;
	}
	if (flagged && type == MX_PT_ERROR) {
		mx_wr_u8(wr, FLAG_ERROR);
		mx_wr_u32(wr, v->v.err);
		return;
	}
	if (flagged)
		mx_wr_u8(wr, FLAG_PRESENT);
	mx_propdata_encode(wr, type, &v->v);
}

void mx_proprow_encode(struct mx_wr *wr, const struct mx_proprow *row)
{
	bool flagged = needs_flags(wr, row);

	mx_wr_u8(wr, flagged ? ROW_FLAGGED : ROW_STANDARD);
	for (uint32_t i = 0; i < row->n; i++)
		encode_cell(wr, &row->vals[i],
			    wr->cols ? mx_col_type(wr->cols[i])
				     : MX_PROP_TYPE(row->vals[i].tag),
			    flagged);
}
