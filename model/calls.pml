/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps of a caller and of a reaper that store more than once: a place in the
 * budget (src/connlist/conn-open.c), and the way out of it (conn.c).
 */

/* conn.c give_up(): the claim is given up last; the server has ended the
 * session, or may still have it. */
inline give_up() {
	assert(conn[ME.conn].state == OPEN && conn[ME.conn].owner == p &&
	       conn[ME.conn].list == ME.list && HELD);
	conn[ME.conn].polls = 0;
	S;
	if
	:: conn[ME.conn].state = CLOSING
	:: conn[ME.conn].state = ORPHAN; conn[ME.conn].owner = 0
	fi
}

/* Whoever was called and has not moved may be passed by, or not. */
inline may_pass_by() {
	if
	:: x = 0
#if BUDGET
	:: x = 1
#endif
	fi
}

/* open_first(): the claim of a record; open_first_locked() */
inline stand_in_line() {
	c = SESSION(T);
	assert(conn[c].state == FREE && !conn[c].linked);
	conn[c].state = CLAIMED; conn[c].owner = p;
	thread[REAPER(c)].list = ME.list; thread[REAPER(c)].holds = 1;
	S;
	TAKE;
	S;
#ifdef MUTANT_bit_late
	list[ME.list].members = list[ME.list].members | BIT(p);
#endif
	assert(HELD);
	fill_conn(c, ME.list)
}

/* open_again(): awake, for one reason or another; open_again_locked() */
inline look_again() {
	c = ME.conn;
	in_line = 1;
	if
	:: ME.watch == 0
	:: ME.watch != 0 && ME.probe -> probe = 1; ME.probe = 0
	:: ME.quits -> quits = 1
	fi;
	TAKE;
	ME.watch = 0;
	conn[c].called = 0;
	if
	:: probe -> sweep_list(ME.list); probe = 0
	:: else
	fi
}

/* take_place(), adopt(): the record c becomes OPEN, or an orphan is ours by one
 * store, cookies and all. */
inline take_place() {
	S;
	if
	:: orphan != NO_CONN ->
		conn[orphan].owner = p; conn[orphan].state = OPEN;
		ME.conn = orphan;
		S;
		if
		:: in_line -> conn[c].state = CLOSING
		:: else -> free_conn(c)
		fi
	:: else ->
		if
		:: in_line
		:: else -> conn[c].linked = 1; S
		fi;
		conn[c].state = OPEN;
		ME.conn = c
	fi;
	check_budget(ME.list);
	SAY("has a session");
	ME.quits = 0;
	THEN(USE)
}

inline wait_in_line() {
	if
	:: in_line
	:: else ->
		S; conn[c].linked = 1;
		S; conn[c].state = WAITING;
		ME.conn = c;
#if CANCEL
		if
		:: true
		:: ME.quits = 1
		fi;
#endif
		SAY("stands in line for a place")
	fi;
#ifdef MUTANT_grant_read_late
	THEN(LATE)
#else
	ME.watch = GRANT;
	THEN(IN_LINE)
#endif
}

/* leave_line_locked(), and the holds that are given back after it. */
inline leave_line() {
	S;
	conn[c].state = CLOSING;
	ME.conn = 0; ME.quits = 0;
	thread[REAPER(c)].list = 0; thread[REAPER(c)].holds = 0;
	SAY("gives up waiting");
	THEN(LEAVE)
}

/* What mx_conn_open() does under the lock. */
inline open_conn() {
	if
	:: AT(OPENING) -> stand_in_line()
	:: AT(IN_LINE) -> look_again()
	fi;
	may_pass_by();
	look(ME.list, c, x);
	x = 0;
	if
	:: quits -> leave_line()
	:: !quits && placed -> take_place()
	:: else -> wait_in_line()
	fi;
	orphan = 0;
	if
#ifdef MUTANT_quits_silently
	:: conn[c].state == CLOSING && quits -> unlink_conn(c)
#endif
	:: else ->
		if
		:: conn[c].state == CLOSING -> sweep_list(ME.list)
		:: else
		fi
	fi;
	if
	:: placed && !quits -> S; grant_next(ME.list)
	:: else
	fi;
	placed = 0; quits = 0; in_line = 0; c = 0
}

#if LEGACY
/* The old rule: the list of the process's own SID, which is nobody's here; or
 * the only one. */
inline legacy_look() {
	d_step {
		l = NO_LIST;
		for (w : 0 .. N_LISTS - 1) {
			if
			:: list[w].linked -> l = w; used++
			:: else
			fi
		}
		if
		:: used != 1 -> l = NO_LIST
		:: else
		fi;
		used = 0; w = 0
	}
}
#endif
