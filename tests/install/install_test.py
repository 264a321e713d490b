# SPDX-License-Identifier: LGPL-2.1-or-later
"""libdmjob as its users have it: what is installed, and the example built from that alone, in a root in which the
sources and the build are not."""
import os
import shutil
import subprocess
import tempfile
import unittest

SOURCE, BUILD = os.environ['SOURCE'], os.environ['BUILD']
PREFIX = 'opt/dmjob'
HEADERS = {f'libjob/core/{name}.h' for name in (
    'clock', 'driver', 'error', 'error_policy', 'event', 'export', 'job', 'progress', 'rate_limit', 'registry', 'signal',
    'status', 'transaction', 'worker')} | {'libjob/libjob.h'}

# In a mount namespace of its own, so nothing needs to be unmounted.
ENTER = '''
mount --rbind /usr "$0/usr"
mount --rbind /dev "$0/dev"
exec chroot "$0" /bin/sh -ec "$1"
'''
BUILD_BOTH = '''
cd /program
(cmake -G Ninja -D CMAKE_CXX_COMPILER=g++ -D CMAKE_PREFIX_PATH=/opt/dmjob -S . -B by_cmake && cmake --build by_cmake) &
export PKG_CONFIG_PATH=$(dirname $(find /opt/dmjob -name libdmjob.pc))
g++ -std=c++20 -Wall -Wextra -Werror -o by_pkg_config checksum.cc header_only.cc \\
  $(pkg-config --cflags --libs libdmjob) -Wl,-rpath,$(pkg-config --variable=libdir libdmjob)
wait $!
'''


def run(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise AssertionError(f'{command} failed:\n{result.stdout}')
    return result.stdout


def files_below(folder):
    return {os.path.relpath(os.path.join(path, name), folder) for path, _, names in os.walk(folder) for name in names}


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        root = tempfile.TemporaryDirectory()
        cls.addClassCleanup(root.cleanup)
        cls.root, cls.prefix = root.name, os.path.join(root.name, PREFIX)
        run('cmake', '--install', BUILD, '--component', 'libjob', '--prefix', cls.prefix)

    def library(self):
        return next(os.path.join(self.prefix, path) for path in files_below(self.prefix) if path.endswith('libdmjob.so.0'))

    def make_root(self):
        for name in ('bin', 'lib', 'lib64'):
            os.symlink(f'usr/{name}', os.path.join(self.root, name))
        for name in ('usr', 'dev', 'tmp'):
            os.mkdir(os.path.join(self.root, name))
        program = os.path.join(self.root, 'program')
        shutil.copytree(os.path.join(SOURCE, 'tests/install/program'), program)
        shutil.copy(os.path.join(SOURCE, 'libjob/example/checksum.cc'), program)
        shutil.copy(os.path.join(SOURCE, 'tests/example/checksum_test.py'), program)

    def in_root(self, script):
        return run('unshare', '--mount', '--propagation', 'private', 'sh', '-ec', ENTER, self.root, script)

    def test_exactly_the_public_headers_are_installed(self):
        self.assertEqual(files_below(os.path.join(self.prefix, 'include')), HEADERS)

    def test_programs_are_bound_to_the_soname(self):
        self.assertIn('Library soname: [libdmjob.so.0]', run('readelf', '--dynamic', self.library()))

    def test_only_the_public_names_are_shown(self):
        symbols = run('nm', '--dynamic', '--defined-only', '--demangle', self.library()).splitlines()
        ours = [symbol for symbol in symbols if ' dmjob::core::' in symbol]
        self.assertTrue(any('dmjob::core::Job::start()' in symbol for symbol in ours))
        self.assertEqual([symbol for symbol in ours if 'JobState::' in symbol or 'to_text' in symbol], [])
        # Bodies of Asio are weak, as in each program that has them in its headers, so that there is one of each.
        self.assertEqual([symbol for symbol in symbols if symbol.split()[1] in 'TDBR' and symbol not in ours], [])

    def test_another_boost_is_refused(self):
        source = f'#include "{self.prefix}/include/libjob/core/export.h"\n'
        result = subprocess.run(['g++', '-fsyntax-only', '-D', 'DMJOB_BOOST_VERSION=107400', '-x', 'c++', '-'],
                                input=source, capture_output=True, text=True)
        self.assertIn('libdmjob was built with another version of Boost', result.stderr)

    def test_the_example_is_built_and_runs_without_the_sources(self):
        self.make_root()
        self.in_root(BUILD_BOTH)
        for program in ('by_cmake/checksum', 'by_pkg_config'):
            with self.subTest(program):
                self.in_root(f'EXAMPLE=/program/{program} python3 -B /program/checksum_test.py')


if __name__ == '__main__':
    unittest.main()
