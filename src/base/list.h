/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intrusive doubly linked ring.  A head is a node linked to itself; a node
 * knows nothing of what holds it, MX_CONTAINER_OF finds that again.
 */
#ifndef MX_BASE_LIST_H
#define MX_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct mx_list {
	struct mx_list *prev, *next;
};

#define MX_CONTAINER_OF(ptr, type, member)                                     \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define MX_LIST_FOR_EACH(it, head)                                             \
	for (struct mx_list *it = (head)->next; it != (head); it = it->next)

/* As above; the body may unlink `it`. */
#define MX_LIST_FOR_EACH_SAFE(it, head)                                        \
	for (struct mx_list *it = (head)->next, *it##_next = it->next;         \
	     it != (head); it = it##_next, it##_next = it->next)

static inline void mx_list_init(struct mx_list *l)
{
	l->prev = l->next = l;
}

static inline bool mx_list_empty(const struct mx_list *head)
{
	return head->next == head;
}

/* Links n in front of `at`; with a head, at the tail. */
static inline void mx_list_push_tail(struct mx_list *at, struct mx_list *n)
{
	n->prev = at->prev;
	n->next = at;
	at->prev->next = n;
	at->prev = n;
}

static inline void mx_list_push_head(struct mx_list *head, struct mx_list *n)
{
	mx_list_push_tail(head->next, n);
}

/* Unlinks n and leaves it linked to itself, so a second call is harmless. */
static inline void mx_list_unlink(struct mx_list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	mx_list_init(n);
}

/* Unlinks and returns the first node, NULL when there is none. */
static inline struct mx_list *mx_list_pop(struct mx_list *head)
{
	struct mx_list *n = head->next;

	if (n == head)
		return NULL;
	mx_list_unlink(n);
	return n;
}

#endif
