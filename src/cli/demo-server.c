/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedded server of the demo: a process of its own, so that nothing but
 * HTTP on a socket connects it with the client.  It is this program again, as
 * `mapiary serve`, on a free port of 127.0.0.1, with a data directory that is
 * made and filled with users first.  It ends with us, however we end.
 */
#include "cli/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/cli.h"
#include "identity/sid.h"
#include "store/dir.h"
#include "store/store.h"

#define START_S 30
#define STOP_S 20

static int make_dir(struct demo *d)
{
	const char *tmp = getenv("TMPDIR");

	if (d->opt.data_dir) {
		if (snprintf(d->data_dir, sizeof(d->data_dir), "%s",
			     d->opt.data_dir) >= (int)sizeof(d->data_dir))
			return -ENAMETOOLONG;
		return mkdir(d->data_dir, 0700) ? -errno : 0;
	}
	if (snprintf(d->data_dir, sizeof(d->data_dir), "%s/mapiary-demo-XXXXXX",
		     tmp && *tmp ? tmp : "/tmp") >= (int)sizeof(d->data_dir))
		return -ENAMETOOLONG;
	return mkdtemp(d->data_dir) ? 0 : -errno;
}

static int add_user(struct mx_store *st, const struct demo_user *u)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	uint8_t bytes[MX_SID_MAX_BYTES];
	struct mx_sid sid;
	struct mx_user row = {
		.name = u->name,
		.dn = u->dn,
		.display = u->display,
		.smtp = u->smtp,
		.sid = bytes,
	};
	int r = mx_sid_parse(u->sid, &sid);

	if (r)
		return r;
	row.sid_len = mx_sid_pack(&sid, bytes);
	return mx_dir_add(st, &row, u->password, &a, NULL);
}

int demo_server_prepare(struct demo *d)
{
	MX_AUTO(mx_store_close_auto) struct mx_store *st = NULL;
	/* The passwords are random, 20 ms of hashing each help nobody. */
	const struct mx_store_conf conf = {.hash_cost = 1};
	int r = make_dir(d);

	if (r) {
		mx_cli_fail("demo", "data directory %s: %s", d->data_dir,
			    strerror(-r));
		return -1;
	}
	d->made_data_dir = true;
	r = mx_store_open(d->data_dir, &conf, &st);
	if (r) {
		mx_cli_fail("demo", "store in %s: %s", d->data_dir,
			    mx_store_strerror(r));
		return -1;
	}
	for (unsigned i = 0; i < d->opt.users; i++) {
		r = add_user(st, &d->users[i]);
		if (!r && i && d->opt.account)
			r = mx_dir_grant(st, d->users[i].name, d->users[0].name,
					 MX_GRANT_FULL);
		if (r) {
			mx_cli_fail("demo", "user %s: %s", d->users[i].name,
				    mx_store_strerror(r));
			return -1;
		}
	}
	return 0;
}

/* The child: becomes `mapiary serve`, its stdout the pipe, its stderr a log in
 * the data directory. */
static void become_server(const struct demo *d, int out, pid_t parent)
{
	char mailboxes[16], sessions[16];
	const char *args[12] = {"mapiary",   "serve",    "--data",
				d->data_dir, "--listen", "127.0.0.1:0"};
	unsigned n = 6;
	char log[300];
	int fd;

	if (d->opt.mailboxes) {
		snprintf(mailboxes, sizeof(mailboxes), "%u", d->opt.mailboxes);
		args[n++] = "--max-mailboxes";
		args[n++] = mailboxes;
	}
	if (d->opt.sessions) {
		snprintf(sessions, sizeof(sessions), "%u", d->opt.sessions);
		args[n++] = "--max-sessions";
		args[n++] = sessions;
	}

	setpgid(0, 0); /* the terminal's interrupt is for the demo */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(MX_EXIT_FAILED);
	snprintf(log, sizeof(log), "%s/server.log", d->data_dir);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0)
		dup2(fd, STDERR_FILENO);
	dup2(out, STDOUT_FILENO);
	execv("/proc/self/exe", (char *const *)args);
	_exit(127);
}

/* Reads the line in which the server says where it listens. */
static int read_url(struct demo *d, int fd)
{
	const mx_mono deadline = mx_mono_in_ms(START_S * 1000);
	char line[512], *url;
	size_t n = 0;

	while (n < sizeof(line) - 1 && !memchr(line, '\n', n)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t got;

		if (poll(&p, 1, (int)mx_mono_left_ms(deadline)) <= 0)
			return -ETIMEDOUT;
		got = read(fd, line + n, sizeof(line) - 1 - n);
		if (got <= 0)
			return -EPIPE;
		n += (size_t)got;
	}
	line[n] = '\0';
	url = strstr(line, "http");
	if (!url)
		return -EPROTO;
	url[strcspn(url, " \r\n")] = '\0';
	d->url = mx_arena_strdup(&d->arena, url);
	return d->url ? 0 : -ENOMEM;
}

static void show_log(const struct demo *d)
{
	char path[300], line[1024];
	FILE *f;

	snprintf(path, sizeof(path), "%s/server.log", d->data_dir);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		fprintf(stderr, "  server: %s", line);
	if (f)
		fclose(f);
}

int demo_server_start(struct demo *d)
{
	pid_t parent = getpid();
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC)) {
		mx_cli_fail("demo", "pipe: %s", strerror(errno));
		return -1;
	}
	d->server = fork();
	if (d->server == 0)
		become_server(d, fds[1], parent);
	close(fds[1]);
	if (d->server < 0) {
		mx_cli_fail("demo", "fork: %s", strerror(errno));
		close(fds[0]);
		return -1;
	}
	r = read_url(d, fds[0]);
	close(fds[0]);
	if (!r)
		return 0;
	mx_cli_fail("demo", "the embedded server did not start: %s",
		    r == -EPIPE ? "it ended" : strerror(-r));
	show_log(d);
	return -1;
}

/* Waits for its end; false at the deadline. */
static bool reap(struct demo *d, int *status)
{
	const struct timespec pause = {.tv_nsec = 20 * MX_NS_PER_MS};
	/* Thousands of mailboxes take a while to close. */
	const mx_mono deadline =
		mx_mono_in_ms((STOP_S + d->opt.users / 100) * 1000);

	do {
		if (waitpid(d->server, status, WNOHANG) == d->server)
			return true;
		nanosleep(&pause, NULL);
	} while (!mx_mono_passed(deadline));
	return false;
}

void demo_server_stop(struct demo *d)
{
	int status = 0;

	if (d->server <= 0)
		return;
	if (waitpid(d->server, &status, WNOHANG) == d->server) {
		demo_error(d, NULL, "the embedded server ended by itself");
		show_log(d);
		d->server = 0;
		return;
	}
	kill(d->server, SIGTERM);
	if (!reap(d, &status)) {
		demo_error(d, NULL, "the embedded server did not end in %u s",
			   STOP_S + d->opt.users / 100);
		kill(d->server, SIGKILL);
		waitpid(d->server, &status, 0);
	} else if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		demo_error(d, NULL, "the embedded server ended badly (%s %d)",
			   WIFEXITED(status) ? "status" : "signal",
			   WIFEXITED(status) ? WEXITSTATUS(status)
					     : WTERMSIG(status));
		show_log(d);
	}
	d->server = 0;
}

static int remove_one(const char *path, const struct stat *st, int flag,
		      struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

void demo_server_clean(struct demo *d)
{
	if (!d->made_data_dir)
		return;
	if (d->opt.keep)
		demo_say(d, "the mailboxes are kept in %s", d->data_dir);
	else
		nftw(d->data_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
