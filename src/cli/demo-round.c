/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One round of one user, on one thread that acts for two of them:
 *
 *   me      log on, walk the folders, list the inbox, read messages
 *   peer    log on, advise for new mail
 *   me      send to peer
 *   peer    is told, opens, compares byte for byte, marks read
 *   me      mark one read, move one to Deleted Items, delete one
 *   all     release in random order, log off
 *
 * Every third round the user is logged on a second time, in between.  Another
 * round may have the same users at the same moment, so messages that are
 * moved or deleted are taken from the user's table first.
 */
#include "cli/demo.h"

#include <edkmdb.h>
#include <mapiutil.h>
#include <string.h>

#define READS_A_ROUND 5
#define ROWS_AT_ONCE 20

/* ---- the user's table of messages ---- */

/* Any message that nobody took, to read. */
static struct demo_loaded *to_read(struct demo_user *u, struct mx_prng *rnd)
{
	struct demo_loaded *l = NULL;
	size_t at = u->n_loaded ? mx_prng_below(rnd, (uint32_t)u->n_loaded) : 0;

	pthread_mutex_lock(&u->lock);
	for (size_t i = 0; i < u->n_loaded && !l; i++) {
		struct demo_loaded *x = &u->loaded[(at + i) % u->n_loaded];

		if (!x->taken) {
			x->readers++;
			l = x;
		}
	}
	pthread_mutex_unlock(&u->lock);
	return l;
}

/* The message of a row, to read; NULL when it is not ours or taken. */
static struct demo_loaded *by_id(struct demo_user *u, const SBinary *id)
{
	struct demo_loaded *l = NULL;

	pthread_mutex_lock(&u->lock);
	for (size_t i = 0; i < u->n_loaded && !l; i++) {
		struct demo_loaded *x = &u->loaded[i];

		if (!x->taken && x->cb == id->cb &&
		    !memcmp(x->id, id->lpb, id->cb)) {
			x->readers++;
			l = x;
		}
	}
	pthread_mutex_unlock(&u->lock);
	return l;
}

static void have_read(struct demo_user *u, struct demo_loaded *l)
{
	pthread_mutex_lock(&u->lock);
	l->readers--;
	pthread_mutex_unlock(&u->lock);
}

/* A message that nobody reads, for this round alone and for good. */
static struct demo_loaded *take(struct demo_user *u)
{
	struct demo_loaded *l = NULL;

	pthread_mutex_lock(&u->lock);
	for (size_t i = 0; i < u->n_loaded && !l; i++)
		if (!u->loaded[i].taken && !u->loaded[i].readers)
			l = &u->loaded[i];
	if (l)
		l->taken = true;
	pthread_mutex_unlock(&u->lock);
	return l;
}

static size_t n_untaken(struct demo_user *u)
{
	size_t n = 0;

	pthread_mutex_lock(&u->lock);
	for (size_t i = 0; i < u->n_loaded; i++)
		n += !u->loaded[i].taken;
	pthread_mutex_unlock(&u->lock);
	return n;
}

/* ---- walk and list ---- */

static bool walk(struct demo_side *s)
{
	static SizedSPropTagArray(4, columns) = {
		4, {PR_ENTRYID, PR_DISPLAY_NAME_W, PR_DEPTH, PR_CONTENT_COUNT}};
	LPMAPIFOLDER top;
	LPMAPITABLE table = NULL;
	LPSRowSet rows = NULL;
	ULONG n;
	HRESULT hr;

	if (!demo_open_folder(s, PR_IPM_SUBTREE_ENTRYID, &top))
		return false;
	demo_step(s->w, "walk the folders");
	hr = IMAPIFolder_GetHierarchyTable(top, CONVENIENT_DEPTH, &table);
	if (!demo_ok(s->w, s->u, hr))
		return false;
	demo_hold(s, table);
	hr = HrQueryAllRows(table, (LPSPropTagArray)&columns, NULL, NULL, 0,
			    &rows);
	if (!demo_ok(s->w, s->u, hr))
		return false;
	n = rows->cRows;
	FreeProws(rows);
	if (n >= 4)
		return true;
	demo_error(s->w->d, s->u,
		   "%u folders: not even inbox, outbox, sent and deleted", n);
	return false;
}

/* Column set, restriction and order of the list: what is not from a demo, by
 * time, latest first. */
static HRESULT set_up_list(LPMAPITABLE table)
{
	static SizedSPropTagArray(6, columns) = {
		6,
		{PR_ENTRYID, PR_MESSAGE_DELIVERY_TIME, PR_MESSAGE_SIZE,
		 PR_SUBJECT_W, PR_SENDER_NAME_W, PR_MESSAGE_FLAGS}};
	static SizedSSortOrderSet(1, order) = {
		1, 0, 0, {{PR_MESSAGE_DELIVERY_TIME, TABLE_SORT_DESCEND}}};
	wchar_t start[] = L"Mapiary demo ";
	SPropValue subject = {.ulPropTag = PR_SUBJECT_W, .Value.lpszW = start};
	SPropValue some = {.ulPropTag = PR_MESSAGE_SIZE, .Value.l = 0};
	SRestriction demo = {
		.rt = RES_CONTENT,
		.res.resContent = {.ulFuzzyLevel = FL_PREFIX | FL_IGNORECASE,
				   .ulPropTag = PR_SUBJECT_W,
				   .lpProp = &subject},
	};
	SRestriction both[2] = {
		{.rt = RES_NOT, .res.resNot = {.lpRes = &demo}},
		{.rt = RES_PROPERTY,
		 .res.resProperty = {.relop = RELOP_GT,
				     .ulPropTag = PR_MESSAGE_SIZE,
				     .lpProp = &some}},
	};
	SRestriction all = {.rt = RES_AND,
			    .res.resAnd = {.cRes = 2, .lpRes = both}};
	HRESULT hr;

	hr = IMAPITable_SetColumns(table, (LPSPropTagArray)&columns, TBL_BATCH);
	if (!FAILED(hr))
		hr = IMAPITable_Restrict(table, &all, TBL_BATCH);
	if (!FAILED(hr))
		hr = IMAPITable_SortTable(table, (LPSSortOrderSet)&order,
					  TBL_BATCH);
	return hr;
}

static uint64_t time_of(const SRow *row)
{
	const SPropValue *v = &row->lpProps[1];

	return v->ulPropTag == PR_MESSAGE_DELIVERY_TIME
		       ? (uint64_t)v->Value.ft.dwHighDateTime << 32 |
				 v->Value.ft.dwLowDateTime
		       : 0;
}

/* Checks the page's order and takes some of its messages to read. */
static bool take_page(struct demo_side *s, LPSRowSet rows, struct mx_prng *rnd,
		      uint64_t *last, struct demo_loaded **pick, size_t *n_pick)
{
	for (ULONG i = 0; i < rows->cRows; i++) {
		uint64_t t = time_of(&rows->aRow[i]);
		struct demo_loaded *l;

		if (t > *last) {
			demo_error(s->w->d, s->u, "the list is out of order");
			return false;
		}
		*last = t;
		if (*n_pick == READS_A_ROUND || mx_prng_below(rnd, 4))
			continue;
		l = by_id(s->u, &rows->aRow[i].lpProps[0].Value.bin);
		if (l)
			pick[(*n_pick)++] = l;
	}
	return true;
}

static bool list(struct demo_side *s, struct mx_prng *rnd,
		 struct demo_loaded **pick, size_t *n_pick)
{
	uint64_t last = UINT64_MAX;
	LPMAPITABLE table = NULL;
	size_t n = 0;
	bool ok;
	HRESULT hr;

	demo_step(s->w, "list the inbox");
	hr = IMAPIFolder_GetContentsTable(s->inbox, MAPI_DEFERRED_ERRORS,
					  &table);
	if (!demo_ok(s->w, s->u, hr))
		return false;
	demo_hold(s, table);
	ok = demo_ok(s->w, s->u, set_up_list(table));
	while (ok) {
		LPSRowSet rows = NULL;
		ULONG got;

		hr = IMAPITable_QueryRows(table, ROWS_AT_ONCE, 0, &rows);
		if (!demo_ok(s->w, s->u, hr))
			return false;
		ok = take_page(s, rows, rnd, &last, pick, n_pick);
		got = rows->cRows;
		n += got;
		FreeProws(rows);
		if (!got)
			break;
	}
	if (ok && n < n_untaken(s->u)) {
		demo_error(s->w->d, s->u, "%zu rows: some are missing", n);
		ok = false;
	}
	return ok;
}

static bool list_and_read(struct demo_side *s, struct mx_prng *rnd)
{
	struct demo_loaded *pick[READS_A_ROUND], *l;
	size_t n = 0;
	bool ok = list(s, rnd, pick, &n);

	/* The dice may have left some out. */
	while (ok && n < READS_A_ROUND && (l = to_read(s->u, rnd)))
		pick[n++] = l;
	for (size_t i = 0; i < n; i++) {
		ok = ok && demo_read_loaded(s, pick[i]);
		have_read(s->u, pick[i]);
	}
	return ok;
}

/* ---- change ---- */

static bool mark_read(struct demo_side *s, LPMESSAGE msg)
{
	LPSPropValue v = NULL;
	HRESULT hr;
	bool read;

	demo_step(s->w, "mark read");
	hr = IMessage_SetReadFlag(msg, 0);
	if (!FAILED(hr))
		hr = HrGetOneProp((LPMAPIPROP)msg, PR_MESSAGE_FLAGS, &v);
	if (!demo_ok(s->w, s->u, hr))
		return false;
	read = v->Value.ul & MSGFLAG_READ;
	MAPIFreeBuffer(v);
	if (!read)
		demo_error(s->w->d, s->u, "a message stays unread");
	return read;
}

static bool mark_one_read(struct demo_side *s, struct mx_prng *rnd)
{
	struct demo_loaded *l = to_read(s->u, rnd);
	LPMESSAGE msg = NULL;
	ULONG type = 0;
	bool ok;

	if (!l)
		return true;
	demo_step(s->w, "open a message");
	ok = demo_ok(s->w, s->u,
		     IMsgStore_OpenEntry(s->store, l->cb, (LPENTRYID)l->id,
					 NULL, MAPI_MODIFY, &type,
					 (LPUNKNOWN *)&msg));
	if (ok) {
		demo_hold(s, msg);
		ok = mark_read(s, msg);
	}
	have_read(s->u, l);
	return ok;
}

static bool all_done(struct demo_side *s, HRESULT hr)
{
	if (hr == MAPI_W_PARTIAL_COMPLETION) {
		demo_error(s->w->d, s->u, "only a part was moved or deleted");
		return false;
	}
	return demo_ok(s->w, s->u, hr);
}

static bool move_and_delete(struct demo_side *s)
{
	struct demo_loaded *l;
	SBinary id;
	ENTRYLIST one = {.cValues = 1, .lpbin = &id};
	LPMAPIFOLDER waste;

	if (!demo_open_folder(s, PR_IPM_WASTEBASKET_ENTRYID, &waste))
		return false;
	if ((l = take(s->u))) {
		id = (SBinary){.cb = l->cb, .lpb = l->id};
		demo_step(s->w, "move to Deleted Items");
		if (!all_done(s, IMAPIFolder_CopyMessages(s->inbox, &one, NULL,
							  waste, 0, NULL,
							  MESSAGE_MOVE)))
			return false;
		l->moved = true;
	}
	if ((l = take(s->u))) {
		id = (SBinary){.cb = l->cb, .lpb = l->id};
		demo_step(s->w, "delete");
		if (!all_done(s, IMAPIFolder_DeleteMessages(s->inbox, &one, 0,
							    NULL, 0)))
			return false;
		l->deleted = true;
	}
	return true;
}

/* ---- the round ---- */

static bool send_and_wait(struct demo_side *me, struct demo_side *peer,
			  unsigned no)
{
	struct demo_sent *sent = &me->w->d->sent[no];
	LPMESSAGE msg = NULL;
	char subject[96];

	if (!demo_send(me, no, peer->u))
		return false;
	demo_subject(me->w->d, no, subject);
	if (!demo_wait_mail(peer, subject, &msg))
		return false;
	sent->notified = true;
	atomic_fetch_add(&peer->u->notified, 1);
	sent->verified = demo_verify(peer, no, msg);
	return sent->verified && mark_read(peer, msg);
}

static bool second_logon(struct demo_worker *w, struct demo_user *u,
			 struct mx_prng *rnd)
{
	struct demo_side again;
	bool ok = demo_side_open(&again, w, u) && walk(&again);

	demo_side_close(&again, rnd);
	return ok;
}

void demo_round(struct demo_worker *w, unsigned no)
{
	struct demo *d = w->d;
	const unsigned n = d->opt.users;
	struct mx_prng rnd = {.s = d->opt.seed * 31u + no + 1};
	const unsigned a = no % n;
	const unsigned b = n > 1 ? (a + 1 + mx_prng_below(&rnd, n - 1)) % n : a;
	struct demo_side me, peer = {.w = w, .u = &d->users[b]};
	bool ok;

	ok = demo_side_open(&me, w, &d->users[a]) && walk(&me) &&
	     demo_open_inbox(&me) && list_and_read(&me, &rnd);
	if (ok && no % 3 == 2)
		ok = second_logon(w, me.u, &rnd);
	if (ok)
		ok = demo_side_open(&peer, w, &d->users[b]) &&
		     demo_advise(&peer) && send_and_wait(&me, &peer, no);
	if (ok)
		ok = mark_one_read(&me, &rnd) && move_and_delete(&me);
	/* Who goes first is chance, too. */
	if (mx_prng_below(&rnd, 2)) {
		demo_side_close(&peer, &rnd);
		demo_side_close(&me, &rnd);
	} else {
		demo_side_close(&me, &rnd);
		demo_side_close(&peer, &rnd);
	}
}
