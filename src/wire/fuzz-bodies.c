/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of the mailbox endpoint's request types; the first byte says which. */
#include "base/auto.h"
#include "base/limits.h"
#include "wire/bodies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MX_AUTO(mx_arena_auto)
	struct mx_arena a = {.budget = size * MX_MAX_DECODE_RATIO + 4096};
	union {
		struct mx_connect_req connect_req;
		struct mx_connect_res connect_res;
		struct mx_execute_req execute_req;
		struct mx_execute_res execute_res;
		struct mx_disconnect_req disconnect_req;
		struct mx_disconnect_res disconnect_res;
		struct mx_notification_wait_req wait_req;
		struct mx_notification_wait_res wait_res;
	} v = {0};
	struct mx_rd rd;

	if (!size)
		return 0;
	mx_rd_init(&rd, data + 1, size - 1, &a);
	switch (data[0] & 7) {
	case 0:
		mx_connect_req_decode(&rd, &v.connect_req);
		break;
	case 1:
		mx_connect_res_decode(&rd, &v.connect_res);
		break;
	case 2:
		mx_execute_req_decode(&rd, &v.execute_req);
		break;
	case 3:
		mx_execute_res_decode(&rd, &v.execute_res);
		break;
	case 4:
		mx_disconnect_req_decode(&rd, &v.disconnect_req);
		break;
	case 5:
		mx_disconnect_res_decode(&rd, &v.disconnect_res);
		break;
	case 6:
		mx_notification_wait_req_decode(&rd, &v.wait_req);
		break;
	default:
		mx_notification_wait_res_decode(&rd, &v.wait_res);
	}
	return 0;
}
