/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bench.h"

#include <pthread.h>

#include "cli/cli.h"

struct work {
	unsigned no, threads, ops;
	bench_op_fn *op;
	void *arg;
	bool failed;
	pthread_t id;
};

static void *work(void *arg)
{
	struct work *w = arg;

	for (unsigned i = w->no; i < w->ops && !w->failed; i += w->threads)
		w->failed = !w->op(w->arg, w->no, i);
	return NULL;
}

double bench_threads(unsigned threads, unsigned ops, bench_op_fn *op, void *arg)
{
	struct work w[BENCH_THREADS_MAX];
	const double start = bench_cpu_us();
	bool failed = false;
	unsigned n = 0;

	for (; n < threads && !failed; n++) {
		w[n] = (struct work){.no = n,
				     .threads = threads,
				     .ops = ops,
				     .op = op,
				     .arg = arg};
		failed = pthread_create(&w[n].id, NULL, work, &w[n]);
	}
	n -= failed;
	if (failed)
		mx_cli_fail("bench", "no more threads");
	for (unsigned i = 0; i < n; i++) {
		pthread_join(w[i].id, NULL);
		failed = failed || w[i].failed;
	}
	return failed ? -1 : bench_cpu_us() - start;
}
