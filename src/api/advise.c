/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection is one subscription and one sink.  The subscription holds a
 * reference of it (free_arg gives it back), the object's list another.
 *
 * The connection does not keep the object alive: an object that goes ends its
 * connections first.  A callback running just then still has the session's
 * logon, which the connection holds.
 */
#include <errno.h>
#include <stdlib.h>

#include "api/advise.h"
#include "api/eid.h"
#include "api/lib.h"
#include "api/store.h"
#include "api/table.h"
#include "session/notify.h"

#define EVENT_MASK 0x0fff
#define EVENT_MESSAGE 0x8000

struct conn {
	struct mx_list link; /* of the object */
	atomic_uint refs;
	atomic_bool ended;
	ULONG_PTR id;
	ULONG mask;
	LPMAPIADVISESINK sink;  /* a reference */
	struct mx_logon *logon; /* a reference */
	struct mx_obj *table;   /* borrowed until ended; NULL for stores */
	struct mx_mutex lock;   /* table: held while it gains a reference */
	struct mx_sub *sub;
};

void mx_advises_init(struct mx_advises *a)
{
	mx_mutex_init(&a->lock);
	mx_list_init(&a->list);
	a->next = 1;
}

static void conn_unref(void *p)
{
	struct conn *c = p;

	if (atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	IMAPIAdviseSink_Release(c->sink);
	mx_logon_unref(c->logon);
	mx_mutex_fini(&c->lock);
	free(c);
}

static void conn_end(struct conn *c)
{
	mx_mutex_lock(&c->lock);
	atomic_store(&c->ended, true);
	c->table = NULL;
	mx_mutex_unlock(&c->lock);
	mx_sub_cancel(c->sub);
	conn_unref(c);
}

void mx_advises_fini(struct mx_advises *a)
{
	struct mx_list *l;

	/* The last reference is gone: nobody else looks at the list. */
	while ((l = mx_list_pop(&a->list)))
		conn_end(MX_CONTAINER_OF(l, struct conn, link));
	mx_mutex_fini(&a->lock);
}

/* ---- events ---- */

struct maker {
	struct conn *c;
	const struct mx_notification_data *data;
	struct mx_call call;
	void *root; /* MAPI buffer: the notification and what it points to */
};

/* The entry id of a pair of ids, on the root; nothing when unknown. */
static void put_eid(struct maker *m, uint64_t fid, uint64_t mid, ULONG *ret_n,
		    LPENTRYID *ret)
{
	uint8_t eid[MX_MESSAGE_ENTRYID_SIZE];
	size_t n;
	void *p;

	*ret_n = 0;
	*ret = NULL;
	if (!fid || mx_eid_make(m->c->logon, NULL, fid, mid, &m->call, eid, &n))
		return;
	p = mx_api_more(m->root, n);
	if (!p)
		return;
	memcpy(p, eid, n);
	*ret_n = (ULONG)n;
	*ret = p;
}

static void put_newmail(struct maker *m, NEWMAIL_NOTIFICATION *n)
{
	const struct mx_notification_data *d = m->data;
	size_t len = d->message_class ? strlen(d->message_class) : 0;

	put_eid(m, d->folder_id, d->message_id, &n->cbEntryID, &n->lpEntryID);
	put_eid(m, d->folder_id, 0, &n->cbParentID, &n->lpParentID);
	n->ulMessageFlags = d->message_flags;
	n->lpszMessageClass = mx_api_more(m->root, len + 1);
	if (n->lpszMessageClass && len)
		memcpy(n->lpszMessageClass, d->message_class, len);
}

static void put_tags(struct maker *m, OBJECT_NOTIFICATION *o)
{
	const struct mx_tags *t = &m->data->tags;

	if (!t->n)
		return;
	o->lpPropTagArray = mx_api_more(m->root, CbNewSPropTagArray(t->n));
	if (!o->lpPropTagArray)
		return;
	o->lpPropTagArray->cValues = t->n;
	memcpy(o->lpPropTagArray->aulPropTag, t->p, t->n * sizeof(ULONG));
}

static void put_object(struct maker *m, OBJECT_NOTIFICATION *o)
{
	const struct mx_notification_data *d = m->data;
	bool message = d->notification_flags & EVENT_MESSAGE;

	o->ulObjType = message ? MAPI_MESSAGE : MAPI_FOLDER;
	put_eid(m, d->folder_id, message ? d->message_id : 0, &o->cbEntryID,
		&o->lpEntryID);
	put_eid(m, message ? d->folder_id : d->parent_folder_id, 0,
		&o->cbParentID, &o->lpParentID);
	if (message)
		put_eid(m, d->old_folder_id, d->old_message_id, &o->cbOldID,
			&o->lpOldID);
	else
		put_eid(m, d->old_folder_id, 0, &o->cbOldID, &o->lpOldID);
	put_eid(m, message ? d->old_folder_id : d->old_parent_folder_id, 0,
		&o->cbOldParentID, &o->lpOldParentID);
	put_tags(m, o);
}

static void put_key(struct maker *m, uint64_t fid, uint64_t id, uint32_t num,
		    SPropValue *ret)
{
	uint8_t *key = mx_api_more(m->root, MX_INSTANCE_KEY_SIZE);

	ret->ulPropTag = PR_NULL;
	if (!key || (!fid && !id))
		return;
	mx_table_instance_key(fid, id, num, key);
	ret->ulPropTag = PR_INSTANCE_KEY;
	ret->Value.bin = (SBinary){MX_INSTANCE_KEY_SIZE, key};
}

/* The table, with a reference, unless the connection has ended. */
static struct mx_obj *conn_table(struct conn *c)
{
	struct mx_obj *t;

	mx_mutex_lock(&c->lock);
	t = c->table;
	/* From 0 it must not rise again: the object is on its way out. */
	if (t) {
		unsigned n = atomic_load(&t->refs);

		while (n && !atomic_compare_exchange_weak(&t->refs, &n, n + 1))
			;
		t = n ? t : NULL;
	}
	mx_mutex_unlock(&c->lock);
	return t;
}

static void put_table(struct maker *m, const struct mx_proprow *row,
		      TABLE_NOTIFICATION *t)
{
	const struct mx_notification_data *d = m->data;
	struct mx_obj *table;

	t->ulTableEvent = d->table_event_type;
	put_key(m, d->table_row_folder_id, d->table_row_message_id,
		d->table_row_instance, &t->propIndex);
	put_key(m, d->insert_after_table_row_folder_id,
		d->insert_after_table_row_id,
		d->insert_after_table_row_instance, &t->propPrior);
	table = row ? conn_table(m->c) : NULL;
	if (!table)
		return;
	/* Columns changed since: the program has to read the table again. */
	if (mx_table_row(table, row, &m->call, &t->row))
		t->ulTableEvent = TABLE_CHANGED;
	mx_obj_release(table);
}

static void tell(struct conn *c, NOTIFICATION *n)
{
	if (!atomic_load(&c->ended))
		IMAPIAdviseSink_OnNotify(c->sink, 1, n);
}

static void deliver(struct conn *c, NOTIFICATION *n)
{
	if (n->ulEventType & c->mask)
		tell(c, n);
}

static void on_data(struct conn *c, const struct mx_event *ev)
{
	struct maker m = {.c = c, .data = ev->data};
	ULONG type = ev->data->notification_flags & EVENT_MASK;
	NOTIFICATION *n = mx_api_alloc(sizeof(*n));

	if (!n)
		return;
	m.root = n;
	m.call.deadline = mx_mono_in_ms(MX_LIB_TOTAL_MS);
	n->ulEventType = type;
	switch (type) {
	case fnevNewMail:
		put_newmail(&m, &n->info.newmail);
		break;
	case fnevTableModified:
		put_table(&m, ev->row, &n->info.tab);
		break;
	default:
		put_object(&m, &n->info.obj);
		break;
	}
	deliver(c, n);
	if (type == fnevTableModified)
		MAPIFreeBuffer(n->info.tab.row.lpProps);
	MAPIFreeBuffer(n);
}

/* Something may have been missed: a table is to be read again; for a store
 * there is a critical error of the kind "network", asked for or not, since
 * silence would say that nothing has happened. */
static void on_gap(struct conn *c, HRESULT why)
{
	NOTIFICATION n = {0};

	if (c->mask & fnevTableModified) {
		n.ulEventType = fnevTableModified;
		n.info.tab.ulTableEvent = FAILED(why) ? TABLE_ERROR
						      : TABLE_CHANGED;
		n.info.tab.hResult = why;
		n.info.tab.propIndex.ulPropTag = PR_NULL;
		n.info.tab.propPrior.ulPropTag = PR_NULL;
	} else {
		n.ulEventType = fnevCriticalError;
		n.info.err.scode = FAILED(why) ? why : MAPI_E_NETWORK_ERROR;
	}
	tell(c, &n);
}

static void on_event(void *arg, const struct mx_event *ev)
{
	struct conn *c = arg;

	switch (ev->kind) {
	case MX_EVENT_NOTIFY:
		on_data(c, ev);
		break;
	case MX_EVENT_MISSED:
		on_gap(c, S_OK);
		break;
	case MX_EVENT_LOST:
		on_gap(c, ev->code ? mx_hr_from_code(ev->code)
				   : MAPI_E_NETWORK_ERROR);
		break;
	}
}

/* ---- connections ---- */

static struct conn *conn_new(struct mx_logon *l, ULONG mask,
			     LPMAPIADVISESINK sink)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->refs = 2; /* the list's and the subscription's */
	c->mask = mask;
	c->sink = sink;
	IMAPIAdviseSink_AddRef(sink);
	c->logon = mx_logon_ref(l);
	mx_mutex_init(&c->lock);
	mx_list_init(&c->link);
	return c;
}

static HRESULT subscribe(struct mx_do *d, struct mx_advises *a,
			 struct mx_sub_params *params, struct conn *c,
			 ULONG_PTR *ret)
{
	int err;

	if (!c)
		return mx_do_end(d, -ENOMEM);
	params->fn = on_event;
	params->arg = c;
	params->free_arg = conn_unref;
	err = mx_sub_new(params, &d->call, &c->sub);
	if (err) {
		atomic_store(&c->refs, 1);
		conn_unref(c);
		return mx_do_end(d, err);
	}
	mx_mutex_lock(&a->lock);
	c->id = a->next++;
	mx_list_push_tail(&a->list, &c->link);
	*ret = c->id;
	mx_mutex_unlock(&a->lock);
	return mx_do_end(d, 0);
}

HRESULT mx_advise_table(struct mx_obj *table, struct mx_advises *a, ULONG mask,
			LPMAPIADVISESINK sink, ULONG_PTR *ret)
{
	struct mx_sub_params params = {.table = table->so};
	struct conn *c;
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, table);

	if (FAILED(hr))
		return hr;
	if (!sink || !ret || !(mask & fnevTableModified))
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "Advise on a table is for "
				    "fnevTableModified");
	c = conn_new(mx_obj_store(table)->logon, mask, sink);
	if (c)
		c->table = table;
	return subscribe(&d, a, &params, c, ret);
}

#define STORE_EVENTS                                                           \
	(fnevNewMail | fnevObjectCreated | fnevObjectDeleted |                 \
	 fnevObjectModified | fnevObjectMoved | fnevObjectCopied |             \
	 fnevSearchComplete)

HRESULT mx_advise_store(struct mx_obj *store, struct mx_advises *a, ULONG n,
			LPENTRYID eid, ULONG mask, LPMAPIADVISESINK sink,
			ULONG_PTR *ret)
{
	struct mx_logon *l = ((struct mx_store *)(void *)store)->logon;
	struct mx_sub_params params = {.logon = l};
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, store);
	int err;

	if (FAILED(hr))
		return hr;
	if (!sink || !ret || !(mask & STORE_EVENTS))
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "Advise without a sink or a known event");
	params.types = (uint16_t)(mask & STORE_EVENTS);
	params.whole_store = !n || !eid;
	if (!params.whole_store) {
		err = mx_eid_read(l, eid, n, &d.call, &params.fid, &params.mid);
		if (err == -EINVAL)
			return mx_do_end_hr(&d, MAPI_E_INVALID_ENTRYID,
					    "not an entry id of this store");
		if (err)
			return mx_do_end(&d, err);
	}
	return subscribe(&d, a, &params, conn_new(l, mask, sink), ret);
}

HRESULT mx_unadvise(struct mx_obj *o, struct mx_advises *a, ULONG_PTR id)
{
	struct conn *found = NULL;

	if (mx_obj_inherited(o))
		return mx_obj_check(o);
	mx_mutex_lock(&a->lock);
	MX_LIST_FOR_EACH_SAFE(l, &a->list) {
		struct conn *c = MX_CONTAINER_OF(l, struct conn, link);

		if (c->id == id) {
			mx_list_unlink(l);
			found = c;
		}
	}
	mx_mutex_unlock(&a->lock);
	if (!found)
		return MAPI_E_INVALID_PARAMETER;
	conn_end(found);
	return S_OK;
}
