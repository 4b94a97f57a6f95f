/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Death: where it makes a difference, and what it does.
 */
#include "repro/explore-private.h"

bool dies_with_victims(const void *at)
{
	for (unsigned i = 0; i < ex.p->n_mem; i++)
		if (ex.p->mem[i].dies &&
		    (uintptr_t)at - (uintptr_t)ex.p->mem[i].at < ex.p->mem[i].n)
			return true;
	return false;
}

bool shows(const struct op *op)
{
	return writes(op) && (op->word == NO_WORD || !ex.word_dies[op->word]);
}

/* A death shows in what the victims have not written.  So with `reduce` it comes
 * only where each of them is about to write or has to wait: to die before a step
 * that only reads leaves behind what dying after it does. */
bool can_die(void)
{
	bool left = false;

	for (int i = 0; i < EXPLORE_THREADS; i++) {
		const struct actor *a = &ex.run.actor[i];

		if (!(ex.p->victims >> i & 1) || a->ended)
			continue;
		left = true;
		if (ex.p->reduce && can_step_awake(i) && !shows(&a->op))
			return false;
	}
	return left;
}

void die(void)
{
	struct run *r = &ex.run;
	int cur;

	r->killed = true;
	for (int i = 0; i < EXPLORE_THREADS; i++)
		if (ex.p->victims >> i & 1) {
			r->actor[i].dead = true;
			r->actor[i].held = 0;
		}
	cur = r->cur;
	r->cur = NOBODY;
	ex.p->die(ex.p->arg);
	for (unsigned i = 0; i < ex.p->n_mem; i++)
		if (ex.p->mem[i].dies)
			explore_clear(ex.p->mem[i].at, ex.p->mem[i].n);
	r->cur = cur;
	r->actor[KILLER].ended = true;
}
