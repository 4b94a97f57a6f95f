/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Internet mail into plain structs: real mail, and mail made to be awkward. */
#include "mime/mail.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"

#define REAL "/usr/lib/python3.11/test/test_email/data"

static struct mx_arena arena;

static struct mx_mail *parse(const char *text)
{
	struct mx_mail *m = NULL;

	mx_arena_fini(&arena);
	assert_int_equal(mx_mail_parse(text, strlen(text), &arena, &m), 0);
	assert_non_null(m);
	return m;
}

static size_t slurp(const char *name, char *buf, size_t cap)
{
	char path[300];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), REAL "/%s", name);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(buf, 1, cap, f);
	fclose(f);
	return n;
}

static struct mx_mail *real(const char *name)
{
	static char buf[1 << 20];
	struct mx_mail *m = NULL;
	size_t n = slurp(name, buf, sizeof(buf));

	mx_arena_fini(&arena);
	assert_int_equal(mx_mail_parse(buf, n, &arena, &m), 0);
	return m;
}

static void collect(void *arg, const char *text)
{
	char *all = arg;
	size_t n = strlen(all);

	snprintf(all + n, 4096 - n, "%s|", text);
}

static const char *notes_of(const struct mx_mail *m)
{
	static char all[4096];

	all[0] = '\0';
	mx_mail_each_note(m, collect, all);
	return all;
}

static int is_mail(const struct dirent *e)
{
	return !strncmp(e->d_name, "msg_", 4);
}

static void test_all_real_mail_is_parsed_or_refused_by_name(void **state)
{
	static char buf[1 << 20];
	struct dirent **names;
	int n = scandir(REAL, &names, is_mail, alphasort), refused = 0;

	assert_true(n >= 40);
	for (int i = 0; i < n; i++) {
		struct mx_mail *m = NULL;
		size_t len = slurp(names[i]->d_name, buf, sizeof(buf));
		int r = mx_mail_parse(buf, len, &arena, &m);

		/* The one file that has no header at all. */
		if (!strcmp(names[i]->d_name, "msg_19.txt")) {
			assert_int_equal(r, -EBADMSG);
			refused++;
		} else {
			assert_int_equal(r, 0);
			assert_true(m->text || m->html || m->n_attachments);
		}
		mx_arena_fini(&arena);
		free(names[i]);
	}
	free(names);
	assert_int_equal(refused, 1);
}

static void test_headers_become_fields(void **state)
{
	const struct mx_mail *m = real("msg_01.txt");

	assert_string_equal(m->subject, "This is a test message");
	assert_string_equal(m->from->addr, "bbb@ddd.com");
	assert_string_equal(m->from->name, "John X. Doe");
	assert_ptr_equal(m->sender, m->from);
	assert_string_equal(m->recips->addr, "bbb@zzz.org");
	assert_int_equal(m->recips->kind, MX_MAIL_TO);
	assert_string_equal(m->message_id,
			    "<15090.61304.110929.45684@aaa.zzz.org>");
	/* Fri, 4 May 2001 14:05:44 -0400 */
	assert_true(m->has_date && m->has_received);
	assert_int_equal(mx_filetime_to_unix(m->date), 988999544);
	assert_non_null(strstr(m->headers, "Subject: This is a test message"));
	assert_non_null(strstr(m->headers, "\r\n"));
}

static void test_sender_differs_from_author(void **state)
{
	const struct mx_mail *m = real("msg_02.txt");

	assert_string_equal(m->from->addr, "ppp-request@zzz.org");
	assert_string_equal(m->sender->addr, "ppp-admin@zzz.org");
}

static void test_attachment_keeps_name_type_and_bytes(void **state)
{
	const struct mx_mail *m = real("msg_07.txt");
	const struct mx_mail_attach *t = m->attachments;

	assert_int_equal(m->n_attachments, 1);
	assert_string_equal(t->name, "dingusfish.gif");
	assert_string_equal(t->type, "image/gif");
	assert_int_equal(t->len, 3512);
	assert_memory_equal(t->data, "GIF87a", 6);
	assert_non_null(strstr(m->text, "dingus fish"));
}

static void test_digest_becomes_nested_messages(void **state)
{
	const struct mx_mail *m = real("msg_02.txt");
	unsigned nested = 0;

	for (const struct mx_mail_attach *t = m->attachments; t; t = t->next) {
		nested += !!t->nested;
		if (t->nested)
			assert_null(t->data);
	}
	assert_int_equal(nested, 5);
	assert_string_equal(m->attachments->next->nested->subject,
			    "[Ppp] testing #1");
}

static void test_alternative_gives_both_bodies(void **state)
{
	const struct mx_mail *m = real("msg_15.txt");

	assert_non_null(m->text);
	assert_int_equal(m->html_len, 98);
	assert_int_equal(m->cpid, 28591);
	assert_int_equal(m->n_attachments, 1);
}

static void test_missing_empty_line_keeps_the_text(void **state)
{
	const struct mx_mail *m = real("msg_35.txt");

	assert_non_null(strstr(m->text, "no separating newline here"));
	assert_non_null(strstr(notes_of(m), "no empty line"));
}

static void test_author_without_address_keeps_the_name(void **state)
{
	const struct mx_mail *m = real("msg_43.txt");

	assert_string_equal(m->from->name, "MAILER DAEMON");
	assert_string_equal(m->from->addr, "");
	assert_non_null(strstr(notes_of(m), "no address"));
}

static void test_encoded_words_and_groups_are_read(void **state)
{
	const struct mx_mail *m =
		parse("From: =?iso-8859-1?Q?J=FCrgen?= <j@x.test>\n"
		      "To: team: a@x.test, Bo <b@x.test>;, c@x.test\n"
		      "Cc: =?utf-8?B?w4l2YQ==?= <e@x.test>\n"
		      "Bcc: hidden@x.test\n"
		      "Reply-To: one@x.test, two@x.test\n"
		      "Subject: =?koi8-r?B?8NLJ18XU?=\n"
		      "Importance: High\n"
		      "Sensitivity: Private\n"
		      "\nbody\n");
	const struct mx_mail_addr *r = m->recips;

	assert_string_equal(m->from->name, "Jürgen");
	assert_string_equal(m->subject, "Привет");
	assert_int_equal(m->n_recips, 5);
	assert_string_equal(r->addr, "a@x.test");
	r = r->next;
	assert_string_equal(r->name, "Bo");
	r = r->next;
	assert_string_equal(r->addr, "c@x.test");
	r = r->next;
	assert_string_equal(r->name, "Éva");
	assert_int_equal(r->kind, MX_MAIL_CC);
	r = r->next;
	assert_int_equal(r->kind, MX_MAIL_BCC);
	assert_string_equal(m->reply_to->next->addr, "two@x.test");
	assert_int_equal(m->importance, 2);
	assert_int_equal(m->sensitivity, 2);
	assert_int_equal(m->n_notes, 0);
}

static void test_text_charset_is_converted(void **state)
{
	const struct mx_mail *m = parse("Content-Type: text/plain; "
					"charset=koi8-r\n"
					"Content-Transfer-Encoding: base64\n"
					"\n8NLJ18XUCg==\n");

	assert_string_equal(m->text, "Привет\r\n");
	assert_int_equal(m->cpid, 20866);
	assert_int_equal(m->n_notes, 0);
}

static void test_text_outside_its_charset_is_kept_and_noted(void **state)
{
	const struct mx_mail *m = parse("Content-Type: text/plain; "
					"charset=us-ascii\n\ncaf\xe9\n");

	assert_string_equal(m->text, "café\r\n");
	assert_non_null(strstr(notes_of(m), "not in its charset"));
	m = parse("Content-Type: text/plain; charset=x-nobody\n\nplain\n");
	assert_string_equal(m->text, "plain\r\n");
}

static void test_nul_in_text_does_not_cut_it(void **state)
{
	static const char text[] = "Subject: n\n\nbefore\0after\n";
	struct mx_mail *m;

	mx_arena_fini(&arena);
	assert_int_equal(mx_mail_parse(text, sizeof(text) - 1, &arena, &m), 0);
	assert_string_equal(m->text, "before\xef\xbf\xbd"
				     "after\r\n");
	assert_non_null(strstr(notes_of(m), "NUL"));
}

static void test_second_text_is_an_attachment(void **state)
{
	const struct mx_mail *m =
		parse("Content-Type: multipart/mixed; boundary=b\n\n"
		      "--b\n\nfirst\n--b\n\nsecond\n"
		      "--b\nContent-Type: text/html\n\n<p>third\n--b--\n");

	assert_string_equal(m->text, "first");
	assert_null(m->html);
	assert_int_equal(m->n_attachments, 2);
	assert_memory_equal(m->attachments->data, "second", 6);
}

static void test_related_picture_is_marked(void **state)
{
	const struct mx_mail *m =
		parse("Content-Type: multipart/related; boundary=b\n\n"
		      "--b\nContent-Type: text/html; charset=utf-8\n\n"
		      "<img src=cid:p@x>\n"
		      "--b\nContent-Type: image/png\nContent-ID: <p@x>\n"
		      "Content-Location: http://x.test/p.png\n\n"
		      "png\n--b--\n");

	assert_non_null(m->html);
	assert_int_equal(m->cpid, 65001);
	assert_true(m->attachments->related);
	assert_string_equal(m->attachments->cid, "p@x");
	assert_string_equal(m->attachments->location, "http://x.test/p.png");
}

static void test_nothing_is_read_from_no_mail(void **state)
{
	struct mx_mail *m = NULL;

	assert_int_equal(mx_mail_parse("", 0, &arena, &m), -EBADMSG);
	assert_int_equal(mx_mail_parse("\n\nx", 3, &arena, &m), -EBADMSG);
	assert_int_equal(mx_mail_parse("just words\n", 11, &arena, &m),
			 -EBADMSG);
	assert_int_equal(mx_mail_parse("From me\n", 8, &arena, &m), -EBADMSG);
	assert_null(m);
}

static unsigned depth_of(const struct mx_mail *m)
{
	unsigned n = 0;

	while (m->attachments && m->attachments->nested) {
		m = m->attachments->nested;
		n++;
	}
	return n;
}

static void test_nesting_has_a_bound_and_keeps_the_rest(void **state)
{
	char text[8192] = "";
	const struct mx_mail *m;
	size_t n = 0;

	for (int i = 0; i < 40; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "Subject: %d\n"
				      "Content-Type: message/rfc822\n\n",
				      i);
	snprintf(text + n, sizeof(text) - n, "Subject: last\n\nend\n");
	m = parse(text);
	assert_in_range(depth_of(m), 10, 15);
	assert_non_null(strstr(notes_of(m), "nested too deeply"));
}

static void test_every_prefix_of_real_mail_ends_well(void **state)
{
	static const char *const files[] = {"msg_02.txt", "msg_15.txt",
					    "msg_16.txt", "msg_38.txt"};
	static char buf[1 << 16];

	for (size_t f = 0; f < MX_ARRAY_SIZE(files); f++) {
		size_t n = slurp(files[f], buf, sizeof(buf));

		for (size_t len = 0; len <= n; len += 1 + len / 64) {
			char *cut = malloc(len ? len : 1);
			struct mx_mail *m;
			int r;

			memcpy(cut, buf, len);
			r = mx_mail_parse(cut, len, &arena, &m);
			assert_true(r == 0 || r == -EBADMSG);
			free(cut);
			mx_arena_fini(&arena);
		}
	}
}

static void test_memory_has_a_bound(void **state)
{
	struct mx_arena small = {.budget = 200};
	struct mx_mail *m = NULL;
	const char *text = "Subject: x\nTo: a@b, c@d, e@f\n\nbody\n";

	assert_int_equal(mx_mail_parse(text, strlen(text), &small, &m),
			 -ENOMEM);
	assert_null(m);
	mx_arena_fini(&small);
}

MX_TEST_MAIN(MX_TEST(test_all_real_mail_is_parsed_or_refused_by_name),
	     MX_TEST(test_headers_become_fields),
	     MX_TEST(test_sender_differs_from_author),
	     MX_TEST(test_attachment_keeps_name_type_and_bytes),
	     MX_TEST(test_digest_becomes_nested_messages),
	     MX_TEST(test_alternative_gives_both_bodies),
	     MX_TEST(test_missing_empty_line_keeps_the_text),
	     MX_TEST(test_author_without_address_keeps_the_name),
	     MX_TEST(test_encoded_words_and_groups_are_read),
	     MX_TEST(test_text_charset_is_converted),
	     MX_TEST(test_text_outside_its_charset_is_kept_and_noted),
	     MX_TEST(test_nul_in_text_does_not_cut_it),
	     MX_TEST(test_second_text_is_an_attachment),
	     MX_TEST(test_related_picture_is_marked),
	     MX_TEST(test_nothing_is_read_from_no_mail),
	     MX_TEST(test_nesting_has_a_bound_and_keeps_the_rest),
	     MX_TEST(test_every_prefix_of_real_mail_ends_well),
	     MX_TEST(test_memory_has_a_bound))
