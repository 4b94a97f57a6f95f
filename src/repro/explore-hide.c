/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps at which nobody can want to change threads: words that only one thread
 * ever touches, or that are touched under one lock by all who do, or only read.
 * Such a step is done at once, with no state of its own.
 *
 * Which words are so is not written down anywhere.  It is found by scouts, runs
 * in an order of chance, and then taken for granted; the search notes each touch
 * that it makes, and when one shows that a step should not have been hidden, all
 * begins anew with that known.  A search that comes to its end has seen every
 * touch there is, so what it relied on holds.
 *
 * Behind a death only what is touched there counts.  Of a thread that may be
 * killed only the steps that read are hidden.
 */
#include "repro/explore-private.h"

#define SCOUTS 1000 /* so many in a row have seen nothing new */

static unsigned roll(unsigned n)
{
	ex.dice = ex.dice * UINT64_C(6364136223846793005) +
		  UINT64_C(1442695040888963407);
	return (unsigned)(ex.dice >> 33) % n;
}

int scout_step(uint8_t can, unsigned *ret_choice)
{
	int who;

	if (!can || ex.run.depth == MAX_DEPTH)
		return NOBODY;
	/* Late deaths as well as early ones, long turns as well as short ones. */
	if (can & ~(1u << KILLER) && roll(ex.scout_life))
		can &= (uint8_t) ~(1u << KILLER);
	if (can >> ex.scout_last & 1 && roll(ex.scout_turn))
		can = (uint8_t)(1u << ex.scout_last);
	for (unsigned k = roll((unsigned)__builtin_popcount(can)); k; k--)
		can &= (uint8_t)(can - 1);
	who = __builtin_ctz(can);
	*ret_choice = roll(choices_of(who));
	ex.run.depth++;
	ex.scout_last = (unsigned)who;
	return who;
}

void scout(void (*run)(void))
{
	ex.scout = true;
	for (unsigned i = 0; ex.scout_idle < SCOUTS; i++) {
		ex.scout_life = 4u << i % 8;
		ex.scout_turn = 1u << i / 8 % 8;
		ex.scout_idle++;
		run();
	}
	ex.scout = false;
}

static uint8_t others_in_conflict(int who, uint32_t place, bool write)
{
	return in_conflict(who, place, write, ex.ever, ex.n_places) &
	       (uint8_t) ~(1u << who);
}

/* Of this word's steps that were hidden, is there one that should not be? */
static bool hidden_wrongly(uint32_t word)
{
	for (uint32_t i = ex.place_of_word[word]; i; i = ex.place[i - 1].next)
		for (unsigned bit = 0; bit < 16; bit++)
			if (ex.hidden[i - 1] >> bit & 1 &&
			    others_in_conflict((int)bit % 8, i - 1, bit >= 8))
				return true;
	return false;
}

/* Of those who slept for good on this word, can one be woken? */
static bool woken_after_all(uint32_t word)
{
	for (uint32_t i = ex.place_of_word[word]; i; i = ex.place[i - 1].next)
		for (int who = 0; who < N_ACTORS; who++)
			for (int write = 0; write < 2; write++)
				if (ex.relied[i - 1][who][write] &
				    others_in_conflict(who, i - 1, write))
					return true;
	return false;
}

static void note_touch(uint32_t place, touched bit)
{
	if (ex.ever[place] & bit)
		return;
	ex.ever[place] |= bit;
	ex.scout_idle = 0;
	ex.restart |= !ex.scout && (hidden_wrongly(ex.place[place].word) ||
				    woken_after_all(ex.place[place].word));
}

/* Who may still do something. */
static uint8_t others_left(int who)
{
	uint8_t m = 0;

	for (int i = 0; i < N_ACTORS; i++) {
		const struct actor *a = &ex.run.actor[i];

		if (i != who && !a->ended && !a->dead)
			m |= (uint8_t)(1u << i);
	}
	return m;
}

static bool sleeps_on(int who)
{
	uint8_t left = others_left(who);
	uint32_t word[2], place;
	bool write;

	words_of(who, word, &write);
	/* A death comes in between; so may a time-out. */
	if (word[1] != NO_WORD || who == KILLER || by_timeout(who))
		return false;
	if (word[0] == NO_WORD)
		return true;
	place = place_of(who, word[0]);
	if (others_in_conflict(who, place, write) & left)
		return false;
	ex.relied[place][who][write] |= left;
	return true;
}

bool sleeps_for_good(uint8_t asleep)
{
	if (!ex.p->collapse)
		return false;
	for (int i = 0; i < EXPLORE_THREADS; i++)
		if (asleep >> i & 1 && sleeps_on(i))
			return true;
	return false;
}

bool may_hide(int who)
{
	const struct actor *a = &ex.run.actor[who];
	uint32_t word[2], place;
	touched bit;
	bool write;

	words_of(who, word, &write);
	if (!ex.p->collapse || !ex.p->reduce || word[0] == NO_WORD)
		return false;
	/* Nobody can do anything about a mutex before that. */
	if (a->op.kind == OP_UNLOCK && word[1] == NO_WORD && !ex.scout)
		return true;
	place = place_of(who, word[0]);
	bit = (touched)(1u << who << 8 * write);
	note_touch(place, bit);
	if (ex.scout || word[1] != NO_WORD ||
	    (a->op.kind != OP_LOAD && a->op.kind != OP_STORE &&
	     a->op.kind != OP_RMW) ||
	    others_in_conflict(who, place, write))
		return false;
	ex.hidden[place] |= bit;
	return true;
}
