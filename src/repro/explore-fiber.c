/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines, and the memory they allocate.  A run may be left in the middle, so
 * what its coroutines take comes from heaps of our own, one each, that are
 * forgotten as a whole (the linker's --wrap puts us in between).  Time stands
 * still, and futex calls go to the scheduler, in the same way.
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "base/clock.h"
#include "base/lock.h"
#include "connlist/put.h"
#include "repro/explore-private.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_BYTES (256u << 10)
#define USED_BYTES (32u << 10) /* of a stack, by programs under test */
#define HEAP_BYTES (1u << 20)

struct picture {
	struct picture *older;
	struct run run;
	size_t used[EXPLORE_THREADS], low[EXPLORE_THREADS];
	ucontext_t ctx[EXPLORE_THREADS];
	char bytes[];
};

static struct {
	struct picture *newest;
	/* What of each stack is in use: from here up. */
	size_t low[EXPLORE_THREADS];
	ucontext_t ctx[EXPLORE_THREADS], main;
	char *stack[EXPLORE_THREADS];
	char *heap; /* HEAP_BYTES each */
	size_t used[EXPLORE_THREADS];
#if defined(__SANITIZE_ADDRESS__)
	const void *main_bottom;
	size_t main_size;
#endif
} fb;

static char *heap_of(int who)
{
	return fb.heap + (size_t)who * HEAP_BYTES;
}

void fiber_own(int who, struct own *ret)
{
	ret->top = fb.stack[who] + STACK_BYTES;
	ret->heap = heap_of(who);
	ret->n_heap = fb.used[who];
}

void fibers_open(void)
{
	for (int i = 0; i < EXPLORE_THREADS; i++) {
		fb.stack[i] = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (fb.stack[i] == MAP_FAILED)
			abort();
	}
	fb.heap = mmap(NULL, EXPLORE_THREADS * HEAP_BYTES,
		       PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	if (fb.heap == MAP_FAILED)
		abort();
}

void fibers_close(void)
{
	for (int i = 0; i < EXPLORE_THREADS; i++)
		munmap(fb.stack[i], STACK_BYTES);
	munmap(fb.heap, EXPLORE_THREADS * HEAP_BYTES);
}

static void entry(int who)
{
#if defined(__SANITIZE_ADDRESS__)
	const void *bottom;
	size_t size;

	__sanitizer_finish_switch_fiber(NULL, &bottom, &size);
	if (!fb.main_bottom) { /* the first one comes from the search */
		fb.main_bottom = bottom;
		fb.main_size = size;
	}
#endif
	fiber_body(who);
}

static void fiber_reset(int who)
{
	ucontext_t *ctx = &fb.ctx[who];

#if defined(__SANITIZE_ADDRESS__)
	ASAN_UNPOISON_MEMORY_REGION(fb.stack[who], STACK_BYTES);
#endif
	/* What the last run left there is none of this one's. */
	memset(fb.stack[who] + STACK_BYTES - USED_BYTES, 0, USED_BYTES);
	fb.low[who] = STACK_BYTES - 256;
	getcontext(ctx);
	ctx->uc_stack.ss_sp = fb.stack[who];
	ctx->uc_stack.ss_size = STACK_BYTES;
	ctx->uc_link = NULL;
	makecontext(ctx, (void (*)(void))entry, 1, who);
}

void fibers_reset(void)
{
	memset(fb.used, 0, sizeof(fb.used));
	mx_locks_held = 0;
	for (int i = 0; i < EXPLORE_THREADS; i++)
		fiber_reset(i);
}

void fiber_switch(int from, int to)
{
	ucontext_t *a = from == NOBODY ? &fb.main : &fb.ctx[from];
	ucontext_t *b = to == NOBODY ? &fb.main : &fb.ctx[to];
#if defined(__SANITIZE_ADDRESS__)
	void *fake;

	__sanitizer_start_switch_fiber(
		&fake, to == NOBODY ? fb.main_bottom : fb.stack[to],
		to == NOBODY ? fb.main_size : STACK_BYTES);
	swapcontext(a, b);
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
#else
	/* Below it are only this function's own and swapcontext's frames. */
	if (from != NOBODY)
		fb.low[from] = (size_t)((char *)__builtin_frame_address(0) -
					fb.stack[from]) -
			       1024;
	swapcontext(a, b);
#endif
}

/* ---- pictures ---- */

static char *put(char *to, const void *from, size_t n)
{
	memcpy(to, from, n);
	return to + n;
}

static const char *get(const char *from, void *to, size_t n)
{
	memcpy(to, from, n);
	return from + n;
}

static size_t picture_bytes(void)
{
	size_t n = 0;

	for (int i = 0; i < EXPLORE_THREADS; i++)
		n += fb.used[i] + STACK_BYTES - fb.low[i];
	for (unsigned i = 0; i < ex.p->n_mem; i++)
		n += ex.p->mem[i].words ? 0 : ex.p->mem[i].n;
	return n;
}

void picture_take(void)
{
	struct picture *p = malloc(sizeof(*p) + picture_bytes());
	char *at;

	if (!p)
		abort();
	p->older = fb.newest;
	p->run = ex.run;
	p->run.n_words = ex.n_words;
	memcpy(p->used, fb.used, sizeof(p->used));
	memcpy(p->low, fb.low, sizeof(p->low));
	memcpy(p->ctx, fb.ctx, sizeof(p->ctx));
	at = p->bytes;
	for (int i = 0; i < EXPLORE_THREADS; i++) {
		at = put(at, heap_of(i), fb.used[i]);
		at = put(at, fb.stack[i] + fb.low[i], STACK_BYTES - fb.low[i]);
	}
	for (unsigned i = 0; i < ex.p->n_mem; i++)
		if (!ex.p->mem[i].words)
			at = put(at, ex.p->mem[i].at, ex.p->mem[i].n);
	fb.newest = p;
}

static void drop_newest(void)
{
	struct picture *p = fb.newest;

	fb.newest = p->older;
	free(p);
}

unsigned picture_depth(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return UINT32_MAX;
#else
	return fb.newest ? fb.newest->run.depth : 0;
#endif
}

void pictures_drop(void)
{
	while (fb.newest)
		drop_newest();
}

/* Words that were not touched before the picture was taken are as they were in
 * the beginning. */
static void words_restore(const struct picture *p)
{
	for (uint32_t i = 0; i < ex.n_words; i++) {
		uint64_t v = i < p->run.n_words ? p->run.val[i]
						: ex.word_first[i];

		memcpy((void *)(uintptr_t)ex.word_at[i], &v, ex.word_size[i]);
		ex.run.val[i] = v;
	}
}

bool picture_restore(unsigned depth)
{
	const struct picture *p;
	const char *at;

	while (fb.newest && fb.newest->run.depth > depth)
		drop_newest();
	p = fb.newest;
	if (!p)
		return false;
	ex.run = p->run;
	memcpy(fb.used, p->used, sizeof(p->used));
	memcpy(fb.low, p->low, sizeof(p->low));
	memcpy(fb.ctx, p->ctx, sizeof(p->ctx));
	at = p->bytes;
	for (int i = 0; i < EXPLORE_THREADS; i++) {
		at = get(at, heap_of(i), fb.used[i]);
		at = get(at, fb.stack[i] + fb.low[i], STACK_BYTES - fb.low[i]);
	}
	for (unsigned i = 0; i < ex.p->n_mem; i++)
		if (!ex.p->mem[i].words)
			at = get(at, ex.p->mem[i].at, ex.p->mem[i].n);
	words_restore(p);
	return true;
}

/* ---- what the linker sends here ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void __real_free(void *p);
mx_mono __real_mx_mono_now(void);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *p);
mx_mono __wrap_mx_mono_now(void);
long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);

/* Before each piece stands its size. */
#define PIECE_HEAD 16

static void *take(size_t size)
{
	size_t *used = &fb.used[ex.run.cur];
	char *at = heap_of(ex.run.cur) + *used;

	size = (size + 15) & ~(size_t)15;
	*used += PIECE_HEAD + size;
	if (*used > HEAP_BYTES)
		abort();
	memset(at, 0, PIECE_HEAD + size);
	memcpy(at, &size, sizeof(size));
	return at + PIECE_HEAD;
}

void *__wrap_malloc(size_t size)
{
	return ex.run.cur == NOBODY ? __real_malloc(size) : take(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return ex.run.cur == NOBODY ? __real_calloc(n, size) : take(n * size);
}

void __wrap_free(void *p)
{
	size_t n;

	if (!fb.heap || (char *)p < fb.heap ||
	    (char *)p >= fb.heap + EXPLORE_THREADS * HEAP_BYTES) {
		__real_free(p);
		return;
	}
	/* What it was does not tell states apart. */
	memcpy(&n, (char *)p - PIECE_HEAD, sizeof(n));
	memset(p, 0, n);
}

/* Any moment will do, as long as it is the same. */
mx_mono __wrap_mx_mono_now(void)
{
	return ex.run.cur == NOBODY ? __real_mx_mono_now()
				    : (mx_mono){1000 * MX_NS_PER_S};
}

/* A time-out is not looked at. */
static long futex(const uint32_t *word, long op, uint32_t v)
{
	if ((op & FUTEX_CMD_MASK) == FUTEX_WAKE) {
		run_wake(word, v);
		return 0;
	}
	errno = run_sleep(word, v) ? ETIMEDOUT : EAGAIN;
	return -1;
}

long __wrap_syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (ex.run.cur == NOBODY)
		return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (nr != SYS_futex)
		abort(); /* what a program under test must not do */
	return futex((const uint32_t *)a[0], a[1], (uint32_t)a[2]);
}
