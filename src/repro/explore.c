/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search.
 *
 *   path[0 … depth-1]   the steps of this run, each with its state, what was
 *                       tried there, and what is behind it
 *   known               states whose whole continuation has been explored, with
 *                       what is behind them
 *
 * A run goes forward until it meets a known state or a final one; then back()
 * adds up what is behind each state of the path, decides what else has to be
 * tried there, and the next run repeats the path up to the deepest such state.
 */
#include "repro/explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repro/explore-private.h"

struct explorer ex = {.run.cur = NOBODY};

static struct {
	char *saved[8]; /* the memory as it was */
	struct known leaf;
	struct ways leaf_ways;
} db;

/* ---- final states ---- */

static bool all_ended(void)
{
	for (unsigned i = 0; i < ex.p->n_threads; i++)
		if (!ex.run.actor[i].ended && !ex.run.actor[i].dead)
			return false;
	return true;
}

static const char *op_name(enum op_kind k)
{
	static const char *const names[] = {
		"start", "load", "store", "rmw",    "sleep", "asleep",
		"wake",  "lock", "take",  "unlock", "spawn", "choose",
		"event", "kill", "end",   "ended",
	};
	return names[k];
}

/* Who hangs, and how it came: runs of steps by one thread. */
static void describe_hang(void)
{
	char *at = ex.res->first, *end = at + sizeof(ex.res->first);

	for (unsigned i = 0; i < ex.p->n_threads; i++) {
		const struct actor *a = &ex.run.actor[i];

		if (!a->ended && !a->dead && end - at > 1)
			at += snprintf(at, (size_t)(end - at),
				       "%s: %s at word %u (%p), after %s; ",
				       ex.p->threads[i].name,
				       op_name(a->op.kind), a->op.word,
				       a->op.at, a->event ? a->event : "-");
	}
	for (unsigned d = 0, n; d < ex.run.depth && end - at > 1; d += n) {
		unsigned who = ex.path[d].who;

		for (n = 1; d + n < ex.run.depth && ex.path[d + n].who == who;)
			n++;
		at += snprintf(at, (size_t)(end - at), "%s*%u ",
			       who == KILLER ? "kill" : ex.p->threads[who].name,
			       n);
	}
}

void explore_fail(const char *what)
{
	char *first = ex.res->first;
	const size_t n = sizeof(ex.res->first);
	int cur = ex.run.cur;

	ex.run.cur = NOBODY;
	if (!ex.res->wrong++) {
		describe_hang();
		memmove(first + 64, first, n - 64);
		memset(first, ' ', 64);
		memcpy(first, what, strnlen(what, 60));
		first[n - 1] = '\0';
	}
	ex.run.cur = cur;
}

static void final_state(bool hangs)
{
	struct explore_result *res = ex.res;
	struct hash end = run_end();

	res->finals++;
	if (end_is_new(&end)) {
		res->ends++;
		res->hung_ends += hangs;
		res->ends_sum += end.a;
	}
	res->deaths += ex.run.killed;
	if (hangs && !res->hung++)
		describe_hang();
	if (ex.p->check && !ex.p->check(ex.p->arg, hangs) && !res->wrong++)
		describe_hang();
	db.leaf_ways = (struct ways){1, hangs};
}

/* ---- forward ---- */

/* words_of() needs the thread before its step; the run is behind it.  So each
 * step's words are noted on the way. */
static struct {
	uint32_t place[2];
	bool write, timeout, killer, shows; /* shows: a victim's that does */
} noted[MAX_DEPTH + 1];

/* A time-out comes when nobody else can go on: it matters to all. */
bool by_timeout(int who)
{
	return ex.run.killed && who != KILLER &&
	       ex.run.actor[who].op.kind == OP_RESUME &&
	       !ex.run.actor[who].woken;
}

static void note_step(unsigned depth, int who)
{
	uint32_t word[2];

	words_of(who, word, &noted[depth].write);
	noted[depth].killer = who == KILLER;
	noted[depth].shows = who != KILLER && word[1] != NO_WORD;
	noted[depth].timeout = by_timeout(who);
	for (int i = 0; i < 2; i++)
		noted[depth].place[i] =
			word[i] == NO_WORD ? NO_WORD : place_of(who, word[i]);
}

static uint8_t who_can(void)
{
	uint8_t m = 0;

	for (int i = 0; i < N_ACTORS; i++)
		m |= (uint8_t)(can_step(i) << i);
	return m;
}

/* Only whole events are put in order: who ran goes on. */
static bool must_go_on(int who)
{
	enum op_kind k;

	if (!ex.p->events || who == NOBODY || who == KILLER || !can_step(who))
		return false;
	k = ex.run.actor[who].op.kind;
	return k != OP_EVENT && k != OP_START && k != OP_RESUME;
}

static int last_runner(void)
{
	return ex.run.depth ? ex.path[ex.run.depth - 1].who : NOBODY;
}

/* Always the first: so those who have little to do with each other are explored
 * one after the other, and not each in every state of the other. */
static int first_of(uint8_t mask)
{
	return __builtin_ctz(mask);
}

/* Does the step before this state matter to the step that who would do? */
static bool matters(int who, unsigned before)
{
	uint32_t word[2];
	bool write;

	if (noted[before].timeout || by_timeout(who))
		return true;
	words_of(who, word, &write);
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 2; k++) {
			uint32_t p = noted[before].place[k];

			if (word[i] == NO_WORD || p == NO_WORD ||
			    ex.place[p].word != word[i])
				continue;
			if ((write && (!i || who == KILLER)) ||
			    (noted[before].write &&
			     (!k || noted[before].killer)))
				return true;
		}
	return false;
}

static uint8_t who_sleeps(void)
{
	const struct node *n;
	uint8_t was, is = 0;

	if (!ex.p->reduce || !ex.run.depth)
		return 0;
	n = &ex.path[ex.run.depth - 1];
	was = n->asleep | (n->tried & (uint8_t) ~(1u << n->who));
	for (int i = 0; i < N_ACTORS; i++)
		if (was >> i & 1 && !matters(i, ex.run.depth - 1))
			is |= (uint8_t)(1u << i);
	return is;
}

static struct node *new_node(const struct hash *key, uint8_t enabled,
			     uint8_t asleep)
{
	struct node *n = &ex.path[ex.run.depth];
	int last = last_runner();

	*n = (struct node){.key = *key, .enabled = enabled, .asleep = asleep};
	for (int i = 0; i < N_ACTORS; i++)
		if (asleep >> i & 1)
			n->of[i] = ex.path[ex.run.depth - 1].of[i];
	for (unsigned i = 0; i < ex.p->n_threads; i++)
		if (!(enabled >> i & 1))
			what_it_waits_for((int)i, &n->waits[i].holder,
					  &n->waits[i].word);
	n->who = (uint8_t)(must_go_on(last)
				   ? last
				   : first_of(enabled & (uint8_t)~asleep));
	n->tried = (uint8_t)(1u << n->who);
	if (!ex.p->reduce && !must_go_on(last))
		n->todo = enabled & (uint8_t)~n->tried;
	n->n_choices = (uint8_t)choices_of(n->who);
	return n;
}

static int replayed(unsigned *ret_choice)
{
	struct node *n = &ex.path[ex.run.depth++];

	if (ex.run.depth == ex.replay) /* its turn may be another's now */
		n->n_choices = (uint8_t)choices_of(n->who);
	*ret_choice = n->choice;
	return n->who;
}

/* Steps that waiting and dead threads would have done count as behind. */
static const struct set *left_undone(void)
{
	static touched t[MAX_PLACES];
	uint32_t word[2], p;
	bool write;

	memset(t, 0, sizeof(t));
	for (int i = 0; i < N_ACTORS; i++) {
		/* What the dead would have done is behind each state in which
		 * dying was tried: there they were tried, too. */
		if (ex.run.actor[i].ended || !ex.run.actor[i].started ||
		    ex.run.actor[i].dead)
			continue;
		words_of(i, word, &write);
		for (int k = 0; k < 2; k++)
			if (word[k] != NO_WORD) {
				p = place_of(i, word[k]);
				t[p] |= (touched)(1u
						  << i
						  << 8 * (write &&
							  (!k || i == KILLER)));
			}
	}
	return set_of(t);
}

/* Whoever could go on sleeps, or one whom nobody can wake: seen elsewhere. */
static const struct set *behind_sleep(void)
{
	const struct node *n = &ex.path[ex.run.depth - 1];
	const struct set *all = set_of(set_none);

	for (int i = 0; i < N_ACTORS; i++)
		if (n->of[i])
			all = set_union(all, n->of[i]);
	return all;
}

static int next_step(unsigned *ret_choice)
{
	struct node *n;
	struct hash key;
	uint8_t enabled, asleep;
	bool stuck;

	if (ex.restart)
		return NOBODY;
	if (ex.run.depth < ex.replay)
		return replayed(ret_choice);
	if (ex.scout)
		return scout_step(all_ended() ? 0 : who_can(), ret_choice);
	key = run_key();
	asleep = who_sleeps();
	if (known_find(&key, &db.leaf, &db.leaf_ways)) {
		if (!(db.leaf.asleep & ~asleep))
			return NOBODY;
		asleep &= db.leaf.asleep;
	}
	enabled = who_can();
	stuck = !(enabled & ~(1u << KILLER)) && !all_ended();
	if (!enabled || all_ended() || (stuck && !ex.p->victims) ||
	    ex.run.depth == MAX_DEPTH) {
		db.leaf = (struct known){.key = key, .behind = left_undone()};
		final_state(!all_ended());
		remember(&db.leaf, &db.leaf_ways);
		return NOBODY;
	}
	if (stuck && !ex.run.killed && !ex.res->hung++)
		describe_hang(); /* a death is no end of a hang */
	if (!(enabled & ~asleep) || sleeps_for_good(enabled & asleep)) {
		db.leaf = (struct known){.key = key, .behind = behind_sleep()};
		return NOBODY;
	}
	n = new_node(&key, enabled, asleep);
	ex.run.depth++;
	*ret_choice = 0;
	return n->who;
}

/* What the search itself does is none of the program's steps. */
int choose_next(unsigned *ret_choice)
{
	int cur = ex.run.cur, who;

	ex.run.cur = NOBODY;
	who = next_step(ret_choice);
	if (who != NOBODY && !ex.scout)
		note_step(ex.run.depth - 1, who);
	ex.run.cur = cur;
	return who;
}

/* ---- back ---- */

static uint8_t same_side(int who)
{
	uint8_t m = 0;

	for (unsigned i = 0; i < ex.p->n_threads && who != KILLER; i++)
		if (ex.p->threads[i].side == ex.p->threads[who].side)
			m |= (uint8_t)(1u << i);
	return m;
}

/* What was done before a death cannot come after what was done behind it; nor
 * can what the dead did: that another dies first, or dies not, is a step of its
 * own. */
static bool a_death_between(int who, uint32_t mine, uint32_t other)
{
	bool after = ex.place[mine].killed;

	if (after == ex.place[other].killed)
		return false;
	return after || (who != KILLER && ex.p->victims >> who & 1);
}

uint8_t in_conflict(int who, uint32_t place, bool write, const touched *of,
		    uint32_t n)
{
	uint16_t held = ex.place[place].held;
	uint8_t same = same_side(who), t, r = 0;
	uint32_t i;

	for (i = ex.place_of_word[ex.place[place].word]; i;
	     i = ex.place[i - 1].next) {
		uint16_t both = ex.place[i - 1].held & held;

		if (i - 1 >= n || both & ~ex.side_locks ||
		    a_death_between(who, place, i - 1))
			continue;
		t = (uint8_t)(of[i - 1] >> 8);
		if (write)
			t |= (uint8_t)of[i - 1];
		r |= both ? t & same : t;
	}
	return r;
}

/* Who touches this word behind, whatever he holds, and writes. */
static uint8_t writers(uint32_t word, const struct set *behind)
{
	touched t = 0;

	for (uint32_t i = ex.place_of_word[word]; i; i = ex.place[i - 1].next)
		if (i - 1 < behind->n)
			t |= behind->t[i - 1];
	return (uint8_t)(t >> 8);
}

/* These have to be tried in n.  Who cannot step there is not; whoever must step
 * before he can is: the holder of his lock, those who may wake him. */
static uint8_t instead_of(const struct node *n, uint8_t who,
			  const struct set *behind)
{
	uint8_t looked = 0, left;

	while ((left = who & (uint8_t) ~(n->enabled | looked))) {
		int i = __builtin_ctz(left);

		looked |= (uint8_t)(1u << i);
		if (i == KILLER) /* it comes after their reads */
			who |= (uint8_t)ex.p->victims;
		else if (n->waits[i].holder != NOBODY)
			who |= (uint8_t)(1u << n->waits[i].holder);
		else if (n->waits[i].word != NO_WORD)
			who |= writers(n->waits[i].word, behind);
	}
	return who & n->enabled;
}

static void after_step(struct node *n, unsigned depth, const struct known *k,
		       const struct ways *w)
{
	touched bit = (touched)(1u << n->who);
	uint8_t conflict = 0;

	n->of[n->who] = set_union(n->of[n->who], k->behind);
	for (int i = 0; i < 2; i++) {
		uint32_t p = noted[depth].place[i];
		/* Its second word a victim's step only reads. */
		bool write = noted[depth].write && (!i || n->who == KILLER);

		if (p == NO_WORD)
			continue;
		conflict |= in_conflict(n->who, p, write, k->behind->t,
					k->behind->n);
		n->of[n->who] = set_with(n->of[n->who], p,
					 (touched)(write ? bit << 8 : bit));
	}
	/* Behind his death no step of a victim shows. */
	if (n->who == KILLER)
		conflict |= (uint8_t)ex.p->victims;
	else if (noted[depth].shows)
		conflict |= 1u << KILLER;
	/* The others that could go on by time-out cannot any more. */
	if (noted[depth].timeout)
		conflict |= n->enabled;
	n->schedules += w->all;
	n->hung += w->hung;
	if (!ex.p->reduce)
		return;
	n->todo |= instead_of(n, conflict, k->behind) &
		   (uint8_t) ~(n->tried | n->asleep);
}

/* Another choice or thread at this state; false when there is none. */
static bool next_try(struct node *n)
{
	if (n->choice + 1 < n->n_choices) {
		n->choice++;
		return true;
	}
	if (!n->todo)
		return false;
	n->who = (uint8_t)__builtin_ctz(n->todo);
	n->todo &= (uint8_t)(n->todo - 1);
	n->tried |= (uint8_t)(1u << n->who);
	n->choice = 0;
	n->n_choices = 1; /* set when the run comes by */
	return true;
}

static const struct set *behind_all(const struct node *n)
{
	const struct set *all = NULL;

	for (int i = 0; i < N_ACTORS; i++)
		if (n->of[i])
			all = set_union(all, n->of[i]);
	return all;
}

/* The depth up to which the next run repeats; 0: all is explored. */
static unsigned back(void)
{
	struct known k = db.leaf;
	struct ways w = db.leaf_ways;

	for (unsigned d = ex.run.depth; d; d--) {
		struct node *n = &ex.path[d - 1];

		after_step(n, d - 1, &k, &w);
		if (next_try(n))
			return d;
		k = (struct known){n->key, behind_all(n), n->asleep};
		w = (struct ways){n->schedules, n->hung};
		remember(&k, &w);
	}
	ex.res->schedules = w.all;
	ex.res->hung_schedules = w.hung;
	return 0;
}

/* ---- all of it ---- */

static void restore(void)
{
	bool killed = ex.run.killed;

	if (picture_restore(ex.replay ? ex.replay - 1 : 0)) {
		if (killed && !ex.run.killed)
			ex.p->revive(ex.p->arg);
		return;
	}
	if (killed)
		ex.p->revive(ex.p->arg);
	for (unsigned i = 0; i < ex.p->n_mem; i++)
		memcpy(ex.p->mem[i].at, db.saved[i], ex.p->mem[i].n);
	run_begin();
}

static void save(void)
{
	for (unsigned i = 0; i < ex.p->n_mem; i++) {
		db.saved[i] = must(malloc(ex.p->mem[i].n));
		memcpy(db.saved[i], ex.p->mem[i].at, ex.p->mem[i].n);
	}
}

static void drop_all(void)
{
	known_drop();
	own_drop();
	for (unsigned i = 0; i < ex.p->n_mem; i++)
		free(db.saved[i]);
	free(ex.path);
	memset(&db, 0, sizeof(db));
}

static void one_run(void)
{
	restore();
	dispatch();
}

static void begin_anew(void)
{
	uint64_t restarts = ex.res->restarts + 1;

	pictures_drop();
	known_drop();
	memset(ex.hidden, 0, sizeof(ex.hidden));
	memset(ex.relied, 0, sizeof(ex.relied));
	memset(ex.res, 0, sizeof(*ex.res));
	ex.res->restarts = restarts;
	ex.restart = false;
	ex.replay = 0;
}

/* False: all is explored, or too much. */
static bool one_more(void)
{
	one_run();
	ex.res->runs++;
	if (ex.restart) {
		begin_anew();
		return true;
	}
	ex.replay = back();
	return ex.replay && ex.res->states < ex.p->max_states &&
	       !(ex.p->first_hang && ex.res->hung);
}

void explore(const struct explore_params *params, struct explore_result *ret)
{
	struct explore_params p = *params;

	if (!p.max_states)
		p.max_states = 20000000;
	memset(&ex, 0, sizeof(ex));
	memset(ret, 0, sizeof(*ret));
	ex.run.cur = NOBODY;
	ex.p = &p;
	ex.res = ret;
	ex.own = OWN_STATES && p.collapse;
	ex.path = must(calloc(MAX_DEPTH + 1, sizeof(*ex.path)));
	ex.life = word_of(&ex.alive, 4);
	fibers_open();
	save();
	if (p.collapse && p.reduce)
		scout(one_run);
	while (one_more())
		;
	pictures_drop();
	restore();
	ret->wrong += ex.broken_locks;
	ret->complete = !ex.replay;
	fibers_close();
	drop_all();
	ex.p = NULL;
}
