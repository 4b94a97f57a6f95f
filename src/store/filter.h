/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restrictions evaluated in C on one object, and values compared.
 * [MS-OXCDATA] 2.12.  A condition on a property that is not there is false (so
 * is its "not equal"; NOT of it is true).  Multiple values match when one does.
 */
#ifndef MX_STORE_FILTER_H
#define MX_STORE_FILTER_H

#include "store/obj-private.h"
#include "wire/restrict.h"

/* 1 matches, 0 does not, errno.  Lock held.  A COUNT on top counts for nothing
 * here: who walks the rows stops there. */
int mx_filter(struct mx_obj *o, const struct mx_restrict *r,
	      struct mx_arena *a);

/* 0 when it can be evaluated here; MX_ANS_TOO_COMPLEX, MX_ANS_INVALID_PARAM. */
int mx_filter_check(const struct mx_restrict *r);

/* Whether it looks at recipients or attachments. */
bool mx_filter_needs_parts(const struct mx_restrict *r);

/* < 0, 0, > 0; types must be of one kind (text of both widths counts as one).
 * False: they cannot be compared. */
bool mx_val_compare(const struct mx_propval *a, const struct mx_propval *b,
		    int *ret);

#endif
