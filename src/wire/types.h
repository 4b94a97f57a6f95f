/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small structures of [MS-OXCDATA] that everything else is made of.
 */
#ifndef MX_WIRE_TYPES_H
#define MX_WIRE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "wire/rd.h"
#include "wire/wr.h"

/* A GUID in its wire form: 4, 2, 2 little-endian, 8 bytes. [MS-DTYP] 2.3.4 */
struct mx_guid {
	uint8_t b[16];
};

#define MX_GUID_STRLEN 36

static inline bool mx_guid_equal(const struct mx_guid *a,
				 const struct mx_guid *b)
{
	return memcmp(a->b, b->b, 16) == 0;
}

/* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", upper case, into buf[37]. */
void mx_guid_format(const struct mx_guid *g, char buf[MX_GUID_STRLEN + 1]);

/* The same form, also in braces, any case.  0 or -EINVAL. */
int mx_guid_parse(const char *s, struct mx_guid *ret);

/* A random (version 4) GUID; 0 or -errno. */
int mx_guid_random(struct mx_guid *ret);

/* Bytes with a length; p is borrowed from the input or the arena. */
struct mx_bin {
	uint32_t n;
	const uint8_t *p;
};

static inline bool mx_bin_equal(struct mx_bin a, struct mx_bin b)
{
	return a.n == b.n && (!a.n || memcmp(a.p, b.p, a.n) == 0);
}

/* An array of property tags (id << 16 | type). */
struct mx_tags {
	uint32_t n;
	const uint32_t *p;
};

/* A LongTermID: 24 bytes on the wire.  [MS-OXCDATA] 2.2.1.3.1 */
struct mx_ltid {
	struct mx_guid replica; /* DatabaseGuid, a REPLGUID */
	uint8_t globcnt[6];     /* most significant byte first */
};

/* A named property.  [MS-OXCDATA] 2.6.1 */
enum mx_propname_kind {
	MX_KIND_LID = 0x00,
	MX_KIND_NAME = 0x01,
	MX_KIND_NONE = 0xff,
};

struct mx_propname {
	uint8_t kind; /* enum mx_propname_kind */
	struct mx_guid guid;
	uint32_t lid;     /* MX_KIND_LID */
	const char *name; /* MX_KIND_NAME, UTF-8 */
};

/* [MS-OXCDATA] 2.7 */
struct mx_propproblem {
	uint16_t index;
	uint32_t tag;
	uint32_t code;
};

/* [MS-OXCDATA] 2.13.1; tag may carry the multivalue-instance bit 0x2000. */
struct mx_sortorder {
	uint32_t tag;
	uint8_t order; /* 0 ascending, 1 descending, 4 maximum category */
};

/* A string with its kind before it.  [MS-OXCDATA] 2.11.7 */
enum mx_typedstr_kind {
	MX_TYPEDSTR_NONE = 0x00,
	MX_TYPEDSTR_EMPTY = 0x01,
	MX_TYPEDSTR_8BIT = 0x02,
	MX_TYPEDSTR_REDUCED = 0x03, /* UTF-16 units < 0x100 as one byte */
	MX_TYPEDSTR_UNICODE = 0x04,
};

struct mx_typedstr {
	uint8_t kind;
	const char *s; /* UTF-8; 8BIT: bytes as sent.  NULL only for NONE */
};

/* Decoders and encoders of the above.  A failed decode sticks in rd. */
void mx_guid_decode(struct mx_rd *rd, struct mx_guid *ret);
void mx_guid_encode(struct mx_wr *wr, const struct mx_guid *g);
void mx_ltid_decode(struct mx_rd *rd, struct mx_ltid *ret);
void mx_ltid_encode(struct mx_wr *wr, const struct mx_ltid *id);
void mx_propname_decode(struct mx_rd *rd, struct mx_propname *ret);
void mx_propname_encode(struct mx_wr *wr, const struct mx_propname *name);
void mx_propproblem_decode(struct mx_rd *rd, struct mx_propproblem *ret);
void mx_propproblem_encode(struct mx_wr *wr, const struct mx_propproblem *p);
void mx_sortorder_decode(struct mx_rd *rd, struct mx_sortorder *ret);
void mx_sortorder_encode(struct mx_wr *wr, const struct mx_sortorder *s);
void mx_typedstr_decode(struct mx_rd *rd, struct mx_typedstr *ret);
void mx_typedstr_encode(struct mx_wr *wr, const struct mx_typedstr *s);

/* The tightest TypedString for a UTF-8 string; NULL gives NONE. */
struct mx_typedstr mx_typedstr_make(const char *utf8);

#endif
