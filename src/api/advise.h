/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Advise: from the session's events to IMAPIAdviseSink::OnNotify.
 *
 * Sinks are called on the library's callback threads, one call at a time for
 * one connection.  When Unadvise has returned no call starts any more (B11);
 * the sink is released when the last running one ends.
 */
#ifndef MX_API_ADVISE_H
#define MX_API_ADVISE_H

#include "api/obj.h"
#include "base/list.h"

/* The connections of one object. */
struct mx_advises {
	struct mx_mutex lock;
	struct mx_list list;
	ULONG_PTR next;
};

void mx_advises_init(struct mx_advises *a);
/* Ends all: when the object goes. */
void mx_advises_fini(struct mx_advises *a);

/* Watches a table (so of the object) or something in a store.  eid NULL: the
 * whole store. */
HRESULT mx_advise_table(struct mx_obj *table, struct mx_advises *a, ULONG mask,
			LPMAPIADVISESINK sink, ULONG_PTR *ret);
HRESULT mx_advise_store(struct mx_obj *store, struct mx_advises *a, ULONG n,
			LPENTRYID eid, ULONG mask, LPMAPIADVISESINK sink,
			ULONG_PTR *ret);
HRESULT mx_unadvise(struct mx_obj *o, struct mx_advises *a, ULONG_PTR conn);

#endif
