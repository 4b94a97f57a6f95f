/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Benchmarks, shared by their parts.  What is measured is a ratio: our blocks
 * and the floor's alternate in one run, the medians are compared.  The machine
 * may be shared and noisy; a lone time would say nothing.
 *
 *   bench.c           options, the set-up, table and JSON
 *   bench-execute.c   a round trip against a bare HTTP exchange
 *   bench-floor.c     that bare exchange: libcurl and libmicrohttpd
 *   bench-rows.c      rows of a contents table against bare SQLite
 *   bench-crowd.c     that exchange over many connections against one
 *   bench-logon.c     round trips of a logon
 *   bench-idle.c      memory and threads of idle users, what they cost others
 *   bench-users.c     many users against one
 *   bench-turn.c      what a server program does for a user
 *   bench-logons.c    logons against bare exchanges
 *   bench-threads.c   the same on a number of threads
 *   bench-lists.c     joining and leaving a list against a robust mutex
 *   bench-top.c       a refresh of top against memcpy; what others notice
 *   bench-isolation.c what half the servers gone wrong costs the others' users
 */
#ifndef MX_CLI_BENCH_H
#define MX_CLI_BENCH_H

#include "cli/demo.h"

#define BENCH_BLOCKS 15 /* at most */

/* One line of the result. */
struct bench_line {
	const char *name; /* short, for --json */
	const char *what; /* a sentence */
	const char *unit;
	double ours, floor; /* floor 0: there is none */
	double limit;       /* on ratio, or on ours without a floor; 0: none */
	double low, high;   /* quartiles of ours */
};

struct bench {
	struct demo d; /* users and server, as the demo makes them */
	unsigned rows, ops, idle_users;
	struct bench_line lines[32];
	size_t n_lines;
};

/* How many blocks of each kind alternate; --blocks. */
extern unsigned bench_blocks;

/* One block: seconds it took; < 0 ends the bench (a message was printed). */
typedef double bench_block_fn(void *arg);

/* Alternates bench_blocks blocks of each after one warm-up block; medians, per
 * n units, go into *line.  0 or -1. */
int bench_compare(bench_block_fn *ours, bench_block_fn *floor, void *arg,
		  double n, struct bench_line *line);

void bench_add(struct bench *b, const struct bench_line *line);

/* "bench: step: MAPI code: text" on stderr; true when hr succeeded. */
bool bench_ok(const char *step, HRESULT hr);

/* Logs a user on and opens his default store and inbox; who: instead of him, in
 * his mailbox; or NULL.  flags: 0 or MAPI_DEFERRED_ERRORS for the opens. */
struct bench_side {
	LPMAPISESSION ses;
	LPMDB store;
	LPMAPIFOLDER inbox;
};
bool bench_side_open(const struct demo_user *user, LPMAPIARYUSER who,
		     ULONG flags, struct bench_side *ret);
void bench_side_close(struct bench_side *s);
/* The default store of a session. */
HRESULT bench_default_store(LPMAPISESSION ses, ULONG flags, LPMDB *ret);

/* Round trips of the session so far, bytes sent and received. */
bool bench_info(LPMAPISESSION ses, MAPIARY_SESSION_INFO *ret);

/* One round trip on the inbox. */
bool bench_get_props(struct bench_side *s);
/* What a server program does for a user before it turns to the next one: looks
 * at the inbox, leaves a message, reads it, deletes it. */
bool bench_turn(struct bench_side *s);

#define BENCH_THREADS_MAX 8

/* Operation i on thread t; false: failed, a message was printed. */
typedef bool bench_op_fn(void *arg, unsigned t, unsigned i);
/* Operations 0 … ops-1 on `threads` threads, operation i on thread i modulo
 * threads: the CPU time of this process meanwhile, in us; < 0: failed. */
double bench_threads(unsigned threads, unsigned ops, bench_op_fn *op,
		     void *arg);
/* CPU time of this process so far, in us. */
double bench_cpu_us(void);
/* The same of the calling thread alone, in seconds. */
double bench_cpu_s(void);
/* Its open descriptors, give or take a constant. */
unsigned bench_open_files(void);

/* --- the bare exchange --- */

struct bench_floor;

/* A server process that answers any POST with n_res bytes, and a client with
 * one kept connection that sends n_req.  NULL with a message on failure. */
struct bench_floor *bench_floor_open(size_t n_req, size_t n_res);

/* The bytes of an exchange: headers, bodies. */
struct bench_sizes {
	size_t head_out, body_out, head_in, body_in;
};
/* The same with headers of these sizes too: each side's own and one line more
 * that fills up. */
struct bench_floor *bench_floor_open_as(const struct bench_sizes *s);
void bench_floor_close(struct bench_floor *f);
/* One exchange; 0 or -1 with a message. */
int bench_floor_exchange(struct bench_floor *f);
/* n of them on a connection of their own, which is closed. */
int bench_floor_user(struct bench_floor *f, unsigned n);
/* HTTP bytes of the last exchange, headers included. */
void bench_floor_bytes(const struct bench_floor *f, size_t *ret_out,
		       size_t *ret_in);

/* A libcurl handle (CURL *) for the same exchange; the caller's. */
void *bench_floor_handle(struct bench_floor *f);
uint16_t bench_floor_port(const struct bench_floor *f);

/* --- many connections against one, without us (bench-crowd.c) --- */

/* Bytes of a GetProps; false also when it takes more or less than one round
 * trip. */
bool bench_sizes_of(struct bench_side *s, struct bench_sizes *ret);
/* Exchanges of these sizes on `threads` threads, `ops` of them, over n kept
 * connections against one a thread: with libcurl, with sockets.  Adds two
 * lines.  0 or -1. */
int bench_crowd(struct bench *b, const struct bench_sizes *s, unsigned n,
		unsigned threads, unsigned ops);

/* --- what is measured; 0 or -1 --- */

int bench_execute(struct bench *b);
int bench_rows(struct bench *b);
int bench_logon(struct bench *b);
int bench_memory(struct bench *b);
int bench_users(struct bench *b);
int bench_logons(struct bench *b);
int bench_lists(struct bench *b);
int bench_top(struct bench *b);
int bench_top_load(struct bench *b);
int bench_isolation(struct bench *b);

#endif
