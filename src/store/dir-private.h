/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MX_STORE_DIR_PRIVATE_H
#define MX_STORE_DIR_PRIVATE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/lock.h"
#include "store/db.h"
#include "store/dir.h"
#include "wire/types.h"

struct mx_dir {
	struct mx_mutex lock;
	struct mx_db db;        /* under lock */
	uint8_t domain[24];     /* S-1-5-21-a-b-c: the store's own */
	char *dummy_hash;       /* for users that do not exist: equal time */
	_Atomic uint64_t epoch; /* see mx_dir_epoch */
};

/* make: users.db where there is none. */
int mx_dir_open(struct mx_store *st, bool make, struct mx_dir **ret);
void mx_dir_close(struct mx_dir *d); /* NULL is fine */

int mx_dir_by_id(struct mx_store *st, uint32_t id, struct mx_arena *a,
		 struct mx_user *ret);

/* All rows of a statement that has no parameters: `read` makes an item of size
 * bytes of each, what it points to from the arena.  *ret and *ret_n are the items,
 * the arena's; 0 or errno, also read's. */
typedef int mx_dir_row_fn(sqlite3_stmt *s, struct mx_arena *a, void *ret);
int mx_dir_rows(struct mx_store *st, int stmt, size_t size, mx_dir_row_fn *read,
		struct mx_arena *a, void **ret, size_t *ret_n);

/* Mailboxes with something to send, as a durable mark. */
int mx_dir_mark_sending(struct mx_store *st, const struct mx_guid *guid,
			bool sending);
int mx_dir_list_sending(struct mx_store *st, struct mx_arena *a,
			struct mx_guid **ret, size_t *ret_n);

#endif
