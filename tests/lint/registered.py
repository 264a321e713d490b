# SPDX-License-Identifier: LGPL-2.1-or-later
"""No test is forgotten: each *_test.cc and *_test.py is named in a CMakeLists.txt, each test_*.py lies where ctest
finds it and has a test in it."""
import re

KERNEL_TESTS = 'tests/kernel'


def named_in(build_files, name):
    return any(re.search(rf'(?<![\w]){re.escape(name)}\b', file.text) for file in build_files)


def check(root, files):
    del root
    build_files = [file for file in files if file.name == 'CMakeLists.txt']
    for file in files:
        name = file.name.removesuffix('.py')  # a script may be named without it, as its test
        if name.endswith(('_test.cc', '_test')) and not named_in(build_files, name):
            yield f'{file.path}:1: no CMakeLists.txt names it, so it never runs'
        if re.fullmatch(r'test_\w+\.py', file.name):
            if file.folder != KERNEL_TESTS and not named_in(build_files, file.name):
                yield f'{file.path}:1: ctest looks for it in {KERNEL_TESTS} only'
            if not re.search(r'^ +def test_', file.text, re.MULTILINE):
                yield f'{file.path}:1: there is no test in it'
