# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main story: a volume moves to another disk, or is copied there, while it is written to."""
import time

import harness
from copying import CopyingTest

MACHINE = dict(disks=['256M', '256M', '64M', '64M', '4G', '4G', '1M'], mem='512M', timeout=240, kernel='uml',
               newer=['test_pivot_under_a_writer_loses_nothing'])
LARGE, LARGE_TARGET, SMALL, SMALL_TARGET, HUGE, HUGE_TARGET, TINY = range(7)
MIB = 1 << 20


class CopyTest(CopyingTest):
    def test_pivot_under_a_writer_loses_nothing(self):
        volume = self.attach('vol', self.disk(LARGE))
        with self.writer(volume) as writer:
            self.assertEqual(self.copy('vol', self.disk(LARGE_TARGET), '--id', 'move', '--speed', '16M'), 'move')
            self.wait_offset('move', 8 * MIB)
            self.pause('move')
            self.dmjob('speed', 'move', '32M')
            self.dmjob('resume', 'move')
            self.wait_offset('move', 48 * MIB)
            self.dmjob('speed', 'move', 0)
            self.wait_status('move', 'ready')
            time.sleep(1)
            self.pivot('move')
            time.sleep(1)
        writer.verify(volume)
        writer.verify(self.disk(LARGE_TARGET))
        self.expect_lives_on('vol', self.disk(LARGE_TARGET))
        self.nothing_left(volumes=['vol'])

    def test_finish_under_a_writer_leaves_the_volume_where_it_is(self):
        volume = self.attach('vol', self.disk(LARGE))
        with self.writer(volume) as writer:
            self.dmjob('copy', 'vol', self.disk(LARGE_TARGET), '--finish')
            time.sleep(1)
        writer.verify(volume)
        writer.verify(self.disk(LARGE))
        self.expect_lives_on('vol', self.disk(LARGE))
        self.nothing_left(volumes=['vol'])

    def test_there_and_back_twenty_times(self):
        disks = [self.disk(SMALL), self.disk(SMALL_TARGET)]
        volume = self.attach('vol', disks[0])
        with self.writer(volume) as writer:
            for i in range(20):
                target = disks[(i + 1) % 2]
                self.dmjob('copy', 'vol', target, '--force', '--pivot')
                self.expect_lives_on('vol', target)
                self.nothing_left(volumes=['vol'])
        writer.verify(volume)
        writer.verify(disks[0])

    def test_a_writer_that_outruns_the_copy_is_caught_up_with(self):
        volume = self.attach('vol', self.disk(SMALL))
        seen = []

        def ready():
            seen.append(self.info('vol'))
            return seen[-1]['status'] == 'ready'
        with self.writer(volume, iops=2000) as writer:
            self.copy('vol', self.disk(SMALL_TARGET), '--speed', '8M')
            self.wait_for(ready, 90, 'the copy to be ready')
            self.pivot('vol')
        writer.verify(self.disk(SMALL_TARGET))
        self.assertEqual({job['phase'] for job in seen} & {'bulk', 'pass 1', 'ready'}, {'bulk', 'pass 1', 'ready'})
        self.assertGreaterEqual(seen[-1]['pass'], 2)
        self.assertGreater(max(job['dirty'] for job in seen if job['phase'] == 'pass 1'), 0)

    def test_one_mebibyte_of_scratch_tracks_four_gibibytes(self):
        volume = self.attach('vol', self.disk(HUGE))
        self.copy('vol', self.disk(HUGE_TARGET), '--scratch', self.disk(TINY), '--speed', '1M')
        self.wait_offset('vol', MIB)
        self.pause('vol')
        granularity = self.info('vol')['granularity']
        regions = self.size(volume) // granularity
        self.assertEqual(self.regions_in_sync('vol'), (regions, regions))
        for region in (0, 1, regions // 2, regions - 1):
            self.write(volume, region * granularity + 4096, b'x' * 4096)
        self.assertEqual(self.regions_in_sync('vol'), (regions - 4, regions))
        self.write(volume, self.size(volume) - 512, b'x' * 512)
        self.assertEqual(self.regions_in_sync('vol'), (regions - 4, regions))
        self.dmjob('cancel', 'vol', '--force')
        self.expect_lives_on('vol', self.disk(HUGE))
        self.nothing_left(volumes=['vol'])

    def regions_in_sync(self, job):
        """What the tracker in the kernel says: in sync, of all."""
        counts = next(word for word in self.dm_status(f'dmjob-{job}-wr').split() if '/' in word)
        return tuple(int(count) for count in counts.split('/'))


if __name__ == '__main__':
    harness.main()
