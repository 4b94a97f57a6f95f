/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the session layer has to know of each ROP: one table, no code elsewhere
 * that lists RopIds by property.
 */
#ifndef MX_SESSION_ROP_INFO_H
#define MX_SESSION_ROP_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/rops.h"

enum mx_rop_flags {
	/* When its answer was lost it may be sent again, in a new session
	 * context with its objects opened afresh: it changes nothing that
	 * outlives the context, or changing it twice is changing it once. */
	MX_ROPF_RESEND = 0x01,
	/* Makes an object: OutputHandleIndex is the fourth byte. */
	MX_ROPF_OPENS = 0x02,
	/* The third byte is ResponseHandleIndex; the object is the fourth. */
	MX_ROPF_RESPONSE = 0x04,
	/* The object has unsaved changes after it. */
	MX_ROPF_DIRTIES = 0x08,
	/* May be deferred by mx_sobj_defer. */
	MX_ROPF_DEFER = 0x10,
	/* Callers may add it to a batch. */
	MX_ROPF_CALL = 0x20,
	/* May be answered in several buffers (Chain). */
	MX_ROPF_PACKS = 0x40,
};

/* Flags of a RopId; 0 for one that is not ours to send. */
unsigned mx_rop_flags(uint8_t id);

/* RESEND for one request: the table, and what its fields say (a stream opened
 * with Create truncates; a folder created with OpenExisting is found). */
bool mx_rop_resend(const uint8_t *rop, size_t n);

/* Little-endian reads of an encoded request. */
static inline uint16_t mx_rop_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint64_t mx_rop_u64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

static inline uint32_t mx_rop_u32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

#endif
