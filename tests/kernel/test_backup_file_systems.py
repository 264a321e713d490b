# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mounted file systems under load, backed up in one transaction: each is clean in its backup and of one instant with
the other."""
import os

import file_system_load
import harness
from copying import CopyingTest
from file_system_load import Fio, Recorder, record

MACHINE = dict(disks=['320M', '64M', '384M', '96M'], mem='640M', timeout=240, kernel='uml')
XFS, EXT4, COPY = '/run/xfs', '/run/ext4', '/run/copy'


class BackupFileSystemsTest(CopyingTest):
    def test_a_mounted_xfs_and_a_mounted_ext4_under_load_are_clean_and_of_one_instant(self):
        loads = [self.begin_load('xfs', self.disk(0), XFS), self.begin_load('ext4', self.disk(1), EXT4)]
        recorder = Recorder(XFS, EXT4)
        self.addCleanup(recorder.kill)
        self.wait_for(recorder.has_begun, 30, 'records')
        self.until_written(200)
        before = record(EXT4, 'second')
        self.dmjob('backup', 'xfs', self.disk(2), 'ext4', self.disk(3), '--wait')
        after = record(XFS, 'first')
        recorder.kill()
        for load in loads:
            self.assertFalse(load.has_ended(), 'a load ended by itself')
            load.kill()
        first = self.look_into('xfs', self.disk(2), 'nouuid', 'first')
        second = self.look_into('ext4', self.disk(3), 'ro', 'second')
        self.assertIn(first - second, (0, 1))
        self.assertGreaterEqual(second, before)
        self.assertLessEqual(first, after)
        for name, number in (('xfs', 0), ('ext4', 1)):
            self.expect_lives_on(name, self.disk(number))
        self.nothing_left(volumes=['xfs', 'ext4'])

    def begin_load(self, kind, disk, folder):
        """On all blocks of a file, so that each has what shows whether it is whole."""
        file_system_load.make_and_mount(kind, self.attach(kind, disk), folder)
        Fio.fill(folder)
        load = Fio(folder, iops=200)
        self.addCleanup(load.kill)
        return load

    def until_written(self, least):
        """So many more writes to each."""
        disks = [self.disk(0), self.disk(1)]
        before = [self.diskstats(disk)['writes'] for disk in disks]
        self.wait_for(lambda: all(self.diskstats(disk)['writes'] > writes + least for disk, writes in zip(disks, before)),
                      60, 'the loads')

    def look_into(self, kind, disk, mount_option, name):
        """A frozen XFS leaves a record in its log, always: it is checked when it has been mounted."""
        if kind == 'ext4':
            self.assertNotIn('needs_recovery', self.sh('dumpe2fs', '-h', disk).stdout)
            self.sh(*file_system_load.CHECKS[kind], disk)
        os.makedirs(COPY, exist_ok=True)
        self.sh('mount', '-o', mount_option, disk, COPY)
        Fio.verify(COPY)
        number = record(COPY, name)
        self.sh('umount', COPY)
        if kind == 'xfs':
            self.sh(*file_system_load.CHECKS[kind], disk)
        return number


if __name__ == '__main__':
    harness.main()
