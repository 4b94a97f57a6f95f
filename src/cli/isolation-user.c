/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <edkmdb.h>
#include <errno.h>
#include <mapiutil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/gate.h"
#include "cli/isolation.h"

#define NEWS_EVERY 10 /* one operation in so many is a notification */
#define NEWS_S 30     /* until it is counted as lost */
#define PATIENCE 500  /* ms that a server may be silent to the other users */
#define PAUSE_MS 10   /* of those, between operations */

static HRESULT log_on(struct iso_user *u, const char *url, ULONG flags,
		      ULONG patience, LPMAPISESSION *ret)
{
	MAPIARY_CONFIG where = {
		.cbSize = sizeof(where),
		.ulFlags = MAPIARY_EXPLICIT_USER | flags,
		.lpszUrl = url,
		.lpszMailboxDn = u->who->dn,
		.ulIdleDeadline = patience,
		.ulTotalDeadline = patience,
	};

	return MapiaryLogon(u->ctx, &where,
			    MAPI_EXTENDED | MAPI_NEW_SESSION | MAPI_NO_MAIL,
			    ret);
}

static LONG STDAPICALLTYPE hear(LPVOID arg, ULONG n, LPNOTIFICATION list)
{
	struct iso_user *u = arg;

	(void)n, (void)list;
	pthread_mutex_lock(&u->lock);
	u->news++;
	pthread_cond_signal(&u->changed);
	pthread_mutex_unlock(&u->lock);
	return 0;
}

static HRESULT open_store(struct iso_user *u)
{
	ULONG cb = 0, type = 0;
	LPENTRYID id = NULL;
	HRESULT hr = bench_default_store(u->ses, 0, &u->store);

	if (!FAILED(hr))
		hr = IMsgStore_GetReceiveFolder(u->store, NULL, 0, &cb, &id,
						NULL);
	if (!FAILED(hr))
		hr = IMsgStore_OpenEntry(u->store, cb, id, NULL, MAPI_MODIFY,
					 &type, (LPUNKNOWN *)&u->inbox);
	if (!FAILED(hr))
		hr = HrAllocAdviseSink(hear, u, &u->sink);
	if (!FAILED(hr))
		hr = IMsgStore_Advise(u->store, cb, id, fnevObjectModified,
				      u->sink, &u->conn);
	MAPIFreeBuffer(id);
	return hr;
}

bool iso_user_open(struct iso_user *u)
{
	HRESULT hr =
		log_on(u, u->url, 0, u->no < ISO_GOOD ? 0 : PATIENCE, &u->ses);

	if (!FAILED(hr))
		hr = open_store(u);
	return bench_ok("log on where all is well", hr);
}

void iso_user_close(struct iso_user *u)
{
	if (u->conn)
		IMsgStore_Unadvise(u->store, u->conn);
	u->conn = 0;
	UlRelease(u->sink);
	UlRelease(u->inbox);
	UlRelease(u->store);
	UlRelease(u->ses);
	u->sink = NULL;
	u->inbox = NULL;
	u->store = NULL;
	u->ses = NULL;
}

/* ---- Operations ---- */

static HRESULT get_props(struct iso_user *u)
{
	static SizedSPropTagArray(2, tags) = {
		2, {PR_CONTENT_COUNT, PR_DISPLAY_NAME_W}};
	LPSPropValue v = NULL;
	ULONG n = 0;
	HRESULT hr = IMAPIFolder_GetProps(u->inbox, (LPSPropTagArray)&tags, 0,
					  &n, &v);

	MAPIFreeBuffer(v);
	return hr;
}

/* Changes the inbox, and waits until the server says so. */
static HRESULT make_news(struct iso_user *u, unsigned i)
{
	struct timespec until;
	char text[32];
	SPropValue v = {.ulPropTag = PR_COMMENT_A, .Value.lpszA = text};
	unsigned before;
	HRESULT hr;
	int r = 0;

	pthread_mutex_lock(&u->lock);
	before = u->news;
	pthread_mutex_unlock(&u->lock);
	snprintf(text, sizeof(text), "%u", i);
	hr = IMAPIFolder_SetProps(u->inbox, 1, &v, NULL);
	if (FAILED(hr))
		return hr;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += NEWS_S;
	pthread_mutex_lock(&u->lock);
	while (u->news == before && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&u->changed, &u->lock, &until);
	pthread_mutex_unlock(&u->lock);
	return r == ETIMEDOUT ? MAPI_E_TIMEOUT : S_OK;
}

static bool note(struct iso_user *u, enum iso_kind kind, int64_t ns)
{
	struct iso_times *t = &u->times[u->iso->wrong][kind];

	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 1024;
		int64_t *v = realloc(t->v, cap * sizeof(*v));

		if (!v)
			return false;
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n++] = ns;
	return true;
}

void *iso_measured(void *user)
{
	struct iso_user *u = user;

	for (unsigned i = 0; i < u->iso->ops; i++) {
		enum iso_kind kind = i % NEWS_EVERY ? ISO_CALL : ISO_NEWS;
		int64_t start = mx_mono_now().ns;
		HRESULT hr = kind == ISO_CALL ? get_props(u) : make_news(u, i);

		if (!bench_ok(kind == ISO_CALL
				      ? "GetProps of a well server"
				      : "notification of a well server",
			      hr))
			return u;
		if (!note(u, kind, mx_mono_now().ns - start))
			return u;
	}
	return NULL;
}

/* ---- Users of the servers that go wrong ---- */

static void where_it_fails(struct iso_user *u, char url[96])
{
	switch (u->iso->never) {
	case ISO_NEVER_NAME:
		snprintf(url, 96, "http://never-%u.mapiary.test:80",
			 u->tries++);
		break;
	case ISO_NEVER_TCP:
		snprintf(url, 96, "http://127.0.0.1:%u",
			 u->iso->unanswered_port);
		break;
	default:
		snprintf(url, 96, "https://127.0.0.1:%u", u->iso->silent_port);
	}
}

static HRESULT try_log_on(struct iso_user *u)
{
	LPMAPISESSION ses = NULL;
	char url[96];
	HRESULT hr;

	snprintf(url, sizeof(url), "%s", u->url);
	if (u->iso->wrong && u->no == ISO_SERVERS - 1)
		where_it_fails(u, url);
	hr = log_on(u, url, MAPIARY_NO_NOTIFICATIONS, PATIENCE, &ses);
	UlRelease(ses);
	return hr;
}

void *iso_other(void *user)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * MX_NS_PER_MS};
	struct iso_user *u = user;

	atomic_store(&u->token, MapiaryThreadToken());
	for (unsigned i = 0; !atomic_load(&u->iso->stop); i++) {
		bool fresh = i % 4 == 3 ||
			     (u->iso->wrong && u->no == ISO_SERVERS - 1);
		HRESULT hr = fresh ? try_log_on(u) : get_props(u);

		/* What the end of the block cancelled is not counted. */
		if (!atomic_load(&u->iso->stop))
			atomic_fetch_add(FAILED(hr) ? &u->failed : &u->done, 1);
		nanosleep(&pause, NULL);
	}
	return NULL;
}
