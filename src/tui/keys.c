/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What keys do to the model. */
#include <string.h>

#include "base/utf.h"
#include "tui/model.h"
#include "tui/plain.h"

#define INTERVAL_MIN_MS 100u
#define INTERVAL_MAX_MS 60000u
#define CTRL(c) ((c)&0x1fu)

static void select_row(struct mx_top *t, size_t at)
{
	struct mx_top_pane *p = &t->pane[t->view];

	if (!t->snap || !t->n_rows)
		return;
	p->at = at < t->n_rows ? at : t->n_rows - 1;
	p->chosen = p->at > 0;
	p->selected = mx_top_id(t, t->rows[p->at].index);
}

static size_t back_by(size_t at, size_t n)
{
	return at > n ? at - n : 0;
}

/* Where the key leads from `at`, of n; at for other keys. */
static size_t moved(size_t at, size_t n, size_t page, uint32_t key)
{
	page = page ? page : 1;
	switch (key) {
	case MX_KEY_UP:
	case 'k':
		return back_by(at, 1);
	case MX_KEY_DOWN:
	case 'j':
		return at + 1 < n ? at + 1 : at;
	case MX_KEY_PAGE_UP:
		return back_by(at, page);
	case MX_KEY_PAGE_DOWN:
		return at + page < n ? at + page : n ? n - 1 : 0;
	case MX_KEY_HOME:
	case 'g':
		return 0;
	case MX_KEY_END:
	case 'G':
		return n ? n - 1 : 0;
	default:
		return at;
	}
}

static void show(struct mx_top *t, enum mx_top_view v)
{
	if (v == MX_TOP_FINDINGS && t->view != MX_TOP_FINDINGS)
		t->back = t->view;
	t->view = v;
	t->page = MX_PAGE_TABLE;
	t->fresh = true;
}

static void next_sort(struct mx_top *t, int by)
{
	struct mx_top_pane *p = &t->pane[t->view];
	size_t n;

	mx_top_columns(t->view, &n);
	p->sort = (unsigned)((p->sort + n + (size_t)by) % n);
	p->reverse = false;
	t->fresh = true;
}

static void drop_last_character(char *s)
{
	size_t n = strlen(s);

	while (n && ((unsigned char)s[n - 1] & 0xc0) == 0x80)
		n--;
	if (n)
		n--;
	s[n] = '\0';
}

static void type_filter(struct mx_top *t, uint32_t key)
{
	size_t n = strlen(t->filter);
	char enc[4];
	size_t len;

	t->fresh = true;
	if (key == MX_KEY_ENTER) {
		t->typing = false;
	} else if (key == MX_KEY_ESCAPE) {
		t->typing = false;
		t->filter[0] = '\0';
	} else if (key == MX_KEY_BACKSPACE) {
		drop_last_character(t->filter);
	} else if (key == CTRL('u')) {
		t->filter[0] = '\0';
	} else if (key < 0x110000 && mx_plain_safe(key)) {
		len = mx_utf8_put(key, enc);
		if (n + len < sizeof(t->filter)) {
			memcpy(t->filter + n, enc, len);
			t->filter[n + len] = '\0';
		}
	}
}

static void set_interval(struct mx_top *t, bool longer)
{
	unsigned ms = longer ? t->interval_ms * 2 : t->interval_ms / 2;

	t->interval_ms = ms < INTERVAL_MIN_MS   ? INTERVAL_MIN_MS
			 : ms > INTERVAL_MAX_MS ? INTERVAL_MAX_MS
						: ms;
}

static void page_key(struct mx_top *t, uint32_t key)
{
	switch (key) {
	case MX_KEY_ENTER:
	case MX_KEY_ESCAPE:
	case MX_KEY_BACKSPACE:
	case '?':
	case 'h':
		t->page = MX_PAGE_TABLE;
		break;
	default:
		t->scroll = moved(t->scroll, t->n_text, t->body, key);
	}
}

static void table_key(struct mx_top *t, uint32_t key)
{
	struct mx_top_pane *p = &t->pane[t->view];

	switch (key) {
	case 's':
	case '>':
		next_sort(t, 1);
		break;
	case '<':
		next_sort(t, -1);
		break;
	case 'r':
		p->reverse = !p->reverse;
		t->fresh = true;
		break;
	case '/':
		t->typing = true;
		break;
	case MX_KEY_ENTER:
		if (t->n_rows) {
			t->page = MX_PAGE_DETAILS;
			t->scroll = 0;
		}
		break;
	case MX_KEY_ESCAPE:
		t->filter[0] = '\0';
		t->fresh = true;
		break;
	default:
		select_row(t, moved(p->at, t->n_rows, t->body, key));
	}
}

/* Keys that mean the same on every page. */
static bool common_key(struct mx_top *t, uint32_t key)
{
	switch (key) {
	case '\t':
		show(t, (enum mx_top_view)((t->view + 1) % MX_TOP_VIEWS));
		return true;
	case MX_KEY_BACKTAB:
		show(t, (enum mx_top_view)((t->view + MX_TOP_VIEWS - 1) %
					   MX_TOP_VIEWS));
		return true;
	case '1':
	case '2':
	case '3':
		show(t, (enum mx_top_view)(key - '1'));
		return true;
	case 'd':
		show(t, t->view == MX_TOP_FINDINGS ? t->back : MX_TOP_FINDINGS);
		return true;
	case ' ':
		t->paused = !t->paused;
		return true;
	case '+':
	case '-':
		set_interval(t, key == '+');
		return true;
	default:
		return false;
	}
}

bool mx_top_key(struct mx_top *t, uint32_t key)
{
	if (t->typing) {
		type_filter(t, key);
		return true;
	}
	if (key == 'q' || key == 'Q')
		return false;
	if (common_key(t, key))
		return true;
	if ((key == '?' || key == 'h') && t->page != MX_PAGE_HELP) {
		t->page = MX_PAGE_HELP;
		t->scroll = 0;
	} else if (t->page != MX_PAGE_TABLE) {
		page_key(t, key);
	} else {
		table_key(t, key);
	}
	return true;
}
