/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: a library prints nothing by itself.  Without a sink, messages are
 * dropped; tools and the server install one.  Never log a secret.
 * Any thread.
 */
#ifndef MX_BASE_LOG_H
#define MX_BASE_LOG_H

enum mx_log_level {
	MX_LOG_ERROR,
	MX_LOG_WARN,
	MX_LOG_INFO,
	MX_LOG_DEBUG,
};

typedef void mx_log_fn(void *arg, enum mx_log_level level, const char *area,
		       const char *line);

/* Installs the sink for messages up to `level`; NULL removes it.  Call before
 * threads that log are started, or accept that a running call finishes. */
void mx_log_sink(mx_log_fn *fn, void *arg, enum mx_log_level level);

/* A sink that writes "LEVEL area: line" to stderr. */
void mx_log_stderr(void *arg, enum mx_log_level level, const char *area,
		   const char *line);

void mx_log(enum mx_log_level level, const char *area, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

#endif
