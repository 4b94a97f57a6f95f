/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LZ77 with DIRECT2 encoding.  [MS-OXCRPC] 3.1.4.1.1.2.
 * A 32-bit word of flags, highest bit first, 1 for a match; a literal is one
 * byte; a match is u16 (offset - 1) << 3 | (length - 3), with longer lengths in
 * shared half bytes, a byte and a u16.
 */
#ifndef MX_WIRE_LZ77_H
#define MX_WIRE_LZ77_H

#include <stddef.h>
#include <stdint.h>

/* Expands exactly to n_out bytes; 0 or -EBADMSG.  Reads and writes stay inside
 * the two buffers whatever the input is. */
int mx_lz77_decompress(const uint8_t *in, size_t n_in, uint8_t *out,
		       size_t n_out);

/* Compresses into out; the size, or 0 when it would not be below cap.
 * in at most 64 KiB. */
size_t mx_lz77_compress(const uint8_t *in, size_t n_in, uint8_t *out,
			size_t cap);

#endif
