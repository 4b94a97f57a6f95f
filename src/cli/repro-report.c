/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* `mapiary repro`: what is printed at the end, and the exit status. */
#include "cli/repro.h"

#include <stdio.h>

#include "cli/cli.h"
#include "cli/json.h"

static void last_line(const struct repro *r, FILE *to, unsigned hung)
{
	if (r->policy == REPRO_LEGACY && hung)
		fprintf(to,
			"repro: policy legacy, %u users, hung at "
			"IMsgStore::Release\n",
			r->n_users);
	else
		fprintf(to,
			"repro: policy %s, %u users, %u threads, %u cycles, "
			"%u hung\n",
			r->policy == REPRO_HELD ? "held" : "legacy", r->n_users,
			r->threads, r->cycles, hung);
}

static void document(struct repro *r, unsigned hung, unsigned errors)
{
	struct mx_json j = {.to = stdout};

	mx_json_open(&j, NULL, '{');
	mx_json_text(&j, "format", "mapiary-repro");
	mx_json_uint(&j, "version", 1);
	mx_json_text(&j, "policy", r->policy == REPRO_HELD ? "held" : "legacy");
	mx_json_uint(&j, "users", r->n_users);
	mx_json_uint(&j, "threads", r->threads);
	mx_json_uint(&j, "cycles", r->cycles);
	mx_json_uint(&j, "hung", hung);
	mx_json_uint(&j, "errors", errors);
	mx_json_text(&j, "hung_at",
		     r->policy == REPRO_LEGACY && hung ? "IMsgStore::Release"
						       : NULL);
	if (r->legacy)
		repro_watch_json(r->legacy, &j);
	mx_json_close(&j, '}');
}

int repro_report(struct repro *r)
{
	unsigned hung = atomic_load(&r->d.hung);
	unsigned errors = atomic_load(&r->d.errors);

	if (r->json)
		document(r, hung, errors);
	if (errors)
		fprintf(stderr, "repro: %u errors\n", errors);
	last_line(r, r->json ? stderr : stdout, hung);
	fflush(NULL);
	if (errors || (hung && r->policy == REPRO_HELD))
		return MX_EXIT_FAILED;
	return hung ? REPRO_HUNG : MX_EXIT_OK;
}
