/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMAPIProp for every object that has properties on the server.
 */
#ifndef MX_API_PROP_H
#define MX_API_PROP_H

#include "api/convert.h"
#include "api/obj.h"

HRESULT mx_prop_get(struct mx_obj *o, LPSPropTagArray tags, ULONG flags,
		    ULONG *ret_n, LPSPropValue *ret);
HRESULT mx_prop_list(struct mx_obj *o, ULONG flags, LPSPropTagArray *ret);
HRESULT mx_prop_open(struct mx_obj *o, ULONG tag, LPCIID iid, ULONG options,
		     ULONG flags, LPUNKNOWN *ret);
HRESULT mx_prop_set(struct mx_obj *o, ULONG n, LPSPropValue vals,
		    LPSPropProblemArray *ret);
HRESULT mx_prop_delete(struct mx_obj *o, LPSPropTagArray tags,
		       LPSPropProblemArray *ret);
HRESULT mx_prop_copy_to(struct mx_obj *o, ULONG n_iids, LPCIID iids,
			LPSPropTagArray exclude, ULONG_PTR ui,
			LPMAPIPROGRESS progress, LPCIID iid, LPVOID dest,
			ULONG flags, LPSPropProblemArray *ret);
HRESULT mx_prop_copy_props(struct mx_obj *o, LPSPropTagArray include,
			   ULONG_PTR ui, LPMAPIPROGRESS progress, LPCIID iid,
			   LPVOID dest, ULONG flags, LPSPropProblemArray *ret);
HRESULT mx_prop_names(struct mx_obj *o, LPSPropTagArray *tags, LPGUID set,
		      ULONG flags, ULONG *ret_n, LPMAPINAMEID **ret);
HRESULT mx_prop_ids(struct mx_obj *o, ULONG n, LPMAPINAMEID *names, ULONG flags,
		    LPSPropTagArray *ret);
/* SaveChanges of objects whose changes are saved as they are made. */
HRESULT mx_prop_save_nothing(struct mx_obj *o, ULONG flags);

/* What folders, messages and attachments know themselves: type, store. */
int mx_prop_own_common(struct mx_do *d, struct mx_obj *o, struct mx_arena *a,
		       uint32_t tag, struct mx_propval *ret);
/* Binary in the arena as the value of tag: 1 or -ENOMEM. */
int mx_prop_own_bin(struct mx_arena *a, uint32_t tag, const void *p, size_t n,
		    struct mx_propval *ret);
/* The entry id of a folder or message as a value: 1 or an error. */
int mx_prop_own_eid(struct mx_do *d, struct mx_obj *o, struct mx_arena *a,
		    uint32_t tag, uint64_t fid, uint64_t mid,
		    struct mx_propval *ret);

/* The 14 methods that every such interface begins with; SAVE is SaveChanges. */
#define MX_PROP_ROWS(T, SAVE)                                                  \
	MX_UNKNOWN_ROWS(T), MX_LAST_ERROR_ROW(T),                              \
		(HRESULT(*)(T *, ULONG))(SAVE),                                \
		(HRESULT(*)(T *, LPSPropTagArray, ULONG, ULONG *,              \
			    LPSPropValue *))mx_prop_get,                       \
		(HRESULT(*)(T *, ULONG, LPSPropTagArray *))mx_prop_list,       \
		(HRESULT(*)(T *, ULONG, LPCIID, ULONG, ULONG,                  \
			    LPUNKNOWN *))mx_prop_open,                         \
		(HRESULT(*)(T *, ULONG, LPSPropValue,                          \
			    LPSPropProblemArray *))mx_prop_set,                \
		(HRESULT(*)(T *, LPSPropTagArray,                              \
			    LPSPropProblemArray *))mx_prop_delete,             \
		(HRESULT(*)(T *, ULONG, LPCIID, LPSPropTagArray, ULONG_PTR,    \
			    LPMAPIPROGRESS, LPCIID, LPVOID, ULONG,             \
			    LPSPropProblemArray *))mx_prop_copy_to,            \
		(HRESULT(*)(T *, LPSPropTagArray, ULONG_PTR, LPMAPIPROGRESS,   \
			    LPCIID, LPVOID, ULONG,                             \
			    LPSPropProblemArray *))mx_prop_copy_props,         \
		(HRESULT(*)(T *, LPSPropTagArray *, LPGUID, ULONG, ULONG *,    \
			    LPMAPINAMEID **))mx_prop_names,                    \
		(HRESULT(*)(T *, ULONG, LPMAPINAMEID *, ULONG,                 \
			    LPSPropTagArray *))mx_prop_ids

#endif
