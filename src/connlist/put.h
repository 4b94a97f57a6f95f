/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every store into the segment goes through this header, one machine word at a
 * time, and every word is read with an acquire load.  Pointers into the segment
 * are pointers to const everywhere else, so the compiler refuses another way;
 * src/connlist/lint-stores looks for casts and atomics that would get around
 * it.
 *
 * Before each store stands shm_step(): tests kill the process there, at every
 * step in turn, and check that the survivors repair what is half made.
 *
 * With MX_SHM_SCHED (one test's own build of these sources) a deterministic
 * scheduler stands before every access: src/repro/explore.h.
 */
#ifndef MX_CONNLIST_PUT_H
#define MX_CONNLIST_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* NULL except in tests. */
extern void (*mx_shm_step)(void);

enum mx_sched_access {
	MX_SCHED_LOAD,
	MX_SCHED_STORE,
	MX_SCHED_RMW, /* both, at once */
};

#ifdef MX_SHM_SCHED
void mx_sched_access(const void *word, unsigned size, enum mx_sched_access how);
/* What the thread has read since the mark has left nothing in its variables
 * but `knows`: two ways to the same point are one. */
void mx_sched_mark(void);
void mx_sched_forget(uint64_t knows);
/* The thread has this lock; is about to give it back. */
void mx_sched_locked(const void *lock);
void mx_sched_unlocking(const void *lock);
#else
static inline void mx_sched_mark(void)
{
}

static inline void mx_sched_forget(uint64_t knows)
{
}

static inline void mx_sched_locked(const void *lock)
{
}

static inline void mx_sched_unlocking(const void *lock)
{
}

static inline void mx_sched_access(const void *word, unsigned size,
				   enum mx_sched_access how)
{
}
#endif

static inline void shm_step(const void *word, unsigned size,
			    enum mx_sched_access how)
{
	if (__builtin_expect(mx_shm_step != NULL, 0))
		mx_shm_step();
	mx_sched_access(word, size, how);
}

#define SHM_MUTABLE32(p) ((uint32_t *)(uintptr_t)(p))
#define SHM_MUTABLE64(p) ((uint64_t *)(uintptr_t)(p))

static inline uint32_t shm_get32(const uint32_t *p)
{
	mx_sched_access(p, sizeof(*p), MX_SCHED_LOAD);
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static inline uint64_t shm_get64(const uint64_t *p)
{
	mx_sched_access(p, sizeof(*p), MX_SCHED_LOAD);
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static inline void shm_put32(const uint32_t *p, uint32_t v)
{
	shm_step(p, sizeof(*p), MX_SCHED_STORE);
	__atomic_store_n(SHM_MUTABLE32(p), v, __ATOMIC_RELEASE);
}

static inline void shm_put64(const uint64_t *p, uint64_t v)
{
	shm_step(p, sizeof(*p), MX_SCHED_STORE);
	__atomic_store_n(SHM_MUTABLE64(p), v, __ATOMIC_RELEASE);
}

/* Stores and returns what was there; ordered with everything. */
static inline uint32_t shm_swap32(const uint32_t *p, uint32_t v)
{
	shm_step(p, sizeof(*p), MX_SCHED_RMW);
	return __atomic_exchange_n(SHM_MUTABLE32(p), v, __ATOMIC_SEQ_CST);
}

/* True when *p was `old` and is now `v`. */
static inline bool shm_cas32(const uint32_t *p, uint32_t old, uint32_t v)
{
	shm_step(p, sizeof(*p), MX_SCHED_RMW);
	return __atomic_compare_exchange_n(SHM_MUTABLE32(p), &old, v, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static inline bool shm_cas64(const uint64_t *p, uint64_t old, uint64_t v)
{
	shm_step(p, sizeof(*p), MX_SCHED_RMW);
	return __atomic_compare_exchange_n(SHM_MUTABLE64(p), &old, v, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static inline void shm_or64(const uint64_t *p, uint64_t bits)
{
	shm_step(p, sizeof(*p), MX_SCHED_RMW);
	__atomic_fetch_or(SHM_MUTABLE64(p), bits, __ATOMIC_SEQ_CST);
}

static inline void shm_and64(const uint64_t *p, uint64_t bits)
{
	shm_step(p, sizeof(*p), MX_SCHED_RMW);
	__atomic_fetch_and(SHM_MUTABLE64(p), bits, __ATOMIC_SEQ_CST);
}

static inline void shm_add32(const uint32_t *p, uint32_t n)
{
	shm_step(p, sizeof(*p), MX_SCHED_RMW);
	__atomic_fetch_add(SHM_MUTABLE32(p), n, __ATOMIC_SEQ_CST);
}

/* Fills n_words words with the n bytes at src and zeros. */
static inline void shm_put_bytes(const uint64_t *dst, size_t n_words,
				 const void *src, size_t n)
{
	for (size_t i = 0; i < n_words; i++) {
		size_t at = i * 8, len = n > at ? n - at : 0;
		uint64_t w = 0;

		if (len)
			memcpy(&w, (const char *)src + at, len < 8 ? len : 8);
		shm_put64(&dst[i], w);
	}
}

/* Copies n_words words out. */
static inline void shm_get_bytes(void *dst, const uint64_t *src, size_t n_words)
{
	for (size_t i = 0; i < n_words; i++) {
		uint64_t w = shm_get64(&src[i]);

		memcpy((char *)dst + 8 * i, &w, 8);
	}
}

/* As above for text: the result is NUL-terminated within n_words * 8 bytes. */
static inline void shm_get_text(char *dst, const uint64_t *src, size_t n_words)
{
	shm_get_bytes(dst, src, n_words);
	dst[n_words * 8 - 1] = '\0';
}

#endif
