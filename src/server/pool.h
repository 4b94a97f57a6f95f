/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads that do the work: passwords and ROPs, everything that may wait
 * for a disk.  Their number is fixed.  Passwords (15 ms of hashing each) use at
 * most half of them at a time, so that a flood of wrong ones stops nobody who
 * is logged on.
 */
#ifndef MX_SERVER_POOL_H
#define MX_SERVER_POOL_H

#include "base/list.h"

struct mx_pool;

/* Embedded in what the work is about; fn owns whatever reference the submitter
 * gave.  A job is in the queue at most once. */
struct mx_job {
	struct mx_list node;
	void (*fn)(struct mx_job *job);
};

enum mx_job_kind {
	MX_JOB_WORK,
	MX_JOB_AUTH,
};

/* 0 or -errno. */
int mx_pool_new(unsigned n_threads, struct mx_pool **ret);

/* Does what is queued, then ends the threads.  NULL is fine. */
void mx_pool_free(struct mx_pool *pool);

/* Any thread; never fails, never blocks. */
void mx_pool_submit(struct mx_pool *pool, enum mx_job_kind kind,
		    struct mx_job *job);

#endif
