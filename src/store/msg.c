/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content of a message in memory: copies, sizes, and what follows from its
 * parts (subjects, displays, flags).  No database here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf.h"
#include "store/obj-private.h"
#include "store/tags.h"

struct mx_msg *mx_msg_new(void)
{
	return calloc(1, sizeof(struct mx_msg));
}

struct mx_att *mx_att_new(void)
{
	return calloc(1, sizeof(struct mx_att));
}

void mx_att_free(struct mx_att *att)
{
	if (!att)
		return;
	mx_bag_fini(&att->bag);
	mx_msg_free(att->child);
	free(att);
}

void mx_msg_free(struct mx_msg *m)
{
	if (!m)
		return;
	mx_bag_fini(&m->bag);
	for (size_t i = 0; i < m->n_rcps; i++)
		mx_bag_fini(&m->rcps[i].bag);
	for (size_t i = 0; i < m->n_atts; i++)
		mx_att_free(m->atts[i]);
	free(m->rcps);
	free(m->atts);
	free(m);
}

void mx_msg_auto(struct mx_msg **m)
{
	mx_msg_free(*m);
}

static void att_auto(struct mx_att **att)
{
	mx_att_free(*att);
}

int mx_att_clone(const struct mx_att *att, struct mx_att **ret)
{
	MX_AUTO(att_auto) struct mx_att *n = mx_att_new();
	int r;

	if (!n)
		return -ENOMEM;
	n->num = att->num;
	r = mx_bag_clone(&att->bag, &n->bag);
	if (!r && att->child)
		r = mx_msg_clone(att->child, &n->child);
	if (!r)
		*ret = MX_STEAL(n);
	return r;
}

static int clone_parts(const struct mx_msg *m, struct mx_msg *n)
{
	int r = mx_bag_clone(&m->bag, &n->bag);

	n->rcps = calloc(m->n_rcps ? m->n_rcps : 1, sizeof(*n->rcps));
	n->atts = calloc(m->n_atts ? m->n_atts : 1, sizeof(struct mx_att *));
	if (!n->rcps || !n->atts)
		return -ENOMEM;
	for (size_t i = 0; !r && i < m->n_rcps; i++) {
		n->rcps[i].row = m->rcps[i].row;
		n->rcps[i].type = m->rcps[i].type;
		n->n_rcps++;
		r = mx_bag_clone(&m->rcps[i].bag, &n->rcps[i].bag);
	}
	for (size_t i = 0; !r && i < m->n_atts; i++) {
		r = mx_att_clone(m->atts[i], &n->atts[i]);
		n->n_atts += r == 0;
	}
	return r;
}

int mx_msg_clone(const struct mx_msg *m, struct mx_msg **ret)
{
	MX_AUTO(mx_msg_auto) struct mx_msg *n = mx_msg_new();
	int r;

	if (!n)
		return -ENOMEM;
	r = clone_parts(m, n);
	if (r)
		return r;
	n->next_num = m->next_num;
	n->id = m->id;
	n->fid = m->fid;
	n->cn = m->cn;
	n->deleted = m->deleted;
	n->assoc = m->assoc;
	*ret = MX_STEAL(n);
	return 0;
}

int mx_msg_detach(struct mx_msg *m, const char *dir)
{
	int r = mx_bag_detach(&m->bag, dir);

	for (size_t i = 0; !r && i < m->n_rcps; i++)
		r = mx_bag_detach(&m->rcps[i].bag, dir);
	for (size_t i = 0; !r && i < m->n_atts; i++) {
		r = mx_bag_detach(&m->atts[i]->bag, dir);
		if (!r && m->atts[i]->child)
			r = mx_msg_detach(m->atts[i]->child, dir);
	}
	return r;
}

uint64_t mx_msg_size(const struct mx_msg *m)
{
	uint64_t n = mx_bag_size(&m->bag);

	for (size_t i = 0; i < m->n_rcps; i++)
		n += mx_bag_size(&m->rcps[i].bag) + 8;
	for (size_t i = 0; i < m->n_atts; i++) {
		n += mx_bag_size(&m->atts[i]->bag);
		if (m->atts[i]->child)
			n += mx_msg_size(m->atts[i]->child);
	}
	return n;
}

/* ---- Attachments ---- */

struct mx_att *mx_msg_att(const struct mx_msg *m, uint32_t num,
			  size_t *ret_index)
{
	for (size_t i = 0; i < m->n_atts; i++) {
		if (m->atts[i]->num != num)
			continue;
		if (ret_index)
			*ret_index = i;
		return m->atts[i];
	}
	return NULL;
}

int mx_msg_put_att(struct mx_msg *m, struct mx_att *att)
{
	struct mx_att **atts;
	size_t i = 0;

	if (mx_msg_att(m, att->num, &i)) {
		mx_att_free(m->atts[i]);
		m->atts[i] = att;
		return 0;
	}
	atts = reallocarray(m->atts, m->n_atts + 1, sizeof(*atts));
	if (!atts)
		return -ENOMEM;
	m->atts = atts;
	for (i = m->n_atts; i && atts[i - 1]->num > att->num; i--)
		atts[i] = atts[i - 1];
	atts[i] = att;
	m->n_atts++;
	if (m->next_num <= att->num)
		m->next_num = att->num + 1;
	return 0;
}

void mx_msg_remove_att(struct mx_msg *m, size_t index)
{
	mx_att_free(m->atts[index]);
	m->n_atts--;
	memmove(&m->atts[index], &m->atts[index + 1],
		(m->n_atts - index) * sizeof(struct mx_att *));
}

/* ---- What follows from the parts ---- */

/* Names of the recipients of a kind, "A; B". */
static int display(struct mx_msg *m, unsigned type, uint32_t tag)
{
	MX_AUTO(mx_buf_auto) struct mx_buf b = {0};

	for (size_t i = 0; i < m->n_rcps; i++) {
		const struct mx_rcp *rcp = &m->rcps[i];
		const char *name;

		if ((rcp->type & 0x0f) != type)
			continue;
		name = mx_bag_str(&rcp->bag, T_DISPLAY_NAME, NULL);
		if (!name || !*name)
			name = mx_bag_str(&rcp->bag, T_EMAIL_ADDRESS, "");
		if (b.len)
			mx_buf_puts(&b, "; ");
		mx_buf_puts(&b, name);
	}
	if (b.err)
		return b.err;
	return mx_bag_set_str(&m->bag, tag, mx_buf_str(&b));
}

int mx_msg_refresh(struct mx_msg *m)
{
	int32_t flags = mx_bag_i4(&m->bag, T_MESSAGE_FLAGS, 0);
	int r;

	flags &= ~(MF_HASATTACH | MF_FAI);
	flags |= (m->n_atts ? MF_HASATTACH : 0) | (m->assoc ? MF_FAI : 0);
	r = mx_bag_set_i4(&m->bag, T_MESSAGE_FLAGS, flags);
	if (!r)
		r = display(m, 1, T_DISPLAY_TO);
	if (!r)
		r = display(m, 2, T_DISPLAY_CC);
	return r ? r : display(m, 3, T_DISPLAY_BCC);
}

/* "RE: " and the like: up to three characters, none a digit, a colon and a
 * space.  [MS-OXCMAIL] 2.2.3.2.6.1.  Returns its length, 0 when there is none. */
static size_t usual_prefix(const char *s)
{
	size_t at = 0, n = strlen(s);
	uint32_t cp;

	for (int i = 0; i < 4 && at < n; i++) {
		size_t len = mx_utf8_next(s + at, n - at, &cp);

		if (cp == ':')
			return i > 0 && s[at + 1] == ' ' ? at + 2 : 0;
		if ((cp >= '0' && cp <= '9') || cp <= ' ')
			return 0;
		at += len;
	}
	return 0;
}

size_t mx_msg_prefix_len(const struct mx_msg *m)
{
	const char *s = mx_bag_str(&m->bag, T_SUBJECT, "");
	const char *p = mx_bag_str(&m->bag, T_SUBJECT_PREFIX, "");
	size_t n = strlen(p);

	return strncmp(s, p, n) == 0 ? n : 0;
}

static int set_subject(struct mx_bag *b, const char *s)
{
	const char *p = mx_bag_str(b, T_SUBJECT_PREFIX, "");
	MX_AUTO(mx_free_auto) char *prefix = NULL;
	int r;

	if (!*p || strncmp(s, p, strlen(p)) != 0) {
		prefix = strndup(s, usual_prefix(s));
		if (!prefix)
			return -ENOMEM;
		r = mx_bag_set_str(b, T_SUBJECT_PREFIX, prefix);
		if (r)
			return r;
	}
	return mx_bag_set_str(b, T_SUBJECT, s);
}

/* Prefix and normalized subject make the subject, whichever is set. */
static int set_part(struct mx_msg *m, bool is_prefix, const char *s)
{
	struct mx_bag *b = &m->bag;
	const char *subject = mx_bag_str(b, T_SUBJECT, "");
	MX_AUTO(mx_free_auto) char *whole = NULL;
	MX_AUTO(mx_free_auto) char *prefix = NULL;
	int r;

	if (is_prefix && *s && !strncmp(subject, s, strlen(s)))
		return mx_bag_set_str(b, T_SUBJECT_PREFIX, s);
	prefix = strdup(is_prefix ? s : mx_bag_str(b, T_SUBJECT_PREFIX, ""));
	if (!prefix ||
	    asprintf(&whole, "%s%s", prefix,
		     is_prefix ? subject + mx_msg_prefix_len(m) : s) < 0)
		return -ENOMEM;
	r = mx_bag_set_str(b, T_SUBJECT_PREFIX, prefix);
	return r ? r : mx_bag_set_str(b, T_SUBJECT, whole);
}

static int set_text(struct mx_msg *m, const struct mx_propval *v, uint32_t cp)
{
	MX_AUTO(mx_bag_auto) struct mx_bag tmp = {0};
	uint16_t id = MX_PROP_ID(v->tag);
	const char *s;
	int r;

	if (!mx_type_fits(MX_PT_UNICODE, MX_PROP_TYPE(v->tag)))
		return MX_ANS_INVALID_PARAM;
	r = mx_bag_set(&tmp, v, cp);
	if (r)
		return r;
	s = mx_bag_str(&tmp, MX_PROP_TAG(MX_PT_UNICODE, id), NULL);
	if (!s) { /* longer than any subject ought to be: kept, not split */
		if (id == MX_PROP_ID(T_SUBJECT_PREFIX))
			return MX_ANS_TOO_BIG;
		mx_bag_delete(&m->bag, MX_PROP_ID(T_SUBJECT_PREFIX));
		return mx_bag_set_big(&m->bag, T_SUBJECT, tmp.e[0].big);
	}
	if (id == MX_PROP_ID(T_SUBJECT))
		return set_subject(&m->bag, s);
	return set_part(m, id == MX_PROP_ID(T_SUBJECT_PREFIX), s);
}

/* [MS-OXCMSG] 2.2.1.6: which bits a client sets, and until when. */
static int set_flags(struct mx_msg *m, const struct mx_propval *v)
{
	int32_t old = mx_bag_i4(&m->bag, T_MESSAGE_FLAGS, 0), flags;

	if (v->tag != T_MESSAGE_FLAGS)
		return MX_ANS_INVALID_PARAM;
	if (m->id)
		return MX_ANS_ACCESS_DENIED;
	flags = (old & MF_COMPUTED) | (v->v.i4 & ~MF_COMPUTED);
	flags = flags & MF_READ ? flags | MF_EVERREAD : flags & ~MF_EVERREAD;
	return mx_bag_set_i4(&m->bag, T_MESSAGE_FLAGS, flags);
}

int mx_msg_set_prop(struct mx_msg *m, const struct mx_propval *v, uint32_t cp)
{
	switch (MX_PROP_ID(v->tag)) {
	case MX_PROP_ID(T_SUBJECT):
	case MX_PROP_ID(T_SUBJECT_PREFIX):
	case MX_PROP_ID(T_NORMALIZED_SUBJECT):
		return set_text(m, v, cp);
	case MX_PROP_ID(T_MESSAGE_FLAGS):
		return set_flags(m, v);
	default:
		return mx_bag_set(&m->bag, v, cp);
	}
}

bool mx_msg_delete_prop(struct mx_msg *m, uint16_t id)
{
	struct mx_bag *b = &m->bag;

	switch (id) {
	case MX_PROP_ID(T_SUBJECT):
	case MX_PROP_ID(T_NORMALIZED_SUBJECT):
		mx_bag_delete(b, MX_PROP_ID(T_SUBJECT_PREFIX));
		return mx_bag_delete(b, MX_PROP_ID(T_SUBJECT));
	case MX_PROP_ID(T_SUBJECT_PREFIX):
		if (mx_bag_str(b, T_SUBJECT_PREFIX, NULL))
			set_part(m, true, "");
		return true;
	default:
		return mx_bag_delete(b, id);
	}
}
