/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named properties of a mailbox: names get ids from 0x8000 on, for ever.
 * Names of PS_MAPI are the ids below 0x8000 themselves.  [MS-OXCPRPT] 3.2.5.9,
 * 3.2.5.10.
 */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "store/folder-private.h"
#include "store/mbox.h"
#include "store/mdb.h"
#include "store/sql.h"

/* 00020328-0000-0000-C000-000000000046 */
static const struct mx_guid ps_mapi = {
	{0x28, 0x03, 0x02, 0x00, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46}};

/* Numbers are kept with an empty name, names with lid -1. */
static int64_t key_lid(const struct mx_propname *n)
{
	return n->kind == MX_KIND_LID ? (int64_t)n->lid : -1;
}

static const char *key_name(const struct mx_propname *n)
{
	return n->kind == MX_KIND_NAME && n->name ? n->name : "";
}

static int find_id(struct mx_mdb *db, const struct mx_propname *n, bool create,
		   uint16_t *ret)
{
	int64_t id;
	int r;

	*ret = 0;
	if (mx_guid_equal(&n->guid, &ps_mapi)) {
		if (n->kind == MX_KIND_LID && n->lid < 0x8000)
			*ret = (uint16_t)n->lid;
		return 0;
	}
	if (n->kind != MX_KIND_LID &&
	    (n->kind != MX_KIND_NAME || !key_name(n)[0] ||
	     strlen(key_name(n)) > 255))
		return 0;
	r = mx_db_get_int(&db->db, &id, SQL_NAME_BY_NAME, "bit", n->guid.b, 16,
			  key_lid(n), key_name(n));
	if (!r && create)
		r = mx_db_get_int(&db->db, &id, SQL_NAME_INSERT, "bit",
				  n->guid.b, 16, key_lid(n), key_name(n));
	if (r == 1)
		*ret = (uint16_t)id;
	return r > 0 ? 0 : r;
}

int mx_mbox_ids_from_names(struct mx_mbox *mb, const struct mx_propname *names,
			   size_t n, bool create, uint16_t *ids,
			   size_t *ret_missing)
{
	size_t missing = 0;
	int r = 0;

	create = create && mb->may_write;
	mx_mdb_lock(mb->db);
	{
		MX_MTXN(txn);

		/* All the names of one request are one commit. */
		if (create)
			r = mx_mtxn_begin(&txn, mb->db);
		for (size_t i = 0; !r && i < n; i++) {
			r = find_id(mb->db, &names[i], create, &ids[i]);
			missing += ids[i] == 0;
		}
		if (!r && create)
			r = mx_mtxn_commit(&txn);
	}
	mx_mdb_unlock(mb->db);
	if (!r && ret_missing)
		*ret_missing = missing;
	return r;
}

/* A name from columns guid, lid, name beginning at `c`. */
static int read_name(sqlite3_stmt *st, int c, struct mx_arena *a,
		     struct mx_propname *ret)
{
	int64_t lid = sqlite3_column_int64(st, c + 1);

	if (sqlite3_column_bytes(st, c) != 16)
		return -EUCLEAN;
	memcpy(ret->guid.b, sqlite3_column_blob(st, c), 16);
	ret->kind = lid < 0 ? MX_KIND_NAME : MX_KIND_LID;
	ret->lid = lid < 0 ? 0 : (uint32_t)lid;
	ret->name =
		lid < 0 ? mx_arena_strdup(a, (const char *)sqlite3_column_text(
						     st, c + 2))
			: NULL;
	return lid < 0 && !ret->name ? -ENOMEM : 0;
}

static int find_name(struct mx_mdb *db, uint16_t id, struct mx_arena *a,
		     struct mx_propname *ret)
{
	MX_STMT st = NULL;
	int r;

	*ret = (struct mx_propname){.kind = MX_KIND_NONE};
	if (id < 0x8000) {
		*ret = (struct mx_propname){
			.kind = MX_KIND_LID, .guid = ps_mapi, .lid = id};
		return 0;
	}
	r = mx_db_query(&db->db, &st, SQL_NAME_BY_ID, "i", (int64_t)id);
	return r == 1 ? read_name(st, 0, a, ret) : r;
}

int mx_mbox_names_from_ids(struct mx_mbox *mb, const uint16_t *ids, size_t n,
			   struct mx_arena *a, struct mx_propname **ret)
{
	struct mx_propname *names = mx_arena_newv(a, struct mx_propname, n);
	int r = names ? 0 : -ENOMEM;

	mx_mdb_lock(mb->db);
	for (size_t i = 0; !r && i < n; i++)
		r = find_name(mb->db, ids[i], a, &names[i]);
	mx_mdb_unlock(mb->db);
	if (!r)
		*ret = names;
	return r;
}

static int all_names(struct mx_mdb *db, struct mx_arena *a, uint16_t *ids,
		     struct mx_propname *names, size_t max, size_t *ret_n)
{
	MX_STMT st = NULL;
	size_t n = 0;
	int r = mx_db_query(&db->db, &st, SQL_NAME_ALL, "");

	while (r == 1 && n < max) {
		ids[n] = (uint16_t)sqlite3_column_int64(st, 0);
		r = read_name(st, 1, a, &names[n++]);
		if (!r)
			r = mx_db_step(&db->db, st);
	}
	*ret_n = n;
	return r < 0 ? r : 0;
}

int mx_mbox_all_names(struct mx_mbox *mb, struct mx_arena *a,
		      uint16_t **ret_ids, struct mx_propname **ret_names,
		      size_t *ret_n)
{
	size_t max = 0x7fff;
	uint16_t *ids = mx_arena_newv(a, uint16_t, max);
	struct mx_propname *names = mx_arena_newv(a, struct mx_propname, max);
	int r;

	if (!ids || !names)
		return -ENOMEM;
	mx_mdb_lock(mb->db);
	r = all_names(mb->db, a, ids, names, max, ret_n);
	mx_mdb_unlock(mb->db);
	if (r)
		return r;
	*ret_ids = ids;
	*ret_names = names;
	return 0;
}

/* ---- From mailbox to mailbox ---- */

static int collect_bag(struct mx_mdb *db, const struct mx_bag *bag,
		       struct mx_arena *a, struct mx_namemap *map, size_t max)
{
	int r = 0;

	for (size_t i = 0; !r && i < bag->n; i++) {
		uint16_t id = MX_PROP_ID(bag->e[i].tag);
		size_t k = 0;

		while (k < map->n && map->ids[k] != id)
			k++;
		if (id < 0x8000 || k < map->n)
			continue;
		if (map->n == max)
			return -EOVERFLOW;
		map->ids[map->n] = id;
		r = find_name(db, id, a, &map->names[map->n++]);
	}
	return r;
}

static size_t count_named(const struct mx_msg *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->bag.n; i++)
		n += MX_PROP_ID(m->bag.e[i].tag) >= 0x8000;
	for (size_t i = 0; i < m->n_rcps; i++)
		for (size_t k = 0; k < m->rcps[i].bag.n; k++)
			n += MX_PROP_ID(m->rcps[i].bag.e[k].tag) >= 0x8000;
	for (size_t i = 0; i < m->n_atts; i++) {
		for (size_t k = 0; k < m->atts[i]->bag.n; k++)
			n += MX_PROP_ID(m->atts[i]->bag.e[k].tag) >= 0x8000;
		if (m->atts[i]->child)
			n += count_named(m->atts[i]->child);
	}
	return n;
}

static int collect(struct mx_mdb *db, const struct mx_msg *m,
		   struct mx_arena *a, struct mx_namemap *map, size_t max)
{
	int r = collect_bag(db, &m->bag, a, map, max);

	for (size_t i = 0; !r && i < m->n_rcps; i++)
		r = collect_bag(db, &m->rcps[i].bag, a, map, max);
	for (size_t i = 0; !r && i < m->n_atts; i++) {
		r = collect_bag(db, &m->atts[i]->bag, a, map, max);
		if (!r && m->atts[i]->child)
			r = collect(db, m->atts[i]->child, a, map, max);
	}
	return r;
}

int mx_names_collect(struct mx_mdb *db, const struct mx_msg *m,
		     struct mx_arena *a, struct mx_namemap *ret)
{
	size_t max = count_named(m);

	max = max < 0x7fff ? max : 0x7fff;
	*ret = (struct mx_namemap){.names = mx_arena_newv(a, struct mx_propname,
							  max),
				   .ids = mx_arena_newv(a, uint16_t, max)};
	if (!ret->names || !ret->ids)
		return -ENOMEM;
	return collect(db, m, a, ret, max);
}

/* Rebuilds the bag under new ids; a name that got none loses its value. */
static int rename_bag(struct mx_bag *bag, const struct mx_namemap *map,
		      const uint16_t *to)
{
	MX_AUTO(mx_bag_auto) struct mx_bag out = {0};
	int r = 0;

	if (!bag->n || MX_PROP_ID(bag->e[bag->n - 1].tag) < 0x8000)
		return 0;
	for (size_t i = 0; !r && i < bag->n; i++) {
		const struct mx_ent *e = &bag->e[i];
		uint16_t id = MX_PROP_ID(e->tag);
		uint32_t tag;
		size_t k = 0;

		while (k < map->n && map->ids[k] != id)
			k++;
		if (k < map->n)
			id = to[k];
		if (!id)
			continue;
		tag = MX_PROP_TAG(MX_PROP_TYPE(e->tag), id);
		r = e->big ? mx_bag_set_big(&out, tag, e->big)
			   : mx_bag_set_raw(&out, tag, e->p, e->len);
	}
	if (r)
		return r;
	mx_bag_fini(bag);
	*bag = out;
	mx_bag_init(&out);
	return 0;
}

static int rename_all(struct mx_msg *m, const struct mx_namemap *map,
		      const uint16_t *to)
{
	int r = rename_bag(&m->bag, map, to);

	for (size_t i = 0; !r && i < m->n_rcps; i++)
		r = rename_bag(&m->rcps[i].bag, map, to);
	for (size_t i = 0; !r && i < m->n_atts; i++) {
		r = rename_bag(&m->atts[i]->bag, map, to);
		if (!r && m->atts[i]->child)
			r = rename_all(m->atts[i]->child, map, to);
	}
	return r;
}

int mx_names_apply(struct mx_mdb *db, struct mx_msg *m,
		   const struct mx_namemap *map)
{
	MX_AUTO(mx_free_auto) uint16_t *to = calloc(map->n + 1, sizeof(*to));
	int r = to ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < map->n; i++)
		r = find_id(db, &map->names[i], true, &to[i]);
	return r || !map->n ? r : rename_all(m, map, to);
}
