/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MAPIInitialize and MAPIUninitialize.
 *
 * The first initialises, the last shuts down; both are counted under one lock
 * that is not held while shutting down.  A MAPIInitialize that comes meanwhile
 * gets a new client: what was open under the old one stays ended.
 *
 *	     MAPIInitialize                last MAPIUninitialize
 *	none ───────────────► lib_client ─────────────────────► lib_ending ─► none
 *	  ▲                       └─ exit(): the same within half a second,
 *	  └── a forked child          and nothing may begin any more
 *
 * exit() must not find our threads, or the program's in our calls, inside TLS
 * when libcrypto takes itself down: hence the handler, registered after its own.
 * _exit() and signals run nothing of ours; other processes clean up.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/lib.h"
#include "api/session.h"
#include "base/fork.h"
#include "identity/creds.h"
#include "net/opts.h"

static struct mx_mutex lib_lock = MX_MUTEX_INIT;
static unsigned lib_count MX_GUARDED(&lib_lock);
static struct mx_client *lib_client MX_GUARDED(&lib_lock);
static struct mx_client *lib_ending MX_GUARDED(&lib_lock);
static unsigned lib_n_ending MX_GUARDED(&lib_lock);
static struct mx_client *lib_inherited; /* kept in sight of leak checkers */
static bool lib_quitting MX_GUARDED(&lib_lock);
static struct mx_cond lib_ended; /* lib_n_ending went down */
static LPMAPIARYLEFTBEHIND lib_left MX_GUARDED(&lib_lock);
static LPVOID lib_left_arg MX_GUARDED(&lib_lock);
static int64_t lib_shutdown_ms MX_GUARDED(&lib_lock) = MX_LIB_SHUTDOWN_MS;
static int64_t lib_idle_ms MX_GUARDED(&lib_lock) = MX_NET_IDLE_MS;
static int64_t lib_total_ms MX_GUARDED(&lib_lock) = MX_LIB_TOTAL_MS;
static ULONG lib_sessions MX_GUARDED(&lib_lock); /* 0: the registry's default */
static ULONG lib_logons MX_GUARDED(&lib_lock);

static void in_child(void)
{
	/* The parent's client is inert here and never freed. */
	lib_inherited = lib_client;
	lib_count = 0;
	lib_client = lib_ending = NULL;
	lib_n_ending = 0;
	lib_quitting = false;
	mx_cond_init(&lib_ended);
}

__attribute__((__constructor__)) static void on_load(void)
{
	mx_cond_init(&lib_ended);
	mx_fork_hold(&lib_lock);
	mx_fork_child(in_child);
}

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

static void at_exit(void)
{
	mx_lib_quit(MX_LIB_EXIT_MS);
}

static void arm_exit(void)
{
	atexit(at_exit);
}

/* Counts an initialisation of a client that is there.  S_OK, S_FALSE when there
 * is none, MAPI_E_NOT_INITIALIZED when there will be none. */
static HRESULT count_init(struct mx_client_params *ret)
{
	HRESULT hr = S_FALSE;

	mx_mutex_lock(&lib_lock);
	if (lib_quitting) {
		hr = MAPI_E_NOT_INITIALIZED;
	} else if (lib_count) {
		lib_count++;
		hr = S_OK;
	}
	ret->idle_ms = lib_idle_ms;
	ret->call_ms = lib_total_ms;
	ret->registry.max_sessions = lib_sessions;
	ret->registry.max_logons = lib_logons;
	mx_mutex_unlock(&lib_lock);
	return hr;
}

HRESULT MAPIInitialize(LPVOID init)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct mx_client_params params = {0};
	struct mx_client *c = NULL;
	struct mx_do d = {.fault = MX_FAULT_INIT};
	HRESULT hr = check_init(init);
	int err;

	if (FAILED(hr))
		return hr;
	hr = count_init(&params);
	if (hr != S_FALSE)
		return hr;
	err = mx_client_new(&params, &c, &d.fault);
	if (err)
		return mx_do_end(&d, err);
	pthread_once(&once, arm_exit);
	mx_mutex_lock(&lib_lock);
	hr = lib_quitting ? MAPI_E_NOT_INITIALIZED : S_OK;
	if (SUCCEEDED(hr) && !lib_count++)
		lib_client = MX_STEAL(c);
	mx_mutex_unlock(&lib_lock);
	/* Another thread was faster: its client stays, this one never ran. */
	mx_client_unref(c);
	return hr;
}

/* ---- the end ---- */

struct report {
	LPMAPIARYLEFTBEHIND fn;
	LPVOID arg;
};

static void report_one(const struct report *r, MAPIARY_LEFT *left)
{
	static const char *const kinds[] = {
		[MAPIARY_LEFT_SESSION] = "not released",
		[MAPIARY_LEFT_CONNECTION] = "not disconnected",
		[MAPIARY_LEFT_CALLBACK] = "still running",
		[MAPIARY_LEFT_CALL] = "still in a call",
	};
	char text[1024];

	snprintf(text, sizeof(text), "%s%s%s, for %llu ms: %s: %s",
		 left->lpszUser, *left->lpszServer ? " at " : "",
		 left->lpszServer, (unsigned long long)left->ullSince,
		 kinds[left->ulKind], left->lpszWhat);
	left->cbSize = sizeof(*left);
	left->lpszText = text;
	r->fn(r->arg, left);
}

static void report_left(void *arg, const struct mx_left_one *one)
{
	static const ULONG kinds[] = {
		[MX_LEFT_SESSION] = MAPIARY_LEFT_SESSION,
		[MX_LEFT_CONTEXT] = MAPIARY_LEFT_CONNECTION,
		[MX_LEFT_CALLBACK] = MAPIARY_LEFT_CALLBACK,
	};
	MAPIARY_LEFT left = {
		.ulKind = kinds[one->kind],
		.cObjects = one->objects,
		.ullSince = (ULONGLONG)one->since_ms,
		.lpszUser = one->user,
		.lpszSid = one->sid,
		.lpszServer = one->server,
		.lpszWhat = one->what,
	};

	report_one(arg, &left);
}

#define MAX_CALLS 256

/* Threads that are stuck in the program's own code, called by ours. */
static void report_calls(const struct report *r)
{
	struct mx_thread_call *v = calloc(MAX_CALLS, sizeof(*v));
	size_t n = v ? mx_thread_calls(v, MAX_CALLS, true) : 0;

	for (size_t i = 0; i < n && i < MAX_CALLS; i++) {
		char what[64];
		MAPIARY_LEFT left = {
			.ulKind = MAPIARY_LEFT_CALL,
			.ullSince = (ULONGLONG)v[i].since_ms,
			.lpszUser = v[i].user,
			.lpszSid = v[i].sid,
			.lpszServer = v[i].server,
			.lpszWhat = what,
		};

		snprintf(what, sizeof(what), "thread %d in %s", (int)v[i].tid,
			 v[i].what);
		report_one(r, &left);
	}
	free(v);
}

/* Ends the client; all threads' calls end with it. */
static void end_client(struct mx_client *c, mx_mono deadline, struct report *r)
{
	mx_client_refuse(c);
	mx_thread_cancel_others();
	mx_client_end(c, deadline, r->fn ? report_left : NULL, r, NULL);
	if (mx_thread_wait_others(deadline) && r->fn)
		report_calls(r);
	mx_mutex_lock(&lib_lock);
	lib_n_ending--;
	if (lib_ending == c)
		lib_ending = NULL;
	mx_cond_broadcast(&lib_ended);
	mx_mutex_unlock(&lib_lock);
	mx_client_unref(c);
}

static struct mx_client *take_client_locked(void) MX_HOLDS(&lib_lock)
{
	struct mx_client *c = MX_STEAL(lib_client);

	lib_count = 0;
	if (!c)
		return NULL;
	lib_n_ending++;
	lib_ending = c;
	return c;
}

void MAPIUninitialize(void)
{
	struct mx_client *c = NULL;
	struct report r;
	int64_t ms;

	mx_mutex_lock(&lib_lock);
	if (lib_count && !--lib_count)
		c = take_client_locked();
	ms = lib_shutdown_ms;
	r = (struct report){lib_left, lib_left_arg};
	mx_mutex_unlock(&lib_lock);
	if (c)
		end_client(c, mx_mono_in_ms(ms), &r);
}

/* Another thread's shutdown is cut short, and waited for. */
static void hurry_others(mx_mono deadline)
{
	int err = 0;

	mx_mutex_lock(&lib_lock);
	if (lib_ending)
		mx_client_hurry(lib_ending);
	while (lib_n_ending && !err)
		err = mx_cond_wait(&lib_ended, &lib_lock, deadline);
	mx_mutex_unlock(&lib_lock);
}

void mx_lib_quit(int64_t ms)
{
	struct report nobody = {NULL, NULL};
	struct mx_client *c;

	mx_mutex_lock(&lib_lock);
	lib_quitting = true;
	c = take_client_locked();
	mx_mutex_unlock(&lib_lock);
	if (c)
		end_client(c, mx_mono_in_ms(ms), &nobody);
	else
		hurry_others(mx_mono_in_ms(ms));
}

HRESULT MapiarySetShutdownReport(LPMAPIARYLEFTBEHIND fn, LPVOID arg)
{
	mx_mutex_lock(&lib_lock);
	lib_left = fn;
	lib_left_arg = arg;
	mx_mutex_unlock(&lib_lock);
	return S_OK;
}

/* ---- while it lives ---- */

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

HRESULT MapiarySetShutdownDeadline(ULONG ms)
{
	mx_mutex_lock(&lib_lock);
	lib_shutdown_ms = ms;
	mx_mutex_unlock(&lib_lock);
	return S_OK;
}

HRESULT MapiarySetBudgets(ULONG sessions, ULONG logons)
{
	if (logons > MX_REG_DEF_LOGONS)
		return MAPI_E_INVALID_PARAMETER;
	mx_mutex_lock(&lib_lock);
	if (sessions)
		lib_sessions = sessions;
	if (logons)
		lib_logons = logons;
	mx_mutex_unlock(&lib_lock);
	return S_OK;
}

HRESULT MapiarySetDeadlines(LPMAPISESSION session, ULONG idle, ULONG total)
{
	if (session) {
		mx_session_set_idle(MX_OBJ(session)->session, idle);
		mx_session_set_total(MX_OBJ(session)->session, total);
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
