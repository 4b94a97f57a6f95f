/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A deterministic scheduler that runs a small concurrent program in every
 * order it can run in.  For tests only.
 *
 * The program is real code: src/connlist and src/repro/legacy.c compiled with
 * MX_SHM_SCHED, so that each load, store, compare-and-swap, futex wait and wake
 * stops here first (connlist/put.h).  Its threads are coroutines on one thread
 * of the system.  Nothing knows time: a futex wait ends by a wake, or never.
 *
 * How all orders are covered: depth-first search over states.  A state is the
 * memory that was touched plus, of each thread, everything it has read so far
 * (which is all that its own variables can depend on), as 128-bit hashes.  To
 * return to a state, memory and stacks are put back as they were a few steps
 * before it, and those steps are repeated.
 *
 * With `reduce`, only those threads are tried in a state whose order can
 * matter: after a thread's step has been explored, another thread is tried too
 * when some step of it, anywhere behind that state, touches the same word and
 * one of the two writes (a persistent set, found from the explored part; a
 * state met again contributes what is behind it).  Every final state and every
 * deadlock is still reached, since no state can be met twice on one path.
 * Without `reduce` all threads are tried in every state, and the number of
 * schedules can be counted.
 *
 * Reductions of a death, with `reduce`:
 *
 * - The victims' place in the program is no part of a state in which they are
 *   dead.
 * - To die before a step that only reads, or that writes what dies with the
 *   victims, leaves behind what dying after it does.  So death comes only before
 *   steps that show, where a victim has to wait, and behind its last step (which
 *   is a step of its own).  It conflicts with those steps, and with the others'
 *   looks at `word`.
 * - A step before a death and one behind it change order only together with the
 *   death; so a victim's step conflicts with no step behind a death, and a step
 *   behind it with none before.
 * - A wait that a time-out ends conflicts with all who could go on instead.
 *
 * And of records that change hands (`claim` below): what a side does to its own
 * records conflicts with nothing another side does to those it owns then; the
 * claim's own word says who was first.
 *
 * With `collapse` four more things:
 *
 * - A step whose word nobody else touches, or only under a lock that is held
 *   here, or all only read, is done at once and has no state (explore-hide.c;
 *   that it is so is checked while the search runs).
 * - Nor has giving back an explore_lock(), which nobody can get before.
 * - A path ends where somebody sleeps for good: his step was explored before,
 *   and nobody who is left ever touches what it touches, so that all that is
 *   behind here is behind it (checked in the same way).
 * - A thread is the same when it has the same registers, stack and heap,
 *   whatever it has read (explore-own.c).  A state could be met twice on one
 *   path then; that would be found, as a path that does not end.
 */
#ifndef MX_REPRO_EXPLORE_H
#define MX_REPRO_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPLORE_THREADS 6

struct explore_thread {
	const char *name;
	void (*fn)(void *arg);
	void *arg;
	bool waits;    /* for explore_start() */
	unsigned side; /* explore_hold() */
};

struct explore_mem {
	void *at;
	size_t n;
	bool words; /* written through connlist/put.h only */
	bool dies;  /* the victims' own: gone with them */
};

struct explore_params {
	struct explore_thread threads[EXPLORE_THREADS];
	unsigned n_threads;
	struct explore_mem
		mem[8]; /* what a run changes: restored before each */
	unsigned n_mem;
	/* These bytes are the same memory as those at alias_of. */
	const void *alias, *alias_of;
	size_t alias_n;
	bool reduce;
	bool collapse;   /* without `reduce`: no step is hidden */
	bool first_hang; /* one is enough */
	bool events;     /* change threads only at explore_event() and waits */
	uint64_t max_states; /* 0: 20 million */

	/* Death: the threads of `victims` (a bit each) stop for ever, at any
	 * step, behind the last, or never.  `word` is what others look at to see it; die() makes
	 * it so and revive() undoes it before the next run. */
	unsigned victims;
	const void *word;
	void (*die)(void *arg);
	void (*revive)(void *arg);

	/* Called when a word has changed; may clear what that makes garbage
	 * (explore_clear), so that states which differ in it are one.  In turn
	 * may_load() has to say whether a word may be read: never garbage. */
	void (*changed)(void *arg, const void *word);
	bool (*may_load)(void *arg, const void *word);

	/* The claim of the record that a word lies in (a claim's own is itself),
	 * or NULL.  A record belongs to the side of the thread that has taken
	 * its claim (mx_sched_locked) until that is 0 again, which it becomes
	 * under a guard only, or by who took it; nor has that thread it any
	 * longer.  So under a guard a side's
	 * threads can rely on its own records, as on a lock of their side. */
	const void *(*claim)(void *arg, const void *word);
	const void *guards; /* these bytes are locks */
	size_t guards_n;

	/* In each final state: false when something is wrong with it. */
	bool (*check)(void *arg, bool hangs);
	void *arg;
	/* True: this futex wake is lost (NULL: none is), which must be found. */
	bool (*lose_wake)(void *arg, const void *word);
};

struct explore_result {
	uint64_t states, runs, steps;
	uint64_t
		finals; /* final states: all threads ended, are dead, or hang */
	uint64_t hung;  /* of those: a thread waits for ever */
	uint64_t wrong; /* of those: check() said so */
	uint64_t deaths; /* final states after a death */
	/* Ends: final states, whatever was read on the way.  Two searches of
	 * one program have found the same when their number and sum are. */
	uint64_t ends, hung_ends, ends_sum;
	uint64_t restarts;                     /* with `collapse` */
	long double schedules, hung_schedules; /* without `reduce` */
	bool complete;    /* false: max_states were not enough */
	char first[1024]; /* the first hang: who waits on what, and the order */
};

void explore(const struct explore_params *params, struct explore_result *ret);

/* Zeros, from changed(). */
void explore_clear(const void *at, size_t n);

/* --- for the program's threads ------------------------------------------ */

void explore_start(unsigned thread);
/* A point by name; nothing is touched. */
void explore_event(const char *name);
/* Any of 0 … n-1: all are tried. */
unsigned explore_choose(unsigned n);
void explore_forget_at(const char *place, uint64_t knows);
/* From here on the thread's own variables depend on nothing but its place in
 * the program (a literal of its own) and this number. */
static inline __attribute__((__always_inline__)) void
explore_forget(const char *place, uint64_t knows)
{
	explore_forget_at(place, knows);
#if defined(__x86_64__)
	/* Nor do registers. */
	__asm__ volatile("xor %%ebx, %%ebx\n\txor %%r12d, %%r12d\n\t"
			 "xor %%r13d, %%r13d\n\txor %%r14d, %%r14d\n\t"
			 "xor %%r15d, %%r15d"
			 :
			 :
			 : "rbx", "r12", "r13", "r14", "r15", "cc");
#endif
}
/* Something is wrong: counted, and the first one is described. */
void explore_fail(const char *what);
/* The thread may rely on a lock that another thread of its side holds, until
 * mx_sched_unlocking(): it cannot be given back before.  Against threads of
 * other sides it counts as held, against those of its own it does not. */
void explore_hold(const void *lock);
/* A mutex, 0 when free. */
void explore_lock(uint32_t *m);
void explore_unlock(uint32_t *m);

#endif
