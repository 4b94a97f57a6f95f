/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as mail: no crash, and no more memory than a multiple of them. */
#include "mime/mail.h"

#include "base/auto.h"
#include "base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	struct mx_mail *m;

	a.budget = size * MX_MAX_DECODE_RATIO + 65536;
	(void)mx_mail_parse(data, size, &a, &m);
	return 0;
}
