/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children of a test that attach to its segment, driven over a pipe, so that
 * nothing waits for time.
 */
#ifndef MX_CONNLIST_TEST_KIDS_H
#define MX_CONNLIST_TEST_KIDS_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connlist/conn.h"
#include "connlist/test-util.h"

#define SERVER "mail.example:443"

struct kid {
	pid_t pid;
	int fd;
};

/* Runs fn(fd) in a child; fd is one end of a socket pair. */
static inline struct kid kid_start(int (*fn)(int fd))
{
	struct kid k;
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv),
			 0);
	k.pid = tu_fork();
	if (k.pid == 0) {
		close(sv[0]);
		_exit(fn(sv[1]));
	}
	assert_true(k.pid > 0);
	close(sv[1]);
	k.fd = sv[0];
	return k;
}

static inline bool hears(int fd, char want)
{
	char c = 0;

	return read(fd, &c, 1) == 1 && c == want;
}

static inline void says(int fd, char c)
{
	if (write(fd, &c, 1) != 1)
		abort();
}

static inline int kid_wait(struct kid *k)
{
	int st = -1;

	assert_int_equal(waitpid(k->pid, &st, 0), k->pid);
	close(k->fd);
	return st;
}

static inline void kid_kill(struct kid *k)
{
	assert_int_equal(kill(k->pid, SIGKILL), 0);
	kid_wait(k);
}

static inline int attach(struct mx_reg **ret)
{
	return mx_reg_open(&(struct mx_reg_params){.path = tu_path(),
						   .max_sessions = 2},
			   ret, NULL);
}

static inline int open_conn(struct mx_clist *cl, mx_mono deadline,
			    struct mx_conn **ret)
{
	struct mx_conn_params p = {.server = SERVER, .deadline = deadline};

	return mx_conn_open(cl, &p, ret, NULL);
}

/* Attaches, joins user 1, opens a session with cookies, says so, and stays
 * until told to end. */
static inline int holder(int fd)
{
	struct mx_sid sid = mx_sid_unix(1);
	struct mx_clist *cl = NULL;
	struct mx_conn *k = NULL;
	struct mx_reg *reg = NULL;

	if (attach(&reg) || mx_clist_join(reg, &sid, "kid", &cl, NULL) ||
	    open_conn(cl, (mx_mono){0}, &k) ||
	    mx_conn_set_cookies(k, "MapiContext=kid") ||
	    mx_conn_set_poller(k, MX_POLLER_STARTING))
		return 1;
	says(fd, 'r');
	if (!hears(fd, 'q'))
		return 2;
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	mx_reg_close(reg);
	return 0;
}

static inline uint32_t procs_in_use(struct mx_reg *reg)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < reg->map.n_procs; i++)
		n += shm_get32(&reg->map.procs[i].state) != SHM_PROC_FREE;
	return n;
}

static inline struct mx_reg *fresh(void)
{
	struct mx_reg *reg = NULL;

	unlink(tu_path());
	mx_test_diagnosis(tu_diagnose, (void *)(uintptr_t)tu_path());
	assert_int_equal(mx_reg_open(&(struct mx_reg_params){.path = tu_path(),
							     .n_lists = 64,
							     .n_conns = 256,
							     .max_sessions = 2},
				     &reg, NULL),
			 0);
	return reg;
}

#endif
