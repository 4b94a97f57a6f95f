/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of connlist share.  From the segment's file up:
 *
 *   admin.c      the administrator's words: where it is, who shares it
 *   segment.c    the file: create, check, map, gate, liveness of slots
 *   bucket.c     the bucket lock; what is done first when its holder died
 *   record.c     claim, check, link, unlink and free records
 *   sweep.c      what ends by itself: dead processes, orphans, empty lists
 *   registry.c   attach, detach, fork, the heart
 *   clist.c      join and leave        conn-open.c, conn.c, budget.c  connections
 *   snapshot.c   looking from outside  diag.c             what it means
 */
#ifndef MX_CONNLIST_REGISTRY_PRIVATE_H
#define MX_CONNLIST_REGISTRY_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/list.h"
#include "base/lock.h"
#include "connlist/layout.h"
#include "connlist/put.h"
#include "connlist/registry.h"
#include "identity/sid.h"

#define NO_INDEX UINT32_MAX
/* A sleeper asks after the owner's life this often. */
#define PROBE_NS (100 * MX_NS_PER_MS)
/* How long a live holder of a lock is waited for. */
#define LOCK_PATIENCE_NS MX_NS_PER_S
/* The same for housekeeping, which is done again soon. */
#define SWEEP_PATIENCE_NS (5 * MX_NS_PER_MS)
/* Sweeping everything costs a look at every claim. */
#define SWEEP_EVERY_NS (5 * MX_NS_PER_S)

/* A mapped segment: all its addresses, computed from a checked header. */
struct shm_map {
	const char *base;
	uint64_t bytes;
	uint32_t n_procs, n_lists, n_conns, n_peers, n_buckets;
	const struct shm_header *header;
	const struct shm_proc *procs;
	const struct shm_bucket *buckets;
	const uint64_t *list_claims, *conn_claims, *peer_claims;
	const struct shm_list *lists;
	const struct shm_peer *peers;
	const struct shm_conn *conns;
};

/* No back-off is longer; one that seems to be is damage, or from before a
 * reboot. */
#define BACKOFF_MAX_NS (3600 * MX_NS_PER_S)

struct mx_reg {
	/* Constant while attached. */
	struct shm_map map;
	char *path;
	char name[32];
	uid_t uid; /* the process's */
	int fd;
	uint32_t slot;
	uint32_t tag;
	uint32_t max_sessions, max_logons;
	int64_t orphan_ns; /* <0: keep none */

	/* References (the opener's and one a handle) in the high half; in the
	 * low one calls in progress, of which detaching waits for none. */
	uint64_t uses;
	bool gone;         /* detached, or this is a forked child */
	unsigned cleaning; /* 1: a thread is cleaning up after a process */
	uint64_t next_sweep_ns;

	/* How often this process holds each list.  A list's member bit is set
	 * before the first counts and cleared before none does (clist.c). */
	uint32_t *holds;

	struct mx_list regs; /* all of this process, for fork */
};

/* A handle's view of the list, kept so that leaving needs no search. */
struct mx_clist {
	struct mx_reg *reg;
	uint32_t slot, bucket;
	uint64_t gen;
};

/* Every call of a user takes it: two cache lines, wherever it lies. */
struct mx_conn {
	struct mx_clist list; /* counted as a hold of its own */
	uint32_t slot, peer;
	uint64_t gen;
	struct mx_mutex lock; /* one writer of the record at a time */
};

/* True when the record is still this one.  Then its list and its server are
 * there, too: they hold each other (I2). */
bool conn_owned(const struct mx_conn *conn);

static inline uint64_t now_ns(void)
{
	return (uint64_t)mx_mono_now().ns;
}

/* Between enter (0 or -ESTALE) and leave the segment stays mapped.  A second
 * at most, and never around a callback. */
int reg_enter(struct mx_reg *reg);
void reg_leave(struct mx_reg *reg);
/* The same, and a reference is taken, at once. */
void reg_leave_with_ref(struct mx_reg *reg);
/* Begins the heart's beat, if it has not; whoever holds something has one. */
void reg_first_beat(struct mx_reg *reg);
void reg_ref(struct mx_reg *reg);
void reg_unref(struct mx_reg *reg);

/* Sets a REGISTRY fault and returns err. */
int reg_fault(struct mx_fault *f, int err, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));
/* -EBADMSG with a sentence about what is wrong. */
int reg_damaged(struct mx_fault *f, const char *what);

/* --- segment.c ---------------------------------------------------------- */

struct segment_want {
	const char *path;
	uint32_t n_lists, n_conns, n_buckets; /* final, not 0 */
	uid_t uid;
	bool share;
	gid_t group;
};

/* Reads and checks a header; fills all of *ret.  0, -EBADMSG, -EPROTO. */
int segment_check_header(const void *base, uint64_t bytes, struct shm_map *ret,
			 struct mx_fault *f);
/* Owner, mode, kind and size of the file.  0, -EPERM, -EBADMSG. */
int segment_check_file(int fd, const struct segment_want *want,
		       uint64_t *ret_bytes, struct mx_fault *f);

/* The file's owner; (uid_t)-1 when that cannot be found out. */
uid_t segment_owner(int fd);
/* Opens, creating or replacing; the gate is held on return and nobody else can
 * attach.  *ret_alone: nobody is attached.  On success fd and map are the
 * caller's. */
int segment_open(const struct segment_want *want, int *ret_fd,
		 struct shm_map *ret_map, bool *ret_alone, struct mx_fault *f);
/* Replaces the segment that fd is (gate held, nobody attached): a new one, its
 * gate held. */
int segment_replace(const struct segment_want *want, int *fd,
		    struct shm_map *map, struct mx_fault *f);
void segment_unmap(struct shm_map *map);
void segment_open_gate(int fd);

/* Byte locks of process slots.  lock: 0, -EAGAIN when somebody has it. */
int segment_lock_slot(int fd, uint32_t slot);
void segment_unlock_slot(int fd, uint32_t slot);
/* Of who sweeps a slot, or attaches to it. */
int segment_lock_sweep(int fd, uint32_t slot);
void segment_unlock_sweep(int fd, uint32_t slot);
/* True when another open file has it; works on a read-only descriptor. */
bool segment_slot_locked(int fd, uint32_t slot);

/* --- bucket.c ----------------------------------------------------------- */

/* False only when the process that the tag names is certainly dead. */
bool tag_alive(struct mx_reg *reg, uint32_t tag);

/* 0 with the lock; -EBUSY (fault names the holder), -EBADMSG. */
int bucket_lock(struct mx_reg *reg, uint32_t bucket, struct mx_fault *f);
/* As above, waiting for a living holder no longer than that. */
int bucket_lock_within(struct mx_reg *reg, uint32_t bucket, int64_t patience_ns,
		       struct mx_fault *f);
/* As above without waiting: -EAGAIN when somebody alive has it. */
int bucket_trylock(struct mx_reg *reg, uint32_t bucket);
/* Also does what a release left to do. */
void bucket_unlock(struct mx_reg *reg, uint32_t bucket);
/* For releases: sweeps the bucket now, or leaves it to the holder. */
void bucket_sweep_soon(struct mx_reg *reg, uint32_t bucket);

static inline uint32_t bucket_of(const struct shm_map *m, uint32_t crc)
{
	return crc & (m->n_buckets - 1);
}

/* Where a bucket's first list most likely is: new ones look for a free record
 * from here on, so that whoever looks one up can have it fetched beside the
 * bucket and not after it. */
static inline uint32_t list_guess(const struct shm_map *m, uint32_t bucket)
{
	/* There are 2^n buckets. */
	return (uint32_t)((uint64_t)bucket * m->n_lists >>
			  __builtin_ctz(m->n_buckets));
}

void futex_wake(const uint32_t *word, int n);
/* Sleeps while *word == v, at most until the deadline; true when that ended
 * it. */
bool futex_sleep(const uint32_t *word, uint32_t v, uint64_t until_ns);

/* --- record.c ----------------------------------------------------------- */

/* Takes a free record: its index, CLAIMED by us, generation raised.  NO_INDEX
 * when there is none. */
uint32_t list_claim(struct mx_reg *reg, uint32_t bucket);
uint32_t peer_claim(struct mx_reg *reg);
uint32_t conn_claim(struct mx_reg *reg);
void claim_free(const uint64_t *claim);

/* A list's covers the CRC of its SID, which covers the SID: both are right. */
uint32_t list_sum(const struct shm_map *m, uint32_t i);
bool list_right(const struct shm_map *m, uint32_t i);
uint32_t peer_sum(const struct shm_map *m, uint32_t i);
uint32_t conn_sum(const struct shm_map *m, uint32_t i);

/* Under the bucket's lock: unlinks what *link leads to and frees it. */
void unlink_list(struct mx_reg *reg, const uint32_t *link);
void unlink_peer(struct mx_reg *reg, const uint32_t *link);
void unlink_conn(struct mx_reg *reg, const uint32_t *link);

/* Under the bucket's lock: one step along a chain.  *link holds index + 1; true
 * with *ret a record whose index, checksum and parent are right; false at the
 * end or, with *err set to -EBADMSG, at damage (also after too many steps). */
struct chain {
	uint32_t steps;
	int err;
};
bool list_at(const struct mx_reg *reg, const uint32_t *link, uint32_t bucket,
	     struct chain *c, uint32_t *ret);
bool peer_at(const struct mx_reg *reg, const uint32_t *link, uint32_t list,
	     struct chain *c, uint32_t *ret);
bool conn_at(const struct mx_reg *reg, const uint32_t *link, uint32_t list,
	     struct chain *c, uint32_t *ret);

bool list_has_member(const struct shm_list *l);

/* --- sweep.c ------------------------------------------------------------ */

/* Under the bucket's lock.  Finishes what is half made, frees CLOSING records,
 * ended orphans and lists nobody needs, lets waiters in.  `probe`: also asks
 * whether owners live.  0 or -EBADMSG. */
int sweep_bucket_locked(struct mx_reg *reg, uint32_t bucket, bool probe);
int sweep_list_locked(struct mx_reg *reg, uint32_t list, bool probe);

/* Removes every trace of a dead process's slot that we alone sweep, except what
 * carries `keep` (0: nothing).  Waits once that long for a bucket whose holder
 * lives, and leaves it and other such out then.  0; -EBUSY when something has to
 * be tried again later; -EBADMSG. */
int sweep_slot(struct mx_reg *reg, uint32_t slot, uint32_t keep,
	       int64_t patience_ns);
/* Every process slot whose owner is dead.  Does not wait for other cleaners. */
int sweep_dead(struct mx_reg *reg);
/* Everything that time ends, everywhere; when a table is full, now and then. */
void sweep_all(struct mx_reg *reg);
/* Of the sessions that are remembered for users whom nobody acts for, those of
 * the older half of the time.  True when there were any. */
bool sweep_remembered(struct mx_reg *reg);
/* When a table is full: false when it is of no use to try once more.  The living
 * go before what is remembered of the dead. */
bool make_room(struct mx_reg *reg, unsigned tries);
/* With nobody else attached: 0 when the whole segment keeps its invariants. */
int segment_verify(struct mx_reg *reg, struct mx_fault *f);

/* --- clist.c ------------------------------------------------------------ */

/* Under the bucket's lock, or a further hold on a list that the caller holds
 * already. */
void list_hold(struct mx_reg *reg, uint32_t slot);
/* Gives one back; sweeps when it was the last.  Not only between enter and
 * leave: whoever detaches waits for it. */
void list_unhold(struct mx_clist *cl);
/* While detaching, with no call in progress: from here on nobody gives a hold
 * back.  False: somebody is about to; ask again. */
bool holds_end_all(struct mx_reg *reg);
/* Under the lock: 0 when the handle's list is still that one. */
int list_check_locked(const struct mx_clist *cl);

/* --- budget.c ----------------------------------------------------------- */

/* The server as this list's user sees it.  0 with an index; -ENOSPC, -EBADMSG. */
int peer_get_locked(struct mx_reg *reg, uint32_t list, const char *server,
		    uint32_t *ret, struct mx_fault *f);

/* What stands between a connection and its place. */
struct place {
	uint32_t orphan; /* to take over, or NO_INDEX */
	uint32_t used, n_orphans, ahead, limit;
	uint64_t until_ns; /* end of the back-off, 0 */
};
/* `me`: our own waiting record, or NO_INDEX.  0: there is a place; -EDQUOT:
 * others are before us; -EAGAIN: back-off; -EBADMSG. */
int place_look_locked(struct mx_reg *reg, uint32_t list, uint32_t peer,
		      uint32_t kind, uint32_t me, struct place *ret);

/* Under the lock, when a place may have become free: wakes who is first. */
void grant_next_locked(struct mx_reg *reg, uint32_t list);

/* sweep.c: marks the record as nobody's: operations over, poller DONE, sequence even. */
void conn_settle(struct mx_reg *reg, uint32_t conn);
/* sweep.c: wakes who waits for the list's completion. */
void list_done_event(struct mx_reg *reg, uint32_t list);

#endif
