/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol between callers, engine, reaper and the shared registry, for
 * spin: doc/model.md says which step is which function, what is left out, and
 * why the steps are as coarse as they are.
 *
 * A thread is a program counter in `thread[]`, one atomic step an option of the
 * loop in Thread.  So a death takes all threads of its process in one step, and
 * leaves in the segment just what they had stored: it may come between any two
 * steps and, where a step stores more than once, before each store (S).
 *
 * There is no time.  Nobody looks again because 100 ms have passed, except, in
 * some runs, after a death; so a lost signal is a thread that stands still when
 * nothing can move any more, which is what check_quiet() looks for.
 *
 *	USERS, PROCS	users, processes: each process works for each user
 *	CYCLES		logon and release, so many times
 *	CRASH 1		the last process may die, once, at any step
 *	CRASH 2		... and then who waits may look again by himself, once
 *	BUDGET n	sessions of a user; 0: no limit
 *	CANCEL 1	who waits for a place may run out of patience
 *	WAITERS n	the first n callers may wait for their list's completion
 *	EVERYONE 1	... of its pollers in all processes, not only in theirs
 *	FINE 1		release's last stores are steps of their own
 *	LEGACY 1	the old rules, that hang
 *	TELL 1		the trail tells what happens
 */
#ifndef CRASH
#define CRASH 0
#endif
#ifndef CYCLES
#define CYCLES 1
#endif
#ifndef BUDGET
#define BUDGET 0
#endif
#ifndef CANCEL
#define CANCEL 0
#endif
#ifndef WAITERS
#define WAITERS 0
#endif
#ifndef EVERYONE
#define EVERYONE 0
#endif
#ifndef FINE
#define FINE 0
#endif
#ifndef LEGACY
#define LEGACY 0
#endif

/* One more list than users: a death may keep one until it is swept. */
#if CRASH
#define N_LISTS (USERS + 1)
#else
#define N_LISTS USERS
#endif
#define N_CALLERS (USERS * PROCS)
#define N_SESSIONS (N_CALLERS * CYCLES)
#define N_CONNS N_SESSIONS
#define VICTIM (PROCS - 1)

/* Callers, then a reaper a session, then the beat of process 0. */
#define N_THREADS (N_CALLERS + N_SESSIONS + 1)
#define BEAT (N_CALLERS + N_SESSIONS)
#define SESSION(t) ((t) * CYCLES + thread[t].cycle)
#define REAPER(s) (N_CALLERS + (s))
#define CALLER_OF(s) ((s) / CYCLES)
#define PROC_OF_CALLER(t) ((t) / USERS)
#define PROC_OF(t) ((t) < N_CALLERS -> PROC_OF_CALLER(t) : \
		    ((t) == BEAT -> 0 : \
		     PROC_OF_CALLER(CALLER_OF((t) - N_CALLERS))))

/* Program counters.  WANTS_LOCK: those up to B_SWEEP begin with bucket_lock(). */
#define NOTHING 0
#define JOIN 1
#define OPENING 2
#define IN_LINE 3
#define WAIT_DONE 4
#define B_SWEEP 5
#define UNLOCK 6
#define TODO 7
#define SOON 8
#define USE 9
#define LEAVE 10
#define R_POLL 12
#define R_CLOSE 13
#define R_EVENT 14
#define R_LEAVE 15
#define B_LOCKS 16
#define B_CONNS 17
#define B_DROP 18
#define B_LISTS 19
#define B_BITS 20
#define B_EMPTY 21
#define FINISHED 22
#define B_LDROP 23
#define LATE 28
#define B_UNBIT 29
#define L_STOP 24
#define L_PARKED 25
#define L_GONE 26
#define L_CLOSE 27

typedef Thread {
	unsigned pc : 5;
	unsigned back : 5;  /* where to, when unlocked */
	unsigned list : 2;
	unsigned holds : 1; /* it has a hold on that list */
	unsigned conn : 4;
	unsigned cycle : 2;
	unsigned watch : 2;
	unsigned probe : 1; /* may look again, unasked, after the death */
	unsigned quits : 1; /* its patience may end at any time */
	unsigned seen : 3;  /* the beat: a claim's state */
};
Thread thread[N_THREADS];

/* The bucket: process + 1 that holds the lock, and the word `todo`. */
byte lock;
bit todo;
/* Thread + 1 that took the lock from the dead, until it uses it. */
byte heir;

bit crashed, beaten, late;
#define DEAD(p) (crashed && (p) == VICTIM)

#if CRASH
#define S if \
	:: true \
	:: p == VICTIM && !crashed -> goto dies \
	fi
#else
#define S skip
#endif

#ifdef TELL
#define SAY(text) printf("| process %d, user %c: ", p + 1, 65 + USER); \
		  printf(text); printf("\n")
#else
#define SAY(text) skip
#endif

#define T (_pid - 1)
#define ME thread[_pid - 1]
#define USER (T < N_CALLERS -> T % USERS : CALLER_OF(T - N_CALLERS) % USERS)


#include "records.pml"

#include "death.pml"

/* ---- a thread ---- */

#define AT(where) (ME.pc == where)
#define GO(where) ME.pc = where
/* The body was done under the lock: now let it go, then go on at `where`. */
#define THEN(where) ME.pc = UNLOCK; ME.back = where

#define LOCK_IS_DEAD (lock != 0 && DEAD(lock - 1))
#define LOCK_IS_FREE (lock == 0 || heir == _pid)
#define TAKE lock = p + 1; heir = 0
/* What stands before bucket_lock(): awake. */
#define AWAKE (ME.watch == 0 || ME.probe || ME.quits)

/* bucket_trylock() in do_todo(), and what bucket_lock() does first with a lock
 * of the dead: recover(). */
#define TAKES_OVER (heir != _pid && LOCK_IS_DEAD && \
		    ((ME.pc >= JOIN && ME.pc <= B_SWEEP && AWAKE) || \
		     (AT(TODO) && todo)))
#define SWEEPS (LOCK_IS_FREE && \
		((AT(TODO) && (todo || heir == _pid)) || AT(B_SWEEP)))

#if FINE || LEGACY
#define POLLER R_POLL
#else
#define POLLER R_CLOSE
#endif

/* bucket_sweep_soon() */
#if FINE
#define SWEEP_SOON GO(SOON)
#else
#define SWEEP_SOON todo = 1; GO(TODO)
#endif

#include "calls.pml"

proctype Thread_(byte p)
{
again:
end:	do
	/* --- bucket.c --- */
	:: atomic { TAKES_OVER || SWEEPS ->
		if
		:: TAKES_OVER ->
			lock = p + 1; heir = _pid; probe = 1
		:: else ->
			TAKE;
			if
			:: AT(TODO) -> S; todo = 0; ME.pc = UNLOCK
			:: AT(B_SWEEP) -> probe = 1; ME.pc = UNLOCK
			fi
		fi;
#ifdef MUTANT_no_recovery
		if
		:: heir == 0 -> sweep_bucket()
		:: else
		fi;
#else
		sweep_bucket();
#endif
		probe = 0 }
	:: atomic { AT(UNLOCK) ->
		lock = 0;
#ifdef MUTANT_no_recheck
		GO(ME.back); ME.back = 0 }
#else
		GO(TODO) }
#endif
	:: atomic { AT(TODO) && heir != _pid &&
		    (!todo || (lock != 0 && !LOCK_IS_DEAD)) ->
		GO(ME.back); ME.back = 0 }
	:: atomic { AT(SOON) -> todo = 1; GO(TODO) }

	/* --- a caller: MAPILogonEx, Release --- */
	:: atomic { AT(JOIN) && LOCK_IS_FREE ->
		TAKE;
		find_or_make();
		SAY("joins the list of its SID");
		THEN(OPENING) }
	:: atomic { (AT(OPENING) || AT(IN_LINE)) && LOCK_IS_FREE && AWAKE ->
		open_conn() }
#ifdef MUTANT_grant_read_late
	:: atomic { AT(LATE) -> ME.watch = GRANT; GO(IN_LINE) }
#endif
	:: atomic { AT(USE) ->
		assert(conn[ME.conn].state == OPEN &&
		       conn[ME.conn].owner == p &&
		       conn[ME.conn].list == ME.list && HELD);
		conn[ME.conn].cookies = 1;
		S;
		conn[ME.conn].polls = 1;
		S;
		/* Start and stop of the poller, and the release with both
		 * holds of the list, are handed over. */
		thread[REAPER(SESSION(T))].conn = ME.conn;
		thread[REAPER(SESSION(T))].pc = POLLER;
		SAY("uses the store; a poller starts");
#if LEGACY
		GO(L_STOP) }
#else
		ME.conn = 0;
		if
		:: T < WAITERS -> GO(WAIT_DONE) /* with a hold of its own */
		:: true -> /* Release: it does not wait */
			ME.holds = 0; ME.list = 0;
			if
			:: ME.cycle + 1 == CYCLES -> GO(FINISHED)
			:: else -> GO(JOIN); ME.cycle = ME.cycle + 1
			fi
		fi }
#endif
	:: atomic { AT(WAIT_DONE) && LOCK_IS_FREE && AWAKE ->
		ME.watch = 0; ME.probe = 0;
		assert(HELD);
		TAKE;
#if EVERYONE
		probe = 1;
		sweep_list(ME.list);
		probe = 0;
#endif
		look_if_running(ME.list);
		if
		:: used ->
			used = 0;
#ifndef MUTANT_busy
			ME.watch = DONE;
#endif
			THEN(WAIT_DONE);
			SAY("waits for the signal of the poller")
#if LEGACY
		:: else -> THEN(L_CLOSE); SAY("the poller has signalled")
#else
		:: else -> THEN(LEAVE)
#endif
		fi }
	/* Who waited, or gave up waiting; the reaper, when all is closed. */
	:: atomic { AT(LEAVE) || AT(R_LEAVE) ->
		if
		:: AT(R_LEAVE) || ME.cycle + 1 == CYCLES -> ME.back = FINISHED
		:: else -> ME.back = JOIN; ME.cycle = ME.cycle + 1
		fi;
		unhold();
		if
		:: last -> last = 0; SWEEP_SOON
		:: else -> GO(ME.back); ME.back = 0
		fi }

	/* --- the engine: poller and reaper of a session --- */
#if LEGACY
	:: atomic { AT(R_POLL) ->
		legacy_look();
		if
		:: l != NO_LIST -> GO(L_PARKED); SAY("poller: one list, so it is mine")
		:: else -> GO(L_GONE); SAY("poller: two lists, none is the process's: ends")
		fi;
		l = 0 }
	:: atomic { AT(L_STOP) ->
		thread[REAPER(SESSION(T))].quits = 1;
		SAY("releases the store: asks the poller to end");
		GO(WAIT_DONE) }
	:: atomic { AT(L_PARKED) && ME.quits ->
		legacy_look();
		if
		:: l != NO_LIST ->
			conn[ME.conn].polls = 0;
			done_event(l);
			SAY("poller: signals the list")
		:: else ->
			SAY("poller: two lists, none is the process's: ends without a signal")
		fi;
		l = 0;
		GO(L_GONE) }
	:: atomic { AT(L_CLOSE) && thread[REAPER(SESSION(T))].pc == L_GONE ->
		thread[REAPER(SESSION(T))].quits = 0;
		thread[REAPER(SESSION(T))].pc = R_CLOSE;
		ME.conn = 0;
		GO(LEAVE) }
#else
	/* STARTING, PARKED and STOPPING are all the same to those who wait.
	 * The parked request may be answered before the record is closed:
	 * park.c, ended_locked(). */
#if FINE
	:: atomic { AT(R_POLL) ->
		if
		:: true
		:: conn[ME.conn].polls = 0;
		   S;
		   done_event(ME.list)
		fi;
		GO(R_CLOSE) }
#endif
#endif
#ifdef MUTANT_event_first
	:: atomic { AT(R_CLOSE) -> done_event(ME.list); GO(R_EVENT) }
	:: atomic { AT(R_EVENT) ->
		give_up(); ME.conn = 0; ME.back = R_LEAVE; SWEEP_SOON }
#elif FINE
	:: atomic { AT(R_CLOSE) -> give_up(); GO(R_EVENT) }
	:: atomic { AT(R_EVENT) ->
		done_event(ME.list);
		ME.conn = 0; ME.back = R_LEAVE; SWEEP_SOON }
#else
	:: atomic { AT(R_CLOSE) ->
		give_up();
		S;
#ifndef MUTANT_no_event
		done_event(ME.list);
#endif
		S;
		ME.conn = 0; ME.back = R_LEAVE; SWEEP_SOON }
#endif

	/* --- the beat: sweep_if_dead(), sweep_slot() --- */
	:: atomic { T == BEAT && AT(NOTHING) && crashed && !beaten ->
		beaten = 1;
		if
		:: LOCK_IS_DEAD -> ME.back = B_CONNS; GO(B_SWEEP)
		:: !LOCK_IS_DEAD && todo -> ME.back = B_CONNS; SWEEP_SOON
		:: else -> GO(B_CONNS)
		fi }
	:: atomic { AT(B_CONNS) ->
		d_step {
			i = ME.conn;
			do
			:: i < N_CONNS && !(conn[i].owner == VICTIM &&
					    conn[i].state != FREE &&
					    conn[i].state != ORPHAN) -> i++
			:: else -> break
			od
		}
		if
#ifndef MUTANT_beat_skips_claims
		:: i < N_CONNS ->
			ME.conn = i;
			ME.seen = conn[i].state;
			if
			:: conn[i].list != NO_LIST ->
				ME.back = B_DROP; GO(B_SWEEP)
			:: else -> GO(B_DROP)
			fi
#endif
		:: else -> ME.conn = 0; GO(B_LISTS)
		fi;
		i = 0 }
	:: atomic { AT(B_DROP) ->
		if
		:: conn[ME.conn].state == ME.seen &&
		   conn[ME.conn].owner == VICTIM &&
		   HALF_MADE(conn[ME.conn]) ->
			assert(!conn[ME.conn].linked);
			free_conn(ME.conn)
		:: else
		fi;
		ME.seen = 0;
		ME.conn = ME.conn + 1;
		GO(B_CONNS) }
	:: atomic { AT(B_LISTS) ->
		d_step {
			i = ME.list;
			do
			:: i < N_LISTS && !(HALF_MADE(list[i]) &&
					    list[i].owner == VICTIM) -> i++
			:: else -> break
			od
		}
		if
		:: i < N_LISTS ->
			ME.list = i;
			ME.seen = list[i].state;
			ME.back = B_LDROP; GO(B_SWEEP)
		:: else -> ME.list = 0; GO(B_BITS)
		fi;
		i = 0 }
	:: atomic { AT(B_LDROP) ->
		if
		:: list[ME.list].state == ME.seen &&
		   list[ME.list].owner == VICTIM &&
		   HALF_MADE(list[ME.list]) ->
			assert(!list[ME.list].linked);
			free_list(ME.list)
		:: else
		fi;
		ME.seen = 0;
		ME.list = ME.list + 1;
		GO(B_LISTS) }
	:: atomic { AT(B_BITS) ->
		d_step {
			i = ME.list;
			do
			:: i < N_LISTS && !(list[i].state == LIVE &&
					    (list[i].members & BIT(VICTIM))) -> i++
			:: else -> break
			od
		}
		if
		:: i < N_LISTS ->
			ME.list = i;
#ifdef MUTANT_beat_wakes_nobody
			GO(B_UNBIT)
#else
			done_event(i);
			ME.back = B_UNBIT; SWEEP_SOON
#endif
		:: else -> ME.list = 0; GO(B_EMPTY)
		fi;
		i = 0 }
	:: atomic { AT(B_UNBIT) ->
		list[ME.list].members = list[ME.list].members &
					(15 - BIT(VICTIM));
		ME.list = ME.list + 1;
		GO(B_BITS) }
	:: atomic { AT(B_EMPTY) ->
		d_step {
			i = ME.list;
			do
			:: i < N_LISTS && !(list[i].state == LIVE &&
					    list[i].members == 0) -> i++
			:: else -> break
			od
		}
		if
		:: i < N_LISTS ->
			ME.list = i + 1; ME.back = B_EMPTY; SWEEP_SOON
		:: else -> ME.list = 0; GO(NOTHING)
		fi;
		i = 0 }
	od;
#if CRASH
dies:	atomic { crash() }
	goto again
#endif
}

/* ---- the world ---- */

#define BUSY(t) (thread[t].pc != NOTHING && thread[t].pc != FINISHED)
#define V_CALLER(n) (VICTIM * USERS + (n))
#define V_REAPER(n) REAPER(V_CALLER(0) * CYCLES + ((n) < USERS * CYCLES -> (n) : 0))
#define VICTIM_BUSY (BUSY(V_CALLER(0)) || BUSY(V_CALLER(USERS - 1)) || \
		     BUSY(V_REAPER(0)) || BUSY(V_REAPER(1)) || \
		     BUSY(V_REAPER(2)) || BUSY(V_REAPER(3)))

#ifdef TELL
#define SAY_STUCK(t) if \
	:: BUSY(t) && (t < N_CALLERS || !LEGACY) -> printf("| process %d, user %c: hangs, ", \
		PROC_OF(t) + 1, 65 + (t) % USERS); \
		if \
		:: thread[t].pc == WAIT_DONE -> \
			printf("the signal it waits for never comes\n") \
		:: thread[t].pc == IN_LINE -> \
			printf("nobody calls it to its place\n") \
		:: else -> printf("pc %d\n", thread[t].pc) \
		fi \
	:: else \
	fi
#else
#define SAY_STUCK(t) skip
#endif

/* Nothing can move: every waiter was released, all was given back, and of the
 * dead nothing is left but sessions that somebody may take over. */
inline check_quiet() {
	d_step {
		for (i : 0 .. N_THREADS - 1) {
			SAY_STUCK(i);
			assert(!BUSY(i))
		}
		assert(lock == 0 && heir == 0 && !todo);
		for (i : 0 .. N_CONNS - 1) {
			assert(conn[i].state == FREE ||
			       (conn[i].state == ORPHAN && conn[i].linked &&
				list[conn[i].list].state == LIVE))
		}
		for (i : 0 .. N_LISTS - 1) {
			assert(list[i].state == FREE ||
			       (list[i].state == LIVE && list[i].linked &&
				list[i].members == 0))
		}
		i = 0
	}
}

inline check_empty() {
	d_step {
		assert(lock == 0 && heir == 0 && !todo);
		for (i : 0 .. N_CONNS - 1) {
			assert(conn[i].state == FREE && !conn[i].linked)
		}
		for (i : 0 .. N_LISTS - 1) {
			assert(list[i].state == FREE && !list[i].linked)
		}
		i = 0
	}
}

init {
	atomic {
		for (i : 0 .. N_CONNS - 1) {
			conn[i].list = NO_LIST
		}
		for (i : 0 .. N_CALLERS - 1) {
			thread[i].pc = JOIN
		}
		for (i : 0 .. N_THREADS - 1) {
			run Thread_(PROC_OF(i))
		}
		i = 0
	}
	do
#if CRASH
	:: atomic { !crashed && VICTIM_BUSY -> crash() }
#endif
	:: timeout -> break
	od;
	check_quiet();
	/* Half an hour later: mx_reg_tick(), sweep_all(). */
	atomic { late = 1; thread[BEAT].pc = SOON }
	timeout -> check_empty()
}
