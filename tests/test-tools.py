#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Mapiary authors
# SPDX-License-Identifier: Apache-2.0
"""The tools that judge the rest: they count right, and they can say no."""

import json
import os
import shutil
import subprocess

from harness import contains, equal, main

TOOLS = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "tools")


def report(t, *programs):
    """Runs test-report over programs as (result, stdout) pairs."""
    log = t.write("log.json", "".join(
        json.dumps({"name": "mapiary:unit / x/test-%d" % i, "stdout": out,
                    "stderr": "", "result": result,
                    "returncode": 0 if result == "OK" else 1}) + "\n"
        for i, (result, out) in enumerate(programs)))
    t.write("results", "")
    done = subprocess.run([os.path.join(TOOLS, "test-report"), "plain", log,
                           t.path("results")], capture_output=True,
                          text=True, check=False)
    with open(t.path("results")) as f:
        lines = f.read().splitlines()
    return (done.returncode, sum(x.startswith("ok ") for x in lines),
            sum(x.startswith("not ok ") for x in lines), done.stdout)


def test_cases_are_counted_not_programs(t):
    equal(report(t, ("OK", "ok one\n# talk\nok - two\n"),
                 ("OK", "ok 1 - three\nokay is no case\n"))[:3], (0, 3, 0))


def test_a_failed_case_is_counted_and_shown(t):
    status, ok, bad, out = report(t, ("FAIL", "ok a\nnot ok b\nwhy: c\n"))
    equal((status, ok, bad), (1, 1, 1))
    contains(out, "not ok - plain: x/test-0: b", "why: c")


def test_a_failed_case_counts_even_with_status_0(t):
    equal(report(t, ("OK", "ok a\nnot ok b\n"))[:3], (1, 1, 1))


def test_a_crash_and_a_deadline_are_failures(t):
    status, ok, bad, out = report(t, ("FAIL", "ok a\n"), ("TIMEOUT", ""))
    equal((status, ok, bad), (1, 1, 2))
    contains(out, "ended as TIMEOUT")


def test_a_program_that_ran_nothing_is_a_failure(t):
    equal(report(t, ("OK", "nothing to see\n"))[:3], (1, 0, 1))


def test_skipped_cases_are_shown_not_counted(t):
    status, ok, bad, out = report(t, ("OK", "ok a\nskip b: no network\n"))
    equal((status, ok, bad), (0, 1, 0))
    contains(out, "b: no network", "1 skipped")


def test_no_test_at_all_is_a_failure(t):
    equal(report(t)[:3], (1, 0, 1))


def tree(t, **files):
    """A small checkout with the real tools; returns what lint prints."""
    for tool in ("lint", "sources"):
        os.makedirs(t.path("tools"), exist_ok=True)
        shutil.copy(os.path.join(TOOLS, tool), t.path("tools"))
    shutil.copy(os.path.join(TOOLS, "..", ".clang-format"), t.dir)
    for d in ("src/base", "src/wire", "src/net", "src/store", "tests",
              "include/mapi"):
        os.makedirs(t.path(d), exist_ok=True)
    spdx = ("/* SPDX-FileCopyrightText: 2026 The Mapiary authors */\n"
            "/* SPDX-License-Identifier: Apache-2.0 */\n")
    t.write("include/mapi/fine.h", spdx + "#ifndef F\n#define F\n#endif\n")
    os.makedirs(t.path("doc"))
    t.write("doc/known-failures.md", "".join(
        f"| B{n} | x | y |\n" for n in [*range(1, 81), "33a"]))
    for name, text in files.items():
        t.write(name.replace("__", "/").replace("_DOT_", "."),
                text.replace("SPDX\n", spdx))
    return subprocess.run([t.path("tools/lint")], capture_output=True,
                          text=True, check=False)


def test_lint_is_content_with_good_code(t):
    done = tree(t, src__wire__a_DOT_c='SPDX\n#include "base/b.h"\n')
    equal(done.returncode, 0)
    assert "not ok" not in done.stdout, done.stdout


def test_lint_sees_a_layer_that_points_up(t):
    done = tree(t, src__wire__a_DOT_c='SPDX\n#include "net/n.h"\n',
                src__store__s_DOT_c='SPDX\n#include "net/n.h"\n')
    equal(done.returncode, 1)
    contains(done.stdout, "not ok - lint: layers point down",
             "src/wire/a.c: wire/ must not include net/",
             "src/store/s.c: store/ must not include net/")


def test_lint_sees_a_library_that_prints(t):
    done = tree(t, src__net__a_DOT_c='SPDX\nint f(void)\n{\n'
                '\treturn printf("x");\n}\n')
    contains(done.stdout, "not ok - lint: library code never prints",
             "src/net/a.c:5: library code calls printf")


def test_lint_sees_bad_format_and_missing_licence(t):
    done = tree(t, src__net__a_DOT_c="int  f( void ) { return 1; }\n")
    contains(done.stdout, "not ok - lint: clang-format",
             "not ok - lint: every source names copyright")


def test_lint_sees_a_known_failure_without_its_scenario(t):
    rows = "".join(f"| B{n} | x | y |\n" for n in range(2, 80))
    done = tree(t, **{
        "doc/known-failures.md": "| B1 | x | `src/a.c: test_gone` |\n"
        "| B1 | x | `src/net/a.c: test_here` `src/net/a.c: test_no` |\n"
        + rows, "src/net/a.c": "SPDX\nvoid test_here(void);\n"})
    contains(done.stdout, "not ok - lint: every known failure",
             "B80 is not there", "B33a is not there", "B1 is there twice",
             "there is no src/a.c", "src/net/a.c has no test_no")
    assert "test_here" not in done.stdout, done.stdout


def test_lint_sees_a_header_that_cxx_cannot_read(t):
    done = tree(t, include__mapi__bad_DOT_h="SPDX\nint f(int class);\n")
    contains(done.stdout, "not ok - lint: <bad.h> compiles alone",
             "ok - lint: <fine.h> compiles alone")


def test_coverage_counts_only_what_tests_name(t):
    os.makedirs(t.path("tools/data"))
    os.makedirs(t.path("src/server"))
    os.makedirs(t.path("tests"))
    shutil.copy(os.path.join(TOOLS, "rop-coverage"), t.path("tools"))
    t.write("tools/data/rop-requirements.tsv",
            "# facts\n0x02\tRopOpenFolder\ttestable\tMS-OXCFOLD\t1 2 3 4\n"
            "0x02\tRopOpenFolder\tother\tMS-OXCFOLD\t9\n")
    t.write("src/server/test-x.c", "/* MS-OXCFOLD_R1, R2: both */\n")
    t.write("src/server/x.c", "/* MS-OXCFOLD_R3: no test */\n")
    done = subprocess.run([t.path("tools/rop-coverage")], check=True,
                          capture_output=True, text=True)
    contains(" ".join(done.stdout.split()), "RopOpenFolder 2 of 4 0 of 1")


main(dict(globals()))
