/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* MAPI buffers by size_t and zeroed, for the library's own use. */
#include "api/api.h"

void *mx_api_alloc(size_t n)
{
	void *p = NULL;

	if (n > UINT32_MAX - 64 || MAPIAllocateBuffer((ULONG)n, &p))
		return NULL;
	return memset(p, 0, n);
}

void *mx_api_more(void *root, size_t n)
{
	void *p = NULL;

	if (n > UINT32_MAX - 64 || MAPIAllocateMore((ULONG)n, root, &p))
		return NULL;
	return memset(p, 0, n);
}
