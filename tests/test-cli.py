#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Mapiary authors
# SPDX-License-Identifier: Apache-2.0
"""The commands around the main job: usage, users, serving, lists."""

import json
import os
import signal
import socket

from harness import contains, equal, exits, main


def test_usage_is_status_2_and_names_the_commands(t):
    done = t.run()
    exits(done, 2)
    contains(done.stderr, "usage: mapiary", "demo", "serve", "user", "lists")
    done = t.run("frobnicate")
    exits(done, 2)
    contains(done.stderr, "frobnicate")
    for cmd in ("demo", "serve", "user", "lists"):
        done = t.run(cmd, "--help")
        exits(done, 0)
        contains(done.stdout, "usage: mapiary " + cmd)
        exits(t.run(cmd, "--no-such-option"), 2)


def test_version_says_which(t):
    done = t.run("--version")
    exits(done, 0)
    contains(done.stdout, "mapiary 0.")


def test_users_are_added_listed_changed_and_removed(t):
    data = t.path("data")
    done = t.run("user", "add", "ann", "--data", data)
    exits(done, 0)
    name, password = done.stdout.split()
    equal(name, "ann")
    equal(len(password), 24, "length of a made-up password")
    done = t.run("user", "add", "bob", "--data", data, "--display", "Böb",
                 "--smtp", "bob@example.test", "--sid",
                 "S-1-5-21-1-2-3-1005", "--password-stdin",
                 stdin="secret\n")
    exits(done, 0)
    equal(done.stdout, "", "a given password is not shown")
    done = t.run("user", "list", "--data", data, "--json")
    exits(done, 0)
    doc = json.loads(done.stdout)
    equal([u["name"] for u in doc["users"]], ["ann", "bob"])
    bob = doc["users"][1]
    equal((bob["display"], bob["smtp"], bob["sid"]),
          ("Böb", "bob@example.test", "S-1-5-21-1-2-3-1005"))
    exits(t.run("user", "passwd", "bob", "--data", data), 0)
    exits(t.run("user", "del", "ann", "--data", data), 0)
    done = t.run("user", "list", "--data", data)
    contains(done.stdout, "bob\tbob@example.test")
    assert "ann" not in done.stdout


def test_a_user_is_added_once(t):
    data = t.path("data")
    exits(t.run("user", "add", "ann", "--data", data), 0)
    done = t.run("user", "add", "ANN", "--data", data)
    exits(done, 1)
    contains(done.stderr, "ANN")


def test_unknown_user_and_bad_sid_are_refused_by_name(t):
    data = t.path("data")
    exits(t.run("user", "add", "ann", "--data", data), 0)
    for verb in ("del", "passwd"):
        done = t.run("user", verb, "nobody", "--data", data)
        exits(done, 1)
        contains(done.stderr, "nobody")
    done = t.run("user", "add", "eve", "--data", data, "--sid", "S-1-x")
    exits(done, 1)
    contains(done.stderr, "S-1-x")


def test_listing_users_makes_no_store(t):
    done = t.run("user", "list", "--data", t.path("none"))
    exits(done, 1)
    assert not os.path.exists(t.path("none"))


def test_a_store_that_is_served_is_not_changed_from_outside(t):
    data = t.path("data")
    exits(t.run("user", "add", "ann", "--data", data), 0)
    t.serve(data)
    done = t.run("user", "add", "bob", "--data", data)
    exits(done, 1)
    contains(done.stderr, data, "in use")


def test_server_says_where_it_listens_and_ends_well(t):
    for sig in (signal.SIGTERM, signal.SIGINT):
        server, url = t.serve(t.path("data"))
        contains(url, "http://127.0.0.1:")
        port = int(url.rsplit(":", 1)[1].split("/")[0])
        with socket.create_connection(("127.0.0.1", port)):
            pass
        server.send_signal(sig)
        equal(server.wait(), 0, "exit status")


def test_a_port_in_use_is_named(t):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        done = t.run("serve", "--data", t.path("data"), "--listen",
                     f"127.0.0.1:{port}")
        exits(done, 1)
        contains(done.stderr, str(port))


def test_other_addresses_are_refused_without_tls(t):
    done = t.run("serve", "--data", t.path("data"), "--listen", "0.0.0.0:0")
    exits(done, 1)
    contains(done.stderr, "0.0.0.0", "certificate")


def test_a_second_server_on_a_store_is_refused(t):
    t.serve(t.path("data"))
    done = t.run("serve", "--data", t.path("data"))
    exits(done, 1)
    contains(done.stderr, t.path("data"))


def test_data_directory_that_cannot_be_is_named(t):
    t.write("file", "not a directory")
    done = t.run("serve", "--data", t.path("file"))
    exits(done, 1)
    contains(done.stderr, t.path("file"))


def test_lists_without_a_segment_say_so(t):
    done = t.run("lists")
    exits(done, 1)
    contains(done.stderr, t.segment)


def test_b30_lists_state_the_capacity_of_the_segment(t):
    exits(t.run("demo", "--users", 2, "--threads", 2, "--rounds", 1,
                "--data", t.path("data")), 0)
    contains(t.run("lists").stdout, "capacity: ", " of 16384 lists, ",
             " of 65536 connections, ", " servers, ", " of 256 processes; ")
    doc = json.loads(t.run("lists", "--json").stdout)
    equal({k: v["max"] for k, v in doc["capacity"].items()},
          {"lists": 16384, "connections": 65536, "servers": 20496,
           "processes": 256})
    equal(doc["bytes"], os.stat(t.segment).st_size)
    assert doc["bytes"] <= 48 << 20, doc["bytes"]


def test_doctor_without_a_segment_has_a_status_of_its_own(t):
    done = t.run("doctor")
    exits(done, 3)
    contains(done.stderr, t.segment)
    exits(t.run("doctor", "--nonsense"), 2)


def test_a_foreign_segment_is_refused(t):
    with open(t.segment, "wb") as f:
        f.write(os.urandom(8192))
    os.chmod(t.segment, 0o600)
    done = t.run("lists")
    exits(done, 1)
    contains(done.stderr, t.segment)
    exits(t.run("doctor"), 3)


main(dict(globals()))
