/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IAddrBook, as far as it needs no directory: one-off recipients.
 */
#ifndef MX_API_ADDRBOOK_H
#define MX_API_ADDRBOOK_H

#include "api/obj.h"

HRESULT mx_addrbook_open(struct mx_obj *session, LPCIID iid, LPADRBOOK *ret);

#endif
