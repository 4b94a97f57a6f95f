/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in the segment, and what is done to it under the bucket's lock:
 * claim words, member bits, chains, the sweep, tickets and grants.
 * src/connlist/{record,sweep,clist,budget,conn}.c
 *
 * A chain is a set of linked records: one store links, one unlinks.  What a
 * freed record still holds is zeroed, which the code need not do: nothing reads
 * it, and equal states look equal.
 */

/* Claim words: state; the process that answers for it stands beside. */
#define FREE 0
#define CLAIMED 1
#define LIVE 2
#define WAITING 3
#define OPEN 4
#define ORPHAN 5
#define CLOSING 6
#define DYING 7

#define NO_LIST N_LISTS
#define NO_CONN N_CONNS
#define BIT(p) (1 << (p))

typedef List {
	unsigned state : 3;
	unsigned owner : 2;   /* CLAIMED, DYING */
	unsigned linked : 1;
	unsigned sid : 2;     /* the whole of it; all SIDs have one CRC here */
	unsigned members : 4; /* a bit a process */
};

typedef Conn {
	unsigned state : 3;
	unsigned owner : 2;
	unsigned linked : 1;
	unsigned list : 2;    /* NO_LIST until filled: the checksum is wrong */
	unsigned ticket : 3;
	unsigned called : 1;  /* WAITING: granted, has not moved yet */
	unsigned polls : 1;   /* STARTING, PARKED or STOPPING */
	unsigned cookies : 1;
};

List list[N_LISTS];
Conn conn[N_CONNS];

/* What one step needs on its way, and is zero between steps. */
byte c, i, k, l, w, x, first, last, used, ahead, orphan;
bit changed, probe, placed, in_line, quits;

/* ---- futexes ---- */

/*
 * Both words only count up, and a sleeper goes to sleep on the value that he
 * read under the lock.  So all that matters is whether something happened to the
 * word since: `watch` says which word a caller has read, and is zero from the
 * moment that word is counted up, when he is awake or will not fall asleep.
 */
#define GRANT 1 /* his own record's, clist.c: conn.grant */
#define DONE 2  /* his list's, done_seq */

/* list_done_event() */
inline done_event(which) {
	d_step {
		for (w : 0 .. N_CALLERS - 1) {
			if
			:: thread[w].watch == DONE && thread[w].list == which ->
				thread[w].watch = 0
			:: else
			fi
		}
		w = 0
	}
}

/* grant_next_locked(): wakes who is first in line of list `which`. */
inline grant_next(which) {
	d_step {
		first = NO_CONN;
		for (w : 0 .. N_CONNS - 1) {
			if
			:: conn[w].linked && conn[w].list == which &&
			   conn[w].state == WAITING &&
			   (first == NO_CONN ||
			    conn[w].ticket < conn[first].ticket) -> first = w
			:: else
			fi
		}
		if
		:: first != NO_CONN ->
			conn[first].called = 1;
			if
			:: thread[CALLER_OF(first)].watch == GRANT ->
				thread[CALLER_OF(first)].watch = 0
			:: else
			fi
		:: else
		fi;
		first = 0;
		w = 0
	}
}

/* ---- freeing ---- */

inline free_conn(which) {
	d_step {
		conn[which].state = FREE; conn[which].owner = 0;
		conn[which].list = NO_LIST; conn[which].ticket = 0;
		conn[which].polls = 0; conn[which].cookies = 0;
		conn[which].called = 0
	}
}

inline free_list(which) {
	d_step {
		list[which].state = FREE; list[which].owner = 0;
		list[which].sid = 0; list[which].members = 0
	}
}

/* unlink_record(): DYING, out of the chain, free; a death may come before each.
 * Nobody alive may still think that it is his. */
inline unlink_conn(which) {
	assert(conn[which].owner == p || DEAD(conn[which].owner) ||
	       conn[which].state == CLOSING || conn[which].state == ORPHAN);
	S;
	conn[which].polls = 0; conn[which].called = 0;
#ifdef MUTANT_free_first
	conn[which].state = FREE;
#else
	conn[which].state = DYING; conn[which].owner = p;
#endif
	S;
	conn[which].linked = 0;
	S;
	free_conn(which)
}

/* A list is never freed while somebody alive holds it. */
inline unlink_list(which) {
	d_step {
		for (w : 0 .. N_THREADS - 1) {
			assert(!(thread[w].holds && thread[w].list == which))
		}
		for (w : 0 .. N_CONNS - 1) {
			assert(!(conn[w].linked && conn[w].list == which))
		}
		w = 0
	}
	S;
	list[which].state = DYING; list[which].owner = p;
	S;
	list[which].linked = 0;
	S;
	free_list(which)
}

/* ---- the sweep ---- */

/* An orphan is kept for half an hour: `late` says that it is over. */
#define CONN_IS_DEAD(k) \
	((conn[k].state == OPEN || conn[k].state == WAITING) && \
	 DEAD(conn[k].owner))
#define HALF_MADE(r) (r.state == CLAIMED || r.state == DYING)

/* k: the next linked record of the list that has to change, else N_CONNS. */
inline find_to_sweep(which) {
	d_step {
		do
		:: k == N_CONNS -> break
		:: k < N_CONNS && conn[k].linked && conn[k].list == which &&
		   (conn[k].state == CLOSING || HALF_MADE(conn[k]) ||
		    conn[k].state == FREE ||
		    (conn[k].state == ORPHAN && late) ||
		    (probe && CONN_IS_DEAD(k))) -> break
		:: else -> k++
		od
	}
}

/* sweep_conns(): what becomes of the list's connections. */
inline sweep_conns(which) {
	k = 0;
	do
	:: true ->
		find_to_sweep(which);
		if
		:: k == N_CONNS -> break
		:: else ->
			assert(conn[k].state != FREE);
			/* Under the lock nobody alive is in the middle of
			 * anything: half_made_by_the_living(). */
			assert(!HALF_MADE(conn[k]) || DEAD(conn[k].owner));
			changed = 1;
			if
			:: conn[k].state == OPEN && conn[k].cookies ->
				/* conn_settle(): the poller's exit, also in
				 * death. */
				conn[k].polls = 0;
				S;
				conn[k].state = ORPHAN; conn[k].owner = 0
			:: else -> unlink_conn(k)
			fi
		fi
	od;
	k = 0
}

/* sweep_list_locked() */
inline sweep_list(which) {
	sweep_conns(which);
	if
	:: changed -> S; done_event(which)
	:: else
	fi;
	if
#ifndef MUTANT_no_grant_in_sweep
	:: changed || !probe -> S; grant_next(which); changed = 0
#endif
	:: else -> changed = 0
	fi
}

/* list_unneeded(): no member, no connection. */
inline look_if_needed(which) {
	d_step {
#ifdef MUTANT_free_held
		used = 0;
#else
		used = (list[which].members != 0);
#endif
		for (w : 0 .. N_CONNS - 1) {
			if
			:: conn[w].linked && conn[w].list == which -> used = 1
			:: else
			fi
		}
		w = 0
	}
}

/* sweep_bucket_locked() */
inline sweep_bucket() {
	do
	:: l == N_LISTS -> break
	:: l < N_LISTS && !list[l].linked -> l++
	:: l < N_LISTS && list[l].linked ->
		assert(list[l].state != FREE);
		assert(!HALF_MADE(list[l]) || DEAD(list[l].owner));
		if
		:: list[l].state == DYING -> unlink_list(l)
		:: else ->
			if
			:: list[l].state == CLAIMED ->
				S; list[l].state = LIVE; list[l].owner = 0
			:: else
			fi;
			sweep_list(l);
#ifndef MUTANT_recovery_wakes_nobody
			/* A death may come between a change and its signal. */
			if
			:: probe -> done_event(l); grant_next(l)
			:: else
			fi;
#endif
			look_if_needed(l);
			if
			:: !used -> unlink_list(l)
			:: else -> used = 0
			fi
		fi;
		l++
	od;
	l = 0
}

/* ---- joining ---- */

/* find_list(): by the whole SID, also when there is only one.  l, or NO_LIST. */
inline find_list() {
	d_step {
		l = NO_LIST;
		for (w : 0 .. N_LISTS - 1) {
			if
#ifdef MUTANT_crc_only
			:: list[w].linked -> l = w
#else
			:: list[w].linked && list[w].sid == USER ->
				assert(list[w].state == LIVE && l == NO_LIST);
				l = w
#endif
			:: else
			fi
		}
		w = 0
	}
}

/* find_or_make() in join_once(): thread t holds list l. */
inline find_or_make() {
	find_list();
	if
	:: l != NO_LIST ->
		S;
#ifndef MUTANT_bit_late
		list[l].members = list[l].members | BIT(p);
#endif
		/* The hold is counted in the process, not in the segment. */
		ME.list = l; ME.holds = 1
	:: else ->
		d_step {
			l = 0;
			do
			:: list[l].state != FREE -> l++
			:: else -> break
			od;
			assert(l < N_LISTS)
		}
		list[l].state = CLAIMED; list[l].owner = p;
		S;
		/* make_list() */
		list[l].sid = USER;
		list[l].members = BIT(p);
		ME.list = l; ME.holds = 1;
		S;
		list[l].linked = 1;
		S;
		list[l].state = LIVE; list[l].owner = 0
	fi;
	l = 0
}

#define HELD (ME.holds && list[ME.list].state == LIVE && \
	      list[ME.list].sid == USER && \
	      list[ME.list].linked && (list[ME.list].members & BIT(p)))

/* list_unhold(): the last hold of the process clears its bit.  last: then nobody
 * is a member any more. */
inline unhold() {
	d_step {
		ME.holds = 0;
		last = 1;
		for (w : 0 .. N_THREADS - 1) {
			if
			:: PROC_OF(w) == p && thread[w].holds &&
			   thread[w].list == ME.list -> last = 0
			:: else
			fi
		}
		w = 0;
		if
		:: last -> list[ME.list].members =
				list[ME.list].members & (15 - BIT(p))
		:: else
		fi;
		last = last && list[ME.list].members == 0;
		ME.list = 0
	}
	S
}

/* ---- places in the budget ---- */

/*
 * place_look_locked(): the places in use and who is ahead, by looking.  Who was
 * called and has not moved for a second is passed by: without time, whoever was
 * called may or may not be (passing).
 */
inline look(which, me, passing) {
	d_step {
		used = 0; ahead = 0; orphan = NO_CONN;
		for (w : 0 .. N_CONNS - 1) {
			if
			:: !conn[w].linked || conn[w].list != which || w == me
			:: else ->
				if
				:: conn[w].state == OPEN -> used++
				:: conn[w].state == ORPHAN ->
					used++; orphan = w
				:: conn[w].state == WAITING &&
				   conn[w].ticket < conn[me].ticket &&
				   !(passing && conn[w].called) -> ahead++
				:: else
				fi
			fi
		}
		w = 0;
#ifdef MUTANT_no_limit
		placed = 1;
#else
		placed = (BUDGET == 0 ||
			  (!ahead && (orphan != NO_CONN || used < BUDGET)));
#endif
		used = 0; ahead = 0
	}
}

/* What the places in use are may never be more than the budget. */
inline check_budget(which) {
	d_step {
		for (w : 0 .. N_CONNS - 1) {
			if
			:: conn[w].linked && conn[w].list == which &&
			   (conn[w].state == OPEN || conn[w].state == ORPHAN) ->
				used++
			:: else
			fi
		}
		assert(BUDGET == 0 || used <= BUDGET);
		used = 0; w = 0
	}
}

/* conn_fill(): the ticket is the next one's.  Tickets are only compared among
 * those who wait, so the numbers here start again when nobody does. */
inline fill_conn(me, which) {
	d_step {
		for (w : 0 .. N_CONNS - 1) {
			if
			:: conn[w].linked && conn[w].list == which &&
			   conn[w].state == WAITING &&
			   conn[w].ticket >= x -> x = conn[w].ticket + 1
			:: else
			fi
		}
		conn[me].list = which;
		conn[me].ticket = x;
		x = 0; w = 0
	}
}

/* find_running() */
inline look_if_running(which) {
	d_step {
		for (w : 0 .. N_CONNS - 1) {
			if
			:: conn[w].linked && conn[w].list == which &&
			   conn[w].state == OPEN && conn[w].polls &&
			   (EVERYONE || conn[w].owner == p) -> used = 1
			:: else
			fi
		}
		w = 0
	}
}
