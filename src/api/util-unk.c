/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Reference counts of any COM object, and the calls that need no set-up. */
#include "api/api.h"

ULONG UlAddRef(LPVOID unk)
{
	return unk ? IUnknown_AddRef((LPUNKNOWN)unk) : 0;
}

ULONG UlRelease(LPVOID unk)
{
	return unk ? IUnknown_Release((LPUNKNOWN)unk) : 0;
}

SCODE ScInitMapiUtil(ULONG flags)
{
	return flags ? MAPI_E_UNKNOWN_FLAGS : S_OK;
}

void DeinitMapiUtil(void)
{
}

LPCSTR MapiaryVersion(void)
{
	return MX_VERSION;
}
