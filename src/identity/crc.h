/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CRC of a SID, by which lists are found, and of records in the segment.
 */
#ifndef MX_IDENTITY_CRC_H
#define MX_IDENTITY_CRC_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 (IEEE 802.3, as zlib's) of any bytes; start with crc = 0, feed on the
 * result. */
uint32_t mx_crc32(uint32_t crc, const void *p, size_t n);

/* The same without the processor's help, for where there is none. */
uint32_t mx_crc32_plain(uint32_t crc, const void *p, size_t n);

#endif
