/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A delivery that fails for now is made later, by the server itself. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "server/testlib.h"
#include "store/mdb.h"

#define FOR_BOB 20

/* Where bob's mailbox is, and where it is hidden. */
static char path[600], aside[640];

/* The mailbox and a directory change places, at one blow: a mailbox that is
 * nowhere would be nobody's, and the mail would go back. */
static void swap(void)
{
	assert_int_equal(
		renameat2(AT_FDCWD, path, AT_FDCWD, aside, RENAME_EXCHANGE), 0);
}

/* No file can be opened where a directory is: the mailbox is there, and cannot
 * be used.  Nobody has used it, so it is not open. */
static void hide(struct ts *ts)
{
	struct mx_guid g;

	memcpy(g.b, ts->bob.mailbox, sizeof(g.b));
	mx_store_path(mx_server_store(ts->srv), &g, path, sizeof(path));
	snprintf(aside, sizeof(aside), "%s-aside", path);
	mx_store_trim(mx_server_store(ts->srv));
	assert_int_equal(mkdir(aside, 0700), 0);
	swap();
}

static uint32_t bobs_rows(struct ts *ts)
{
	struct tc bob;
	uint32_t rows;

	tc_init(&bob, ts, "bob");
	tc_logon(&bob, NULL);
	tc_contents(&bob, tc_open_folder(&bob, bob.fid[F_INBOX]), 0x10, &rows);
	tc_disconnect(&bob);
	tc_fini(&bob);
	return rows;
}

/* Nobody sends or restarts anything after the mailbox is back. */
static void test_delivery_is_tried_again_by_itself(void **state)
{
	struct mx_server_params p = {.retry_ms = 50};
	struct ts *ts = ts_start(&p);
	struct tc ann;

	hide(ts);
	tc_init(&ann, ts, "ann");
	tc_logon(&ann, NULL);
	tc_send(&ann, ts->bob.smtp, "sooner or later");
	tc_disconnect(&ann);
	tc_fini(&ann);
	swap();
	while (bobs_rows(ts) == 0)
		;
	assert_int_equal(bobs_rows(ts), 1);
	ts_stop(ts);
}

/* The server offers while ann sends, and her mailbox is closed again and again,
 * which takes the mark away that says she has something to send. */
static void test_offers_beside_sending_lose_and_double_nothing(void **state)
{
	struct mx_server_params p = {.retry_ms = 50};
	struct ts *ts = ts_start(&p);
	char subject[32];
	struct tc ann;

	hide(ts);
	for (int i = 0; i < FOR_BOB; i++) {
		tc_init(&ann, ts, "ann");
		tc_logon(&ann, NULL);
		snprintf(subject, sizeof(subject), "number %d", i);
		tc_send(&ann, ts->bob.smtp, subject);
		tc_disconnect(&ann);
		tc_fini(&ann);
		mx_store_trim(mx_server_store(ts->srv));
		if (i == FOR_BOB / 2)
			swap();
	}
	while (bobs_rows(ts) < FOR_BOB)
		mx_store_trim(mx_server_store(ts->srv));
	assert_int_equal(bobs_rows(ts), FOR_BOB);
	ts_stop(ts);
}

MX_TEST_MAIN(MX_TEST(test_delivery_is_tried_again_by_itself),
	     MX_TEST(test_offers_beside_sending_lose_and_double_nothing))
