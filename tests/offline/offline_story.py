# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of offline copies have in common: a folder, a daemon of their own, files and loop devices. All of it
is gone at the end, however the test ends."""
import json
import os
import random
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'kernel'))
from copying import CopyingTest  # noqa: E402  (the same verbs as on the test machines)
from qmp_client import QmpClient  # noqa: E402

MIB = 1 << 20


class OfflineTest(CopyingTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='dmjob-offline.', dir='/var/tmp')
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.socket_path = self.path('run/qmp.sock')
        self.state_dir = self.path('state')
        self.log_path = self.path('dmjobd.log')
        super().setUp()

    def start_daemon(self, *options, **environment):
        super().start_daemon('--config', '/dev/null', *options, **environment)

    def path(self, name):
        return os.path.join(self.folder, name)

    # Files. What is written is never zero, and different everywhere.

    def sparse_file(self, name, size, data=()):
        """Holes, but for the ranges in data: (offset, length) pairs, in MiB. Returns the path."""
        path = self.path(name)
        with open(path, 'wb') as file:
            file.truncate(size)
        for offset, length in data:
            self.fill(path, offset * MIB, length * MIB)
        return path

    @staticmethod
    def fill(path, offset, length, byte=None):
        """With one byte, or with what no other place has."""
        generator = random.Random(offset)
        with open(path, 'r+b') as file:
            file.seek(offset)
            for _ in range(0, length, MIB):
                file.write(bytes([byte]) * MIB if byte is not None else generator.randbytes(MIB))
            os.fsync(file.fileno())

    @staticmethod
    def allocated(path):
        """Bytes on disk."""
        return os.stat(path).st_blocks * 512

    def loop(self, path, *options):
        device = self.sh('losetup', '--find', '--show', *options, path).stdout.strip()
        self.addCleanup(self.sh, 'losetup', '--detach', device)
        return device

    def small_file_system(self, size):
        """Returns where it is mounted."""
        folder = self.path('full')
        os.mkdir(folder)
        self.sh('mount', '-t', 'tmpfs', '-o', f'size={size}', 'small', folder)
        self.addCleanup(self.sh, 'umount', folder)
        return folder

    def our_loops(self):
        """Those over files in the folder."""
        return [line for line in self.sh('losetup', '--list').stdout.splitlines() if self.folder in line]

    # Clients that see more than the command line shows.

    def connect(self):
        client = QmpClient(self.socket_path)
        self.addCleanup(client.close)
        return client

    def make_two_events(self, client):
        """Of a job that does not start: created, null."""
        source = self.sparse_file('source', 1 << 16)
        request = dict(execute='blockdev-mirror', arguments={
            'job-id': 'never', 'device': source, 'target': self.path('never'), 'sync': 'full',
            'speed': -1})
        client.socket.sendall(json.dumps(request).encode())
        client.until(lambda line: 'error' in line)

    # Jobs.

    def expect_copied(self, source, target, *options):
        self.dmjob('copy', source, target, '--wait', *options)
        self.expect_identical(source, target)

    def wait_gone(self, job, timeout=60):
        """Until it has ended. Returns its outcome."""
        self.wait_for(lambda: not self.list(), timeout, lambda: f'the end of {self.list()}')
        return self.outcome(job)

    def expect_no_scratch(self):
        left = [name for folder in (self.state_dir, self.path('run')) for name in os.listdir(folder)]
        self.assertEqual([name for name in left if name.startswith('scratch')], [])


class Result(unittest.TextTestResult):
    """Shows the daemon's log with a failure, while it is there."""

    def addError(self, test, err):
        super().addError(test, err)
        self.show_log(test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.show_log(test)

    @staticmethod
    def show_log(test):
        if os.path.exists(test.log_path):
            print(test.daemon_log(), flush=True)


def main():
    if os.geteuid() != 0:
        sys.exit('these tests need root, for loop devices')
    unittest.main(module='__main__', verbosity=2, testRunner=unittest.TextTestRunner(resultclass=Result, verbosity=2))
