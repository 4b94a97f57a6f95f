/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Advise sinks: called in the right thread, and with memory that is theirs. */
#include <poll.h>
#include <pthread.h>

#include "api/api.h"
#include "base/test.h"

struct seen {
	int calls;
	pthread_t thread;
	char id[5];
	IMAPIAdviseSink *again; /* notified once from within the callback */
};

static LONG on_notify(void *context, ULONG n, LPNOTIFICATION notifs)
{
	struct seen *s = context;

	s->calls++;
	s->thread = pthread_self();
	memcpy(s->id, notifs[0].info.newmail.lpEntryID, 4);
	if (s->again) {
		IMAPIAdviseSink *a = s->again;

		s->again = NULL;
		IMAPIAdviseSink_OnNotify(a, n, notifs);
	}
	return S_OK;
}

static NOTIFICATION mail(char *id)
{
	NOTIFICATION n = {.ulEventType = fnevNewMail};

	n.info.newmail.cbEntryID = 4;
	n.info.newmail.lpEntryID = (LPENTRYID)(void *)id;
	return n;
}

static void *notify_from_elsewhere(void *sink)
{
	char id[5] = "abcd";
	NOTIFICATION n = mail(id);

	IMAPIAdviseSink_OnNotify((IMAPIAdviseSink *)sink, 1, &n);
	memset(id, 'x', 4); /* what was given is gone when the call returns */
	return NULL;
}

static void test_function_sink_calls_at_once(void **state)
{
	struct seen s = {0};
	LPMAPIADVISESINK sink;
	char id[5] = "1234";
	NOTIFICATION n = mail(id);

	assert_int_equal(HrAllocAdviseSink(on_notify, &s, &sink), S_OK);
	IMAPIAdviseSink_OnNotify(sink, 1, &n);
	assert_int_equal(s.calls, 1);
	assert_string_equal(s.id, "1234");
	assert_int_equal(IMAPIAdviseSink_Release(sink), 0);
}

static void test_this_thread_sink_waits_for_its_thread(void **state)
{
	struct pollfd p = {.fd = MapiaryNotificationFd(), .events = POLLIN};
	struct seen s = {0};
	LPMAPIADVISESINK sink, mine;
	pthread_t t;

	HrAllocAdviseSink(on_notify, &s, &sink);
	assert_int_equal(HrThisThreadAdviseSink(sink, &mine), S_OK);
	assert_int_equal(poll(&p, 1, 0), 0);
	pthread_create(&t, NULL, notify_from_elsewhere, mine);
	pthread_join(t, NULL);
	assert_int_equal(s.calls, 0);
	assert_int_equal(poll(&p, 1, 0), 1);
	s.again = mine;
	assert_int_equal(HrDispatchNotifications(0), S_OK);
	assert_int_equal(s.calls, 1); /* what it caused waits for next time */
	assert_true(pthread_equal(s.thread, pthread_self()));
	assert_string_equal(s.id, "abcd");
	HrDispatchNotifications(0);
	assert_int_equal(s.calls, 2);
	assert_int_equal(poll(&p, 1, 0), 0);
	IMAPIAdviseSink_Release(mine);
	IMAPIAdviseSink_Release(sink);
}

static void *make_sink(void *arg)
{
	LPMAPIADVISESINK mine = NULL;

	HrThisThreadAdviseSink((LPMAPIADVISESINK)arg, &mine);
	return mine;
}

static void test_sink_outlives_its_thread(void **state)
{
	struct seen s = {0};
	LPMAPIADVISESINK sink;
	pthread_t t;
	void *mine;

	HrAllocAdviseSink(on_notify, &s, &sink);
	pthread_create(&t, NULL, make_sink, sink);
	pthread_join(t, &mine);
	notify_from_elsewhere(mine);
	HrDispatchNotifications(0);
	assert_int_equal(s.calls, 0);
	assert_int_equal(IMAPIAdviseSink_Release((LPMAPIADVISESINK)mine), 0);
	assert_int_equal(IMAPIAdviseSink_Release(sink), 0);
}

MX_TEST_MAIN(MX_TEST(test_function_sink_calls_at_once),
	     MX_TEST(test_this_thread_sink_waits_for_its_thread),
	     MX_TEST(test_sink_outlives_its_thread))
