/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FID and MID: 64 bits that travel as a little-endian u64 whose first two bytes
 * are the REPLID and whose last six are GLOBCNT, most significant byte first.
 * [MS-OXCDATA] 2.2.1.1, 2.2.1.2.
 */
#ifndef MX_WIRE_IDS_H
#define MX_WIRE_IDS_H

#include <stdint.h>

#include "wire/types.h"

#define MX_MAX_GLOBCNT UINT64_C(0xffffffffffff)

static inline uint64_t mx_bswap48(uint64_t v)
{
	return __builtin_bswap64(v) >> 16;
}

/* The id of counter `count` (its natural value) in replica `replid`. */
static inline uint64_t mx_id_make(uint16_t replid, uint64_t count)
{
	return mx_bswap48(count) << 16 | replid;
}

static inline uint16_t mx_id_replid(uint64_t id)
{
	return (uint16_t)id;
}

/* The counter's natural value, which sorts as it was given out. */
static inline uint64_t mx_id_count(uint64_t id)
{
	return mx_bswap48(id >> 16);
}

static inline struct mx_ltid mx_id_to_ltid(uint64_t id,
					   const struct mx_guid *replica)
{
	struct mx_ltid l = {.replica = *replica};

	for (int i = 0; i < 6; i++)
		l.globcnt[i] = (uint8_t)(id >> (16 + 8 * i));
	return l;
}

static inline uint64_t mx_id_from_ltid(const struct mx_ltid *l, uint16_t replid)
{
	uint64_t id = replid;

	for (int i = 0; i < 6; i++)
		id |= (uint64_t)l->globcnt[i] << (16 + 8 * i);
	return id;
}

#endif
