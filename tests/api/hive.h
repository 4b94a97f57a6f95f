/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server in a process of its own, and clients in processes of their own: for
 * tests of how processes end, fork and load the library.  The program that makes
 * a hive is a client too if it wants to; its heap and descriptors are the
 * client's alone.
 */
#ifndef MX_TESTS_API_HIVE_H
#define MX_TESTS_API_HIVE_H

#include <stdbool.h>
#include <sys/types.h>

#include "api/api.h"
#include "base/test.h"
#include "server/server.h"

struct hive;

/* Starts the server with users "u0", "u1" ….  Before MAPIInitialize: it forks. */
struct hive *hive_new(unsigned n_users);
/* Ends the server; it must have ended well, unless it was killed. */
void hive_free(struct hive *h);

/* The server stops dead (it still accepts what the kernel accepts), goes on, is
 * killed. */
void hive_stop(struct hive *h);
void hive_go_on(struct hive *h);
void hive_kill(struct hive *h);

/* What the server counts. */
struct mx_server_stats hive_stats(struct hive *h);
/* Waits until the server has so many session contexts. */
void hive_wait_contexts(struct hive *h, unsigned n);

/* User i and his server; made in the calling process. */
LPMAPIARYUSER hive_user(struct hive *h, unsigned i);
void hive_config(struct hive *h, unsigned i, MAPIARY_CONFIG *ret);
LPMAPISESSION hive_logon(struct hive *h, unsigned i);
LPMDB hive_store(LPMAPISESSION s);
LPMAPIFOLDER hive_inbox(LPMDB mdb);
/* A saved message. */
LPMESSAGE hive_message(LPMAPIFOLDER f, const char *subject);

/* Runs fn in a child, which ends with fn's result by _exit; returns its pid. */
typedef int hive_child_fn(struct hive *h, void *arg);
pid_t hive_child(struct hive *h, hive_child_fn *fn, void *arg);
/* Waits for its end: as waitpid gives it. */
int hive_join(pid_t pid);

/* Live process slots in the registry's segment, and connection records. */
void hive_registry(unsigned *ret_live, unsigned *ret_conns);

/* This process's open descriptors; sockets among them. */
unsigned hive_fds(unsigned *ret_sockets);
/* This process's threads and mappings. */
unsigned hive_threads(void);
unsigned hive_mappings(void);

/* In children, where cmocka's assertions mean nothing: ends the process. */
#define must(what)                                                             \
	do {                                                                   \
		if (!(what))                                                   \
			hive_die(__FILE__, __LINE__, #what);                   \
	} while (0)
void hive_die(const char *file, int line, const char *what)
	__attribute__((__noreturn__));
#define must_ok(call) must((call) == S_OK)

#endif
