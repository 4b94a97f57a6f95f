/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of the view of findings. */
#include "tui/columns.h"

#include <stdio.h>

#include "base/auto.h"

#define FOUND(t, i) (&(t)->findings[i])

/* The diagnosis has put them in order: worst first. */
static uint64_t f_rank(const struct mx_top *t, uint32_t i)
{
	(void)t;
	return i;
}

static void f_severity_cell(const struct mx_top *t, uint32_t i, char *b,
			    size_t n)
{
	snprintf(b, n, "%s", mx_diag_severity_name(FOUND(t, i)->severity));
}

static const char *f_kind(const struct mx_top *t, uint32_t i)
{
	return mx_diag_kind_name(FOUND(t, i)->kind);
}

static uint64_t f_age(const struct mx_top *t, uint32_t i)
{
	return FOUND(t, i)->age_ns;
}

static void f_age_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	if (FOUND(t, i)->age_ns)
		mx_cell_duration(FOUND(t, i)->age_ns, b, n);
	else
		snprintf(b, n, "-");
}

static const char *f_text(const struct mx_top *t, uint32_t i)
{
	return FOUND(t, i)->text;
}

static const struct mx_top_column columns[] = {
	{"SEVERITY", 8, 0, .key = f_rank, .cell = f_severity_cell},
	{"KIND", 15, 3, .text = f_kind},
	{"AGE", 7, 2, .right = true, .down = true, .key = f_age,
	 .cell = f_age_cell},
	{"WHAT", 20, 1, .flex = true, .text = f_text},
};

static enum mx_look look(const struct mx_top *t, uint32_t i)
{
	return FOUND(t, i)->severity == MX_DIAG_ERROR     ? MX_LOOK_ALARM
	       : FOUND(t, i)->severity == MX_DIAG_WARNING ? MX_LOOK_WARNING
							  : MX_LOOK_PLAIN;
}

const struct mx_top_view_def mx_top_view_findings = {
	.columns = columns,
	.n = MX_ARRAY_SIZE(columns),
	.look = look,
};
