/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One logon of one user, as a server application does it: impersonate on this
 * thread, MAPILogonEx, revert at once; from then on the session carries the
 * user.  Everything opened is kept and released at the end in random order,
 * the session among the rest: a child keeps its parent alive, so every order
 * is right.
 */
#include "cli/demo.h"

#include <edkmdb.h>
#include <errno.h>
#include <mapiutil.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/auto.h"
#include "base/list.h"
#include "mime/proplist.h"

/* ---- the sink: new mail by entry id, in a queue ---- */

struct arrival {
	struct mx_list link;
	ULONG cb;
	BYTE id[];
};

struct demo_sink {
	IMAPIAdviseSink com; /* first: the pointer MAPI holds */
	atomic_uint refs;
	pthread_mutex_t lock;
	pthread_cond_t came;
	struct mx_list queue; /* of arrival, under lock */
};

static ULONG sink_addref(IMAPIAdviseSink *com)
{
	struct demo_sink *s = (struct demo_sink *)com;

	return atomic_fetch_add(&s->refs, 1) + 1;
}

static ULONG sink_release(IMAPIAdviseSink *com)
{
	struct demo_sink *s = (struct demo_sink *)com;
	ULONG left = atomic_fetch_sub(&s->refs, 1) - 1;
	struct mx_list *l;

	if (left)
		return left;
	while ((l = mx_list_pop(&s->queue)))
		free(MX_CONTAINER_OF(l, struct arrival, link));
	pthread_cond_destroy(&s->came);
	pthread_mutex_destroy(&s->lock);
	free(s);
	return 0;
}

static HRESULT sink_query(IMAPIAdviseSink *com, REFIID iid, LPVOID *ret)
{
	if (!IsEqualIID(iid, &IID_IUnknown) &&
	    !IsEqualIID(iid, &IID_IMAPIAdviseSink))
		return E_NOINTERFACE;
	sink_addref(com);
	*ret = com;
	return S_OK;
}

static ULONG sink_notify(IMAPIAdviseSink *com, ULONG n, LPNOTIFICATION list)
{
	struct demo_sink *s = (struct demo_sink *)com;

	for (ULONG i = 0; i < n; i++) {
		const NEWMAIL_NOTIFICATION *mail = &list[i].info.newmail;
		struct arrival *a;

		if (list[i].ulEventType != fnevNewMail)
			continue;
		a = malloc(sizeof(*a) + mail->cbEntryID);
		if (!a)
			continue;
		a->cb = mail->cbEntryID;
		memcpy(a->id, mail->lpEntryID, mail->cbEntryID);
		pthread_mutex_lock(&s->lock);
		mx_list_push_tail(&s->queue, &a->link);
		pthread_cond_signal(&s->came);
		pthread_mutex_unlock(&s->lock);
	}
	return 0;
}

static struct demo_sink *sink_new(void)
{
	static IMAPIAdviseSinkVtbl vtbl = {
		.QueryInterface = sink_query,
		.AddRef = sink_addref,
		.Release = sink_release,
		.OnNotify = sink_notify,
	};
	struct demo_sink *s = calloc(1, sizeof(*s));
	pthread_condattr_t a;

	if (!s)
		return NULL;
	s->com.lpVtbl = &vtbl;
	atomic_init(&s->refs, 1);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&s->came, &a);
	pthread_condattr_destroy(&a);
	mx_list_init(&s->queue);
	return s;
}

/* The next arrival, or NULL at the deadline. */
static struct arrival *sink_next(struct demo_sink *s, mx_mono deadline)
{
	const struct timespec end = mx_mono_timespec(deadline);
	struct mx_list *l;
	int r = 0;

	pthread_mutex_lock(&s->lock);
	while (mx_list_empty(&s->queue) && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&s->came, &s->lock, &end);
	l = mx_list_pop(&s->queue);
	pthread_mutex_unlock(&s->lock);
	return l ? MX_CONTAINER_OF(l, struct arrival, link) : NULL;
}

/* ---- log on ---- */

static void raise_to(atomic_uint *most, unsigned n)
{
	unsigned was = atomic_load(most);

	while (was < n && !atomic_compare_exchange_weak(most, &was, n))
		;
}

static void count_logon(struct demo_side *s)
{
	struct demo *d = s->w->d;
	unsigned mine = atomic_fetch_add(&s->u->logged_on, 1) + 1;

	s->counted = true;
	atomic_fetch_add(&s->u->logons, 1);
	raise_to(&s->u->most_logged_on, mine);
	raise_to(&d->most_logged_on, atomic_fetch_add(&d->logged_on, 1) + 1);
	if (mine == 2)
		atomic_fetch_add(&d->twice, 1);
}

void demo_hold(struct demo_side *s, void *obj)
{
	if (s->n_held == DEMO_MAX_HELD) {
		IUnknown_Release(s->held[0]);
		s->held[0] = obj;
		return;
	}
	s->held[s->n_held++] = obj;
}

/* Opens the session's default store, as the table of stores names it. */
static bool open_default_store(struct demo_side *s)
{
	static SizedSPropTagArray(2, columns) = {
		2, {PR_ENTRYID, PR_DEFAULT_STORE}};
	LPMAPITABLE table = NULL;
	LPSRowSet rows = NULL;
	HRESULT hr;

	demo_step(s->w, "find the default store");
	hr = IMAPISession_GetMsgStoresTable(s->ses, 0, &table);
	if (!FAILED(hr))
		hr = HrQueryAllRows(table, (LPSPropTagArray)&columns, NULL,
				    NULL, 0, &rows);
	if (!demo_ok(s->w, s->u, hr)) {
		UlRelease(table);
		return false;
	}
	demo_step(s->w, "open the default store");
	hr = MAPI_E_NOT_FOUND;
	for (ULONG i = 0; i < rows->cRows && !s->store; i++) {
		const SPropValue *v = rows->aRow[i].lpProps;

		if (v[1].ulPropTag == PR_DEFAULT_STORE && v[1].Value.b)
			hr = IMAPISession_OpenMsgStore(
				s->ses, 0, v[0].Value.bin.cb,
				(LPENTRYID)v[0].Value.bin.lpb, NULL,
				MDB_WRITE | MAPI_BEST_ACCESS, &s->store);
	}
	FreeProws(rows);
	UlRelease(table);
	if (!demo_ok(s->w, s->u, hr))
		return false;
	demo_hold(s, s->store);
	return true;
}

bool demo_side_open(struct demo_side *s, struct demo_worker *w,
		    struct demo_user *u)
{
	HRESULT hr;

	*s = (struct demo_side){.w = w, .u = u};
	atomic_store(&w->user, u->name);
	demo_step(w, "log on");
	hr = MapiaryImpersonate(u->ctx);
	if (!demo_ok(w, u, hr))
		return false;
	hr = MAPILogonEx(0, (LPTSTR)u->profile, NULL,
			 MAPI_EXTENDED | MAPI_NEW_SESSION |
				 MAPI_EXPLICIT_PROFILE,
			 &s->ses);
	if (!demo_ok(w, u, hr)) {
		MapiaryRevert();
		return false;
	}
	demo_hold(s, s->ses);
	count_logon(s);
	hr = MapiaryRevert();
	return demo_ok(w, u, hr) && open_default_store(s);
}

bool demo_open_folder(struct demo_side *s, ULONG tag, LPMAPIFOLDER *ret)
{
	LPSPropValue id = NULL;
	ULONG type = 0;
	HRESULT hr;

	demo_step(s->w, "open a folder");
	hr = HrGetOneProp((LPMAPIPROP)s->store, tag, &id);
	if (!demo_ok(s->w, s->u, hr))
		return false;
	hr = IMsgStore_OpenEntry(s->store, id->Value.bin.cb,
				 (LPENTRYID)id->Value.bin.lpb, NULL,
				 MAPI_MODIFY, &type, (LPUNKNOWN *)ret);
	MAPIFreeBuffer(id);
	if (!demo_ok(s->w, s->u, hr))
		return false;
	demo_hold(s, *ret);
	return true;
}

bool demo_open_inbox(struct demo_side *s)
{
	LPENTRYID id = NULL;
	ULONG cb = 0, type = 0;
	HRESULT hr;

	demo_step(s->w, "open the inbox");
	hr = IMsgStore_GetReceiveFolder(s->store, (LPTSTR) "IPM.Note", 0, &cb,
					&id, NULL);
	if (!FAILED(hr))
		hr = IMsgStore_OpenEntry(s->store, cb, id, NULL, MAPI_MODIFY,
					 &type, (LPUNKNOWN *)&s->inbox);
	MAPIFreeBuffer(id);
	if (!demo_ok(s->w, s->u, hr))
		return false;
	demo_hold(s, s->inbox);
	return true;
}

/* ---- new mail ---- */

bool demo_advise(struct demo_side *s)
{
	HRESULT hr;

	demo_step(s->w, "advise for new mail");
	s->sink = sink_new();
	if (!s->sink) {
		demo_error(s->w->d, s->u, "out of memory");
		return false;
	}
	hr = IMsgStore_Advise(s->store, 0, NULL, fnevNewMail, &s->sink->com,
			      &s->conn);
	s->advised = !FAILED(hr);
	return demo_ok(s->w, s->u, hr);
}

/* Opens what arrived if it is the message with this subject; NULL if not. */
static bool open_if(struct demo_side *s, const struct arrival *a,
		    const wchar_t *subject, LPMESSAGE *ret)
{
	LPSPropValue v = NULL;
	LPMESSAGE msg = NULL;
	ULONG type = 0;
	HRESULT hr;
	bool same;

	hr = IMsgStore_OpenEntry(s->store, a->cb, (LPENTRYID)a->id, NULL,
				 MAPI_MODIFY, &type, (LPUNKNOWN *)&msg);
	if (!demo_ok(s->w, s->u, hr))
		return false;
	hr = HrGetOneProp((LPMAPIPROP)msg, PR_SUBJECT_W, &v);
	same = !FAILED(hr) && !wcscmp(v->Value.lpszW, subject);
	MAPIFreeBuffer(v);
	if (!same) {
		/* Somebody else's round, or other mail altogether. */
		IMessage_Release(msg);
		return hr == MAPI_E_NOT_FOUND || demo_ok(s->w, s->u, hr);
	}
	demo_hold(s, msg);
	*ret = msg;
	return true;
}

/* The wait is over without the message.  Whose fault was it? */
static void blame(struct demo_side *s, const char *subject)
{
	struct demo *d = s->w->d;

	if (!demo_server_answers(s->u)) {
		demo_error(d, s->u, "the server stopped answering: %s",
			   MapiaryLastErrorText());
		return;
	}
	atomic_fetch_add(&d->hung, 1);
	demo_say(d,
		 "hung: user %s: no notification of \"%s\" within %u s, and "
		 "the server answers",
		 s->u->name, subject, d->opt.wait_s);
}

bool demo_wait_mail(struct demo_side *s, const char *subject, LPMESSAGE *ret)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	const mx_mono deadline = mx_mono_in_ms(s->w->d->opt.wait_s * 1000);
	const wchar_t *wide = mx_props_wide(&a, subject, NULL);
	struct arrival *next;

	if (!wide)
		return false;
	*ret = NULL;
	demo_step(s->w, "wait for new mail");
	while ((next = sink_next(s->sink, deadline))) {
		bool ok = open_if(s, next, wide, ret);

		free(next);
		if (!ok || *ret)
			return ok;
	}
	blame(s, subject);
	return false;
}

/* ---- the end ---- */

static void take_numbers(struct demo_side *s)
{
	MAPIARY_SESSION_INFO info = {.cbSize = sizeof(info)};

	if (FAILED(MapiaryGetSessionInfo(s->ses, &info)))
		return;
	atomic_store(&s->u->list, info.ulListSlot);
	atomic_store(&s->u->has_list, 1);
	atomic_fetch_add(&s->u->connections, info.cConnections);
	atomic_fetch_add(&s->u->round_trips, info.cRoundTrips);
}

void demo_side_close(struct demo_side *s, struct mx_prng *rnd)
{
	struct demo *d = s->w->d;

	if (s->advised) {
		demo_step(s->w, "unadvise");
		demo_ok(s->w, s->u, IMsgStore_Unadvise(s->store, s->conn));
	}
	if (s->ses)
		take_numbers(s);
	demo_step(s->w, "release in random order");
	while (s->n_held) {
		size_t i = mx_prng_below(rnd, (uint32_t)s->n_held);
		LPUNKNOWN obj = s->held[i];

		s->held[i] = s->held[--s->n_held];
		if (obj == (LPUNKNOWN)s->ses) {
			demo_step(s->w, "log off");
			demo_ok(s->w, s->u,
				IMAPISession_Logoff(s->ses, 0, 0, 0));
			demo_step(s->w, "release in random order");
		}
		IUnknown_Release(obj);
	}
	if (s->sink)
		sink_release(&s->sink->com);
	if (s->counted) {
		atomic_fetch_sub(&s->u->logged_on, 1);
		atomic_fetch_sub(&d->logged_on, 1);
	}
	demo_step(s->w, NULL);
}
