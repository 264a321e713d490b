# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests of caches and flushes have in common. No test in here."""
import os

import devices
from copying import CopyingTest
from write_log import FLUSH, WriteLog


def attribute(path, name):
    number = os.stat(path).st_rdev
    return f'/sys/dev/block/{os.major(number)}:{os.minor(number)}/{name}'


def says(path):
    with open(attribute(path, 'queue/write_cache')) as file:
        return file.read().strip()


def set_cache(path, kind):
    with open(attribute(path, 'queue/write_cache'), 'w') as file:
        file.write(kind)


class FlushStory(CopyingTest):
    log_disk = None  # the number of the one that is for a WriteLog

    def setUp(self):
        super().setUp()
        self.judge = None

    def judged(self, disk):
        """A disk whose flushes are written down; it says "write back", with FUA."""
        self.judge = WriteLog('judged', disk, self.disk(self.log_disk))
        return self.judge.path

    def flushes(self, path):
        if self.judge and path == self.judge.path:
            return sum(1 for flags, _ in self.judge.kinds() if flags & FLUSH)
        with open(attribute(path, 'stat')) as file:
            return int(file.read().split()[15])

    def volume_with_holders(self, name, source):
        """Two devices on top of each other, as a partition with a volume of LVM on it."""
        volume = self.attach(name, source)
        return volume, self.linear(f'{name}-top', self.linear(f'{name}-lv', volume))

    def expect_fsync_reaches(self, disk, top):
        self.write(top, 0, b'a' * 4096)  # where nothing else has a reason to flush any more
        before = self.flushes(disk)
        self.write(top, 0, b'b' * 4096)
        self.wait_for(lambda: self.flushes(disk) > before, 60, f'a flush of {disk}')

    def expect_write_back(self, *paths):
        self.assertEqual({path: says(path) for path in paths}, dict.fromkeys(paths, 'write back'))

    def remove_holders(self, name):
        self.dm_remove(f'{name}-top')
        self.dm_remove(f'{name}-lv')
