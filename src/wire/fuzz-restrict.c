/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Restrictions: what decodes encodes to the bytes it came from, or is one that
 * says a boolean with something other than 0 and 1. */
#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "wire/restrict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MX_AUTO(mx_arena_auto)
	struct mx_arena a = {.budget = size * MX_MAX_DECODE_RATIO + 4096};
	struct mx_wr wr = {0};
	struct mx_restrict r, copy;
	struct mx_rd rd;

	mx_rd_init(&rd, data, size, &a);
	mx_restrict_decode(&rd, &r);
	if (mx_rd_end(&rd) < 0)
		return 0;
	mx_restrict_encode(&wr, &r);
	if (wr.err || wr.len > size)
		abort();
	a.budget = 0;
	if (mx_restrict_copy(&a, &r, &copy) < 0)
		abort();
	mx_restrict_equal(&r, &copy);
	return 0;
}
