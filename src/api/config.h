/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configurations that the program made, by name; each a counted copy.
 */
#ifndef MX_API_CONFIG_H
#define MX_API_CONFIG_H

#include <stdatomic.h>

#include "api/api.h"

struct mx_config {
	atomic_uint refs;
	MAPIARY_CONFIG c; /* strings in text */
	char *text;       /* owned */
};

/* A copy; 0, -EINVAL (too small a structure, neither URL nor address),
 * -ENOMEM. */
int mx_config_new(const MAPIARY_CONFIG *c, struct mx_config **ret);
struct mx_config *mx_config_ref(struct mx_config *c);
void mx_config_unref(struct mx_config *c);
static inline void mx_config_auto(struct mx_config **c)
{
	mx_config_unref(*c);
}

/* The one defined under this name, with a reference; NULL when there is none.
 * name NULL or "": the only one defined. */
struct mx_config *mx_config_find(const char *name);

#endif
