/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Entry ids: sizes, round trips, and every truncation refused. */
#include "wire/entryid.h"

#include "base/test.h"

static struct mx_objid sample(uint16_t type)
{
	struct mx_objid id = {.type = type};

	memset(&id.provider, 0x11, 16);
	memset(&id.folder, 0x22, sizeof(id.folder));
	if (mx_objid_is_message(&id))
		memset(&id.message, 0x33, sizeof(id.message));
	return id;
}

static void test_object_ids_have_their_sizes(void **state)
{
	/* [MS-OXCDATA] 2.2.4.1: 46 bytes; 2.2.4.2: 70 bytes. */
	static const uint16_t types[] = {MX_SO_PRIVATE_FOLDER,
					 MX_SO_PUBLIC_FOLDER,
					 MX_SO_PRIVATE_MESSAGE,
					 MX_SO_PUBLIC_MESSAGE};
	uint8_t buf[MX_MESSAGE_ENTRYID_SIZE];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct mx_objid id = sample(types[i]), back;
		uint32_t n = (uint32_t)mx_objid_encode(&id, buf);

		assert_int_equal(n, i < 2 ? 46 : 70);
		assert_int_equal(
			mx_objid_decode((struct mx_bin){n, buf}, &back), 0);
		assert_memory_equal(&id, &back, sizeof(id));
		for (uint32_t cut = 0; cut < n; cut++)
			assert_int_equal(
				mx_objid_decode((struct mx_bin){cut, buf},
						&back),
				-EBADMSG);
	}
	buf[20] = 2;
	assert_int_equal(mx_objid_decode((struct mx_bin){70, buf},
					 &(struct mx_objid){0}),
			 -EBADMSG);
}

static void test_store_id_round_trips(void **state)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	MX_AUTO(mx_buf_auto) struct mx_buf out = MX_BUF_INIT;
	struct mx_storeid id = {"host", "/o=org/cn=user"}, back;

	(void)state;
	assert_int_equal(mx_storeid_encode(&out, &id), 0);
	assert_int_equal(out.len, 60 + 5 + 15);
	for (uint32_t cut = 0; cut < out.len; cut++)
		assert_int_equal(mx_storeid_decode((struct mx_bin){cut, out.p},
						   &a, &back),
				 -EBADMSG);
	assert_int_equal(
		mx_storeid_decode((struct mx_bin){(uint32_t)out.len, out.p}, &a,
				  &back),
		0);
	assert_string_equal(back.server, id.server);
	assert_string_equal(back.mailbox_dn, id.mailbox_dn);
}

static void test_address_book_id_round_trips(void **state)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	MX_AUTO(mx_buf_auto) struct mx_buf out = MX_BUF_INIT;
	struct mx_abid id = {1, "/o=org/cn=list"}, back;

	(void)state;
	assert_int_equal(mx_abid_encode(&out, &id), 0);
	for (uint32_t cut = 0; cut < out.len; cut++)
		assert_int_equal(mx_abid_decode((struct mx_bin){cut, out.p}, &a,
						&back),
				 -EBADMSG);
	assert_int_equal(
		mx_abid_decode((struct mx_bin){(uint32_t)out.len, out.p}, &a,
			       &back),
		0);
	assert_int_equal(back.type, 1);
	assert_string_equal(back.dn, id.dn);
}

static void test_one_off_round_trips_in_both_forms(void **state)
{
	(void)state;
	for (int unicode = 0; unicode < 2; unicode++) {
		MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
		MX_AUTO(mx_buf_auto) struct mx_buf out = MX_BUF_INIT;
		struct mx_oneoff back,
			id = {unicode ? MX_ONE_OFF_UNICODE |
						MX_ONE_OFF_NO_RICH_INFO
				      : 0,
			      "J\xc3\xb6rg", "SMTP", "j@example.test"};

		assert_int_equal(mx_oneoff_encode(&out, &id), 0);
		for (uint32_t cut = 0; cut < out.len; cut++)
			assert_int_equal(
				mx_oneoff_decode((struct mx_bin){cut, out.p},
						 &a, &back),
				-EBADMSG);
		assert_int_equal(
			mx_oneoff_decode((struct mx_bin){(uint32_t)out.len,
							 out.p},
					 &a, &back),
			0);
		assert_string_equal(back.name, id.name);
		assert_string_equal(back.addrtype, id.addrtype);
		assert_string_equal(back.address, id.address);
	}
}

static void test_foreign_providers_are_refused(void **state)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	MX_AUTO(mx_buf_auto) struct mx_buf out = MX_BUF_INIT;
	struct mx_abid id = {0, "/o=x"};
	struct mx_bin in;

	(void)state;
	mx_abid_encode(&out, &id);
	in = (struct mx_bin){(uint32_t)out.len, out.p};
	assert_ptr_not_equal(mx_entryid_provider(in), NULL);
	assert_int_equal(mx_oneoff_decode(in, &a, &(struct mx_oneoff){0}),
			 -EBADMSG);
	assert_int_equal(mx_storeid_decode(in, &a, &(struct mx_storeid){0}),
			 -EBADMSG);
	out.p[0] = 1; /* flags */
	assert_int_equal(mx_abid_decode(in, &a, &(struct mx_abid){0}),
			 -EBADMSG);
}

MX_TEST_MAIN(MX_TEST(test_object_ids_have_their_sizes),
	     MX_TEST(test_store_id_round_trips),
	     MX_TEST(test_address_book_id_round_trips),
	     MX_TEST(test_one_off_round_trips_in_both_forms),
	     MX_TEST(test_foreign_providers_are_refused))
