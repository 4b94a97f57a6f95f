/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Property values of every type, and rows of them.  [MS-OXCDATA] 2.8, 2.11.
 *
 * In memory a value carries its tag (id << 16 | type), as MAPI's SPropValue
 * does.  PtypString is UTF-8 (WTF-8 for lone surrogates); PtypString8 is the
 * bytes as sent, in whatever code page the peer says.  What a decoder makes
 * lives in the cursor's arena, except binary bytes, borrowed from the input.
 */
#ifndef MX_WIRE_PROP_H
#define MX_WIRE_PROP_H

#include "wire/types.h"

/* Property types.  [MS-OXCDATA] 2.11.1 */
enum mx_proptype {
	MX_PT_UNSPECIFIED = 0x0000,
	MX_PT_NULL = 0x0001, /* in a row: the value is absent */
	MX_PT_I2 = 0x0002,
	MX_PT_LONG = 0x0003,
	MX_PT_R4 = 0x0004,
	MX_PT_DOUBLE = 0x0005,
	MX_PT_CURRENCY = 0x0006,
	MX_PT_APPTIME = 0x0007,
	MX_PT_ERROR = 0x000a,
	MX_PT_BOOLEAN = 0x000b,
	MX_PT_OBJECT = 0x000d, /* has no value in ROP buffers */
	MX_PT_I8 = 0x0014,
	MX_PT_STRING8 = 0x001e,
	MX_PT_UNICODE = 0x001f,
	MX_PT_SYSTIME = 0x0040,
	MX_PT_CLSID = 0x0048,
	MX_PT_SVREID = 0x00fb,
	MX_PT_SRESTRICT = 0x00fd,
	MX_PT_ACTIONS = 0x00fe,
	MX_PT_BINARY = 0x0102,
	MX_MV_FLAG = 0x1000,
	MX_MV_INSTANCE = 0x2000, /* with MX_MV_FLAG: one row a value */
};

#define MX_PROP_TYPE(tag) ((uint16_t)(tag))
#define MX_PROP_ID(tag) ((uint16_t)((tag) >> 16))
#define MX_PROP_TAG(type, id) ((uint32_t)(id) << 16 | (uint16_t)(type))
/* The same property with another type. */
#define MX_PROP_RETYPE(tag, type) (((tag)&0xffff0000u) | (uint16_t)(type))

struct mx_restrict;

/* A multivalue: n items at the pointer that the base type names. */
struct mx_mv {
	uint32_t n;
	union {
		const void *p;
		const int16_t *i2;
		const int32_t *i4;
		const float *r4;
		const double *r8;       /* DOUBLE, APPTIME */
		const int64_t *i8;      /* I8, CURRENCY */
		const uint64_t *ft;     /* SYSTIME */
		const char *const *str; /* STRING8, UNICODE */
		const struct mx_guid *guid;
		const struct mx_bin *bin;
	};
};

/* Bytes of one item in memory, by the base type; 0: there is no such multivalue. */
size_t mx_mv_item_size(uint16_t type);

union mx_propdata {
	int16_t i2;
	int32_t i4;
	float r4;
	double r8;    /* DOUBLE; APPTIME: days since 1899-12-30 */
	int64_t i8;   /* I8; CURRENCY: ten thousandths */
	uint64_t ft;  /* SYSTIME: 100 ns since 1601 */
	uint32_t err; /* ERROR */
	bool b;
	const char *str;
	struct mx_guid guid;
	struct mx_bin bin; /* BINARY, SVREID, ACTIONS (without its count) */
	const struct mx_restrict *res;
	struct mx_mv mv;
};

struct mx_propval {
	uint32_t tag;
	union mx_propdata v;
};

/* Values in column order.  A missing value has type MX_PT_NULL ("not there")
 * or MX_PT_ERROR (v.err says why). */
struct mx_proprow {
	uint32_t n;
	struct mx_propval *vals;
};

/* The bytes of a value without its tag; type as in the tag, MV included, never
 * UNSPECIFIED.  [MS-OXCDATA] 2.11.2.1 */
void mx_propdata_decode(struct mx_rd *rd, uint16_t type,
			union mx_propdata *ret);
void mx_propdata_encode(struct mx_wr *wr, uint16_t type,
			const union mx_propdata *v);

/* TaggedPropertyValue: u32 tag, value.  [MS-OXCDATA] 2.11.4 */
void mx_propval_decode(struct mx_rd *rd, struct mx_propval *ret);
void mx_propval_encode(struct mx_wr *wr, const struct mx_propval *v);

/* PropertyRow, standard or flagged.  [MS-OXCDATA] 2.8.1
 * Decoding takes the columns from rd->cols; a column of MX_PT_UNSPECIFIED gets
 * the type that is sent.  Encoding takes them from wr->cols when set (needed
 * for MX_PT_UNSPECIFIED columns only), else from the values; it writes the
 * flagged form when a value is NULL or ERROR, else the standard one. */
void mx_proprow_decode(struct mx_rd *rd, struct mx_proprow *ret);
void mx_proprow_encode(struct mx_wr *wr, const struct mx_proprow *row);

/* The type a column's values have: MV instances are single values. */
static inline uint16_t mx_col_type(uint32_t tag)
{
	uint16_t t = MX_PROP_TYPE(tag);

	if ((t & MX_MV_INSTANCE) && (t & MX_MV_FLAG))
		t &= (uint16_t) ~(MX_MV_INSTANCE | MX_MV_FLAG);
	return t;
}

/* First value with this tag, or with this id when the tag's type is
 * MX_PT_UNSPECIFIED; NULL when none.  Borrowed. */
const struct mx_propval *mx_propval_find(const struct mx_propval *vals,
					 size_t n, uint32_t tag);

/* Deep copy into an arena; 0 or -ENOMEM. */
int mx_propval_copy(struct mx_arena *a, const struct mx_propval *v,
		    struct mx_propval *ret);

/* True when tag and value are the same; floats compare by bits. */
bool mx_propval_equal(const struct mx_propval *a, const struct mx_propval *b);

/* Bytes of the value as mx_propdata_encode would write them. */
size_t mx_propval_size(const struct mx_propval *v);

#endif
