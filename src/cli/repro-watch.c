/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watchdog over the old lists.  A release waits for one signal; only the
 * poller of its list gives it; so when that poller has ended without giving it,
 * the wait has no end, and here it says so.  That a thread is asleep, and in a
 * wait without a time-out, is asked of the kernel.
 */
#include "cli/repro.h"

#include <inttypes.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "cli/json.h"

static double seconds(int64_t ns)
{
	return (double)ns / 1e9;
}

/* What the kernel says of the thread: its system call and the arguments. */
static void ask_kernel(int tid, const void *word, char *buf, size_t n)
{
	unsigned long long a[4] = {0};
	char path[64];
	long nr = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%ld %llx %llx %llx %llx", &nr, &a[0], &a[1], &a[2],
			 &a[3]) < 1)
		nr = -1;
	if (f)
		fclose(f);
	if (nr == SYS_futex && a[0] == (uintptr_t)word &&
	    (a[1] & FUTEX_CMD_MASK) == FUTEX_WAIT)
		snprintf(buf, n, "asleep in futex(FUTEX_WAIT) on that word, %s",
			 a[3] ? "with a time-out" : "without a time-out");
	else if (nr >= 0)
		snprintf(buf, n, "in system call %ld", nr);
	else
		snprintf(buf, n, "does not say (%s)", path);
}

static void why(const struct legacy_poller *p, char *buf, size_t n)
{
	const char *for_whom = p->creator ? p->creator->user->name : "?";
	char luck[100] = "";
	unsigned n_looks;

	switch (atomic_load(&p->state)) {
	case POLLER_SILENT:
		n_looks = atomic_load(&p->looks);
		if (n_looks)
			snprintf(luck, sizeof(luck),
				 "%u times it found one list and took it for "
				 "its own; then",
				 n_looks);
		snprintf(
			buf, n,
			"only the list's poller gives it, thread %d.  That was "
			"started without %s's identity and found itself to be "
			"the process, %s (CRC %08x).  %s it found %u lists, "
			"none of them its own, and ended %swithout signalling",
			atomic_load(&p->tid), for_whom, p->own_sid, p->own_crc,
			n_looks ? luck : "At its first look", p->lists,
			n_looks ? "" : "without doing any work, ");
		break;
	case POLLER_SIGNALLED:
		snprintf(buf, n, "thread %d has signalled: it will come",
			 atomic_load(&p->tid));
		break;
	default:
		snprintf(buf, n, "thread %d still runs: it may come",
			 atomic_load(&p->tid));
	}
}

static int64_t waits_since(const struct legacy_worker *w)
{
	int64_t since = atomic_load(&w->releasing_ns);

	return since ? mx_mono_now().ns - since : 0;
}

static bool for_ever(const struct legacy_worker *w)
{
	return atomic_load(&w->lg->pollers[w->list].state) == POLLER_SILENT;
}

static void tell(const struct legacy_worker *w, int64_t ns, FILE *to)
{
	const struct legacy_poller *p = &w->lg->pollers[w->list];
	const struct legacy_list *l = &w->lg->seg->list[w->list];
	char reason[800], kernel[200];

	why(p, reason, sizeof(reason));
	ask_kernel(atomic_load(&w->tid), &l->done, kernel, sizeof(kernel));
	fprintf(to,
		"watchdog: thread %d of user %s (%s) hangs at "
		"IMsgStore::Release, for %.1f s\n"
		"  waits for: the signal that the poller of connection list %d "
		"(CRC %08x) is done\n"
		"  the kernel: %s\n"
		"  why it can never come: %s\n",
		atomic_load(&w->tid), w->user->name,
		MapiaryUserSid(w->user->ctx), seconds(ns), w->list,
		MapiaryUserSidCrc(w->user->ctx), kernel, reason);
}

unsigned repro_watch(struct legacy *lg, int64_t patience_ns)
{
	unsigned hung = 0;

	for (unsigned i = 0; i < lg->n; i++) {
		const struct legacy_worker *w = &lg->workers[i];
		int64_t ns = waits_since(w);

		if (ns >= patience_ns && for_ever(w)) {
			tell(w, ns, lg->r->talk);
			hung++;
		}
	}
	fflush(lg->r->talk);
	return hung;
}

void repro_watch_json(struct legacy *lg, struct mx_json *j)
{
	char text[800];

	mx_json_open(j, "waits", '[');
	for (unsigned i = 0; i < lg->n; i++) {
		const struct legacy_worker *w = &lg->workers[i];
		int64_t ns = waits_since(w);

		if (!ns)
			continue;
		mx_json_open(j, NULL, '{');
		mx_json_uint(j, "thread", (uint64_t)atomic_load(&w->tid));
		mx_json_text(j, "user", w->user->name);
		mx_json_text(j, "at", "IMsgStore::Release");
		mx_json_seconds(j, "seconds", ns);
		mx_json_uint(j, "list", (uint64_t)w->list);
		ask_kernel(atomic_load(&w->tid), &lg->seg->list[w->list].done,
			   text, sizeof(text));
		mx_json_text(j, "kernel", text);
		why(&lg->pollers[w->list], text, sizeof(text));
		mx_json_text(j, "why", text);
		mx_json_close(j, '}');
	}
	mx_json_close(j, ']');
}
