/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A C++17 program: it logs on, reads and writes by methods, and hears of it
 * through a sink of its own class.
 */
#include <mapiary.h>
#include <mapiutil.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>

extern "C" {
#include "base/test.h"

/* world.h is for C: it takes the interfaces as structures. */
struct world;
struct world *world_new(unsigned n_users);
void world_free(struct world *w);
LPMAPIARYUSER world_user(struct world *w, unsigned i);
void world_config(struct world *w, unsigned i, MAPIARY_CONFIG *ret);
}

namespace
{

void ok(HRESULT hr)
{
	if (hr != S_OK)
		fail_msg("0x%08x %s", static_cast<unsigned>(hr),
			 MapiaryLastErrorText());
}

/* Interfaces have no public destructor: Release is how they end. */
struct Releaser {
	template <class T> void operator()(T *p) const
	{
		p->Release();
	}
};

template <class T> using Ref = std::unique_ptr<T, Releaser>;

struct Freer {
	void operator()(void *p) const
	{
		MAPIFreeBuffer(p);
	}
};

template <class T> using Buffer = std::unique_ptr<T, Freer>;

class Sink : public IMAPIAdviseSink
{
      public:
	STDMETHODIMP QueryInterface(REFIID iid, void **out) override
	{
		*out = nullptr;
		if (iid != IID_IUnknown && iid != IID_IMAPIAdviseSink)
			return E_NOINTERFACE;
		AddRef();
		*out = this;
		return S_OK;
	}
	STDMETHODIMP_(ULONG) AddRef() override
	{
		return ++refs;
	}
	STDMETHODIMP_(ULONG) Release() override
	{
		return --refs;
	}
	STDMETHODIMP_(ULONG) OnNotify(ULONG n, LPNOTIFICATION list) override
	{
		std::lock_guard<std::mutex> hold(lock);

		for (ULONG i = 0; i < n; i++)
			created += list[i].ulEventType == fnevObjectCreated;
		heard.notify_all();
		return 0;
	}
	void await_created()
	{
		std::unique_lock<std::mutex> hold(lock);

		heard.wait(hold, [this] { return created > 0; });
	}
	ULONG count() const
	{
		return refs;
	}
	virtual ~Sink() = default;

      private:
	std::atomic<ULONG> refs{1};
	std::mutex lock;
	std::condition_variable heard;
	unsigned created = 0;
};

Ref<IMAPISession> log_on(struct world *w)
{
	MAPIARY_CONFIG config;
	IMAPISession *ses = nullptr;

	world_config(w, 0, &config);
	ok(MapiaryLogon(world_user(w, 0), &config, 0, &ses));
	return Ref<IMAPISession>(ses);
}

Ref<IMsgStore> open_store(IMAPISession &ses)
{
	IMsgStore *mdb = nullptr;

	ok(ses.OpenMsgStore(0, 0, nullptr, nullptr, MDB_WRITE, &mdb));
	return Ref<IMsgStore>(mdb);
}

Ref<IMAPIFolder> open_inbox(IMsgStore &mdb)
{
	LPENTRYID eid = nullptr;
	IUnknown *folder = nullptr;
	ULONG n = 0, type = 0;

	ok(mdb.GetReceiveFolder(nullptr, 0, &n, &eid, nullptr));
	Buffer<ENTRYID> hold(eid);
	ok(mdb.OpenEntry(n, eid, &IID_IMAPIFolder, MAPI_MODIFY, &type,
			 &folder));
	assert_int_equal(type, MAPI_FOLDER);
	return Ref<IMAPIFolder>(static_cast<IMAPIFolder *>(folder));
}

void write_message(IMAPIFolder &inbox, std::wstring subject)
{
	IMessage *m = nullptr;
	SPropValue v[2] = {};

	ok(inbox.CreateMessage(nullptr, 0, &m));
	Ref<IMessage> hold(m);
	v[0].ulPropTag = PR_MESSAGE_CLASS_W;
	v[0].Value.lpszW = const_cast<LPWSTR>(L"IPM.Note");
	v[1].ulPropTag = PR_SUBJECT_W;
	v[1].Value.lpszW = subject.data();
	ok(m->SetProps(2, v, nullptr));
	ok(m->SaveChanges(0));
}

std::wstring first_subject(IMAPIFolder &inbox)
{
	SizedSPropTagArray(1, cols) = {1, {PR_SUBJECT_W}};
	IMAPITable *t = nullptr;
	SRowSet *rows = nullptr;
	std::wstring found;

	ok(inbox.GetContentsTable(MAPI_UNICODE, &t));
	Ref<IMAPITable> hold(t);
	ok(t->SetColumns(reinterpret_cast<LPSPropTagArray>(&cols), 0));
	ok(t->QueryRows(10, 0, &rows));
	assert_int_equal(rows->cRows, 1);
	found = rows->aRow[0].lpProps[0].Value.lpszW;
	FreeProws(rows);
	return found;
}

void test_methods_log_on_write_and_read(void **)
{
	const std::wstring subject = L"Gr\u00fc\u00dfe \U0001F41D";
	struct world *w = world_new(1);
	Sink sink;
	{
		Ref<IMAPISession> ses = log_on(w);
		Ref<IMsgStore> mdb = open_store(*ses);
		Ref<IMAPIFolder> inbox = open_inbox(*mdb);
		ULONG_PTR conn = 0;

		ok(mdb->Advise(0, nullptr, fnevObjectCreated, &sink, &conn));
		write_message(*inbox, subject);
		assert_true(first_subject(*inbox) == subject);
		sink.await_created();
		ok(mdb->Unadvise(conn));
		ok(ses->Logoff(0, 0, 0));
	}
	world_free(w);
	assert_int_equal(sink.count(), 1);
}

void test_one_object_has_one_identity(void **)
{
	struct world *w = world_new(1);
	{
		Ref<IMAPISession> ses = log_on(w);
		Ref<IMsgStore> mdb = open_store(*ses);
		void *unknown = nullptr, *prop = nullptr, *other = nullptr;

		ok(mdb->QueryInterface(IID_IUnknown, &unknown));
		Ref<IUnknown> hold1(static_cast<IUnknown *>(unknown));
		ok(mdb->QueryInterface(IID_IMAPIProp, &prop));
		Ref<IMAPIProp> hold2(static_cast<IMAPIProp *>(prop));
		ok(hold2->QueryInterface(IID_IUnknown, &other));
		Ref<IUnknown> hold3(static_cast<IUnknown *>(other));
		assert_ptr_equal(unknown, other);
		assert_int_equal(mdb->QueryInterface(IID_IMAPITable, &other),
				 E_NOINTERFACE);
		assert_null(other);
	}
	world_free(w);
}

} // namespace

MX_TEST_MAIN(MX_TEST(test_methods_log_on_write_and_read),
	     MX_TEST(test_one_object_has_one_identity))
