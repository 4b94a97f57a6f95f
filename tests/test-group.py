#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Mapiary authors
# SPDX-License-Identifier: Apache-2.0
"""Unix users and /etc/mapiary/mapiary.conf: who shares a segment with whom.

Each case has a mount namespace with its own /etc, so that the machine's is not
touched, and runs `mapiary` as users that no system has."""

import os
import subprocess

from harness import MAPIARY, Skip, contains, equal, exits, main

ANNA, BERT, CARL, GROUP = 2147400021, 2147400022, 2147400023, 2147400029
SHARED = f"/dev/shm/mapiary-group-{GROUP}"
FILES = [SHARED] + [f"/dev/shm/mapiary-{u}" for u in (ANNA, BERT, CARL)]

IN_NAMESPACE = r"""
set -e
mount --make-rprivate /
mkdir -p "$0/etc/mapiary"
for f in passwd group nsswitch.conf hosts host.conf ld.so.cache; do
	[ ! -e "/etc/$f" ] || cp -L "/etc/$f" "$0/etc/"
done
chmod 755 "$0/etc" "$0/etc/mapiary"
cp "$0/mapiary.conf" "$0/etc/mapiary/mapiary.conf"
chmod "$1" "$0/etc/mapiary/mapiary.conf"
mount --bind "$0/etc" /etc
shift
exec "$@"
"""


def as_user(t, user, member, *args, mode="644"):
    """Runs `mapiary ARGS` as that user under the case's configuration."""
    groups = ["--groups", str(GROUP)] if member else ["--clear-groups"]
    env = {k: v for k, v in t.env.items() if k != "MAPIARY_SEGMENT"}
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", IN_NAMESPACE, t.dir, mode, "setpriv",
         f"--reuid={user}", f"--regid={user}", *groups, MAPIARY,
         *map(str, args)],
        env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False)


def prepare(t, conf):
    if os.geteuid() != 0:
        raise Skip("needs root to act as other users")
    for f in FILES:
        if os.path.exists(f):
            os.unlink(f)
    t.write("mapiary.conf", conf)
    os.chmod(t.dir, 0o755)
    done = as_user(t, CARL, False, "--help")
    if done.returncode == 126 or "ermission denied" in done.stderr:
        raise Skip("other users may not run " + MAPIARY)


def demo(t, user, member):
    home = t.path(str(user))
    os.mkdir(home)
    os.chown(home, user, user)
    done = as_user(t, user, member, "demo", "--users", 2, "--threads", 2,
                   "--rounds", 1, "--data", home + "/data")
    exits(done, 0)


def clean_up():
    for f in FILES:
        if os.path.exists(f):
            os.unlink(f)


def test_members_share_and_others_do_not(t):
    prepare(t, f"segment-group = {GROUP}\nlists = 64\nconnections = 64\n")
    try:
        demo(t, ANNA, True)
        st = os.stat(SHARED)
        equal((st.st_uid, st.st_gid, st.st_mode & 0o7777),
              (ANNA, GROUP, 0o660))
        demo(t, BERT, True)
        seen = as_user(t, BERT, True, "lists")
        exits(seen, 0)
        contains(seen.stdout, SHARED, " of 64 lists")
        equal(os.path.exists(FILES[1]) or os.path.exists(FILES[2]), False,
              "a member's own segment")
        # Who is not in the group finds nothing, by name neither.
        seen = as_user(t, CARL, False, "lists")
        exits(seen, 1)
        contains(seen.stderr, f"/dev/shm/mapiary-{CARL}")
        exits(as_user(t, CARL, False, "lists", "--segment", SHARED), 1)
        exits(as_user(t, CARL, False, "doctor", "--segment", SHARED), 3)
    finally:
        clean_up()


def test_a_file_that_others_may_write_is_not_obeyed(t):
    prepare(t, f"segment-group = {GROUP}\n")
    done = as_user(t, ANNA, True, "lists", mode="666")
    exits(done, 1)
    contains(done.stderr, "/etc/mapiary/mapiary.conf", "others than root")
    equal([f for f in FILES if os.path.exists(f)], [])


def test_what_is_wrong_in_it_is_named(t):
    prepare(t, "lists = 5\n\nsegment-groups = x\n")
    done = as_user(t, ANNA, True, "lists")
    exits(done, 1)
    contains(done.stderr, "/etc/mapiary/mapiary.conf, line 3",
             "segment-groups")


main(dict(globals()))
