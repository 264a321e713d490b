# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each header compiles alone, and a second time after itself."""
import concurrent.futures
import os
import subprocess

COMPILER = ['g++', '-std=c++20', '-fsyntax-only', '-Wall', '-Wextra', '-Werror', '-Wno-missing-field-initializers',
            '-x', 'c++', '-']


def check_header(root, path):
    source = f'#include "{path}"\n#include "{path}"\n'
    result = subprocess.run(COMPILER + ['-I', root], input=source, capture_output=True, text=True)
    return None if result.returncode == 0 else f'{path}:1: does not compile alone:\n{result.stderr}'


def check(root, files):
    headers = [file.path for file in files if file.is_header()]
    with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        yield from filter(None, pool.map(lambda path: check_header(root, path), headers))
