/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging on and releasing many users against bare HTTP exchanges of the same
 * number and sizes, one connection a user.  What is compared is CPU time of this
 * process; the servers are others.  Ten thousand logons take minutes, in which
 * the machine changes: so the two take turns, a hundred users at a time.  What
 * this thread needs for the bare ones is theirs, and all else is the library's.
 */
#include <mapiutil.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "cli/bench.h"
#include "cli/cli.h"

/* Disconnects of so many users, on a machine that does other things too. */
#define QUIET_MS 60000
#define QUIET_MS_A_USER 30
/* What the library opens for itself and keeps: its multi handles, two for 250
 * connections, too. */
#define SELF_FILES(users) (64 + (users) / 100)
#define AT_A_TIME 100

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

struct logons {
	struct bench *b;
	struct bench_side *s;
	unsigned n, files, exchanges;
	struct bench_floor *floor;
	double bare_us; /* in the last block */
};

static double thread_cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static bool bare(struct logons *l, unsigned n)
{
	const double start = thread_cpu_us();
	bool ok = true;

	for (unsigned i = 0; ok && i < n; i++)
		ok = !bench_floor_user(l->floor, l->exchanges);
	l->bare_us += thread_cpu_us() - start;
	return ok;
}

static bool log_on(struct logons *l)
{
	bool ok = true;

	for (unsigned i = 0; ok && i < l->n; i++) {
		ok = bench_side_open(&l->b->d.users[i], NULL, 0, &l->s[i]);
		if (ok && (i % AT_A_TIME == AT_A_TIME - 1 || i == l->n - 1))
			ok = bare(l, i % AT_A_TIME + 1);
	}
	return ok;
}

static double log_on_and_off(void *arg)
{
	struct logons *l = arg;
	double start = bench_cpu_us(), looking = 0;
	bool ok;

	l->bare_us = 0;
	ok = log_on(l);
	for (unsigned i = 0; i < l->n; i++)
		bench_side_close(&l->s[i]);
	return ok && wait_quiet(l->files + SELF_FILES(l->n), l->n, &looking)
		       ? bench_cpu_us() - start - looking - l->bare_us
		       : -1;
}

static double bare_of_that(void *arg)
{
	return ((struct logons *)arg)->bare_us;
}

/* What one user's logon sends and gets, headers and bodies; Disconnect is one
 * more of that size. */
static bool open_floor(struct logons *l)
{
	MAPIARY_SESSION_INFO i;
	struct bench_sizes s;
	bool ok;

	ok = bench_side_open(&l->b->d.users[0], NULL, 0, &l->s[0]) &&
	     bench_info(l->s[0].ses, &i) && i.cRoundTrips;
	bench_side_close(&l->s[0]);
	if (!ok)
		return false;
	s.head_out = (size_t)(i.cbHeadersSent / i.cRoundTrips);
	s.body_out = (size_t)(i.cbSent / i.cRoundTrips) - s.head_out;
	s.head_in = (size_t)(i.cbHeadersReceived / i.cRoundTrips);
	s.body_in = (size_t)(i.cbReceived / i.cRoundTrips) - s.head_in;
	l->exchanges = (unsigned)i.cRoundTrips + 1;
	l->floor = bench_floor_open_as(&s);
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
			    ? bench_compare(log_on_and_off, bare_of_that, &l,
					    l.n, &line)
			    : -1;
	}
	bench_blocks = blocks;
	if (!r)
		bench_add(b, &line);
	bench_floor_close(l.floor);
	free(l.s);
	return r;
}
