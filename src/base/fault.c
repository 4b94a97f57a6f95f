/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
	[MX_LAYER_NONE] = "ok",
	[MX_LAYER_LOCAL] = "local error",
	[MX_LAYER_TRANSPORT] = "transport error",
	[MX_LAYER_HTTP] = "HTTP status",
	[MX_LAYER_MAPIHTTP] = "X-ResponseCode",
	[MX_LAYER_EMSMDB] = "error code",
	[MX_LAYER_ROP] = "ROP return value",
	[MX_LAYER_REGISTRY] = "registry error",
};

const char *mx_layer_name(enum mx_layer layer)
{
	return (unsigned)layer < sizeof(names) / sizeof(*names) ? names[layer]
								: "unknown";
}

int mx_fault_set(struct mx_fault *f, enum mx_layer layer, uint32_t code,
		 int err, const char *fmt, ...)
{
	va_list ap;

	if (!f)
		return err;
	f->layer = layer;
	f->code = code;
	f->err = err;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return err;
}

static void set(char *dst, size_t n, const char *src)
{
	size_t len = src ? strnlen(src, n - 1) : 0;

	if (len)
		memcpy(dst, src, len);
	dst[len] = '\0';
}

void mx_fault_who(struct mx_fault *f, const char *user, const char *server)
{
	if (!f)
		return;
	set(f->user, sizeof(f->user), user);
	set(f->server, sizeof(f->server), server);
}

void mx_fault_op(struct mx_fault *f, const char *op)
{
	if (f)
		set(f->op, sizeof(f->op), op);
}

void mx_fault_format(const struct mx_fault *f, char *buf, unsigned n)
{
	char code[40];

	if (f->layer == MX_LAYER_ROP || f->layer == MX_LAYER_EMSMDB)
		snprintf(code, sizeof(code), "0x%08x", f->code);
	else
		snprintf(code, sizeof(code), "%u", f->code);
	snprintf(buf, n, "%s%s%s%s%s%s%s%s %s%s%s", f->user[0] ? "user " : "",
		 f->user, f->server[0] ? " at " : "", f->server,
		 f->user[0] || f->server[0] ? ": " : "", f->op,
		 f->op[0] ? ": " : "", mx_layer_name(f->layer), code,
		 f->text[0] ? ": " : "", f->text);
}
