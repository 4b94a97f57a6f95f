/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of the program: a thread stops before each step, the search says whose
 * step is next, the step is done.  Whoever's code runs does this work, and hands
 * over only when another thread is next.
 */
#include <stdlib.h>
#include <string.h>

#include "connlist/put.h"
#include "repro/explore-private.h"

#define MAX_TIMEOUTS 64 /* more in one run: they lead nowhere */

/* ---- words ---- */

static uint64_t value_at(const void *at, unsigned size)
{
	uint64_t v = 0;

	memcpy(&v, at, size);
	return v;
}

uint32_t word_of(const void *at, unsigned size)
{
	uint32_t i;

	uint32_t h;

	/* The same memory mapped a second time. */
	if ((uintptr_t)at - (uintptr_t)ex.p->alias < ex.p->alias_n)
		at = (const char *)ex.p->alias_of +
		     ((uintptr_t)at - (uintptr_t)ex.p->alias);
	h = (uint32_t)((uintptr_t)at >> 2) * 2654435761u >> 20;
	for (; (i = ex.table[h]); h = (h + 1) % TABLE)
		if (ex.word_at[i - 1] == at)
			return i - 1;
	if (ex.n_words == MAX_WORDS)
		abort();
	i = ex.n_words++;
	ex.table[h] = i + 1;
	ex.word_at[i] = at;
	ex.word_size[i] = size;
	ex.word_dies[i] = dies_with_victims(at);
	/* Nobody has touched it in this run. */
	ex.word_first[i] = ex.run.val[i] = value_at(at, size);
	return i;
}

uint32_t place_of(int who, uint32_t word)
{
	const bool killed = ex.run.killed;
	const uint16_t held = held_at(who, word);
	uint32_t i;

	for (i = ex.place_of_word[word]; i; i = ex.place[i - 1].next)
		if (ex.place[i - 1].held == held &&
		    ex.place[i - 1].killed == killed)
			return i - 1;
	if (ex.n_places == MAX_PLACES)
		abort();
	i = ex.n_places++;
	ex.place[i].word = word;
	ex.place[i].held = held;
	ex.place[i].killed = killed;
	ex.place[i].next = ex.place_of_word[word];
	ex.place_of_word[word] = i + 1;
	return i;
}

/* ---- hashes ---- */

static uint64_t scramble(uint64_t x)
{
	x ^= x >> 33;
	x *= UINT64_C(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ x >> 33;
}

void mix(struct hash *h, uint64_t v)
{
	h->a = scramble(h->a ^ v) + UINT64_C(0x9e3779b97f4a7c15);
	h->b = scramble(h->b + v * UINT64_C(0xd6e8feb86659fd93)) ^ h->a >> 7;
}

/* What a word adds to the memory's hash: nothing as long as it is as it was
 * in the beginning. */
static void fold(struct hash *h, uint32_t word, uint64_t v)
{
	uint64_t first = ex.word_first[word];
	uint64_t k = (uint64_t)word << 32 | 1;

	if (v == first)
		return;
	h->a ^= scramble(scramble(v) + k);
	h->b ^= scramble(v * UINT64_C(0x9fb21c651e98df25) ^ scramble(k));
}

/* The last step's store has happened: into the hash with it. */
static void settle(void)
{
	struct run *r = &ex.run;
	uint64_t v;

	if (r->stored == NO_WORD)
		return;
	v = value_at(ex.word_at[r->stored], ex.word_size[r->stored]);
	if (v != r->val[r->stored]) {
		if (!v)
			lock_freed(r->stored);
		fold(&r->memory, r->stored, r->val[r->stored]);
		fold(&r->memory, r->stored, v);
		r->val[r->stored] = v;
		if (ex.p->changed)
			ex.p->changed(ex.p->arg, ex.word_at[r->stored]);
	}
	r->stored = NO_WORD;
}

void explore_clear(const void *at, size_t n)
{
	struct run *r = &ex.run;

	memset((void *)(uintptr_t)at, 0, n);
	for (uint32_t i = 0; i < ex.n_words; i++) {
		if ((uintptr_t)ex.word_at[i] - (uintptr_t)at >= n || !r->val[i])
			continue;
		fold(&r->memory, i, r->val[i]);
		fold(&r->memory, i, 0);
		r->val[i] = 0;
	}
}

struct hash run_key(void)
{
	const struct run *r = &ex.run;
	struct hash h = r->memory;

	for (int i = 0; i < N_ACTORS; i++) {
		const struct actor *a = &r->actor[i];

		const struct hash *own = ex.own ? &a->own : &a->seen;

		/* It does nothing any more, wherever it was. */
		if (a->dead && ex.p->reduce) {
			mix(&h, 13);
			continue;
		}
		mix(&h, own->a);
		mix(&h, own->b ^ (uint64_t)a->held << 16 ^
				(uint64_t)a->op.word << 32);
		mix(&h, (uint64_t)a->op.kind << 8 ^
				(uint64_t)(a->started | a->ended << 1 |
					   a->dead << 2 | a->woken << 3));
	}
	for (uint32_t i = 0; i < ex.n_locks; i++)
		if (r->owner[i])
			mix(&h, i << 8 | r->owner[i]);
	mix(&h, r->killed);
	return h;
}

/* Words by their address: searches number them as they meet them. */
struct hash run_end(void)
{
	const struct run *r = &ex.run;
	struct hash h = {9, 10};

	for (uint32_t i = 0; i < ex.n_words; i++) {
		uint64_t at = (uintptr_t)ex.word_at[i];

		if (r->val[i] == ex.word_first[i])
			continue;
		h.a += scramble(scramble(r->val[i]) + at);
		h.b += scramble(r->val[i] ^ scramble(at));
	}
	for (int i = 0; i < N_ACTORS; i++) {
		const struct actor *a = &r->actor[i];

		if (a->dead) {
			mix(&h, 13);
			continue;
		}
		mix(&h, (uintptr_t)a->op.at);
		mix(&h, (uint64_t)a->op.kind << 8 ^
				(uint64_t)(a->started | a->ended << 1));
	}
	return h;
}

/* ---- who may ---- */

static bool asleep(const struct actor *a)
{
	return a->op.kind == OP_RESUME && !a->woken;
}

static bool runs(const struct actor *a)
{
	return a->started && !a->ended && !a->dead;
}

bool writes(const struct op *op)
{
	switch (op->kind) {
	case OP_STORE:
	case OP_RMW:
	case OP_WAKE:
	case OP_LOCK:
	case OP_UNLOCK:
	case OP_SPAWN:
	case OP_KILL:
	case OP_END:
		return true;
	default:
		return false;
	}
}

bool can_step_awake(int who)
{
	const struct actor *a = &ex.run.actor[who];

	if (!runs(a) || asleep(a))
		return false;
	if (a->op.kind == OP_LOCK)
		return !*(const uint32_t *)a->op.at;
	return true;
}

/* A time-out ends a sleep only after a death, and when nobody else can go on:
 * that is the look after the owner's life, each 100 ms. */
bool can_step(int who)
{
	const struct run *r = &ex.run;

	if (who == KILLER)
		return !r->killed && can_die();
	if (can_step_awake(who))
		return true;
	if (!r->killed || !runs(&r->actor[who]) || !asleep(&r->actor[who]) ||
	    r->timeouts >= MAX_TIMEOUTS)
		return false;
	for (int i = 0; i < EXPLORE_THREADS; i++)
		if (can_step_awake(i))
			return false;
	return true;
}

static unsigned sleepers(uint32_t word)
{
	unsigned n = 0;

	for (int i = 0; i < EXPLORE_THREADS; i++) {
		const struct actor *a = &ex.run.actor[i];

		n += runs(a) && asleep(a) && a->op.word == word;
	}
	return n;
}

unsigned choices_of(int who)
{
	const struct actor *a = &ex.run.actor[who];
	unsigned n;

	if (a->op.kind == OP_CHOOSE)
		return (unsigned)a->op.v;
	if (a->op.kind != OP_WAKE)
		return 1;
	n = sleepers(a->op.word);
	return n > a->op.v && n > 1 ? n : 1;
}

void words_of(int who, uint32_t ret[2], bool *ret_write)
{
	const struct op *op = &ex.run.actor[who].op;

	ret[0] = op->word;
	*ret_write = writes(op);
	ret[1] = who == KILLER || (ex.p->victims >> who & 1 && shows(op))
			 ? ex.life
			 : NO_WORD;
}

/* ---- steps ---- */

static void wake(struct actor *waker, unsigned choice)
{
	uint64_t n = waker->op.v;
	unsigned k = 0;
	bool pick = sleepers(waker->op.word) > n;

	for (int i = 0; i < EXPLORE_THREADS; i++) {
		struct actor *a = &ex.run.actor[i];

		if (!runs(a) || !asleep(a) || a->op.word != waker->op.word)
			continue;
		if (!pick || (k >= choice && k < choice + n))
			a->woken = true;
		k++;
	}
}

static bool lost(const struct op *op)
{
	return ex.p->lose_wake &&
	       ex.p->lose_wake(ex.p->arg, ex.word_at[op->word]);
}

static void will_store(const struct actor *a)
{
	ex.run.stored = a->op.word;
	ex.run.stored_held = a->held;
}

/* Does who's step as far as it is ours; true when its code goes on now. */
static bool step(int who, unsigned choice)
{
	struct actor *a = &ex.run.actor[who];
	struct op *op = &a->op;

	ex.res->steps++;
	if ((op->kind == OP_LOAD || op->kind == OP_RMW) && ex.p->may_load &&
	    !ex.p->may_load(ex.p->arg, ex.word_at[op->word]))
		explore_fail("a word is read that is nobody's");
	mix(&a->seen, (uint64_t)op->kind << 32 | op->word);
	switch (op->kind) {
	case OP_LOAD:
		mix(&a->seen, value_at(op->at, op->size));
		/* Whoever looks at the word asks the kernel, too. */
		if (op->word == ex.run.actor[KILLER].op.word)
			mix(&a->seen, ex.run.killed);
		break;
	case OP_RMW:
		mix(&a->seen, value_at(op->at, op->size));
		will_store(a);
		break;
	case OP_STORE:
		will_store(a);
		break;
	case OP_SLEEP:
		a->result = 0;
		if (value_at(op->at, 4) != op->v)
			break;
		op->kind = OP_RESUME;
		a->woken = false;
		return false;
	case OP_RESUME:
		a->result = !a->woken;
		ex.run.timeouts += a->result;
		mix(&a->seen, a->result);
		a->woken = false;
		break;
	case OP_WAKE:
		if (!lost(op))
			wake(a, choice);
		break;
	case OP_LOCK:
		*(uint32_t *)(uintptr_t)op->at = (uint32_t)op->v;
		will_store(a);
		break;
	case OP_UNLOCK:
		*(uint32_t *)(uintptr_t)op->at = 0;
		will_store(a);
		break;
	case OP_SPAWN:
		ex.run.actor[op->v].started = true;
		break;
	case OP_CHOOSE:
		a->result = choice;
		mix(&a->seen, choice);
		break;
	case OP_KILL:
		die();
		return false;
	default:
		break;
	}
	return true;
}

static bool wants_picture(void)
{
	unsigned d = ex.run.depth;

	return !ex.scout && d % PICTURE_EVERY == 0 && d > picture_depth();
}

/* Not part of run_before(), whose frame stays where own_scrub() cleans. */
__attribute__((__noinline__)) void dispatch(void)
{
	const int me = ex.run.cur;

	for (;;) {
		unsigned choice = 0;
		int who;

		settle();
		if (wants_picture()) {
			if (me == NOBODY) {
				picture_take();
				continue;
			}
			ex.run.pause = true;
			ex.run.cur = NOBODY;
			fiber_switch(me, NOBODY);
			return; /* somebody has done our step */
		}
		who = choose_next(&choice);
		if (who == NOBODY) {
			ex.run.over = true;
			if (me == NOBODY)
				return;
			ex.run.cur = NOBODY;
			fiber_switch(me, NOBODY);
			abort(); /* a run that is over goes on */
		}
		if (!step(who, choice))
			continue;
		if (who == me)
			return;
		ex.run.cur = who;
		fiber_switch(me, who);
		if (me == NOBODY && ex.run.pause) {
			ex.run.pause = false;
			continue;
		}
		/* The run is over; or somebody has done our step. */
		return;
	}
}

/* ---- the threads' side ---- */

struct actor *run_before(enum op_kind kind, const void *at, unsigned size,
			 uint64_t v)
{
	struct actor *a = &ex.run.actor[ex.run.cur];

	a->op = (struct op){
		.kind = kind,
		.word = at ? word_of(at, size) : NO_WORD,
		.at = at,
		.size = size,
		.v = v,
	};
	if (may_hide(ex.run.cur)) {
		settle();
		step(ex.run.cur, 0);
	} else {
		own_look(a);
		dispatch();
	}
	own_scrub();
	return a;
}

void mx_sched_access(const void *word, unsigned size, enum mx_sched_access how)
{
	if (ex.run.cur == NOBODY)
		return;
	before(how == MX_SCHED_LOAD    ? OP_LOAD
	       : how == MX_SCHED_STORE ? OP_STORE
				       : OP_RMW,
	       word, size, 0);
}

void mx_sched_mark(void)
{
	struct actor *a;

	if (ex.run.cur == NOBODY)
		return;
	a = &ex.run.actor[ex.run.cur];
	a->marked = a->seen;
}

void mx_sched_forget(uint64_t knows)
{
	struct actor *a;

	if (ex.run.cur == NOBODY)
		return;
	a = &ex.run.actor[ex.run.cur];
	a->seen = a->marked;
	mix(&a->seen, knows);
}

bool run_sleep(const uint32_t *word, uint32_t v)
{
	return before(OP_SLEEP, word, 4, v)->result;
}

void run_wake(const uint32_t *word, uint32_t n)
{
	before(OP_WAKE, word, 4, n);
}

void explore_start(unsigned thread)
{
	before(OP_SPAWN, &ex.begun[thread], 4, thread);
}

void explore_event(const char *name)
{
	ex.run.actor[ex.run.cur].event = name;
	before(OP_EVENT, NULL, 0, 0);
}

unsigned explore_choose(unsigned n)
{
	return before(OP_CHOOSE, NULL, 0, n)->result;
}

void fiber_body(int who)
{
	struct actor *a = &ex.run.actor[who];

	ex.p->threads[who].fn(ex.p->threads[who].arg);
	if (ex.p->victims >> who & 1)
		before(OP_END, NULL, 0, 0);
	a->ended = true;
	a->op = (struct op){.kind = OP_ENDED, .word = NO_WORD};
	a->seen = a->own = (struct hash){3, 4};
	dispatch();
	abort();
}

void run_begin(void)
{
	struct run *r = &ex.run;

	fibers_reset();
	memset(r->actor, 0, sizeof(r->actor));
	memcpy(r->val, ex.word_first, sizeof(r->val[0]) * ex.n_words);
	r->memory = (struct hash){5, 6};
	r->cur = NOBODY;
	r->stored = NO_WORD;
	memset(r->owner, 0, sizeof(r->owner));
	r->depth = 0;
	r->timeouts = 0;
	r->killed = r->over = false;
	for (unsigned i = 0; i < ex.p->n_threads; i++) {
		r->actor[i].started = !ex.p->threads[i].waits;
		r->actor[i].op = (struct op){
			.kind = OP_START,
			.word = word_of(&ex.begun[i], 4),
			.at = &ex.begun[i],
			.size = 4,
		};
	}
	if (ex.p->victims && ex.p->word)
		ex.ever[place_of(KILLER, word_of(ex.p->word, 8))] |=
			(touched)(1u << KILLER << 8);
	r->actor[KILLER].started = true;
	r->actor[KILLER].op = (struct op){
		.kind = OP_KILL,
		.word = ex.p->word ? word_of(ex.p->word, 8) : NO_WORD,
		.at = ex.p->word,
		.size = 8,
	};
}
