/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A scratch segment whose lists another process holds, for the benches of
 * joining, leaving and looking. */
#ifndef MX_CLI_BENCH_LISTS_H
#define MX_CLI_BENCH_LISTS_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/bench.h"
#include "connlist/clist.h"
#include "connlist/registry.h"
#include "identity/sid.h"

#define BENCH_LISTS 16384u
#define BENCH_PAIRS 100000u

struct bench_lists {
	char path[64];
	pid_t holder; /* ends when the pipe does */
	int end;
	struct mx_reg *reg;     /* this process's own attachment */
	pthread_mutex_t *mutex; /* robust, process-shared */
	uint32_t seed;
};

/* 0, or -1 with a message; to be closed either way. */
int bench_lists_open(struct bench_lists *l);
void bench_lists_close(struct bench_lists *l);

/* Joins list number i; NULL with a message. */
struct mx_clist *bench_lists_join(struct mx_reg *reg, uint32_t i);

/* One block of joins and leaves; a bench_block_fn. */
double bench_lists_pairs(void *arg);

#endif
