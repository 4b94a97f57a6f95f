/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Execute round trip, GetProps on an open folder, against a bare POST that
 * moves as many bytes each way, headers counted.
 */
#include <mapiutil.h>
#include <stdio.h>

#include "base/clock.h"
#include "cli/bench.h"
#include "cli/cli.h"

struct job {
	struct bench *b;
	struct bench_side side;
	struct bench_floor *floor;
};

static bool get_props(struct job *j)
{
	static SizedSPropTagArray(3, tags) = {
		3, {PR_CONTENT_COUNT, PR_CONTENT_UNREAD, PR_DISPLAY_NAME_W}};
	LPSPropValue v = NULL;
	ULONG n = 0;
	HRESULT hr = IMAPIFolder_GetProps(j->side.inbox, (LPSPropTagArray)&tags,
					  0, &n, &v);

	MAPIFreeBuffer(v);
	return bench_ok("GetProps", hr);
}

static double ours(void *arg)
{
	struct job *j = arg;
	int64_t start = mx_mono_now().ns;

	for (unsigned i = 0; i < j->b->ops; i++)
		if (!get_props(j))
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

/* Bytes of one round trip of ours; false also when GetProps takes more or less
 * than one, which would make the comparison a lie. */
static bool sizes(struct job *j, size_t *ret_out, size_t *ret_in)
{
	MAPIARY_SESSION_INFO a, b;

	if (!get_props(j) || !bench_info(j->side.ses, &a) || !get_props(j) ||
	    !bench_info(j->side.ses, &b))
		return false;
	if (b.cRoundTrips - a.cRoundTrips != 1) {
		mx_cli_fail("bench", "GetProps took %u round trips, not one",
			    (unsigned)(b.cRoundTrips - a.cRoundTrips));
		return false;
	}
	*ret_out = (size_t)(b.cbSent - a.cbSent);
	*ret_in = (size_t)(b.cbReceived - a.cbReceived);
	return true;
}

/* The floor's own headers are found by one exchange with empty bodies. */
static bool open_floor(struct job *j)
{
	size_t out, in, head_out, head_in;
	struct bench_floor *probe;

	if (!sizes(j, &out, &in))
		return false;
	probe = bench_floor_open(0, 0);
	if (!probe || bench_floor_exchange(probe)) {
		bench_floor_close(probe);
		return false;
	}
	bench_floor_bytes(probe, &head_out, &head_in);
	bench_floor_close(probe);
	j->floor = bench_floor_open(out > head_out ? out - head_out : 0,
				    in > head_in ? in - head_in : 0);
	return j->floor != NULL;
}

int bench_execute(struct bench *b)
{
	struct bench_line line = {
		.name = "execute",
		.what = "Execute with GetProps / bare HTTP POST",
		.unit = "us a round trip",
		.limit = 2.0,
	};
	struct job j = {.b = b};
	int r = -1;

	if (bench_side_open(b, 0, 0, &j.side) && open_floor(&j))
		r = bench_compare(ours, bare, &j, b->ops * 1e3, &line);
	if (!r)
		bench_add(b, &line);
	bench_floor_close(j.floor);
	bench_side_close(&j.side);
	return r;
}
