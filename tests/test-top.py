#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Mapiary authors
# SPDX-License-Identifier: Apache-2.0
"""`mapiary top`, `lists` and `doctor` on a terminal and without one, on segments
whose processes run, are stopped, are dead, and on what is no segment."""

import atexit
import errno
import fcntl
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

import pyte

from harness import (MAPIARY, SLOWER, Skip, contains, equal, exits, main,
                     until)


class Terminal:
    """A pseudo-terminal with `mapiary top` in it, and what its screen shows."""

    def __init__(self, t, *args, rows=24, cols=120, words=None, **env):
        self.screen = pyte.Screen(cols, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.fd, inner = os.openpty()
        self.set_size(rows, cols)
        self.before = termios.tcgetattr(inner)
        self.p = subprocess.Popen(
            words or [MAPIARY, "top", *args], stdin=inner, stdout=inner, stderr=inner,
            env=dict(t.env, **{"TERM": "linux", "LC_ALL": "C.UTF-8", **env}),
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(
                0, termios.TIOCSCTTY, 0))
        t.running.append(self.p)
        self.inner = inner

    def set_size(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, cols, 0, 0))

    def resize(self, rows, cols):
        """The kernel sends SIGWINCH."""
        self.screen.resize(max(rows, 1), max(cols, 1))
        self.set_size(rows, cols)

    def read(self, seconds=0.05):
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError as e:
                if e.errno != errno.EIO:
                    raise
                return
            self.raw += data
            self.stream.feed(data)

    def text(self):
        return "\n".join(self.screen.display)

    def shows(self, *parts):
        """Waits until the screen has them all."""
        while not all(x in self.text() for x in parts):
            if self.p.poll() is not None:
                raise AssertionError(f"top ended ({self.p.returncode}):\n"
                                     + self.text())
            self.read()

    def hides(self, part):
        while part in self.text():
            self.read()

    def keys(self, text):
        os.write(self.fd, text.encode() if isinstance(text, str) else text)

    def ended(self, status):
        """Waits for the end; the terminal must be as it was."""
        while self.p.poll() is None:
            self.read()
        self.read(0)
        equal(self.p.returncode, status, "status")
        equal(termios.tcgetattr(self.inner), self.before, "terminal modes")

    def close(self):
        os.close(self.fd)


def busy_demo(t, users=4):
    """A demo that has users logged on for a long time."""
    p = t.start("demo", "--users", users, "--threads", 2, "--rounds", 100000)
    until(lambda: lists(t, "logons"), p)
    return p


SHARED = f"/dev/shm/mapiary-test-top-{os.getpid()}"
shared = []


def shared_demo(t):
    """One demo for the cases that only look; ended with the program."""
    t.env["MAPIARY_SEGMENT"] = SHARED
    if not shared:
        directory = tempfile.mkdtemp(prefix="mapiary-test-top-")
        shared.append(subprocess.Popen(
            [MAPIARY, "demo", "--users", "4", "--threads", "2", "--rounds",
             "100000"], env=dict(t.env, TMPDIR=directory), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE))
        atexit.register(end_shared, directory)
    until(lambda: lists(t, "logons"), shared[0])


def end_shared(directory):
    shared[0].kill()
    shared[0].wait()
    os.unlink(SHARED)
    shutil.rmtree(directory, ignore_errors=True)


def lists(t, *keys):
    """True when some connection of the segment has all of these."""
    done = t.run("lists", "--json")
    return done.returncode == 0 and any(
        all(c.get(k) for k in keys) for li in json.loads(done.stdout)["lists"]
        for c in li["connections"])


def stop(t, p):
    """Stops a program and its children at a moment when a user is logged on."""
    pids = [p.pid, *children(p.pid)]
    while True:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for pid in pids:
            while state_of(pid) not in "TZ":
                time.sleep(0.01)  # between two looks
        if lists(t, "logons"):
            return
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(x) for x in f.read().split()]


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        return f.read().rpartition(")")[2].split()[0]


def test_keys_lead_through_the_views(t):
    shared_demo(t)
    term = Terminal(t)
    term.shows("/16384", "[lists]", "q quit", "nothing is stuck")
    term.keys("2")
    term.shows("[connections]", "LAST ERROR")
    term.keys("3")
    term.shows("[processes]", "BUDGET", "alive")
    term.keys("d")
    term.shows("[findings]", "SEVERITY")
    term.keys("d")
    term.shows("[processes]")
    term.keys("\t\t")
    term.shows("[lists]")
    term.keys("s")
    term.shows("by DOING")
    term.keys("<<")
    term.shows("by BUSY down")
    term.keys("r")
    term.shows("by BUSY up")
    term.keys("?")
    term.shows("Keys", "show rows whose user")
    term.keys("\x1b")
    term.shows("[lists]")
    term.hides("show rows whose user")
    term.keys(" ")
    term.shows("paused")
    term.keys(" ")
    term.hides("paused")
    term.keys("+")
    term.shows("every 2.0 s")
    term.keys("-")
    term.shows("every 1.0 s")
    term.keys("q")
    term.ended(0)


def test_the_filter_and_details(t):
    shared_demo(t)
    name = json.loads(t.run("lists", "--json").stdout)["lists"][0]["name"]
    term = Terminal(t)
    term.shows("[lists]")
    term.keys("/nobody-has-this-name")
    term.shows("0 shown", "filter: nobody-has-this-name")
    term.keys("\x15" + name.lower())
    term.shows("filter: " + name.lower())
    term.keys("\r")
    term.shows("q quit", name)
    term.keys(" ")  # users come and go: hold one
    term.shows("paused")
    while "1 shown" not in term.text():
        term.keys(" ")
        term.shows("1 shown")
        term.keys(" ")
        term.shows("paused")
    term.keys("\r")
    term.shows(name, "S-1-5-21-", "CRC", "Servers", "Connections")
    term.keys("\x1b\x1b[B\x1b[A\x1b[6~\x1b[5~\x1b[H\x1b[F")
    term.shows("[lists]")
    term.keys("q")
    term.ended(0)


def test_keys_that_are_no_letters(t):
    """What the terminal sends for arrows and their like, of two kinds."""
    shared_demo(t)
    for name in ("linux", "xterm"):
        home, end, pgup, pgdn, down, up, backtab = (
            subprocess.run(["tput", "-T", name, cap], check=True,
                           capture_output=True).stdout
            for cap in ("khome", "kend", "kpp", "knp", "kcud1", "kcuu1",
                        "kcbt"))
        term = Terminal(t, TERM=name, rows=9)
        term.shows("[lists]")
        term.keys(backtab)
        term.shows("[findings]")
        term.keys("\t")
        term.shows("[lists]")
        term.keys("?")
        term.shows("Keys", "arrows, j k")
        term.keys(down)
        term.hides("Keys")
        term.keys(up)
        term.shows("Keys")
        term.keys(end)
        term.shows("shown as they stopped")
        term.keys(pgup + pgup)
        term.hides("shown as they stopped")
        term.keys(home)
        term.shows("Keys")
        term.keys(pgdn)
        term.hides("arrows, j k")
        term.keys("\x1b")  # alone: nothing follows it
        term.shows("q quit", "USER")
        term.keys("Q")
        term.ended(0)
        term.close()


def test_a_terminal_of_any_size(t):
    shared_demo(t)
    term = Terminal(t, "--interval", "0.1")
    term.shows("[lists]")
    for rows, cols in ((1, 1), (2, 3), (5, 20), (60, 300), (0, 0), (8, 132),
                       (300, 1), (1, 300), (24, 80)):
        term.resize(rows, cols)
        for key in ("2", "\r", "\x1b", "?", "3", "d", "1", "/a\x1b"):
            term.keys(key)
            term.read()
        assert term.p.poll() is None, (rows, cols)
    term.shows("[lists]", "/16384", "q quit")
    equal(len(term.screen.display), 24)
    term.keys("q")
    term.ended(0)


def test_signals_give_the_terminal_back(t):
    shared_demo(t)
    for sig, status in ((signal.SIGTERM, -signal.SIGTERM),
                        (signal.SIGHUP, -signal.SIGHUP),
                        (signal.SIGINT, 0),
                        # Crashes, on a terminal that has another screen.
                        (signal.SIGSEGV, -signal.SIGSEGV),
                        (signal.SIGABRT, -signal.SIGABRT)):
        # A sanitizer has handlers of its own for crashes.
        if sig == signal.SIGSEGV and SLOWER > 1:
            continue
        term = Terminal(t, TERM="xterm")
        term.shows("[lists]")
        assert b"\x1b[?1049h" in term.raw, term.raw
        term.p.send_signal(sig)
        term.ended(status)
        assert b"\x1b[?1049l" in term.raw.split(b"\x1b[?1049h")[-1], sig
        term.close()


def test_it_is_stopped_and_continued(t):
    shared_demo(t)
    term = Terminal(t, TERM="xterm")
    term.shows("[lists]")
    term.p.send_signal(signal.SIGSTOP)
    while state_of(term.p.pid) != "T":
        time.sleep(0.01)  # between two looks
    seen = len(term.raw)
    term.p.send_signal(signal.SIGCONT)
    while b"mapiary top" not in term.raw[seen:]:
        term.read()  # all of it is drawn again
    term.keys("q")
    term.ended(0)


def test_ctrl_z_gives_the_shell_its_terminal(t):
    shared_demo(t)
    term = Terminal(t, TERM="xterm", words=[
        "bash", "-mc", '"$0" top; stty -a; echo now-the-shell; '
        "fg; echo the-end", MAPIARY])
    term.shows("[lists]")
    term.keys("\x1a")
    while b"now-the-shell" not in term.raw:
        term.read()
    shell = term.raw.split(b"\x1b[?1049l")[-1]
    contains(shell.decode(), " icanon", " echo ")
    while b"mapiary top" not in term.raw.split(b"now-the-shell")[-1]:
        term.read()
    term.keys("q")
    while b"the-end" not in term.raw:
        term.read()
    term.ended(0)


def test_the_end_of_the_terminal_ends_it(t):
    shared_demo(t)
    term = Terminal(t)
    term.shows("[lists]")
    os.close(term.inner)
    term.close()
    term.p.wait()


def test_terminals_of_little_skill(t):
    shared_demo(t)
    term = Terminal(t, TERM="vt100", LC_ALL="C", NO_COLOR="1")
    term.shows("[lists]", "q quit")
    assert b"\x1b[3" not in term.raw, "colours"
    term.raw.decode("ascii")
    term.keys("q")
    term.ended(0)
    for name in ("dumb", "no-such-terminal", ""):
        term = Terminal(t, "--interval", "0.1", TERM=name)
        while term.raw.count(b"mapiary top") < 3:
            term.read()
        assert b"\x1b" not in term.raw, term.raw
        term.p.send_signal(signal.SIGINT)
        term.ended(0)


def test_once_is_one_screen(t):
    shared_demo(t)
    out = t.run("top", "--once", "--rows", 9, "--width", 60).stdout
    assert len(out.splitlines()) <= 9, out
    assert max(map(len, out.splitlines())) <= 60, out
    contains(out, "/16384", "USER")
    t.env.update(COLUMNS="40", LINES="6")
    out = t.run("top", "--once").stdout
    assert len(out.splitlines()) <= 6, out
    assert max(map(len, out.splitlines())) <= 40, out
    contains(t.run("top", "--once", "--view", "processes").stdout, "alive")
    equal(t.run("top", "--once", "--filter", "no such user").stdout.count(
        "127.0.0.1"), 0)


def test_wrong_use_is_said(t):
    exits(t.run("top", "--once"), 1)
    contains(t.run("top", "--once").stderr, t.segment)
    done = t.run("top")
    exits(done, 1)
    contains(done.stderr, "--once")
    for words in (["--rows", "0"], ["--width", "x"], ["--interval", "0"],
                  ["--view", "no"], ["--nonsense"], ["more"],
                  ["--filter", "x" * 100]):
        exits(t.run("top", "--once", *words), 2)


def test_a_segment_comes_goes_and_is_replaced_while_top_runs(t):
    term = Terminal(t, "--interval", "0.1")
    term.shows("waiting for one")
    p = busy_demo(t)
    term.shows("/16384")
    p.send_signal(signal.SIGKILL)
    p.wait()
    os.unlink(t.segment)
    term.shows("waiting for one")
    t.write("damaged", b"x" * 10000)
    os.rename(t.path("damaged"), t.path("x"))
    subprocess.run(["cp", t.path("x"), t.segment], check=True)
    term.shows("not a Mapiary segment")
    os.unlink(t.segment)
    busy_demo(t, 3)
    term.shows("/16384")
    os.truncate(t.segment, 8192)
    term.shows("waiting for one")
    term.keys("q")
    term.ended(0)


def test_stopped_and_dead_processes_are_shown(t):
    p = busy_demo(t)
    term = Terminal(t, "--interval", "0.2")
    term.keys("3")
    term.shows("alive")
    stop(t, p)
    term.shows("stopped", "(1 stopped, 0 dead)", "all 1 processes are stopped")
    done = t.run("doctor", "--json")
    exits(done, 1)
    doc = json.loads(done.stdout)
    kinds = [f["kind"] for f in doc["findings"]]
    assert kinds[0] == "nobody-runs" and "stopped-process" in kinds, kinds
    for f in doc["findings"]:
        assert f["text"] and f["fault"] and f["advice"], f
    contains(t.run("doctor").stdout, "all 1 processes are stopped",
             "whose: ", "do: ", "kill -CONT")
    held = json.loads(t.run("lists", "--json").stdout)["lists"]
    contains(t.run("top", "--once").stdout, f"lists {len(held)}/16384")
    # The table says what the document does; nothing moves.
    table = t.run("lists").stdout
    for li in held:
        contains(table, f"{li['name']}  {li['sid']}", f"CRC {li['sid_crc']:08x}")
        for c in li["connections"]:
            contains(table, f"    {c['server']}  {c['kind']}  {c['state']}  "
                     f"pid {c['pid']}  {c['logons']} logons")
            for o in c["in_flight"]:
                contains(table, f"        {o['operation']} for ",
                         f", waiting on {o['waiting_on']}")
    for pid in [*children(p.pid), p.pid]:
        os.kill(pid, signal.SIGKILL)
    p.wait()
    term.shows("(0 stopped, 1 dead)", "dead")
    done = t.run("doctor")
    exits(done, 0)  # nothing hangs on the dead
    contains(done.stdout, "all 1 processes are dead")
    contains(t.run("lists").stdout, f"{len(held)} lists")
    term.keys("q")
    term.ended(0)


def test_no_proc_is_needed_and_nothing_is_written(t):
    """Looking works without /proc, with the file open for reading only, and
    changes no byte of it."""
    if SLOWER > 1:
        raise Skip("sanitizers read /proc themselves")
    p = busy_demo(t)
    stop(t, p)
    with open(t.segment, "rb") as f:
        before = f.read()
    how = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    libs = os.path.dirname(MAPIARY)  # ld.so asks /proc for $ORIGIN
    env = dict(t.env, LD_LIBRARY_PATH=libs, COLUMNS="100")
    if subprocess.run([*how, "mount", "-t", "tmpfs", "none", "/proc"],
                      check=False, capture_output=True).returncode:
        raise Skip("no right to hide /proc")
    for words in ("lists", "lists --json", "top --once", "doctor"):
        done = subprocess.run(
            [*how, "sh", "-c", "mount -t tmpfs none /proc && "
             f'exec "$0" {words}', MAPIARY], env=env, check=False,
            capture_output=True, text=True)
        assert done.returncode in (0, 1), (words, done)
        contains(done.stdout, t.segment)
        equal(done.stderr, "")
    with open(t.segment, "rb") as f:
        assert f.read() == before, "the segment was written to"


def test_names_cannot_touch_the_terminal(t):
    """A user's name with escape sequences, in every tool."""
    bad = "\x1b[2J\x1b]0;owned\x07\n\x9b31m\u202e"
    p = busy_demo(t)
    stop(t, p)
    name = json.loads(t.run("lists", "--json").stdout)["lists"][0]["name"]
    old = name.encode() + b"\0"
    with open(t.segment, "r+b") as f:
        data = f.read()
        at = data.find(old)
        assert at > 0
        while at > 0:
            f.seek(at)
            f.write(bad.encode() + b"\0")
            at = data.find(old, at + 1)
    for words in (["lists"], ["lists", "--json"], ["doctor"],
                  ["doctor", "--json"], ["top", "--once", "--width", "200"],
                  ["top", "--once", "--view", "findings"]):
        out = t.run(*words).stdout
        for c in "\x1b\x07\x9b\u202e":
            assert c not in out, (words, c)
    assert any(x["name"] == bad for x in
               json.loads(t.run("lists", "--json").stdout)["lists"])
    term = Terminal(t, TERM="vt100")
    term.shows("[lists]", "owned")
    assert b"\x1b]0;" not in term.raw
    assert "\u202e".encode() not in term.raw
    term.keys("q")
    term.ended(0)


main(dict(globals()))
