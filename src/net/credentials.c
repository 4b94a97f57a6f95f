/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/credentials.h"

#include <errno.h>
#include <gssapi/gssapi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/lock.h"

#define HEADER "Authorization: "

static const char b64[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Writes 4 * ((n + 2) / 3) characters and a NUL. */
static void base64(const unsigned char *p, size_t n, char *out)
{
	for (; n >= 3; p += 3, n -= 3) {
		*out++ = b64[p[0] >> 2];
		*out++ = b64[(p[0] & 3) << 4 | p[1] >> 4];
		*out++ = b64[(p[1] & 15) << 2 | p[2] >> 6];
		*out++ = b64[p[2] & 63];
	}
	if (n) {
		unsigned char second = n == 2 ? p[1] : 0;

		*out++ = b64[p[0] >> 2];
		*out++ = b64[(p[0] & 3) << 4 | second >> 4];
		*out++ = n == 2 ? b64[(second & 15) << 2] : '=';
		*out++ = '=';
	}
	*out = '\0';
}

/* "Authorization: <scheme> <base64 of p>". */
static int encode(const char *scheme, const void *p, size_t n,
		  struct mx_secret *ret)
{
	size_t head = strlen(HEADER) + strlen(scheme) + 1;
	size_t len = head + 4 * ((n + 2) / 3);
	char *s = malloc(len + 1);

	if (!s)
		return -ENOMEM;
	snprintf(s, head + 1, HEADER "%s ", scheme);
	base64(p, n, s + head);
	mx_secret_fini(ret);
	*ret = (struct mx_secret){s, len};
	return 0;
}

static bool printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static int local_fault(struct mx_fault *f, int err, const char *text)
{
	return mx_fault_set(f, MX_LAYER_LOCAL, (unsigned)-err, err, "%s", text);
}

static int get_secret(const struct mx_userctx *user, const char *server,
		      struct mx_secret *ret, struct mx_fault *fault)
{
	int err = mx_userctx_secret(user, server, ret);

	if (err)
		local_fault(fault, err,
			    "the program gave no password or token for this "
			    "user");
	return err;
}

static int basic(const struct mx_userctx *user, const char *server,
		 struct mx_secret *ret, struct mx_fault *fault)
{
	MX_AUTO(mx_secret_auto) struct mx_secret pw = MX_SECRET_INIT;
	MX_AUTO(mx_secret_auto) struct mx_secret both = MX_SECRET_INIT;
	const char *login = mx_userctx_login(user);
	int err;

	if (!login || !*login)
		return local_fault(fault, -ENOKEY,
				   "the user context has no login name");
	if (strchr(login, ':') || !printable(login))
		return local_fault(fault, -EINVAL,
				   "Basic cannot carry a login name with ':' "
				   "or control characters");
	err = get_secret(user, server, &pw, fault);
	if (err)
		return err;
	both.len = strlen(login) + 1 + pw.len;
	both.p = malloc(both.len + 1);
	if (!both.p)
		return -ENOMEM;
	snprintf(both.p, both.len + 1, "%s:%s", login, pw.p ? pw.p : "");
	return encode("Basic", both.p, both.len, ret);
}

static bool is_token(const struct mx_secret *s)
{
	for (size_t i = 0; i < s->len; i++)
		if ((unsigned char)s->p[i] <= ' ' ||
		    (unsigned char)s->p[i] >= 0x7f)
			return false;
	return s->len > 0;
}

static int bearer(const struct mx_userctx *user, const char *server,
		  struct mx_secret *ret, struct mx_fault *fault)
{
	MX_AUTO(mx_secret_auto) struct mx_secret tok = MX_SECRET_INIT;
	static const char head[] = HEADER "Bearer ";
	struct mx_secret out;
	int err = get_secret(user, server, &tok, fault);

	if (err)
		return err;
	if (!is_token(&tok))
		return local_fault(fault, -EINVAL,
				   "a bearer token has no blanks or control "
				   "characters");
	out.len = sizeof(head) - 1 + tok.len;
	out.p = malloc(out.len + 1);
	if (!out.p)
		return -ENOMEM;
	snprintf(out.p, out.len + 1, "%s%s", head, tok.p);
	mx_secret_fini(ret);
	*ret = out;
	return 0;
}

/* GSSAPI's words for both of its codes, in at most n bytes. */
static void gss_words(OM_uint32 major, OM_uint32 minor, char *buf, size_t n)
{
	OM_uint32 ignored, more = 0;
	gss_buffer_desc a = GSS_C_EMPTY_BUFFER, b = GSS_C_EMPTY_BUFFER;

	gss_display_status(&ignored, major, GSS_C_GSS_CODE, GSS_C_NO_OID, &more,
			   &a);
	more = 0;
	gss_display_status(&ignored, minor, GSS_C_MECH_CODE, GSS_C_NO_OID,
			   &more, &b);
	snprintf(buf, n, "%.*s: %.*s", (int)a.length,
		 a.value ? (char *)a.value : "", (int)b.length,
		 b.value ? (char *)b.value : "");
	gss_release_buffer(&ignored, &a);
	gss_release_buffer(&ignored, &b);
}

static OM_uint32 service_name(const char *server, OM_uint32 *minor,
			      gss_name_t *ret)
{
	gss_buffer_desc b;
	char text[300];
	size_t n = strcspn(server, ":");

	if (server[0] == '[')
		n = strcspn(server, "]") + 1;
	snprintf(text, sizeof(text), "HTTP@%.*s", (int)n, server);
	b.value = text;
	b.length = strlen(text);
	return gss_import_name(minor, &b, GSS_C_NT_HOSTBASED_SERVICE, ret);
}

/* 1.3.6.1.5.5.2 and 1.2.840.113554.1.2.2. */
static gss_OID_desc spnego = {6, (void *)"\x2b\x06\x01\x05\x05\x02"};
static gss_OID_desc krb5 = {9, (void *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"};

/* The mechanism to use this credential with.  It must be one that the
 * credential was acquired for: for another one GSSAPI silently takes the
 * process's default credential.  (Asked for SPNEGO with a Kerberos credential
 * from gss_acquire_cred_with_password, MIT's 1.20 does just that.) */
static OM_uint32 choose_mech(gss_cred_id_t cred, OM_uint32 *minor, gss_OID *ret)
{
	gss_OID_set set = GSS_C_NO_OID_SET;
	OM_uint32 major, ignored;
	int has = 0;

	*minor = 0;
	if (!cred) /* never the process's own */
		return GSS_S_NO_CRED;
	major = gss_inquire_cred(minor, cred, NULL, NULL, NULL, &set);
	if (GSS_ERROR(major))
		return major;
	*ret = &krb5;
	gss_test_oid_set_member(&ignored, *ret, set, &has);
	if (!has) {
		*ret = &spnego;
		gss_test_oid_set_member(&ignored, *ret, set, &has);
	}
	gss_release_oid_set(&ignored, &set);
	return has ? GSS_S_COMPLETE : GSS_S_NO_CRED;
}

/* Puts a DER tag and length in front of what stands at p, growing down. */
static unsigned char *der(unsigned char *p, const unsigned char *end,
			  unsigned char t)
{
	size_t n = (size_t)(end - p);
	unsigned char bytes = 0;

	if (n < 0x80) {
		*--p = (unsigned char)n;
	} else {
		for (; n; n >>= 8, bytes++)
			*--p = (unsigned char)n;
		*--p = 0x80 | bytes;
	}
	*--p = t;
	return p;
}

static unsigned char *der_oid(unsigned char *p, const gss_OID_desc *oid)
{
	unsigned char *end = p;

	p -= oid->length;
	memcpy(p, oid->elements, oid->length);
	return der(p, end, 0x06);
}

/* NegTokenInit that offers Kerberos alone and carries its token: RFC 4178 4.2.1
 * in the framing of RFC 2743 3.1. */
static int wrap_spnego(const gss_buffer_desc *tok, struct mx_secret *ret)
{
	enum { ROOM = 128 };
	size_t size = tok->length + ROOM;
	unsigned char *buf = malloc(size), *end, *p, *q;
	int err;

	if (!buf)
		return -ENOMEM;
	end = buf + size;
	p = end - tok->length;
	memcpy(p, tok->value, tok->length);
	p = der(der(p, end, 0x04), end, 0xa2); /* mechToken */
	q = p;
	p = der_oid(p, &krb5);
	p = der(der(p, q, 0x30), q, 0xa0); /* mechTypes */
	p = der(der(p, end, 0x30), end, 0xa0);
	p = der_oid(p, &spnego);
	p = der(p, end, 0x60);
	err = encode("Negotiate", p, (size_t)(end - p), ret);
	explicit_bzero(buf, size);
	free(buf);
	return err;
}

/* The first token of a fresh context; the context is not kept.  Without mutual
 * authentication nothing of the answer is needed: TLS names the server. */
static int negotiate(const struct mx_userctx *user, const char *server,
		     struct mx_secret *ret, struct mx_fault *fault)
{
	gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
	gss_name_t name = GSS_C_NO_NAME;
	gss_buffer_desc tok = GSS_C_EMPTY_BUFFER;
	gss_cred_id_t cred = mx_userctx_gss(user);
	OM_uint32 major, minor, ignored;
	gss_OID mech = GSS_C_NO_OID;
	char words[200];
	int err;

	major = choose_mech(cred, &minor, &mech);
	if (!GSS_ERROR(major))
		major = service_name(server, &minor, &name);
	if (!GSS_ERROR(major))
		major = gss_init_sec_context(&minor, cred, &ctx, name, mech, 0,
					     0, GSS_C_NO_CHANNEL_BINDINGS,
					     GSS_C_NO_BUFFER, NULL, &tok, NULL,
					     NULL);
	if (GSS_ERROR(major) || !tok.length) {
		gss_words(major, minor, words, sizeof(words));
		err = mx_fault_set(fault, MX_LAYER_LOCAL, EACCES, -EACCES,
				   "no Kerberos ticket: %s", words);
	} else if (mech == &krb5) {
		err = wrap_spnego(&tok, ret);
	} else {
		err = encode("Negotiate", tok.value, tok.length, ret);
	}
	if (tok.value)
		explicit_bzero(tok.value, tok.length);
	gss_release_buffer(&ignored, &tok);
	gss_release_name(&ignored, &name);
	if (ctx != GSS_C_NO_CONTEXT)
		gss_delete_sec_context(&ignored, &ctx, GSS_C_NO_BUFFER);
	return err;
}

int mx_auth_header(const struct mx_userctx *user, const char *server,
		   struct mx_secret *ret, struct mx_fault *fault)
{
	int err = -ENOKEY;

	mx_assert_unlocked();
	switch (mx_userctx_auth(user)) {
	case MX_AUTH_PASSWORD:
		err = basic(user, server, ret, fault);
		break;
	case MX_AUTH_BEARER:
		err = bearer(user, server, ret, fault);
		break;
	case MX_AUTH_GSS:
		err = negotiate(user, server, ret, fault);
		break;
	case MX_AUTH_NONE:
		local_fault(fault, err,
			    "the user context has no means to authenticate");
		break;
	}
	if (err == -ENOMEM)
		local_fault(fault, err, "out of memory");
	return err;
}
