/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scenario on the old runtime's lists.  Logons, stores and folders are real
 * ones, through the MAPI functions and the embedded server; what the old
 * runtime put around each message store is put around it here: connect to a
 * list when it is opened, a polling thread that makes a round trip at each look,
 * and a release that waits until the poller says that it is done.
 *
 * The order is given, nothing depends on luck: one user after the other
 * connects, and after each every poller has looked again or has ended; then all
 * release at once.
 *
 *   main ──order──► worker (impersonates its user) ──starts──► poller (nobody's)
 *        ◄──done───
 */
#include "cli/repro.h"

#include <errno.h>
#include <mapiutil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/cli.h"

#define PERIOD_MS 50     /* of a poller's looks */
#define PATIENCE_MS 1000 /* a release that takes longer is looked at */
#define SET_UP_MS 60000  /* for logons and first looks */
#define LOOK_MS 20

static void pause_ms(unsigned ms)
{
	const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

static void complain(struct legacy *lg, const char *what)
{
	atomic_fetch_add(&lg->failed, 1);
	demo_error(&lg->r->d, NULL, "%s: %s", what, MapiaryLastErrorText());
}

/* ---- the poller ---- */

/* Looks at itself: nobody gave this thread a user, so it logs on as whoever it
 * is, and that is the process. */
static bool who_am_i(struct legacy_poller *p)
{
	MAPIARY_SESSION_INFO info = {.cbSize = sizeof(info)};
	LPMAPISESSION ses = NULL;
	HRESULT hr = MAPILogonEx(
		0, (LPTSTR) "repro-process", NULL,
		MAPI_EXTENDED | MAPI_NEW_SESSION | MAPI_EXPLICIT_PROFILE, &ses);

	if (!FAILED(hr))
		hr = MapiaryGetSessionInfo(ses, &info);
	if (FAILED(hr))
		complain(p->lg, "a poller's logon");
	p->own_crc = info.ulSidCrc;
	snprintf(p->own_sid, sizeof(p->own_sid), "%s", info.szSid);
	if (ses)
		IMAPISession_Logoff(ses, 0, 0, 0);
	UlRelease(ses);
	return !FAILED(hr);
}

/* A round trip for the stores of the list it found. */
static void poll_once(void *arg, int list)
{
	struct legacy_poller *p = arg;
	LPMAPIFOLDER inbox = p->lg->pollers[list].inbox;
	LPMAPITABLE t = NULL;
	ULONG n = 0;
	HRESULT hr = IMAPIFolder_GetContentsTable(inbox, 0, &t);

	if (!FAILED(hr))
		hr = IMAPITable_GetRowCount(t, 0, &n);
	UlRelease(t);
	/* Who made the list may have logged off before the others. */
	if (FAILED(hr) && !atomic_load(&p->lg->releasing))
		complain(p->lg, "a poller's round trip");
	atomic_fetch_add(&p->looks, 1);
}

static void *poller(void *arg)
{
	struct legacy_poller *p = arg;
	enum legacy_end end = LEGACY_SILENT;

	atomic_store(&p->tid, gettid());
	if (who_am_i(p))
		end = legacy_poll(p->lg->seg, p->own_crc, poll_once, p,
				  PERIOD_MS, &p->lists);
	IMAPIFolder_Release(p->inbox);
	atomic_store(&p->state, end == LEGACY_SIGNALLED ? POLLER_SIGNALLED
							: POLLER_SILENT);
	return NULL;
}

/* As CreateThread did it: a new thread, and no word about for whom. */
static bool start_poller(struct legacy_worker *w)
{
	struct legacy_poller *p = &w->lg->pollers[w->list];
	int err;

	p->lg = w->lg;
	p->creator = w;
	p->list = w->list;
	p->inbox = w->side.inbox;
	IMAPIFolder_AddRef(p->inbox);
	atomic_store(&p->looks, 0);
	atomic_store(&p->state, POLLER_RUNS);
	err = pthread_create(&p->thread, NULL, poller, p);
	p->started = !err;
	if (err) {
		IMAPIFolder_Release(p->inbox);
		atomic_store(&p->state, POLLER_NONE);
		demo_error(&w->lg->r->d, w->user, "no thread: %s",
			   strerror(err));
	}
	return !err;
}

/* ---- a message store with an old list around it ---- */

static bool store_open(struct legacy_worker *w)
{
	bool made;

	if (!demo_side_open(&w->side, &w->w, w->user) ||
	    !demo_open_inbox(&w->side))
		return false;
	w->list = legacy_connect(w->lg->seg, MapiaryUserSidCrc(w->user->ctx),
				 &made);
	w->connected = w->list >= 0;
	return w->connected && (!made || start_poller(w));
}

/* IMsgStore::Release as it was. */
static void store_release(struct legacy_worker *w)
{
	struct mx_prng rnd = {1};

	if (w->connected) {
		atomic_store(&w->releasing_ns, mx_mono_now().ns);
		legacy_release(w->lg->seg, w->list);
		atomic_store(&w->releasing_ns, 0);
		w->connected = false;
	}
	demo_side_close(&w->side, &rnd);
}

/* ---- workers ---- */

static enum legacy_order next_order(struct legacy_worker *w)
{
	enum legacy_order order;

	pthread_mutex_lock(&w->lock);
	while (w->orders == w->obeyed)
		pthread_cond_wait(&w->changed, &w->lock);
	order = w->order;
	pthread_mutex_unlock(&w->lock);
	return order;
}

static void order_done(struct legacy_worker *w)
{
	pthread_mutex_lock(&w->lock);
	w->obeyed++;
	pthread_mutex_unlock(&w->lock);
}

static void *work(void *arg)
{
	struct legacy_worker *w = arg;
	enum legacy_order order;
	bool acts;

	atomic_store(&w->tid, gettid());
	acts = !FAILED(MapiaryImpersonate(w->user->ctx));
	do {
		order = next_order(w);
		if (order == ORDER_CONNECT && (!acts || !store_open(w)))
			atomic_fetch_add(&w->lg->failed, 1);
		if (order == ORDER_RELEASE)
			store_release(w);
		order_done(w);
	} while (order != ORDER_END);
	if (acts)
		MapiaryRevert();
	return NULL;
}

static void give_order(struct legacy_worker *w, enum legacy_order order)
{
	pthread_mutex_lock(&w->lock);
	w->order = order;
	w->orders++;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static bool obeyed(struct legacy_worker *w)
{
	bool yes;

	pthread_mutex_lock(&w->lock);
	yes = w->orders == w->obeyed;
	pthread_mutex_unlock(&w->lock);
	return yes;
}

static bool wait_obeyed(struct legacy_worker *w)
{
	const mx_mono end = mx_mono_in_ms(SET_UP_MS);

	while (!obeyed(w)) {
		if (mx_mono_passed(end)) {
			complain(w->lg, "a worker does not come back");
			return false;
		}
		pause_ms(LOOK_MS);
	}
	return true;
}

/* ---- the scenario ---- */

/* Until every poller has looked at the lists as they are now, or has ended. */
static bool pollers_looked(struct legacy *lg)
{
	const mx_mono end = mx_mono_in_ms(SET_UP_MS);
	unsigned before[LEGACY_LISTS];

	for (unsigned i = 0; i < LEGACY_LISTS; i++)
		before[i] = atomic_load(&lg->pollers[i].looks);
	for (unsigned i = 0; i < LEGACY_LISTS;) {
		const struct legacy_poller *p = &lg->pollers[i];

		/* Two more: the first may have begun before. */
		if (atomic_load(&p->state) != POLLER_RUNS ||
		    atomic_load(&p->looks) >= before[i] + 2) {
			i++;
		} else if (mx_mono_passed(end)) {
			complain(lg, "a poller does not look");
			return false;
		} else {
			pause_ms(LOOK_MS);
		}
	}
	return !atomic_load(&lg->failed);
}

static bool connect_all(struct legacy *lg)
{
	for (unsigned i = 0; i < lg->n; i++) {
		give_order(&lg->workers[i], ORDER_CONNECT);
		if (!wait_obeyed(&lg->workers[i]) || !pollers_looked(lg))
			return false;
	}
	return true;
}

/* All who are not back have waited that long, or one of them twice: a thread that
 * came late to its release is told of, too. */
static bool is_time(struct legacy *lg)
{
	const int64_t patience = PATIENCE_MS * MX_NS_PER_MS;
	int64_t longest = 0, shortest = INT64_MAX;

	for (unsigned i = 0; i < lg->n; i++) {
		struct legacy_worker *w = &lg->workers[i];
		int64_t since = atomic_load(&w->releasing_ns);
		int64_t ns = since ? mx_mono_now().ns - since : 0;

		if (obeyed(w))
			continue;
		longest = ns > longest ? ns : longest;
		shortest = ns < shortest ? ns : shortest;
	}
	return shortest >= patience || longest >= 2 * patience;
}

/* True when all came back.  Who does not within the patience and waits for a
 * poller that has ended never will. */
static bool release_all(struct legacy *lg)
{
	unsigned hung = 0, left = lg->n;

	atomic_store(&lg->releasing, true);
	for (unsigned i = 0; i < lg->n; i++)
		give_order(&lg->workers[i], ORDER_RELEASE);
	while (left && !hung) {
		pause_ms(LOOK_MS);
		left = 0;
		for (unsigned i = 0; i < lg->n; i++)
			left += !obeyed(&lg->workers[i]);
		if (left && is_time(lg))
			hung = repro_watch(lg, PATIENCE_MS * MX_NS_PER_MS);
	}
	atomic_store(&lg->r->d.hung, hung);
	return !hung;
}

/* Those that have ended; after a hang others would never. */
static void join_pollers(struct legacy *lg, bool hung)
{
	for (unsigned i = 0; i < LEGACY_LISTS; i++) {
		struct legacy_poller *p = &lg->pollers[i];

		if (!p->started ||
		    (hung && atomic_load(&p->state) == POLLER_RUNS))
			continue;
		pthread_join(p->thread, NULL);
		p->started = false;
	}
}

static bool start_workers(struct legacy *lg)
{
	for (unsigned i = 0; i < lg->n; i++) {
		struct legacy_worker *w = &lg->workers[i];

		w->lg = lg;
		w->user = &lg->r->d.users[i % lg->r->n_users];
		w->w = (struct demo_worker){.d = &lg->r->d, .no = i};
		w->list = -1;
		pthread_mutex_init(&w->lock, NULL);
		pthread_cond_init(&w->changed, NULL);
		if (pthread_create(&w->thread, NULL, work, w)) {
			complain(lg, "no thread");
			return false;
		}
		w->started = true;
	}
	return true;
}

static void end_workers(struct legacy *lg)
{
	for (unsigned i = 0; i < lg->n; i++) {
		struct legacy_worker *w = &lg->workers[i];

		if (!w->started)
			continue;
		give_order(w, ORDER_END);
		pthread_join(w->thread, NULL);
	}
}

/* Whom the process is: one more user of the server. */
static int be_the_process(struct repro *r)
{
	struct demo_user *u = &r->d.users[r->n_users];
	MAPIARY_CONFIG where = {
		.cbSize = sizeof(where),
		.lpszUrl = r->d.url,
		.lpszAddress = u->smtp,
		.lpszMailboxDn = u->dn,
	};
	HRESULT hr = MapiarySetProcessUser(u->ctx);

	if (!FAILED(hr))
		hr = MapiaryDefineProfile("repro-process", &where);
	if (!FAILED(hr))
		return 0;
	return mx_cli_fail("repro", "the process's user: %s",
			   MapiaryLastErrorText()) *
	       -1;
}

static void run_cycles(struct legacy *lg)
{
	for (unsigned i = 0; i < lg->r->cycles; i++) {
		bool hung = !connect_all(lg) || !release_all(lg);

		join_pollers(lg, hung);
		if (hung)
			return;
		atomic_store(&lg->releasing, false);
	}
	end_workers(lg);
}

int repro_legacy(struct repro *r)
{
	static struct legacy lg;
	bool whole;

	lg.r = r;
	lg.n = r->threads;
	lg.seg = legacy_map();
	lg.workers = calloc(lg.n, sizeof(*lg.workers));
	if (!lg.seg || !lg.workers)
		return mx_cli_fail("repro", "out of memory") * -1;
	if (be_the_process(r))
		return -1;
	r->legacy = &lg;
	if (start_workers(&lg))
		run_cycles(&lg);
	/* After a hang or a failure threads still use all of it. */
	whole = !atomic_load(&r->d.hung) && !atomic_load(&lg.failed);
	if (whole) {
		legacy_unmap(lg.seg);
		free(lg.workers);
		r->legacy = NULL;
	}
	MapiarySetProcessUser(NULL);
	MapiaryDefineProfile("repro-process", NULL);
	return 0;
}
