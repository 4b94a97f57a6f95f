/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "api/eid.h"

int mx_eid_read(struct mx_logon *l, const void *p, ULONG n,
		const struct mx_call *call, uint64_t *ret_fid,
		uint64_t *ret_mid)
{
	const struct mx_logon_info *info;
	struct mx_objid id;
	uint64_t fid, mid = 0;
	int err;

	if (mx_objid_decode((struct mx_bin){n, p}, &id))
		return -EINVAL;
	err = mx_logon_open(l, call);
	if (err)
		return err;
	info = mx_logon_info(l);
	if ((id.type == MX_SO_PRIVATE_FOLDER ||
	     id.type == MX_SO_PRIVATE_MESSAGE) &&
	    !mx_guid_equal(&id.provider, &info->mailbox_guid))
		return -EINVAL;
	err = mx_logon_id_from_ltid(l, &id.folder, call, &fid);
	if (!err && mx_objid_is_message(&id))
		err = mx_logon_id_from_ltid(l, &id.message, call, &mid);
	if (err)
		return err;
	*ret_fid = fid;
	*ret_mid = mid;
	return 0;
}

int mx_eid_make(struct mx_logon *l, uint64_t fid, uint64_t mid,
		const struct mx_call *call,
		uint8_t ret[MX_MESSAGE_ENTRYID_SIZE], size_t *ret_n)
{
	struct mx_objid id = {.type = mid ? MX_SO_PRIVATE_MESSAGE
					  : MX_SO_PRIVATE_FOLDER};
	int err = mx_logon_open(l, call);

	if (err)
		return err;
	id.provider = mx_logon_info(l)->mailbox_guid;
	err = mx_logon_ltid_from_id(l, fid, call, &id.folder);
	if (!err && mid)
		err = mx_logon_ltid_from_id(l, mid, call, &id.message);
	if (err)
		return err;
	*ret_n = mx_objid_encode(&id, ret);
	return 0;
}

int mx_eid_alloc(struct mx_logon *l, uint64_t fid, uint64_t mid,
		 const struct mx_call *call, ULONG *ret_n, LPENTRYID *ret)
{
	uint8_t eid[MX_MESSAGE_ENTRYID_SIZE];
	size_t n;
	void *p;
	int err = mx_eid_make(l, fid, mid, call, eid, &n);

	if (err)
		return err;
	p = mx_api_alloc(n);
	if (!p)
		return -ENOMEM;
	memcpy(p, eid, n);
	*ret_n = (ULONG)n;
	*ret = p;
	return 0;
}
