#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Mapiary authors
# SPDX-License-Identifier: Apache-2.0
"""Grants and limits as an administrator sets them, on a server that runs; seen
by a client that is nothing but bytes."""

import base64
import http.client
import json
import struct
import uuid

from harness import contains, equal, exits, main

DN = ("/o=Mapiary/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)"
      "/cn=Recipients/cn=")
LOGIN_PERM = 0x3f2
TOO_MANY_SESSIONS = 0x80040112
TOO_MANY_OBJECTS = 0x4de


class Client:
    """A session of one user: Connect, then RopLogons."""

    def __init__(self, url, name):
        self.http = http.client.HTTPConnection(url.split("//")[1])
        self.name = name
        self.cookies = {}
        self.count = 0
        self.retry_after = None

    def post(self, kind, body):
        """The status, and what follows the additional headers."""
        self.count += 1
        secret = f"{self.name}:secret".encode()
        headers = {
            "Authorization": "Basic " + base64.b64encode(secret).decode(),
            "Content-Type": "application/mapi-http",
            "X-RequestType": kind,
            "X-RequestId": "{%s}:%d" % (uuid.uuid4(), self.count),
            "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()),
        }
        self.http.request("POST", "/mapi/emsmdb/", body, headers)
        answer = self.http.getresponse()
        data = answer.read()
        for line in answer.headers.get_all("Set-Cookie", []):
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name] = value
        self.retry_after = answer.headers.get("Retry-After")
        return answer.status, data.partition(b"\r\n\r\n")[2]

    def connect(self):
        """ErrorCode."""
        status, body = self.post("Connect", (DN + self.name).encode() + b"\0"
                                 + struct.pack("<5I", 0, 65001, 0x409, 0x409,
                                               0))
        equal(status, 200, "HTTP status of Connect")
        return struct.unpack("<II", body[:8])[1]

    def logon(self, whose, logon_id=0):
        """ReturnValue of RopLogon; [MS-OXCROPS] 2.2.3.1."""
        dn = (DN + whose).encode() + b"\0"
        rop = struct.pack("<BBBBIIH", 0xfe, logon_id, 0, 1, 0x01000400, 0,
                          len(dn)) + dn
        payload = struct.pack("<H", len(rop) + 2) + rop + b"\xff" * 4
        rops = struct.pack("<HHHH", 0, 4, len(payload), len(payload)) + payload
        status, body = self.post("Execute", struct.pack("<II", 3, len(rops))
                                 + rops + struct.pack("<II", 0x10008, 0))
        equal(status, 200, "HTTP status of Execute")
        equal(struct.unpack("<II", body[:8]), (0, 0), "StatusCode, ErrorCode")
        return struct.unpack("<I", body[28:32])[0]


def store(t, *names):
    data = t.path("data")
    for name in names:
        exits(t.run("user", "add", name, "--data", data, "--password-stdin",
                    stdin="secret\n"), 0)
    return data


def session(url, name):
    c = Client(url, name)
    equal(c.connect(), 0, "ErrorCode of Connect")
    return c


def test_grants_hold_from_the_next_logon_on_without_a_restart(t):
    data = store(t, "ann", "bob", "eve")
    server, url = t.serve(data)
    ann = session(url, "ann")
    equal(ann.logon("ann"), 0)
    equal(ann.logon("bob", 1), LOGIN_PERM)
    done = t.run("user", "grant", "bob", "ann", "--data", data)
    exits(done, 0)
    equal(done.stdout, "")
    equal(ann.logon("bob", 1), 0)
    equal(session(url, "eve").logon("bob"), LOGIN_PERM)
    exits(t.run("user", "revoke", "bob", "ann", "--data", data), 0)
    equal(ann.logon("bob", 2), LOGIN_PERM)
    t.stop(server)


def test_grants_are_listed_beside_the_server(t):
    data = store(t, "ann", "bob", "eve")
    server, _ = t.serve(data)
    exits(t.run("user", "grant", "bob", "eve", "--data", data, "--rights",
                "read,send-as"), 0)
    exits(t.run("user", "grant", "BOB", "ann", "--data", data), 0)
    done = t.run("user", "list", "--data", data)
    exits(done, 0)
    contains(done.stdout, "\tgrants ann:full eve:read,send-as\n")
    users = json.loads(t.run("user", "list", "--data", data,
                             "--json").stdout)["users"]
    equal([u["grants"] for u in users], [
        [], [{"to": "ann", "rights": ["full"]},
             {"to": "eve", "rights": ["read", "send-as"]}], []])
    # Exactly these, not these too; and a user takes his with him.
    exits(t.run("user", "grant", "bob", "eve", "--data", data, "--rights",
                "read"), 0)
    contains(t.run("user", "list", "--data", data).stdout, "eve:read\n")
    t.stop(server)
    exits(t.run("user", "del", "eve", "--data", data), 0)
    contains(t.run("user", "list", "--data", data).stdout,
             "\tgrants ann:full\n")


def test_grants_that_make_no_sense_are_refused(t):
    data = store(t, "ann", "bob")
    for words, status, text in (
            (("bob", "nobody"), 1, "grant bob nobody"),
            (("bob", "bob"), 1, "grant bob bob"),
            (("bob", "ann", "--rights", "rea"), 2, '"rea" is no right'),
            (("bob", "ann", "--rights", ""), 2, "is no right"),
            (("bob",), 2, "usage: mapiary user")):
        done = t.run("user", "grant", *words, "--data", data)
        exits(done, status)
        contains(done.stderr, text)
    exits(t.run("user", "revoke", "bob", "ann", "--data", data, "--rights",
                "read"), 2)
    exits(t.run("user", "grant", "bob", "ann", "--data", t.path("none")), 1)
    exits(t.run("user", "revoke", "bob", "ann", "--data", data), 0)


def test_the_other_verbs_still_need_the_store_to_themselves(t):
    data = store(t, "ann")
    server, _ = t.serve(data)
    for words in (("add", "eve"), ("passwd", "ann"), ("del", "ann")):
        done = t.run("user", *words, "--data", data)
        exits(done, 1)
        contains(done.stderr, "in use by a running server")
    t.stop(server)


def test_limits_are_set_and_refuse(t):
    data = store(t, "ann", "bob")
    server, url = t.serve(data, "--max-sessions", "2", "--max-logons", "2")
    one = session(url, "ann")
    session(url, "ann")
    equal(Client(url, "ann").connect(), TOO_MANY_SESSIONS)
    session(url, "bob")  # has his own
    equal([one.logon("ann", i) for i in range(3)], [0, 0, TOO_MANY_OBJECTS])
    t.stop(server)


def test_a_rate_is_refused_with_429_and_when_to_come_back(t):
    data = store(t, "ann", "bob")
    server, url = t.serve(data, "--max-rate", "1")
    ann = Client(url, "ann")
    status = 200
    while status == 200:
        status, _ = ann.post("Connect", b"")
    equal(status, 429)
    equal(ann.retry_after, "1")
    equal(Client(url, "bob").connect(), 0)
    t.stop(server)


def test_limits_are_in_the_help_with_their_defaults(t):
    text = t.run("serve", "--help").stdout
    contains(text, "--max-sessions", "(32)", "--max-logons", "(255)",
             "--max-messages", "(250)", "--max-folders", "(500)",
             "--max-rate", "429", "--max-active", "RopBackoff",
             "--max-running", "503")
    for value in ("0", "256", "x", "-1"):
        exits(t.run("serve", "--data", t.path("d"), "--max-logons", value), 2)


main(dict(globals()))
