/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large values: immutable bytes held by reference.  They are in memory, in an
 * unlinked file next to the databases, or in a row of a mailbox's table blobs.
 * A blob row that an open object still refers to is not deleted under it: the
 * mailbox counts pins, and a row without references goes with its last pin, or
 * when the mailbox opens next.
 *
 * All functions: under the lock of the mailbox, except for memory and file.
 */
#ifndef MX_STORE_BYTES_H
#define MX_STORE_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct mx_bytes;
struct mx_mdb;

/* Copies n bytes. */
int mx_bytes_from_mem(const void *p, size_t n, struct mx_bytes **ret);
/* Takes over p (malloc) or fd (size bytes long). */
int mx_bytes_take_mem(void *p, size_t n, struct mx_bytes **ret);
int mx_bytes_take_fd(int fd, uint64_t size, struct mx_bytes **ret);
/* Row `id` of the mailbox, pinned. */
int mx_bytes_from_blob(struct mx_mdb *db, int64_t id, uint64_t size,
		       struct mx_bytes **ret);

struct mx_bytes *mx_bytes_ref(struct mx_bytes *b);
void mx_bytes_unref(struct mx_bytes *b); /* NULL is fine */
void mx_bytes_auto(struct mx_bytes **b);

uint64_t mx_bytes_size(const struct mx_bytes *b);
/* Exactly n bytes from off, which must be there.  0; errno. */
int mx_bytes_read(struct mx_bytes *b, uint64_t off, void *buf, size_t n);

/* Puts the bytes into the mailbox's table: a row of this mailbox gets one more
 * reference, all else is written anew.  In a transaction. */
int mx_bytes_store(struct mx_bytes *b, struct mx_mdb *db, int64_t *ret_id);
/* Takes one reference from row id; deletes it with the last. */
int mx_blob_release(struct mx_mdb *db, int64_t id);

/* The same bytes free of any mailbox: itself, or a copy in memory or file. */
int mx_bytes_detach(struct mx_bytes *b, const char *dir, struct mx_bytes **ret);

/* An unlinked, empty file in dir. */
int mx_spool_file(const char *dir);
/* Larger spooled values go to a file. */
#define MX_SPOOL_MEMORY (256u << 10)

#endif
