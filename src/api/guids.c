/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The library's definitions of all identifiers. */
#define INITGUID
#include <edkguid.h>
#include <mapiguid.h>
