/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* RPC_HEADER_EXT chains, with compression and the XOR magic inside. */
#include "base/auto.h"
#include "base/limits.h"
#include "wire/rpcext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Compression may expand: a chain is bounded by 64 KiB a buffer. */
	MX_AUTO(mx_arena_auto)
	struct mx_arena a = {.budget = (size / MX_RPCEXT_HEADER + 1) *
				       (3u << 16)};
	struct mx_ropbuf got;
	struct mx_rd rd;
	bool last = false;

	mx_rd_init(&rd, data, size, &a);
	for (int i = 0; i < MX_MAX_ROP_CHAIN && !last && mx_rd_ok(&rd); i++)
		mx_rpcext_next(&rd, &got, &last);
	return 0;
}
