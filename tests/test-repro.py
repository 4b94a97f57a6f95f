#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Mapiary authors
# SPDX-License-Identifier: Apache-2.0
"""The hang of the old runtime, shown; and the same scenario without it."""

import json
import os
import re

from harness import contains, equal, exits, main

HUNG = "repro: policy legacy, %d users, hung at IMsgStore::Release"
WHO = re.compile(r"watchdog: thread (\d+) of user (\w+) \((S-1-5-21-[-\d]+)\) "
                 r"hangs at IMsgStore::Release, for (\d+\.\d) s")


def last(text):
    return text.splitlines()[-1]


def test_legacy_hangs_with_two_users_and_says_why(t):
    done = t.run("repro", "--policy", "legacy")
    exits(done, 3)
    text = done.stdout
    equal(last(text), HUNG % 2)
    found = WHO.findall(text)
    equal([f[1] for f in found], ["anna", "bela"])
    equal(len({f[0] for f in found}), 2, "threads")
    equal(len({f[2] for f in found}), 2, "SIDs")
    for f in found:
        # Promised is within 5 s of the release.
        assert 1.0 <= float(f[3]) <= 5.0 * 10, f[3]
    # What is waited for, that the wait is endless, and why it is in vain.
    contains(text, "the signal that the poller of connection list 0",
             "the signal that the poller of connection list 1",
             "only the list's poller gives it",
             "started without anna's identity", "found itself to be the "
             "process", "At its first look it found 2 lists, none of them its "
             "own, and ended without doing any work, without signalling")
    assert re.search(r"[1-9]\d* times it found one list and took it for its "
                     r"own; then it found 2 lists", text), text
    equal(text.count("without a time-out"), 2, "endless waits, says the kernel")
    equal([f for f in os.listdir(t.dir) if f.startswith("mapiary")], [],
          "left behind")


def test_legacy_hangs_with_more_users_too(t):
    done = t.run("repro", "--policy", "legacy", "--users", 4)
    exits(done, 3)
    equal(last(done.stdout), HUNG % 4)
    equal(len(WHO.findall(done.stdout)), 4)


def test_legacy_ends_with_one_user(t):
    done = t.run("repro", "--policy", "legacy", "--users", 1, "--cycles", 2)
    exits(done, 0)
    equal(done.stdout, "repro: policy legacy, 1 users, 1 threads, 2 cycles, "
          "0 hung\n")


def test_legacy_ends_when_all_threads_are_one_user(t):
    done = t.run("repro", "--policy", "legacy", "--same-user", "--threads", 3,
                 "--cycles", 2)
    exits(done, 0)
    equal(done.stdout, "repro: policy legacy, 1 users, 3 threads, 2 cycles, "
          "0 hung\n")


def test_json_says_the_same(t):
    done = t.run("repro", "--policy", "legacy", "--json")
    exits(done, 3)
    doc = json.loads(done.stdout)
    equal((doc["format"], doc["version"], doc["policy"], doc["users"],
           doc["hung"], doc["hung_at"], doc["errors"]),
          ("mapiary-repro", 1, "legacy", 2, 2, "IMsgStore::Release", 0))
    equal([w["user"] for w in doc["waits"]], ["anna", "bela"])
    for w in doc["waits"]:
        contains(w["kernel"], "without a time-out")
        contains(w["why"], "without signalling")
    equal(last(done.stderr), HUNG % 2)


def test_held_does_not_hang(t):
    done = t.run("repro", "--users", 24, "--threads", 8, "--cycles", 60)
    exits(done, 0)
    equal(done.stdout, "repro: policy held, 24 users, 8 threads, 60 cycles, "
          "0 hung\n")


def test_held_does_not_hang_when_all_threads_are_one_user(t):
    done = t.run("repro", "--same-user", "--threads", 6, "--cycles", 18)
    exits(done, 0)
    equal(done.stdout, "repro: policy held, 1 users, 6 threads, 18 cycles, "
          "0 hung\n")


def test_wrong_usage_is_status_2(t):
    for wrong in (["--policy", "new"], ["--users", "0"], ["more"],
                  ["--policy", "legacy", "--users", "100"]):
        done = t.run("repro", *wrong)
        exits(done, 2)
        assert done.stderr
    exits(t.run("repro", "--help"), 0)


main(dict(globals()))
