/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every file of src/api starts with: MAPI's headers with constant
 * virtual tables, and the few helpers all of them use.
 */
#ifndef MX_API_API_H
#define MX_API_API_H

#ifndef CONST_VTABLE
#define CONST_VTABLE
#endif

#include <edkmdb.h>
#include <mapiary.h>
#include <mapiutil.h>

#include <stdbool.h>

#include "base/auto.h"

/* Cleanup hook for a MAPI buffer. */
static inline void mx_api_buffer_auto(void *p)
{
	MAPIFreeBuffer(*(void **)p);
}

/* A buffer of n bytes, zeroed; NULL when out of memory or over 4 GiB. */
void *mx_api_alloc(size_t n);

/* More memory on `root`, zeroed. */
void *mx_api_more(void *root, size_t n);

/* Property types without and with the instance bit. */
static inline ULONG mx_api_type(ULONG tag)
{
	return PROP_TYPE(tag) & ~(ULONG)MV_INSTANCE;
}

#endif
