/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between MAPI's values and the wire's.
 *
 * Every string travels as PtypString: a PT_STRING8 tag becomes PT_UNICODE on
 * the way in and UTF-8 text again on the way out, so the server's code page is
 * never asked.
 */
#ifndef MX_API_CONVERT_H
#define MX_API_CONVERT_H

#include "api/api.h"
#include "base/arena.h"
#include "wire/restrict.h"

/* The tag that goes on the wire for a caller's tag. */
uint32_t mx_conv_tag(ULONG tag);

/* A caller's tags for the wire, in the arena; NULL p out of memory. */
struct mx_tags mx_conv_tags(struct mx_arena *a, const SPropTagArray *tags);

/* A caller's value for the wire; what it points to is borrowed or in the arena.
 * 0; -EINVAL for a type that has no place there (PT_OBJECT, PT_PTR, errors);
 * -ENOMEM. */
int mx_conv_in(struct mx_arena *a, const SPropValue *v, struct mx_propval *ret);

/* A caller's restriction; 0, -EINVAL (unknown kind, a missing pointer), -E2BIG
 * (too deep or too many nodes), -ENOMEM. */
int mx_conv_restrict(struct mx_arena *a, const SRestriction *r,
		     struct mx_restrict *ret);

/* Where converted values go: counted first (p NULL), then put. */
struct mx_bump {
	char *p;
	size_t at;
};

/* n bytes, aligned to eight; NULL while counting. */
void *mx_bump_take(struct mx_bump *b, size_t n);

/* One value for the caller.  want is the caller's tag; its type says string or
 * wide string, PT_UNSPECIFIED means what flags (MAPI_UNICODE) says.  A missing
 * value becomes PT_ERROR MAPI_E_NOT_FOUND, an error keeps its code.  True for a
 * value, false for an error. */
bool mx_conv_out(struct mx_bump *b, const struct mx_propval *v, ULONG want,
		 ULONG flags, SPropValue *out);

/* n values as one MAPI buffer.  want: the caller's tags in order, or NULL: each
 * value's own, with strings as flags say.  S_OK, MAPI_W_ERRORS_RETURNED,
 * MAPI_E_NOT_ENOUGH_MEMORY. */
HRESULT mx_conv_props(const struct mx_propval *vals, size_t n,
		      const ULONG *want, ULONG flags, SPropValue **ret);

static inline FILETIME mx_conv_filetime(uint64_t t)
{
	return (FILETIME){(DWORD)t, (DWORD)(t >> 32)};
}

#endif
