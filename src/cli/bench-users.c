/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many users against one.  Turns of six round trips, as server programs do their
 * work, and single calls, each for another user, so that everything of his has
 * left the caches: the same number, on the same number of threads, by sessions
 * of one user context or of n.  Logons: against bare HTTP
 * exchanges of the same number and sizes, one connection a user.  What is
 * compared is CPU time of this process; the servers are others.
 */
#include <mapiutil.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "cli/bench.h"
#include "cli/cli.h"

#define THREADS 4
/* Disconnects of so many users, on a machine that does other things too. */
#define QUIET_MS 60000
#define QUIET_MS_A_USER 30
/* What the library opens for itself and keeps: its multi handles, two for 250
 * connections, too. */
#define SELF_FILES(users) (64 + (users) / 100)

/* ---- calls ---- */

/* Disconnect goes out in the background; its connection goes with it.  *ret_us:
 * CPU time that the looking took, which is not the library's. */
static bool wait_quiet(unsigned files, unsigned users, double *ret_us)
{
	const struct timespec pause = {.tv_nsec = 100 * MX_NS_PER_MS};
	const int64_t ms = QUIET_MS + (int64_t)users * QUIET_MS_A_USER;
	const mx_mono end = mx_mono_in_ms(ms);
	const double begin = bench_cpu_s();
	unsigned n;

	while ((n = bench_open_files()) > files) {
		if (mx_mono_passed(end)) {
			mx_cli_fail("bench",
				    "%u of %u files are left %lld s after the "
				    "last release",
				    n - files, n, (long long)ms / 1000);
			return false;
		}
		nanosleep(&pause, NULL);
	}
	*ret_us = (bench_cpu_s() - begin) * 1e6;
	return true;
}

struct crowd {
	struct bench_side *many, one[THREADS];
	unsigned n, ops;
	bool (*op)(struct bench_side *s);
};

struct work {
	const struct crowd *c;
	unsigned no;
	bool many, failed;
	pthread_t id;
};

static void *work(void *arg)
{
	struct work *w = arg;
	const struct crowd *c = w->c;

	for (unsigned i = w->no; i < c->ops && !w->failed; i += THREADS)
		w->failed =
			!c->op(w->many ? &c->many[i % c->n]
				       : (struct bench_side *)&c->one[w->no]);
	return NULL;
}

static double block(const struct crowd *c, bool many)
{
	struct work w[THREADS];
	double start = bench_cpu_us();
	bool failed = false;

	for (unsigned i = 0; i < THREADS; i++) {
		w[i] = (struct work){.c = c, .no = i, .many = many};
		if (pthread_create(&w[i].id, NULL, work, &w[i]))
			return -1;
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(w[i].id, NULL);
		failed = failed || w[i].failed;
	}
	return failed ? -1 : bench_cpu_us() - start;
}

static double by_many(void *arg)
{
	return block(arg, true);
}

static double by_one(void *arg)
{
	return block(arg, false);
}

/* ---- a user's turn ---- */

/* The first 50 of the inbox. */
static HRESULT look(struct bench_side *s)
{
	static SizedSPropTagArray(4, columns) = {4,
						 {PR_ENTRYID, PR_SUBJECT_W,
						  PR_MESSAGE_DELIVERY_TIME,
						  PR_MESSAGE_FLAGS}};
	LPMAPITABLE table = NULL;
	LPSRowSet rows = NULL;
	HRESULT hr = IMAPIFolder_GetContentsTable(s->inbox, 0, &table);

	if (!FAILED(hr))
		hr = IMAPITable_SetColumns(table, (LPSPropTagArray)&columns,
					   TBL_BATCH);
	if (!FAILED(hr))
		hr = IMAPITable_QueryRows(table, 50, 0, &rows);
	FreeProws(rows);
	UlRelease(table);
	return hr;
}

static HRESULT put(struct bench_side *s, LPSPropValue *ret_id)
{
	static char class[] = "IPM.Note";
	static WCHAR subject[] = L"One of many";
	static char text[] = "What one user leaves for another: a few lines, "
			     "as most messages have.";
	SPropValue v[3] = {
		{.ulPropTag = PR_MESSAGE_CLASS_A, .Value.lpszA = class},
		{.ulPropTag = PR_SUBJECT_W, .Value.lpszW = subject},
		{.ulPropTag = PR_BODY_A, .Value.lpszA = text},
	};
	LPMESSAGE msg = NULL;
	HRESULT hr = IMAPIFolder_CreateMessage(s->inbox, NULL, 0, &msg);

	if (!FAILED(hr))
		hr = IMessage_SetProps(msg, 3, v, NULL);
	if (!FAILED(hr))
		hr = IMessage_SaveChanges(msg, KEEP_OPEN_READWRITE);
	if (!FAILED(hr))
		hr = HrGetOneProp((LPMAPIPROP)msg, PR_ENTRYID, ret_id);
	UlRelease(msg);
	return hr;
}

static HRESULT read_back(struct bench_side *s, const SBinary *id)
{
	static SizedSPropTagArray(3, tags) = {
		3, {PR_SUBJECT_W, PR_BODY_W, PR_LAST_MODIFICATION_TIME}};
	LPSPropValue v = NULL;
	LPMESSAGE msg = NULL;
	ULONG type = 0, n = 0;
	HRESULT hr = IMAPIFolder_OpenEntry(s->inbox, id->cb, (LPENTRYID)id->lpb,
					   NULL, 0, &type, (LPUNKNOWN *)&msg);

	if (!FAILED(hr))
		hr = IMessage_GetProps(msg, (LPSPropTagArray)&tags, 0, &n, &v);
	MAPIFreeBuffer(v);
	UlRelease(msg);
	return hr;
}

/* What a server program does for a user before it turns to the next one: looks
 * at the inbox, leaves a message, reads it, deletes it. */
static bool turn(struct bench_side *s)
{
	LPSPropValue id = NULL;
	SBinaryArray ids = {.cValues = 1};
	HRESULT hr = look(s);

	if (!FAILED(hr))
		hr = put(s, &id);
	if (!FAILED(hr))
		hr = read_back(s, &id->Value.bin);
	if (!FAILED(hr)) {
		ids.lpbin = &id->Value.bin;
		hr = IMAPIFolder_DeleteMessages(s->inbox, &ids, 0, NULL, 0);
	}
	MAPIFreeBuffer(id);
	return bench_ok("a user's turn", hr);
}

/* Calls one by one, and turns. */
static int compare(struct bench *b, struct crowd *c,
		   bool (*op)(struct bench_side *s), const char *name,
		   const char *what, double limit)
{
	struct bench_line line = {
		.name = name,
		.what = what,
		.unit = "us",
		.limit = limit,
	};
	int r;

	c->op = op;
	r = bench_compare(by_many, by_one, c, c->ops, &line);
	if (!r)
		bench_add(b, &line);
	return r;
}

static int against_one(struct bench *b, struct crowd *c,
		       struct bench_sizes *sizes)
{
	bool ok = true;

	for (unsigned i = 0; c->many && ok && i < c->n; i++)
		ok = bench_side_open(b, i % b->idle_users + 1, 0, &c->many[i]);
	for (unsigned i = 0; ok && i < THREADS; i++)
		ok = bench_side_open(b, 0, 0, &c->one[i]);
	if (!c->many || !ok || !bench_sizes_of(&c->one[0], sizes))
		return -1;
	return compare(b, c, turn, "users-turn",
		       "CPU of a user's turn, as many user contexts as "
		       "--idle-users / one",
		       1.05) || compare(b, c, bench_get_props, "users",
					"CPU of a call, every one for another "
					"user / for one",
					1.05)
		       ? -1
		       : 0;
}

int bench_users(struct bench *b)
{
	struct crowd c = {.n = b->idle_users / THREADS * THREADS};
	const unsigned files = bench_open_files();
	struct bench_sizes sizes;
	double looking;
	int r;

	c.n = c.n ? c.n : THREADS;
	/* A user's session stays with its thread. */
	c.ops = b->ops > c.n ? b->ops / c.n * c.n : c.n;
	c.many = calloc(c.n, sizeof(*c.many));
	r = against_one(b, &c, &sizes);
	for (unsigned i = 0; c.many && i < c.n; i++)
		bench_side_close(&c.many[i]);
	for (unsigned i = 0; i < THREADS; i++)
		bench_side_close(&c.one[i]);
	free(c.many);
	/* Once their connections have ended there are descriptors for as many;
	 * what the library has opened for itself stays. */
	if (!r)
		r = wait_quiet(files + SELF_FILES(c.n), c.n, &looking)
			    ? bench_crowd(b, &sizes, c.n, THREADS, c.ops)
			    : -1;
	return r;
}

/* ---- logons ---- */

struct logons {
	struct bench *b;
	struct bench_side *s;
	unsigned n, files, exchanges;
	struct bench_floor *floor;
};

static double log_on_and_off(void *arg)
{
	struct logons *l = arg;
	double start = bench_cpu_us(), looking = 0;
	bool ok = true;

	for (unsigned i = 0; ok && i < l->n; i++)
		ok = bench_side_open(l->b, i, 0, &l->s[i]);
	for (unsigned i = 0; i < l->n; i++)
		bench_side_close(&l->s[i]);
	return ok && wait_quiet(l->files + SELF_FILES(l->n), l->n, &looking)
		       ? bench_cpu_us() - start - looking
		       : -1;
}

static double bare(void *arg)
{
	struct logons *l = arg;
	double start = bench_cpu_us();

	for (unsigned i = 0; i < l->n; i++)
		if (bench_floor_user(l->floor, l->exchanges))
			return -1;
	return bench_cpu_us() - start;
}

/* What one user's logon sends and gets; Disconnect is one more of that size. */
static bool open_floor(struct logons *l)
{
	size_t head_out, head_in, out, in;
	MAPIARY_SESSION_INFO info;
	struct bench_floor *probe;
	bool ok;

	ok = bench_side_open(l->b, 0, 0, &l->s[0]) &&
	     bench_info(l->s[0].ses, &info) && info.cRoundTrips;
	bench_side_close(&l->s[0]);
	probe = ok ? bench_floor_open(0, 0) : NULL;
	if (!probe || bench_floor_exchange(probe)) {
		bench_floor_close(probe);
		return false;
	}
	bench_floor_bytes(probe, &head_out, &head_in);
	bench_floor_close(probe);
	out = (size_t)(info.cbSent / info.cRoundTrips);
	in = (size_t)(info.cbReceived / info.cRoundTrips);
	l->exchanges = (unsigned)info.cRoundTrips + 1;
	l->floor = bench_floor_open(out > head_out ? out - head_out : 0,
				    in > head_in ? in - head_in : 0);
	return l->floor != NULL;
}

int bench_logons(struct bench *b)
{
	struct bench_line line = {
		.name = "logons",
		.what = "CPU of logging on and releasing a user / bare "
			"exchanges",
		.unit = "us",
		.limit = 2.0,
	};
	struct logons l = {.b = b, .n = b->idle_users};
	const unsigned blocks = bench_blocks;
	double looking;
	int r = -1;

	l.s = calloc(l.n, sizeof(*l.s));
	/* A block is long enough to need few. */
	if (l.n >= 200 && bench_blocks > 5)
		bench_blocks = 5;
	if (l.n > 2000 && bench_blocks > 3)
		bench_blocks = 3;
	if (l.s && open_floor(&l)) {
		l.files = bench_open_files();
		r = wait_quiet(l.files + SELF_FILES(l.n), l.n, &looking)
			    ? bench_compare(log_on_and_off, bare, &l, l.n,
					    &line)
			    : -1;
	}
	bench_blocks = blocks;
	if (!r)
		bench_add(b, &line);
	bench_floor_close(l.floor);
	free(l.s);
	return r;
}
