/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry: the shared-memory segment of one service account, and this
 * program's attachment to it.  What is in it and how it stays right when a
 * process dies anywhere: doc/formats/shared-memory.md, layout.h, doc/locks.md.
 *
 * One attachment a process is usual (two copies of the library make two).  An
 * attachment owns a process slot as long as it holds a lock on one byte of the
 * file, which the kernel drops when the process dies.  After fork the child
 * has no attachment: every call on an inherited one returns -ESTALE.
 */
#ifndef MX_CONNLIST_REGISTRY_H
#define MX_CONNLIST_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/fault.h"

/* Capacities that a segment is created with unless told otherwise. */
#define MX_REG_DEF_LISTS 16384u
#define MX_REG_DEF_CONNS 65536u
/* Sessions one user may have on one server, in all processes together: the
 * server's own limit (Exchange: 0x20 sessions a user, B17). */
#define MX_REG_DEF_SESSIONS 32u
/* Logons in one session: the logon id is one byte, 255 is reserved (B16). */
#define MX_REG_DEF_LOGONS 255u
/* How long the session of a dead process is kept for whoever reclaims it:
 * longer than servers keep an idle session context. */
#define MX_REG_DEF_ORPHAN_MS (30 * 60 * 1000)

struct mx_reg_params {
	/* The segment's file; NULL: environment MAPIARY_SEGMENT, else the one
	 * of the group that the administrator names (admin.h), else
	 * /dev/shm/mapiary-<uid of the process>. */
	const char *path;
	/* What this process is called in lists and diagnoses; NULL: its
	 * kernel name. */
	const char *name;
	/* Capacities, used only when this call creates the segment; 0: the
	 * administrator's, else the defaults above.  n_buckets 0: four a list. */
	uint32_t n_lists, n_conns, n_buckets;
	uint32_t max_sessions; /* 0: MX_REG_DEF_SESSIONS */
	uint32_t max_logons;   /* 0: MX_REG_DEF_LOGONS */
	int64_t orphan_ms;     /* 0: MX_REG_DEF_ORPHAN_MS; <0: keep none */
};

struct mx_reg;

/* Attaches to the segment, creating or (when it is unusable and nobody is
 * attached) recreating it.  Cleans up after processes that died.  Works on the
 * file under the process's credentials, whoever the thread acts for.
 * params may be NULL.  0 with *ret owned by the caller, or with a sentence in
 * the fault:
 *   -ENOSPC    no room in the file system (space is taken before it is mapped)
 *   -EPERM     the file belongs to somebody else, or has another mode; or the
 *              administrator's file may be written by others (admin.h)
 *   -EBADMSG   the segment is damaged or foreign and others are attached
 *   -EPROTO    another version's segment with others attached
 *   -EUSERS    every process slot is taken
 *   -EBUSY     another process has held the gate for longer than a second
 *   -ENOMEM, or what the system said. */
int mx_reg_open(const struct mx_reg_params *params, struct mx_reg **ret,
		struct mx_fault *fault);

/* Detaches: every list left, every connection closed (those whose session
 * still lives on the server stay as orphans for whoever reclaims them), the
 * process slot given back.  Handles still held become stale: their calls return
 * -ESTALE and they are still to be left or closed.  Waits at most two seconds
 * for calls in progress.  NULL is fine. */
void mx_reg_close(struct mx_reg *reg);

/* Housekeeping, to be called at least twice a second by one thread of each
 * process (the poll engine): beats the heart, cleans up after dead processes,
 * ends orphans and back-offs that are over.  Never blocks.  Any thread. */
void mx_reg_tick(struct mx_reg *reg);

/* Capacities and path of an open registry; the string lives as long as it. */
struct mx_reg_info {
	const char *path;
	uint64_t bytes;
	uint32_t n_procs, n_lists, n_conns, n_peers, n_buckets;
	uint32_t proc_slot;
};
void mx_reg_info(const struct mx_reg *reg, struct mx_reg_info *ret);

/* The path that `path` (may be NULL), the environment and the administrator
 * lead to, written to buf.  0, -ENAMETOOLONG, or as segment_locate(). */
int mx_reg_path(const char *path, char *buf, size_t n);

#endif
