/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope of ROP buffers: RPC_HEADER_EXT, compression, the XOR magic,
 * chained buffers, and inside them RopSize, RopsList and the table of server
 * object handles.  [MS-OXCRPC] 2.2.2.1, 3.1.4.1.1, 3.1.4.2.1; [MS-OXCROPS] 2.2.1.
 */
#ifndef MX_WIRE_RPCEXT_H
#define MX_WIRE_RPCEXT_H

#include "base/buf.h"
#include "wire/types.h"

enum mx_rpcext_flags {
	MX_RPCEXT_COMPRESSED = 0x0001,
	MX_RPCEXT_XORMAGIC = 0x0002,
	MX_RPCEXT_LAST = 0x0004,
};

/* Flags of Execute's request.  [MS-OXCMAPIHTTP] 2.2.4.2.1 */
enum mx_execute_flags {
	MX_EXECUTE_NO_COMPRESSION = 0x01,
	MX_EXECUTE_NO_XORMAGIC = 0x02,
	MX_EXECUTE_CHAIN = 0x04,
};

#define MX_RPCEXT_HEADER 8
#define MX_NO_HANDLE 0xffffffffu

/* One unwrapped buffer: the ROPs, not yet decoded, and the handle table. */
struct mx_ropbuf {
	struct mx_bin rops;
	uint32_t n_handles;
	const uint32_t *handles; /* in host order, in the cursor's arena */
};

/* Appends one buffer to out: header, RopSize, rops, handles.  flags says what
 * may be done to it; compression is used only where it shrinks.  LAST is the
 * caller's to set.  0; -EMSGSIZE when it is over 64 KiB; -ENOMEM. */
int mx_rpcext_pack(struct mx_buf *out, unsigned flags, const void *rops,
		   size_t n_rops, const uint32_t *handles, size_t n_handles);

/* Takes the next buffer from the cursor.  *ret_last is true for the last of the
 * chain.  A failure sticks in rd (-EBADMSG, -ENOMEM). */
void mx_rpcext_next(struct mx_rd *rd, struct mx_ropbuf *ret, bool *ret_last);

#endif
