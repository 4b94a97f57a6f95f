/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The death of a process: all its threads in one step, and what they knew.
 */

inline clear_thread(which) {
	thread[which].pc = NOTHING; thread[which].back = 0;
	thread[which].list = 0; thread[which].holds = 0;
	thread[which].conn = 0; thread[which].cycle = 0;
	thread[which].watch = 0; thread[which].probe = 0;
	thread[which].quits = 0; thread[which].seen = 0
}

inline clear_temps() {
	c = 0; i = 0; k = 0; l = 0; w = 0; x = 0; first = 0; last = 0;
	used = 0; ahead = 0; orphan = 0; changed = 0; probe = 0; placed = 0;
	in_line = 0; quits = 0
}

/* The kernel takes the threads; what they stored stays, the lock too. */
inline crash() {
	d_step {
		crashed = 1;
		for (w : 0 .. N_THREADS - 1) {
			if
			:: PROC_OF(w) == VICTIM -> clear_thread(w)
			:: else
			fi
		}
		if
		:: heir != 0 && PROC_OF(heir - 1) == VICTIM -> heir = 0
		:: else
		fi;
		clear_temps()
	}
#ifdef TELL
	printf("| process %d dies\n", VICTIM + 1);
#endif
#if CRASH > 1
	/* In some runs those in line look again once, at any time. */
	if
	:: true
	:: true -> d_step {
		for (w : 0 .. N_CALLERS - 1) {
			thread[w].probe = (PROC_OF_CALLER(w) != VICTIM)
		}
		w = 0 }
	fi
#endif
}
