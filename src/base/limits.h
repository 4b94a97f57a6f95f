/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every maximum that a peer, a file or another process could otherwise grow,
 * in one place.  Each says where it comes from.
 */
#ifndef MX_BASE_LIMITS_H
#define MX_BASE_LIMITS_H

/* Nested restrictions, decoded or evaluated.  Ours; Outlook stays under 10. */
#define MX_MAX_RESTRICT_DEPTH 64
/* Nodes of one restriction tree.  Ours. */
#define MX_MAX_RESTRICT_NODES 10000
/* Property tags in one array.  [MS-OXCMAPIHTTP] R25. */
#define MX_MAX_PROP_TAGS 100000
/* One ROP payload behind one RPC_HEADER_EXT: its size field is 16 bits. */
#define MX_MAX_ROP_PAYLOAD 0x7fff
/* RopBuffer of one Execute answer we ask for.  [MS-OXCRPC] 3.1.4.2. */
#define MX_MAX_ROP_OUT 0x40000
/* RPC_HEADER_EXT buffers chained in one Execute.  Ours. */
#define MX_MAX_ROP_CHAIN 96
/* ROPs in one request.  Ours; the handle table has at most 255 entries. */
#define MX_MAX_ROPS 1024
/* HTTP body of a request to or an answer from a MAPI endpoint.  Ours. */
#define MX_MAX_HTTP_BODY (16u << 20)
/* HTTP header block of one answer.  Ours. */
#define MX_MAX_HTTP_HEADERS (64u << 10)
/* An Autodiscover document.  Ours. */
#define MX_MAX_AUTODISCOVER (256u << 10)
/* Messages nested in messages, written or walked.  Ours. */
#define MX_MAX_EMBED_DEPTH 32
/* Bytes of one arena fed by a decoder, per input byte, plus one page. */
#define MX_MAX_DECODE_RATIO 64

#endif
