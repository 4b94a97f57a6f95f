/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound ownership.  MX_AUTO(fn) on a variable calls fn(&var) when it
 * leaves its scope; MX_STEAL(var) moves ownership out and leaves NULL (or -1
 * for MX_STEAL_FD).  For memory, fds, statements and transactions; not for
 * locks, which the lock analysis must see.
 */
#ifndef MX_BASE_AUTO_H
#define MX_BASE_AUTO_H

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define MX_AUTO(fn) __attribute__((__cleanup__(fn)))
#define MX_STEAL(p)                                                            \
	__extension__({                                                        \
		__typeof__(p) mx_stolen_ = (p);                                \
		(p) = NULL;                                                    \
		mx_stolen_;                                                    \
	})
#define MX_STEAL_FD(fd)                                                        \
	__extension__({                                                        \
		int mx_stolen_ = (fd);                                         \
		(fd) = -1;                                                     \
		mx_stolen_;                                                    \
	})

#define MX_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MX_PRINTF(fmt, args) __attribute__((__format__(__printf__, fmt, args)))
#define MX_UNUSED __attribute__((__unused__))
#define MX_NODISCARD __attribute__((__warn_unused_result__))
#define MX_EXPORT __attribute__((__visibility__("default")))

/* Cleanup hook for anything that malloc gave. */
static inline void mx_free_auto(void *p)
{
	free(*(void **)p);
}

/* Cleanup hook for a file descriptor; -1 is fine. */
static inline void mx_close_auto(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#endif
