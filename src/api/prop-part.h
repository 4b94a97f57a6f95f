/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What memory a property value points to, said once for counting, copying,
 * relocating: no bytes, one run of bytes, or an array whose items may each
 * point to a run of bytes.
 */
#ifndef MX_API_PROP_PART_H
#define MX_API_PROP_PART_H

#include "api/api.h"

struct mx_part {
	void **pp;     /* the pointer inside the value; NULL: no memory */
	size_t n;      /* bytes it points to */
	ULONG n_items; /* items that point on: strings or SBinary */
	ULONG item;    /* their type: PT_STRING8, PT_UNICODE, PT_BINARY; or 0 */
};

/* What v points to.  False for a type that is not known. */
bool mx_part_of(SPropValue *v, struct mx_part *ret);

/* The i-th item of a part with items: its pointer and its bytes. */
void mx_part_item(const struct mx_part *p, ULONG i, void ***ret_pp,
		  size_t *ret_n);

/* Bytes of the value itself: 2, 4, 8; 0 when it points to memory. */
size_t mx_part_scalar(ULONG type);

#endif
