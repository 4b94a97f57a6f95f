/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Private to net: the callback pool as the engine starts and stops it. */
#ifndef MX_NET_SERIAL_PRIVATE_H
#define MX_NET_SERIAL_PRIVATE_H

#include "base/lock.h"
#include "base/clock.h"
#include "net/serial.h"

/* From now on work is taken; 0, -ENOMEM. */
int mx_pool_open(void);

/* Waits until nothing is queued and nothing runs; 0 or -ETIMEDOUT. */
int mx_pool_wait_idle(mx_mono deadline) MX_UNLOCKED;

/* No more work is taken; what is queued is called with run = false; threads end
 * and are joined, but for those still in the program's code, which end when
 * they come back.  Returns how many those are. */
unsigned mx_pool_close(void) MX_UNLOCKED;

unsigned mx_pool_threads(void);

#endif
