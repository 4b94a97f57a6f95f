/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pretty-printer that generated code calls: "{Name=value Name=[a b]}" on
 * one line.  Values are for people; nothing parses them.  Long bytes are cut,
 * and a printer never shows more than MX_PRINT_MAX bytes of one value.
 */
#ifndef MX_WIRE_PRINT_H
#define MX_WIRE_PRINT_H

#include "base/buf.h"
#include "wire/prop.h"

#define MX_PRINT_MAX 48

void mx_print_begin(struct mx_buf *out);
void mx_print_end(struct mx_buf *out);
void mx_print_name(struct mx_buf *out, const char *name);
void mx_print_open(struct mx_buf *out);
void mx_print_next(struct mx_buf *out, size_t i);
void mx_print_close(struct mx_buf *out);

void mx_print_u8(struct mx_buf *out, uint8_t v);
void mx_print_u16(struct mx_buf *out, uint16_t v);
void mx_print_u32(struct mx_buf *out, uint32_t v);
void mx_print_u64(struct mx_buf *out, uint64_t v);
void mx_print_int(struct mx_buf *out, int64_t v);
void mx_print_bool(struct mx_buf *out, bool v);
void mx_print_tag(struct mx_buf *out, uint32_t tag);
void mx_print_str(struct mx_buf *out, const char *s);
void mx_print_bytes(struct mx_buf *out, const uint8_t *p, size_t n);

void mx_guid_print(struct mx_buf *out, const struct mx_guid *g);
void mx_ltid_print(struct mx_buf *out, const struct mx_ltid *id);
void mx_propname_print(struct mx_buf *out, const struct mx_propname *n);
void mx_propproblem_print(struct mx_buf *out, const struct mx_propproblem *p);
void mx_sortorder_print(struct mx_buf *out, const struct mx_sortorder *s);
void mx_typedstr_print(struct mx_buf *out, const struct mx_typedstr *s);
void mx_propval_print(struct mx_buf *out, const struct mx_propval *v);
void mx_proprow_print(struct mx_buf *out, const struct mx_proprow *row);
void mx_restrict_print(struct mx_buf *out, const struct mx_restrict *r);

#endif
