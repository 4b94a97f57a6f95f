/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Helper threads with the process's credentials.  The new thread repairs its
 * own credentials before it runs anything, and tells its creator whether that
 * worked.  The system calls are made raw: glibc's wrappers would change every
 * thread of the process.
 */
#include "identity/creds.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"

#ifdef SYS_setresuid32
#define NR_SETRESUID SYS_setresuid32
#define NR_SETRESGID SYS_setresgid32
#define NR_SETGROUPS SYS_setgroups32
#else
#define NR_SETRESUID SYS_setresuid
#define NR_SETRESGID SYS_setresgid
#define NR_SETGROUPS SYS_setgroups
#endif

struct start {
	const struct mx_creds *creds; /* to take on; NULL: already right */
	const char *name;
	void *(*fn)(void *);
	void *arg;
	sem_t ready;
	int err;
};

/* First the effective user id, from the real or saved one: changing groups
 * needs its capabilities.  The exact ids come last, they may give it up. */
static int take_creds(const struct mx_creds *c)
{
	const uid_t keep = (uid_t)-1;

	if (syscall(NR_SETRESUID, keep, c->euid, keep))
		return -errno;
	/* A process without CAP_SETGID has the groups right already, or is
	 * refused here. */
	if (syscall(NR_SETGROUPS, c->n_groups, c->groups) && errno != EPERM)
		return -errno;
	if (syscall(NR_SETRESGID, c->rgid, c->egid, c->sgid) ||
	    syscall(NR_SETRESUID, c->ruid, c->euid, c->suid))
		return -errno;
	syscall(SYS_setfsgid, c->fsgid);
	syscall(SYS_setfsuid, c->fsuid);
	return 0;
}

static int take_and_check(const struct mx_creds *want)
{
	MX_AUTO(mx_creds_auto) struct mx_creds now = MX_CREDS_INIT;
	int err = take_creds(want);

	if (!err)
		err = mx_creds_thread(&now);
	if (!err && !mx_creds_equal(want, &now))
		err = -EPERM;
	return err;
}

static void *thread_main(void *p)
{
	struct start *s = p;
	void *(*fn)(void *) = s->fn;
	void *arg = s->arg;
	int err;

	pthread_setname_np(pthread_self(), s->name);
	err = s->creds ? take_and_check(s->creds) : 0;
	s->err = err;
	sem_post(&s->ready); /* s is gone after this */
	return err ? NULL : fn(arg);
}

/* Creates with all signals blocked; a thread inherits its creator's mask. */
static int create_masked(struct start *s, pthread_t *ret)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(ret, NULL, thread_main, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

int mx_thread_start(const char *name, void *(*fn)(void *), void *arg,
		    pthread_t *ret)
{
	MX_AUTO(mx_creds_auto) struct mx_creds want = MX_CREDS_INIT;
	MX_AUTO(mx_creds_auto) struct mx_creds have = MX_CREDS_INIT;
	char cut[16];
	struct start s = {.name = cut, .fn = fn, .arg = arg};
	pthread_t id;
	int err;

	err = mx_creds_process(&want);
	if (!err)
		err = mx_creds_thread(&have);
	if (err)
		return err;
	if (!mx_creds_equal(&want, &have))
		s.creds = &want;
	snprintf(cut, sizeof(cut), "%s", name);
	sem_init(&s.ready, 0, 0);
	err = create_masked(&s, &id);
	if (!err) {
		while (sem_wait(&s.ready) && errno == EINTR)
			;
		err = s.err;
		if (err)
			pthread_join(id, NULL);
	}
	sem_destroy(&s.ready);
	if (err)
		return err == -EAGAIN || err == -ENOMEM ? err : -EPERM;
	*ret = id;
	return 0;
}

struct call {
	int (*fn)(void *);
	void *arg;
	int ret;
};

static void *call_main(void *p)
{
	struct call *c = p;

	c->ret = c->fn(c->arg);
	return NULL;
}

int mx_creds_call(int (*fn)(void *), void *arg)
{
	struct call c = {.fn = fn, .arg = arg};
	uid_t uid;
	pthread_t id;
	int err = mx_creds_process_uid(&uid);

	if (err)
		return err;
	if (mx_creds_thread_uid(uid) == uid)
		return fn(arg);
	err = mx_thread_start("mx-creds", call_main, &c, &id);
	if (err)
		return err;
	pthread_join(id, NULL);
	return c.ret;
}
