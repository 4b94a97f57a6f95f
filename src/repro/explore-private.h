/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the scheduler share.
 *
 *   explore.c        the search: states, what to try, going back
 *   explore-known.c  what is known, and what is behind it
 *   explore-run.c    one run: steps of threads, their waits
 *   explore-death.c  where a death makes a difference, and what it does
 *   explore-lock.c   who holds which locks
 *   explore-hide.c   steps that are no points to change threads at
 *   explore-own.c    what a thread is, apart from its past
 *   explore-fiber.c  coroutines, and their memory
 */
#ifndef MX_REPRO_EXPLORE_PRIVATE_H
#define MX_REPRO_EXPLORE_PRIVATE_H

#include "repro/explore.h"

#define NOBODY (-1)
#define KILLER EXPLORE_THREADS /* the "thread" whose one step is the death */
#define N_ACTORS (EXPLORE_THREADS + 1)
#define MAX_WORDS 1024
#define MAX_PLACES 8192
#define MAX_LOCKS 16
#define MAX_DEPTH 20000
#define TABLE 4096 /* slots to look words up in */
#define NO_WORD UINT32_MAX

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define OWN_STATES 1
#else
#define OWN_STATES 0
#endif

enum op_kind {
	OP_START,
	OP_LOAD,
	OP_STORE,
	OP_RMW,
	OP_SLEEP,
	OP_RESUME, /* asleep */
	OP_WAKE,
	OP_LOCK,
	OP_UNLOCK,
	OP_SPAWN,
	OP_CHOOSE,
	OP_EVENT,
	OP_KILL,
	OP_END, /* a victim's last: it may also die behind all others */
	OP_ENDED,
};

/* What a thread does next, when it is let. */
struct op {
	enum op_kind kind;
	uint32_t word; /* NO_WORD: touches none */
	const void *at;
	unsigned size;
	uint64_t v; /* SLEEP: the value; WAKE, CHOOSE: how many; SPAWN: who */
};

struct hash {
	uint64_t a, b;
};

struct actor {
	struct op op;
	bool started, ended, dead, woken;
	unsigned result; /* CHOOSE: which; RESUME: 1 by time-out */
	struct hash seen, marked;
	struct hash own, base, above; /* explore-own.c */
	const char *base_sp;
	uint16_t held;     /* locks, a bit each */
	const char *event; /* the last one's name */
};

/* What is behind a state: a bit each actor, low byte reads, high byte
 * writes, by place. */
typedef uint16_t touched;

/* By place, up to the last that is touched. */
struct set {
	uint32_t n;
	touched t[];
};

struct known {
	struct hash key;
	const struct set *behind; /* NULL: the slot is free */
	/* It was explored with these asleep: that does for all who come with
	 * these asleep, and more. */
	uint8_t asleep;
};

/* Of a state, without `reduce`: how many ways lead on from it. */
struct ways {
	long double all, hung;
};

struct node {
	struct hash key;
	uint8_t who, choice, n_choices;
	uint8_t enabled, tried, todo; /* a bit an actor */
	/* Asleep: his next step was tried in an earlier state, and since then
	 * nothing happened that it matters to: doing it now would only repeat
	 * what was found behind it there. */
	uint8_t asleep;
	const struct set *of[EXPLORE_THREADS + 1]; /* behind: tried, asleep */
	struct {
		int8_t holder; /* of the lock he waits for; NOBODY */
		uint32_t word; /* on which he has to be woken; or NO_WORD */
	} waits[EXPLORE_THREADS];
	long double schedules, hung;
};

struct run {
	struct actor actor[N_ACTORS];
	struct hash memory;
	uint64_t val[MAX_WORDS];  /* as the hash has them */
	uint32_t n_words;         /* in a picture: how many of val */
	int cur;                  /* whose code runs; NOBODY: ours */
	uint32_t stored;          /* the last step's word, not hashed yet */
	uint16_t stored_held;     /* with these locks */
	uint8_t owner[MAX_LOCKS]; /* of a claim: side + 1 */
	unsigned depth;
	unsigned timeouts;
	bool killed;
	bool over;
	bool pause; /* the search wants to take a picture */
};

extern struct explorer {
	const struct explore_params *p;
	struct explore_result *res;
	struct run run;
	struct node *path;
	unsigned replay; /* this many steps are given by path */

	const void *word_at[MAX_WORDS];
	unsigned word_size[MAX_WORDS];
	bool word_dies[MAX_WORDS];
	uint64_t word_first[MAX_WORDS];
	uint32_t n_words;
	uint32_t table[TABLE]; /* word + 1 */
	/* A place: a word, touched with these locks held, before a death or
	 * after it.  Two threads that touch a word under one lock cannot change
	 * order there; the lock's own word says which order it is. */
	struct {
		uint32_t word, next; /* next: place + 1 of the same word */
		uint16_t held;
		bool killed;
	} place[MAX_PLACES];
	uint32_t place_of_word[MAX_WORDS]; /* place + 1 */
	/* By place: who has ever touched it; whose steps there were hidden. */
	touched ever[MAX_PLACES], hidden[MAX_PLACES];
	/* By place, of who sleeps for good there, about to read or to write:
	 * these must not be found to conflict with him. */
	uint8_t relied[MAX_PLACES][N_ACTORS][2];
	bool scout;   /* only looking what is touched */
	bool restart; /* a step was hidden that should not have been */
	bool own;     /* threads are told apart by what they are, not were */
	uint64_t dice;
	unsigned scout_life, scout_turn, scout_last, scout_idle;
	uint32_t n_places, n_locks;
	const void *lock_at[MAX_LOCKS];
	uint16_t side_locks;   /* held by a side, not by a thread */
	uint64_t broken_locks; /* held by two at once */
	/* Words that stand for something: what a start writes and the started
	 * reads; what a death writes and each step of a victim reads. */
	uint32_t begun[EXPLORE_THREADS], alive, life;
} ex;

void mix(struct hash *h, uint64_t v);

/* --- explore-known.c --- */

void *must(void *p); /* ends the program when NULL */
extern const touched set_none[MAX_PLACES];
/* All sets live until known_drop(). */
const struct set *set_of(const touched *t);
const struct set *set_union(const struct set *a, const struct set *b);
const struct set *set_with(const struct set *a, uint32_t place, touched bits);
bool known_find(const struct hash *key, struct known *ret,
		struct ways *ret_ways);
void remember(const struct known *k, const struct ways *w);
void known_drop(void);

/* Once for each: the memory and where each thread is, in a final state. */
bool end_is_new(const struct hash *end);

/* --- explore-hide.c --- */

/* Lets `run` run in an order of chance, some times. */
void scout(void (*run)(void));
/* One of those who can. */
int scout_step(uint8_t can, unsigned *ret_choice);
/* Notes what who's next step touches; true: no point to change threads at. */
bool may_hide(int who);
/* One of these, who could go on, sleeps, and nobody else ever touches what his
 * step touches: so he sleeps as long as this path goes, and nothing that it
 * comes to is an end. */
bool sleeps_for_good(uint8_t asleep);

/* --- explore-own.c --- */

/* A step of the running thread; back when it is done. */
struct actor *before(enum op_kind kind, const void *at, unsigned size,
		     uint64_t v);
/* Into a->own. */
void own_look(struct actor *a);
/* What lies from sp up is known by a->seen. */
void own_forget(struct actor *a, const char *sp);
/* Zeros below the stack's end. */
void own_scrub(void);
void own_drop(void);

/* --- explore.c --- */

/* Who touches the place's word, of all these touches, so that it matters whether
 * before or after who's step; whoever holds the same lock there as he does cannot
 * come first. */
uint8_t in_conflict(int who, uint32_t place, bool write, const touched *of,
		    uint32_t n);
/* Only a time-out lets him go on. */
bool by_timeout(int who);
/* Whose step is next; NOBODY: this run is over.  *ret_choice for it. */
int choose_next(unsigned *ret_choice);

/* --- explore-run.c --- */

void run_begin(void);
/* What before() comes to. */
struct actor *run_before(enum op_kind kind, const void *at, unsigned size,
			 uint64_t v);
/* Where all are and what the memory is, whatever the way here. */
struct hash run_end(void);
/* Lets the run go on from here until choose_next() ends it; on a fiber until
 * its own next step is let. */
void dispatch(void);
bool can_step(int who);
unsigned choices_of(int who);
/* What a thread that cannot step waits for, as in struct node. */
void what_it_waits_for(int who, int8_t *ret_holder, uint32_t *ret_word);
uint32_t word_of(const void *at, unsigned size);
/* Where who touches this word when he does it now. */
uint32_t place_of(int who, uint32_t word);
/* The words a step touches; word[1] may be NO_WORD. */
void words_of(int who, uint32_t ret[2], bool *ret_write);
struct hash run_key(void);
bool writes(const struct op *op);
/* A time-out aside. */
bool can_step_awake(int who);

/* --- explore-death.c --- */

/* Whether this memory is the victims' own. */
bool dies_with_victims(const void *at);
/* Does it leave behind something else to die before this step of a victim? */
bool shows(const struct op *op);
bool can_die(void);
void die(void);

/* --- explore-lock.c --- */

/* The locks that who holds as far as this word is concerned. */
uint16_t held_at(int who, uint32_t word);
/* The word, a lock's or a claim's, has become zero. */
void lock_freed(uint32_t word);

/* --- explore-run.c, again --- */

/* A thread's futex calls.  sleep: true when a time-out ended it. */
bool run_sleep(const uint32_t *word, uint32_t v);
void run_wake(const uint32_t *word, uint32_t n);

/* --- explore-fiber.c --- */

/* Pictures of memory and stacks, oldest first; none under AddressSanitizer,
 * which would have to be told of every frame. */
#define PICTURE_EVERY 16
void picture_take(void);
/* The deepest one at or before this depth; false: begin anew.  Deeper ones are
 * dropped. */
bool picture_restore(unsigned depth);
void pictures_drop(void);
unsigned picture_depth(void);

void fibers_open(void);
void fibers_close(void);
void fibers_reset(void);
/* A thread's own memory. */
struct own {
	const char *top, *heap; /* top: of its stack */
	size_t n_heap;
};
void fiber_own(int who, struct own *ret);
/* From whoever runs (NOBODY: the search) to another. */
void fiber_switch(int from, int to);
/* What a fiber begins with. */
void fiber_body(int who);

#endif
