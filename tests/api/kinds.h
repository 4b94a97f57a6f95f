/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One object of every kind that there is, open at once.
 */
#ifndef MX_TESTS_API_KINDS_H
#define MX_TESTS_API_KINDS_H

#include "api/api.h"

enum kind {
	KIND_SESSION,
	KIND_STORES, /* table of stores */
	KIND_ADDRBOOK,
	KIND_STORE,
	KIND_FOLDER,
	KIND_HIERARCHY, /* table */
	KIND_CONTENTS,  /* table, with an advise connection */
	KIND_MESSAGE,   /* with a change that is not saved */
	KIND_RECIPIENTS,
	KIND_ATTACHMENTS, /* table */
	KIND_ATTACHMENT,
	KIND_EMBEDDED,
	KIND_STREAM,  /* for reading */
	KIND_WRITING, /* a stream with bytes held back */
	KIND_SINK,
	N_KINDS,
};

struct kinds {
	LPUNKNOWN v[N_KINDS];         /* a reference each */
	ULONG_PTR of_store, of_table; /* advise connections */
};

/* On this session, whose reference moves in; notifications go to fn. */
void kinds_open(struct kinds *k, LPMAPISESSION s, LPNOTIFCALLBACK fn,
		LPVOID arg);
/* Releases what is there, in the n-th order of a pseudo-random series. */
void kinds_release(struct kinds *k, unsigned n);
/* Calls the methods of each kind; all must return this. */
void kinds_expect(struct kinds *k, HRESULT hr);

#endif
