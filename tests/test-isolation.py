#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Mapiary authors
# SPDX-License-Identifier: Apache-2.0
"""Promise 5: four of eight servers go wrong, one silent after accept, one
refusing, one slow, one whose name, TCP connect or TLS handshake is never
answered (B4, B21).  `mapiary bench` measures what their neighbours' users
notice; here it is proved that these get all their answers and notifications,
that the faults are met, and that they cost no thread."""

import json

from harness import Skip, equal, main


def test_users_of_well_servers_get_everything_and_no_thread_is_added(t):
    done = t.run("bench", "isolation", "--blocks", 3, "--ops", 20, "--json")
    if "no network of its own: Operation not permitted" in done.stderr:
        raise Skip("no right to make a network namespace")
    # An error or a lost notification of a measured user, a server that did
    # not go wrong when it was to: nothing is printed then.
    assert done.stdout, done.stderr
    lines = {x["name"]: x for x in json.loads(done.stdout)["benches"]}
    equal(set(lines), {"calls-p50", "calls-p99", "news-p50", "news-p99",
                       "isolation-threads"})
    threads = lines["isolation-threads"]
    equal(threads["ours"], threads["floor"], "threads with faults, without")
    assert threads["floor"] > 5, "the eight users' own threads are among them"
    for name in ("calls-p50", "news-p50"):
        assert lines[name]["ours"] > 0 and lines[name]["floor"] > 0, lines


main(dict(globals()))
