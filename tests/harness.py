# SPDX-FileCopyrightText: 2026 The Mapiary authors
# SPDX-License-Identifier: Apache-2.0
"""
Runs the cases of a whole-program test: every function whose name starts with
test_, in order, each with a deadline, in a scratch directory of its own.
Prints `ok NAME` or `not ok NAME` and why.  Programs that a case starts are
ended with it; each gets a shared-memory segment of the case's own.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

MAPIARY = os.path.abspath(sys.argv[1])
DEADLINE_S = 120
SLOWER = 4 if re.search(r"asan|tsan", MAPIARY) else 1


class Overdue(BaseException):
    pass


class Skip(Exception):
    """The machine cannot do what the case needs."""


class Case:
    """What a case has: a directory, and programs."""

    def __init__(self, directory):
        self.dir = directory
        self.running = []
        # Shared memory of its own, so that cases do not meet.
        self.segment = os.path.join("/dev/shm",
                                    "mapiary-test-%d" % os.getpid())
        self.env = dict(os.environ, MAPIARY_SEGMENT=self.segment,
                        TMPDIR=directory)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data):
        mode = "wb" if isinstance(data, bytes) else "w"
        with open(self.path(name), mode) as f:
            f.write(data)
        return self.path(name)

    def run(self, *args, stdin=None):
        """Runs `mapiary ARGS` to its end."""
        return subprocess.run([MAPIARY, *map(str, args)], env=self.env,
                              input=stdin, stdin=None if stdin is not None
                              else subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)

    def start(self, *args, **more):
        """Starts `mapiary ARGS`; it is ended with the case."""
        p = subprocess.Popen([MAPIARY, *map(str, args)], env=self.env,
                             stdin=subprocess.DEVNULL,
                             **{"stdout": subprocess.PIPE,
                                "stderr": subprocess.PIPE,
                                "text": True, **more})
        self.running.append(p)
        return p

    def small_disk(self, kib, command):
        """Words that run the shell command in a mount namespace of its own,
        where self.path("small") is a file system of that size; "$0" is the
        mapiary command."""
        os.makedirs(self.path("small"), exist_ok=True)
        for how in (["unshare", "-m"], ["unshare", "-Urm"]):
            mount = f"mount -t tmpfs -o size={kib}k none {self.path('small')}"
            words = [*how, "sh", "-ec", mount + "; " + command, MAPIARY]
            if subprocess.run([*how, "sh", "-c", mount], check=False,
                              capture_output=True).returncode == 0:
                return words
        raise Skip("no right to mount a small file system")

    def serve(self, data, *args):
        """Starts a server; returns it and its URL."""
        return self.serve_by([MAPIARY, "serve", "--data", data, *args])

    def serve_by(self, words):
        """Starts a server by a command that becomes one."""
        with open(self.path("server.log"), "a") as log:
            p = subprocess.Popen(words, env=self.env, text=True, stderr=log,
                                 stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE)
        self.running.append(p)
        line = p.stdout.readline()
        if "http" not in line:
            with open(self.path("server.log")) as f:
                raise AssertionError("no server: " + line + f.read())
        return p, line.split()[-1]

    def stop(self, server):
        """Ends a server as an administrator does; what it said is in the
        error when it does not end well (a sanitizer's report, say)."""
        server.send_signal(signal.SIGTERM)
        status = server.wait()
        if status != 0:
            with open(self.path("server.log")) as f:
                raise AssertionError(f"the server ended with {status}:\n"
                                     + f.read()[-8000:])

    def end(self):
        for p in self.running:
            if p.poll() is None:
                p.kill()
            p.wait()
            for f in (p.stdout, p.stderr):
                if f:
                    f.close()
        if os.path.exists(self.segment):
            os.unlink(self.segment)


def children(pid):
    """Process ids of the children of a process."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="ascii",
                      errors="replace") as f:
                if int(f.read().rpartition(")")[2].split()[1]) == pid:
                    found.append(int(entry))
        except OSError:
            pass  # ended meanwhile
    return found


def until(what, p):
    """Polls until what() is true; an error when the program p ends first."""
    while not what():
        if p.poll() is not None:
            raise AssertionError("the program ended too early:\n"
                                 + p.stdout.read() + p.stderr.read())
        time.sleep(0.02)  # between two looks; nothing is timed by it


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def contains(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError(f"{part!r} is not in:\n{text}")


def exits(done, status):
    if done.returncode != status:
        raise AssertionError(
            f"exit status {done.returncode}, not {status}\n"
            f"stdout:\n{done.stdout}\nstderr:\n{done.stderr}")


def on_alarm(signum, frame):
    raise Overdue()


def run_case(name, fn):
    directory = tempfile.mkdtemp(prefix="mapiary-test-")
    case = Case(directory)
    signal.alarm(DEADLINE_S * SLOWER)
    try:
        fn(case)
        signal.alarm(0)
        print(f"ok {name}", flush=True)
        return True
    except Skip as why:
        signal.alarm(0)
        print(f"skip {name}: {why}")
        return True
    except Overdue:
        print(f"not ok {name} # no end within its deadline")
    except Exception:  # the case's own failure, whatever it is
        signal.alarm(0)
        print(f"not ok {name}")
        traceback.print_exc(file=sys.stdout)
    finally:
        signal.alarm(0)
        case.end()
        shutil.rmtree(directory, ignore_errors=True)
        sys.stdout.flush()
    return False


def main(names):
    signal.signal(signal.SIGALRM, on_alarm)
    only = sys.argv[2:]
    bad = 0
    for name, fn in names.items():
        if name.startswith("test_") and callable(fn) \
                and (not only or any(o in name for o in only)):
            began = time.monotonic()
            bad += not run_case(name, fn)
            print(f"# {name}: {time.monotonic() - began:.1f} s", flush=True)
    sys.exit(1 if bad else 0)
