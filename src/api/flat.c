/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values and notifications in one flat block: the structures first, then what
 * they point to, every run aligned to eight bytes.  One cursor counts (no
 * memory behind it) or puts, so size and copy cannot disagree.
 */
#include "api/prop-part.h"

struct flat {
	char *p; /* NULL: only counting */
	size_t at;
};

static size_t align8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

/* Reserves n bytes; where they are, or NULL while counting. */
static void *flat_take(struct flat *f, size_t n)
{
	char *p = f->p ? f->p + f->at : NULL;

	f->at += align8(n);
	return p;
}

/* Moves the run behind *pp into the block. */
static void flat_run(struct flat *f, void **pp, size_t n)
{
	void *p;

	if (!*pp)
		return;
	p = flat_take(f, n);
	if (p) {
		if (n)
			memcpy(p, *pp, n);
		*pp = p;
	}
}

/* Moves what v points to; v itself is in the block when putting.  While
 * counting, the items are read where they are. */
static SCODE flat_value(struct flat *f, SPropValue *v)
{
	struct mx_part part;

	if (!mx_part_of(v, &part))
		return MAPI_E_INVALID_PARAMETER;
	if (!part.pp)
		return S_OK;
	flat_run(f, part.pp, part.n);
	for (ULONG i = 0; *part.pp && i < part.n_items; i++) {
		void **pp;
		size_t n;

		mx_part_item(&part, i, &pp, &n);
		flat_run(f, pp, n);
	}
	return S_OK;
}

static SCODE flat_props(struct flat *f, ULONG n, const SPropValue *props,
			SPropValue **ret)
{
	SPropValue *out = flat_take(f, n * sizeof(*props));
	SCODE sc = S_OK;

	for (ULONG i = 0; SUCCEEDED(sc) && i < n; i++) {
		SPropValue tmp = props[i];

		if (out)
			out[i] = tmp;
		sc = flat_value(f, out ? &out[i] : &tmp);
	}
	if (SUCCEEDED(sc) && ret && out)
		*ret = out;
	return sc;
}

static SCODE flat_done(const struct flat *f, ULONG *ret)
{
	if (f->at > UINT32_MAX)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	if (ret)
		*ret = (ULONG)f->at;
	return S_OK;
}

SCODE ScCountProps(int n, LPSPropValue props, ULONG *ret)
{
	struct flat f = {0};
	SCODE sc;

	if (n < 0 || (n && !props))
		return MAPI_E_INVALID_PARAMETER;
	sc = flat_props(&f, (ULONG)n, props, NULL);
	return FAILED(sc) ? sc : flat_done(&f, ret);
}

SCODE ScCopyProps(int n, LPSPropValue props, LPVOID dst, ULONG *ret)
{
	struct flat f = {dst, 0};
	SCODE sc;

	if (n < 0 || (n && !props) || !dst)
		return MAPI_E_INVALID_PARAMETER;
	sc = flat_props(&f, (ULONG)n, props, NULL);
	return FAILED(sc) ? sc : flat_done(&f, ret);
}

SCODE ScDupPropset(int n, LPSPropValue props, LPALLOCATEBUFFER alloc,
		   LPSPropValue *ret)
{
	ULONG size;
	void *p;
	SCODE sc;

	if (!alloc || !ret)
		return MAPI_E_INVALID_PARAMETER;
	sc = ScCountProps(n, props, &size);
	if (SUCCEEDED(sc))
		sc = alloc(size, &p);
	if (FAILED(sc))
		return sc;
	sc = ScCopyProps(n, props, p, NULL);
	if (SUCCEEDED(sc))
		*ret = p;
	return sc;
}

/* ---- relocation ---- */

struct reloc {
	char *from, *to;
	bool moved; /* the bytes are at `to` already */
};

static void *reloc_ptr(const struct reloc *r, void *p)
{
	return p ? r->to + ((char *)p - r->from) : NULL;
}

/* Sets *pp to its new place; returns where its bytes can be read now. */
static void *reloc_one(const struct reloc *r, void **pp)
{
	void *now = *pp;

	*pp = reloc_ptr(r, *pp);
	return r->moved ? *pp : now;
}

static SCODE reloc_value(const struct reloc *r, SPropValue *v)
{
	struct mx_part part;
	SPropValue probe = *v;
	void *items;

	/* Lengths of strings are not needed here, and their pointers may be
	 * stale: ask with a value that points nowhere. */
	if (!(PROP_TYPE(v->ulPropTag) & MV_FLAG) &&
	    PROP_TYPE(v->ulPropTag) != PT_BINARY)
		probe.Value.lpszA = NULL;
	if (!mx_part_of(&probe, &part))
		return MAPI_E_INVALID_PARAMETER;
	if (!part.pp)
		return S_OK;
	items = reloc_one(
		r, (void **)((char *)v + ((char *)part.pp - (char *)&probe)));
	for (ULONG i = 0; items && i < part.n_items; i++) {
		if (part.item == PT_BINARY)
			reloc_one(r, (void **)&((SBinary *)items)[i].lpb);
		else
			reloc_one(r, (void **)items + i);
	}
	return S_OK;
}

static bool is_moved(const void *p, const void *from, const void *to)
{
	uintptr_t d_from = (uintptr_t)p - (uintptr_t)from;
	uintptr_t d_to = (uintptr_t)p - (uintptr_t)to;

	return d_to < d_from;
}

SCODE ScRelocProps(int n, LPSPropValue props, LPVOID from, LPVOID to,
		   ULONG *ret)
{
	struct reloc r = {from, to, is_moved(props, from, to)};

	if (n < 0 || (n && !props) || !from || !to)
		return MAPI_E_INVALID_PARAMETER;
	/* The size is counted while the pointers can be followed. */
	if (ret && !r.moved && FAILED(ScCountProps(n, props, ret)))
		return MAPI_E_INVALID_PARAMETER;
	for (int i = 0; i < n; i++)
		if (FAILED(reloc_value(&r, &props[i])))
			return MAPI_E_INVALID_PARAMETER;
	if (ret && r.moved)
		return ScCountProps(n, props, ret);
	return S_OK;
}

/* ---- notifications ---- */

static void flat_str(struct flat *f, LPTSTR *s, ULONG flags)
{
	size_t n;

	if (!*s)
		return;
	n = flags & MAPI_UNICODE
		    ? (wcslen((LPWSTR)(void *)*s) + 1) * sizeof(WCHAR)
		    : strlen((LPSTR)(void *)*s) + 1;
	flat_run(f, (void **)s, n);
}

static SCODE flat_table(struct flat *f, TABLE_NOTIFICATION *t)
{
	SPropValue *props = t->row.lpProps;
	SCODE sc;

	sc = flat_value(f, &t->propIndex);
	if (SUCCEEDED(sc))
		sc = flat_value(f, &t->propPrior);
	if (SUCCEEDED(sc) && t->row.cValues && props) {
		sc = flat_props(f, t->row.cValues, props, &props);
		t->row.lpProps = props;
	}
	return sc;
}

static SCODE flat_error(struct flat *f, ERROR_NOTIFICATION *e)
{
	flat_run(f, (void **)&e->lpEntryID, e->cbEntryID);
	if (e->lpMAPIError) {
		MAPIERROR tmp = *e->lpMAPIError, *err;

		err = flat_take(f, sizeof(tmp));
		if (err) {
			*err = tmp;
			e->lpMAPIError = err;
		}
		err = err ? err : &tmp;
		flat_str(f, &err->lpszError, e->ulFlags);
		flat_str(f, &err->lpszComponent, e->ulFlags);
	}
	return S_OK;
}

static SCODE flat_notif(struct flat *f, NOTIFICATION *n)
{
	OBJECT_NOTIFICATION *o = &n->info.obj;
	NEWMAIL_NOTIFICATION *m = &n->info.newmail;
	STATUS_OBJECT_NOTIFICATION *s = &n->info.statobj;
	SPropValue *props;
	SCODE sc;

	switch (n->ulEventType) {
	case fnevCriticalError:
		return flat_error(f, &n->info.err);
	case fnevNewMail:
		flat_run(f, (void **)&m->lpEntryID, m->cbEntryID);
		flat_run(f, (void **)&m->lpParentID, m->cbParentID);
		flat_str(f, &m->lpszMessageClass, m->ulFlags);
		return S_OK;
	case fnevObjectCreated:
	case fnevObjectDeleted:
	case fnevObjectModified:
	case fnevObjectMoved:
	case fnevObjectCopied:
	case fnevSearchComplete:
		flat_run(f, (void **)&o->lpEntryID, o->cbEntryID);
		flat_run(f, (void **)&o->lpParentID, o->cbParentID);
		flat_run(f, (void **)&o->lpOldID, o->cbOldID);
		flat_run(f, (void **)&o->lpOldParentID, o->cbOldParentID);
		if (o->lpPropTagArray)
			flat_run(f, (void **)&o->lpPropTagArray,
				 CbSPropTagArray(o->lpPropTagArray));
		return S_OK;
	case fnevTableModified:
		return flat_table(f, &n->info.tab);
	case fnevStatusObjectModified:
		flat_run(f, (void **)&s->lpEntryID, s->cbEntryID);
		props = s->lpPropVals;
		sc = props ? flat_props(f, s->cValues, props, &props) : S_OK;
		s->lpPropVals = props;
		return sc;
	case fnevExtended:
		flat_run(f, (void **)&n->info.ext.pbEventParameters,
			 n->info.ext.cb);
		return S_OK;
	default:
		return MAPI_E_INVALID_PARAMETER;
	}
}

static SCODE flat_notifs(struct flat *f, int n, const NOTIFICATION *notifs)
{
	NOTIFICATION *out = flat_take(f, (size_t)n * sizeof(*notifs));
	SCODE sc = S_OK;

	for (int i = 0; SUCCEEDED(sc) && i < n; i++) {
		NOTIFICATION tmp = notifs[i];

		if (out)
			out[i] = tmp;
		sc = flat_notif(f, out ? &out[i] : &tmp);
	}
	return sc;
}

SCODE ScCountNotifications(int n, LPNOTIFICATION notifs, ULONG *ret)
{
	struct flat f = {0};
	SCODE sc;

	if (n < 0 || (n && !notifs))
		return MAPI_E_INVALID_PARAMETER;
	sc = flat_notifs(&f, n, notifs);
	return FAILED(sc) ? sc : flat_done(&f, ret);
}

SCODE ScCopyNotifications(int n, LPNOTIFICATION notifs, LPVOID dst, ULONG *ret)
{
	struct flat f = {dst, 0};
	SCODE sc;

	if (n < 0 || (n && !notifs) || !dst)
		return MAPI_E_INVALID_PARAMETER;
	sc = flat_notifs(&f, n, notifs);
	return FAILED(sc) ? sc : flat_done(&f, ret);
}

static SCODE reloc_props(const struct reloc *r, ULONG n, SPropValue **props)
{
	SPropValue *now = *props ? reloc_one(r, (void **)props) : NULL;

	for (ULONG i = 0; now && i < n; i++)
		if (FAILED(reloc_value(r, &now[i])))
			return MAPI_E_INVALID_PARAMETER;
	return S_OK;
}

static SCODE reloc_notif(const struct reloc *r, NOTIFICATION *n)
{
	OBJECT_NOTIFICATION *o = &n->info.obj;
	TABLE_NOTIFICATION *t = &n->info.tab;
	MAPIERROR *err;

	switch (n->ulEventType) {
	case fnevCriticalError:
		reloc_one(r, (void **)&n->info.err.lpEntryID);
		err = reloc_one(r, (void **)&n->info.err.lpMAPIError);
		if (err) {
			reloc_one(r, (void **)&err->lpszError);
			reloc_one(r, (void **)&err->lpszComponent);
		}
		return S_OK;
	case fnevNewMail:
		reloc_one(r, (void **)&n->info.newmail.lpEntryID);
		reloc_one(r, (void **)&n->info.newmail.lpParentID);
		reloc_one(r, (void **)&n->info.newmail.lpszMessageClass);
		return S_OK;
	case fnevTableModified:
		if (FAILED(reloc_value(r, &t->propIndex)) ||
		    FAILED(reloc_value(r, &t->propPrior)))
			return MAPI_E_INVALID_PARAMETER;
		return reloc_props(r, t->row.cValues, &t->row.lpProps);
	case fnevStatusObjectModified:
		reloc_one(r, (void **)&n->info.statobj.lpEntryID);
		return reloc_props(r, n->info.statobj.cValues,
				   &n->info.statobj.lpPropVals);
	case fnevExtended:
		reloc_one(r, (void **)&n->info.ext.pbEventParameters);
		return S_OK;
	default:
		reloc_one(r, (void **)&o->lpEntryID);
		reloc_one(r, (void **)&o->lpParentID);
		reloc_one(r, (void **)&o->lpOldID);
		reloc_one(r, (void **)&o->lpOldParentID);
		reloc_one(r, (void **)&o->lpPropTagArray);
		return S_OK;
	}
}

SCODE ScRelocNotifications(int n, LPNOTIFICATION notifs, LPVOID from, LPVOID to,
			   ULONG *ret)
{
	struct reloc r = {from, to, is_moved(notifs, from, to)};

	if (n < 0 || (n && !notifs) || !from || !to)
		return MAPI_E_INVALID_PARAMETER;
	if (ret && !r.moved && FAILED(ScCountNotifications(n, notifs, ret)))
		return MAPI_E_INVALID_PARAMETER;
	for (int i = 0; i < n; i++)
		if (FAILED(reloc_notif(&r, &notifs[i])))
			return MAPI_E_INVALID_PARAMETER;
	if (ret && r.moved)
		return ScCountNotifications(n, notifs, ret);
	return S_OK;
}
