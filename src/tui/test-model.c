/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What top shows and what keys do, without a terminal: screens as text. */
#include "tui/model.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/test.h"
#include "tui/plain.h"

#define NOW (1000 * (uint64_t)MX_NS_PER_S)
#define N_MAX 64

/* A picture made by hand: n users with a connection each. */
struct picture {
	struct mx_snap s;
	struct mx_snap_proc procs[2];
	struct mx_snap_list lists[N_MAX];
	struct mx_snap_peer peers[N_MAX];
	struct mx_snap_conn conns[N_MAX];
};

static void add_user(struct picture *p, const char *name, const char *server)
{
	uint32_t i = (uint32_t)p->s.n_lists++;

	p->lists[i] = (struct mx_snap_list){.slot = i,
					    .gen = 1,
					    .sid = mx_sid_unix(1000 + i),
					    .crc = 0x1000 + i,
					    .created_ns = NOW - MX_NS_PER_S,
					    .n_procs = 1,
					    .n_conns = 1,
					    .first_conn = i,
					    .first_peer = i};
	snprintf(p->lists[i].name, sizeof(p->lists[i].name), "%s", name);
	p->peers[p->s.n_peers++] = (struct mx_snap_peer){.slot = i,
							 .list = i,
							 .next = UINT32_MAX,
							 .health = MX_HEALTH_OK,
							 .limit = {32, 32},
							 .used = {1, 0}};
	snprintf(p->peers[i].server, sizeof(p->peers[i].server), "%s", server);
	p->conns[p->s.n_conns++] =
		(struct mx_snap_conn){.slot = i,
				      .list = i,
				      .peer = i,
				      .next = UINT32_MAX,
				      .gen = 1,
				      .state = MX_SNAP_OPEN,
				      .opened_ns = NOW - MX_NS_PER_S,
				      .n_logons = 1};
}

static void begin(struct picture *p)
{
	memset(p, 0, sizeof(*p));
	mx_plain_set_utf8(true);
	p->s = (struct mx_snap){.taken_ns = NOW,
				.path = "/dev/shm/segment",
				.max_procs = 256,
				.max_lists = 100,
				.max_conns = 100,
				.max_peers = 100,
				.n_free_lists = 90,
				.n_free_conns = 90,
				.n_free_peers = 90,
				.n_procs = 1,
				.procs = p->procs,
				.lists = p->lists,
				.peers = p->peers,
				.conns = p->conns};
	p->procs[0] = (struct mx_snap_proc){.gen = 1,
					    .alive = true,
					    .pid = 4711,
					    .max_sessions = 32,
					    .attached_ns = NOW - MX_NS_PER_S,
					    .beat_ns = NOW - MX_NS_PER_MS,
					    .name = "archiver"};
}

static void busy(struct picture *p, uint32_t conn, const char *op, int64_t ms)
{
	struct mx_snap_op *o = &p->conns[conn].op[MX_OP_CALL];

	o->active = true;
	o->since_ns = NOW - (uint64_t)(ms * MX_NS_PER_MS);
	snprintf(o->name, sizeof(o->name), "%s", op);
	snprintf(o->waiting_on, sizeof(o->waiting_on), "answer");
}

static void type(struct mx_top *t, const char *keys)
{
	for (; *keys; keys++)
		assert_true(mx_top_key(t, (unsigned char)*keys));
}

/* The screen as one text, lines ended by '\n'. */
static const char *screen(struct mx_top *t, unsigned rows, unsigned cols)
{
	static char text[200000];
	struct mx_screen s = MX_SCREEN_INIT;
	size_t at = 0;

	assert_int_equal(mx_top_draw(t, &s, rows, cols, "12:00:00", false), 0);
	assert_true(s.n_lines <= rows);
	text[0] = '\0';
	for (unsigned i = 0; i < s.n_lines; i++) {
		assert_true(mx_plain_width(mx_screen_line(&s, i)) <= cols);
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s\n",
				       mx_screen_line(&s, i));
		assert_true(at < sizeof(text));
	}
	mx_screen_fini(&s);
	return text;
}

static const char *selected(struct mx_top *t)
{
	struct mx_top_pane *p = &t->pane[t->view];

	assert_true(p->at < t->n_rows);
	return t->snap->lists[t->rows[p->at].index].name;
}

static bool before(const char *text, const char *a, const char *b)
{
	const char *pa = strstr(text, a), *pb = strstr(text, b);

	assert_non_null(pa);
	assert_non_null(pb);
	return pa < pb;
}

/* --- What is shown ------------------------------------------------------ */

static void test_a_user_is_a_row(void **state)
{
	struct picture p;
	struct mx_top t;
	const char *text;

	begin(&p);
	add_user(&p, "anna", "mail.example:443");
	busy(&p, 0, "Execute", 1500);
	mx_top_init(&t);
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	text = screen(&t, 24, 160);
	assert_non_null(strstr(text, "/dev/shm/segment  12:00:00"));
	assert_non_null(strstr(text, "lists 1/100  connections 1/100"));
	assert_non_null(strstr(text, "in flight 1, oldest 1.5 s"));
	assert_non_null(strstr(text, "nothing is stuck"));
	assert_non_null(strstr(text, "anna "));
	assert_non_null(strstr(text, "00001000"));
	assert_non_null(strstr(text, "Execute: answer"));
	assert_non_null(strstr(text, "1/32"));
	mx_top_fini(&t);
}

static void test_rates_are_what_happened_since_the_last_look(void **state)
{
	struct picture p;
	struct mx_top t;

	begin(&p);
	add_user(&p, "anna", "a:1");
	p.conns[0].round_trips = 1000;
	mx_top_init(&t);
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	assert_true(t.trips_s == 0);
	p.conns[0].round_trips = 1010;
	p.conns[0].bytes_in = 4000;
	p.s.taken_ns += 2 * (uint64_t)MX_NS_PER_S;
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	assert_true(t.trips_s > 4.99 && t.trips_s < 5.01);
	assert_true(t.in_s > 1999 && t.in_s < 2001);
	/* Another connection in the same record begins at nothing. */
	p.conns[0].gen = 2;
	p.conns[0].round_trips = 4;
	p.conns[0].bytes_in = 0;
	p.s.taken_ns += 2 * (uint64_t)MX_NS_PER_S;
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	assert_true(t.trips_s > 1.99 && t.trips_s < 2.01);
	mx_top_fini(&t);
}

static void test_stopped_and_dead_processes_are_told_apart(void **state)
{
	struct picture p;
	struct mx_top t;
	const char *text;

	begin(&p);
	p.s.n_procs = 2;
	p.procs[0].beat_ns = NOW - 60 * (uint64_t)MX_NS_PER_S;
	p.procs[1] = (struct mx_snap_proc){.slot = 1, .gen = 3, .pid = 4712};
	mx_top_init(&t);
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	type(&t, "3");
	text = screen(&t, 24, 100);
	assert_non_null(strstr(text, "(1 stopped, 1 dead)"));
	assert_non_null(strstr(text, "doctor: 2 stuck"));
	assert_non_null(strstr(text, "no process runs: 1 are stopped, 1 are "));
	assert_non_null(strstr(strstr(text, "4711"), "stopped"));
	assert_non_null(strstr(strstr(text, "4712"), "dead"));
	mx_top_fini(&t);
}

static void test_details_show_everything_of_a_user(void **state)
{
	struct picture p;
	struct mx_top t;
	const char *text;

	begin(&p);
	add_user(&p, "anna", "mail.example:443");
	busy(&p, 0, "RopSubmitMessage", 2000);
	p.conns[0].last_err = -71;
	p.conns[0].last_code = 10;
	p.conns[0].last_err_ns = NOW - 3 * (uint64_t)MX_NS_PER_S;
	p.peers[0].until_ns = NOW + 9 * (uint64_t)MX_NS_PER_S;
	p.peers[0].health = MX_HEALTH_BACKOFF;
	mx_top_init(&t);
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	screen(&t, 40, 120);
	assert_true(mx_top_key(&t, MX_KEY_ENTER));
	text = screen(&t, 40, 120);
	assert_non_null(strstr(text, "S-1-22-1-1000, CRC 00001000"));
	assert_non_null(strstr(text, "held back for another 9.0 s"));
	assert_non_null(strstr(text, "1 of 32 sessions"));
	assert_non_null(strstr(text, "RopSubmitMessage for 2.0 s"));
	assert_non_null(strstr(text, "last error 3.0 s ago"));
	assert_true(mx_top_key(&t, MX_KEY_ESCAPE));
	assert_null(strstr(screen(&t, 40, 120), "held back for another"));
	mx_top_fini(&t);
}

/* --- Order, filter, selection ------------------------------------------- */

static void test_the_oldest_operation_stands_first(void **state)
{
	struct picture p;
	struct mx_top t;

	begin(&p);
	add_user(&p, "anna", "a:1");
	add_user(&p, "bela", "a:1");
	add_user(&p, "carl", "a:1");
	busy(&p, 1, "Execute", 100);
	busy(&p, 2, "Execute", 9000);
	mx_top_init(&t);
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	assert_true(before(screen(&t, 24, 100), "carl", "bela"));
	assert_true(before(screen(&t, 24, 100), "bela", "anna"));
	type(&t, "r");
	assert_true(before(screen(&t, 24, 100), "anna", "carl"));
	mx_top_fini(&t);
}

static void test_every_column_of_every_view_orders(void **state)
{
	struct picture p;
	struct mx_top t;

	begin(&p);
	add_user(&p, "carl", "b:1");
	add_user(&p, "anna", "c:1");
	add_user(&p, "bela", "a:1");
	mx_top_init(&t);
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	for (int v = 0; v < MX_TOP_VIEWS; v++) {
		size_t n;

		mx_top_columns((enum mx_top_view)v, &n);
		t.view = (enum mx_top_view)v;
		for (size_t i = 0; i < 2 * n; i++) {
			type(&t, i % 2 ? "s" : "r");
			screen(&t, 24, 200);
		}
	}
	t.view = MX_TOP_LISTS;
	t.pane[MX_TOP_LISTS] = (struct mx_top_pane){.sort = 0};
	t.fresh = true;
	assert_true(before(screen(&t, 24, 100), "anna", "bela"));
	assert_true(before(screen(&t, 24, 100), "bela", "carl"));
	mx_top_fini(&t);
}

static void test_the_filter_looks_at_user_server_and_sid(void **state)
{
	struct picture p;
	struct mx_top t;
	const char *text;

	begin(&p);
	add_user(&p, "Anna", "one.example:443");
	add_user(&p, "bela", "two.example:443");
	mx_top_init(&t);
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	type(&t, "/ann");
	text = screen(&t, 24, 100);
	assert_non_null(strstr(text, "Anna"));
	assert_null(strstr(text, "bela"));
	assert_non_null(strstr(text, "1 shown  filter: ann"));
	assert_true(mx_top_key(&t, 'u' & 0x1f));
	type(&t, "TWO.");
	text = screen(&t, 24, 100);
	assert_null(strstr(text, "Anna"));
	assert_non_null(strstr(text, "bela"));
	assert_true(mx_top_key(&t, 'u' & 0x1f));
	type(&t, "-1000");
	text = screen(&t, 24, 100);
	assert_non_null(strstr(text, "Anna"));
	assert_null(strstr(text, "bela"));
	/* q is a letter as long as one types. */
	type(&t, "q");
	assert_string_equal(t.filter, "-1000q");
	assert_true(mx_top_key(&t, MX_KEY_BACKSPACE));
	assert_string_equal(t.filter, "-1000");
	assert_true(mx_top_key(&t, MX_KEY_ENTER));
	assert_true(mx_top_key(&t, MX_KEY_ESCAPE));
	assert_non_null(strstr(screen(&t, 24, 100), "bela"));
	assert_false(mx_top_key(&t, 'q'));
	mx_top_fini(&t);
}

static void test_a_filter_takes_whole_characters_and_no_control(void **state)
{
	struct mx_top t;

	mx_plain_set_utf8(true);
	mx_top_init(&t);
	type(&t, "/");
	for (int i = 0; i < 100; i++)
		assert_true(mx_top_key(&t, 0x5f20));
	assert_int_equal(strlen(t.filter), 63);
	assert_true(mx_top_key(&t, MX_KEY_BACKSPACE));
	assert_int_equal(strlen(t.filter), 60);
	assert_true(mx_top_key(&t, 0x9b));
	assert_true(mx_top_key(&t, 7));
	assert_int_equal(strlen(t.filter), 60);
	mx_top_fini(&t);
}

static void test_the_selection_stays_with_its_user(void **state)
{
	struct picture p;
	struct mx_top t;

	begin(&p);
	add_user(&p, "anna", "a:1");
	add_user(&p, "bela", "a:1");
	add_user(&p, "carl", "a:1");
	mx_top_init(&t);
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	screen(&t, 24, 100);
	assert_true(mx_top_key(&t, MX_KEY_DOWN));
	assert_string_equal(selected(&t), "bela");
	busy(&p, 1, "Execute", 100);
	busy(&p, 2, "Execute", 9000);
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	screen(&t, 24, 100);
	assert_string_equal(selected(&t), "bela");
	/* Gone: whoever stands there now. */
	p.lists[1].gen++;
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	screen(&t, 24, 100);
	assert_true(t.pane[MX_TOP_LISTS].at < t.n_rows);
	mx_top_fini(&t);
}

static void test_a_long_table_scrolls_with_the_selection(void **state)
{
	struct picture p;
	struct mx_top t;
	char name[16];

	begin(&p);
	for (int i = 0; i < N_MAX; i++) {
		snprintf(name, sizeof(name), "user%02d", i);
		add_user(&p, name, "a:1");
	}
	mx_top_init(&t);
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	assert_null(strstr(screen(&t, 20, 80), "user63"));
	assert_true(mx_top_key(&t, MX_KEY_END));
	assert_non_null(strstr(screen(&t, 20, 80), "user63"));
	assert_null(strstr(screen(&t, 20, 80), "user00"));
	assert_true(mx_top_key(&t, MX_KEY_PAGE_UP));
	screen(&t, 20, 80);
	assert_string_equal(selected(&t), "user50");
	assert_true(mx_top_key(&t, MX_KEY_HOME));
	assert_non_null(strstr(screen(&t, 20, 80), "user00"));
	/* Most of them go while one stands at the end. */
	assert_true(mx_top_key(&t, MX_KEY_END));
	screen(&t, 20, 80);
	p.s.n_lists = p.s.n_peers = p.s.n_conns = 3;
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	assert_non_null(strstr(screen(&t, 20, 80), "user00"));
	p.s.n_lists = p.s.n_peers = p.s.n_conns = 0;
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	screen(&t, 20, 80);
	assert_true(mx_top_key(&t, MX_KEY_DOWN));
	assert_true(mx_top_key(&t, MX_KEY_ENTER));
	screen(&t, 20, 80);
	mx_top_fini(&t);
}

static void test_keys_pause_and_set_the_interval(void **state)
{
	struct mx_top t;

	mx_top_init(&t);
	type(&t, " ");
	assert_true(t.paused);
	type(&t, " ");
	assert_false(t.paused);
	type(&t, "+");
	assert_int_equal(t.interval_ms, 2000);
	type(&t, "-----------");
	assert_int_equal(t.interval_ms, 100);
	type(&t, "++++++++++++");
	assert_int_equal(t.interval_ms, 60000);
	mx_top_fini(&t);
}

static void press(struct mx_top *t, uint32_t key)
{
	assert_true(mx_top_key(t, key));
	screen(t, 20, 80);
}

/* Every key that the help names, where it leads. */
static void test_every_key_does_what_the_help_says(void **state)
{
	static const struct {
		uint32_t key;
		const char *to; /* from user20, with a page of 16 */
	} moves[] = {
		{MX_KEY_DOWN, "user21"}, {'j', "user21"},
		{MX_KEY_UP, "user19"},   {'k', "user19"},
		{MX_KEY_HOME, "user00"}, {'g', "user00"},
		{MX_KEY_END, "user63"},  {'G', "user63"},
	};
	struct picture p;
	struct mx_top t;
	char name[16];
	size_t page;

	begin(&p);
	for (int i = 0; i < N_MAX; i++) {
		snprintf(name, sizeof(name), "user%02d", i);
		add_user(&p, name, "a:1");
	}
	mx_top_init(&t);
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	screen(&t, 20, 80);
	for (size_t i = 0; i < MX_ARRAY_SIZE(moves); i++) {
		press(&t, MX_KEY_HOME);
		for (int k = 0; k < 20; k++)
			press(&t, 'j');
		assert_string_equal(selected(&t), "user20");
		press(&t, moves[i].key);
		assert_string_equal(selected(&t), moves[i].to);
	}
	press(&t, MX_KEY_HOME);
	page = t.body;
	assert_in_range(page, 5, 19);
	press(&t, MX_KEY_PAGE_DOWN);
	assert_int_equal(t.pane[MX_TOP_LISTS].at, page);
	press(&t, MX_KEY_PAGE_UP);
	assert_int_equal(t.pane[MX_TOP_LISTS].at, 0);

	for (int v = 1; v <= MX_TOP_VIEWS; v++) {
		press(&t, '\t');
		assert_int_equal(t.view, v % MX_TOP_VIEWS);
	}
	for (int v = MX_TOP_VIEWS - 1; v >= 0; v--) {
		press(&t, MX_KEY_BACKTAB);
		assert_int_equal(t.view, v);
	}
	for (int v = MX_TOP_PROCS; v >= MX_TOP_LISTS; v--) {
		press(&t, '1' + (uint32_t)v);
		assert_int_equal(t.view, v);
	}
	press(&t, 's');
	press(&t, '>');
	press(&t, '<');
	press(&t, 'r');
	assert_true(t.pane[MX_TOP_LISTS].reverse);
	press(&t, '<');
	assert_false(t.pane[MX_TOP_LISTS].reverse);
	press(&t, MX_KEY_ENTER);
	assert_int_equal(t.page, MX_PAGE_DETAILS);
	press(&t, MX_KEY_ESCAPE);
	assert_int_equal(t.page, MX_PAGE_TABLE);
	for (const char *help = "?h"; *help; help++) {
		press(&t, (uint32_t)*help);
		assert_int_equal(t.page, MX_PAGE_HELP);
		press(&t, MX_KEY_DOWN);
		assert_int_equal(t.scroll, 1);
		press(&t, MX_KEY_END);
		assert_true(t.scroll > 1);
		press(&t, MX_KEY_HOME);
		assert_int_equal(t.scroll, 0);
		press(&t, (uint32_t)*help);
		assert_int_equal(t.page, MX_PAGE_TABLE);
	}
	assert_false(mx_top_key(&t, 'Q'));
	assert_false(mx_top_key(&t, 'q'));
	mx_top_fini(&t);
}

static void test_d_shows_findings_and_leads_back(void **state)
{
	struct picture p;
	struct mx_top t;
	const char *text;

	begin(&p);
	add_user(&p, "anna", "mail.example:443");
	busy(&p, 0, "Execute", 60000);
	mx_top_init(&t);
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	type(&t, "2d");
	text = screen(&t, 24, 120);
	assert_non_null(strstr(text, "Execute for anna (S-1-22-1-1000)"));
	assert_true(mx_top_key(&t, MX_KEY_ENTER));
	text = screen(&t, 24, 120);
	assert_non_null(strstr(text, "whose: the server mail.example:443"));
	assert_non_null(strstr(text, "do: the server has not answered"));
	type(&t, "d");
	assert_int_equal(t.view, MX_TOP_CONNS);
	mx_top_fini(&t);
}

/* --- Sizes, names ------------------------------------------------------- */

static void test_any_size_is_drawn(void **state)
{
	static const unsigned sizes[] = {1,  2,  3,   4,   5,   7,  8,
					 11, 12, 13,  24,  40,  79, 80,
					 81, 99, 132, 400, 1000};
	struct picture p;
	struct mx_top t;

	begin(&p);
	for (int i = 0; i < 30; i++)
		add_user(&p, "J\u00fcrgen \u5f20\u4f1f \u5f20\u4f1f", "m:443");
	busy(&p, 0, "Execute", 60000);
	mx_top_init(&t);
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	for (size_t r = 0; r < MX_ARRAY_SIZE(sizes); r++)
		for (size_t c = 0; c < MX_ARRAY_SIZE(sizes); c++)
			for (int v = 0; v < MX_TOP_VIEWS; v++) {
				if (sizes[r] * sizes[c] > 40000)
					continue;
				t.view = (enum mx_top_view)v;
				t.fresh = true;
				t.page = MX_PAGE_TABLE;
				screen(&t, sizes[r], sizes[c]);
				t.page = MX_PAGE_DETAILS;
				screen(&t, sizes[r], sizes[c]);
				t.page = MX_PAGE_HELP;
				screen(&t, sizes[r], sizes[c]);
				t.scroll = 5;
				screen(&t, sizes[r], sizes[c]);
			}
	mx_top_fini(&t);
}

static void test_names_cannot_reach_the_terminal(void **state)
{
	struct picture p;
	struct mx_top t;

	begin(&p);
	add_user(&p,
		 "\x1b[2J\nroot\x9b"
		 "31m\u202e",
		 "\x1b]0;x\x07:1");
	busy(&p, 0, "\x1b[31mExecute", 60000);
	strcpy(p.procs[0].name, "a\x1b"
				"cb");
	strcpy(p.s.path, "/tmp/\x1b[31m");
	mx_top_init(&t);
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	for (int v = 0; v < MX_TOP_VIEWS; v++)
		for (int page = 0; page < 2; page++) {
			const char *text;

			t.view = (enum mx_top_view)v;
			t.fresh = true;
			t.page = (enum mx_top_page)page;
			text = screen(&t, 40, 200);
			assert_null(strchr(text, 0x1b));
			assert_null(strchr(text, 7));
			assert_null(strstr(text, "\x9b"));
			assert_null(strstr(text, "\u202e"));
			assert_null(strstr(text, "\nroot"));
		}
	mx_top_fini(&t);
}

static void test_without_a_segment_it_says_so_and_comes_back(void **state)
{
	struct picture p;
	struct mx_top t;

	begin(&p);
	add_user(&p, "anna", "a:1");
	mx_top_init(&t);
	mx_top_lost(&t, "there is no segment");
	assert_non_null(strstr(screen(&t, 24, 80), "there is no segment"));
	type(&t, "s2/x");
	assert_true(mx_top_key(&t, MX_KEY_ESCAPE));
	assert_true(mx_top_key(&t, MX_KEY_DOWN));
	assert_true(mx_top_key(&t, MX_KEY_ENTER));
	screen(&t, 24, 80);
	assert_int_equal(mx_top_take(&t, &p.s), 0);
	assert_non_null(strstr(screen(&t, 24, 80), "anna"));
	mx_top_lost(&t, "gone");
	assert_null(strstr(screen(&t, 24, 80), "anna"));
	mx_top_fini(&t);
}

MX_TEST_MAIN(MX_TEST(test_a_user_is_a_row),
	     MX_TEST(test_rates_are_what_happened_since_the_last_look),
	     MX_TEST(test_stopped_and_dead_processes_are_told_apart),
	     MX_TEST(test_details_show_everything_of_a_user),
	     MX_TEST(test_the_oldest_operation_stands_first),
	     MX_TEST(test_every_column_of_every_view_orders),
	     MX_TEST(test_the_filter_looks_at_user_server_and_sid),
	     MX_TEST(test_a_filter_takes_whole_characters_and_no_control),
	     MX_TEST(test_the_selection_stays_with_its_user),
	     MX_TEST(test_a_long_table_scrolls_with_the_selection),
	     MX_TEST(test_keys_pause_and_set_the_interval),
	     MX_TEST(test_every_key_does_what_the_help_says),
	     MX_TEST(test_d_shows_findings_and_leads_back),
	     MX_TEST(test_any_size_is_drawn),
	     MX_TEST(test_names_cannot_reach_the_terminal),
	     MX_TEST(test_without_a_segment_it_says_so_and_comes_back))
