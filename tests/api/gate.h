/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gate in front of a server: what the client sends goes through, or is
 * swallowed by a server that never answers, or finds the connection closed.
 * One thread; each of the client's connections has one of its own to the
 * server.
 */
#ifndef MX_TESTS_API_GATE_H
#define MX_TESTS_API_GATE_H

struct gate;

enum gate_mode {
	GATE_OPEN,
	GATE_SILENT, /* reads requests and never answers */
	GATE_CUT,    /* closes every connection, old and new */
};

/* Open, in front of 127.0.0.1:port.  Ends the case when it cannot be made. */
struct gate *gate_new(unsigned port);
void gate_free(struct gate *g);

/* "http://127.0.0.1:port" of the gate; as long as it lives. */
const char *gate_url(const struct gate *g);

/* The new mode holds when this returns.  Connections that were silent are
 * closed. */
void gate_set(struct gate *g, enum gate_mode mode);
/* The server came back on another port; closes every connection. */
void gate_move(struct gate *g, unsigned port);

/* Requests of this X-RequestType swallowed since the gate was last set silent
 * (NULL: bytes of any kind); waits until there are n. */
void gate_wait_swallowed(struct gate *g, const char *type, unsigned n);

#endif
