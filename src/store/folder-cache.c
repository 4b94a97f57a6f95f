/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the folders that were read last.  Programs ask an open folder for its
 * counts again and again; the row is good for as long as this connection has
 * written nothing, and there is no other: the store's directory is ours alone.
 */
#include <stdlib.h>
#include <string.h>

#include "store/obj-private.h"

#define ROWS 4u
/* What a row that is kept may hold, in properties. */
#define MAX_PROPS 32u

struct mx_fcache {
	uint64_t stamp; /* of the database when the rows were read */
	unsigned n, next;
	struct mx_frow rows[ROWS];
};

static void empty(struct mx_fcache *c)
{
	while (c->n)
		mx_frow_auto(&c->rows[--c->n]);
	memset(c->rows, 0, sizeof(c->rows));
	c->next = 0;
}

void mx_fcache_free(struct mx_fcache *c)
{
	if (c)
		empty(c);
	free(c);
}

/* Large values are on disk and held there by who refers to them. */
static bool is_small(const struct mx_frow *f)
{
	bool big = f->bag.n > MAX_PROPS;

	for (size_t i = 0; i < f->bag.n && !big; i++)
		big = f->bag.e[i].big != NULL;
	return !big;
}

static const struct mx_frow *keep(struct mx_fcache *c, struct mx_frow *f)
{
	struct mx_frow *to = &c->rows[c->next];

	c->next = (c->next + 1) % ROWS;
	if (c->n < ROWS)
		c->n++;
	else
		mx_frow_auto(to);
	*to = *f;
	memset(f, 0, sizeof(*f));
	return to;
}

int mx_folder_peek(struct mx_mdb *db, int64_t fid, struct mx_frow *own,
		   const struct mx_frow **ret)
{
	struct mx_fcache *c = db->folders;
	uint64_t stamp = mx_db_stamp(&db->db);
	int r;

	if (!c)
		c = db->folders = calloc(1, sizeof(*c));
	if (c && c->stamp != stamp)
		empty(c);
	for (unsigned i = 0; c && i < c->n; i++)
		if (c->rows[i].id == fid) {
			*ret = &c->rows[i];
			return 0;
		}
	r = mx_folder_load(db, fid, own);
	if (r)
		return r;
	*ret = own;
	if (c && is_small(own)) {
		c->stamp = stamp;
		*ret = keep(c, own);
	}
	return 0;
}
