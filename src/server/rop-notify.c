/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions.  [MS-OXCNOTIF] 2.2.1.2, 3.1.5.1 */
#include <stdlib.h>
#include <string.h>

#include "server/exec.h"
#include "server/rop.h"
#include "store/mbox.h"

/* Events 0x02 to 0x80, TableModified, Extended. */
#define KNOWN_TYPES 0x05fe

uint32_t mx_do_register(struct mx_rop *r)
{
	const struct mx_register_notification_req *q =
		&r->req->register_notification;
	struct mx_watch *w;
	uint32_t ec;

	if (!q->notification_types || (q->notification_types & ~KNOWN_TYPES))
		return MX_EC_INVALID_PARAM;
	ec = mx_rop_output(r, q->output_handle_index, MX_S_WATCH);
	if (ec)
		return ec;
	w = calloc(1, sizeof(*w));
	if (!w)
		return MX_EC_NO_MEMORY;
	w->ctx = r->ctx;
	w->handle = r->made->handle;
	w->logon_id = r->made->logon_id;
	w->types = q->notification_types;
	w->whole_store = q->want_whole_store;
	w->fid = q->folder_id;
	w->mid = q->message_id;
	memcpy(w->mailbox, mx_mbox_info(r->in->mbox)->mailbox, 16);
	r->made->watch = w;
	mx_watch_add(w);
	return MX_EC_OK;
}
