/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Execute round trip, GetProps on an open folder, against a bare POST of the
 * same sizes: as many bytes of headers and as many of body, each way.  The floor
 * has them in one header line more than libcurl and libmicrohttpd make by
 * themselves; ours are the eight and eleven that MAPI/HTTP asks for.
 *
 * Both libraries take a header's byte much harder than a body's.  So there is a
 * second floor, that moves the same bytes with next to no headers: the least
 * that any POST of so many bytes costs here.  It has no limit.
 */
#include <stdio.h>

#include "base/clock.h"
#include "cli/bench.h"
#include "cli/cli.h"

struct job {
	struct bench *b;
	struct bench_side side;
	struct bench_floor *floor;
};

static double ours(void *arg)
{
	struct job *j = arg;
	int64_t start = mx_mono_now().ns;

	for (unsigned i = 0; i < j->b->ops; i++)
		if (!bench_get_props(&j->side))
			return -1;
	return (double)(mx_mono_now().ns - start);
}

static double bare(void *arg)
{
	struct job *j = arg;
	int64_t start = mx_mono_now().ns;

	for (unsigned i = 0; i < j->b->ops; i++)
		if (bench_floor_exchange(j->floor))
			return -1;
	return (double)(mx_mono_now().ns - start);
}

/* Taking more or less than one round trip would make the comparison a lie. */
bool bench_sizes_of(struct bench_side *s, struct bench_sizes *ret)
{
	MAPIARY_SESSION_INFO a, b;

	if (!bench_get_props(s) || !bench_info(s->ses, &a) ||
	    !bench_get_props(s) || !bench_info(s->ses, &b))
		return false;
	if (b.cRoundTrips - a.cRoundTrips != 1) {
		mx_cli_fail("bench", "GetProps took %u round trips, not one",
			    (unsigned)(b.cRoundTrips - a.cRoundTrips));
		return false;
	}
	ret->head_out = (size_t)(b.cbHeadersSent - a.cbHeadersSent);
	ret->body_out = (size_t)(b.cbSent - a.cbSent) - ret->head_out;
	ret->head_in = (size_t)(b.cbHeadersReceived - a.cbHeadersReceived);
	ret->body_in = (size_t)(b.cbReceived - a.cbReceived) - ret->head_in;
	return true;
}

/* The same bytes with the fewest headers; those are found by one exchange. */
static struct bench_floor *open_bodies(const struct bench_sizes *s)
{
	struct bench_floor *probe = bench_floor_open(0, 0);
	size_t out = s->head_out + s->body_out, in = s->head_in + s->body_in;
	size_t head_out, head_in;

	if (!probe || bench_floor_exchange(probe)) {
		bench_floor_close(probe);
		return NULL;
	}
	bench_floor_bytes(probe, &head_out, &head_in);
	bench_floor_close(probe);
	return bench_floor_open(out > head_out ? out - head_out : 0,
				in > head_in ? in - head_in : 0);
}

/* One comparison; takes the floor. */
static int against(struct job *j, struct bench_floor *floor,
		   struct bench_line *line)
{
	int r;

	j->floor = floor;
	r = floor ? bench_compare(ours, bare, j, j->b->ops * 1e3, line) : -1;
	bench_floor_close(floor);
	if (!r)
		bench_add(j->b, line);
	return r;
}

int bench_execute(struct bench *b)
{
	struct bench_line line = {
		.name = "execute",
		.what = "Execute with GetProps / bare HTTP POST",
		.unit = "us a round trip",
		.limit = 2.0,
	};
	struct bench_line bodies = {
		.name = "execute-bytes",
		.what = "the same / the same bytes in two headers and a body",
		.unit = "us a round trip",
	};
	struct job j = {.b = b};
	struct bench_sizes s;
	int r = -1;

	if (bench_side_open(&b->d.users[0], NULL, 0, &j.side) &&
	    bench_sizes_of(&j.side, &s))
		r = against(&j, bench_floor_open_as(&s), &line);
	if (!r)
		r = against(&j, open_bodies(&s), &bodies);
	bench_side_close(&j.side);
	return r;
}
