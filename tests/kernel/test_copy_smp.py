# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main story on more than one processor."""
import time

import harness
from copying import CopyingTest

MACHINE = dict(disks=['96M', '96M'], mem='512M', timeout=300, kernel='qemu')


class CopySmpTest(CopyingTest):
    def test_pivot_there_and_back_under_a_writer_loses_nothing(self):
        volume = self.attach('vol', self.disk(0))
        with self.writer(volume) as writer:
            self.copy('vol', self.disk(1), '--speed', '16M')
            self.wait_offset('vol', 16 << 20)
            self.pause('vol')
            self.dmjob('speed', 'vol', 0)
            self.dmjob('resume', 'vol')
            self.wait_status('vol', 'ready', 120)
            self.pivot('vol')
            self.expect_lives_on('vol', self.disk(1))
            self.dmjob('copy', 'vol', self.disk(0), '--force', '--pivot', timeout=200)
            time.sleep(1)
        writer.verify(volume)
        writer.verify(self.disk(0))
        self.expect_lives_on('vol', self.disk(0))
        self.nothing_left(volumes=['vol'])


if __name__ == '__main__':
    harness.main()
