/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `mapiary top`: the segment as it changes.  This is the loop: look at the
 * segment when it is time, hand keys to the model, draw.  A segment that is not
 * there, cannot be read or is replaced by another is waited for.
 */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "connlist/snapshot.h"
#include "tui/model.h"
#include "tui/plain.h"
#include "tui/terminal.h"

struct look {
	const char *segment;
	bool once;
	unsigned rows, cols; /* 0: as the terminal says */
	struct mx_snap_src *src;
	struct mx_snap snap;
	struct mx_top top;
	struct mx_screen screen;
	mx_mono next;
};

static int usage(FILE *to, int status)
{
	fputs("usage: mapiary top [--once] [--segment FILE] [--interval "
	      "SECONDS]\n"
	      "                   [--view NAME] [--filter TEXT] [--rows N] "
	      "[--width N]\n"
	      "\n"
	      "Shows connection lists, connections, operations in flight and "
	      "how long they have\n"
	      "taken, budgets, health, and what is stuck, as they change; ? "
	      "shows the keys.\n"
	      "\n"
	      "  --once              print one screen and end; needs no "
	      "terminal\n"
	      "  --segment FILE      default: MAPIARY_SEGMENT, else "
	      "/dev/shm/mapiary-UID\n"
	      "  --interval SECONDS  between two looks: 0.1 to 60 (1)\n"
	      "  --view NAME         lists, connections, processes or "
	      "findings (lists)\n"
	      "  --filter TEXT       only rows whose user, server or SID "
	      "contain it\n"
	      "  --rows N, --width N size of the screen that --once prints\n"
	      "\n"
	      "Colours are used where the terminal has them, unless NO_COLOR "
	      "is set.\n",
	      to);
	return status;
}

/* --- Looking ------------------------------------------------------------ */

static void drop_source(struct look *lk, const char *why)
{
	mx_top_lost(&lk->top, why);
	mx_snap_close(lk->src);
	lk->src = NULL;
}

/* One look.  What cannot be read is said on the screen.  0, or what is wrong. */
static int sample(struct look *lk)
{
	struct mx_fault fault = MX_FAULT_INIT;
	int r = 0;

	/* Replaced meanwhile: the new one, at once. */
	for (int i = 0; i < 2; i++) {
		if (!lk->src)
			r = mx_snap_open(lk->segment, &lk->src, &fault);
		if (!r)
			r = mx_snap_take(lk->src, &lk->snap);
		if (!r)
			return mx_top_take(&lk->top, &lk->snap);
		drop_source(lk, fault.text[0]   ? fault.text
				: r == -EBADMSG ? "the segment was cut off"
				: r == -ENOENT  ? "there is no segment"
						: strerror(-r));
		if (r != -ENOENT)
			break;
		r = 0;
	}
	return r ? r : -ENOENT;
}

static const char *time_of_day(char buf[16])
{
	time_t now = time(NULL);
	struct tm tm;

	if (!localtime_r(&now, &tm) || !strftime(buf, 16, "%H:%M:%S", &tm))
		buf[0] = '\0';
	return buf;
}

static unsigned from_environment(const char *name, unsigned def)
{
	const char *v = getenv(name);
	char *end;
	unsigned long n = v ? strtoul(v, &end, 10) : 0;

	return v && *v && !*end && n >= 1 && n <= MX_SCREEN_MAX ? (unsigned)n
								: def;
}

/* --- Printing ----------------------------------------------------------- */

static int print_screen(struct look *lk)
{
	char wall[16];

	if (mx_top_draw(&lk->top, &lk->screen,
			lk->rows ? lk->rows : from_environment("LINES", 24),
			lk->cols ? lk->cols : from_environment("COLUMNS", 80),
			lk->once ? "" : time_of_day(wall), true))
		return mx_cli_fail("top", "out of memory");
	for (unsigned i = 0; i < lk->screen.n_lines; i++)
		puts(mx_screen_line(&lk->screen, i));
	fflush(stdout);
	return ferror(stdout) ? MX_EXIT_FAILED : MX_EXIT_OK;
}

static int once(struct look *lk)
{
	if (sample(lk))
		return mx_cli_fail("top", "%s", lk->top.trouble);
	return print_screen(lk);
}

static int64_t time_left(const struct look *lk)
{
	int64_t ns = lk->next.ns - mx_mono_now().ns;

	return ns <= 0 ? 0 : (ns + MX_NS_PER_MS - 1) / MX_NS_PER_MS;
}

static void look_again_later(struct look *lk)
{
	lk->next = mx_mono_in_ms(lk->top.interval_ms);
}

/* For terminals that cannot move their cursor: one screen under another. */
static int one_under_another(struct look *lk)
{
	int status = MX_EXIT_OK;
	uint32_t key;

	mx_term_signals();
	while (!status) {
		(void)sample(lk);
		status = print_screen(lk);
		if (!status)
			putchar('\n');
		look_again_later(lk);
		while (time_left(lk))
			if (mx_term_wait(time_left(lk), &key) == MX_TERM_END)
				return status;
	}
	return status;
}

/* --- Live --------------------------------------------------------------- */

static int draw(struct look *lk, bool all)
{
	unsigned rows, cols;
	char wall[16];
	int err;

	mx_term_size(&rows, &cols);
	err = mx_top_draw(&lk->top, &lk->screen, rows, cols, time_of_day(wall),
			  false);
	if (!err)
		mx_term_draw(&lk->screen, all);
	return err;
}

/* One event.  False: the end. */
static bool step(struct look *lk, bool *ret_all)
{
	uint32_t key = 0;
	unsigned before = lk->top.interval_ms;

	*ret_all = false;
	switch (mx_term_wait(lk->top.paused ? -1 : time_left(lk), &key)) {
	case MX_TERM_KEY:
		if (key == ('l' & 0x1f)) /* as in every program */
			*ret_all = true;
		else if (!mx_top_key(&lk->top, key))
			return false;
		if (lk->top.interval_ms != before)
			look_again_later(lk);
		return true;
	case MX_TERM_RESIZED:
		*ret_all = true;
		return true;
	case MX_TERM_TIMEOUT:
		return true;
	default:
		return false;
	}
}

static int live(struct look *lk)
{
	bool all = true;
	int err = 0;

	if (mx_term_open(!getenv("NO_COLOR") || !*getenv("NO_COLOR")))
		return mx_cli_fail("top", "the terminal cannot be used; --once "
					  "prints one screen");
	do {
		if (!lk->top.paused && !time_left(lk)) {
			err = sample(lk) == -ENOMEM ? -ENOMEM : 0;
			look_again_later(lk);
		}
		err = err ? err : draw(lk, all);
	} while (!err && step(lk, &all));
	mx_term_close();
	if (err)
		return mx_cli_fail("top", "%s", strerror(-err));
	return MX_EXIT_OK;
}

/* Ended by a signal: the shell is told so. */
static int end(int status)
{
	int sig = mx_term_signal();

	if (sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT) {
		sigset_t set;

		signal(sig, SIG_DFL);
		raise(sig);
		sigemptyset(&set);
		sigaddset(&set, sig);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
	return status;
}

/* --- Options ------------------------------------------------------------ */

enum {
	OPT_ONCE = 256,
	OPT_SEGMENT,
	OPT_INTERVAL,
	OPT_VIEW,
	OPT_FILTER,
	OPT_ROWS,
	OPT_WIDTH,
	OPT_HELP
};

static const struct option options[] = {
	{"once", no_argument, NULL, OPT_ONCE},
	{"segment", required_argument, NULL, OPT_SEGMENT},
	{"interval", required_argument, NULL, OPT_INTERVAL},
	{"view", required_argument, NULL, OPT_VIEW},
	{"filter", required_argument, NULL, OPT_FILTER},
	{"rows", required_argument, NULL, OPT_ROWS},
	{"width", required_argument, NULL, OPT_WIDTH},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static int set_interval(struct look *lk, const char *text)
{
	char *end_of_number;
	double s = strtod(text, &end_of_number);

	if (end_of_number == text || *end_of_number || !(s >= 0.1 && s <= 60)) {
		mx_cli_fail("top", "--interval takes 0.1 to 60 seconds, not %s",
			    text);
		return -EINVAL;
	}
	lk->top.interval_ms = (unsigned)(s * 1000);
	return 0;
}

static int set_view(struct look *lk, const char *name)
{
	static const char *const names[MX_TOP_VIEWS] = {
		"lists", "connections", "processes", "findings"};

	for (int v = 0; v < MX_TOP_VIEWS; v++)
		if (!strcmp(name, names[v])) {
			lk->top.view = (enum mx_top_view)v;
			return 0;
		}
	mx_cli_fail("top", "there is no view \"%s\"", name);
	return -EINVAL;
}

static int set_filter(struct look *lk, const char *text)
{
	if (strlen(text) >= sizeof(lk->top.filter)) {
		mx_cli_fail("top", "--filter takes at most %zu bytes",
			    sizeof(lk->top.filter) - 1);
		return -EINVAL;
	}
	strcpy(lk->top.filter, text);
	return 0;
}

static int set_size(const char *option, const char *text, unsigned *ret)
{
	uint64_t n;
	int r = mx_cli_number("top", option, text, 1, MX_SCREEN_MAX, &n);

	if (!r)
		*ret = (unsigned)n;
	return r;
}

static int set_option(struct look *lk, int c)
{
	switch (c) {
	case OPT_ONCE:
		lk->once = true;
		return 0;
	case OPT_SEGMENT:
		lk->segment = optarg;
		return 0;
	case OPT_INTERVAL:
		return set_interval(lk, optarg);
	case OPT_VIEW:
		return set_view(lk, optarg);
	case OPT_FILTER:
		return set_filter(lk, optarg);
	case OPT_ROWS:
		return set_size("--rows", optarg, &lk->rows);
	case OPT_WIDTH:
		return set_size("--width", optarg, &lk->cols);
	default:
		usage(stderr, 0);
		return -EINVAL;
	}
}

static int run(struct look *lk)
{
	mx_plain_setup(STDOUT_FILENO);
	if (lk->once)
		return once(lk);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return mx_cli_fail("top", "stdin and stdout are no terminal; "
					  "--once prints one screen");
	if (!mx_term_usable())
		return end(one_under_another(lk));
	return end(live(lk));
}

int mx_cmd_top(int argc, char **argv)
{
	struct look lk = {.snap = MX_SNAP_INIT, .screen = MX_SCREEN_INIT};
	int c, status;

	mx_top_init(&lk.top);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == OPT_HELP)
			return usage(stdout, MX_EXIT_OK);
		if (set_option(&lk, c))
			return MX_EXIT_USAGE;
	}
	if (optind < argc)
		return usage(stderr, MX_EXIT_USAGE);
	status = run(&lk);
	mx_top_fini(&lk.top);
	mx_screen_fini(&lk.screen);
	mx_snap_fini(&lk.snap);
	mx_snap_close(lk.src);
	return status;
}
