/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When contexts are kept alive: no second has above twice the mean, whenever
 * users log on and whatever they lose.
 */
#include "base/test.h"
#include "net/engine.h"

enum { BEATS = 10000, PERIOD_S = 450 }; /* half of 15 minutes */

struct beats {
	uint32_t k;
	unsigned second[BEATS]; /* of each context, in the period */
};

static void beat_at(struct beats *b, unsigned i, int64_t now_ns)
{
	mx_mono due = mx_engine_beat_after((mx_mono){now_ns}, ++b->k,
					   PERIOD_S * 1000);

	assert_true(due.ns >= now_ns);
	assert_true(due.ns < now_ns + PERIOD_S * MX_NS_PER_S);
	b->second[i] = (unsigned)(due.ns / MX_NS_PER_S % PERIOD_S);
}

static void check_spread(const struct beats *b, unsigned n)
{
	unsigned count[PERIOD_S] = {0};

	for (unsigned i = 0; i < n; i++)
		count[b->second[i]]++;
	for (unsigned i = 0; i < PERIOD_S; i++)
		if (count[i] * PERIOD_S > 2 * n)
			fail_msg("second %u has %u of %u", i, count[i], n);
}

/* After 10,000 logons: at one moment, and at rates from 1 ms to an hour apart,
 * among them the one that goes with the golden ratio. */
static void test_keep_alives_spread_whenever_users_log_on(void **state)
{
	static const int64_t apart_ms[] = {
		0, 1, 6, 10, 100, 1000, 5000, 171885, 278115, 450000, 3600000};
	static struct beats b;

	for (size_t r = 0; r < MX_ARRAY_SIZE(apart_ms); r++) {
		b.k = (uint32_t)r * 12345;
		for (unsigned i = 0; i < BEATS; i++)
			beat_at(&b, i,
				1000000007 + i * apart_ms[r] * MX_NS_PER_MS);
		check_spread(&b, BEATS);
	}
}

/* After an outage of whatever length everybody has his place again; who comes
 * and who goes meanwhile does not matter. */
static void test_keep_alives_spread_after_a_mass_reconnect(void **state)
{
	static struct beats b;
	const int64_t period = PERIOD_S * MX_NS_PER_S;
	int64_t now = 77 * MX_NS_PER_S + 3;

	for (unsigned i = 0; i < BEATS; i++)
		beat_at(&b, i, now);
	for (unsigned outage = 1; outage < 5 * PERIOD_S; outage += 61) {
		for (unsigned i = 0; i < BEATS; i++) {
			mx_mono last = {now - now % period +
					b.second[i] * MX_NS_PER_S};
			mx_mono next, then = {now + outage * MX_NS_PER_S};

			next = mx_engine_next_beat(last, then, PERIOD_S * 1000);
			assert_true(next.ns > then.ns);
			assert_true(next.ns <= then.ns + period);
			assert_int_equal((next.ns - last.ns) % period, 0);
			b.second[i] =
				(unsigned)(next.ns / MX_NS_PER_S % PERIOD_S);
		}
		check_spread(&b, BEATS);
		now += outage * MX_NS_PER_S;
		/* A third of them is replaced by others. */
		for (unsigned i = 0; i < BEATS / 3; i++)
			beat_at(&b, (outage * 100 + i) % BEATS, now);
		check_spread(&b, BEATS);
	}
}

/* The engine counts who asks, in all threads. */
static void test_first_beats_spread_evenly(void **state)
{
	static struct beats b;

	for (int i = 0; i < BEATS; i++)
		b.second[i] =
			(unsigned)(mx_engine_first_beat(PERIOD_S * 1000).ns /
				   MX_NS_PER_S % PERIOD_S);
	check_spread(&b, BEATS);
}

MX_TEST_MAIN(MX_TEST(test_keep_alives_spread_whenever_users_log_on),
	     MX_TEST(test_keep_alives_spread_after_a_mass_reconnect),
	     MX_TEST(test_first_beats_spread_evenly))
