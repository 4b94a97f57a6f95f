/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ground MAPI's headers stand on: the Windows and COM names they use,
 * for Linux, in C11 and C++17.
 *
 * What differs from Windows, and why it is so:
 *   - LONG and ULONG have 32 bits (int, unsigned int); print them with %d, %u.
 *   - WCHAR is wchar_t (32 bits, UTF-32); a PT_STRING8 string is UTF-8.
 *   - An interface in C++ has a protected, non-virtual destructor and nothing
 *     else beside its methods, so its virtual table is the one C sees.
 */
#ifndef MAPICOM_H
#define MAPICOM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

/* ---- calling conventions: Linux has one ---- */

#define FAR
#define PASCAL
#define CALLBACK
#define WINAPI
#define STDMETHODCALLTYPE
#define STDMETHODVCALLTYPE
#define STDAPICALLTYPE
#define STDAPIVCALLTYPE

#ifdef __cplusplus
#define EXTERN_C extern "C"
#define MAPI_BEGIN_DECLS extern "C" {
#define MAPI_END_DECLS }
#else
#define EXTERN_C extern
#define MAPI_BEGIN_DECLS
#define MAPI_END_DECLS
#endif

#if defined(__GNUC__)
#define MAPI_EXPORT __attribute__((visibility("default")))
#define MAPI_WEAK __attribute__((weak))
#define MAPI_ANON __extension__
#else
#define MAPI_EXPORT
#define MAPI_WEAK
#define MAPI_ANON
#endif

#define STDAPI EXTERN_C MAPI_EXPORT HRESULT STDAPICALLTYPE
#define STDAPI_(type) EXTERN_C MAPI_EXPORT type STDAPICALLTYPE
#define STDMETHODIMP HRESULT STDMETHODCALLTYPE
#define STDMETHODIMP_(type) type STDMETHODCALLTYPE

MAPI_BEGIN_DECLS

/* ---- scalar types ---- */

typedef void VOID;
typedef void *PVOID;
typedef void *LPVOID;
typedef const void *LPCVOID;
typedef char CHAR;
typedef signed char INT8;
typedef unsigned char BYTE;
typedef unsigned char UCHAR;
typedef BYTE *PBYTE;
typedef BYTE *LPBYTE;
typedef short SHORT;
typedef unsigned short USHORT;
typedef unsigned short WORD;
typedef WORD *LPWORD;
typedef int INT;
typedef unsigned int UINT;
typedef int BOOL;
typedef BOOL *LPBOOL;
typedef unsigned char BOOLEAN;
typedef int32_t LONG;
typedef LONG *PLONG;
typedef LONG *LPLONG;
typedef uint32_t ULONG;
typedef ULONG *PULONG;
typedef ULONG *LPULONG;
typedef uint32_t DWORD;
typedef DWORD *PDWORD;
typedef DWORD *LPDWORD;
typedef int64_t LONGLONG;
typedef uint64_t ULONGLONG;
typedef uint64_t DWORDLONG;
typedef intptr_t LONG_PTR;
typedef intptr_t INT_PTR;
typedef uintptr_t ULONG_PTR;
typedef uintptr_t UINT_PTR;
typedef uintptr_t DWORD_PTR;
typedef size_t SIZE_T;
typedef float FLOAT;
typedef double DOUBLE;
typedef double DATE;
typedef LONG SCODE;
typedef LONG HRESULT;
typedef DWORD LCID;

#ifndef FALSE
#define FALSE 0
#endif
#ifndef TRUE
#define TRUE 1
#endif

/* ---- characters and strings ---- */

typedef wchar_t WCHAR;
typedef char *LPSTR;
typedef const char *LPCSTR;
typedef WCHAR *LPWSTR;
typedef const WCHAR *LPCWSTR;
typedef WCHAR OLECHAR;
typedef OLECHAR *LPOLESTR;
typedef const OLECHAR *LPCOLESTR;

#ifdef UNICODE
typedef WCHAR TCHAR;
#ifndef TEXT
#define TEXT(literal) L##literal
#endif
#else
typedef char TCHAR;
#ifndef TEXT
#define TEXT(literal) literal
#endif
#endif
#ifndef _T
#define _T(literal) TEXT(literal)
#endif
typedef TCHAR *LPTSTR;
typedef const TCHAR *LPCTSTR;

/* Handles of window systems: they exist in signatures only; pass 0. */
typedef void *HANDLE;
typedef struct MAPI_HWND__ *HWND;
typedef struct MAPI_HINSTANCE__ *HINSTANCE;
typedef ULONG_PTR LHANDLE, *LPLHANDLE;

/* ---- structures ---- */

/* 100 ns steps since 1601-01-01 00:00 UTC, in two halves. */
typedef struct _FILETIME {
	DWORD dwLowDateTime;
	DWORD dwHighDateTime;
} FILETIME, *LPFILETIME;

typedef union _LARGE_INTEGER {
	MAPI_ANON struct {
		DWORD LowPart;
		LONG HighPart;
	};
	struct {
		DWORD LowPart;
		LONG HighPart;
	} u;
	LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

typedef union _ULARGE_INTEGER {
	MAPI_ANON struct {
		DWORD LowPart;
		DWORD HighPart;
	};
	struct {
		DWORD LowPart;
		DWORD HighPart;
	} u;
	ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

/* A count of 1/10000 of a currency's unit. */
typedef union tagCY {
	MAPI_ANON struct {
		ULONG Lo;
		LONG Hi;
	};
	LONGLONG int64;
} CY;
typedef CY CURRENCY;

typedef struct _GUID {
	uint32_t Data1;
	uint16_t Data2;
	uint16_t Data3;
	uint8_t Data4[8];
} GUID, *LPGUID;
typedef const GUID *LPCGUID;
typedef GUID IID, *LPIID;
typedef const IID *LPCIID;
typedef GUID CLSID, *LPCLSID;

#ifdef __cplusplus
#define REFGUID const GUID &
#define REFIID const IID &
#define REFCLSID const CLSID &
#else
#define REFGUID const GUID *
#define REFIID const IID *
#define REFCLSID const CLSID *
#endif

MAPI_END_DECLS

#ifdef __cplusplus
static inline bool InlineIsEqualGUID(const GUID &a, const GUID &b)
{
	return memcmp(&a, &b, sizeof(GUID)) == 0;
}
static inline bool operator==(const GUID &a, const GUID &b)
{
	return InlineIsEqualGUID(a, b);
}
static inline bool operator!=(const GUID &a, const GUID &b)
{
	return !InlineIsEqualGUID(a, b);
}
#define IsEqualGUID(a, b) InlineIsEqualGUID((a), (b))
#else
#define IsEqualGUID(a, b) (!memcmp((a), (b), sizeof(GUID)))
#endif
#define IsEqualIID(a, b) IsEqualGUID(a, b)
#define IsEqualCLSID(a, b) IsEqualGUID(a, b)

/* ---- results ---- */

#define SEVERITY_SUCCESS 0
#define SEVERITY_ERROR 1
#define FACILITY_NULL 0
#define FACILITY_RPC 1
#define FACILITY_DISPATCH 2
#define FACILITY_STORAGE 3
#define FACILITY_ITF 4
#define FACILITY_WIN32 7
#define FACILITY_WINDOWS 8

#define MAPI_HR(value) ((HRESULT)(value))
#define MAKE_SCODE(sev, fac, code)                                             \
	((SCODE)(((ULONG)(sev) << 31) | ((ULONG)(fac) << 16) | (ULONG)(code)))
#define MAKE_HRESULT(sev, fac, code) MAKE_SCODE(sev, fac, code)
#define SUCCEEDED(hr) ((HRESULT)(hr) >= 0)
#define FAILED(hr) ((HRESULT)(hr) < 0)
#define HRESULT_CODE(hr) ((hr)&0xFFFF)
#define HRESULT_FACILITY(hr) (((hr) >> 16) & 0x1FFF)
#define HRESULT_SEVERITY(hr) (((hr) >> 31) & 1)
#define SCODE_CODE(sc) HRESULT_CODE(sc)
#define SCODE_FACILITY(sc) HRESULT_FACILITY(sc)
#define GetScode(hr) ((SCODE)(hr))
#define ResultFromScode(sc) ((HRESULT)(sc))
#define PropagateResult(hrPrevious, sc) ((HRESULT)(sc))

#define NOERROR MAPI_HR(0)
#define S_OK MAPI_HR(0)
#define S_FALSE MAPI_HR(1)
#define E_UNEXPECTED MAPI_HR(0x8000FFFFu)
#define E_NOTIMPL MAPI_HR(0x80004001u)
#define E_NOINTERFACE MAPI_HR(0x80004002u)
#define E_POINTER MAPI_HR(0x80004003u)
#define E_ABORT MAPI_HR(0x80004004u)
#define E_FAIL MAPI_HR(0x80004005u)
#define E_ACCESSDENIED MAPI_HR(0x80070005u)
#define E_OUTOFMEMORY MAPI_HR(0x8007000Eu)
#define E_INVALIDARG MAPI_HR(0x80070057u)

#define STG_E_INVALIDFUNCTION MAPI_HR(0x80030001u)
#define STG_E_FILENOTFOUND MAPI_HR(0x80030002u)
#define STG_E_PATHNOTFOUND MAPI_HR(0x80030003u)
#define STG_E_ACCESSDENIED MAPI_HR(0x80030005u)
#define STG_E_INSUFFICIENTMEMORY MAPI_HR(0x80030008u)
#define STG_E_INVALIDPOINTER MAPI_HR(0x80030009u)
#define STG_E_SEEKERROR MAPI_HR(0x80030019u)
#define STG_E_WRITEFAULT MAPI_HR(0x8003001Du)
#define STG_E_READFAULT MAPI_HR(0x8003001Eu)
#define STG_E_FILEALREADYEXISTS MAPI_HR(0x80030050u)
#define STG_E_INVALIDPARAMETER MAPI_HR(0x80030057u)
#define STG_E_MEDIUMFULL MAPI_HR(0x80030070u)
#define STG_E_INVALIDFLAG MAPI_HR(0x800300FFu)
#define STG_E_REVERTED MAPI_HR(0x80030102u)

/* ---- declaring interfaces once for both languages ---- */

#if defined(__cplusplus) && !defined(CINTERFACE)

#define STDMETHOD(method) virtual HRESULT STDMETHODCALLTYPE method
#define STDMETHOD_(type, method) virtual type STDMETHODCALLTYPE method
#define PURE = 0
#define THIS_
#define THIS void
#define DECLARE_INTERFACE(iface) struct iface
#define DECLARE_INTERFACE_(iface, base) struct iface : public base
#define BEGIN_INTERFACE
#define END_INTERFACE(iface)                                                   \
      protected:                                                               \
	~iface() = default;

#else

#ifdef CONST_VTABLE
#define CONST_VTBL const
#else
#define CONST_VTBL
#endif
#define STDMETHOD(method) HRESULT(STDMETHODCALLTYPE *method)
#define STDMETHOD_(type, method) type(STDMETHODCALLTYPE *method)
#define PURE
#define THIS_ INTERFACE *This,
#define THIS INTERFACE *This
#define DECLARE_INTERFACE(iface)                                               \
	typedef struct iface iface;                                            \
	typedef struct iface##Vtbl iface##Vtbl;                                \
	struct iface {                                                         \
		CONST_VTBL struct iface##Vtbl *lpVtbl;                         \
	};                                                                     \
	struct iface##Vtbl
#define DECLARE_INTERFACE_(iface, base) DECLARE_INTERFACE(iface)
#define BEGIN_INTERFACE
#define END_INTERFACE(iface)

#endif

/* Calls a method in either language; the C form reads p twice. */
#if defined(__cplusplus) && !defined(CINTERFACE)
#define MAPI_CALL0(p, method) ((p)->method())
#define MAPI_CALL(p, method, ...) ((p)->method(__VA_ARGS__))
#else
#define MAPI_CALL0(p, method) ((p)->lpVtbl->method((p)))
#define MAPI_CALL(p, method, ...) ((p)->lpVtbl->method((p), __VA_ARGS__))
#endif

/* ---- the COM interfaces MAPI uses ---- */

#undef INTERFACE
#define INTERFACE IUnknown
DECLARE_INTERFACE(IUnknown)
{
	BEGIN_INTERFACE
	STDMETHOD(QueryInterface)(THIS_ REFIID riid, void **ppvObj) PURE;
	STDMETHOD_(ULONG, AddRef)(THIS) PURE;
	STDMETHOD_(ULONG, Release)(THIS) PURE;
	END_INTERFACE(IUnknown)
};
typedef IUnknown *LPUNKNOWN;

typedef struct tagSTATSTG {
	LPOLESTR pwcsName;
	DWORD type;
	ULARGE_INTEGER cbSize;
	FILETIME mtime;
	FILETIME ctime;
	FILETIME atime;
	DWORD grfMode;
	DWORD grfLocksSupported;
	CLSID clsid;
	DWORD grfStateBits;
	DWORD reserved;
} STATSTG;

enum tagSTATFLAG { STATFLAG_DEFAULT = 0, STATFLAG_NONAME = 1 };
enum tagSTGTY {
	STGTY_STORAGE = 1,
	STGTY_STREAM = 2,
	STGTY_LOCKBYTES = 3,
	STGTY_PROPERTY = 4
};
typedef enum tagSTREAM_SEEK {
	STREAM_SEEK_SET = 0,
	STREAM_SEEK_CUR = 1,
	STREAM_SEEK_END = 2
} STREAM_SEEK;
/* LockRegion; no stream here locks.  <fcntl.h> has a LOCK_WRITE of its own. */
typedef DWORD LOCKTYPE;
#ifndef LOCK_WRITE
#define LOCK_WRITE 1
#endif
#define LOCK_EXCLUSIVE 2
#define LOCK_ONLYONCE 4
typedef enum tagSTGC {
	STGC_DEFAULT = 0,
	STGC_OVERWRITE = 1,
	STGC_ONLYIFCURRENT = 2,
	STGC_DANGEROUSLYCOMMITMERELYTODISKCACHE = 4
} STGC;

#define STGM_DIRECT 0x00000000
#define STGM_TRANSACTED 0x00010000
#define STGM_SIMPLE 0x08000000
#define STGM_READ 0x00000000
#define STGM_WRITE 0x00000001
#define STGM_READWRITE 0x00000002
#define STGM_SHARE_DENY_NONE 0x00000040
#define STGM_SHARE_DENY_READ 0x00000030
#define STGM_SHARE_DENY_WRITE 0x00000020
#define STGM_SHARE_EXCLUSIVE 0x00000010
#define STGM_PRIORITY 0x00040000
#define STGM_DELETEONRELEASE 0x04000000
#define STGM_CREATE 0x00001000
#define STGM_CONVERT 0x00020000
#define STGM_FAILIFTHERE 0x00000000

/* clang-format off */
#define MAPI_COM_UNKNOWN_METHODS(IPURE)                                        \
	STDMETHOD(QueryInterface)(THIS_ REFIID riid, void **ppvObj) IPURE;     \
	STDMETHOD_(ULONG, AddRef)(THIS) IPURE;                                 \
	STDMETHOD_(ULONG, Release)(THIS) IPURE;
#define MAPI_COM_SEQUENTIAL_METHODS(IPURE)                                     \
	STDMETHOD(Read)(THIS_ void *pv, ULONG cb, ULONG *pcbRead) IPURE;       \
	STDMETHOD(Write)(THIS_ const void *pv, ULONG cb, ULONG *pcbWritten)    \
		IPURE;

#undef INTERFACE
#define INTERFACE ISequentialStream
DECLARE_INTERFACE_(ISequentialStream, IUnknown)
{
	BEGIN_INTERFACE
	MAPI_COM_UNKNOWN_METHODS(PURE)
	MAPI_COM_SEQUENTIAL_METHODS(PURE)
	END_INTERFACE(ISequentialStream)
};

#ifdef __cplusplus
struct IStream;
#else
typedef struct IStream IStream;
#endif

#undef INTERFACE
#define INTERFACE IStream
DECLARE_INTERFACE_(IStream, ISequentialStream)
{
	BEGIN_INTERFACE
	MAPI_COM_UNKNOWN_METHODS(PURE)
	MAPI_COM_SEQUENTIAL_METHODS(PURE)
	STDMETHOD(Seek)(THIS_ LARGE_INTEGER dlibMove, DWORD dwOrigin,
		ULARGE_INTEGER *plibNewPosition) PURE;
	STDMETHOD(SetSize)(THIS_ ULARGE_INTEGER libNewSize) PURE;
	STDMETHOD(CopyTo)(THIS_ IStream *pstm, ULARGE_INTEGER cb,
		ULARGE_INTEGER *pcbRead, ULARGE_INTEGER *pcbWritten) PURE;
	STDMETHOD(Commit)(THIS_ DWORD grfCommitFlags) PURE;
	STDMETHOD(Revert)(THIS) PURE;
	STDMETHOD(LockRegion)(THIS_ ULARGE_INTEGER libOffset,
		ULARGE_INTEGER cb, DWORD dwLockType) PURE;
	STDMETHOD(UnlockRegion)(THIS_ ULARGE_INTEGER libOffset,
		ULARGE_INTEGER cb, DWORD dwLockType) PURE;
	STDMETHOD(Stat)(THIS_ STATSTG *pstatstg, DWORD grfStatFlag) PURE;
	STDMETHOD(Clone)(THIS_ IStream **ppstm) PURE;
	END_INTERFACE(IStream)
};
typedef IStream *LPSTREAM;

/* Structured storage is not offered; the name exists for signatures. */
#ifdef __cplusplus
struct IStorage;
#else
typedef struct IStorage IStorage;
#endif
typedef IStorage *LPSTORAGE;

#undef INTERFACE
#define INTERFACE IMalloc
DECLARE_INTERFACE_(IMalloc, IUnknown)
{
	BEGIN_INTERFACE
	MAPI_COM_UNKNOWN_METHODS(PURE)
	STDMETHOD_(void *, Alloc)(THIS_ SIZE_T cb) PURE;
	STDMETHOD_(void *, Realloc)(THIS_ void *pv, SIZE_T cb) PURE;
	STDMETHOD_(void, Free)(THIS_ void *pv) PURE;
	STDMETHOD_(SIZE_T, GetSize)(THIS_ void *pv) PURE;
	STDMETHOD_(int, DidAlloc)(THIS_ void *pv) PURE;
	STDMETHOD_(void, HeapMinimize)(THIS) PURE;
	END_INTERFACE(IMalloc)
};
/* clang-format on */
typedef IMalloc *LPMALLOC;

#define IUnknown_QueryInterface(p, ...)                                        \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IUnknown_AddRef(p) MAPI_CALL0(p, AddRef)
#define IUnknown_Release(p) MAPI_CALL0(p, Release)
#define IStream_QueryInterface(p, ...) MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IStream_AddRef(p) MAPI_CALL0(p, AddRef)
#define IStream_Release(p) MAPI_CALL0(p, Release)
#define IStream_Read(p, ...) MAPI_CALL(p, Read, __VA_ARGS__)
#define IStream_Write(p, ...) MAPI_CALL(p, Write, __VA_ARGS__)
#define IStream_Seek(p, ...) MAPI_CALL(p, Seek, __VA_ARGS__)
#define IStream_SetSize(p, size) MAPI_CALL(p, SetSize, size)
#define IStream_CopyTo(p, ...) MAPI_CALL(p, CopyTo, __VA_ARGS__)
#define IStream_Commit(p, flags) MAPI_CALL(p, Commit, flags)
#define IStream_Revert(p) MAPI_CALL0(p, Revert)
#define IStream_LockRegion(p, ...) MAPI_CALL(p, LockRegion, __VA_ARGS__)
#define IStream_UnlockRegion(p, ...) MAPI_CALL(p, UnlockRegion, __VA_ARGS__)
#define IStream_Stat(p, ...) MAPI_CALL(p, Stat, __VA_ARGS__)
#define IStream_Clone(p, ret) MAPI_CALL(p, Clone, ret)

/* Makes an empty stream in memory. hGlobal must be NULL (there are no global
 * memory handles); fDeleteOnRelease is not used. The stream grows on Write,
 * may be used on any thread, and is freed by its last Release. Returns S_OK,
 * E_INVALIDARG, E_OUTOFMEMORY. */
STDAPI CreateStreamOnHGlobal(HANDLE hGlobal, BOOL fDeleteOnRelease,
			     LPSTREAM *ppstm);

#endif /* MAPICOM_H */
