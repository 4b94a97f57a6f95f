/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often one process holds one list, access by access: list_hold() and
 * list_unhold() in src/connlist/clist.c.  lists.pml takes each for one step; here
 * is why it may.
 *
 * `count` is this process's own word, `bit_` its bit in the list.  From none to
 * one goes only who has the bucket's lock; from one to none anybody, and that
 * takes two stores, so it has a state of its own.
 *
 * With DETACH the process gives its slot back meanwhile (mx_reg_close(): gone,
 * no more calls, holds_end_all()), after which the bit may be somebody else's.
 *
 * Checked: who holds the list has the bit set; in the end it is not; nobody
 * sleeps for ever; nobody touches the bit of a slot that was given back.
 */
#define LEAVING 255
#define AWAITED 254
#define GONE 253
#ifndef DETACH
#define DETACH 0
#endif

bit gone, released;
byte calls;            /* between reg_enter() and reg_leave() */
byte count;
bit bit_;
bit bucket;            /* locked, by a thread of this process */
bit asleep[THREADS];
byte holders;          /* between their list_hold() and their list_unhold() */

inline list_hold() {
	do
	:: true ->
		n = count;
		if
		:: n == AWAITED ->
			if
			:: d_step { count == n -> asleep[t] = 1 }
				!asleep[t]
			:: else
			fi
		:: n == LEAVING ->
			d_step {
				if
				:: count == n -> count = AWAITED
				:: else
				fi
			}
		:: n == 0 ->
			assert(bucket && !released);
			bit_ = 1;
			count = 1;
			break
		:: else ->
			assert(n < GONE);
			if
			:: d_step { count == n -> count = n + 1 }
				break
			:: else
			fi
		fi
	od;
	n = 0
}

inline list_unhold() {
	do
	:: gone -> break
	:: else ->
		n = count;
		assert(n != 0 && n < AWAITED);
		if
		:: n == GONE -> break
		:: d_step { count == n && n > 1 && n < GONE -> count = n - 1; n = 0 }
			break
#ifdef MUTANT_no_leaving
		:: d_step { count == n && n == 1 -> count = 0 }
			bit_ = 0;
			break
#else
		:: d_step { count == n && n == 1 -> count = LEAVING }
			assert(!released);
			bit_ = 0;
			d_step { n = count; count = 0 }
			if
#ifndef MUTANT_no_wake
			:: n == AWAITED ->
				d_step {
					for (k : 0 .. THREADS - 1) {
						asleep[k] = 0
					}
					k = 0
				}
#endif
			:: else
			fi;
			break
#endif
		:: else
		fi
	od;
	n = 0
}

#define HELD assert(released || (bit_ && count > 0 && count < AWAITED))

inline enter() {
	calls++;
	inside = !gone;
	if
	:: !inside -> calls--
	:: else
	fi
}

proctype Thread_(byte t)
{
	byte n, k, round;
	bool inside;

	do
	:: round == ROUNDS -> break
	:: else ->
		/* mx_clist_join() */
		enter();
		if
		:: !inside -> break
		:: else
		fi;
		atomic { !bucket -> bucket = 1 }
		list_hold();
		holders++;
		HELD;
		bucket = 0;
		HELD;
		calls--;
		/* mx_clist_ref(), mx_conn_open(): no lock, but it is held. */
		enter();
		if
		:: inside ->
			list_hold();
			HELD;
			calls--
		:: else
		fi;
		list_unhold();
		HELD;
		holders--;
		list_unhold();
		round++
	od
}

proctype Detach_()
{
	byte n;

	gone = 1;
	calls == 0;
	do
	:: count == GONE -> break
	:: else ->
		n = count;
		if
#ifndef MUTANT_no_wait
		:: n >= AWAITED
#else
		:: n >= AWAITED -> break
#endif
		:: d_step { n < GONE && count == n -> count = GONE }
		:: else
		fi
	od;
	released = 1;
	bit_ = 0
}

init {
	byte j;

	atomic {
		for (j : 0 .. THREADS - 1) {
			run Thread_(j)
		}
		if
		:: DETACH -> run Detach_()
		:: else
		fi
	}
	timeout;
	assert(_nr_pr == 1);
	assert(holders == 0 && !bit_ && calls == 0);
	assert(released == DETACH && count == (DETACH -> GONE : 0))
}
