/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restrictions: the tree of conditions on rows.  [MS-OXCDATA] 2.12.
 * ROP form: counts of 16 bits.  Depth and number of nodes are bounded by
 * base/limits.h.
 */
#ifndef MX_WIRE_RESTRICT_H
#define MX_WIRE_RESTRICT_H

#include "wire/prop.h"

enum mx_restrict_type {
	MX_RES_AND = 0x00,
	MX_RES_OR = 0x01,
	MX_RES_NOT = 0x02,
	MX_RES_CONTENT = 0x03,
	MX_RES_PROPERTY = 0x04,
	MX_RES_COMPAREPROPS = 0x05,
	MX_RES_BITMASK = 0x06,
	MX_RES_SIZE = 0x07,
	MX_RES_EXIST = 0x08,
	MX_RES_SUBRESTRICTION = 0x09,
	MX_RES_COMMENT = 0x0a,
	MX_RES_COUNT = 0x0b,
};

enum mx_relop {
	MX_RELOP_LT = 0x00,
	MX_RELOP_LE = 0x01,
	MX_RELOP_GT = 0x02,
	MX_RELOP_GE = 0x03,
	MX_RELOP_EQ = 0x04,
	MX_RELOP_NE = 0x05,
	MX_RELOP_RE = 0x06, /* regular expression: refused by our store */
	MX_RELOP_MEMBER_OF_DL = 0x64,
};

enum mx_fuzzy {
	MX_FL_FULLSTRING = 0x0000, /* low word: one of these three */
	MX_FL_SUBSTRING = 0x0001,
	MX_FL_PREFIX = 0x0002,
	MX_FL_IGNORECASE = 0x0001, /* high word: bits */
	MX_FL_IGNORENONSPACE = 0x0002,
	MX_FL_LOOSE = 0x0004,
};

enum mx_bmr {
	MX_BMR_EQZ = 0x00,
	MX_BMR_NEZ = 0x01,
};

struct mx_restrict {
	uint8_t type; /* enum mx_restrict_type */
	union {
		struct {
			uint32_t n;
			struct mx_restrict *p;
		} list; /* AND, OR */
		struct {
			struct mx_restrict *res;
		} sub; /* NOT */
		struct {
			uint16_t fuzzy_low, fuzzy_high;
			uint32_t tag;
			struct mx_propval val;
		} content;
		struct {
			uint8_t relop;
			uint32_t tag;
			struct mx_propval val;
		} prop;
		struct {
			uint8_t relop;
			uint32_t tag1, tag2;
		} compare;
		struct {
			uint8_t relop; /* enum mx_bmr */
			uint32_t tag;
			uint32_t mask;
		} bitmask;
		struct {
			uint8_t relop;
			uint32_t tag;
			uint32_t size;
		} size;
		struct {
			uint32_t tag;
		} exist;
		struct {
			uint32_t subobject; /* recipients or attachments */
			struct mx_restrict *res;
		} subobj;
		struct {
			uint32_t n;
			struct mx_propval *vals;
			struct mx_restrict *res; /* NULL when absent */
		} comment;
		struct {
			uint32_t count;
			struct mx_restrict *res;
		} count;
	};
};

/* One restriction from the cursor; the result lives in rd's arena.
 * Too deep or too many nodes is -EBADMSG. */
void mx_restrict_decode(struct mx_rd *rd, struct mx_restrict *ret);
void mx_restrict_encode(struct mx_wr *wr, const struct mx_restrict *r);

/* Deep copy into an arena; 0 or -ENOMEM. */
int mx_restrict_copy(struct mx_arena *a, const struct mx_restrict *r,
		     struct mx_restrict *ret);

/* True when both are the same tree with the same values. */
bool mx_restrict_equal(const struct mx_restrict *a,
		       const struct mx_restrict *b);

#endif
