/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of every kind of object: which are computed, which a client may
 * set, and where the rest is kept.
 */
#include "store/obj.h"

#include <errno.h>
#include <string.h>

#include "store/obj-private.h"
#include "store/tags.h"

/* ---- Where properties come from ---- */

/* What one call reads from: folders and the store load their row once. */
struct source {
	struct mx_obj *o;
	struct mx_frow row;
	const struct mx_frow *at; /* row, or one that is kept in memory */
	struct mx_bag own;
	const struct mx_bag *bag;
	const uint32_t *computed;
};

static void source_auto(struct source *s)
{
	mx_frow_auto(&s->row);
	mx_bag_fini(&s->own);
}

/* to_write: row is filled in, to be changed and written. */
static int source_open(struct source *s, struct mx_obj *o, bool to_write)
{
	int r = 0;

	s->o = o;
	s->bag = mx_obj_bag(o);
	switch (o->kind) {
	case MX_OBJ_STORE:
		r = mx_store_load_bag(o->db, &s->own);
		s->bag = &s->own;
		s->computed = mx_store_computed_tags;
		break;
	case MX_OBJ_FOLDER:
		s->at = &s->row;
		r = to_write ? mx_folder_load(o->db, o->fid, &s->row)
			     : mx_folder_peek(o->db, o->fid, &s->row, &s->at);
		r = r == MX_ANS_NOT_FOUND ? MX_ANS_OBJECT_DELETED : r;
		s->bag = &s->at->bag;
		s->computed = mx_folder_computed_tags;
		break;
	case MX_OBJ_MESSAGE:
		s->computed = mx_msg_computed_tags;
		break;
	case MX_OBJ_ATTACH:
		s->computed = mx_att_computed_tags;
		break;
	}
	return r;
}

static int source_init(struct source *s, struct mx_obj *o)
{
	return source_open(s, o, true);
}

static int source_read(struct source *s, struct mx_obj *o)
{
	return source_open(s, o, false);
}

static int computed(struct source *s, uint32_t tag, struct mx_arena *a,
		    struct mx_propval *ret)
{
	switch (s->o->kind) {
	case MX_OBJ_STORE:
		return mx_store_computed(s->o, tag, a, ret);
	case MX_OBJ_FOLDER:
		return mx_frow_computed(s->o->mb, s->at, tag, a, ret);
	case MX_OBJ_MESSAGE:
		return mx_msg_computed(s->o, tag, a, ret);
	default:
		return mx_att_computed(s->o, tag, a, ret);
	}
}

/* A computed value in the type that was asked for. */
static int fit(const struct mx_propval *v, uint32_t want, size_t max,
	       uint32_t cp, bool want_unicode, struct mx_arena *a,
	       struct mx_propval *ret)
{
	MX_AUTO(mx_bag_auto) struct mx_bag tmp = {0};
	struct mx_propval out;
	int r;

	if (MX_PROP_TYPE(v->tag) == MX_PT_ERROR) {
		*ret = *v;
		return 0;
	}
	if (MX_PROP_TYPE(v->tag) == MX_PROP_TYPE(want) && !max) {
		*ret = *v;
		return 0;
	}
	r = mx_bag_set(&tmp, v, cp);
	if (r)
		return r < 0 ? r : -EINVAL;
	r = mx_ent_value(&tmp.e[0], want, max, cp, want_unicode, a, &out);
	return r ? r : mx_propval_copy(a, &out, ret);
}

static int value(struct source *s, uint32_t tag, size_t max, bool want_unicode,
		 struct mx_arena *a, struct mx_propval *ret)
{
	const struct mx_ent *e;
	struct mx_propval v;
	int r = computed(s, tag, a, &v);

	if (r < 0)
		return r;
	if (r > 0)
		return fit(&v, tag, max, s->o->cp, want_unicode, a, ret);
	e = mx_bag_find(s->bag, MX_PROP_ID(tag));
	if (e) {
		r = mx_ent_value(e, tag, max, s->o->cp, want_unicode, a, &v);
		if (r)
			return r;
		/* Entries may change before the caller is done with it. */
		return e->big ? (*ret = v, 0) : mx_propval_copy(a, &v, ret);
	}
	*ret = mx_val_error(tag, MX_EC_NOT_FOUND);
	return 0;
}

int mx_obj_value(struct mx_obj *o, uint32_t tag, size_t max, bool want_unicode,
		 struct mx_arena *a, struct mx_propval *ret)
{
	MX_AUTO(source_auto) struct source s = {0};
	int r = source_read(&s, o);

	return r ? r : value(&s, tag, max, want_unicode, a, ret);
}

/* ---- Reading ---- */

int mx_obj_get_locked(struct mx_obj *o, const uint32_t *tags, size_t n,
		      size_t max_value, bool want_unicode, struct mx_arena *a,
		      struct mx_propval *ret_vals, bool *ret_all)
{
	MX_AUTO(source_auto) struct source s = {0};
	bool all = true;
	int r = source_read(&s, o);

	for (size_t i = 0; !r && i < n; i++) {
		r = value(&s, tags[i], max_value, want_unicode, a,
			  &ret_vals[i]);
		all = all && MX_PROP_TYPE(ret_vals[i].tag) != MX_PT_ERROR;
	}
	if (!r && ret_all)
		*ret_all = all;
	return r;
}

int mx_obj_get(struct mx_obj *o, const uint32_t *tags, size_t n,
	       size_t max_value, bool want_unicode, struct mx_arena *a,
	       struct mx_propval *ret_vals, bool *ret_all)
{
	int r;

	mx_mdb_lock(o->db);
	r = mx_obj_get_locked(o, tags, n, max_value, want_unicode, a, ret_vals,
			      ret_all);
	mx_mdb_unlock(o->db);
	return r;
}

static bool is_computed(const struct source *s, uint16_t id)
{
	for (const uint32_t *t = s->computed; *t; t++)
		if (MX_PROP_ID(*t) == id)
			return true;
	return false;
}

/* Tags of all there is: the computed ones that have a value, then the bag's. */
static int list(struct source *s, struct mx_arena *a, uint32_t **ret_tags,
		size_t *ret_n)
{
	size_t n_computed = 0, n = 0;
	struct mx_propval v;
	uint32_t *tags;

	while (s->computed[n_computed])
		n_computed++;
	tags = mx_arena_newv(a, uint32_t, n_computed + s->bag->n);
	if (!tags)
		return -ENOMEM;
	for (size_t i = 0; i < n_computed; i++) {
		int r = computed(s, s->computed[i], a, &v);

		if (r < 0)
			return r;
		if (r && MX_PROP_TYPE(v.tag) != MX_PT_ERROR)
			tags[n++] = s->computed[i];
	}
	for (size_t i = 0; i < s->bag->n; i++)
		if (!is_computed(s, MX_PROP_ID(s->bag->e[i].tag)))
			tags[n++] = s->bag->e[i].tag;
	*ret_tags = tags;
	*ret_n = n;
	return 0;
}

int mx_obj_list(struct mx_obj *o, struct mx_arena *a, uint32_t **ret_tags,
		size_t *ret_n)
{
	int r;

	mx_mdb_lock(o->db);
	{
		MX_AUTO(source_auto) struct source s = {0};

		r = source_read(&s, o);
		if (!r)
			r = list(&s, a, ret_tags, ret_n);
	}
	mx_mdb_unlock(o->db);
	return r;
}

static int get_all_locked(struct mx_obj *o, size_t max_value, bool want_unicode,
			  struct mx_arena *a, struct mx_propval **ret_vals,
			  size_t *ret_n)
{
	MX_AUTO(source_auto) struct source s = {0};
	struct mx_propval *vals;
	uint32_t *tags;
	size_t n;
	int r = source_read(&s, o);

	if (!r)
		r = list(&s, a, &tags, &n);
	if (r)
		return r;
	vals = mx_arena_newv(a, struct mx_propval, n);
	if (!vals)
		return -ENOMEM;
	for (size_t i = 0; !r && i < n; i++) {
		uint32_t tag = tags[i];

		if (!want_unicode &&
		    (MX_PROP_TYPE(tag) & ~MX_MV_FLAG) == MX_PT_UNICODE)
			tag = MX_PROP_RETYPE(tag, MX_PROP_TYPE(tag) -
							  MX_PT_UNICODE +
							  MX_PT_STRING8);
		r = value(&s, tag, max_value, want_unicode, a, &vals[i]);
	}
	if (r)
		return r;
	*ret_vals = vals;
	*ret_n = n;
	return 0;
}

int mx_obj_get_all(struct mx_obj *o, size_t max_value, bool want_unicode,
		   struct mx_arena *a, struct mx_propval **ret_vals,
		   size_t *ret_n)
{
	int r;

	mx_mdb_lock(o->db);
	r = get_all_locked(o, max_value, want_unicode, a, ret_vals, ret_n);
	mx_mdb_unlock(o->db);
	return r;
}

/* ---- Writing ---- */

/* Computed here, but a client's value is taken. */
static bool may_set(const struct source *s, uint16_t id)
{
	switch (id) {
	case MX_PROP_ID(T_NORMALIZED_SUBJECT):
	case MX_PROP_ID(T_SUBJECT_PREFIX):
	case MX_PROP_ID(T_BODY):
	case MX_PROP_ID(T_HTML):
	case MX_PROP_ID(T_LAST_MODIFICATION_TIME):
	case MX_PROP_ID(T_CREATION_TIME):
		return s->o->kind == MX_OBJ_MESSAGE ||
		       s->o->kind == MX_OBJ_ATTACH;
	case MX_PROP_ID(T_DISPLAY_NAME):
	case MX_PROP_ID(T_CONTAINER_CLASS):
		return s->o->kind == MX_OBJ_FOLDER ||
		       s->o->kind == MX_OBJ_ATTACH;
	default:
		return !is_computed(s, id);
	}
}

static int set_folder_text(char **field, const struct mx_propval *v,
			   uint32_t cp, bool needed)
{
	MX_AUTO(mx_bag_auto) struct mx_bag tmp = {0};
	const char *s;
	char *copy;
	int r;

	if (!mx_type_fits(MX_PT_UNICODE, MX_PROP_TYPE(v->tag)))
		return MX_ANS_INVALID_PARAM;
	r = mx_bag_set(&tmp, v, cp);
	if (r)
		return r;
	s = mx_bag_str(&tmp, tmp.e[0].tag, NULL);
	if (!s || strlen(s) > MX_STORE_MAX_NAME)
		return MX_ANS_TOO_BIG;
	if (needed && !*s)
		return MX_ANS_INVALID_PARAM;
	copy = strdup(s);
	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

static int set_one(struct source *s, const struct mx_propval *v)
{
	uint16_t id = MX_PROP_ID(v->tag);

	if (!may_set(s, id))
		return MX_ANS_ACCESS_DENIED;
	switch (s->o->kind) {
	case MX_OBJ_MESSAGE:
		return mx_msg_set_prop(s->o->msg, v, s->o->cp);
	case MX_OBJ_FOLDER:
		if (id == MX_PROP_ID(T_DISPLAY_NAME))
			return set_folder_text(&s->row.name, v, s->o->cp, true);
		if (id == MX_PROP_ID(T_CONTAINER_CLASS))
			return set_folder_text(&s->row.class, v, s->o->cp,
					       false);
		return mx_bag_set(&s->row.bag, v, s->o->cp);
	case MX_OBJ_STORE:
		return mx_bag_set(&s->own, v, s->o->cp);
	default:
		return mx_bag_set(&s->o->att->bag, v, s->o->cp);
	}
}

static bool delete_one(struct source *s, uint16_t id)
{
	switch (s->o->kind) {
	case MX_OBJ_MESSAGE:
		return mx_msg_delete_prop(s->o->msg, id);
	case MX_OBJ_FOLDER:
		if (id == MX_PROP_ID(T_CONTAINER_CLASS)) {
			free(s->row.class);
			s->row.class = NULL;
			return true;
		}
		return mx_bag_delete(&s->row.bag, id);
	case MX_OBJ_STORE:
		return mx_bag_delete(&s->own, id);
	default:
		return mx_bag_delete(&s->o->att->bag, id);
	}
}

struct problems {
	struct mx_arena *a;
	struct mx_propproblem *p;
	size_t n, max;
};

static int problem(struct problems *ps, size_t index, uint32_t tag,
		   uint32_t code)
{
	if (!ps->p)
		ps->p = mx_arena_newv(ps->a, struct mx_propproblem, ps->max);
	if (!ps->p)
		return -ENOMEM;
	ps->p[ps->n++] = (struct mx_propproblem){
		.index = (uint16_t)index, .tag = tag, .code = code};
	return 0;
}

/* What a change of a folder or the store makes of it: on disk, and told. */
static int store_changes(struct source *s)
{
	struct mx_obj *o = s->o;
	struct mx_event ev = {.type = MX_EV_MODIFIED};
	MX_MTXN(txn);
	int r;

	if (o->kind != MX_OBJ_FOLDER && o->kind != MX_OBJ_STORE) {
		o->dirty = true;
		return 0;
	}
	r = mx_mtxn_begin(&txn, o->db);
	if (r)
		return r;
	if (o->kind == MX_OBJ_STORE) {
		r = mx_store_write_bag(o->db, &s->own);
		return r ? r : mx_mtxn_commit(&txn);
	}
	r = mx_folder_write(o->db, &s->row);
	ev.fid = mx_mdb_id(o->fid);
	ev.parent_fid = mx_mdb_id(s->row.parent);
	if (!r)
		r = mx_mdb_raise(o->db, &ev);
	mx_mdb_touch(o->db, s->row.parent, o->fid, true);
	return r ? r : mx_mtxn_commit(&txn);
}

static int check_writable(const struct mx_obj *o)
{
	if (!o->mb->may_write)
		return MX_ANS_ACCESS_DENIED;
	if (o->read_only)
		return MX_ANS_ACCESS_DENIED;
	if (o->kind == MX_OBJ_ATTACH && o->parent->closed)
		return MX_ANS_OBJECT_DELETED;
	return 0;
}

static int set_locked(struct mx_obj *o, const struct mx_propval *vals, size_t n,
		      struct problems *ps)
{
	MX_AUTO(source_auto) struct source s = {0};
	bool any = false;
	int r = check_writable(o);

	if (!r)
		r = source_init(&s, o);
	for (size_t i = 0; !r && i < n; i++) {
		r = set_one(&s, &vals[i]);
		any |= r == 0;
		if (r > 0)
			r = problem(ps, i, vals[i].tag, mx_store_ec(r));
	}
	if (r || !any)
		return r;
	r = store_changes(&s);
	/* A folder's new name is taken: none of the changes is made. */
	return r == -EEXIST ? MX_ANS_DUPLICATE_NAME : r;
}

int mx_obj_set(struct mx_obj *o, const struct mx_propval *vals, size_t n,
	       struct mx_arena *a, struct mx_propproblem **ret_problems,
	       size_t *ret_n_problems)
{
	struct problems ps = {.a = a, .max = n};
	int r;

	mx_mdb_lock(o->db);
	r = set_locked(o, vals, n, &ps);
	mx_mdb_unlock(o->db);
	if (r)
		return r;
	*ret_problems = ps.p;
	*ret_n_problems = ps.n;
	return 0;
}

/* A short text may be a subject or a folder's name: it is set as those are. */
static int put_short(struct source *s, uint32_t tag, struct mx_bytes *b)
{
	uint64_t n = mx_bytes_size(b);
	MX_AUTO(mx_free_auto) char *text = calloc(1, n + 1);
	struct mx_propval v = {.tag = tag};
	int r = text ? mx_bytes_read(b, 0, text, n) : -ENOMEM;

	v.v.str = text;
	return r ? r : set_one(s, &v);
}

int mx_obj_put_bytes(struct mx_obj *o, uint32_t tag, struct mx_bytes *b)
{
	MX_AUTO(source_auto) struct source s = {0};
	int r = check_writable(o);

	if (!r)
		r = source_init(&s, o);
	if (r)
		return r;
	if (!may_set(&s, MX_PROP_ID(tag)))
		return MX_ANS_ACCESS_DENIED;
	if (MX_PROP_TYPE(tag) == MX_PT_UNICODE &&
	    mx_bytes_size(b) <= MX_STORE_INLINE)
		r = put_short(&s, tag, b);
	else if (o->kind == MX_OBJ_FOLDER || o->kind == MX_OBJ_STORE)
		r = mx_bag_set_big(
			o->kind == MX_OBJ_FOLDER ? &s.row.bag : &s.own, tag, b);
	else
		r = mx_bag_set_big(mx_obj_bag(o), tag, b);
	return r ? r : store_changes(&s);
}

static int delete_locked(struct mx_obj *o, const uint32_t *tags, size_t n,
			 struct problems *ps)
{
	MX_AUTO(source_auto) struct source s = {0};
	bool any = false;
	int r = check_writable(o);

	if (!r)
		r = source_init(&s, o);
	for (size_t i = 0; !r && i < n; i++) {
		uint16_t id = MX_PROP_ID(tags[i]);

		if (!may_set(&s, id) || id == MX_PROP_ID(T_MESSAGE_FLAGS) ||
		    (o->kind == MX_OBJ_FOLDER &&
		     id == MX_PROP_ID(T_DISPLAY_NAME)))
			r = problem(ps, i, tags[i], MX_EC_ACCESS_DENIED);
		else
			any |= delete_one(&s, id);
	}
	return r || !any ? r : store_changes(&s);
}

int mx_obj_delete(struct mx_obj *o, const uint32_t *tags, size_t n,
		  struct mx_arena *a, struct mx_propproblem **ret_problems,
		  size_t *ret_n_problems)
{
	struct problems ps = {.a = a, .max = n};
	int r;

	mx_mdb_lock(o->db);
	r = delete_locked(o, tags, n, &ps);
	mx_mdb_unlock(o->db);
	if (r)
		return r;
	*ret_problems = ps.p;
	*ret_n_problems = ps.n;
	return 0;
}
