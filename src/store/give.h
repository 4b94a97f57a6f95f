/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Computed properties as values: 1 with *ret, which is what mx_msg_computed and
 * its like return for a property that there is, or -ENOMEM.
 */
#ifndef MX_STORE_GIVE_H
#define MX_STORE_GIVE_H

#include <errno.h>
#include <stdbool.h>

#include "base/arena.h"
#include "wire/prop.h"

/* b.p NULL: its maker was out of memory. */
static inline int give_bin(struct mx_bin b, uint32_t tag,
			   struct mx_propval *ret)
{
	if (!b.p)
		return -ENOMEM;
	ret->tag = tag;
	ret->v.bin = b;
	return 1;
}

static inline int give_i4(int64_t n, uint32_t tag, struct mx_propval *ret)
{
	ret->tag = tag;
	ret->v.i4 = n > INT32_MAX ? INT32_MAX : (int32_t)n;
	return 1;
}

static inline int give_i8(int64_t n, uint32_t tag, struct mx_propval *ret)
{
	ret->tag = tag;
	ret->v.i8 = n;
	return 1;
}

static inline int give_bool(bool b, uint32_t tag, struct mx_propval *ret)
{
	ret->tag = tag;
	ret->v.b = b;
	return 1;
}

static inline int give_str(const char *s, uint32_t tag, struct mx_arena *a,
			   struct mx_propval *ret)
{
	ret->tag = tag;
	ret->v.str = mx_arena_strdup(a, s);
	return ret->v.str ? 1 : -ENOMEM;
}

#endif
