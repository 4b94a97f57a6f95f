#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Mapiary authors
# SPDX-License-Identifier: Apache-2.0
"""The main job, small: what it prints, and that it is true."""

import json
import os
import pty
import re
import struct
import threading
import zlib

from harness import contains, equal, exits, main

LAST = re.compile(r"demo: (\d+) users, (\d+) threads, (\d+) rounds, "
                  r"(\d+) messages read, (\d+) sent, (\d+) notified, "
                  r"(\d+) hung, (\d+) errors")
MAIL = "From: a@x.test\nTo: b@x.test\nSubject: %s\n\nbody of %s\n"


def last_line(text):
    m = LAST.fullmatch(text.splitlines()[-1])
    assert m, "last line: " + text.splitlines()[-1]
    return [int(x) for x in m.groups()]


def crc_of(sid):
    """CRC-32 of the SID's binary form [MS-DTYP] 2.4.2.2."""
    authority, *subs = (int(x) for x in sid.split("-")[2:])
    return zlib.crc32(struct.pack("BB", 1, len(subs))
                      + authority.to_bytes(6, "big")
                      + b"".join(struct.pack("<I", x) for x in subs))


def few_mails(t, n=6):
    os.mkdir(t.path("mail"))
    for i in range(n):
        t.write(f"mail/{i}.eml", MAIL % (i, i))
    return t.path("mail")


def test_main_job_ends_with_its_last_line_and_table(t):
    done = t.run("demo", "--users", 4, "--threads", 3, "--rounds", 12)
    exits(done, 0)
    users, threads, rounds, read, sent, notified, hung, errors = \
        last_line(done.stdout)
    equal((users, threads, rounds, sent, notified, hung, errors),
          (4, 3, 12, 12, 12, 0, 0))
    # Five a round, the arrival, and the sweep at the end.
    assert read >= 12 * 5 + 12 + 12, read
    head, *rows = done.stdout.splitlines()[:5]
    for column in ("SID", "CRC", "list", "conns", "logons", "trips", "read",
                   "sent", "notified"):
        contains(head, column)
    sids = set()
    for row in rows:
        sid = re.search(r"S-1-5-21-[-\d]+", row)[0]
        contains(row, "%08x" % crc_of(sid))
        sids.add(sid)
    equal(len(sids), 4, "different SIDs")
    # Debian's collection has one file without any header.
    contains(done.stderr, "msg_19.txt: cannot be parsed")
    assert not [d for d in os.listdir(t.dir) if d.startswith("mapiary-demo")]


def test_json_adds_up(t):
    done = t.run("demo", "--users", 3, "--threads", 4, "--rounds", 6,
                 "--seed", 42, "--json", "--mail", few_mails(t))
    exits(done, 0)
    doc = json.loads(done.stdout)
    equal((doc["format"], doc["version"], doc["seed"], doc["ok"]),
          ("mapiary-demo", 1, 42, True))
    equal(len(doc["users"]), 3)
    for total, key in (("messages_read", "read"), ("sent", "sent"),
                       ("notified", "notified")):
        equal(sum(u[key] for u in doc["users"]), doc[total], total)
    for u in doc["users"]:
        equal(u["sid_crc"], crc_of(u["sid"]))
        equal(u["loaded"], 6)
        assert u["logons"] >= 4 and u["round_trips"] > u["logons"]
    equal(len({u["list"] for u in doc["users"]}), 3, "lists, one a user")
    equal(doc["verified"], 6)
    assert doc["most_logons_at_once"] >= 2
    contains(done.stderr, "demo: 3 users, 4 threads, 6 rounds")


def test_a_user_is_logged_on_twice_at_once(t):
    done = t.run("demo", "--users", 2, "--threads", 4, "--rounds", 6,
                 "--json", "--mail", few_mails(t, 12))
    exits(done, 0)
    doc = json.loads(done.stdout)
    assert doc["times_a_user_logged_on_twice"] >= 1
    assert max(u["most_logons_at_once"] for u in doc["users"]) >= 2


def test_keep_keeps_the_mailboxes(t):
    done = t.run("demo", "--users", 2, "--threads", 1, "--rounds", 1,
                 "--keep", "--data", t.path("kept"), "--mail", few_mails(t))
    exits(done, 0)
    contains(done.stderr, t.path("kept"))
    listed = t.run("user", "list", "--data", t.path("kept"))
    exits(listed, 0)
    equal(len(listed.stdout.splitlines()), 2)


def test_mail_that_cannot_be_read_is_named_and_the_rest_goes_on(t):
    mail = few_mails(t, 3)
    t.write("mail/empty.eml", "")
    t.write("mail/noise.eml", bytes(range(256)) * 20)
    t.write("mail/broken.eml", "Subject: x\nContent-Type: multipart/mixed\n"
            "\nno boundary\n")
    done = t.run("demo", "--users", 2, "--threads", 2, "--rounds", 2,
                 "--json", "--mail", mail)
    exits(done, 0)
    doc = json.loads(done.stdout)
    equal(doc["mail"]["unreadable"], ["empty.eml", "noise.eml"])
    equal((doc["mail"]["files"], doc["mail"]["parsed"]), (6, 4))
    contains(done.stderr, "empty.eml: cannot be parsed",
             "noise.eml: cannot be parsed", "broken.eml: multipart without")


def test_progress_is_shown_on_a_terminal_only(t):
    mine, theirs = pty.openpty()
    seen = []

    def drain():
        try:
            while chunk := os.read(mine, 4096):
                seen.append(chunk)
        except OSError:
            pass  # the other end is closed

    reader = threading.Thread(target=drain)
    reader.start()
    p = t.start("demo", "--users", 2, "--threads", 1, "--rounds", 4,
                "--mail", few_mails(t, 12), stderr=theirs)
    os.close(theirs)
    out = p.stdout.read()
    equal(p.wait(), 0)
    reader.join()
    os.close(mine)
    contains(b"".join(seen).decode(), "loading mail", "round ", "\r")
    last_line(out)


main(dict(globals()))
