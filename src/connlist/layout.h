/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the segment looks like.  Offsets only, native byte order (it is never
 * carried to another machine), fields of 32 and 64 bits only, indexes instead
 * of pointers (stored as index + 1, 0 is none).
 *
 *   header | processes | buckets | list claims | conn claims | peer claims
 *          | lists | peers | connections
 *
 * Two ideas keep it right when a process dies between any two stores:
 *
 * - A *claim word* for each record says what state it is in and which process
 *   answers for it.  Taking a record is one compare-and-swap of that word.
 * - Everything else is derived.  Counts are not stored but counted, chains are
 *   linked and unlinked by one store each, a record is complete before it is
 *   linked.  So "repair" has nothing to reconstruct, only things to finish.
 *
 * Invariants whenever a bucket's lock is free:
 *   I1  the bucket's chain holds exactly the LIVE lists whose crc falls into it
 *   I2  a list's two chains hold exactly the peers that are LIVE and the conns
 *       that are WAITING, OPEN, ORPHAN or CLOSING and name this list and its
 *       generation
 *   I3  every chained record's checksum is right
 * Between stores, under the lock, a chain may also hold one record that is
 * CLAIMED (being linked) or DYING (being unlinked).
 */
#ifndef MX_CONNLIST_LAYOUT_H
#define MX_CONNLIST_LAYOUT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define SHM_MAGIC UINT64_C(0x0059524149504d01) /* 01 'M' 'P' 'I' … 'Y' 0 */
#define SHM_VERSION 3u
#define SHM_ORDER 0x01020304u /* says the byte order */
#define SHM_PAGE 4096u

/* Process slots; a list's members are a bit each. */
#define SHM_PROCS 256u
#define SHM_MEMBER_WORDS (SHM_PROCS / 64)

#define SHM_MAX_LISTS (1u << 20)
#define SHM_MAX_CONNS (1u << 22)
#define SHM_MAX_BUCKETS (1u << 20)
/* Two lists in a bucket cost a look at the wrong one; a bucket is small. */
#define SHM_BUCKETS_A_LIST 4u

/* Byte locks (fcntl, open file description) stand far behind the data: a slot's
 * owner, who sweeps a slot, the gate.  A sweeper has a byte of its own, so that
 * one that is stopped never looks like the dead process it sweeps. */
#define SHM_LOCK_PROC(slot) (((int64_t)1 << 40) + 1 + (int64_t)(slot))
#define SHM_LOCK_SWEEP(slot) (((int64_t)1 << 41) + (int64_t)(slot))
/* The gate is a range whose length says who holds it and since when: the lock
 * itself carries its owner's name, also on a file that is damaged.  All ranges
 * have the first byte. */
#define SHM_LOCK_GATE ((int64_t)1 << 42)
#define SHM_GATE_PID_BITS 22 /* the kernel's most: 4194304 */
#define SHM_GATE_LEN(pid, s)                                                   \
	(1 + (int64_t)(pid) + ((int64_t)(s) << SHM_GATE_PID_BITS))
#define SHM_GATE_PID(len)                                                      \
	((uint32_t)(((len)-1) & (((int64_t)1 << SHM_GATE_PID_BITS) - 1)))
#define SHM_GATE_SINCE_S(len) (((len)-1) >> SHM_GATE_PID_BITS)

/*   0 magic  8 version  12 order  16 n_procs  20 n_lists  24 n_conns
 *  28 n_peers  32 n_buckets  36 uid  40 bytes  48 created  56 sum  60 -
 *  64 hints: where to start looking for a free record; no truth in them */
struct shm_header {
	uint64_t magic;
	uint32_t version, order;
	uint32_t n_procs, n_lists, n_conns, n_peers, n_buckets;
	uint32_t uid;
	uint64_t bytes;
	uint64_t created_ns;
	uint32_t sum; /* CRC-32 of the 56 bytes before */
	uint32_t pad;
	uint32_t list_hint, conn_hint, peer_hint;
	uint32_t pad2[13];
};

/* A process slot belongs to who holds its byte lock.  Its state is FREE only
 * when nothing in the segment names it. */
enum { SHM_PROC_FREE, SHM_PROC_LIVE };

/* The program's code that runs in a callback. */
struct shm_callback {
	uint32_t since; /* 0: free; 1: being filled; else see below */
	uint32_t list;  /* index + 1; held by who calls */
	uint32_t tid;
};

/* A callback's begin in hundredths of a second after its process attached, so
 * that it fits a word: 497 days. */
#define SHM_CALLBACK_UNIT_NS 10000000u
#define SHM_CALLBACK_FIRST 2u
#define SHM_CALLBACKS 4u

struct shm_proc {
	uint64_t gen;
	uint32_t state, pid;
	uint64_t pidns;
	uint32_t uid, max_sessions;
	uint64_t attached_ns, beat_ns;
	uint64_t name[4];
	struct shm_callback callbacks[SHM_CALLBACKS];
};

/* A process in one word: slot + 1 in bits 0…8, the low 22 bits of the slot's
 * generation in bits 9…30.  A slot is given to the next process only when no
 * word names the last one, so 22 bits are enough.  0: nobody. */
#define SHM_TAG_GEN_MASK 0x3fffffu
#define SHM_TAG(slot, gen)                                                     \
	(((uint32_t)(slot) + 1u) | ((uint32_t)((gen)&SHM_TAG_GEN_MASK) << 9))
#define SHM_TAG_SLOT(tag) (((tag)&0x1ffu) - 1u)
#define SHM_TAG_GEN(tag) ((tag) >> 9 & SHM_TAG_GEN_MASK)
/* In a lock word: somebody may be asleep on it. */
#define SHM_LOCK_WAITERS 0x80000000u

struct shm_bucket {
	uint32_t lock; /* 0, or the holder's tag */
	uint32_t head; /* list index + 1 */
	uint32_t todo; /* a release found it locked: the holder sweeps */
	uint32_t pad;
};

/* Claim words: tag of who answers for it in the low half, state above. */
enum {
	SHM_FREE,    /* tag 0 */
	SHM_CLAIMED, /* being filled */
	SHM_LIVE,    /* lists and peers; tag 0 */
	SHM_WAITING, /* conn: for its place in the budget */
	SHM_OPEN,    /* conn */
	SHM_ORPHAN,  /* conn whose process died or left; tag 0 */
	SHM_CLOSING, /* conn: whoever holds the bucket frees it */
	SHM_DYING,   /* being unlinked and freed */
	SHM_N_STATES,
};

#define SHM_CLAIM(state, tag) ((uint64_t)(state) << 32 | (uint32_t)(tag))
#define SHM_CLAIM_STATE(claim) ((uint32_t)((claim) >> 32))
#define SHM_CLAIM_TAG(claim) ((uint32_t)(claim))

#define SHM_SID_WORDS 9
#define SHM_LIST_NAME_WORDS 11

/* Joining and leaving touch one cache line of it, from the members' last word to
 * the first 32 bytes of the SID, which is all of it for a domain's users. */
struct shm_list {
	uint32_t conns, peers; /* heads */
	uint64_t created_ns;
	uint64_t ticket;   /* the next one's, grows */
	uint32_t done_seq; /* futex: a poller ended, a connection went */
	uint32_t pad;
	uint64_t pad2;
	uint64_t members[SHM_MEMBER_WORDS]; /* SHM_MEMBER_WORD() */
	uint64_t gen;
	uint32_t next; /* in the bucket */
	uint32_t crc;  /* of the SID */
	uint32_t sum;  /* of gen, index, sid_len, crc: list_sum() */
	uint32_t sid_len;
	uint64_t sid[SHM_SID_WORDS];
	uint64_t name[SHM_LIST_NAME_WORDS];
};

/* A member is a bit for its process slot.  Slots are taken from the first on, so
 * the word that is used most comes last, next to what is read with it. */
#define SHM_MEMBER_WORD(slot) (SHM_MEMBER_WORDS - 1 - (slot) / 64)
#define SHM_MEMBER_BIT(slot) (UINT64_C(1) << (slot) % 64)

#define SHM_SERVER_WORDS 24

/* A server as one user sees it. */
struct shm_peer {
	uint64_t gen;
	uint32_t next; /* in the list */
	uint32_t list; /* index + 1 */
	uint64_t list_gen;
	uint32_t sum; /* CRC-32 of index, gen, list, list_gen, server */
	uint32_t pad;
	uint64_t until_ns;       /* end of the back-off */
	uint64_t health;         /* enum mx_health << 32 | code */
	uint64_t limit_until_ns; /* how long limit[] holds */
	uint32_t limit[2];       /* a kind; what the server let us learn */
	uint64_t server[SHM_SERVER_WORDS];
};

#define SHM_OP_WORDS 4
#define SHM_COOKIE_WORDS 32

struct shm_op {
	uint64_t since_ns; /* 0: nothing in flight */
	uint64_t deadline_ns;
	uint32_t tid, pad;
	uint64_t name[SHM_OP_WORDS];
	uint64_t waiting_on[SHM_OP_WORDS];
	uint64_t pad2;
};

struct shm_conn {
	uint64_t gen;
	uint32_t seq;        /* odd while the owner writes what follows `sum` */
	uint32_t next;       /* in the list */
	uint32_t list, peer; /* index + 1 */
	uint64_t list_gen;
	uint32_t kind;
	uint32_t sum; /* CRC-32 of index, gen, list, peer, list_gen, kind */
	uint64_t opened_ns;
	uint64_t ticket;
	uint32_t grant; /* futex of a waiter */
	uint32_t n_logons;
	uint32_t poller, cookie_len;
	uint64_t poller_since_ns;
	uint64_t round_trips, bytes_out, bytes_in;
	uint32_t last_err, last_code; /* errno, positive; the peer's code */
	uint64_t last_err_ns;
	uint64_t orphan_ns; /* ORPHAN: since when; WAITING: called since */
	struct shm_op op[2];
	uint64_t cookies[SHM_COOKIE_WORDS];
};

/* Words that a SID of that many bytes fills; the others are zero. */
static inline uint32_t shm_sid_words(uint32_t sid_len)
{
	return sid_len <= 8 * SHM_SID_WORDS ? (sid_len + 7) / 8 : SHM_SID_WORDS;
}

static_assert(sizeof(struct shm_header) == 128, "layout");
static_assert(offsetof(struct shm_header, sum) == 56, "layout");
static_assert(offsetof(struct shm_header, list_hint) == 64, "layout");
static_assert(sizeof(struct shm_proc) == 128, "layout");
static_assert(offsetof(struct shm_proc, name) == 48, "layout");
static_assert(offsetof(struct shm_proc, callbacks) == 80, "layout");
static_assert(sizeof(struct shm_bucket) == 16, "layout");
static_assert(sizeof(struct shm_list) == 256, "layout");
static_assert(offsetof(struct shm_list, members[3]) == 64, "layout");
static_assert(offsetof(struct shm_list, gen) == 72, "layout");
static_assert(offsetof(struct shm_list, sid[4]) == 128, "layout");
static_assert(offsetof(struct shm_list, name) == 168, "layout");
static_assert(sizeof(struct shm_peer) == 256, "layout");
static_assert(offsetof(struct shm_peer, server) == 64, "layout");
static_assert(sizeof(struct shm_op) == 96, "layout");
static_assert(sizeof(struct shm_conn) == 576, "layout");
static_assert(offsetof(struct shm_conn, op) == 128, "layout");
static_assert(offsetof(struct shm_conn, cookies) == 320, "layout");

#endif
