/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For programs that include <mapi.h> beside <mapix.h>: the flags the two
 * share. Simple MAPI (MAPISendMail and kin) itself is not offered.
 */
#ifndef MAPI_H
#define MAPI_H

#include "mapix.h"

#endif /* MAPI_H */
