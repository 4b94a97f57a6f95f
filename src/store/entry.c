/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/entry.h"

#include <ctype.h>
#include <string.h>

#include "wire/ids.h"

#define FOLDER_LEN 46
#define MESSAGE_LEN 70
#define TYPE_FOLDER 1  /* eitLTPrivateFolder */
#define TYPE_MESSAGE 7 /* eitLTPrivateMessage */

static const uint8_t ab_uid[16] = {0xdc, 0xa7, 0x40, 0xc8, 0xc0, 0x42,
				   0x10, 0x1a, 0xb4, 0xb9, 0x08, 0x00,
				   0x2b, 0x2f, 0xe1, 0x82};
static const uint8_t store_uid[16] = {0x38, 0xa1, 0xbb, 0x10, 0x05, 0xe5,
				      0x10, 0x1a, 0xa1, 0xbb, 0x08, 0x00,
				      0x2b, 0x2a, 0x56, 0xc2};
static const uint8_t private_uid[16] = {0x1b, 0x55, 0xfa, 0x20, 0xaa, 0x66,
					0x11, 0xcd, 0x9b, 0xc8, 0x00, 0xaa,
					0x00, 0x2f, 0xc4, 0x5a};

static void put_counter(uint8_t *p, int64_t c)
{
	for (int i = 5; i >= 0; i--, c >>= 8)
		p[i] = (uint8_t)c;
}

static int64_t get_counter(const uint8_t *p)
{
	int64_t c = 0;

	for (int i = 0; i < 6; i++)
		c = c << 8 | p[i];
	return c;
}

/* GUID, counter, two zero bytes. */
static void put_gid(uint8_t *p, struct mx_mdb *db, int64_t c)
{
	memcpy(p, db->replguid.b, 16);
	put_counter(p + 16, c);
}

struct mx_bin mx_eid_folder(struct mx_mdb *db, int64_t fid, struct mx_arena *a)
{
	uint8_t *p = mx_arena_calloc(a, 1, FOLDER_LEN);

	if (!p)
		return (struct mx_bin){0, NULL};
	memcpy(p + 4, db->guid.b, 16);
	p[20] = TYPE_FOLDER;
	put_gid(p + 22, db, fid);
	return (struct mx_bin){FOLDER_LEN, p};
}

struct mx_bin mx_eid_message(struct mx_mdb *db, int64_t fid, int64_t mid,
			     struct mx_arena *a)
{
	uint8_t *p = mx_arena_calloc(a, 1, MESSAGE_LEN);

	if (!p)
		return (struct mx_bin){0, NULL};
	memcpy(p + 4, db->guid.b, 16);
	p[20] = TYPE_MESSAGE;
	put_gid(p + 22, db, fid);
	put_gid(p + 46, db, mid);
	return (struct mx_bin){MESSAGE_LEN, p};
}

bool mx_eid_parse(struct mx_mdb *db, const void *p, size_t n, int64_t *ret_fid,
		  int64_t *ret_mid)
{
	const uint8_t *b = p;

	if (n < FOLDER_LEN || memcmp(b + 4, db->guid.b, 16) != 0 ||
	    memcmp(b + 22, db->replguid.b, 16) != 0)
		return false;
	if (n == MESSAGE_LEN && b[20] == TYPE_MESSAGE) {
		if (memcmp(b + 46, db->replguid.b, 16) != 0)
			return false;
		*ret_mid = get_counter(b + 62);
	} else if (n == FOLDER_LEN && b[20] == TYPE_FOLDER) {
		*ret_mid = 0;
	} else {
		return false;
	}
	*ret_fid = get_counter(b + 38);
	return true;
}

struct mx_bin mx_eid_store(const char *dn, struct mx_arena *a)
{
	static const char dll[14] = "emsmdb.dll";
	static const char server[] = "mapiary";
	size_t n = 4 + 16 + 2 + sizeof(dll) + 4 + 16 + 4 + sizeof(server) +
		   strlen(dn) + 1;
	uint8_t *p = mx_arena_calloc(a, 1, n);

	if (!p)
		return (struct mx_bin){0, NULL};
	memcpy(p + 4, store_uid, 16);
	memcpy(p + 22, dll, sizeof(dll));
	memcpy(p + 40, private_uid, 16);
	p[56] = 0x0c;
	memcpy(p + 60, server, sizeof(server));
	memcpy(p + 60 + sizeof(server), dn, strlen(dn) + 1);
	return (struct mx_bin){(uint32_t)n, p};
}

struct mx_bin mx_eid_user(const char *dn, struct mx_arena *a)
{
	size_t n = 28 + strlen(dn) + 1;
	uint8_t *p = mx_arena_calloc(a, 1, n);

	if (!p)
		return (struct mx_bin){0, NULL};
	memcpy(p + 4, ab_uid, 16);
	p[20] = 1; /* version; type 0: a local mail user */
	memcpy(p + 28, dn, strlen(dn) + 1);
	return (struct mx_bin){(uint32_t)n, p};
}

const char *mx_eid_user_dn(struct mx_bin eid)
{
	if (eid.n < 30 || memcmp(eid.p + 4, ab_uid, 16) != 0 ||
	    eid.p[eid.n - 1] != '\0')
		return NULL;
	return (const char *)eid.p + 28;
}

struct mx_bin mx_search_key(const char *type, const char *address,
			    struct mx_arena *a)
{
	char *s = mx_arena_printf(a, "%s:%s", type, address);

	for (char *c = s; c && *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return (struct mx_bin){s ? (uint32_t)strlen(s) + 1 : 0,
			       (const uint8_t *)s};
}

struct mx_bin mx_xid(struct mx_mdb *db, int64_t counter, struct mx_arena *a)
{
	uint8_t *p = mx_arena_alloc(a, 22);

	if (p)
		put_gid(p, db, counter);
	return (struct mx_bin){p ? 22 : 0, p};
}

struct mx_bin mx_pcl(struct mx_mdb *db, int64_t cn, struct mx_arena *a)
{
	uint8_t *p = mx_arena_alloc(a, 23);

	if (p) {
		p[0] = 22;
		put_gid(p + 1, db, cn);
	}
	return (struct mx_bin){p ? 23 : 0, p};
}

struct mx_bin mx_instance_key(int64_t fid, int64_t mid, uint32_t instance,
			      struct mx_arena *a)
{
	uint64_t ids[2] = {mx_mdb_id(fid), mid ? mx_mdb_id(mid) : 0};
	uint8_t *p = mx_arena_alloc(a, 20);

	if (p) {
		memcpy(p, ids, 16);
		memcpy(p + 16, &instance, 4);
	}
	return (struct mx_bin){p ? 20 : 0, p};
}
