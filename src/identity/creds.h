/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's view: credentials of the process, and of one thread.
 *
 * In Linux every thread has its own user id; a program may change one thread's
 * (raw setresuid or setfsuid) to act for a user.  "The process's" credentials
 * are those of its first thread, the thread group leader.  A new thread
 * inherits its creator's credentials, so whoever starts helper threads does it
 * with mx_thread_start(), which gives them the process's.
 */
#ifndef MX_IDENTITY_CREDS_H
#define MX_IDENTITY_CREDS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/lock.h"

struct mx_creds {
	uid_t ruid, euid, suid, fsuid;
	gid_t rgid, egid, sgid, fsgid;
	size_t n_groups;
	gid_t *groups; /* owned, as the kernel orders them */
};

#define MX_CREDS_INIT ((struct mx_creds){0})

void mx_creds_fini(struct mx_creds *c);

/* Cleanup hook. */
static inline void mx_creds_auto(struct mx_creds *c)
{
	mx_creds_fini(c);
}

/* Those of the thread group leader, read afresh.  0 with *ret owned by the
 * caller; -ENOMEM; -ENOENT and kin when /proc is not there (only asked when
 * the caller is not the leader itself). */
int mx_creds_process(struct mx_creds *ret);

/* Those of the calling thread.  0, -ENOMEM. */
int mx_creds_thread(struct mx_creds *ret);

bool mx_creds_equal(const struct mx_creds *a, const struct mx_creds *b);

/* The process's effective user id, captured once by the first call (from
 * MAPIInitialize) and remembered; a forked child captures anew.  0 or as
 * mx_creds_process. */
int mx_creds_process_uid(uid_t *ret);

/* The user the calling thread acts as in the kernel: its effective user id if
 * that is not the process's, else its file system user id.  Two system calls,
 * no allocation. */
uid_t mx_creds_thread_uid(uid_t process_uid);

/* Starts a helper thread: named (at most 15 bytes), with all signals blocked,
 * and with the process's credentials whatever its creator's are.
 * fn runs only when the credentials are right.  0 with *ret joinable; -EPERM
 * when the creator gave up the process's credentials for good and cannot pass
 * them on; -EAGAIN when the system has no more threads; as mx_creds_process. */
int mx_thread_start(const char *name, void *(*fn)(void *), void *arg,
		    pthread_t *ret) MX_UNLOCKED;

/* Calls fn(arg) under the process's credentials and returns its result: here
 * when this thread has them, else on a thread started for it, and waits.  For
 * short work on files (opening the segment). */
int mx_creds_call(int (*fn)(void *), void *arg) MX_UNLOCKED;

#endif
