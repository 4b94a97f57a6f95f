/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that the tests of all orders have in common, old lists and ours. */
#ifndef MX_REPRO_TEST_THREADS_H
#define MX_REPRO_TEST_THREADS_H

enum {
	WORKER_A,
	POLLER_A,
	WORKER_B,
	POLLER_B,
};

#endif
