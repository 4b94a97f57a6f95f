/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a peer answered, or what went wrong on the way, beside the int that a
 * function returns: enough for an HRESULT and for a message that names the
 * user, the server, the operation and the code.  Plain data on the caller's
 * stack; every function that takes one accepts NULL.
 */
#ifndef MX_BASE_FAULT_H
#define MX_BASE_FAULT_H

#include <stdint.h>

enum mx_layer {
	MX_LAYER_NONE,      /* nothing recorded */
	MX_LAYER_LOCAL,     /* ours: arguments, memory, limits; code = errno */
	MX_LAYER_TRANSPORT, /* DNS, TCP, TLS, time-out; code = CURLcode */
	MX_LAYER_HTTP,      /* code = HTTP status */
	MX_LAYER_MAPIHTTP,  /* code = X-ResponseCode */
	MX_LAYER_EMSMDB,    /* code = ErrorCode of Connect, Execute, … */
	MX_LAYER_ROP,       /* code = ReturnValue of one ROP */
	MX_LAYER_REGISTRY,  /* shared memory; code = errno */
};

struct mx_fault {
	enum mx_layer layer;
	uint32_t code;
	int err;       /* the negative errno that goes with it, or 0 */
	int rop_index; /* position in the batch, -1 when none */
	uint8_t rop_id;
	char op[40];     /* operation: "Connect", "RopOpenFolder" … */
	char user[96];   /* display or login name */
	char server[96]; /* host:port */
	char text[256];  /* what to know or try, one sentence */
};

#define MX_FAULT_INIT ((struct mx_fault){.rop_index = -1})

/* Sets layer, code, err and text; keeps user and server.  Returns err. */
int mx_fault_set(struct mx_fault *f, enum mx_layer layer, uint32_t code,
		 int err, const char *fmt, ...)
	__attribute__((__format__(__printf__, 5, 6)));

void mx_fault_who(struct mx_fault *f, const char *user, const char *server);
void mx_fault_op(struct mx_fault *f, const char *op);

/* One line: "user X at host:port: Connect: X-ResponseCode 10: text". */
void mx_fault_format(const struct mx_fault *f, char *buf, unsigned n);

const char *mx_layer_name(enum mx_layer layer);

#endif
