/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals are blocked but for the wait, so that they change nothing while a
 * screen is drawn; their handlers set flags.  Those of crashes give the terminal
 * back by hand: the bytes to send were made when it was taken, write() and
 * tcsetattr() may be called from a handler.
 */
#include "tui/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>

#include "tui/model.h"

#define ESCAPE_MS 25

static struct {
	SCREEN *screen;
	bool colours, open;
	bool handlers;
	sigset_t before; /* the mask outside of us */
	struct termios tty;
	char give_back[128]; /* what ends the screen, for crashes */
	size_t n_give_back;
	bool hung_up;
} T;

static volatile sig_atomic_t end_signal, resized, stop_asked, continued;

/* --- Signals ------------------------------------------------------------ */

static void on_end(int sig)
{
	end_signal = sig;
}

static void on_resize(int sig)
{
	(void)sig;
	resized = 1;
}

static void on_stop(int sig)
{
	(void)sig;
	stop_asked = 1;
}

static void on_continue(int sig)
{
	(void)sig;
	continued = 1;
}

/* SA_RESETHAND: the second time is the default's. */
static void on_crash(int sig)
{
	if (T.open) {
		ssize_t n = write(STDOUT_FILENO, T.give_back, T.n_give_back);

		(void)n;
		tcsetattr(STDIN_FILENO, TCSANOW, &T.tty);
	}
	raise(sig);
}

static void handle(int sig, void (*fn)(int), int flags)
{
	struct sigaction sa = {.sa_handler = fn, .sa_flags = flags};

	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

void mx_term_signals(void)
{
	sigset_t set;

	if (T.handlers)
		return;
	T.handlers = true;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGCONT);
	sigprocmask(SIG_BLOCK, &set, &T.before);
	handle(SIGINT, on_end, 0);
	handle(SIGTERM, on_end, 0);
	handle(SIGHUP, on_end, 0);
	handle(SIGQUIT, on_end, 0);
	handle(SIGWINCH, on_resize, 0);
	handle(SIGTSTP, on_stop, 0);
	handle(SIGCONT, on_continue, 0);
	handle(SIGSEGV, on_crash, SA_RESETHAND | SA_NODEFER);
	handle(SIGBUS, on_crash, SA_RESETHAND | SA_NODEFER);
	handle(SIGABRT, on_crash, SA_RESETHAND | SA_NODEFER);
	handle(SIGFPE, on_crash, SA_RESETHAND | SA_NODEFER);
	handle(SIGILL, on_crash, SA_RESETHAND | SA_NODEFER);
}

int mx_term_signal(void)
{
	return end_signal;
}

/* --- Taking and giving back --------------------------------------------- */

static void remember(const char *cap)
{
	size_t n = cap && cap != (char *)-1 ? strlen(cap) : 0;

	/* Padding is for terminals of the past. */
	if (n && !strchr(cap, '$') && T.n_give_back + n < sizeof(T.give_back)) {
		memcpy(T.give_back + T.n_give_back, cap, n);
		T.n_give_back += n;
	}
}

static bool has(const char *cap)
{
	const char *v = tigetstr(cap);

	return v && v != (char *)-1;
}

bool mx_term_usable(void)
{
	const char *term = getenv("TERM");
	bool usable;
	int err;

	if (!term || !*term || setupterm(NULL, STDOUT_FILENO, &err) != OK)
		return false;
	usable = has("cup") && has("clear");
	del_curterm(cur_term);
	return usable;
}

static void set_up_colours(bool colours)
{
	T.colours = colours && has_colors();
	if (!T.colours)
		return;
	start_color();
	use_default_colors();
	init_pair(1, COLOR_RED, -1);
	init_pair(2, COLOR_YELLOW, -1);
}

static void set_up_keys(void)
{
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	intrflush(stdscr, FALSE);
	set_escdelay(ESCAPE_MS);
}

int mx_term_open(bool colours)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
	    tcgetattr(STDIN_FILENO, &T.tty))
		return -ENOTTY;
	mx_term_signals();
	T.screen = newterm(NULL, stdout, stdin);
	if (!T.screen)
		return -EINVAL;
	T.n_give_back = 0;
	remember(tigetstr("sgr0"));
	remember(tigetstr("rmkx"));
	remember(tigetstr("cnorm"));
	remember(tigetstr("rmcup"));
	/* ncurses has put its own in place of SIGTSTP's and SIGWINCH's. */
	handle(SIGTSTP, on_stop, 0);
	handle(SIGWINCH, on_resize, 0);
	set_up_keys();
	set_up_colours(colours);
	curs_set(0);
	T.open = true;
	resized = 1;
	return 0;
}

void mx_term_close(void)
{
	if (!T.open)
		return;
	T.open = false;
	if (!T.hung_up) {
		curs_set(1);
		endwin();
	}
	delscreen(T.screen);
	T.screen = NULL;
}

/* Ctrl-Z: the terminal is the shell's until we are continued. */
static void stop_for_a_while(void)
{
	sigset_t set;

	stop_asked = 0;
	if (T.open)
		endwin();
	handle(SIGTSTP, SIG_DFL, 0);
	raise(SIGTSTP);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL); /* here we stop, and go on */
	sigprocmask(SIG_BLOCK, &set, NULL);
	handle(SIGTSTP, on_stop, 0);
	continued = 1;
}

/* --- Waiting ------------------------------------------------------------ */

static uint32_t key_of(wint_t c, bool function)
{
	static const struct {
		wint_t curses;
		uint32_t key;
	} keys[] = {
		{KEY_UP, MX_KEY_UP},
		{KEY_DOWN, MX_KEY_DOWN},
		{KEY_PPAGE, MX_KEY_PAGE_UP},
		{KEY_NPAGE, MX_KEY_PAGE_DOWN},
		{KEY_HOME, MX_KEY_HOME},
		{KEY_END, MX_KEY_END},
		{KEY_A1, MX_KEY_HOME},
		{KEY_C1, MX_KEY_END},
		{KEY_ENTER, MX_KEY_ENTER},
		{KEY_BACKSPACE, MX_KEY_BACKSPACE},
		{KEY_BTAB, MX_KEY_BACKTAB},
		{KEY_LEFT, '<'},
		{KEY_RIGHT, '>'},
	};

	if (function) {
		for (size_t i = 0; i < MX_ARRAY_SIZE(keys); i++)
			if (keys[i].curses == c)
				return keys[i].key;
		return 0;
	}
	switch (c) {
	case '\r':
	case '\n':
		return MX_KEY_ENTER;
	case 27:
		return MX_KEY_ESCAPE;
	case 8:
	case 127:
		return MX_KEY_BACKSPACE;
	default:
		return (uint32_t)c;
	}
}

/* A key that was typed already; 0: none. */
static uint32_t typed(void)
{
	wint_t c;
	int r;

	if (!T.open)
		return 0;
	do {
		r = get_wch(&c);
		if (r == ERR)
			return 0;
	} while (r == KEY_CODE_YES && c == KEY_RESIZE);
	return key_of(c, r == KEY_CODE_YES);
}

static bool take_flag(volatile sig_atomic_t *flag)
{
	bool was = *flag;

	*flag = 0;
	return was;
}

static bool pending(enum mx_term_event *ret)
{
	if (stop_asked)
		stop_for_a_while();
	if (end_signal) {
		*ret = MX_TERM_END;
		return true;
	}
	/* Both flags, or one would be left for the next time. */
	if (take_flag(&resized) | take_flag(&continued)) {
		*ret = MX_TERM_RESIZED;
		return true;
	}
	return false;
}

enum mx_term_event mx_term_wait(int64_t timeout_ms, uint32_t *ret_key)
{
	struct pollfd p = {.fd = T.open ? STDIN_FILENO : -1, .events = POLLIN};
	struct timespec ts = {.tv_sec = timeout_ms / 1000,
			      .tv_nsec = timeout_ms % 1000 * 1000000};
	enum mx_term_event e;
	int r;

	*ret_key = typed();
	if (*ret_key)
		return MX_TERM_KEY;
	if (pending(&e))
		return e;
	r = ppoll(&p, 1, timeout_ms < 0 ? NULL : &ts, &T.before);
	if (pending(&e))
		return e;
	if (r <= 0)
		return MX_TERM_TIMEOUT;
	*ret_key = typed();
	if (*ret_key)
		return MX_TERM_KEY;
	if (p.revents & (POLLHUP | POLLERR | POLLNVAL)) {
		T.hung_up = true;
		return MX_TERM_END;
	}
	return MX_TERM_TIMEOUT;
}

/* --- Drawing ------------------------------------------------------------ */

void mx_term_size(unsigned *ret_rows, unsigned *ret_cols)
{
	struct winsize w = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_row || !w.ws_col) {
		w.ws_row = T.open && LINES > 0 ? (unsigned short)LINES : 24;
		w.ws_col = T.open && COLS > 0 ? (unsigned short)COLS : 80;
	}
	*ret_rows = w.ws_row;
	*ret_cols = w.ws_col;
}

static attr_t attributes(enum mx_look look)
{
	switch (look) {
	case MX_LOOK_TITLE:
		return A_BOLD;
	case MX_LOOK_HEAD:
		return A_REVERSE;
	case MX_LOOK_SELECTED:
		return A_REVERSE | A_BOLD;
	case MX_LOOK_WARNING:
		return T.colours ? COLOR_PAIR(2) : A_BOLD;
	case MX_LOOK_ALARM:
		return T.colours ? A_BOLD | COLOR_PAIR(1) : A_BOLD;
	default:
		return A_NORMAL;
	}
}

static bool across(enum mx_look look)
{
	return look == MX_LOOK_HEAD || look == MX_LOOK_SELECTED;
}

void mx_term_draw(const struct mx_screen *s, bool all)
{
	if (all) {
		unsigned rows, cols;

		mx_term_size(&rows, &cols);
		if (is_term_resized((int)rows, (int)cols))
			resizeterm((int)rows, (int)cols);
		clearok(stdscr, TRUE);
	}
	erase();
	for (unsigned i = 0; i < s->n_lines && (int)i < LINES; i++) {
		attr_t a = attributes(s->look[i]);

		attrset(a);
		mvaddstr((int)i, 0, mx_screen_line(s, i));
		/* To the edge, but not into the corner, which would scroll. */
		if (across(s->look[i]))
			mvchgat((int)i, 0, -1, a, (short)PAIR_NUMBER(a), NULL);
	}
	attrset(A_NORMAL);
	if (s->cursor_row >= 0 && s->cursor_col < COLS &&
	    s->cursor_row < LINES) {
		curs_set(1);
		move(s->cursor_row, s->cursor_col);
	} else {
		curs_set(0);
		move(LINES - 1, 0);
	}
	refresh();
}
