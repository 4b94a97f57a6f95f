/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MAPIInitialize and MAPIUninitialize.
 *
 * The first initialises, the last shuts down; both are counted under one lock
 * that is not held while shutting down.  A MAPIInitialize that comes meanwhile
 * gets a new client: what was open under the old one stays ended.
 */
#include <errno.h>
#include <stdlib.h>

#include "api/lib.h"
#include "api/session.h"
#include "identity/creds.h"
#include "net/opts.h"

static struct mx_mutex lib_lock = MX_MUTEX_INIT;
static unsigned lib_count MX_GUARDED(&lib_lock);
static struct mx_client *lib_client MX_GUARDED(&lib_lock);
static int64_t lib_shutdown_ms MX_GUARDED(&lib_lock) = MX_LIB_SHUTDOWN_MS;
static int64_t lib_idle_ms MX_GUARDED(&lib_lock) = MX_NET_IDLE_MS;
static int64_t lib_total_ms MX_GUARDED(&lib_lock) = MX_LIB_TOTAL_MS;

#define INIT_FLAGS                                                             \
	(MAPI_MULTITHREAD_NOTIFICATIONS | MAPI_NT_SERVICE | MAPI_NO_COINIT)

static HRESULT check_init(const MAPIINIT_0 *init)
{
	if (!init)
		return S_OK;
	if (init->ulVersion != MAPI_INIT_VERSION)
		return MAPI_E_VERSION;
	/* 0x40000000 is reserved and accepted. */
	if (init->ulFlags & ~((ULONG)INIT_FLAGS | 0x40000000u))
		return MAPI_E_UNKNOWN_FLAGS;
	return S_OK;
}

HRESULT MAPIInitialize(LPVOID init)
{
	struct mx_client_params params = {0};
	struct mx_client *c = NULL;
	struct mx_do d = {.fault = MX_FAULT_INIT};
	HRESULT hr = check_init(init);
	int err;

	if (FAILED(hr))
		return hr;
	mx_mutex_lock(&lib_lock);
	if (lib_count) {
		lib_count++;
		mx_mutex_unlock(&lib_lock);
		return S_OK;
	}
	params.idle_ms = lib_idle_ms;
	params.call_ms = lib_total_ms;
	mx_mutex_unlock(&lib_lock);

	err = mx_client_new(&params, &c, &d.fault);
	if (err)
		return mx_do_end(&d, err);
	mx_mutex_lock(&lib_lock);
	if (!lib_count++)
		lib_client = MX_STEAL(c);
	mx_mutex_unlock(&lib_lock);
	/* Another thread was faster: its client stays, this one never ran. */
	mx_client_unref(c);
	return S_OK;
}

void MAPIUninitialize(void)
{
	struct mx_client *c = NULL;
	int64_t ms;

	mx_mutex_lock(&lib_lock);
	if (lib_count && !--lib_count)
		c = MX_STEAL(lib_client);
	ms = lib_shutdown_ms;
	mx_mutex_unlock(&lib_lock);
	if (!c)
		return;
	mx_client_shutdown(c, mx_mono_in_ms(ms), NULL);
	mx_client_unref(c);
}

struct mx_client *mx_lib_client(void)
{
	struct mx_client *c;

	mx_mutex_lock(&lib_lock);
	c = lib_client ? mx_client_ref(lib_client) : NULL;
	mx_mutex_unlock(&lib_lock);
	return c;
}

bool mx_lib_alive(struct mx_session *s)
{
	bool alive;

	if (s)
		return mx_client_alive(mx_session_client(s));
	mx_mutex_lock(&lib_lock);
	alive = lib_client && mx_client_alive(lib_client);
	mx_mutex_unlock(&lib_lock);
	return alive;
}

int64_t mx_lib_total_ms(struct mx_obj *o)
{
	while (o->parent)
		o = o->parent;
	return mx_ses_total_ms(o);
}

HRESULT MapiarySetShutdownDeadline(ULONG ms)
{
	mx_mutex_lock(&lib_lock);
	lib_shutdown_ms = ms;
	mx_mutex_unlock(&lib_lock);
	return S_OK;
}

HRESULT MapiarySetDeadlines(LPMAPISESSION session, ULONG idle, ULONG total)
{
	if (session) {
		mx_session_set_idle(MX_OBJ(session)->session, idle);
		mx_ses_set_total_ms(MX_OBJ(session), total);
		return S_OK;
	}
	mx_mutex_lock(&lib_lock);
	if (idle)
		lib_idle_ms = idle;
	if (total)
		lib_total_ms = total;
	mx_mutex_unlock(&lib_lock);
	return S_OK;
}

int64_t mx_lib_default_idle_ms(void)
{
	int64_t ms;

	mx_mutex_lock(&lib_lock);
	ms = lib_idle_ms;
	mx_mutex_unlock(&lib_lock);
	return ms;
}

int64_t mx_lib_default_total_ms(void)
{
	int64_t ms;

	mx_mutex_lock(&lib_lock);
	ms = lib_total_ms;
	mx_mutex_unlock(&lib_lock);
	return ms;
}
