/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* ROPs that send.  [MS-OXOMSG] 2.2.3 */
#include "server/exec.h"
#include "server/rop.h"
#include "store/message.h"

/* None, PreProcess, NeedsSpooler: there is no spooler here. */
#define SUBMIT_KNOWN 0x03

uint32_t mx_do_submit(struct mx_rop *r)
{
	const struct mx_submit_message_req *q = &r->req->submit_message;

	if (q->submit_flags & ~SUBMIT_KNOWN)
		return MX_EC_INVALID_PARAM;
	return mx_store_ec(mx_msg_submit(r->in->obj, q->submit_flags));
}

uint32_t mx_do_abort_submit(struct mx_rop *r)
{
	const struct mx_abort_submit_req *q = &r->req->abort_submit;

	return mx_store_ec(
		mx_msg_abort_submit(r->in->mbox, q->folder_id, q->message_id));
}
