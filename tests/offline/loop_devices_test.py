# SPDX-License-Identifier: LGPL-2.1-or-later
"""Copies between disks that nobody uses, loop devices here, and between disks and files."""
import os

import offline_story
from offline_story import MIB, OfflineTest


class LoopDevicesTest(OfflineTest):
    def test_a_gibibyte_from_disk_to_disk(self):
        source = self.loop(self.sparse_file('source', 1024 * MIB, [(0, 32), (512, 16), (1020, 4)]))
        target = self.loop(self.sparse_file('target', 1024 * MIB, [(0, 8), (900, 8)]))
        self.expect_copied(source, target)
        self.expect_no_scratch()
        self.assertEqual(len(self.our_loops()), 2)

    def test_a_larger_target_keeps_what_is_behind(self):
        source = self.loop(self.sparse_file('source', 8 * MIB, [(0, 8)]))
        target = self.loop(self.sparse_file('target', 24 * MIB, [(0, 24)]))
        self.expect_copied(source, target)
        behind = self.sparse_file('behind', 24 * MIB, [(0, 24)])
        for offset in (12 * MIB, 23 * MIB):
            self.expect_same_bytes(target, behind, offset, MIB)

    def test_from_a_disk_to_a_file_and_back(self):
        disk = self.loop(self.sparse_file('disk', 16 * MIB, [(0, 1), (15, 1)]))
        self.expect_copied(disk, self.path('file'))
        self.assertLess(self.allocated(self.path('file')), 4 * MIB)
        self.expect_copied(disk, self.path('file'), '--force')  # on the file system that also holds the disk
        back = self.loop(self.sparse_file('back', 16 * MIB, [(0, 16)]))
        self.expect_copied(self.path('file'), back)

    def test_a_file_that_a_disk_is_made_of_is_in_use(self):
        source = self.sparse_file('source', 8 * MIB, [(0, 8)])
        target = self.sparse_file('target', 8 * MIB)
        loop = self.loop(target)
        held = f'held by {os.path.basename(loop)}'
        self.expect_refused(f'target {target} is {held}', 'copy', source, target, '--force')
        self.expect_refused(f'target {target} is {held}', 'copy', loop, target, '--force')
        self.expect_refused(f'source {target} is {held}: copy {loop}', 'copy', target, self.path('new'))
        self.assertEqual(self.list() + self.history(), [])

    def test_a_disk_that_is_mounted_is_no_source_and_no_target(self):
        disk = self.loop(self.sparse_file('disk', 16 * MIB))
        other = self.loop(self.sparse_file('other', 16 * MIB))
        self.sh('mkfs.ext4', '-q', disk)
        os.mkdir(self.path('mounted'))
        self.sh('mount', '-o', 'ro', disk, self.path('mounted'))
        self.addCleanup(self.sh, 'umount', self.path('mounted'))
        self.expect_refused("'dmjob attach NAME", 'copy', disk, other)
        self.expect_refused(f'is mounted on {self.path("mounted")}', 'copy', other, disk, '--force')

    def test_nobody_can_mount_a_disk_while_it_is_copied(self):
        source = self.sparse_file('source', 16 * MIB, [(0, 16)])
        self.sh('mkfs.ext4', '-q', source)
        source, target = self.loop(source), self.loop(self.sparse_file('target', 16 * MIB))
        os.mkdir(self.path('mounted'))
        self.copy(source, target, '--id', 'j', '--speed', '1M')
        self.wait_offset('j', 1)
        self.expect_refused("in use by job 'j'", 'copy', source, self.path('file'), '--id', 'k')
        self.assertNotEqual(self.sh('mount', source, self.path('mounted'), check=False).returncode, 0)
        self.dmjob('cancel', 'j')
        self.sh('mount', '-o', 'ro', source, self.path('mounted'))
        self.sh('umount', self.path('mounted'))

    def test_too_small_and_with_a_signature(self):
        source = self.loop(self.sparse_file('source', 16 * MIB, [(0, 1)]))
        small = self.loop(self.sparse_file('small', 8 * MIB))
        signed = self.loop(self.sparse_file('signed', 16 * MIB))
        self.sh('mkfs.ext4', '-q', signed)
        self.expect_refused('is too small', 'copy', source, small)
        self.expect_refused('carries a signature (ext4): --force', 'copy', source, signed)
        self.expect_copied(source, signed, '--force')

    def expect_same_bytes(self, one, other, offset, length):
        with open(one, 'rb') as left, open(other, 'rb') as right:
            self.assertEqual(os.pread(left.fileno(), length, offset), os.pread(right.fileno(), length, offset))


if __name__ == '__main__':
    offline_story.main()
