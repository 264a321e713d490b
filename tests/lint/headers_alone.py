# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each header compiles alone, and a second time after itself. One that its own source includes first needs no look:
the build has compiled it so."""
import concurrent.futures
import os
import re
import subprocess

COMPILER = ['g++', '-std=c++20', '-fsyntax-only', '-Wall', '-Wextra', '-Werror', '-Wno-missing-field-initializers',
            '-x', 'c++', '-']


def check_header(root, path):
    source = f'#include "{path}"\n#include "{path}"\n'
    result = subprocess.run(COMPILER + ['-I', root], input=source, capture_output=True, text=True)
    return None if result.returncode == 0 else f'{path}:1: does not compile alone:\n{result.stderr}'


def first_include(file):
    line = next((line for line in file.lines if line.startswith('#include')), '')
    return re.match(r'#include "(.*)"', line)


def compiled_by_its_source(header, sources):
    source = sources.get(header.removesuffix('.h') + '.cc')
    include = source and first_include(source)
    return bool(include) and include.group(1) == header


def check(root, files):
    sources = {file.path: file for file in files if file.path.endswith('.cc')}
    headers = [file.path for file in files
               if file.is_header() and not compiled_by_its_source(file.path, sources)]
    with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        yield from filter(None, pool.map(lambda path: check_header(root, path), headers))
