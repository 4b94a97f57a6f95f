/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/gate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"

#define MAX_PAIRS 256
#define PIECE 65536

/* Shared with the gates' process. */
struct board {
	_Atomic int ready; /* 1, or -errno */
	_Atomic int want[GATES_MAX], is[GATES_MAX];
	uint16_t port[GATES_MAX], unanswered;
};

struct gates {
	pid_t pid;
	unsigned n;
	struct board *board;
};

/* ---- In the process ---- */

/* A connection through a gate; fd < 0: none. */
struct pair {
	unsigned gate;
	int client, server;
	/* A piece of an answer that is not passed on yet. */
	char *held;
	size_t n_held;
	mx_mono due;
};

struct world {
	struct board *board;
	unsigned n;
	uint16_t behind[GATES_MAX];
	int listener[GATES_MAX];
	struct pair pairs[MAX_PAIRS];
};

static struct sockaddr_in loopback(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

/* *port 0: a free one is chosen and kept. */
static int listen_on(uint16_t *port, int backlog)
{
	struct sockaddr_in a = loopback(*port);
	socklen_t len = sizeof(a);
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (void *)&a, sizeof(a)) || listen(fd, backlog) ||
	    getsockname(fd, (void *)&a, &len)) {
		int r = -errno;

		close(fd);
		return r;
	}
	*port = ntohs(a.sin_port);
	return fd;
}

static int connect_to(uint16_t port, int flags)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd >= 0 && connect(fd, (void *)&a, sizeof(a)) &&
	    errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A full queue of connections that nobody accepts: the kernel drops what comes
 * then. */
static int leave_unanswered(struct board *b)
{
	int fd = listen_on(&b->unanswered, 0);

	for (int i = 0; fd >= 0 && i < 4; i++)
		if (connect_to(b->unanswered, SOCK_NONBLOCK) < 0)
			return -errno;
	return fd < 0 ? fd : 0;
}

static void end_pair(struct pair *p, bool reset)
{
	struct linger l = {.l_onoff = 1};

	if (p->client < 0)
		return;
	if (reset)
		setsockopt(p->client, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(p->client);
	if (p->server >= 0)
		close(p->server);
	free(p->held);
	*p = (struct pair){.client = -1, .server = -1};
}

static void accept_one(struct world *w, unsigned gate)
{
	int fd = accept4(w->listener[gate], NULL, NULL, SOCK_CLOEXEC);
	struct pair *p = w->pairs;

	if (fd < 0)
		return;
	while (p < w->pairs + MAX_PAIRS && p->client >= 0)
		p++;
	if (p == w->pairs + MAX_PAIRS) {
		close(fd);
		return;
	}
	p->gate = gate;
	p->client = fd;
	p->server = connect_to(w->behind[gate], 0);
	if (p->server < 0)
		end_pair(p, true);
}

static bool send_all(int fd, const char *buf, size_t n)
{
	while (n) {
		ssize_t r = send(fd, buf, n, MSG_NOSIGNAL);

		if (r <= 0)
			return false;
		buf += r;
		n -= (size_t)r;
	}
	return true;
}

static void from_client(struct world *w, struct pair *p)
{
	static char buf[PIECE];
	ssize_t n = recv(p->client, buf, sizeof(buf), 0);
	bool silent = atomic_load(&w->board->is[p->gate]) == GATE_SILENT;

	if (n <= 0 || (!silent && !send_all(p->server, buf, (size_t)n)))
		end_pair(p, false);
}

static void from_server(struct world *w, struct pair *p)
{
	static char buf[PIECE];
	ssize_t n = recv(p->server, buf, sizeof(buf), 0);

	if (n <= 0) {
		end_pair(p, false);
	} else if (atomic_load(&w->board->is[p->gate]) != GATE_SLOW) {
		if (!send_all(p->client, buf, (size_t)n))
			end_pair(p, false);
	} else {
		p->held = malloc((size_t)n);
		if (!p->held) {
			end_pair(p, true);
			return;
		}
		memcpy(p->held, buf, (size_t)n);
		p->n_held = (size_t)n;
		p->due = mx_mono_in_ms(GATE_SLOW_MS);
	}
}

static void pass_held(struct pair *p)
{
	if (!p->held || !mx_mono_passed(p->due))
		return;
	if (send_all(p->client, p->held, p->n_held)) {
		free(p->held);
		p->held = NULL;
	} else {
		end_pair(p, false);
	}
}

static void change(struct world *w, unsigned gate, int mode)
{
	struct board *b = w->board;

	if (mode == GATE_PASS || mode == GATE_REFUSE)
		for (size_t i = 0; i < MAX_PAIRS; i++)
			if (w->pairs[i].gate == gate)
				end_pair(&w->pairs[i], true);
	if (mode == GATE_REFUSE && w->listener[gate] >= 0) {
		close(w->listener[gate]);
		w->listener[gate] = -1;
	} else if (mode != GATE_REFUSE && w->listener[gate] < 0) {
		w->listener[gate] = listen_on(&b->port[gate], SOMAXCONN);
	}
	atomic_store(&b->is[gate], mode);
}

/* What to wait for: first the listeners, then two a pair. */
static void fill(struct world *w, struct pollfd *fds)
{
	for (unsigned i = 0; i < GATES_MAX; i++)
		fds[i] = (struct pollfd){
			.fd = i < w->n ? w->listener[i] : -1,
			.events = POLLIN,
		};
	for (size_t i = 0; i < MAX_PAIRS; i++) {
		struct pair *p = &w->pairs[i];
		bool silent = p->client >= 0 &&
			      atomic_load(&w->board->is[p->gate]) ==
				      GATE_SILENT;

		fds[GATES_MAX + 2 * i] = (struct pollfd){
			.fd = p->client,
			.events = POLLIN,
		};
		fds[GATES_MAX + 2 * i + 1] = (struct pollfd){
			.fd = p->held || silent ? -1 : p->server,
			.events = POLLIN,
		};
	}
}

static void run(struct world *w)
{
	static struct pollfd fds[GATES_MAX + 2 * MAX_PAIRS];

	for (;;) {
		for (unsigned i = 0; i < w->n; i++) {
			int want = atomic_load(&w->board->want[i]);

			if (want != atomic_load(&w->board->is[i]))
				change(w, i, want);
		}
		fill(w, fds);
		poll(fds, GATES_MAX + 2 * MAX_PAIRS, 5);
		for (size_t i = 0; i < MAX_PAIRS; i++) {
			struct pair *p = &w->pairs[i];

			if (p->client >= 0 && fds[GATES_MAX + 2 * i].revents)
				from_client(w, p);
			if (p->server >= 0 &&
			    fds[GATES_MAX + 2 * i + 1].revents)
				from_server(w, p);
			pass_held(p);
		}
		for (unsigned i = 0; i < w->n; i++)
			if (fds[i].revents)
				accept_one(w, i);
	}
}

static void become_gates(struct world *w, pid_t parent)
{
	int r = leave_unanswered(w->board);

	setpgid(0, 0); /* the terminal's interrupt is for the parent */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(MX_EXIT_FAILED);
	for (size_t i = 0; i < MAX_PAIRS; i++)
		w->pairs[i] = (struct pair){.client = -1, .server = -1};
	for (unsigned i = 0; !r && i < w->n; i++) {
		w->listener[i] = listen_on(&w->board->port[i], SOMAXCONN);
		r = w->listener[i] < 0 ? w->listener[i] : 0;
	}
	atomic_store(&w->board->ready, r ? r : 1);
	if (!r)
		run(w);
	_exit(MX_EXIT_FAILED);
}

/* ---- In the parent ---- */

/* Looks until *word is `want`, or no longer `not`. */
static int await(struct gates *g, const _Atomic int *word, int want, int not )
{
	const struct timespec pause = {.tv_nsec = MX_NS_PER_MS};

	while (atomic_load(word) != want && atomic_load(word) == not ) {
		if (waitpid(g->pid, NULL, WNOHANG) == g->pid) {
			g->pid = 0;
			return -ECHILD;
		}
		nanosleep(&pause, NULL);
	}
	return 0;
}

struct gates *gates_start(unsigned n, const uint16_t *behind)
{
	static struct world w;
	struct gates *g = calloc(1, sizeof(*g));
	pid_t parent = getpid();
	int r = 0;

	if (!g)
		return NULL;
	g->n = n;
	g->board = mmap(NULL, sizeof(*g->board), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	w = (struct world){.board = g->board, .n = n};
	memcpy(w.behind, behind, n * sizeof(*behind));
	if (g->board == MAP_FAILED) {
		r = -errno;
		g->board = NULL;
	} else {
		g->pid = fork();
		if (g->pid == 0)
			become_gates(&w, parent);
		r = g->pid < 0 ? -errno : await(g, &g->board->ready, 1, 0);
	}
	if (!r && atomic_load(&g->board->ready) != 1)
		r = atomic_load(&g->board->ready);
	if (!r)
		return g;
	mx_cli_fail("bench", "gates: %s", strerror(-r));
	gates_stop(g);
	return NULL;
}

void gates_stop(struct gates *g)
{
	if (!g)
		return;
	if (g->pid > 0) {
		kill(g->pid, SIGKILL);
		waitpid(g->pid, NULL, 0);
	}
	if (g->board)
		munmap(g->board, sizeof(*g->board));
	free(g);
}

uint16_t gate_port(const struct gates *g, unsigned no)
{
	return g->board->port[no];
}

uint16_t gate_unanswered(const struct gates *g)
{
	return g->board->unanswered;
}

int gate_set(struct gates *g, unsigned no, enum gate_mode mode)
{
	int was = atomic_load(&g->board->is[no]);

	atomic_store(&g->board->want[no], (int)mode);
	return await(g, &g->board->is[no], (int)mode, was);
}
