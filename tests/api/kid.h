/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kids: this program again, each a client process that does what it is told over
 * a socket, line by line, and says how it went.
 *
 *	budget SESSIONS LOGONS  MapiarySetBudgets
 *	init                    MAPIInitialize
 *	open N MS               a session of user "uN" and its store, in MS
 *	park                    the last one has a NotificationWait held open
 *	ask MS                  … asks the server something
 *	close                   … is released
 */
#ifndef MX_TESTS_API_KID_H
#define MX_TESTS_API_KID_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "api/api.h"
#include "base/test.h"
#include "site.h"

struct kid {
	pid_t pid;
	int fd;
	FILE *in;
	char text[600]; /* the last answer's */
};

/* A kid of that site that is initialized, with that budget line (may be NULL). */
struct kid kid_ready(struct site *t, const char *budget);
/* It ends well; it is killed. */
void kid_end(struct kid *k);
void kid_kill(struct kid *k);

void kid_tell(struct kid *k, const char *line);
/* Its next answer; the text is in k->text. */
HRESULT kid_hear(struct kid *k);
bool kid_has_answered(struct kid *k);
/* Both. */
HRESULT kid_does(struct kid *k, const char *line);
#define kid_ok(k, line)                                                        \
	do {                                                                   \
		HRESULT hr_ = kid_does(k, line);                               \
		if (hr_ != S_OK)                                               \
			fail_msg("%s: %08x %s", line, (unsigned)hr_,           \
				 (k)->text);                                   \
	} while (0)
/* The last answer's text has that part. */
void kid_says(const struct kid *k, const char *part);

/* For main: a kid's life, if this is one, else the tests. */
int kid_or_tests(const struct mx_test *tests, size_t n, int argc, char **argv);

#endif
