/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/unix-user.h"

#include <errno.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"

#define MAX_RECORD (1u << 20)

/* His login name, or NULL when nobody has this number; to be freed. */
static int login_of(uid_t uid, char **ret)
{
	MX_AUTO(mx_free_auto) char *buf = NULL;
	struct passwd pw, *found = NULL;
	size_t n = 4096;
	int err;

	do {
		free(buf);
		buf = malloc(n);
		if (!buf)
			return -ENOMEM;
		err = getpwuid_r(uid, &pw, buf, n, &found);
		n *= 4;
	} while (err == ERANGE && n <= MAX_RECORD);
	*ret = NULL;
	if (err || !found)
		return err == ENOMEM ? -ENOMEM : 0;
	*ret = strdup(pw.pw_name);
	return *ret ? 0 : -ENOMEM;
}

/* In /tmp anybody may take the name; a file of somebody else's holds somebody
 * else's tickets. */
static bool cache_is_his(const char *path, uid_t uid)
{
	struct stat st;

	return !lstat(path, &st) && S_ISREG(st.st_mode) && st.st_uid == uid &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

static gss_cred_id_t tickets_of(uid_t uid)
{
	gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
	char path[40], cache[48];
	gss_key_value_element_desc e = {.key = "ccache", .value = cache};
	gss_key_value_set_desc store = {.count = 1, .elements = &e};
	OM_uint32 minor;

	snprintf(path, sizeof(path), "/tmp/krb5cc_%u", (unsigned)uid);
	if (!cache_is_his(path, uid))
		return GSS_C_NO_CREDENTIAL;
	snprintf(cache, sizeof(cache), "FILE:%s", path);
	if (gss_acquire_cred_from(&minor, GSS_C_NO_NAME, 0, GSS_C_NO_OID_SET,
				  GSS_C_INITIATE, &store, &cred, NULL, NULL))
		return GSS_C_NO_CREDENTIAL;
	return cred;
}

static void release_tickets(void *arg)
{
	gss_cred_id_t cred = arg;
	OM_uint32 minor;

	gss_release_cred(&minor, &cred);
}

int mx_unix_userctx_new(uid_t uid, struct mx_userctx **ret)
{
	MX_AUTO(mx_free_auto) char *login = NULL;
	gss_cred_id_t cred;
	struct mx_userctx_params p = {.sid = mx_sid_unix(uid)};
	int err = login_of(uid, &login);

	if (err)
		return err;
	p.login = login;
	cred = tickets_of(uid);
	p.auth = MX_AUTH_NONE;
	if (cred != GSS_C_NO_CREDENTIAL) {
		p.auth = MX_AUTH_GSS;
		p.arg = cred;
		p.free_arg = release_tickets;
	}
	err = mx_userctx_new(&p, ret);
	if (err && cred != GSS_C_NO_CREDENTIAL)
		release_tickets(cred);
	return err;
}
