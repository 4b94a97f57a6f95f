/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMessage::GetRecipientTable and ModifyRecipients.
 *
 * The server numbers recipients by row ids that the client chooses.  A new
 * message starts at 0; of an opened one the highest is asked for before the
 * first recipient is added.
 */
#include <errno.h>

#include "api/memtable.h"
#include "api/message.h"
#include "api/recip.h"

/* Recipients of one message at most; far above any server's limit. */
#define MAX_RECIPIENTS 200000
/* Rows in one ModifyRecipients: they have to fit into 32 KiB. */
#define ROWS_PER_ROP 50

static struct mx_message *msg_of(IMessage *p)
{
	return (struct mx_message *)(void *)p;
}

/* ---- reading ---- */

struct reader {
	struct mx_do *d;
	struct mx_obj *o;
	SRowSet *rows; /* NULL: only the highest row id is wanted */
	ULONG cap;
	uint32_t next; /* highest row id + 1 */
};

static int add_row(struct reader *r, struct mx_arena *a,
		   const struct mx_read_recipient_row *row)
{
	struct mx_propval *vals;
	ULONG n = 0;
	SRow *to;
	int err;

	if (row->row_id >= r->next)
		r->next = row->row_id + 1;
	if (!r->rows)
		return 0;
	if (r->rows->cRows == r->cap) {
		ULONG cap = r->cap * 2;
		SRowSet *more = mx_api_alloc(CbNewSRowSet((size_t)cap));

		if (!more)
			return -ENOMEM;
		memcpy(more, r->rows, CbNewSRowSet((size_t)r->cap));
		MAPIFreeBuffer(r->rows);
		r->rows = more;
		r->cap = cap;
	}
	err = mx_recip_out(a, row, mx_session_dn_prefix(r->o->session), &vals,
			   &n);
	if (err)
		return err;
	to = &r->rows->aRow[r->rows->cRows];
	if (FAILED(mx_conv_props(vals, n, NULL, MAPI_UNICODE, &to->lpProps)))
		return -ENOMEM;
	to->cValues = n;
	r->rows->cRows++;
	return 0;
}

static int read_all(struct reader *r)
{
	uint32_t from = 0;

	for (;;) {
		MX_AUTO(mx_batch_auto) struct mx_batch b;
		struct mx_rop_req req = {.id = MX_ROP_READ_RECIPIENTS};
		const struct mx_rop_res *res;
		const struct mx_read_recipients_res *page;
		int err;

		mx_batch_init(&b);
		req.read_recipients.row_id = from;
		err = mx_rop_call(&b, r->o->so, &req, &r->d->call, &res);
		/* No row from here on. */
		if (err == -EREMOTEIO &&
		    r->d->fault.code == (uint32_t)MAPI_E_NOT_FOUND)
			return 0;
		if (err)
			return err;
		page = &res->read_recipients;
		for (uint32_t i = 0; !err && i < page->n_recipient_rows; i++) {
			if (page->recipient_rows[i].row_id < from)
				return -EPROTO;
			err = add_row(r, &b.arena, &page->recipient_rows[i]);
		}
		if (err || !page->n_recipient_rows)
			return err;
		if (r->next <= from || r->next > MAX_RECIPIENTS)
			return -EPROTO;
		from = r->next;
	}
}

static const ULONG recip_cols[] = {
	PR_ROWID,
	PR_RECIPIENT_TYPE,
	PR_DISPLAY_NAME_W,
	PR_ADDRTYPE_W,
	PR_EMAIL_ADDRESS_W,
	PR_ENTRYID,
	PR_OBJECT_TYPE,
	PR_DISPLAY_TYPE,
	PR_SEARCH_KEY,
	PR_RESPONSIBILITY,
	PR_SEND_RICH_INFO,
	PR_SMTP_ADDRESS_W,
	PR_TRANSMITABLE_DISPLAY_NAME_W,
};

HRESULT mx_message_recipients(IMessage *p, ULONG flags, LPMAPITABLE *ret)
{
	struct reader r = {.o = MX_OBJ(p), .cap = 16};
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, p);
	int err;

	if (FAILED(hr))
		return hr;
	if (!ret || (flags & ~(MAPI_UNICODE | MAPI_DEFERRED_ERRORS)))
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "GetRecipientTable");
	*ret = NULL;
	r.d = &d;
	r.rows = mx_api_alloc(CbNewSRowSet((size_t)r.cap));
	err = r.rows ? read_all(&r) : -ENOMEM;
	if (err) {
		FreeProws(r.rows);
		return mx_do_end(&d, err);
	}
	hr = mx_memtable_new(r.rows, recip_cols, MX_ARRAY_SIZE(recip_cols),
			     flags, (LPUNKNOWN)(void *)p, ret);
	return mx_do_end_hr(&d, hr, "out of memory");
}

/* ---- writing ---- */

/* The row id that the next new recipient gets. */
static int next_row(struct mx_do *d, struct mx_message *m, uint32_t *ret)
{
	struct reader r = {.d = d, .o = &m->obj};
	bool known;
	int err;

	mx_mutex_lock(&m->obj.lock);
	known = m->rows_known;
	*ret = m->next_row;
	mx_mutex_unlock(&m->obj.lock);
	if (known)
		return 0;
	err = read_all(&r);
	if (err)
		return err;
	mx_mutex_lock(&m->obj.lock);
	m->rows_known = true;
	m->next_row = r.next;
	mx_mutex_unlock(&m->obj.lock);
	*ret = r.next;
	return 0;
}

static int remove_rows(struct mx_arena *a, const ADRLIST *list,
		       struct mx_modify_recipient_row **ret)
{
	struct mx_modify_recipient_row *rows = mx_arena_newv(
		a, struct mx_modify_recipient_row, list->cEntries + 1);

	if (!rows)
		return -ENOMEM;
	for (ULONG i = 0; i < list->cEntries; i++) {
		const SPropValue *id =
			PpropFindProp(list->aEntries[i].rgPropVals,
				      list->aEntries[i].cValues, PR_ROWID);

		if (!id)
			return -EINVAL;
		rows[i].row_id = id->Value.ul; /* no row: it goes */
	}
	*ret = rows;
	return 0;
}

/* flags 0 (replace) and MODRECIP_ADD number anew; MODRECIP_MODIFY takes the
 * caller's row ids, and adds what has none. */
static int make_rows(struct mx_arena *a, const ADRLIST *list, ULONG flags,
		     struct mx_tags cols, uint32_t *next,
		     struct mx_modify_recipient_row **ret)
{
	struct mx_modify_recipient_row *rows = mx_arena_newv(
		a, struct mx_modify_recipient_row, list->cEntries + 1);
	int err = rows ? 0 : -ENOMEM;

	for (ULONG i = 0; !err && i < list->cEntries; i++) {
		uint32_t id;

		err = mx_recip_in(a, &list->aEntries[i], cols, &rows[i], &id);
		if (!(flags & MODRECIP_MODIFY) || id == UINT32_MAX)
			id = (*next)++;
		rows[i].row_id = id;
	}
	*ret = rows;
	return err;
}

static void add_rops(struct mx_batch *b, struct mx_obj *o, struct mx_tags cols,
		     struct mx_modify_recipient_row *rows, ULONG n)
{
	for (ULONG at = 0; at < n; at += ROWS_PER_ROP) {
		struct mx_rop_req req = {.id = MX_ROP_MODIFY_RECIPIENTS};

		req.modify_recipients.recipient_columns = cols;
		req.modify_recipients.recipient_rows = rows + at;
		req.modify_recipients.n_recipient_rows =
			n - at < ROWS_PER_ROP ? n - at : ROWS_PER_ROP;
		mx_batch_add(b, o->so, &req);
	}
}

static int modify(struct mx_do *d, struct mx_message *m, struct mx_batch *b,
		  ULONG flags, const ADRLIST *list)
{
	struct mx_rop_req clear = {.id = MX_ROP_REMOVE_ALL_RECIPIENTS};
	struct mx_modify_recipient_row *rows = NULL;
	struct mx_tags cols = {0, NULL};
	struct mx_op *bad;
	uint32_t next = 0;
	int err = 0;

	if (flags == MODRECIP_REMOVE) {
		err = remove_rows(&b->arena, list, &rows);
	} else {
		cols = mx_recip_columns(&b->arena, list);
		if (!cols.p)
			return -ENOMEM;
		if (flags)
			err = next_row(d, m, &next);
		else
			mx_batch_add(b, m->obj.so, &clear);
		if (!err)
			err = make_rows(&b->arena, list, flags, cols, &next,
					&rows);
	}
	if (err)
		return err;
	add_rops(b, &m->obj, cols, rows, list->cEntries);
	err = mx_batch_run(b, &d->call);
	bad = err ? NULL : mx_batch_failed(b);
	if (bad)
		err = mx_op_fault(bad, &d->fault);
	if (!err && flags != MODRECIP_REMOVE) {
		mx_mutex_lock(&m->obj.lock);
		m->rows_known = true;
		m->next_row = next;
		mx_mutex_unlock(&m->obj.lock);
	}
	return err;
}

HRESULT mx_message_modify_recipients(IMessage *p, ULONG flags, LPADRLIST list)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, p);
	if (FAILED(hr))
		return hr;
	if (!list || list->cEntries > MAX_RECIPIENTS ||
	    (flags && flags != MODRECIP_ADD && flags != MODRECIP_MODIFY &&
	     flags != MODRECIP_REMOVE))
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "ModifyRecipients");
	err = modify(&d, msg_of(p), &b, flags, list);
	if (err == -EINVAL)
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "a recipient has no address, or no "
				    "PR_ROWID to be removed by");
	return mx_do_end(&d, err);
}
