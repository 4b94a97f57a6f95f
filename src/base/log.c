/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

static _Atomic(mx_log_fn *) sink_fn;
static _Atomic(void *) sink_arg;
static _Atomic int sink_level;

void mx_log_sink(mx_log_fn *fn, void *arg, enum mx_log_level level)
{
	atomic_store(&sink_fn, NULL);
	atomic_store(&sink_arg, arg);
	atomic_store(&sink_level, (int)level);
	atomic_store(&sink_fn, fn);
}

void mx_log_stderr(void *arg, enum mx_log_level level, const char *area,
		   const char *line)
{
	static const char *const names[] = {"error", "warning", "info",
					    "debug"};

	(void)arg;
	fprintf(stderr, "%s %s: %s\n", names[level], area, line);
}

void mx_log(enum mx_log_level level, const char *area, const char *fmt, ...)
{
	mx_log_fn *fn = atomic_load(&sink_fn);
	char line[1024];
	va_list ap;

	if (!fn || (int)level > atomic_load(&sink_level))
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fn(atomic_load(&sink_arg), level, area, line);
}
