/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bucket lock, access by access: src/connlist/bucket.c.  lists.pml takes it
 * for one step that waits until the lock is free or its owner dead; here is why
 * it may.
 *
 * Each thread does ROUNDS times one of two things: locks, changes something and
 * unlocks; or leaves work (pending), as a release does, and asks for a sweep.
 * One process may die at any access (CRASH).  Then the beat of another looks at
 * the lock once, and who sleeps on it may wake up by himself once (the 100 ms).
 * Before a death nobody wakes up by himself.
 *
 * Checked: never two living threads inside; what a dead one left half changed is
 * finished before anybody changes more; nobody sleeps for ever; no work is left
 * when all is quiet.
 *
 *	THREADS, PROCS	thread t belongs to process t % PROCS
 */
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef CRASH
#define CRASH 0
#endif
#define VICTIM (PROCS - 1)
#define DEAD(q) (crashed && (q) == VICTIM)

/* The word: process + 1, and "somebody may be asleep". */
byte owner;
bit marked;
bit todo;
bit pending[THREADS];

bit asleep[THREADS + 1]; /* the last is the beat */
bit crashed;
byte finished;

/* What the lock is there for: who is inside is in the middle of a change. */
byte inside; /* thread + 1 */

#define ENTER assert(inside == 0); inside = t + 1
/* recover() before anything else. */
#ifdef MUTANT_no_recovery
#define INHERIT ENTER
#else
#define INHERIT inside = t + 1; sweep()
#endif

/* sweep_bucket_locked(): finishes what was half done, also the work that
 * releases left. */
inline sweep() {
	d_step {
		for (k : 0 .. THREADS - 1) {
			pending[k] = 0
		}
		k = 0
	}
}

/* FUTEX_WAKE, 1. */
inline wake_one() {
	if
	:: asleep[0] -> asleep[0] = 0
	:: asleep[1] -> asleep[1] = 0
#if THREADS > 2
	:: asleep[2] -> asleep[2] = 0
#endif
#if THREADS > 3
	:: asleep[3] -> asleep[3] = 0
#endif
	:: asleep[THREADS] -> asleep[THREADS] = 0
	:: else
	fi
}

/* take_from_dead(), with the word as it was read. */
inline take_from_dead() {
	if
	:: atomic { DEAD(w_owner - 1) && owner == w_owner &&
		    marked == w_marked ->
		owner = p + 1; marked = 1; mine = 1; INHERIT }
	:: else
	fi
}

#define READ_WORD d_step { w_owner = owner; w_marked = marked }
#define FORGET_WORD d_step { w_owner = 0; w_marked = 0 }

/* FUTEX_WAIT: asleep if the word is still what it was. */
inline futex_wait() {
	if
	:: atomic { owner == w_owner && marked ->
		asleep[t] = 1; w_owner = 0; w_marked = 0 }
		if
		:: atomic { !asleep[t] }
		:: d_step { asleep[t] && crashed && !probed ->
			probed = 1; asleep[t] = 0 }
		fi
	:: else
	fi
}

inline lock_slowly() {
	do
	:: true ->
		READ_WORD;
		if
		:: w_owner == 0 ->
			if
			:: atomic { owner == 0 ->
				owner = p + 1; mine = 1;
#ifndef MUTANT_mark_lost
				marked = 1;
#endif
				ENTER }
			:: else
			fi
		:: else ->
			take_from_dead();
			if
			:: mine
			:: !mine && w_marked
			:: else ->
				if
				:: d_step { owner == w_owner && !marked ->
					marked = 1; w_marked = 1 }
				:: else
				fi
			fi;
			if
			:: !mine && w_marked -> futex_wait()
			:: else
			fi
		fi;
		FORGET_WORD;
		if
		:: mine -> mine = 0; break
		:: else
		fi
	od
}

/* SPINS times; and then slowly. */
inline bucket_lock() {
	if
	:: atomic { owner == 0 -> owner = p + 1; marked = 0; ENTER }
	:: true -> lock_slowly()
	fi
}

inline let_go() {
#ifdef MUTANT_wake_first
	w_marked = marked;
	if
	:: w_marked -> atomic { w_marked = 0; wake_one() }
	:: else
	fi;
	d_step { inside = 0; owner = 0; marked = 0 }
#else
	d_step { inside = 0; w_marked = marked; owner = 0; marked = 0 }
	if
#ifdef MUTANT_no_wake
	:: w_marked -> w_marked = 0
#else
	:: w_marked -> atomic { w_marked = 0; wake_one() }
#endif
	:: else
	fi
#endif
}

/* do_todo(), bucket_trylock() */
inline do_todo() {
	do
	:: todo ->
		if
		:: atomic { owner == 0 ->
			owner = p + 1; marked = 0; mine = 1; ENTER }
		:: else ->
			READ_WORD;
			if
			:: w_owner != 0 -> take_from_dead()
			:: else
			fi;
			FORGET_WORD
		fi;
		if
		:: !mine -> break
		:: else -> mine = 0
		fi;
#ifdef MUTANT_todo_cleared_late
		sweep();
		todo = 0;
#else
		todo = 0;
		sweep();
#endif
		let_go()
	:: !todo -> break
	od
}

#ifdef MUTANT_no_recheck
#define DO_TODO_AFTER_UNLOCK skip
#else
#define DO_TODO_AFTER_UNLOCK do_todo()
#endif

proctype Thread_(byte t; byte p)
{
	byte k, n, w_owner;
	bit w_marked, mine, probed;

	{
		do
		:: n < ROUNDS ->
			bucket_lock();
			assert(inside == t + 1);
			let_go();
			DO_TODO_AFTER_UNLOCK;
			n++
		:: n < ROUNDS ->
			pending[t] = 1;
			todo = 1; /* bucket_sweep_soon() */
			do_todo();
			n++
		:: n == ROUNDS -> break
		od;
		finished++
	} unless {
		d_step { DEAD(p) -> k = 0; n = 0; w_owner = 0; w_marked = 0;
			 mine = 0; probed = 0 }
	}
}

#if CRASH
/* sweep_locks() of the beat of process 0. */
proctype Beat(byte t; byte p)
{
	byte k, w_owner;
	bit w_marked, mine, probed;

end:	crashed;
	if
	:: owner != 0 && DEAD(owner - 1) ->
		bucket_lock();
		assert(inside == t + 1);
		sweep();
		let_go();
		do_todo()
#ifndef MUTANT_beat_skips_todo
	:: !(owner != 0 && DEAD(owner - 1)) && todo ->
		todo = 1;
		do_todo()
#endif
	:: else
	fi
}
#endif

/* Threads of the living. */
#define LIVING (THREADS - (crashed -> 1 : 0))

init {
	byte j;

	atomic {
#if CRASH
		run Beat(THREADS, 0);
#endif
		/* Who may die is the last: spin then forgets him. */
		for (j : 0 .. THREADS - 1) {
			run Thread_(j, j % PROCS)
		}
		j = 0
	}
	do
#if CRASH
	:: atomic { !crashed && finished < THREADS ->
		crashed = 1; asleep[VICTIM] = 0 }
#endif
	:: timeout -> break
	od;
	skip;
	d_step {
		assert(owner == 0 || DEAD(owner - 1));
		for (j : 0 .. THREADS - 1) {
			assert(!pending[j] || DEAD(j % PROCS));
			assert(!asleep[j])
		}
		j = 0
	}
	/* Whoever does not live any more has not finished, or had before. */
	assert(finished >= LIVING)
}
