/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* IMAPIFolder. */
#ifndef MX_API_FOLDER_H
#define MX_API_FOLDER_H

#include "api/obj.h"

/* Opens a folder of the store that `parent` is or belongs to; with
 * MAPI_DEFERRED_ERRORS in flags at its first use.  0 with *ret. */
int mx_api_folder_open(struct mx_do *d, struct mx_obj *parent, uint64_t fid,
		       ULONG flags, struct mx_obj **ret);

#endif
