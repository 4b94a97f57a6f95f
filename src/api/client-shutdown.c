/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fast shutdown.  What a call reported as saved is on the server's disk by then,
 * so there is nothing to bring to safety: QueryFastShutdown says that it can be
 * done, NotifyProcessShutdown has nothing to do, and DoFastShutdown ends all
 * sessions of the process without a word to any server.  Their session contexts
 * stay in the registry's records, for the next process of the account to free.
 */
#include "api/client-shutdown.h"
#include "api/lib.h"
#include "api/session.h"

static struct mx_obj *obj_of(IMAPIClientShutdown *p)
{
	return &((struct mx_fast_shutdown *)(void *)p)->ses->obj;
}

/* ---- IUnknown: the session's ---- */

static HRESULT shut_query(IMAPIClientShutdown *p, REFIID iid, LPVOID *ret)
{
	return mx_obj_query(obj_of(p), iid, ret);
}

static ULONG shut_add(IMAPIClientShutdown *p)
{
	return mx_obj_add(obj_of(p));
}

static ULONG shut_release(IMAPIClientShutdown *p)
{
	return mx_obj_release(obj_of(p));
}

/* ---- methods ---- */

static HRESULT shut_ask(IMAPIClientShutdown *p)
{
	return mx_obj_check(obj_of(p));
}

static HRESULT shut_notify(IMAPIClientShutdown *p)
{
	return mx_obj_check(obj_of(p));
}

static HRESULT shut_do(IMAPIClientShutdown *p)
{
	HRESULT hr = mx_obj_check(obj_of(p));

	if (FAILED(hr))
		return hr;
	mx_lib_quit(0);
	return S_OK;
}

void mx_fast_shutdown_init(struct mx_fast_shutdown *m, struct mx_ses *ses)
{
	static const IMAPIClientShutdownVtbl vtbl = {
		shut_query, shut_add,    shut_release,
		shut_ask,   shut_notify, shut_do,
	};

	m->vtbl = &vtbl;
	m->ses = ses;
}
