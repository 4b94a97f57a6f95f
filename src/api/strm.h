/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IStream on a property.
 */
#ifndef MX_API_STRM_H
#define MX_API_STRM_H

#include "api/obj.h"
#include "base/arena.h"

/* OpenModeFlags of RopOpenStream.  [MS-OXCPRPT] 2.2.14.1 */
enum {
	MX_STRM_READ = 0,
	MX_STRM_WRITE = 1,
	MX_STRM_CREATE = 2,
};

/* OpenProperty(IID_IStream). */
HRESULT mx_api_strm_open(struct mx_obj *o, ULONG tag, ULONG flags,
			 LPSTREAM *ret);

/* Sends what streams on this object still hold back, also of streams released
 * meanwhile; before the object's properties are used or saved. */
int mx_strm_flush_all(struct mx_do *d, struct mx_obj *o);

/* Drops streams that were released with unsent bytes; when the object goes. */
void mx_strm_drop_all(struct mx_obj *o);

/* Bytes of a text stream (UTF-16LE) without the terminators behind the text: the
 * stream of a string has one on some servers (gromox), and values have none. */
size_t mx_strm_text_len(const uint8_t *utf16le, size_t n);

/* UTF-8 as UTF-16LE in the arena; NULL out of memory. */
uint8_t *mx_strm_utf16(struct mx_arena *a, const char *s, size_t *ret_n);

#endif
