# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mounted file system under load moves to another disk, or leaves a copy of one instant there."""
import os
import time

import file_system_load
import harness
from copying import CopyingTest
from file_system_load import CHECKS, Fio, Recorder, record

MACHINE = dict(disks=['384M', '384M'], mem='512M', timeout=240, kernel='uml')
FOLDER, COPY_FOLDER = '/run/data', '/run/copy'


class FileSystemsTest(CopyingTest):
    def test_a_mounted_ext4_moves_under_load(self):
        self.move_under_load('ext4')

    def test_a_mounted_xfs_moves_under_load(self):
        self.move_under_load('xfs')

    def test_a_copy_of_a_mounted_ext4_is_of_one_instant(self):
        self.copy_under_records('ext4')
        self.assertNotIn('needs_recovery', self.sh('dumpe2fs', '-h', self.disk(1)).stdout)
        self.sh(*CHECKS['ext4'], self.disk(1))
        self.expect_records_of_one_instant('ro')

    def test_a_copy_of_a_mounted_xfs_is_of_one_instant(self):
        self.copy_under_records('xfs')
        self.expect_records_of_one_instant('nouuid')  # rw: a frozen XFS leaves a record in its log, always
        self.sh(*CHECKS['xfs'], self.disk(1))

    # The stories.

    def move_under_load(self, kind):
        self.make_and_mount(kind)
        load = Fio(FOLDER, size=96)
        self.addCleanup(load.kill)
        self.wait_for(lambda: self.diskstats(self.disk(0))['writes'] > 500 or load.has_ended(), 60, 'fio to write')
        self.copy('vol', self.disk(1), '--speed', '40M')
        self.wait_offset('vol', 64 << 20)
        self.pause('vol')
        self.dmjob('resume', 'vol')
        self.dmjob('speed', 'vol', 0)
        self.wait_status('vol', 'ready')
        self.pivot('vol')
        time.sleep(1)
        load.end()
        self.sh('umount', FOLDER)
        self.expect_lives_on('vol', self.disk(1))
        self.dmjob('detach', 'vol')
        self.sh(*CHECKS[kind], self.disk(1))
        self.nothing_left()

    def copy_under_records(self, kind):
        self.make_and_mount(kind)
        recorder = Recorder(FOLDER, FOLDER)
        self.addCleanup(recorder.kill)
        self.wait_for(recorder.has_begun, 30, 'records')
        self.dmjob('copy', 'vol', self.disk(1), '--finish')
        self.latest = record(FOLDER, 'first')
        time.sleep(0.5)
        recorder.kill()
        self.expect_lives_on('vol', self.disk(0))
        self.nothing_left(volumes=['vol'])

    def expect_records_of_one_instant(self, mount_option):
        self.sh('mount', '-o', mount_option, self.disk(1), COPY_FOLDER)
        first, second = (record(COPY_FOLDER, name) for name in ('first', 'second'))
        self.assertIn(first - second, (0, 1))
        self.assertGreater(second, 0)
        self.assertLessEqual(first, self.latest)
        self.sh('umount', COPY_FOLDER)

    # How it is done.

    def make_and_mount(self, kind):
        file_system_load.make_and_mount(kind, self.attach('vol', self.disk(0)), FOLDER)
        os.makedirs(COPY_FOLDER)


if __name__ == '__main__':
    harness.main()
