/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

/* 1601-01-01 to 1970-01-01 in 100 ns units. */
#define EPOCH_DIFF UINT64_C(116444736000000000)

mx_mono mx_mono_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (mx_mono){ts.tv_sec * MX_NS_PER_S + ts.tv_nsec};
}

mx_filetime mx_filetime_from_unix(int64_t sec, uint32_t nsec)
{
	return (mx_filetime){(uint64_t)sec * 10000000u + nsec / 100u +
			     EPOCH_DIFF};
}

mx_filetime mx_filetime_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return mx_filetime_from_unix(ts.tv_sec, (uint32_t)ts.tv_nsec);
}

int64_t mx_filetime_to_unix(mx_filetime ft)
{
	int64_t d = (int64_t)(ft.t - EPOCH_DIFF);
	int64_t s = d / 10000000;

	return d % 10000000 < 0 ? s - 1 : s;
}

mx_mono mx_mono_in_ms(int64_t ms)
{
	mx_mono now = mx_mono_now();

	if (ms < 0 || ms > (INT64_MAX - now.ns) / MX_NS_PER_MS)
		return MX_MONO_NEVER;
	return (mx_mono){now.ns + ms * MX_NS_PER_MS};
}

int64_t mx_mono_left_ms(mx_mono t)
{
	int64_t d;

	if (t.ns == INT64_MAX)
		return INT64_MAX;
	d = t.ns - mx_mono_now().ns;
	return d <= 0 ? 0 : (d + MX_NS_PER_MS - 1) / MX_NS_PER_MS;
}

struct timespec mx_mono_timespec(mx_mono t)
{
	return (struct timespec){.tv_sec = t.ns / MX_NS_PER_S,
				 .tv_nsec = t.ns % MX_NS_PER_S};
}
