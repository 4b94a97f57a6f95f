/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands share. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"

int mx_cli_fail(const char *cmd, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "mapiary %s: ", cmd);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return MX_EXIT_FAILED;
}

int mx_cli_number(const char *cmd, const char *option, const char *text,
		  uint64_t min, uint64_t max, uint64_t *ret)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || n < min ||
	    n > max) {
		mx_cli_fail(cmd, "%s takes a number from %llu to %llu, not %s",
			    option, (unsigned long long)min,
			    (unsigned long long)max, text);
		return -EINVAL;
	}
	*ret = n;
	return 0;
}

int mx_cli_random_password(char buf[32])
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	uint8_t raw[64];
	size_t n = 0;
	int r = mx_random(raw, sizeof(raw));

	if (r)
		return r;
	/* 248 = 4 · 62: every character as likely as the others. */
	for (size_t i = 0; i < sizeof(raw) && n < 24; i++)
		if (raw[i] < 248)
			buf[n++] = set[raw[i] % 62];
	buf[n] = '\0';
	return n < 24 ? mx_cli_random_password(buf) : 0;
}
