/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The demo's threads, the watch over them, and its errors.
 *
 * Workers take numbered tasks until none is left.  The main thread watches:
 * it paints the progress line and looks at how long each worker has been in
 * its present step.  A step that takes longer than hang_s is a hang: it is
 * counted, the library is asked for a diagnosis, the call is cancelled.  If
 * even that does not bring the worker back, the run ends there and says so.
 */
#include "cli/demo.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/cli.h"

#define WATCH_MS 200
/* What a cancelled call gets to return. */
#define CANCEL_GRACE_S 30
/* A call that failed after so long ended by a deadline, whatever its code;
 * unless --idle says that deadlines are shorter. */
#define DEADLINE_S 20

static pthread_mutex_t talk = PTHREAD_MUTEX_INITIALIZER;
static bool line_open; /* a progress line stands on the terminal */

const char *demo_code_name(HRESULT hr)
{
#define CODE(c)                                                                \
	{                                                                      \
		(HRESULT)(c), #c                                               \
	}
	static const struct {
		HRESULT hr;
		const char *name;
	} names[] = {
		CODE(MAPI_E_NETWORK_ERROR),
		CODE(MAPI_E_LOGON_FAILED),
		CODE(MAPI_E_TIMEOUT),
		CODE(MAPI_E_USER_CANCEL),
		CODE(MAPI_E_NOT_FOUND),
		CODE(MAPI_E_NO_SUPPORT),
		CODE(MAPI_E_NO_ACCESS),
		CODE(MAPI_E_UNCONFIGURED),
		CODE(MAPI_E_INVALID_PARAMETER),
		CODE(MAPI_E_INVALID_OBJECT),
		CODE(MAPI_E_INVALID_ENTRYID),
		CODE(MAPI_E_CALL_FAILED),
		CODE(MAPI_E_CORRUPT_DATA),
		CODE(MAPI_E_END_OF_SESSION),
		CODE(MAPI_E_TOO_COMPLEX),
		CODE(MAPI_E_COMPUTED),
		CODE(MAPI_E_NOT_ENOUGH_MEMORY),
		CODE(MAPI_E_OBJECT_CHANGED),
		CODE(MAPI_E_OBJECT_DELETED),
		CODE(MAPI_E_BAD_VALUE),
		CODE(MAPI_E_NOT_INITIALIZED),
		CODE(MAPI_E_UNKNOWN_FLAGS),
		CODE(MAPI_E_INTERFACE_NOT_SUPPORTED),
		CODE(MAPI_E_NOT_ENOUGH_DISK),
		CODE(MAPI_E_BUSY),
		CODE(MAPI_W_ERRORS_RETURNED),
		CODE(MAPI_W_PARTIAL_COMPLETION),
	};
#undef CODE
	for (size_t i = 0; i < MX_ARRAY_SIZE(names); i++)
		if (names[i].hr == hr)
			return names[i].name;
	return "error";
}

static void say_line(const char *prefix, const char *text)
{
	pthread_mutex_lock(&talk);
	if (line_open)
		fputs("\r\033[K", stderr);
	line_open = false;
	fprintf(stderr, "%s%s\n", prefix, text);
	pthread_mutex_unlock(&talk);
}

void demo_say(struct demo *d, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	(void)d;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say_line("demo: ", text);
}

void demo_error(struct demo *d, const struct demo_user *u, const char *fmt, ...)
{
	char text[1024];
	int n = u ? snprintf(text, sizeof(text), "user %s: ", u->name) : 0;
	va_list ap;

	atomic_fetch_add(&d->errors, 1);
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	say_line("demo: error: ", text);
}

void demo_step(struct demo_worker *w, const char *step)
{
	atomic_store(&w->since_ns, mx_mono_now().ns);
	atomic_store(&w->step, step);
}

bool demo_server_answers(const struct demo_user *u)
{
	LPMAPISESSION ses = NULL;
	HRESULT hr = MapiaryImpersonate(u->ctx);

	if (FAILED(hr))
		return false;
	hr = MAPILogonEx(0, (LPTSTR)u->profile, NULL,
			 MAPI_EXTENDED | MAPI_NEW_SESSION, &ses);
	MapiaryRevert();
	if (FAILED(hr))
		return false;
	IMAPISession_Logoff(ses, 0, 0, 0);
	IMAPISession_Release(ses);
	return true;
}

static bool by_deadline(const struct demo_worker *w, HRESULT hr)
{
	const unsigned idle_s = w->d->opt.idle_s;
	int64_t ns = mx_mono_now().ns - atomic_load(&w->since_ns);
	int64_t long_s = idle_s && idle_s < DEADLINE_S ? idle_s : DEADLINE_S;

	return hr == MAPI_E_TIMEOUT ||
	       (hr == MAPI_E_NETWORK_ERROR && ns >= long_s * MX_NS_PER_S);
}

bool demo_ok(struct demo_worker *w, const struct demo_user *u, HRESULT hr)
{
	const char *step = atomic_load(&w->step);
	char words[600];

	if (!FAILED(hr))
		return true;
	snprintf(words, sizeof(words), "%s", MapiaryLastErrorText());
	if (hr == MAPI_E_USER_CANCEL && atomic_load(&w->cancelled))
		demo_say(w->d, "user %s: %s: cancelled", u->name, step);
	else if (by_deadline(w, hr) && demo_server_answers(u)) {
		atomic_fetch_add(&w->d->hung, 1);
		demo_say(w->d, "hung: user %s: %s: %s", u->name, step, words);
	} else
		demo_error(w->d, u, "%s: %s (0x%08x)%s%s", step,
			   demo_code_name(hr), (unsigned)hr, *words ? ": " : "",
			   words);
	return false;
}

struct job {
	struct demo_worker *w;
	unsigned n;
	void (*fn)(struct demo_worker *w, unsigned no);
};

static void *work(void *arg)
{
	const struct job *job = arg;
	struct demo *d = job->w->d;
	unsigned no;

	job->w->token = MapiaryThreadToken();
	while (!atomic_load(&d->stop)) {
		no = atomic_fetch_add(&d->next, 1);
		if (no >= job->n)
			break;
		job->fn(job->w, no);
		demo_step(job->w, NULL);
		atomic_fetch_add(&d->done, 1);
	}
	atomic_fetch_sub(&d->todo, 1);
	return NULL;
}

static void show_progress(struct demo *d, unsigned n)
{
	static const char *const names[] = {"set up", "loading mail", "round",
					    "checking mailboxes"};

	if (!isatty(STDERR_FILENO))
		return;
	pthread_mutex_lock(&talk);
	fprintf(stderr,
		"\r\033[Kdemo: %s %u of %u, %u logged on, %u hung, %u errors",
		names[d->phase], atomic_load(&d->done), n,
		atomic_load(&d->logged_on), atomic_load(&d->hung),
		atomic_load(&d->errors));
	fflush(stderr);
	line_open = true;
	pthread_mutex_unlock(&talk);
}

static void end_progress(void)
{
	pthread_mutex_lock(&talk);
	if (line_open)
		fputs("\r\033[K", stderr);
	line_open = false;
	pthread_mutex_unlock(&talk);
}

static void tell_hang(struct demo_worker *w, const char *step, int64_t s)
{
	const char *user = atomic_load(&w->user);
	LPSTR text = NULL;

	atomic_fetch_add(&w->d->hung, 1);
	demo_say(w->d, "hung: thread %u, user %s: %s for %lld s", w->no,
		 user ? user : "-", step, (long long)s);
	if (!FAILED(MapiaryDiagnose(&text)))
		say_line("", text);
	MAPIFreeBuffer(text);
	atomic_store(&w->cancelled, true);
	MapiaryCancelThread(w->token);
}

/* The worker does not come back: say what there is to say and end here,
 * since its thread cannot be joined. */
static void give_up(struct demo *d)
{
	end_progress();
	demo_say(d, "a cancelled call does not return: giving up");
	demo_report(d);
	fflush(NULL);
	if (d->server > 0)
		kill(d->server, SIGTERM);
	_exit(MX_EXIT_FAILED);
}

static void watch(struct demo *d)
{
	for (unsigned i = 0; i < d->opt.threads; i++) {
		struct demo_worker *w = &d->workers[i];
		const char *step = atomic_load(&w->step);
		int64_t s = (mx_mono_now().ns - atomic_load(&w->since_ns)) /
			    MX_NS_PER_S;

		if (!step || s < d->opt.hang_s)
			continue;
		if (!atomic_load(&w->cancelled))
			tell_hang(w, step, s);
		else if (s > d->opt.hang_s + CANCEL_GRACE_S)
			give_up(d);
	}
}

void demo_run(struct demo *d, enum demo_phase phase, unsigned n,
	      void (*fn)(struct demo_worker *w, unsigned no))
{
	MX_AUTO(mx_free_auto)
	struct job *jobs = calloc(d->opt.threads, sizeof(*jobs));
	const struct timespec pause = {.tv_nsec = WATCH_MS * MX_NS_PER_MS};
	mx_mono begin = mx_mono_now();
	unsigned started = 0;

	if (!jobs) {
		demo_error(d, NULL, "out of memory");
		return;
	}
	d->phase = phase;
	atomic_store(&d->next, 0);
	atomic_store(&d->done, 0);
	atomic_store(&d->todo, d->opt.threads);
	for (unsigned i = 0; i < d->opt.threads; i++) {
		struct demo_worker *w = &d->workers[i];

		w->d = d;
		w->no = i;
		jobs[i] = (struct job){w, n, fn};
		if (pthread_create(&w->thread, NULL, work, &jobs[i])) {
			demo_error(d, NULL, "no thread %u: %s", i,
				   strerror(errno));
			atomic_fetch_sub(&d->todo, d->opt.threads - i);
			break;
		}
		started++;
	}
	while (atomic_load(&d->todo)) {
		show_progress(d, n);
		watch(d);
		nanosleep(&pause, NULL);
	}
	for (unsigned i = 0; i < started; i++)
		pthread_join(d->workers[i].thread, NULL);
	end_progress();
	d->phase_ns[phase] += mx_mono_now().ns - begin.ns;
}
