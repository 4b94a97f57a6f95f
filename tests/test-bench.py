#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Mapiary authors
# SPDX-License-Identifier: Apache-2.0
"""The benches run to their end.  Their figures are another machine's business:
here they are as small as they can be, and only have to be there."""

import json
import resource

from harness import children, equal, main, until


def lines(out):
    return {x["name"]: x for x in json.loads(out)["benches"]}


def serves(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return b"\0serve\0" in f.read()
    except OSError:
        return False  # ended meanwhile


def test_every_line_has_figures(t):
    done = t.run("bench", "--json", "--idle-users", 8, "--ops", 8, "--rows",
                 50, "--blocks", 1, "execute", "rows", "logon", "users",
                 "logons", "lists", "top", "top-load")
    assert done.returncode in (0, 1) and done.stdout, done.stderr
    got = lines(done.stdout)
    equal(set(got), {"execute", "execute-bytes", "rows", "logon",
                     "logon-batch", "users", "users-turn", "cold",
                     "cold-turn", "cold-libcurl", "cold-sockets", "logons",
                     "lists", "top", "top-load"})
    for name, line in got.items():
        assert line["ours"] > 0, (name, line)


def test_B77_users_that_need_two_servers_for_their_descriptors(t):
    bench = t.start("bench", "--json", "--idle-users", 200, "--ops", 200,
                    "--blocks", 1, "users",
                    preexec_fn=lambda: resource.setrlimit(
                        resource.RLIMIT_NOFILE, (2050, 2050)))
    until(lambda: sum(map(serves, children(bench.pid))) == 2, bench)
    out, err = bench.communicate()
    assert bench.returncode in (0, 1) and out, err
    got = lines(out)
    for name in ("users", "users-turn", "cold", "cold-sockets"):
        assert got[name]["ours"] > 0 and got[name]["floor"] > 0, got[name]


main(dict(globals()))
