/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text as a store needs it: order and equality without regard to case, fuzzy
 * content matches, code pages of PT_STRING8.  ICU does the work; this is the
 * only file that sees it.  Any thread.
 */
#ifndef MX_STORE_TEXT_H
#define MX_STORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mx_arena;
struct sqlite3;

/* A key whose bytes compare (memcmp, shorter first) as the texts do: Unicode root
 * collation, secondary strength (case ignored, accents count).  Writes at most
 * cap bytes, returns how many it takes. */
size_t mx_text_key(const char *s, size_t n, uint8_t *buf, size_t cap);

/* Changes when keys of an older library no longer compare with new ones. */
const char *mx_text_key_version(void);

/* < 0, 0, > 0 as the keys compare. */
int mx_text_compare(const char *a, size_t na, const char *b, size_t nb);

/* Whether hay matches needle at level `low` under the flags `high`
 * (enum mx_fuzzy).  [MS-OXCDATA] 2.12.4. */
bool mx_text_match(const char *hay, size_t n_hay, const char *needle,
		   size_t n_needle, unsigned low, unsigned high);

/* Code pages by number: 65001, 1250-1258, 437, 850, 932, 936, 949, 950, 20866,
 * 28591-28605 and whatever else ICU has under windows-N, cpN or ibm-N. */
bool mx_text_codepage_known(uint32_t cp);

/* n bytes of code page cp as UTF-8 in the arena (terminated); what cannot be
 * read becomes U+FFFD.  NULL without memory. */
char *mx_text_from_cp(uint32_t cp, const char *s, size_t n, struct mx_arena *a,
		      size_t *ret_n);
/* The reverse; what the code page does not have becomes '?'. */
char *mx_text_to_cp(uint32_t cp, const char *s, size_t n, struct mx_arena *a,
		    size_t *ret_n);

/* Gives a connection mx_key(text) and mx_nkey(text, bytes to skip).  An SQLite
 * result as errno. */
int mx_text_register(struct sqlite3 *db);

#endif
