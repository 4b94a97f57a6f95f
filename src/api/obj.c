/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/lib.h"
#include "api/obj.h"
#include "api/store.h"
#include "api/strm.h"
#include "api/text.h"
#include "net/cancel.h"

static _Thread_local char thread_error[600];

/* In a forked child, of the parent: its lock may be held by a thread that is not
 * there, and its memory is never freed. */
static bool inherited(const struct mx_obj *o)
{
	return o->session && mx_client_forked(mx_session_client(o->session));
}

void mx_obj_init(struct mx_obj *o, const void *vtbl, const struct mx_class *cls,
		 struct mx_obj *parent, struct mx_session *session,
		 struct mx_sobj *so)
{
	o->vtbl = vtbl;
	o->cls = cls;
	o->so = so;
	o->parent = parent;
	o->session = mx_session_ref(session);
	mx_mutex_init(&o->lock);
	mx_cond_init(&o->idle);
	mx_list_init(&o->unsent);
	atomic_init(&o->refs, 1);
	if (parent)
		mx_obj_add(parent);
}

bool mx_obj_answers(const struct mx_class *cls, LPCIID iid)
{
	if (!iid || IsEqualGUID(iid, &IID_IUnknown))
		return true;
	for (size_t i = 0; i < cls->n_iids; i++)
		if (IsEqualGUID(iid, cls->iids[i]))
			return true;
	return false;
}

HRESULT mx_obj_query(struct mx_obj *o, REFIID iid, LPVOID *ret)
{
	if (!ret || !iid)
		return MAPI_E_INVALID_PARAMETER;
	*ret = NULL;
	if (mx_obj_answers(o->cls, iid))
		*ret = o;
	else if (o->cls->query)
		*ret = o->cls->query(o, iid);
	if (!*ret)
		return MAPI_E_INTERFACE_NOT_SUPPORTED;
	mx_obj_add(o);
	return S_OK;
}

ULONG mx_obj_add(struct mx_obj *o)
{
	return atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed) + 1;
}

/* The last one: gives up the server object first, then what is above it.  A
 * loop, since a deep chain of embedded messages is a chain of parents. */
ULONG mx_obj_release(struct mx_obj *o)
{
	ULONG ret = 0;

	for (bool first = true; o; first = false) {
		struct mx_obj *parent = o->parent;
		unsigned n = atomic_fetch_sub_explicit(&o->refs, 1,
						       memory_order_acq_rel) -
			     1;

		if (first)
			ret = n;
		if (n || inherited(o))
			break;
		mx_strm_drop_all(o);
		if (o->cls->fini)
			o->cls->fini(o);
		mx_sobj_unref(o->so);
		mx_session_unref(o->session);
		mx_cond_fini(&o->idle);
		mx_mutex_fini(&o->lock);
		free(o->last);
		free(o);
		o = parent;
	}
	return ret;
}

struct mx_store *mx_obj_store(struct mx_obj *o)
{
	while (o && o->cls->type != MAPI_STORE)
		o = o->parent;
	return (struct mx_store *)o;
}

/* ---- why a call failed ---- */

static void remember(struct mx_obj *o, HRESULT hr, const struct mx_fault *f,
		     const char *text)
{
	const char *name = mx_hr_name(hr);
	struct mx_lasterr *e;

	snprintf(thread_error, sizeof(thread_error), "%s%s%s", name ? name : "",
		 name ? ": " : "", text);
	if (!o || inherited(o))
		return;
	e = calloc(1, sizeof(*e));
	if (!e)
		return;
	e->hr = hr;
	e->low = f ? f->code : 0;
	e->context = f ? (ULONG)f->layer : 0;
	snprintf(e->text, sizeof(e->text), "%s", text);
	mx_mutex_lock(&o->lock);
	free(o->last);
	o->last = e;
	mx_mutex_unlock(&o->lock);
}

LPCSTR MapiaryLastErrorText(void)
{
	return thread_error;
}

/* One allocation: the structure, then its two strings. */
static HRESULT make_error(const struct mx_lasterr *e, const char *component,
			  ULONG flags, LPMAPIERROR *ret)
{
	MAPIERROR *m = mx_api_alloc(sizeof(*m));
	HRESULT hr;

	if (!m)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	m->ulVersion = MAPI_ERROR_VERSION;
	m->ulLowLevelError = e->low;
	m->ulContext = e->context;
	hr = mx_text_out(e->text, flags, m, &m->lpszError);
	if (SUCCEEDED(hr))
		hr = mx_text_out(component, flags, m, &m->lpszComponent);
	if (FAILED(hr)) {
		MAPIFreeBuffer(m);
		return hr;
	}
	*ret = m;
	return S_OK;
}

HRESULT mx_obj_last_error(struct mx_obj *o, HRESULT hr, ULONG flags,
			  LPMAPIERROR *ret)
{
	struct mx_lasterr e = {0};
	char component[64];

	if (!ret || (flags & ~MAPI_UNICODE))
		return ret ? MAPI_E_UNKNOWN_FLAGS : MAPI_E_INVALID_PARAMETER;
	*ret = NULL;
	if (inherited(o))
		return S_OK;
	mx_mutex_lock(&o->lock);
	if (o->last)
		e = *o->last;
	mx_mutex_unlock(&o->lock);
	/* S_OK and no MAPIERROR: nothing more is known about that result. */
	if (!e.hr || (hr && e.hr != hr))
		return S_OK;
	snprintf(component, sizeof(component), "Mapiary %s", o->cls->name);
	return make_error(&e, component, flags, ret);
}

/* ---- calls ---- */

static HRESULT check(struct mx_obj *obj)
{
	const char *why = "MAPIInitialize was not called, or MAPIUninitialize "
			  "ended what this object belonged to";

	thread_error[0] = '\0';
	if (mx_lib_alive(obj ? obj->session : NULL))
		return S_OK;
	if (obj && inherited(obj))
		why = "the object is the parent's: a forked child calls "
		      "MAPIInitialize and logs on itself";
	remember(obj, MAPI_E_NOT_INITIALIZED, NULL, why);
	return MAPI_E_NOT_INITIALIZED;
}

HRESULT mx_obj_check(void *obj)
{
	return check(obj);
}

bool mx_obj_inherited(void *obj)
{
	return inherited(obj);
}

static HRESULT begin(struct mx_do *d, struct mx_obj *obj)
{
	int64_t total = MX_LIB_TOTAL_MS;
	HRESULT hr;

	if (obj && obj->session)
		mx_session_prefetch(obj->session, obj->so);
	*d = (struct mx_do){.obj = obj, .fault = MX_FAULT_INIT};
	hr = check(obj);
	if (FAILED(hr))
		return hr;
	if (obj && obj->session)
		total = mx_session_total(obj->session);
	d->thread = mx_thread_enter(obj);
	d->call.deadline = mx_mono_in_ms(total);
	d->call.cancel = mx_thread_cancel(d->thread);
	d->call.fault = &d->fault;
	return S_OK;
}

HRESULT mx_do_begin(struct mx_do *d, void *obj)
{
	return begin(d, obj);
}

HRESULT mx_do_begin_free(struct mx_do *d)
{
	return begin(d, NULL);
}

/* Cancelling does not wake a condition: look for it ten times a second. */
#define TURN_SLICE_MS 100

int mx_turn_begin(struct mx_do *d, struct mx_obj *o)
{
	int err = 0;

	mx_mutex_lock(&o->lock);
	while (o->busy && !err) {
		mx_cond_wait(&o->idle, &o->lock,
			     mx_mono_min(d->call.deadline,
					 mx_mono_in_ms(TURN_SLICE_MS)));
		if (!o->busy)
			break;
		if (mx_cancel_fired(d->call.cancel))
			err = -ECANCELED;
		else if (mx_mono_passed(d->call.deadline))
			err = -ETIMEDOUT;
	}
	if (!err)
		o->busy = true;
	mx_mutex_unlock(&o->lock);
	if (err)
		mx_fault_set(&d->fault, MX_LAYER_LOCAL, 0, err,
			     "another thread's call on this object goes on");
	return err;
}

void mx_turn_end(struct mx_obj *o)
{
	mx_mutex_lock(&o->lock);
	o->busy = false;
	mx_mutex_unlock(&o->lock);
	mx_cond_signal(&o->idle);
}

int mx_do_open(struct mx_do *d, struct mx_sobj *so)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_op *op;
	int err;

	mx_batch_init(&b);
	op = mx_batch_open(&b, so);
	err = mx_batch_run(&b, &d->call);
	return err ? err : mx_op_fault(op, &d->fault);
}

int mx_do_sobj(struct mx_do *d, struct mx_sobj *from,
	       const struct mx_rop_req *open, bool deferred,
	       struct mx_sobj **ret)
{
	MX_AUTO(mx_sobj_auto) struct mx_sobj *so = NULL;
	int err = mx_sobj_new(from, open, &so);

	if (!err && !deferred)
		err = mx_do_open(d, so);
	if (!err)
		*ret = MX_STEAL(so);
	return err;
}

HRESULT mx_do_end(struct mx_do *d, int err)
{
	HRESULT hr;
	char text[512];

	mx_thread_leave(d->thread);
	if (!err)
		return S_OK;
	hr = mx_hr_from_err(err, &d->fault,
			    mx_lib_alive(d->obj ? d->obj->session : NULL));
	mx_fault_format(&d->fault, text, sizeof(text));
	remember(d->obj, hr, &d->fault, text);
	return hr;
}

HRESULT mx_do_end_hr(struct mx_do *d, HRESULT hr, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	mx_thread_leave(d->thread);
	if (SUCCEEDED(hr))
		return hr;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	remember(d->obj, hr, NULL, text);
	return hr;
}

HRESULT mx_obj_unsupported(void *obj, const char *what)
{
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, obj);

	return FAILED(hr) ? hr : mx_do_end_unsupported(&d, what);
}
