/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gates: TCP ports before real servers that pass everything on, until they are
 * told to misbehave as servers and networks do.  They run in a process of their
 * own, so that their work is not counted as anybody's.
 *
 *	struct gates *g = gates_start(2, ports_behind);
 *	gate_set(g, 0, GATE_SILENT); … gate_set(g, 0, GATE_PASS);
 *	gates_stop(g);
 */
#ifndef MX_CLI_GATE_H
#define MX_CLI_GATE_H

#include <stdint.h>

enum gate_mode {
	GATE_PASS,
	GATE_SILENT, /* accepts and reads; nothing comes back, ever */
	GATE_REFUSE, /* no such port; what was connected is reset */
	GATE_SLOW,   /* every piece of an answer comes GATE_SLOW_MS later */
};

#define GATE_SLOW_MS 200
#define GATES_MAX 8

struct gates;

/* Before the caller has threads.  NULL with a message. */
struct gates *gates_start(unsigned n, const uint16_t *behind);
/* NULL is fine. */
void gates_stop(struct gates *g);

uint16_t gate_port(const struct gates *g, unsigned no);
/* Returns when it is so; what was connected in another mode is reset when the
 * gate goes back to GATE_PASS.  0, or -ECHILD when the process is gone. */
int gate_set(struct gates *g, unsigned no, enum gate_mode mode);

/* A port at which the kernel answers no SYN: connecting to it never ends. */
uint16_t gate_unanswered(const struct gates *g);

#endif
