/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/json.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf.h"
#include "tui/plain.h"

static void quoted(FILE *to, const char *s)
{
	size_t n = strlen(s), took;
	uint32_t cp;
	char out[4];

	fputc('"', to);
	for (; n; s += took, n -= took) {
		took = mx_utf8_next(s, n, &cp);
		if (cp == '"' || cp == '\\')
			fprintf(to, "\\%c", (char)cp);
		else if (cp < 0x10000 && !mx_plain_safe(cp))
			fprintf(to, "\\u%04x", cp);
		else if (!mx_plain_safe(cp)) /* as a pair of surrogates */
			fprintf(to, "\\u%04x\\u%04x",
				0xd800 + ((cp - 0x10000) >> 10),
				0xdc00 + ((cp - 0x10000) & 0x3ff));
		else
			fwrite(out, 1, mx_utf8_put(cp, out), to);
	}
	fputc('"', to);
}

static void item(struct mx_json *j, const char *name)
{
	if (j->more)
		fputc(',', j->to);
	if (j->depth)
		fprintf(j->to, "\n%*s", (int)(2 * j->depth), "");
	if (name) {
		quoted(j->to, name);
		fputs(": ", j->to);
	}
	j->more = true;
}

void mx_json_open(struct mx_json *j, const char *name, char bracket)
{
	item(j, name);
	fputc(bracket, j->to);
	j->depth++;
	j->more = false;
}

void mx_json_close(struct mx_json *j, char bracket)
{
	j->depth--;
	if (j->more)
		fprintf(j->to, "\n%*s", (int)(2 * j->depth), "");
	fputc(bracket, j->to);
	j->more = true;
	if (!j->depth)
		fputc('\n', j->to);
}

void mx_json_text(struct mx_json *j, const char *name, const char *utf8)
{
	item(j, name);
	if (utf8)
		quoted(j->to, utf8);
	else
		fputs("null", j->to);
}

void mx_json_uint(struct mx_json *j, const char *name, uint64_t n)
{
	item(j, name);
	fprintf(j->to, "%" PRIu64, n);
}

void mx_json_bool(struct mx_json *j, const char *name, bool b)
{
	item(j, name);
	fputs(b ? "true" : "false", j->to);
}

void mx_json_seconds(struct mx_json *j, const char *name, int64_t ns)
{
	item(j, name);
	fprintf(j->to, "%" PRId64 ".%03" PRId64, ns / 1000000000,
		ns / 1000000 % 1000);
}

void mx_json_real(struct mx_json *j, const char *name, double v)
{
	item(j, name);
	fprintf(j->to, "%.3f", v);
}
