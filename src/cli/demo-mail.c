/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real mail: reads a folder of mail files, parses them, and puts them into
 * the mailboxes through the client, as their owners.
 */
#include "cli/demo.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <mapiutil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "cli/cli.h"
#include "mime/write.h"

#define MAX_MAIL (64u << 20)

static int wanted(const struct dirent *e)
{
	return !fnmatch("*.txt", e->d_name, 0) ||
	       !fnmatch("*.eml", e->d_name, 0);
}

static int read_file(const char *path, struct mx_buf *b)
{
	FILE *f = fopen(path, "re");
	char piece[16384];
	size_t n;
	int r = 0;

	if (!f)
		return -errno;
	while (!r && (n = fread(piece, 1, sizeof(piece), f)) > 0)
		r = mx_buf_put(b, piece, n);
	if (!r && ferror(f))
		r = -EIO;
	fclose(f);
	return r;
}

struct noting {
	struct demo *d;
	const char *file;
};

static void on_note(void *arg, const char *text)
{
	const struct noting *n = arg;

	n->d->n_noted++;
	demo_say(n->d, "%s: %s", n->file, text);
}

static int take_file(struct demo *d, const char *name)
{
	MX_AUTO(mx_buf_auto) struct mx_buf b = {.max = MAX_MAIL};
	char *path = mx_arena_printf(&d->arena, "%s/%s", d->opt.mail_dir, name);
	const char *file = mx_arena_strdup(&d->arena, name);
	struct demo_mail *to = &d->mails[d->n_mails];
	int r;

	if (!path || !file)
		return -ENOMEM;
	r = read_file(path, &b);
	if (!r)
		r = mx_mail_parse(b.p, b.len, &d->arena, &to->mail);
	if (r == -ENOMEM)
		return r;
	if (r) {
		d->unreadable[d->n_unreadable++] = file;
		demo_say(d, "%s: cannot be parsed: %s", file,
			 r == -EBADMSG ? "it has no mail header"
				       : strerror(-r));
		return 0;
	}
	to->file = file;
	d->n_mails++;
	mx_mail_each_note(to->mail, on_note,
			  &(struct noting){.d = d, .file = file});
	return 0;
}

int demo_mail_read(struct demo *d)
{
	struct dirent **names = NULL;
	int n = scandir(d->opt.mail_dir, &names, wanted, alphasort), r = 0;

	if (n < 0) {
		mx_cli_fail("demo", "mail in %s: %s", d->opt.mail_dir,
			    strerror(errno));
		return -1;
	}
	d->n_files = (size_t)n;
	d->mails = mx_arena_newv(&d->arena, struct demo_mail, d->n_files);
	d->unreadable = mx_arena_newv(&d->arena, const char *, d->n_files);
	if (!d->mails || !d->unreadable)
		r = -ENOMEM;
	for (int i = 0; i < n; i++) {
		if (!r)
			r = take_file(d, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	if (!r && !d->n_mails) {
		mx_cli_fail("demo", "no mail (*.txt, *.eml) in %s",
			    d->opt.mail_dir);
		return -1;
	}
	if (r)
		mx_cli_fail("demo", "mail: %s", strerror(-r));
	return r ? -1 : 0;
}

/* Remembers the entry id of what was just saved. */
static bool remember(struct demo_side *s, LPMESSAGE msg,
		     const struct demo_mail *m)
{
	struct demo_user *u = s->u;
	struct demo_loaded *l = &u->loaded[u->n_loaded];
	LPSPropValue id = NULL;
	HRESULT hr;

	hr = HrGetOneProp((LPMAPIPROP)msg, PR_ENTRYID, &id);
	if (!demo_ok(s->w, u, hr))
		return false;
	l->id = malloc(id->Value.bin.cb);
	if (l->id) {
		memcpy(l->id, id->Value.bin.lpb, id->Value.bin.cb);
		l->cb = id->Value.bin.cb;
		l->mail = m;
		u->n_loaded++;
	}
	MAPIFreeBuffer(id);
	return l->id;
}

static bool load_one(struct demo_side *s, const struct demo_mail *m)
{
	const char *what = "create a message";
	LPMESSAGE msg = NULL;
	HRESULT hr;
	bool ok;

	demo_step(s->w, "load mail");
	hr = IMAPIFolder_CreateMessage(s->inbox, NULL, 0, &msg);
	if (!FAILED(hr))
		hr = mx_mail_write(msg, m->mail, &what);
	if (!FAILED(hr)) {
		what = "save the message";
		hr = IMessage_SaveChanges(msg, KEEP_OPEN_READONLY);
	}
	ok = demo_ok(s->w, s->u, hr);
	if (!ok)
		demo_say(s->w->d, "user %s: %s was not loaded: cannot %s",
			 s->u->name, m->file, what);
	ok = ok && remember(s, msg, m);
	UlRelease(msg);
	return ok;
}

/* How many messages a folder has. */
static ULONG count_of(struct demo_side *s, LPMAPIFOLDER f)
{
	LPSPropValue n = NULL;
	ULONG count = 0;

	if (!demo_ok(s->w, s->u,
		     HrGetOneProp((LPMAPIPROP)f, PR_CONTENT_COUNT, &n)))
		return 0;
	count = n->Value.ul;
	MAPIFreeBuffer(n);
	return count;
}

void demo_mail_load(struct demo_worker *w, unsigned no)
{
	struct demo *d = w->d;
	struct demo_user *u = &d->users[no];
	struct mx_prng rnd = {.s = d->opt.seed + 77 + no};
	struct demo_side s;
	LPMAPIFOLDER waste;

	u->loaded = calloc(d->n_mails, sizeof(*u->loaded));
	if (!u->loaded) {
		demo_error(d, u, "out of memory");
		return;
	}
	if (demo_side_open(&s, w, u) && demo_open_inbox(&s) &&
	    demo_open_folder(&s, PR_IPM_WASTEBASKET_ENTRYID, &waste)) {
		u->had_inbox = count_of(&s, s.inbox);
		u->had_waste = count_of(&s, waste);
		for (size_t i = 0; i < d->n_mails; i++)
			load_one(&s, &d->mails[i]);
	}
	demo_side_close(&s, &rnd);
}
