/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The access log: a line a request, doc/formats/access-log.md.  What came from
 * outside is written so that it cannot end a field or a line.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "server/server-private.h"

int mx_access_open(struct mx_server *srv, struct mx_fault *f)
{
	if (!srv->p.access_log)
		return 0;
	srv->log = fopen(srv->p.access_log, "ae");
	if (!srv->log)
		return mx_fault_set(f, MX_LAYER_LOCAL, 0, -errno,
				    "cannot open the access log %s: %s",
				    srv->p.access_log, strerror(errno));
	setvbuf(srv->log, NULL, _IOLBF, 0);
	return 0;
}

void mx_access_close(struct mx_server *srv)
{
	if (srv->log)
		fclose(srv->log);
	srv->log = NULL;
}

/* Copies without spaces, controls and quotes, and not too much of it. */
static const char *clean(const char *s, char buf[96])
{
	size_t i;

	for (i = 0; s[i] && i < 95; i++)
		buf[i] = s[i] > ' ' && s[i] != 0x7f ? s[i] : '_';
	buf[i] = '\0';
	return i ? buf : "-";
}

static void now_text(char buf[32])
{
	struct timespec ts;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(buf, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, 32 - n, ".%03uZ", (unsigned)(ts.tv_nsec / 1000000));
}

bool mx_access_wanted(const struct mx_server *srv)
{
	return srv->log || srv->p.on_access;
}

void mx_access_write(struct mx_server *srv, const struct mx_access *a)
{
	char when[32], user[96], type[96], id[96];

	if (srv->p.on_access)
		srv->p.on_access(srv->p.access_arg, a);
	if (!srv->log)
		return;
	now_text(when);
	mx_mutex_lock(&srv->log_lock);
	fprintf(srv->log,
		"%s peer=%s port=%u conn=%" PRIu64 " user=%s type=%s id=%s"
		" status=%u code=%d error=%08" PRIx32 " ctx=%" PRIu64
		" owner=%" PRIu64 " in=%zu out=%zu us=%" PRId64 " end=%s\n",
		when, a->peer, a->peer_port, a->connection,
		clean(a->user, user), clean(a->type, type),
		clean(a->request_id, id), a->status, a->code, a->error,
		a->context, a->owner, a->n_in, a->n_out, a->us,
		a->complete ? "sent" : "cut");
	mx_mutex_unlock(&srv->log_lock);
}
