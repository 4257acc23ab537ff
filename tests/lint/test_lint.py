#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds lint.py to its rules: each broken tree must give the one finding it is made for."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lint  # noqa: E402  (the folder is put on the path above)

LICENCE = "/* " + lint.LICENCE + " */\n"


def header(path, body=""):
    guard = "WEIR_" + path.upper().replace("/", "_").replace(".", "_")
    return f"{LICENCE}#ifndef {guard}\n#define {guard}\n{body}#endif\n"


GOOD = {
    "README.md": "Weir\n",
    ".gitignore": "/build/\n",
    "core/base/span.h": header("core/base/span.h"),
    "core/base/rcu.h": header("core/base/rcu.h", "#include <urcu-qsbr.h>\n"),
    "config/model.h": header("config/model.h"),
    "config/yaml.h": header("config/yaml.h"),
    "io/ring.h": header("io/ring.h", "#include <liburing.h>\n"),
    "io/ring.c": LICENCE + '#include "core/base/span.h"\n#include "io/ring.h"\n',
    "tls/engine.h": header("tls/engine.h"),
    "tls/engine.c": LICENCE + "#include <wolfssl/ssl.h>\n/* as wolfSSL_read says */\n",
    "core/http/h1.h": header("core/http/h1.h", "/* never wolfSSL_read: see tls */\n"),
    "core/route/router.h": header("core/route/router.h", '#include "config/model.h"\n'),
    "core/proxy/conn.c": LICENCE + '#include "core/route/router.h"\n#include "tls/engine.h"\n',
    "core/app/main.c": LICENCE + '#include "config/yaml.h"\nint main(void)\n{\n'
                       + "    return 0;\n" * 70 + "}\n",
    "tests/unit/io/test_ring.c": LICENCE + '#include "helper.h"\n',
}


class LintTest(unittest.TestCase):
    def findings(self, changes):
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**GOOD, **changes}.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            return list(lint.check_tree(root))

    def assert_found(self, path, text, line, words):
        found = self.findings({path: text})
        self.assertEqual([(path.split("/")[0] if line is None else path, line or 1)],
                         [(where, number) for where, number, _ in found], found)
        self.assertIn(words, found[0][2])

    def test_a_good_tree_is_clean(self):
        self.assertEqual([], self.findings({}))

    def test_rooms_beside_each_other_do_not_include_each_other(self):
        self.assert_found("io/bad.c", LICENCE + '#include "tls/engine.h"\n', 2, "may not include")
        self.assert_found("tls/bad.c", LICENCE + '#include "io/ring.h"\n', 2, "may not include")
        self.assert_found("core/http/bad.c", LICENCE + '#include "config/model.h"\n', 2,
                          "may not include")

    def test_the_floor_includes_nothing_of_ours(self):
        self.assert_found("core/base/bad.c", LICENCE + '#include "core/http/h1.h"\n', 2,
                          "may not include")

    def test_lower_rooms_do_not_include_upper_ones(self):
        self.assert_found("core/route/bad.c", LICENCE + '#include "tls/engine.h"\n', 2,
                          "may not include")

    def test_route_and_proxy_take_the_model_only_from_config(self):
        for room in "route", "proxy":
            self.assert_found(f"core/{room}/bad.c", LICENCE + '#include "config/yaml.h"\n', 2,
                              "may not include")

    def test_nothing_includes_tests(self):
        self.assert_found("io/bad.c", LICENCE + '#include "tests/unit/io/x.h"\n', 2, "tests")

    def test_includes_are_written_from_the_root(self):
        self.assert_found("io/bad.c", LICENCE + '#include "ring.h"\n', 2, "root")

    def test_included_files_exist(self):
        self.assert_found("io/bad.c", LICENCE + '#include "io/gone.h"\n', 2, "no such file")

    def test_libraries_stay_in_their_place(self):
        self.assert_found("core/proxy/bad.c", LICENCE + "#include <wolfssl/ssl.h>\n", 2, "wolfSSL")
        self.assert_found("core/proxy/bad.c", LICENCE + "int x = wolfSSL_read(0);\n", 2, "wolfSSL")
        self.assert_found("core/base/bad.c", LICENCE + "#include <urcu-qsbr.h>\n", 2, "liburcu")
        self.assert_found("core/proxy/bad.c", LICENCE + "#include <liburing.h>\n", 2, "liburing")

    def test_long_functions_are_found(self):
        body = LICENCE + "int f(void)\n{\n" + "    f();\n" * 71 + "}\n"
        self.assert_found("io/bad.c", body, 3, "function of 71 lines")

    def test_long_tables_are_no_functions(self):
        body = LICENCE + "int table[] = {\n" + "    1,\n" * 400 + "};\n"
        self.assertEqual([], self.findings({"io/good.c": body}))

    def test_long_files_are_found(self):
        self.assert_found("io/bad.c", LICENCE + "int x;\n" * 800, 1, "file of 801 lines")

    def test_long_lines_are_found(self):
        self.assert_found("io/bad.c", LICENCE + "int " + "x" * 97 + ";\n", 2, "columns")

    def test_trailing_space_is_found(self):
        self.assert_found("io/bad.c", LICENCE + "int x; \n", 2, "white space")

    def test_licence_lines_are_asked_for(self):
        self.assert_found("io/bad.c", "int x;\n", 1, "licence")
        self.assert_found("tests/run.sh", "#!/bin/sh\n", 1, "licence")

    def test_include_guards_are_asked_for(self):
        self.assert_found("io/bad.h", LICENCE + "int x;\n", 1, "WEIR_IO_BAD_H")

    def test_volatile_is_found(self):
        self.assert_found("io/bad.c", LICENCE + "volatile int x;\n", 2, "volatile")

    def test_open_ends_are_found(self):
        self.assert_found("io/bad.c", LICENCE + "/* TO" + "DO */\n", 2, "left open")

    def test_strange_top_level_entries_are_found(self):
        self.assert_found("scripts/x.txt", "x\n", None, "top level")

    def test_paths_of_one_machine_are_found(self):
        for path in "/wor" + "k/main", "/hom" + "e/ada/weir":
            self.assert_found("docs/x.md", f"Run `{path}/build` first\n", 1, "machine")


if __name__ == "__main__":
    unittest.main()
