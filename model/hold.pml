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
 * Checked: who holds the list has the bit set; in the end it is not; nobody
 * sleeps for ever.
 */
#define LEAVING 255
#define AWAITED 254

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
			assert(bucket);
			bit_ = 1;
			count = 1;
			break
		:: else ->
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
	:: true ->
		n = count;
		assert(n != 0 && n < AWAITED);
		if
		:: d_step { count == n && n > 1 -> count = n - 1; n = 0 }
			break
#ifdef MUTANT_no_leaving
		:: d_step { count == n && n == 1 -> count = 0 }
			bit_ = 0;
			break
#else
		:: d_step { count == n && n == 1 -> count = LEAVING }
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

#define HELD assert(bit_ && count > 0 && count < AWAITED)

proctype Thread_(byte t)
{
	byte n, k, round;

	do
	:: round == ROUNDS -> break
	:: else ->
		/* find_or_make() */
		atomic { !bucket -> bucket = 1 }
		list_hold();
		holders++;
		HELD;
		bucket = 0;
		HELD;
		/* mx_clist_ref(), mx_conn_open(): no lock, but it is held. */
		list_hold();
		HELD;
		list_unhold();
		HELD;
		holders--;
		list_unhold();
		round++
	od
}

init {
	byte j;

	atomic {
		for (j : 0 .. THREADS - 1) {
			run Thread_(j)
		}
	}
	timeout;
	assert(_nr_pr == 1);
	assert(holders == 0 && count == 0 && !bit_)
}
