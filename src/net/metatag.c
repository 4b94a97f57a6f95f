/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line collector in front of three states.  Lines end with CRLF; a lone LF
 * is taken too (proxies rewrite line ends), a lone CR is not.
 *
 * gromox 3.10 sends PENDING without a line end, and PROCESSING a second time
 * right before DONE.  So PENDING counts as soon as its seven bytes are in, with
 * a line end behind it or none.
 */
#include "net/metatag.h"

#include <errno.h>
#include <string.h>

void mx_metatag_init(struct mx_metatag *m)
{
	memset(m, 0, sizeof(*m));
}

bool mx_metatag_complete(const struct mx_metatag *m)
{
	return m->state == MX_METATAG_BODY;
}

static int fail(struct mx_metatag *m, int err)
{
	m->state = MX_METATAG_BAD;
	m->err = err;
	return err;
}

static int emit(const struct mx_metatag_ops *ops, enum mx_metatag_event ev)
{
	return ops->event(ops->arg, ev, NULL, NULL, NULL, 0);
}

static int on_tag(struct mx_metatag *m, const struct mx_metatag_ops *ops)
{
	if (!strcmp(m->line, "PROCESSING"))
		return emit(ops, MX_METATAG_EV_PROCESSING);
	if (strcmp(m->line, "DONE"))
		return -EBADMSG;
	m->state = MX_METATAG_HEADERS;
	return emit(ops, MX_METATAG_EV_DONE);
}

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		s[--n] = '\0';
	return s;
}

static int on_header(struct mx_metatag *m, const struct mx_metatag_ops *ops)
{
	char *colon = strchr(m->line, ':');

	if (!m->n_line) {
		m->state = MX_METATAG_BODY;
		return 0;
	}
	if (!colon || colon == m->line)
		return -EBADMSG;
	*colon = '\0';
	if (strpbrk(m->line, " \t"))
		return -EBADMSG;
	return ops->event(ops->arg, MX_METATAG_EV_HEADER, m->line,
			  trim(colon + 1), NULL, 0);
}

/* A whole line, without its end. */
static int on_line(struct mx_metatag *m, const struct mx_metatag_ops *ops)
{
	int err;

	if (m->n_line && m->line[m->n_line - 1] == '\r')
		m->n_line--;
	m->line[m->n_line] = '\0';
	for (size_t i = 0; i < m->n_line; i++)
		if ((unsigned char)m->line[i] < ' ' && m->line[i] != '\t')
			return -EBADMSG;
	err = m->state == MX_METATAG_TAGS ? on_tag(m, ops) : on_header(m, ops);
	m->n_line = 0;
	return err;
}

/* What starts no tag is not worth a whole line: an answer that is not ours (an
 * HTML page, TLS bytes) is known by its first byte. */
static bool can_start_tag(uint8_t c)
{
	return c == 'P' || c == 'D';
}

/* The line end behind a PENDING that has been told already.  1: c was part of
 * it; 0: there is none, or it is over. */
static int on_eol(struct mx_metatag *m, uint8_t c)
{
	enum mx_metatag_eol was = m->eol;

	m->eol = MX_METATAG_EOL_NONE;
	if (c == '\n' && was)
		return 1;
	if (was == MX_METATAG_EOL_LF)
		return -EBADMSG;
	if (c != '\r' || !was)
		return 0;
	m->eol = MX_METATAG_EOL_LF;
	return 1;
}

static int on_pending(struct mx_metatag *m, const struct mx_metatag_ops *ops)
{
	m->n_line = 0;
	m->eol = MX_METATAG_EOL_CRLF;
	return emit(ops, MX_METATAG_EV_PENDING);
}

static bool is_pending(const struct mx_metatag *m)
{
	return m->state == MX_METATAG_TAGS && m->n_line == 7 &&
	       !memcmp(m->line, "PENDING", 7);
}

static int on_byte(struct mx_metatag *m, uint8_t c,
		   const struct mx_metatag_ops *ops)
{
	int eol = on_eol(m, c);

	if (eol)
		return eol < 0 ? eol : 0;
	if (m->state == MX_METATAG_HEADERS &&
	    ++m->n_headers > MX_METATAG_HEADERS_MAX)
		return -EMSGSIZE;
	if (c == '\n')
		return on_line(m, ops);
	if (m->state == MX_METATAG_TAGS && !m->n_line && !can_start_tag(c))
		return -EBADMSG;
	if (m->n_line == MX_METATAG_LINE_MAX)
		return -EMSGSIZE;
	m->line[m->n_line++] = (char)c;
	return is_pending(m) ? on_pending(m, ops) : 0;
}

/* What of n bytes belongs to one header line and stands before its end. */
static size_t run_of_line(const struct mx_metatag *m, const uint8_t *p,
			  size_t n)
{
	const uint8_t *end;

	if (m->state != MX_METATAG_HEADERS || m->eol)
		return 0;
	end = memchr(p, '\n', n);
	return end ? (size_t)(end - p) : n;
}

/* on_byte for n > 0 of those at once. */
static int on_run(struct mx_metatag *m, const uint8_t *p, size_t n)
{
	if (n > MX_METATAG_HEADERS_MAX - m->n_headers ||
	    n > MX_METATAG_LINE_MAX - m->n_line)
		return -EMSGSIZE;
	memcpy(m->line + m->n_line, p, n);
	m->n_line += n;
	m->n_headers += n;
	return 0;
}

int mx_metatag_feed(struct mx_metatag *m, const void *data, size_t n,
		    const struct mx_metatag_ops *ops)
{
	const uint8_t *p = data;
	int err;

	if (m->state == MX_METATAG_BAD)
		return m->err;
	while (n && m->state != MX_METATAG_BODY) {
		size_t run = run_of_line(m, p, n);

		err = run ? on_run(m, p, run) : on_byte(m, *p, ops);
		if (err)
			return fail(m, err);
		run = run ? run : 1;
		p += run, n -= run;
	}
	if (!n)
		return 0;
	err = ops->event(ops->arg, MX_METATAG_EV_BODY, NULL, NULL, p, n);
	return err ? fail(m, err) : 0;
}
