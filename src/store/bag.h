/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bag of properties in memory, sorted by id, and its packed form on disk:
 *
 *     entry:  u32 tag | u32 len | len bytes | padding to 4
 *             len bit 31 set: the bytes are u64 blob id, u64 size
 *
 * little-endian, ascending ids.  A value's bytes are: numbers as they are
 * (PT_BOOLEAN 1 byte), text UTF-8 with its NUL, binary as it is, multiples a
 * u32 count and for each item (text, binary: u32 length and) its bytes.
 * Text is always PT_UNICODE here.  Restrictions are kept in their wire form.
 */
#ifndef MX_STORE_BAG_H
#define MX_STORE_BAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/bytes.h"
#include "wire/prop.h"

struct mx_ent {
	uint32_t tag;
	uint32_t len;
	const uint8_t *p;     /* the bytes, when small; text ends in NUL */
	uint8_t *own;         /* what p points into when it is ours */
	struct mx_bytes *big; /* the bytes, when large (text without NUL) */
};

struct mx_bag {
	struct mx_ent *e;
	size_t n, cap;
	uint8_t *base; /* a packed form that entries point into */
};

void mx_bag_init(struct mx_bag *b);
void mx_bag_fini(struct mx_bag *b);
void mx_bag_auto(struct mx_bag *b);

/* The packed form's entries, copied.  db makes references into bytes; without
 * it they are an error.  0; -EUCLEAN; -ENOMEM. */
int mx_bag_unpack(struct mx_bag *b, struct mx_mdb *db, const void *p, size_t n);

/* Packs the entries that `skip` (may be NULL) does not answer true for; large ones
 * are put into db first (in a transaction). */
int mx_bag_pack(const struct mx_bag *b, struct mx_mdb *db,
		bool (*skip)(const struct mx_ent *e), struct mx_buf *out);

/* Releases the blobs a packed form refers to. */
int mx_pack_release(struct mx_mdb *db, const void *p, size_t n);

/* Looks one up in a packed form without unpacking: the entry borrowed from p,
 * without `big`; *ret_size its size, also of a large one.  False: not there. */
bool mx_pack_find(const void *p, size_t n, uint16_t id, struct mx_ent *ret,
		  int64_t *ret_blob, uint64_t *ret_size);

struct mx_ent *mx_bag_find(const struct mx_bag *b, uint16_t id);
int mx_bag_clone(const struct mx_bag *b, struct mx_bag *ret);
/* Makes every large value free of its mailbox (mx_bytes_detach). */
int mx_bag_detach(struct mx_bag *b, const char *dir);

/* Bytes of all values, as PR_MESSAGE_SIZE counts. */
uint64_t mx_bag_size(const struct mx_bag *b);
uint64_t mx_ent_size(const struct mx_ent *e);

/* Sets from a value; PT_STRING8 is read in code page cp.  0; -ENOMEM; positive
 * enum mx_answer: MX_ANS_INVALID_PARAM for a type that cannot be kept,
 * MX_ANS_TOO_BIG. */
int mx_bag_set(struct mx_bag *b, const struct mx_propval *v, uint32_t cp);
int mx_bag_set_raw(struct mx_bag *b, uint32_t tag, const void *p, size_t n);
int mx_bag_set_big(struct mx_bag *b, uint32_t tag, struct mx_bytes *bytes);
bool mx_bag_delete(struct mx_bag *b, uint16_t id);

/* Shorthands. */
int mx_bag_set_i4(struct mx_bag *b, uint32_t tag, int32_t v);
int mx_bag_set_i8(struct mx_bag *b, uint32_t tag, int64_t v);
int mx_bag_set_bool(struct mx_bag *b, uint32_t tag, bool v);
int mx_bag_set_str(struct mx_bag *b, uint32_t tag, const char *s);
int mx_bag_set_bin(struct mx_bag *b, uint32_t tag, const void *p, size_t n);
/* What is there, or the default; strings and bytes borrowed; large values count as
 * missing. */
int32_t mx_bag_i4(const struct mx_bag *b, uint32_t tag, int32_t none);
int64_t mx_bag_i8(const struct mx_bag *b, uint32_t tag, int64_t none);
bool mx_bag_bool(const struct mx_bag *b, uint32_t tag);
const char *mx_bag_str(const struct mx_bag *b, uint32_t tag, const char *none);
struct mx_bin mx_bag_bin(const struct mx_bag *b, uint32_t tag);

/*
 * A value out of an entry, as `want` asks: its own type, PT_UNSPECIFIED, the
 * other kind of string.  Over max bytes (0: no limit) or not of that type: a
 * PT_ERROR.  Small ones are borrowed from the entry where they can be.
 * 0; errno.
 */
int mx_ent_value(const struct mx_ent *e, uint32_t want, size_t max, uint32_t cp,
		 bool want_unicode, struct mx_arena *a, struct mx_propval *ret);

/* The same, but a long text or binary value is cut to max bytes (text at a
 * character); what cannot be cut and is too long is a PT_ERROR. */
int mx_ent_part(const struct mx_ent *e, uint32_t want, size_t max, uint32_t cp,
		struct mx_arena *a, struct mx_propval *ret);
/* Cuts a value that is in memory likewise. */
int mx_val_cut(struct mx_propval *v, size_t max, struct mx_arena *a);

/* PT_ERROR in the place of tag. */
struct mx_propval mx_val_error(uint32_t tag, uint32_t code);
#define MX_EC_NOT_FOUND 0x8004010f
#define MX_EC_NOT_ENOUGH_MEMORY 0x8007000e
#define MX_EC_ACCESS_DENIED 0x80070005
#define MX_EC_INVALID_PARAM 0x80070057
#define MX_EC_COMPUTED 0x8004011a
#define MX_EC_TOO_BIG 0x80040305

/* True when a value of type `have` can be given out where `want` is asked. */
bool mx_type_fits(uint16_t have, uint16_t want);

#endif
