/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PR_CONVERSATION_INDEX.  [MS-OXOMSG] 2.2.1.3:
 *
 *	0   1  reserved, 01
 *	1   5  bits 55-16 of the time in FILETIME units, most significant first
 *	6  16  GUID of the conversation
 *	22  5  one response level for each reply: bit 31 which unit the time
 *	       difference has (0: bits 49-18, 1: bits 54-23), 31 bits of it,
 *	       then a byte whose high half is random
 */
#include "api/api.h"
#include "base/clock.h"
#include "base/rand.h"

#define HEADER 22
#define LEVEL 5

static void put_be(BYTE *p, uint64_t v, int n)
{
	while (n--) {
		p[n] = (BYTE)v;
		v >>= 8;
	}
}

static uint64_t get_be(const BYTE *p, int n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static SCODE new_header(BYTE *p)
{
	if (mx_random(p + 6, 16))
		return MAPI_E_NOT_ENOUGH_RESOURCES;
	p[0] = 1;
	put_be(p + 1, mx_filetime_now().t >> 16, 5);
	return S_OK;
}

static SCODE new_level(const BYTE *header, BYTE *p)
{
	/* The header keeps bits 55-16; bits above come from today. */
	uint64_t now = mx_filetime_now().t;
	uint64_t then = get_be(header + 1, 5) << 16;
	uint64_t diff = ((now & 0xffffffffffffff) - then) & 0xffffffffffffff;
	uint8_t rnd;

	if (mx_random(&rnd, 1))
		return MAPI_E_NOT_ENOUGH_RESOURCES;
	if (diff >> 49)
		put_be(p, 0x80000000 | (diff >> 23 & 0x7fffffff), 4);
	else
		put_be(p, diff >> 18 & 0x7fffffff, 4);
	p[4] = rnd & 0xf0;
	return S_OK;
}

SCODE ScCreateConversationIndex(ULONG n_parent, LPBYTE parent, ULONG *ret_n,
				LPBYTE *ret)
{
	bool reply = parent && n_parent >= HEADER && parent[0] == 1 &&
		     (n_parent - HEADER) % LEVEL == 0 && n_parent < 4096;
	ULONG n = reply ? n_parent + LEVEL : HEADER;
	BYTE *p;
	SCODE sc;

	if (!ret_n || !ret)
		return MAPI_E_INVALID_PARAMETER;
	p = mx_api_alloc(n);
	if (!p)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	if (reply)
		memcpy(p, parent, n_parent);
	sc = reply ? new_level(p, p + n_parent) : new_header(p);
	if (FAILED(sc)) {
		MAPIFreeBuffer(p);
		return sc;
	}
	*ret_n = n;
	*ret = p;
	return S_OK;
}
