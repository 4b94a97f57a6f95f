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

static int find_mailbox(struct mx_logon *l, struct mx_eid_base *base,
			const struct mx_call *call)
{
	int err = mx_logon_open(l, call);

	if (err)
		return err;
	base->mailbox = mx_logon_info(l)->mailbox_guid;
	base->have_mailbox = true;
	return 0;
}

static int make_ltid(struct mx_logon *l, struct mx_eid_base *base, uint64_t id,
		     const struct mx_call *call, struct mx_ltid *ret)
{
	int err;

	if (base->have_replica && mx_id_replid(id) == base->replid) {
		*ret = mx_id_to_ltid(id, &base->replica);
		return 0;
	}
	err = mx_logon_ltid_from_id(l, id, call, ret);
	if (err)
		return err;
	base->replid = mx_id_replid(id);
	base->replica = ret->replica;
	base->have_replica = true;
	return 0;
}

int mx_eid_make(struct mx_logon *l, struct mx_eid_base *base, uint64_t fid,
		uint64_t mid, const struct mx_call *call,
		uint8_t ret[MX_MESSAGE_ENTRYID_SIZE], size_t *ret_n)
{
	struct mx_objid id = {.type = mid ? MX_SO_PRIVATE_MESSAGE
					  : MX_SO_PRIVATE_FOLDER};
	struct mx_eid_base own = {0};
	int err = 0;

	base = base ? base : &own;
	if (!base->have_mailbox)
		err = find_mailbox(l, base, call);
	if (!err)
		err = make_ltid(l, base, fid, call, &id.folder);
	if (!err && mid)
		err = make_ltid(l, base, mid, call, &id.message);
	if (err)
		return err;
	id.provider = base->mailbox;
	*ret_n = mx_objid_encode(&id, ret);
	return 0;
}

int mx_eid_give(const void *p, size_t n, ULONG *ret_n, LPENTRYID *ret)
{
	void *copy = mx_api_alloc(n);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, p, n);
	*ret_n = (ULONG)n;
	*ret = copy;
	return 0;
}

int mx_eid_alloc(struct mx_logon *l, uint64_t fid, uint64_t mid,
		 const struct mx_call *call, ULONG *ret_n, LPENTRYID *ret)
{
	uint8_t eid[MX_MESSAGE_ENTRYID_SIZE];
	size_t n;
	int err = mx_eid_make(l, NULL, fid, mid, call, eid, &n);

	return err ? err : mx_eid_give(eid, n, ret_n, ret);
}

bool mx_eid_same(ULONG n1, const void *e1, ULONG n2, const void *e2)
{
	return n1 == n2 && (!n1 || (e1 && e2 && !memcmp(e1, e2, n1)));
}

HRESULT mx_eid_compare(void *obj, ULONG n1, LPENTRYID e1, ULONG n2,
		       LPENTRYID e2, ULONG *ret)
{
	HRESULT hr = mx_obj_check(obj);

	if (FAILED(hr))
		return hr;
	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	*ret = mx_eid_same(n1, e1, n2, e2);
	return S_OK;
}
