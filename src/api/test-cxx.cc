/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers from C++: methods reach the C objects, and a C++ object is
 * called from C through the same virtual table.
 */
#include <mapiary.h>
#include <mapiutil.h>

extern "C" {
#include "base/test.h"
}

namespace
{

class Sink : public IMAPIAdviseSink
{
      public:
	static int alive;

	Sink()
	{
		alive++;
	}
	virtual ~Sink()
	{
		alive--;
	}

	STDMETHODIMP QueryInterface(REFIID iid, void **out) override
	{
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
		ULONG n = --refs;

		if (!n)
			delete this;
		return n;
	}
	STDMETHODIMP_(ULONG) OnNotify(ULONG n, LPNOTIFICATION) override
	{
		got += n;
		return S_OK;
	}

	ULONG got = 0;

      private:
	ULONG refs = 1;
};

int Sink::alive;

void test_cxx_sink_is_called_by_c(void **)
{
	Sink *sink = new Sink;
	LPMAPIADVISESINK mine;
	NOTIFICATION n = {};

	n.ulEventType = fnevExtended;
	assert_int_equal(HrThisThreadAdviseSink(sink, &mine), S_OK);
	mine->OnNotify(1, &n);
	HrDispatchNotifications(0);
	assert_int_equal(sink->got, 1);
	mine->Release();
	assert_int_equal(Sink::alive, 1);
	sink->Release();
	assert_int_equal(Sink::alive, 0);
}

void test_c_stream_has_cxx_methods(void **)
{
	LPSTREAM s = nullptr;
	ULARGE_INTEGER pos;
	LARGE_INTEGER zero = {};
	char b[4] = "";
	IUnknown *u = nullptr;

	assert_int_equal(CreateStreamOnHGlobal(nullptr, TRUE, &s), S_OK);
	assert_int_equal(s->Write("abc", 3, nullptr), S_OK);
	assert_int_equal(s->Seek(zero, STREAM_SEEK_SET, &pos), S_OK);
	assert_int_equal(s->Read(b, 3, nullptr), S_OK);
	assert_string_equal(b, "abc");
	assert_int_equal(s->QueryInterface(IID_IStream, (void **)&u), S_OK);
	assert_int_equal(u->Release(), 1);
	/* the macro form is the same call */
	assert_int_equal(IStream_Release(s), 0);
}

} // namespace

MX_TEST_MAIN(MX_TEST(test_cxx_sink_is_called_by_c),
	     MX_TEST(test_c_stream_has_cxx_methods))
