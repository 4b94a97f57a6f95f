/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte says where the rest is split in two; both ways of feeding it
 * must agree.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/cookies.h"
#include "net/metatag.h"

struct sum {
	uint64_t h;
	size_t body;
};

static void mix(struct sum *s, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s->h = (s->h ^ ((const uint8_t *)p)[i]) * 1099511628211u;
}

static int event(void *arg, enum mx_metatag_event ev, const char *name,
		 const char *value, const uint8_t *data, size_t n)
{
	struct sum *s = arg;
	struct mx_cookies c = MX_COOKIES_INIT;

	if (ev == MX_METATAG_EV_BODY) {
		s->body += n;
		mix(s, data, n);
		return 0;
	}
	mix(s, &ev, sizeof(ev));
	if (ev != MX_METATAG_EV_HEADER)
		return 0;
	mix(s, name, strlen(name));
	mix(s, value, strlen(value));
	mx_cookies_set_header(&c, value, strlen(value));
	mx_cookies_parse(&c, value);
	mx_cookies_fini(&c);
	return 0;
}

static int run(const uint8_t *p, size_t n, size_t cut, struct sum *s)
{
	const struct mx_metatag_ops ops = {event, s};
	struct mx_metatag m;
	int err;

	mx_metatag_init(&m);
	err = mx_metatag_feed(&m, p, cut, &ops);
	if (!err)
		err = mx_metatag_feed(&m, p + cut, n - cut, &ops);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct sum a = {0}, b = {0};
	size_t cut;

	if (!n)
		return 0;
	cut = (size_t)p[0] % n;
	if (run(p + 1, n - 1, cut, &a) != run(p + 1, n - 1, 0, &b) ||
	    a.h != b.h || a.body != b.body)
		abort();
	return 0;
}
