/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where errno, faults and protocol codes become HRESULTs.
 */
#ifndef MX_API_HRESULT_H
#define MX_API_HRESULT_H

#include "api/api.h"
#include "base/fault.h"

/* The HRESULT of a code that a server answered: a ROP's ReturnValue, a
 * property's or recipient's error.  [MS-OXCDATA] 2.4: those with the severity
 * bit are HRESULTs already; the store's own small numbers are mapped to what
 * MAPI has for them, and to MAPI_E_CALL_FAILED where it has nothing. */
HRESULT mx_hr_from_code(uint32_t code);

/* The HRESULT of an error from below.  err is what the function returned, f the
 * fault it filled; alive: the library is still initialised. */
HRESULT mx_hr_from_err(int err, const struct mx_fault *f, bool alive);

/* MAPI's name of a result, "MAPI_E_NOT_FOUND"; NULL for unknown ones. */
const char *mx_hr_name(HRESULT hr);

#endif
