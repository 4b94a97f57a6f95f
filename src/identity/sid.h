/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security identifiers: who a user is, in one value that never changes.
 *
 *   S-1-5-21-a-b-c-rid   a user of a Windows or Samba domain
 *   S-1-22-1-uid         a Unix user (Samba's convention)
 *
 * Plain data, copied by assignment, compared in full.  The CRC is an index
 * into tables and never an identity: different SIDs share CRCs.
 * [MS-DTYP] 2.4.2 for the layouts.
 */
#ifndef MX_IDENTITY_SID_H
#define MX_IDENTITY_SID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MX_SID_MAX_SUBS 15
/* Revision, count, six bytes of authority, 15 sub-authorities. */
#define MX_SID_MAX_BYTES (8 + 4 * MX_SID_MAX_SUBS)
/* "S-1-0x" and 12 digits, 15 times '-' and ten digits, NUL. */
#define MX_SID_MAX_STR 184

struct mx_sid {
	uint64_t authority; /* 48 bits */
	uint32_t sub[MX_SID_MAX_SUBS];
	uint8_t n_subs; /* 0 only in MX_SID_NONE, which is no SID */
};

#define MX_SID_NONE ((struct mx_sid){0})

/* True for what parse, unpack, unix or random gave. */
bool mx_sid_valid(const struct mx_sid *sid);

/* Full comparison; entries of sub[] past n_subs do not count. */
bool mx_sid_equal(const struct mx_sid *a, const struct mx_sid *b);

/* <0, 0, >0: by authority, then sub-authorities, then length. */
int mx_sid_compare(const struct mx_sid *a, const struct mx_sid *b);

/* Reads "S-1-5-21-…": decimal, or 0x and 12 hexadecimal digits for the
 * authority; nothing may stand before or after.  0, or -EINVAL with *ret
 * unchanged. */
int mx_sid_parse(const char *text, struct mx_sid *ret);

/* Writes the text form, NUL-terminated, and returns buf; an authority of 2^32
 * or more is hexadecimal.  An invalid SID gives "(no SID)". */
const char *mx_sid_format(const struct mx_sid *sid, char buf[MX_SID_MAX_STR]);

/* The binary form: u8 revision = 1, u8 count, u48 authority big-endian, u32
 * sub-authorities little-endian.  Returns its length, at most
 * MX_SID_MAX_BYTES; 0 for an invalid SID. */
size_t mx_sid_pack(const struct mx_sid *sid, uint8_t buf[MX_SID_MAX_BYTES]);

/* Reads exactly n bytes of the binary form.  0, or -EBADMSG with *ret
 * unchanged. */
int mx_sid_unpack(const void *p, size_t n, struct mx_sid *ret);

/* CRC-32 (IEEE 802.3, as zlib's) of the binary form; 0 for an invalid SID. */
uint32_t mx_sid_crc(const struct mx_sid *sid);

/* S-1-22-1-uid. */
struct mx_sid mx_sid_unix(uid_t uid);

/* True and *ret set when the SID is S-1-22-1-uid. */
bool mx_sid_is_unix(const struct mx_sid *sid, uid_t *ret);

/* A fresh domain S-1-5-21-a-b-c with random a, b, c and this RID.
 * 0, or what the kernel's random source says. */
int mx_sid_random(uint32_t rid, struct mx_sid *ret);

/* The same domain, another last sub-authority; -EINVAL when it has none. */
int mx_sid_with_rid(const struct mx_sid *sid, uint32_t rid, struct mx_sid *ret);

#endif
