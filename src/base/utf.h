/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between UTF-8 (inside), UTF-16LE (the wire) and UTF-32 (wchar_t).
 *
 * Mailboxes hold lone surrogates; they must come back as they went in, so
 * UTF-8 here is WTF-8: a lone surrogate is three bytes ED Ax/Bx xx.  Other
 * malformed UTF-8 becomes U+FFFD, one for each byte that fits nowhere.
 * No function needs aligned input.
 */
#ifndef MX_BASE_UTF_H
#define MX_BASE_UTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes one code point from s[0..n), n > 0; returns the bytes it took. */
size_t mx_utf8_next(const char *s, size_t n, uint32_t *ret_cp);

/* Encodes cp (up to 0x10ffff, surrogates allowed) into out[4]; returns 1-4. */
size_t mx_utf8_put(uint32_t cp, char out[4]);

/* True for UTF-8 without surrogates, overlong forms or stray bytes. */
bool mx_utf8_valid(const char *s, size_t n);

/* UTF-16LE (n_bytes, even; an odd last byte is ignored) to UTF-8.  Writes at
 * most cap bytes, no terminator, and returns how many are needed. */
size_t mx_utf8_from_utf16le(const void *src, size_t n_bytes, char *dst,
			    size_t cap);

/* UTF-8 to UTF-16LE, same contract; the result is in bytes. */
size_t mx_utf16le_from_utf8(const char *src, size_t n, void *dst, size_t cap);

/* UTF-8 to wchar_t units; cap and result are in units. */
size_t mx_wchar_from_utf8(const char *src, size_t n, wchar_t *dst, size_t cap);

/* wchar_t (UTF-32) to UTF-8; n in units, cap and result in bytes. */
size_t mx_utf8_from_wchar(const wchar_t *src, size_t n, char *dst, size_t cap);

#endif
