/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a thread itself is at a step, as a hash: its registers, its stack and its
 * heap.  Different pasts that have left the same behind are one state, which a
 * hash of all it has read can not see.
 *
 * A value that the program is done with may still lie on the stack and keep two
 * states apart; that costs time, never a state.  Little of it stays: what lies
 * below the stack's end is zeroed at each step, and the sources are compiled so
 * that variables begin as zeros.
 *
 * Registers are taken where a thread comes in, before C code can use them; so
 * this needs assembly, which is written for x86-64.  AddressSanitizer forbids to
 * look at stacks.  Elsewhere histories do, with more states.
 */
#include <stdlib.h>
#include <string.h>

#include "repro/explore-private.h"

#if OWN_STATES

/* Those that a function must leave as they are, and the stack's end. */
struct registers {
	uint64_t rbx, rbp, r12, r13, r14, r15, rsp;
} own_registers;

__asm__(".pushsection .text\n"
	".globl before\n"
	".hidden before\n"
	".type before, @function\n"
	"before:\n"
	"	mov %rbx, own_registers+0(%rip)\n"
	"	mov %rbp, own_registers+8(%rip)\n"
	"	mov %r12, own_registers+16(%rip)\n"
	"	mov %r13, own_registers+24(%rip)\n"
	"	mov %r14, own_registers+32(%rip)\n"
	"	mov %r15, own_registers+40(%rip)\n"
	"	mov %rsp, own_registers+48(%rip)\n"
	"	jmp run_before\n"
	".size before, .-before\n"
	".popsection\n");

static void mix_bytes(struct hash *h, const char *p, size_t n)
{
	struct hash x = *h;

	for (size_t i = 0; i < n; i += 8) {
		uint64_t v;

		memcpy(&v, p + i, 8);
		x.a = (x.a ^ v) * UINT64_C(0xff51afd7ed558ccd);
		x.a ^= x.a >> 32;
		x.b = (x.b + v) * UINT64_C(0xd6e8feb86659fd93);
		x.b ^= x.b >> 29;
	}
	mix(h, x.a);
	mix(h, x.b);
}

static struct hash hash_above(const char *sp, const char *top)
{
	struct hash h = {11, 12};

	if (sp)
		mix_bytes(&h, sp, (size_t)(top - sp));
	return h;
}

void own_forget(struct actor *a, const char *sp)
{
	struct own own;

	if (!ex.own)
		return;
	fiber_own(ex.run.cur, &own);
	a->base = a->seen;
	a->base_sp = sp;
	a->above = hash_above(sp, own.top);
}

/* ---- one name for what is the same ---- */

/* Two ways to say what a thread is: its past, and what it has now.  Who has one
 * of them in common goes on in the same way, so they are one. */
struct alias {
	struct hash key, name;
	bool used;
};

static struct {
	struct alias *at; /* hash table */
	uint64_t n, size;
} db;

static struct alias *slot_of(const struct hash *key)
{
	uint64_t i = key->a & (db.size - 1);

	while (db.at[i].used &&
	       (db.at[i].key.a != key->a || db.at[i].key.b != key->b))
		i = (i + 1) & (db.size - 1);
	return &db.at[i];
}

static void grow(void)
{
	struct alias *old = db.at;
	uint64_t n = db.size;
	int cur = ex.run.cur;

	ex.run.cur = NOBODY; /* it is not the thread that allocates */
	db.size = n ? 2 * n : 4096;
	db.at = must(calloc(db.size, sizeof(*db.at)));
	for (uint64_t i = 0; i < n; i++)
		if (old[i].used)
			*slot_of(&old[i].key) = old[i];
	free(old);
	ex.run.cur = cur;
}

static void name(const struct hash *key, const struct hash *is)
{
	struct alias *slot = slot_of(key);

	if (slot->used)
		return;
	*slot = (struct alias){*key, *is, true};
	db.n++;
}

static struct hash name_of(struct hash now, struct hash past)
{
	const struct alias *slot;
	struct hash is;

	if (2 * (db.n + 2) >= db.size)
		grow();
	slot = slot_of(&past);
	if (!slot->used)
		slot = slot_of(&now);
	is = slot->used ? slot->name : now;
	name(&past, &is);
	name(&now, &is);
	return is;
}

void own_drop(void)
{
	free(db.at);
	memset(&db, 0, sizeof(db));
}

/* ---- what it is now ---- */

/* The stack from its end up to where the thread has last said all it knows; what
 * lies above is known by that, unless it has changed since. */
static struct hash look(const struct actor *a)
{
	const char *sp = (const char *)own_registers.rsp, *top = a->base_sp;
	struct hash h = a->base, above;
	struct own own;

	fiber_own(ex.run.cur, &own);
	above = hash_above(top, own.top);
	if (!top || above.a != a->above.a || above.b != a->above.b)
		top = own.top;
	mix_bytes(&h, (const char *)&own_registers, sizeof(own_registers));
	if (sp < top)
		mix_bytes(&h, sp, (size_t)(top - sp));
	mix_bytes(&h, own.heap, own.n_heap);
	mix(&h, (uint64_t)ex.run.cur);
	return h;
}

void own_look(struct actor *a)
{
	struct hash past = a->seen;

	if (!ex.own)
		return;
	mix(&past, (uint64_t)ex.run.cur << 8 | 1);
	a->own = name_of(look(a), past);
}

#define BELOW 2048

__attribute__((__noinline__)) void own_scrub(void)
{
	char below[BELOW];

	if (!ex.own)
		return;
	memset(below, 0, sizeof(below));
	__asm__ volatile("" : : "r"(below) : "memory");
}

#else

struct actor *before(enum op_kind kind, const void *at, unsigned size,
		     uint64_t v)
{
	return run_before(kind, at, size, v);
}

void own_look(struct actor *a)
{
	(void)a;
}

void own_forget(struct actor *a, const char *sp)
{
	(void)a, (void)sp;
}

void own_scrub(void)
{
}

void own_drop(void)
{
}

#endif

__attribute__((__noinline__)) void explore_forget_at(const char *place,
						     uint64_t knows)
{
	struct actor *a = &ex.run.actor[ex.run.cur];
	struct hash *h = &a->seen;

	*h = (struct hash){1, 2};
	for (; *place; place++)
		mix(h, (unsigned char)*place);
	mix(h, knows);
	/* Above lie the return address and the caller's frame pointer, then
	 * what the caller has. */
	own_forget(a, (const char *)__builtin_frame_address(0) +
			      2 * sizeof(void *));
}
