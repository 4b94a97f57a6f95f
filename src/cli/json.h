/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON on a stream, written as it comes: commas and indentation are kept right
 * here, strings are escaped and made valid UTF-8, and what a terminal might obey
 * is escaped too.  Name is NULL in arrays.
 */
#ifndef MX_CLI_JSON_H
#define MX_CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct mx_json {
	FILE *to;
	unsigned depth;
	bool more; /* something stands before the next item */
};

void mx_json_open(struct mx_json *j, const char *name, char bracket);
void mx_json_close(struct mx_json *j, char bracket);
void mx_json_text(struct mx_json *j, const char *name, const char *utf8);
void mx_json_uint(struct mx_json *j, const char *name, uint64_t n);
void mx_json_bool(struct mx_json *j, const char *name, bool b);
/* With three decimals; v is finite. */
void mx_json_real(struct mx_json *j, const char *name, double v);
/* Seconds with three decimals. */
void mx_json_seconds(struct mx_json *j, const char *name, int64_t ns);

#endif
