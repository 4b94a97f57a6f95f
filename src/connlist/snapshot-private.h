/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* An opened segment, as opening and copying it share it. */
#ifndef MX_CONNLIST_SNAPSHOT_PRIVATE_H
#define MX_CONNLIST_SNAPSHOT_PRIVATE_H

#include "connlist/registry-private.h"
#include "connlist/snapshot.h"

struct mx_snap_src {
	struct shm_map map;
	uint64_t source; /* tells it from every other of this process */
	int fd;
	char path[256];
};

/* 0; -ENOENT: the name leads to another file; -EBADMSG: this one was cut off,
 * and reading behind its end would be SIGBUS; -errno. */
int snap_still_there(const struct mx_snap_src *src);

#endif
