/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void mx_secret_fini(struct mx_secret *s)
{
	if (s->p) {
		explicit_bzero(s->p, s->len);
		free(s->p);
	}
	*s = MX_SECRET_INIT;
}

int mx_secret_set_n(struct mx_secret *s, const char *text, size_t n)
{
	char *p = malloc(n + 1);

	if (p) {
		memcpy(p, text, n);
		p[n] = '\0';
	}
	mx_secret_fini(s);
	if (!p)
		return -ENOMEM;
	s->p = p;
	s->len = n;
	return 0;
}

int mx_secret_set(struct mx_secret *s, const char *text)
{
	return mx_secret_set_n(s, text, strlen(text));
}
