/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Include before mapiguid.h or edkguid.h to define the identifiers in this
 * file rather than take the library's.
 */
#ifndef INITGUID
#define INITGUID
#endif
#include "mapiguid-define.h"
