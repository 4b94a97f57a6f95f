/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMAPIProp::CopyTo and CopyProps of messages and attachments, made of the
 * calls that a program could make itself: nothing is asked of the server that
 * it must know beyond them, and source and destination may be in mailboxes of
 * different servers.
 *
 *	message ─► properties, small ones at once, large ones by stream
 *	        ─► recipients, as one list
 *	        ─► attachments ─► properties, data by stream
 *	                       └► the message in it, likewise
 *
 * Nothing is saved but attachments and messages in them; the destination's
 * SaveChanges is the program's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/prop.h"
#include "api/store.h"
#include "api/stream.h"

/* Messages in messages; [MS-OXCMSG] has no limit, the stack has. */
#define MAX_DEPTH 32
/* Values fetched in one call; larger ones come as errors, and by stream. */
#define CHUNK 100

/* What is copied: the properties listed, or all but those listed. */
struct copy_what {
	const SPropTagArray *tags; /* NULL: none */
	bool listed;
	bool no_replace;
};

struct copy {
	const struct copy_what *what;
	bool one_store; /* named properties have the same ids */
	unsigned depth;
	/* Of the outermost object. */
	LPSPropProblemArray problems;
	ULONG room;
};

/* What the server makes by itself, for every object anew. */
static const uint32_t computed[] = {
	PR_ENTRYID,
	PR_RECORD_KEY,
	PR_INSTANCE_KEY,
	PR_PARENT_ENTRYID,
	PR_STORE_ENTRYID,
	PR_STORE_RECORD_KEY,
	PR_STORE_SUPPORT_MASK,
	PR_MAPPING_SIGNATURE,
	PR_MDB_PROVIDER,
	PR_OBJECT_TYPE,
	PR_ACCESS,
	PR_ACCESS_LEVEL,
	PR_MESSAGE_SIZE,
	PR_HASATTACH,
	PR_DISPLAY_TO,
	PR_DISPLAY_CC,
	PR_DISPLAY_BCC,
	PR_ATTACH_NUM,
	PR_ATTACH_SIZE,
	PR_CREATION_TIME,
	PR_LAST_MODIFICATION_TIME,
	PR_SOURCE_KEY,
	PR_CHANGE_KEY,
	PR_PREDECESSOR_CHANGE_LIST,
	PROP_TAG(PT_NULL, 0x6748), /* PidTagFolderId */
	PROP_TAG(PT_NULL, 0x6749), /* PidTagParentFolderId */
	PROP_TAG(PT_NULL, 0x674a), /* PidTagMid */
	PROP_TAG(PT_NULL, 0x67a4), /* PidTagChangeNumber */
};

static bool is_computed(uint32_t tag)
{
	for (size_t i = 0; i < MX_ARRAY_SIZE(computed); i++)
		if (PROP_ID(computed[i]) == PROP_ID(tag))
			return true;
	return false;
}

/* Copied in a way of its own. */
static bool is_part(uint32_t tag)
{
	return tag == PR_MESSAGE_RECIPIENTS || tag == PR_MESSAGE_ATTACHMENTS ||
	       PROP_ID(tag) == PROP_ID(PR_ATTACH_DATA_BIN);
}

static bool in_list(const SPropTagArray *list, uint32_t tag)
{
	for (ULONG i = 0; list && i < list->cValues; i++)
		if (PROP_ID(list->aulPropTag[i]) == PROP_ID(tag))
			return true;
	return false;
}

/* The choice is for the outermost object; what is in it is copied whole. */
static bool chosen(const struct copy *c, uint32_t tag)
{
	if (c->depth)
		return true;
	return in_list(c->what->tags, tag) == c->what->listed;
}

/* The index in the caller's list, where there is one. */
static ULONG index_of(const struct copy *c, uint32_t tag)
{
	for (ULONG i = 0; c->what->listed && i < c->what->tags->cValues; i++)
		if (PROP_ID(c->what->tags->aulPropTag[i]) == PROP_ID(tag))
			return i;
	return 0;
}

/* What fails inside an attachment is told of as the attachments'. */
static HRESULT add_problem(struct copy *c, uint32_t tag, SCODE sc)
{
	LPSPropProblemArray list = c->problems;
	ULONG n = list ? list->cProblem : 0;

	tag = c->depth ? PR_MESSAGE_ATTACHMENTS : tag;
	/* once, though the server may list it in two types */
	for (ULONG i = 0; i < n; i++)
		if (PROP_ID(list->aProblem[i].ulPropTag) == PROP_ID(tag) &&
		    list->aProblem[i].scode == sc)
			return S_OK;
	if (n == c->room) {
		ULONG room = c->room ? 2 * c->room : 16;
		LPSPropProblemArray more =
			mx_api_alloc(CbNewSPropProblemArray(room));

		if (!more)
			return MAPI_E_NOT_ENOUGH_MEMORY;
		if (n)
			memcpy(more->aProblem, list->aProblem,
			       n * sizeof(*list->aProblem));
		MAPIFreeBuffer(list);
		c->problems = list = more;
		c->room = room;
	}
	list->aProblem[n] = (SPropProblem){index_of(c, tag), tag, sc};
	list->cProblem = n + 1;
	return S_OK;
}

/* ---- properties ---- */

static HRESULT copy_stream(IMAPIProp *from, IMAPIProp *to, ULONG tag)
{
	const ULARGE_INTEGER all = {.QuadPart = UINT64_MAX};
	IStream *in = NULL, *out = NULL;
	HRESULT hr = IMAPIProp_OpenProperty(from, tag, &IID_IStream, 0, 0,
					    (LPUNKNOWN *)(void *)&in);

	if (!FAILED(hr))
		hr = IMAPIProp_OpenProperty(to, tag, &IID_IStream, 0,
					    MAPI_CREATE | MAPI_MODIFY,
					    (LPUNKNOWN *)(void *)&out);
	if (!FAILED(hr))
		hr = IStream_CopyTo(in, out, all, NULL, NULL);
	if (!FAILED(hr))
		hr = IStream_Commit(out, 0);
	if (out)
		IStream_Release(out);
	if (in)
		IStream_Release(in);
	return hr;
}

/* Errors of one property are problems, those of the whole call are errors. */
static HRESULT problem_or_error(struct copy *c, ULONG tag, HRESULT hr)
{
	switch (hr) {
	case S_OK:
	case MAPI_E_NOT_FOUND:
		return S_OK;
	case MAPI_E_NETWORK_ERROR:
	case MAPI_E_USER_CANCEL:
	case MAPI_E_NOT_INITIALIZED:
	case MAPI_E_END_OF_SESSION:
	case MAPI_E_INVALID_OBJECT:
	case MAPI_E_NOT_ENOUGH_MEMORY:
		return hr;
	default:
		return add_problem(c, tag, hr);
	}
}

/* Whoever copies everything means what can be copied; whoever names a property
 * wants to know. */
static bool by_name(const struct copy *c)
{
	return c->what->listed && !c->depth;
}

static bool is_read_only(SCODE sc)
{
	return sc == MAPI_E_COMPUTED || sc == MAPI_E_NO_ACCESS;
}

static HRESULT set_values(struct copy *c, IMAPIProp *to, ULONG n,
			  LPSPropValue vals)
{
	LPSPropProblemArray bad = NULL;
	HRESULT hr = n ? IMAPIProp_SetProps(to, n, vals, &bad) : S_OK;

	for (ULONG i = 0; !FAILED(hr) && bad && i < bad->cProblem; i++)
		if (by_name(c) || !is_read_only(bad->aProblem[i].scode))
			hr = add_problem(c, bad->aProblem[i].ulPropTag,
					 bad->aProblem[i].scode);
	MAPIFreeBuffer(bad);
	return FAILED(hr) ? hr : S_OK;
}

/* One call's worth of values: those that came, then those to be streamed. */
static HRESULT copy_values(struct copy *c, IMAPIProp *from, IMAPIProp *to,
			   LPSPropTagArray tags)
{
	LPSPropValue vals = NULL;
	ULONG n = 0, k = 0;
	HRESULT hr = IMAPIProp_GetProps(from, tags, MAPI_UNICODE, &n, &vals);

	if (FAILED(hr))
		return hr;
	hr = S_OK;
	for (ULONG i = 0; !FAILED(hr) && i < n; i++) {
		ULONG tag = tags->aulPropTag[i];

		if (PROP_TYPE(vals[i].ulPropTag) != PT_ERROR)
			vals[k++] = vals[i];
		else if (vals[i].Value.err == MAPI_E_NOT_ENOUGH_MEMORY)
			hr = problem_or_error(c, tag,
					      copy_stream(from, to, tag));
		else
			hr = problem_or_error(c, tag, vals[i].Value.err);
	}
	if (!FAILED(hr))
		hr = set_values(c, to, k, vals);
	MAPIFreeBuffer(vals);
	return hr;
}

/* Which of the source's properties go over, in place. */
static HRESULT choose(struct copy *c, LPSPropTagArray tags,
		      const SPropTagArray *there)
{
	HRESULT hr = S_OK;
	ULONG k = 0;

	for (ULONG i = 0; !FAILED(hr) && i < tags->cValues; i++) {
		ULONG tag = tags->aulPropTag[i];

		if (is_part(tag) || !chosen(c, tag) || in_list(there, tag))
			continue;
		if (is_computed(tag))
			hr = by_name(c) ? add_problem(c, tag, MAPI_E_COMPUTED)
					: S_OK;
		/* an id means another name there; names are not asked for */
		else if (PROP_ID(tag) >= 0x8000 && !c->one_store)
			hr = add_problem(c, tag, MAPI_E_NO_SUPPORT);
		else
			tags->aulPropTag[k++] = tag;
	}
	tags->cValues = k;
	return hr;
}

static HRESULT copy_props(struct copy *c, IMAPIProp *from, IMAPIProp *to)
{
	LPSPropTagArray tags = NULL, there = NULL;
	SizedSPropTagArray(CHUNK, part);
	HRESULT hr = IMAPIProp_GetPropList(from, MAPI_UNICODE, &tags);

	if (!FAILED(hr) && c->what->no_replace && !c->depth)
		hr = IMAPIProp_GetPropList(to, MAPI_UNICODE, &there);
	if (!FAILED(hr))
		hr = choose(c, tags, there);
	for (ULONG at = 0; !FAILED(hr) && at < tags->cValues;
	     at += part.cValues) {
		part.cValues = tags->cValues - at < CHUNK ? tags->cValues - at
							  : CHUNK;
		memcpy(part.aulPropTag, &tags->aulPropTag[at],
		       part.cValues * sizeof(part.aulPropTag[0]));
		hr = copy_values(c, from, to, (LPSPropTagArray)(void *)&part);
	}
	MAPIFreeBuffer(tags);
	MAPIFreeBuffer(there);
	return hr;
}

/* ---- recipients ---- */

/* Row ids are given anew. */
static void strip_row(SRow *row)
{
	ULONG k = 0;

	for (ULONG i = 0; i < row->cValues; i++) {
		ULONG tag = row->lpProps[i].ulPropTag;

		if (PROP_TYPE(tag) != PT_ERROR && tag != PR_ROWID &&
		    tag != PR_INSTANCE_KEY)
			row->lpProps[k++] = row->lpProps[i];
	}
	row->cValues = k;
}

static HRESULT count_rows(LPMAPITABLE t, ULONG *ret)
{
	return t ? IMAPITable_GetRowCount(t, 0, ret) : MAPI_E_NOT_FOUND;
}

static bool has_recipients(IMessage *m, HRESULT *hr)
{
	LPMAPITABLE t = NULL;
	ULONG n = 0;

	*hr = IMessage_GetRecipientTable(m, 0, &t);
	if (!FAILED(*hr))
		*hr = count_rows(t, &n);
	if (t)
		IMAPITable_Release(t);
	return n > 0;
}

static HRESULT copy_recipients(struct copy *c, IMessage *from, IMessage *to)
{
	LPMAPITABLE t = NULL;
	LPSRowSet rows = NULL;
	HRESULT hr = S_OK;

	if (c->what->no_replace && !c->depth && has_recipients(to, &hr))
		return S_OK;
	if (!FAILED(hr))
		hr = IMessage_GetRecipientTable(from, MAPI_UNICODE, &t);
	if (!FAILED(hr))
		hr = HrQueryAllRows(t, NULL, NULL, NULL, 0, &rows);
	for (ULONG i = 0; !FAILED(hr) && i < rows->cRows; i++)
		strip_row(&rows->aRow[i]);
	/* an ADRLIST is an SRowSet by another name; 0: this list and no other */
	if (!FAILED(hr))
		hr = IMessage_ModifyRecipients(to, 0, (LPADRLIST)(void *)rows);
	FreeProws(rows);
	if (t)
		IMAPITable_Release(t);
	return hr;
}

/* ---- attachments ---- */

static HRESULT copy_message(struct copy *c, IMessage *from, IMessage *to);

static HRESULT copy_embedded(struct copy *c, IAttach *from, IAttach *to)
{
	IMessage *in = NULL, *out = NULL;
	HRESULT hr;

	if (c->depth >= MAX_DEPTH)
		return MAPI_E_TOO_COMPLEX;
	hr = IAttach_OpenProperty(from, PR_ATTACH_DATA_OBJ, &IID_IMessage, 0, 0,
				  (LPUNKNOWN *)(void *)&in);
	if (!FAILED(hr))
		hr = IAttach_OpenProperty(to, PR_ATTACH_DATA_OBJ, &IID_IMessage,
					  0, MAPI_CREATE | MAPI_MODIFY,
					  (LPUNKNOWN *)(void *)&out);
	if (!FAILED(hr))
		hr = copy_message(c, in, out);
	if (!FAILED(hr))
		hr = IMessage_SaveChanges(out, 0);
	if (out)
		IMessage_Release(out);
	if (in)
		IMessage_Release(in);
	return hr;
}

static HRESULT copy_attach(struct copy *c, IAttach *from, IAttach *to)
{
	LPSPropValue method = NULL;
	HRESULT hr = copy_props(c, (IMAPIProp *)(void *)from,
				(IMAPIProp *)(void *)to);
	ULONG tag = PR_ATTACH_DATA_BIN;

	if (FAILED(hr))
		return hr;
	if (HrGetOneProp((LPMAPIPROP)(void *)from, PR_ATTACH_METHOD, &method))
		return S_OK;
	if (method->Value.l == ATTACH_EMBEDDED_MSG ||
	    method->Value.l == ATTACH_OLE)
		tag = PR_ATTACH_DATA_OBJ;
	if (!chosen(c, tag)) {
		hr = S_OK;
	} else if (method->Value.l == ATTACH_EMBEDDED_MSG) {
		hr = copy_embedded(c, from, to);
	} else {
		/* no data at all is nothing that fails */
		hr = problem_or_error(c, tag,
				      copy_stream((IMAPIProp *)(void *)from,
						  (IMAPIProp *)(void *)to,
						  tag));
	}
	MAPIFreeBuffer(method);
	return hr;
}

static HRESULT copy_one_attach(struct copy *c, IMessage *from, IMessage *to,
			       ULONG num)
{
	IAttach *in = NULL, *out = NULL;
	ULONG made;
	HRESULT hr = IMessage_OpenAttach(from, num, NULL, 0, &in);

	if (!FAILED(hr))
		hr = IMessage_CreateAttach(to, NULL, 0, &made, &out);
	if (!FAILED(hr)) {
		c->depth++;
		hr = copy_attach(c, in, out);
		c->depth--;
	}
	if (!FAILED(hr))
		hr = IAttach_SaveChanges(out, 0);
	if (out)
		IAttach_Release(out);
	if (in)
		IAttach_Release(in);
	return hr;
}

static HRESULT attach_numbers(IMessage *m, LPSRowSet *ret)
{
	SizedSPropTagArray(1, cols) = {1, {PR_ATTACH_NUM}};
	LPMAPITABLE t = NULL;
	HRESULT hr = IMessage_GetAttachmentTable(m, 0, &t);

	if (FAILED(hr))
		return hr;
	hr = HrQueryAllRows(t, (LPSPropTagArray)(void *)&cols, NULL, NULL, 0,
			    ret);
	IMAPITable_Release(t);
	return hr;
}

static ULONG number_of(const SRow *row)
{
	return row->lpProps[0].Value.ul;
}

static HRESULT copy_attachments(struct copy *c, IMessage *from, IMessage *to)
{
	LPSRowSet old = NULL, rows = NULL;
	HRESULT hr = attach_numbers(to, &old);

	if (!FAILED(hr))
		hr = attach_numbers(from, &rows);
	if (!FAILED(hr) && !(c->what->no_replace && !c->depth && old->cRows)) {
		for (ULONG i = 0; !FAILED(hr) && i < old->cRows; i++)
			hr = IMessage_DeleteAttach(to, number_of(&old->aRow[i]),
						   0, NULL, 0);
		for (ULONG i = 0; !FAILED(hr) && i < rows->cRows; i++)
			hr = copy_one_attach(c, from, to,
					     number_of(&rows->aRow[i]));
	}
	FreeProws(old);
	FreeProws(rows);
	return hr;
}

/* ---- all of it ---- */

static HRESULT copy_message(struct copy *c, IMessage *from, IMessage *to)
{
	HRESULT hr = copy_props(c, (IMAPIProp *)(void *)from,
				(IMAPIProp *)(void *)to);

	if (!FAILED(hr) && chosen(c, PR_MESSAGE_RECIPIENTS))
		hr = copy_recipients(c, from, to);
	if (!FAILED(hr) && chosen(c, PR_MESSAGE_ATTACHMENTS))
		hr = copy_attachments(c, from, to);
	return hr;
}

static bool same_mailbox(struct mx_obj *a, struct mx_obj *b)
{
	const struct mx_logon_info *i, *j;

	i = mx_logon_info(mx_obj_store(a)->logon);
	j = mx_logon_info(mx_obj_store(b)->logon);
	return i && j && mx_guid_equal(&i->mailbox_guid, &j->mailbox_guid);
}

static HRESULT copy_object(struct mx_obj *from, IMAPIProp *to,
			   const struct copy_what *what,
			   LPSPropProblemArray *ret_problems)
{
	struct copy c = {.what = what};
	HRESULT hr;

	c.one_store = same_mailbox(from, MX_OBJ(to));
	hr = from->cls->type == MAPI_MESSAGE
		     ? copy_message(&c, (IMessage *)(void *)from,
				    (IMessage *)(void *)to)
		     : copy_attach(&c, (IAttach *)(void *)from,
				   (IAttach *)(void *)to);
	if (!FAILED(hr) && ret_problems)
		*ret_problems = MX_STEAL(c.problems);
	MAPIFreeBuffer(c.problems);
	return hr;
}

/* MAPI_DIALOG asks for what nobody sees; moving is left to CopyMessages. */
#define COPY_FLAGS (MAPI_NOREPLACE | MAPI_DIALOG | MAPI_DECLINE_OK)

static HRESULT copy_checked(struct mx_obj *o, LPVOID dest, ULONG flags,
			    struct copy_what *what, LPSPropProblemArray *ret)
{
	struct mx_do d;
	HRESULT hr;

	if (ret)
		*ret = NULL;
	if (flags & MAPI_MOVE)
		return mx_obj_unsupported(o, "copying with MAPI_MOVE");
	if (o->cls->type != MAPI_MESSAGE && o->cls->type != MAPI_ATTACH)
		return mx_obj_unsupported(o, "CopyTo of other objects than "
					     "messages and attachments");
	hr = mx_do_begin(&d, o);
	if (FAILED(hr))
		return hr;
	if (!dest)
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "copying to nothing");
	if (flags & ~COPY_FLAGS)
		return mx_do_end_hr(&d, MAPI_E_UNKNOWN_FLAGS, "copying");
	if (dest == (void *)o)
		return mx_do_end_hr(&d, MAPI_E_NO_ACCESS,
				    "an object cannot be copied to itself");
	/* of our making and of one kind: then the methods are the same */
	if (MX_OBJ(dest)->vtbl != o->vtbl)
		return mx_do_end_hr(&d, MAPI_E_INTERFACE_NOT_SUPPORTED,
				    "the destination is no %s of Mapiary",
				    o->cls->name);
	what->no_replace = flags & MAPI_NOREPLACE;
	hr = copy_object(o, dest, what, ret);
	if (FAILED(hr)) {
		char why[400];

		snprintf(why, sizeof(why), "%s", MapiaryLastErrorText());
		return mx_do_end_hr(&d, hr, "copying failed: %s", why);
	}
	return mx_do_end(&d, 0);
}

HRESULT mx_prop_copy_to(struct mx_obj *o, ULONG n_iids, LPCIID iids,
			LPSPropTagArray exclude, ULONG_PTR ui,
			LPMAPIPROGRESS progress, LPCIID iid, LPVOID dest,
			ULONG flags, LPSPropProblemArray *ret)
{
	struct copy_what what = {.tags = exclude};

	if (n_iids)
		return mx_obj_unsupported(o, "CopyTo without some interfaces");
	return copy_checked(o, dest, flags, &what, ret);
}

HRESULT mx_prop_copy_props(struct mx_obj *o, LPSPropTagArray include,
			   ULONG_PTR ui, LPMAPIPROGRESS progress, LPCIID iid,
			   LPVOID dest, ULONG flags, LPSPropProblemArray *ret)
{
	struct copy_what what = {.tags = include, .listed = true};

	if (!include || !include->cValues)
		return MAPI_E_INVALID_PARAMETER;
	return copy_checked(o, dest, flags, &what, ret);
}
