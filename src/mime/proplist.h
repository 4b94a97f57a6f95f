/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of MAPI property values under construction: values come from UTF-8
 * and plain numbers, memory from an arena.  Absent values (NULL) are left out,
 * failures stick in `oom`, so that a caller checks once.
 */
#ifndef MX_MIME_PROPLIST_H
#define MX_MIME_PROPLIST_H

#include <mapix.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/clock.h"

#define MX_PROPS_MAX 48

struct mx_props {
	struct mx_arena *a;
	SPropValue v[MX_PROPS_MAX];
	ULONG n;
	bool oom; /* out of memory, or more than MX_PROPS_MAX values */
};

/* UTF-8 as PT_UNICODE; the tag's type must be PT_UNICODE. */
void mx_props_text(struct mx_props *p, ULONG tag, const char *utf8);
void mx_props_long(struct mx_props *p, ULONG tag, LONG value);
void mx_props_bool(struct mx_props *p, ULONG tag, bool value);
void mx_props_time(struct mx_props *p, ULONG tag, mx_filetime t);
/* Borrows the bytes. */
void mx_props_bin(struct mx_props *p, ULONG tag, const void *data, size_t len);

/* "SMTP:ADDRESS" in capitals with its NUL: PR_SEARCH_KEY of an address. */
void mx_props_search_key(struct mx_props *p, ULONG tag, const char *type,
			 const char *addr);

/* The entry id of a one-off recipient.  [MS-OXCDATA] 2.2.5.1. */
void mx_props_one_off(struct mx_props *p, ULONG tag, const char *name,
		      const char *type, const char *addr);

/* The entry id of a user in the server's directory.  [MS-OXCDATA] 2.2.5.2. */
void mx_props_directory_id(struct mx_props *p, ULONG tag, const char *dn);

/* UTF-8 as wchar_t in the arena, units without the NUL in *ret_n (may be
 * NULL).  NULL when out of memory. */
wchar_t *mx_props_wide(struct mx_arena *a, const char *utf8, size_t *ret_n);

#endif
