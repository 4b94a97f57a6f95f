/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What users cost who are logged on, with their store open, waiting for new
 * mail, and do nothing: memory, threads, and what their presence adds to the
 * CPU time of a call that somebody else makes.
 */
#include <dirent.h>
#include <edkmdb.h>
#include <malloc.h>
#include <mapiutil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "cli/bench.h"
#include "cli/cli.h"

/* Connections that nobody uses are closed after 20 s. */
#define SETTLE_MS 60000
#define PER_USER_KIB 32
#define FULL_CROWD 10000
#define COST_BLOCKS 9

/* A line of /proc/self/status, in its unit. */
static double status_of(const char *name)
{
	FILE *f = fopen("/proc/self/status", "re");
	size_t n = strlen(name);
	char line[256];
	double v = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, n) && line[n] == ':')
			v = strtod(line + n + 1, NULL);
	if (f)
		fclose(f);
	return v;
}

unsigned bench_open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

double bench_cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double bench_cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static LONG STDAPICALLTYPE hear(LPVOID arg, ULONG n, LPNOTIFICATION list)
{
	(void)arg, (void)n, (void)list;
	return 0;
}

static bool wait_for_mail(struct bench_side *s)
{
	LPMAPIADVISESINK sink = NULL;
	ULONG_PTR conn;
	HRESULT hr = HrAllocAdviseSink(hear, NULL, &sink);

	if (!FAILED(hr))
		hr = IMsgStore_Advise(s->store, 0, NULL, fnevNewMail, sink,
				      &conn);
	UlRelease(sink);
	return bench_ok("Advise", hr);
}

bool bench_get_props(struct bench_side *s)
{
	static SizedSPropTagArray(3, tags) = {
		3, {PR_CONTENT_COUNT, PR_CONTENT_UNREAD, PR_DISPLAY_NAME_W}};
	LPSPropValue v = NULL;
	ULONG n = 0;
	HRESULT hr = IMAPIFolder_GetProps(s->inbox, (LPSPropTagArray)&tags, 0,
					  &n, &v);

	MAPIFreeBuffer(v);
	return bench_ok("GetProps", hr);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of the caller: the engine's is a matter of time that passes, not of calls. */
static double thread_cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Median CPU time of one call by the first user; < 0: failed. */
static double call_us(struct bench *b, struct bench_side *s)
{
	double v[COST_BLOCKS];

	for (int i = 0; i < COST_BLOCKS; i++) {
		double start = thread_cpu_us();

		for (unsigned k = 0; k < b->ops; k++)
			if (!bench_get_props(s))
				return -1;
		v[i] = (thread_cpu_us() - start) / b->ops;
	}
	qsort(v, COST_BLOCKS, sizeof(*v), by_value);
	return v[COST_BLOCKS / 2];
}

/* Until each has his parked connection and hardly anybody another one. */
static void settle(unsigned before, unsigned users)
{
	const struct timespec pause = {.tv_nsec = 250 * MX_NS_PER_MS};
	const mx_mono end = mx_mono_in_ms(SETTLE_MS);

	while (bench_open_files() > before + users + users / 50 + 100 &&
	       !mx_mono_passed(end))
		nanosleep(&pause, NULL);
	malloc_trim(0);
}

struct rss {
	double own, all; /* KiB: without and with the shared segment */
};

static struct rss resident(void)
{
	struct rss r;

	r.own = status_of("RssAnon") + status_of("RssFile");
	r.all = r.own + status_of("RssShmem");
	return r;
}

static void report(struct bench *b, const struct rss *from, unsigned n)
{
	struct bench_line own = {
		.name = "memory",
		.what = "resident memory of an idle user, without the shared "
			"segment",
		.unit = "KiB",
		.limit = PER_USER_KIB,
	};
	struct bench_line all = {
		.name = "memory-all",
		.what = "the same with the segment, which has one size for "
			"all",
		.unit = "KiB",
		.limit = n >= FULL_CROWD ? PER_USER_KIB : 0,
	};
	struct bench_line threads = {
		.name = "threads",
		.what = "threads of this process then",
		.unit = "threads",
		.ours = status_of("Threads"),
		.limit = (double)sysconf(_SC_NPROCESSORS_ONLN) + 3,
	};
	struct rss to = resident();

	own.ours = (to.own - from->own) / n;
	all.ours = (to.all - from->all) / n;
	bench_add(b, &own);
	bench_add(b, &all);
	bench_add(b, &threads);
}

static bool cost(struct bench *b, struct bench_side *s, unsigned n,
		 double *first)
{
	static const struct {
		unsigned n;
		const char *name;
	} at[] = {
		{100, "idle-100"},
		{2000, "idle-2000"},
		{10000, "idle-10000"},
	};
	struct bench_line line = {
		.what = "CPU of a call beside so many idle users / beside 100",
		.unit = "us",
	};

	for (size_t i = 0; i < MX_ARRAY_SIZE(at); i++)
		if (at[i].n == n)
			line.name = at[i].name;
	if (!line.name)
		return true;
	line.ours = line.low = line.high = call_us(b, s);
	*first = *first > 0 ? *first : line.ours;
	line.floor = *first;
	if (line.ours < 0)
		return false;
	bench_add(b, &line);
	return true;
}

int bench_memory(struct bench *b)
{
	struct bench_side *s = calloc(b->idle_users, sizeof(*s));
	unsigned files = bench_open_files(), n = b->idle_users;
	struct rss before = resident();
	double first = 0;
	bool ok = s;

	for (unsigned i = 0; ok && i < n; i++)
		ok = bench_side_open(&b->d.users[i], NULL, 0, &s[i]) &&
		     wait_for_mail(&s[i]) && cost(b, &s[0], i + 1, &first);
	if (ok) {
		settle(files, n);
		report(b, &before, n);
	}
	for (unsigned i = 0; s && i < n; i++)
		bench_side_close(&s[i]);
	free(s);
	return ok ? 0 : -1;
}
