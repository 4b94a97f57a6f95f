#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Mapiary authors
# SPDX-License-Identifier: Apache-2.0
"""
The main job against other servers, and when things go wrong: each fault gives
a message with user, operation and code, status 1, and no hang.
"""

import json
import os
import re
import signal
import socket
import subprocess
import threading

from harness import children, contains, equal, exits, main, until

MAIL = "From: a@x.test\nTo: b@x.test\nSubject: %s\n\nbody of %s\n"


def mail_dir(t, n=4):
    os.mkdir(t.path("mail"))
    for i in range(n):
        t.write(f"mail/{i}.eml", MAIL % (i, i))
    return t.path("mail")


def small(t, *more):
    return ("demo", "--threads", 2, "--rounds", 2, "--mail", mail_dir(t),
            *more)


def make_users(t, names=("ann", "bob")):
    """Users in a new store; returns it and credentials lines."""
    data, lines = t.path("data"), []
    for name in names:
        done = t.run("user", "add", name, "--data", data)
        exits(done, 0)
        lines.append(done.stdout.strip() + f"\t{name}@mapiary.test")
    return data, lines


def credentials(t, lines):
    return t.write("credentials", "# login, password, address\n"
                   + "\n".join(lines) + "\n")


def last_of(done):
    m = re.search(r"(\d+) sent, (\d+) notified, (\d+) hung, (\d+) errors$",
                  done.stdout.strip())
    assert m, done.stdout + done.stderr
    return [int(x) for x in m.groups()]


def test_against_another_server_with_dns_from_autodiscover(t):
    data, lines = make_users(t)
    _, url = t.serve(data)
    done = t.run(*small(t, "--url", url, "--credentials",
                        credentials(t, lines), "--autodiscover",
                        url + "/autodiscover/autodiscover.xml"))
    exits(done, 0)
    equal(last_of(done), [2, 2, 0, 0])


def test_against_another_server_with_dns_from_the_file(t):
    data, lines = make_users(t)
    listed = json.loads(t.run("user", "list", "--data", data,
                              "--json").stdout)
    dns = {u["name"]: u["dn"] for u in listed["users"]}
    _, url = t.serve(data)
    lines = [f"{line}\t{dns[line.split()[0]]}" for line in lines]
    done = t.run(*small(t, "--url", url, "--credentials",
                        credentials(t, lines)))
    exits(done, 0)
    equal(last_of(done), [2, 2, 0, 0])


def test_over_https_only_with_the_right_authority(t):
    data, lines = make_users(t)
    cert, key = t.path("cert.pem"), t.path("key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2",
                    "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    _, url = t.serve(data, "--tls-cert", cert, "--tls-key", key)
    equal(url.startswith("https://"), True)
    words = small(t, "--url", url, "--credentials", credentials(t, lines),
                  "--autodiscover", url + "/autodiscover/autodiscover.xml")
    done = t.run(*words, "--ca-file", cert)
    exits(done, 0)
    equal(last_of(done), [2, 2, 0, 0])
    done = t.run(*words)
    exits(done, 1)
    contains(done.stderr, "user ann")
    contains(done.stderr, "certificate")


def test_wrong_password_names_user_and_code(t):
    data, lines = make_users(t)
    _, url = t.serve(data)
    lines[1] = "bob\twrong\tbob@mapiary.test\t/o=x/cn=bob"
    done = t.run(*small(t, "--url", url, "--credentials",
                        credentials(t, lines), "--autodiscover",
                        url + "/autodiscover/autodiscover.xml"))
    exits(done, 1)
    contains(done.stderr, "user bob: log on", "MAPI_E_LOGON_FAILED")
    assert "user ann: log on" not in done.stderr
    assert "wrong" not in done.stderr, "the password is shown"


def test_unknown_user_names_him(t):
    data, lines = make_users(t)
    _, url = t.serve(data)
    lines[0] = "nobody\tsecret\tnobody@mapiary.test\t/o=x/cn=nobody"
    done = t.run(*small(t, "--url", url, "--credentials",
                        credentials(t, lines), "--autodiscover",
                        url + "/autodiscover/autodiscover.xml"))
    exits(done, 1)
    contains(done.stderr, "user nobody", "MAPI_E_LOGON_FAILED")


def two_strangers(t):
    return credentials(t, ["ann\tx1y2\tann@mapiary.test\t/o=x/cn=ann",
                           "bob\tx1y2\tbob@mapiary.test\t/o=x/cn=bob"])


def test_unreachable_server_is_named(t):
    with socket.socket() as s:  # bound, but nobody listens
        s.bind(("127.0.0.1", 0))
        where = "127.0.0.1:%d" % s.getsockname()[1]
        done = t.run(*small(t, "--url", "http://" + where, "--credentials",
                            two_strangers(t)))
    exits(done, 1)
    contains(done.stderr, where, "MAPI_E_NETWORK_ERROR", "user ann")


def test_name_that_does_not_resolve_is_named(t):
    done = t.run(*small(t, "--url", "https://nowhere.invalid",
                        "--credentials", two_strangers(t)))
    exits(done, 1)
    contains(done.stderr, "nowhere.invalid", "user ann")


class Answering:
    """A TCP server that answers every connection with the same bytes."""

    def __init__(self, answer):
        self.answer = answer
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(64)
        self.where = "127.0.0.1:%d" % self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                c, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.answer_one, args=(c,),
                             daemon=True).start()

    def answer_one(self, c):
        try:
            c.recv(65536)
            c.sendall(self.answer)
            c.shutdown(socket.SHUT_WR)
            while c.recv(65536):
                pass
        except OSError:
            pass
        c.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()


def test_doctor_names_who_is_stuck_on_what(t):
    """Promise 7, from outside: a call in flight, then its process stopped."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        where = "127.0.0.1:%d" % silent.getsockname()[1]
        p = t.start(*small(t, "--url", "http://" + where, "--credentials",
                           two_strangers(t)))
        lists = lambda: json.loads(
            t.run("lists", "--json").stdout or '{"lists": []}')["lists"]
        # In flight for so long that the process has shown that it lives.
        until(lambda: any(o["for_seconds"] > 2 for li in lists()
                          for c in li["connections"]
                          for o in c["in_flight"]), p)
        exits(t.run("doctor"), 0)  # waiting is not being stuck
        p.send_signal(signal.SIGSTOP)
        found = lambda: json.loads(t.run("doctor", "--json").stdout)["findings"]
        until(lambda: any(f["kind"] == "stopped-process" for f in found()), p)
        done = t.run("doctor")
        exits(done, 1)
        contains(done.stdout, str(p.pid), "has not moved")
        p.send_signal(signal.SIGCONT)
        p.kill()
        p.wait()
        done = t.run("doctor")
        contains(done.stdout, str(p.pid), "died")


def test_garbage_answers_end_with_a_message(t):
    head = (b"HTTP/1.1 200 OK\r\nContent-Type: application/mapi-http\r\n"
            b"X-ResponseCode: 0\r\nX-RequestType: Connect\r\n")
    body = b"PROCESSING\r\nDONE\r\nX-ElapsedTime: 1\r\n\r\n" + os.urandom(80)
    for answer in (b"", b"\x00\x01\x02" * 100,
                   b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                   head + b"Content-Length: %d\r\n\r\n" % len(body) + body,
                   head + b"Content-Length: 1000\r\n\r\nPROCESSING\r\n"):
        with Answering(answer) as server:
            done = t.run("demo", "--threads", 1, "--rounds", 1, "--mail",
                         t.path("mail") if os.path.exists(t.path("mail"))
                         else mail_dir(t),
                         "--url", "http://" + server.where, "--credentials",
                         two_strangers(t))
            exits(done, 1)
            contains(done.stderr, "user ann: log on", server.where)


def test_silent_server_ends_by_the_idle_deadline(t):
    with Answering(b"") as server:
        kept = []
        server.answer_one = kept.append  # kept open, and nothing said
        done = t.run(*small(t, "--idle", 1, "--url", "http://" + server.where,
                            "--credentials", two_strangers(t)))
    exits(done, 1)
    contains(done.stderr, "user ann: log on", server.where)
    equal(last_of(done)[2], 0, "hung: the server did not answer either")


class Cutting:
    """Stands before a server and cuts each connection after so many bytes of
    answers."""

    def __init__(self, url, limit):
        self.port = int(url.rsplit(":", 1)[1].split("/")[0])
        self.limit = limit
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(64)
        self.url = "http://127.0.0.1:%d" % self.sock.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c, _ = self.sock.accept()
                s = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                return
            for a, b, limit in ((c, s, None), (s, c, self.limit)):
                threading.Thread(target=self.pump, args=(a, b, limit),
                                 daemon=True).start()

    @staticmethod
    def pump(a, b, left):
        try:
            while data := a.recv(65536):
                if left is not None:
                    data = data[:left]
                    left -= len(data)
                b.sendall(data)
                if left == 0:
                    break
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()


def test_answers_cut_at_any_byte_never_hang(t):
    data, lines = make_users(t)
    listed = json.loads(t.run("user", "list", "--data", data,
                              "--json").stdout)
    dns = {u["name"]: u["dn"] for u in listed["users"]}
    _, url = t.serve(data)
    who = credentials(t, [f"{x}\t{dns[x.split()[0]]}" for x in lines])
    mail_dir(t)
    for limit in (0, 1, 17, 150, 300, 450, 600, 750, 900, 1300, 2500, 6000):
        with Cutting(url, limit) as server:
            done = t.run("demo", "--threads", 2, "--rounds", 2, "--mail",
                         t.path("mail"), "--url", server.url, "--credentials",
                         who, "--idle", 5)
        assert done.returncode in (0, 1), done
        sent, notified, hung, errors = last_of(done)
        equal(hung, 0, f"hung when cut at {limit}")
        if done.returncode:
            assert errors > 0, done.stdout + done.stderr
            contains(done.stderr, "user ")


def test_full_disk_under_the_server_is_named_and_survived(t):
    words = t.small_disk(3000, 'd=%s/data; "$0" user add ann --data $d '
                         '>&2; "$0" user add bob --data $d >&2; '
                         'exec "$0" serve --data $d' % t.path("small"))
    server, url = t.serve_by(words)
    with open(t.path("server.log")) as f:
        lines = [f"{x.strip()}\t{x.split()[0]}@mapiary.test" for x in f
                 if re.fullmatch(r"(ann|bob)\t\w{24}\n", x)]
    equal(len(lines), 2, "users that were made")
    mail_dir(t)
    for i in range(30):
        t.write(f"mail/big{i:02}.eml", f"Subject: big {i}\n\n"
                + "full of text \n" * 20000)
    done = t.run("demo", "--threads", 2, "--rounds", 2, "--mail",
                 t.path("mail"), "--url", url, "--credentials",
                 credentials(t, lines), "--autodiscover",
                 url + "/autodiscover/autodiscover.xml")
    exits(done, 1)
    contains(done.stderr, "load mail", "was not loaded")
    assert re.search(r"MAPI_E_(NOT_ENOUGH_DISK|STORE_FULL)", done.stderr), \
        done.stderr[-3000:]
    assert "MAPI_E_NETWORK_ERROR" not in done.stderr, done.stderr[-3000:]
    equal(server.poll(), None, "the server ended")


def test_damaged_mailbox_is_named_and_the_others_go_on(t):
    data, lines = make_users(t, ("ann", "bob", "eve"))
    who = credentials(t, lines)
    mail_dir(t)

    def demo():
        server, url = t.serve(data)
        done = t.run("demo", "--threads", 2, "--rounds", 3, "--mail",
                     t.path("mail"), "--url", url, "--credentials", who,
                     "--autodiscover",
                     url + "/autodiscover/autodiscover.xml")
        t.stop(server)
        return done

    exits(demo(), 0)
    boxes = [os.path.join(where, f) for where, _, files in os.walk(data)
             for f in files if f.endswith(".db") and f != "users.db"]
    equal(len(boxes), 3, "databases of mailboxes")
    with open(boxes[0], "r+b") as f:
        size = os.path.getsize(boxes[0])
        f.seek(100)
        f.write(os.urandom(size - 100))
    done = demo()
    exits(done, 1)
    bad = set(re.findall(r"error: user (\w+):", done.stderr))
    equal(len(bad), 1, "users with errors in\n" + done.stderr)


def test_no_room_for_shared_memory_is_said_not_a_crash(t):
    words = t.small_disk(512, 'MAPIARY_SEGMENT=%s/segment exec "$0" demo '
                         '--users 2 --rounds 2 --mail %s'
                         % (t.path("small"), mail_dir(t)))
    done = subprocess.run(words, env=t.env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    exits(done, 1)
    contains(done.stderr, "MAPIInitialize", t.path("small") + "/segment")


def test_server_killed_in_the_middle_ends_the_run_without_a_hang(t):
    p = t.start("demo", "--users", 4, "--threads", 4, "--rounds", 4000,
                "--mail", mail_dir(t, 4), "--data", t.path("data"))
    # The server is the one child of the demo; shared memory shows when the
    # demo talks to it.
    def talking():
        lists = t.run("lists", "--json")
        return lists.returncode == 0 and any(
            c["round_trips"] for x in json.loads(lists.stdout)["lists"]
            for c in x["connections"])

    until(talking, p)
    pid, = children(p.pid)
    os.kill(pid, signal.SIGKILL)
    out, err = p.communicate()
    equal(p.returncode, 1)
    contains(err, "MAPI_E_NETWORK_ERROR", "ended by itself")
    m = re.search(r"(\d+) hung, (\d+) errors$", out.strip())
    equal(int(m[1]), 0, "hung")
    assert int(m[2]) > 0


def test_interrupt_ends_the_run_in_order(t):
    p = t.start("demo", "--users", 4, "--threads", 4, "--rounds", 100000,
                "--mail", mail_dir(t, 4), "--data", t.path("data"))
    until(lambda: os.path.exists(t.segment), p)
    p.send_signal(signal.SIGINT)
    out, err = p.communicate()
    equal(p.returncode, 1)
    contains(err, "interrupted")
    contains(out, " 0 hung, 1 errors")
    assert not os.path.exists(t.path("data")), "the mailboxes are left behind"


def test_credentials_file_faults_are_named_by_line(t):
    url = "http://127.0.0.1:1"
    done = t.run("demo", "--url", url)
    exits(done, 2)
    contains(done.stderr, "--credentials")
    done = t.run("demo", "--url", url, "--credentials", t.path("none"))
    exits(done, 1)
    contains(done.stderr, t.path("none"))
    done = t.run("demo", "--url", url, "--credentials",
                 credentials(t, ["ann\tx\ta@x", "just-a-name"]))
    exits(done, 1)
    contains(done.stderr, "line 3")


def test_missing_mail_folder_and_bad_numbers_are_named(t):
    done = t.run("demo", "--mail", t.path("none"))
    exits(done, 1)
    contains(done.stderr, t.path("none"))
    os.mkdir(t.path("none"))
    done = t.run("demo", "--mail", t.path("none"))
    exits(done, 1)
    contains(done.stderr, "no mail")
    for bad in ("0", "-3", "many", "99999999999999999999"):
        done = t.run("demo", "--users", bad)
        exits(done, 2)
        contains(done.stderr, "--users")


def test_data_directory_is_never_reused(t):
    os.mkdir(t.path("data"))
    done = t.run(*small(t, "--data", t.path("data"), "--users", 2))
    exits(done, 1)
    contains(done.stderr, t.path("data"))
    assert os.path.exists(t.path("data"))


main(dict(globals()))
