/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "net/autodiscover.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct mx_autodiscover a = MX_AUTODISCOVER_INIT;
	char *to = NULL;
	int got = mx_autodiscover_parse(p, n, &a, &to, NULL);

	if (got == MX_AUTODISCOVER_FOUND && (!a.emsmdb_url || !a.user_dn))
		abort();
	if (got < 0 && (to || a.emsmdb_url))
		abort();
	free(to);
	mx_autodiscover_fini(&a);
	return 0;
}
