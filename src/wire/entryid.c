/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/entryid.h"

const struct mx_guid mx_provider_store = {{0x38, 0xa1, 0xbb, 0x10, 0x05, 0xe5,
					   0x10, 0x1a, 0xa1, 0xbb, 0x08, 0x00,
					   0x2b, 0x2a, 0x56, 0xc2}};
const struct mx_guid mx_provider_mailbox = {{0x1b, 0x55, 0xfa, 0x20, 0xaa, 0x66,
					     0x11, 0xcd, 0x9b, 0xc8, 0x00, 0xaa,
					     0x00, 0x2f, 0xc4, 0x5a}};
const struct mx_guid mx_provider_public = {{0x1c, 0x83, 0x02, 0x10, 0xaa, 0x66,
					    0x11, 0xcd, 0x9b, 0xc8, 0x00, 0xaa,
					    0x00, 0x2f, 0xc4, 0x5a}};
const struct mx_guid mx_provider_ab = {{0xdc, 0xa7, 0x40, 0xc8, 0xc0, 0x42,
					0x10, 0x1a, 0xb4, 0xb9, 0x08, 0x00,
					0x2b, 0x2f, 0xe1, 0x82}};
const struct mx_guid mx_provider_oneoff = {{0x81, 0x2b, 0x1f, 0xa4, 0xbe, 0xa3,
					    0x10, 0x19, 0x9d, 0x6e, 0x00, 0xdd,
					    0x01, 0x0f, 0x54, 0x02}};

static const uint8_t dll_name[14] = "EMSMDB.DLL";

const struct mx_guid *mx_entryid_provider(struct mx_bin in)
{
	return in.n >= 20 ? (const struct mx_guid *)(in.p + 4) : NULL;
}

/* Flags (four zero bytes) and the provider that must stand there. */
static void check_head(struct mx_rd *rd, const struct mx_guid *want)
{
	struct mx_guid got;
	uint32_t flags = mx_rd_u32(rd);

	mx_guid_decode(rd, &got);
	if (flags || !mx_guid_equal(&got, want))
		mx_rd_fail(rd, -EBADMSG);
}

static bool known_type(uint16_t type)
{
	return type == MX_SO_PRIVATE_FOLDER || type == MX_SO_PUBLIC_FOLDER ||
	       type == MX_SO_PRIVATE_MESSAGE || type == MX_SO_PUBLIC_MESSAGE;
}

int mx_objid_decode(struct mx_bin in, struct mx_objid *ret)
{
	struct mx_objid id = {0};
	struct mx_rd rd;

	mx_rd_init(&rd, in.p, in.n, NULL);
	if (mx_rd_u32(&rd))
		return -EBADMSG;
	mx_guid_decode(&rd, &id.provider);
	id.type = mx_rd_u16(&rd);
	mx_ltid_decode(&rd, &id.folder);
	if (mx_objid_is_message(&id))
		mx_ltid_decode(&rd, &id.message);
	if (mx_rd_end(&rd) < 0 || !known_type(id.type))
		return -EBADMSG;
	*ret = id;
	return 0;
}

size_t mx_objid_encode(const struct mx_objid *id,
		       uint8_t out[MX_MESSAGE_ENTRYID_SIZE])
{
	struct mx_wr wr;

	mx_wr_init(&wr, out, MX_MESSAGE_ENTRYID_SIZE);
	mx_wr_u32(&wr, 0);
	mx_guid_encode(&wr, &id->provider);
	mx_wr_u16(&wr, id->type);
	mx_ltid_encode(&wr, &id->folder);
	if (mx_objid_is_message(id))
		mx_ltid_encode(&wr, &id->message);
	return wr.len;
}

int mx_storeid_decode(struct mx_bin in, struct mx_arena *a,
		      struct mx_storeid *ret)
{
	struct mx_storeid id;
	struct mx_rd rd;
	struct mx_guid wrapped;
	const uint8_t *dll;

	mx_rd_init(&rd, in.p, in.n, a);
	check_head(&rd, &mx_provider_store);
	if (mx_rd_u16(&rd)) /* Version, Flag */
		return -EBADMSG;
	dll = mx_rd_bytes(&rd, sizeof(dll_name));
	if (!dll || memcmp(dll, dll_name, 10) != 0)
		return -EBADMSG;
	mx_rd_u32(&rd); /* WrappedFlags */
	mx_guid_decode(&rd, &wrapped);
	if (!mx_guid_equal(&wrapped, &mx_provider_mailbox))
		return -EBADMSG; /* a public store has no mailbox DN */
	mx_rd_u32(&rd);          /* WrappedType */
	id.server = mx_rd_asciiz(&rd);
	id.mailbox_dn = mx_rd_asciiz(&rd);
	/* Newer forms have a block more behind the DN; it is not needed. */
	if (!mx_rd_ok(&rd))
		return rd.err;
	*ret = id;
	return 0;
}

/* Encodes by a function of two passes: size, then put. */
static int append(struct mx_buf *out, void (*put)(struct mx_wr *, const void *),
		  const void *v)
{
	struct mx_wr size = {0}, wr;
	uint8_t *p;

	put(&size, v);
	p = mx_buf_room(out, size.len);
	if (!p)
		return out->err;
	mx_wr_init(&wr, p, size.len);
	put(&wr, v);
	out->len += size.len;
	return 0;
}

static void put_storeid(struct mx_wr *wr, const void *v)
{
	const struct mx_storeid *id = v;

	mx_wr_u32(wr, 0);
	mx_guid_encode(wr, &mx_provider_store);
	mx_wr_u16(wr, 0);
	mx_wr_bytes(wr, dll_name, sizeof(dll_name));
	mx_wr_u32(wr, 0);
	mx_guid_encode(wr, &mx_provider_mailbox);
	mx_wr_u32(wr, 0x0000000c);
	mx_wr_asciiz(wr, id->server);
	mx_wr_asciiz(wr, id->mailbox_dn);
}

int mx_storeid_encode(struct mx_buf *out, const struct mx_storeid *id)
{
	return append(out, put_storeid, id);
}

int mx_abid_decode(struct mx_bin in, struct mx_arena *a, struct mx_abid *ret)
{
	struct mx_abid id;
	struct mx_rd rd;

	mx_rd_init(&rd, in.p, in.n, a);
	check_head(&rd, &mx_provider_ab);
	if (mx_rd_u32(&rd) != 1) /* Version */
		return -EBADMSG;
	id.type = mx_rd_u32(&rd);
	id.dn = mx_rd_asciiz(&rd);
	if (mx_rd_end(&rd) < 0)
		return rd.err;
	*ret = id;
	return 0;
}

static void put_abid(struct mx_wr *wr, const void *v)
{
	const struct mx_abid *id = v;

	mx_wr_u32(wr, 0);
	mx_guid_encode(wr, &mx_provider_ab);
	mx_wr_u32(wr, 1);
	mx_wr_u32(wr, id->type);
	mx_wr_asciiz(wr, id->dn);
}

int mx_abid_encode(struct mx_buf *out, const struct mx_abid *id)
{
	return append(out, put_abid, id);
}

int mx_oneoff_decode(struct mx_bin in, struct mx_arena *a,
		     struct mx_oneoff *ret)
{
	struct mx_oneoff id;
	struct mx_rd rd;

	mx_rd_init(&rd, in.p, in.n, a);
	check_head(&rd, &mx_provider_oneoff);
	if (mx_rd_u16(&rd)) /* Version */
		return -EBADMSG;
	id.flags = mx_rd_u16(&rd);
	if (id.flags & MX_ONE_OFF_UNICODE) {
		id.name = mx_rd_utf16z(&rd);
		id.addrtype = mx_rd_utf16z(&rd);
		id.address = mx_rd_utf16z(&rd);
	} else {
		id.name = mx_rd_asciiz(&rd);
		id.addrtype = mx_rd_asciiz(&rd);
		id.address = mx_rd_asciiz(&rd);
	}
	if (mx_rd_end(&rd) < 0)
		return rd.err;
	*ret = id;
	return 0;
}

static void put_oneoff(struct mx_wr *wr, const void *v)
{
	const struct mx_oneoff *id = v;
	void (*put)(struct mx_wr *, const char *) =
		id->flags & MX_ONE_OFF_UNICODE ? mx_wr_utf16z : mx_wr_asciiz;

	mx_wr_u32(wr, 0);
	mx_guid_encode(wr, &mx_provider_oneoff);
	mx_wr_u16(wr, 0);
	mx_wr_u16(wr, id->flags);
	put(wr, id->name);
	put(wr, id->addrtype);
	put(wr, id->address);
}

int mx_oneoff_encode(struct mx_buf *out, const struct mx_oneoff *id)
{
	return append(out, put_oneoff, id);
}
