/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model as a screen of a given size:
 *
 *   where, when, how often      ┐ fewer of these on a low screen
 *   capacity in use             │
 *   what goes on, rates         │
 *   what is stuck               │
 *   views, order, filter        ┘
 *   column heads
 *   rows, or a page of text
 *   keys
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/model.h"
#include "tui/plain.h"

#define CELL_MAX 512

/* --- Above the table ---------------------------------------------------- */

static const char *const view_names[MX_TOP_VIEWS] = {"lists", "connections",
						     "processes", "findings"};

static void draw_where(const struct mx_top *t, struct mx_screen *s,
		       const char *path, const char *wall)
{
	char every[32] = "";

	if (*wall)
		snprintf(every, sizeof(every), "  every %.1f s",
			 t->interval_ms / 1000.0);
	mx_screen_addf(s, MX_LOOK_TITLE, "mapiary top  %s  %s%s%s", path, wall,
		       every, t->paused ? "  paused" : "");
}

static void draw_capacity(const struct mx_top *t, struct mx_screen *s)
{
	const struct mx_snap *p = t->snap;
	char ill[64] = "";

	if (t->n_stopped || t->n_dead)
		snprintf(ill, sizeof(ill),
			 " (%" PRIu32 " stopped, %" PRIu32 " dead)",
			 t->n_stopped, t->n_dead);
	mx_screen_addf(s, MX_LOOK_PLAIN,
		       "lists %zu/%" PRIu32 "  connections %zu/%" PRIu32
		       "  servers %zu/%" PRIu32 "  processes %zu/%" PRIu32 "%s",
		       p->n_lists, p->max_lists, p->n_conns, p->max_conns,
		       p->n_peers, p->max_peers, p->n_procs, p->max_procs, ill);
}

static void draw_work(const struct mx_top *t, struct mx_screen *s)
{
	char age[24];

	mx_screen_addf(s, MX_LOOK_PLAIN,
		       "in flight %" PRIu32 ", oldest %s  waiting %" PRIu32
		       "  orphans %" PRIu32
		       "   %.1f round trips/s  %.1f kB/s out  %.1f kB/s in",
		       t->busy,
		       mx_top_age_text(t, t->oldest_ns, age, sizeof(age)),
		       t->waiting, t->orphans, t->trips_s, t->out_s / 1000,
		       t->in_s / 1000);
}

static void draw_health(const struct mx_top *t, struct mx_screen *s)
{
	if (!t->n_errors && !t->n_warnings) {
		mx_screen_add(s, MX_LOOK_PLAIN, "doctor: nothing is stuck");
		return;
	}
	mx_screen_addf(s, t->n_errors ? MX_LOOK_ALARM : MX_LOOK_WARNING,
		       "doctor: %zu stuck, %zu warnings: %s", t->n_errors,
		       t->n_warnings, t->findings[0].text);
}

static void draw_views(const struct mx_top *t, struct mx_screen *s)
{
	const struct mx_top_pane *p = &t->pane[t->view];
	const struct mx_top_column *c;
	char text[256], filter[sizeof(t->filter)];
	size_t n, at = 0;

	c = &mx_top_columns(t->view, &n)[p->sort];
	for (int v = 0; v < MX_TOP_VIEWS; v++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       (int)t->view == v ? "[%s] " : " %s  ",
				       view_names[v]);
	mx_plain(filter, sizeof(filter), t->filter);
	snprintf(text + at, sizeof(text) - at, "  by %s%s  %zu shown%s%s",
		 c->name, c->down != p->reverse ? " down" : " up", t->n_rows,
		 t->filter[0] || t->typing ? "  filter: " : "", filter);
	if (t->typing) {
		s->cursor_row = (int)s->n_lines;
		s->cursor_col = (int)mx_plain_width(text);
	}
	mx_screen_add(s, MX_LOOK_PLAIN, text);
}

/* How many lines stand above the column heads. */
static unsigned head_lines(unsigned rows)
{
	return rows >= 12 ? 5 : rows >= 8 ? 3 : rows >= 5 ? 1 : 0;
}

static void draw_head(const struct mx_top *t, struct mx_screen *s,
		      const char *wall)
{
	unsigned n = head_lines(s->rows);

	if (n >= 3)
		draw_where(t, s, t->snap->path, wall);
	if (n >= 1)
		draw_capacity(t, s);
	if (n >= 5) {
		draw_work(t, s);
		draw_health(t, s);
	}
	if (n >= 3)
		draw_views(t, s);
}

/* --- The table ---------------------------------------------------------- */

/* Which columns there are, and how wide: those with the highest rank go until
 * the rest fits, what is left over goes to the flexible ones. */
static void set_widths(const struct mx_top_column *c, size_t n, unsigned cols,
		       unsigned *width)
{
	unsigned sum = 0, n_flex = 0;

	for (size_t i = 0; i < n; i++) {
		width[i] = c[i].width;
		sum += width[i] + 1;
	}
	while (sum > cols + 1) {
		size_t worst = 0;

		for (size_t i = 1; i < n; i++)
			if (width[i] && c[i].rank >= c[worst].rank)
				worst = i;
		if (!worst)
			break;
		sum -= width[worst] + 1;
		width[worst] = 0;
	}
	for (size_t i = 0; i < n; i++)
		n_flex += width[i] && c[i].flex;
	for (size_t i = 0; i < n && sum < cols + 1 && n_flex; i++) {
		unsigned more;

		if (!width[i] || !c[i].flex)
			continue;
		more = (cols + 1 - sum) / n_flex--;
		width[i] += more;
		sum += more;
	}
}

/* One cell, padded to its width; returns bytes. */
static size_t put_cell(char *dst, size_t cap, const char *text, unsigned width,
		       bool right, bool last)
{
	char fit[CELL_MAX * 4];
	unsigned used = mx_plain_fit(fit, sizeof(fit), text, width);
	int pad = width > used ? (int)(width - used) : 0;
	int n;

	n = snprintf(dst, cap, "%*s%s%*s%s", right ? pad : 0, "", fit,
		     right || last ? 0 : pad, "", last ? "" : " ");
	return n < 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1;
}

#define COLUMNS_MAX 16

struct table {
	const struct mx_top_column *c;
	size_t n, last;
	unsigned width[COLUMNS_MAX];
	char *line;
	size_t cap;
};

static void draw_names(struct mx_top *t, struct mx_screen *s, struct table *tb)
{
	const struct mx_top_pane *p = &t->pane[t->view];
	size_t at = 0;

	for (size_t i = 0; i < tb->n; i++) {
		char name[32];

		if (!tb->width[i])
			continue;
		/* The column that orders is marked, without colours too. */
		snprintf(name, sizeof(name), "%s%s", i == p->sort ? "*" : "",
			 tb->c[i].name);
		at += put_cell(tb->line + at, tb->cap - at, name, tb->width[i],
			       tb->c[i].right, i == tb->last);
	}
	mx_screen_add(s, MX_LOOK_HEAD, tb->line);
}

static void draw_row(struct mx_top *t, struct mx_screen *s, struct table *tb,
		     uint32_t row, enum mx_look look)
{
	char cell[CELL_MAX];
	size_t at = 0;

	for (size_t i = 0; i < tb->n; i++) {
		if (!tb->width[i])
			continue;
		mx_top_cell(t, &tb->c[i], row, cell, sizeof(cell));
		at += put_cell(tb->line + at, tb->cap - at, cell, tb->width[i],
			       tb->c[i].right, i == tb->last);
	}
	mx_screen_add(s, look, tb->line);
}

static int draw_table(struct mx_top *t, struct mx_screen *s, bool one_shot)
{
	struct mx_top_pane *p = &t->pane[t->view];
	size_t cap = ((size_t)s->cols + 80) * MX_PLAIN_BYTES + 64;
	MX_AUTO(mx_free_auto) char *line = malloc(cap);
	struct table tb = {.line = line, .cap = cap};

	if (!line)
		return -1;
	line[0] = '\0';
	tb.c = mx_top_columns(t->view, &tb.n);
	set_widths(tb.c, tb.n, s->cols, tb.width);
	for (size_t i = 0; i < tb.n; i++)
		tb.last = tb.width[i] ? i : tb.last;
	draw_names(t, s, &tb);
	if (p->at < p->first)
		p->first = p->at;
	if (p->at >= p->first + t->body)
		p->first = p->at - t->body + 1;
	if (p->first && p->first + t->body > t->n_rows)
		p->first = t->n_rows > t->body ? t->n_rows - t->body : 0;
	for (size_t i = 0; i < t->body && p->first + i < t->n_rows; i++) {
		uint32_t row = t->rows[p->first + i].index;

		draw_row(t, s, &tb, row,
			 p->first + i == p->at && !one_shot
				 ? MX_LOOK_SELECTED
				 : mx_top_look(t, row));
	}
	return 0;
}

/* --- A page of text ----------------------------------------------------- */

/* Adds one line, broken at spaces where it is too long; skips *skip of the
 * parts.  Returns how many parts there are. */
static size_t add_wrapped(struct mx_screen *s, const char *line, size_t len,
			  size_t *skip, unsigned max)
{
	unsigned cols = s->cols > 8 ? s->cols : 8;
	size_t n = 0, at = 0;

	do {
		size_t take = len - at;
		char part[CELL_MAX * 4];

		if (take > cols) {
			take = cols;
			while (take > cols / 2 && line[at + take] != ' ')
				take--;
			if (take == cols / 2)
				take = cols;
			while (take > 1 &&
			       ((unsigned char)line[at + take] & 0xc0) == 0x80)
				take--;
		}
		if (take >= sizeof(part))
			take = sizeof(part) - 1;
		memcpy(part, line + at, take);
		part[take] = '\0';
		at += take;
		while (at < len && line[at] == ' ')
			at++;
		if (*skip)
			--*skip;
		else if (s->n_lines < max)
			mx_screen_add(s, MX_LOOK_PLAIN, part);
		n++;
	} while (at < len);
	return n;
}

static int draw_page(struct mx_top *t, struct mx_screen *s)
{
	MX_AUTO(mx_free_auto) char *text = mx_top_page_text(t);
	unsigned max = s->n_lines + (unsigned)t->body + 1;
	size_t skip = t->scroll;

	if (!text)
		return -1;
	t->n_text = 0;
	for (const char *p = text, *end; *p; p = end + (*end == '\n')) {
		end = strchrnul(p, '\n');
		t->n_text += add_wrapped(s, p, (size_t)(end - p), &skip, max);
	}
	if (t->scroll >= t->n_text)
		t->scroll = t->n_text ? t->n_text - 1 : 0;
	return 0;
}

/* --- The whole ---------------------------------------------------------- */

static void draw_keys(const struct mx_top *t, struct mx_screen *s)
{
	while (s->n_lines + 1 < s->rows)
		mx_screen_add(s, MX_LOOK_PLAIN, "");
	mx_screen_add(s, MX_LOOK_DIM,
		      t->typing ? "type what user, server or SID contain; "
				  "Enter keeps it, Esc drops it"
		      : t->page == MX_PAGE_TABLE
			      ? "q quit  ? help  Tab 1 2 3 d views  s order  "
				"r reverse  / filter  Enter more  space pause"
			      : "q quit  Esc back  arrows scroll");
}

static void draw_lost(const struct mx_top *t, struct mx_screen *s,
		      const char *wall)
{
	draw_where(t, s, "", wall);
	mx_screen_add(s, MX_LOOK_WARNING, t->trouble);
	mx_screen_add(s, MX_LOOK_PLAIN,
		      "waiting for one; a program that calls MAPIInitialize "
		      "makes it");
}

int mx_top_draw(struct mx_top *t, struct mx_screen *s, unsigned rows,
		unsigned cols, const char *wall, bool one_shot)
{
	unsigned used;
	int err = mx_screen_begin(s, rows, cols);

	if (!err && t->fresh)
		err = mx_top_order(t);
	if (err)
		return err;
	used = head_lines(s->rows) + 1 + (!one_shot && s->rows >= 5);
	t->body = s->rows > used ? s->rows - used : 1;
	if (t->snap)
		draw_head(t, s, wall);
	if (t->page == MX_PAGE_HELP || (t->snap && t->page != MX_PAGE_TABLE))
		err = draw_page(t, s);
	else if (t->snap)
		err = draw_table(t, s, one_shot);
	else
		draw_lost(t, s, wall);
	if (!one_shot && s->rows >= 5)
		draw_keys(t, s);
	return err ? -12 : 0;
}
