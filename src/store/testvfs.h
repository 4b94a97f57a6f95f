/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VFS for tests, "mx-cut": files work as usual, but beside each stands what a
 * power failure would leave of it (FILE.disk): what was synced, and of the
 * rest, sector by sector, whatever chance says.
 *
 *   tv_cut_at(n)  the power fails at the n-th sync from now: what is synced
 *                 from then on is synced in vain
 *   tv_restore()  puts every file into the state the failure left
 *   tv_space(n)   the disk takes n more bytes; then it is full
 */
#ifndef MX_STORE_TESTVFS_H
#define MX_STORE_TESTVFS_H

#include <stdbool.h>
#include <stdint.h>

#define TV_NAME "mx-cut"

void tv_register(void);
/* Forgets all files; sectors in doubt survive by `seed`. */
void tv_reset(uint64_t seed);
void tv_cut_at(int n); /* 0: now; negative: never */
bool tv_is_cut(void);
int tv_syncs(void); /* since tv_reset */
void tv_restore(void);
void tv_space(int64_t bytes); /* negative: no end */

#endif
