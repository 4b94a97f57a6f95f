/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at a segment from outside: `mapiary lists`, `top`, `doctor`, and test
 * watchdogs.  The file is opened and mapped read-only; nothing is attached,
 * locked or disturbed, no /proc is needed, and it works when every process in
 * it is dead or stopped.  Each record is copied as one consistent whole, or
 * marked torn.
 */
#ifndef MX_CONNLIST_SNAPSHOT_H
#define MX_CONNLIST_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "connlist/conn.h"
#include "identity/sid.h"

/* The program's code that runs in a callback of the runtime. */
struct mx_snap_callback {
	uint64_t since_ns; /* 0: none */
	uint32_t list;     /* index into lists[], UINT32_MAX: unknown */
	uint32_t tid;
};
#define MX_SNAP_CALLBACKS 4

struct mx_snap_proc {
	uint32_t slot;
	uint64_t gen;
	bool alive;     /* holds its byte lock */
	uint32_t pid;   /* in its own PID namespace */
	uint64_t pidns; /* inode number of that namespace */
	uint32_t uid;
	uint32_t max_sessions;         /* its budget a user and server */
	uint64_t attached_ns, beat_ns; /* monotonic; no beat yet: 0 */
	char name[32];
	struct mx_snap_callback callbacks[MX_SNAP_CALLBACKS];
};

struct mx_snap_list {
	uint32_t slot;
	uint64_t gen;
	bool torn;
	struct mx_sid sid;
	uint32_t crc;
	char name[88];
	uint64_t created_ns;
	uint32_t n_procs; /* processes that hold it */
	uint32_t n_conns, n_waiting, n_orphans;
	uint32_t bucket;
	uint32_t first_conn, first_peer; /* chains; UINT32_MAX ends them */
};

struct mx_snap_peer {
	uint32_t slot, list; /* list: index into lists[], UINT32_MAX if gone */
	uint32_t next;       /* of the same list */
	uint64_t gen;
	bool torn;
	char server[MX_CONN_SERVER_MAX + 1];
	enum mx_health health;
	uint64_t until_ns; /* end of the back-off, 0 */
	uint32_t code;
	/* limit: what the server let us learn, else the processes' own. */
	uint32_t limit[MX_CONN_KINDS], used[MX_CONN_KINDS];
	uint32_t waiting[MX_CONN_KINDS];
};

enum mx_snap_state {
	MX_SNAP_WAITING, /* for its place in the budget */
	MX_SNAP_OPEN,
	MX_SNAP_ORPHAN,
	MX_SNAP_CLOSING, /* about to be freed */
};

struct mx_snap_op {
	bool active;
	uint64_t since_ns;
	uint64_t deadline_ns; /* 0: none */
	uint32_t tid;
	char name[32], waiting_on[32];
};

struct mx_snap_conn {
	uint32_t slot, list, peer; /* indexes into lists[], peers[] */
	uint32_t next;             /* of the same list */
	uint32_t seq;              /* as long as it and claim stay, so does */
	uint64_t claim;            /* all of the record but opened_ns */
	uint64_t gen;
	bool torn;
	enum mx_snap_state state;
	uint32_t proc; /* index into procs[]; UINT32_MAX for orphans */
	enum mx_conn_kind kind;
	uint64_t opened_ns, ticket;
	uint32_t n_logons;
	uint32_t cookie_bytes; /* the cookies themselves are not shown */
	enum mx_poller poller;
	uint64_t poller_since_ns;
	struct mx_snap_op op[MX_OPS];
	uint64_t round_trips, bytes_out, bytes_in;
	int last_err;
	uint32_t last_code;
	uint64_t last_err_ns;
	uint64_t orphan_ns; /* of orphans: since when */
};

/* A bucket whose lock was held when it was looked at: normal for microseconds,
 * a finding when its holder is dead or stopped. */
struct mx_snap_lock {
	uint32_t bucket;
	uint32_t proc; /* index into procs[]; UINT32_MAX when it has no slot */
	bool alive;
};

struct mx_snap {
	uint64_t taken_ns; /* monotonic */
	char path[256];
	uint32_t version;
	uint64_t bytes;
	uint32_t max_procs, max_lists, max_conns, max_peers, n_buckets;
	uint32_t n_free_lists, n_free_conns, n_free_peers;
	size_t n_procs, n_lists, n_peers, n_conns, n_locks;
	struct mx_snap_proc *procs; /* owned */
	struct mx_snap_list *lists;
	struct mx_snap_peer *peers;
	struct mx_snap_conn *conns;
	struct mx_snap_lock *locks;
	uint32_t *index; /* slot to index of lists, peers, conns, procs */
	/* The picture before, for what has not changed since. */
	struct mx_snap_past {
		uint64_t source; /* which mx_snap_src; 0: none */
		struct mx_snap_list *lists;
		struct mx_snap_peer *peers;
		struct mx_snap_conn *conns;
		uint32_t *index;
		size_t cap_lists, cap_peers, cap_conns;
	} past;
	size_t cap_procs, cap_lists, cap_peers, cap_conns, cap_locks;
};

#define MX_SNAP_INIT ((struct mx_snap){0})

struct mx_snap_src;

/* Opens a segment for looking; path as mx_reg_path().  0; -ENOENT when there is
 * none; -EBADMSG, -EPROTO, -EPERM with a sentence in the fault; -errno. */
int mx_snap_open(const char *path, struct mx_snap_src **ret,
		 struct mx_fault *fault);
void mx_snap_close(struct mx_snap_src *src);

/* Takes a picture into *snap, whose memory is used again from one call to the
 * next (begin with MX_SNAP_INIT); of records that have not changed since only
 * the first bytes are read.  Records stand in the order of their slots.  0,
 * -ENOMEM; -EBADMSG: somebody cut the file off; -ENOENT when the segment was
 * replaced by a new one: close and open again. */
int mx_snap_take(struct mx_snap_src *src, struct mx_snap *snap);
void mx_snap_fini(struct mx_snap *snap);

#endif
