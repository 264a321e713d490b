# SPDX-License-Identifier: LGPL-2.1-or-later
"""Flushes reach the disk that a volume lives on, whatever said "write through" before. The judges are dm-log-writes,
which writes down each flush that it is given, and the kernel's own count of a disk's flushes."""
import itertools

import devices
import harness
from flush_story import FlushStory, says, set_cache

MACHINE = dict(disks=['24M', '24M', '128M', '64M', '24M', '24M'], mem='384M', timeout=300, kernel='uml')
SOURCE, TARGET, LOG, SCRATCH, OTHER, CHECKPOINTS = range(6)


class WriteCacheTest(FlushStory):
    log_disk = LOG

    # Copies.

    def test_at_ready_and_after_a_pivot_every_fsync_reaches_a_target_with_a_cache(self):
        set_cache(self.disk(SOURCE), 'write through')
        volume, top = self.volume_with_holders('vol', self.disk(SOURCE))
        target = self.judged(self.disk(TARGET))
        self.copy('vol', target, '--id', 'j', '--scratch', self.disk(SCRATCH))
        self.wait_status('j', 'ready')
        self.expect_write_back(volume, devices.dm_path('vol-lv'), top)
        self.expect_fsync_reaches(target, top)
        self.pivot('j')
        self.expect_write_back(volume, devices.dm_path('vol-lv'), top)
        self.expect_fsync_reaches(target, top)
        self.expect_lives_on('vol', target)
        self.nothing_left(volumes=['vol'])

    def test_every_combination_of_caches(self):
        kinds = ['write back', 'write through']
        source, target, scratch = self.disk(SOURCE), self.disk(TARGET), self.disk(SCRATCH)
        for number, (at_source, at_target, at_scratch) in enumerate(itertools.product(kinds, kinds, kinds)):
            with self.subTest(source=at_source, target=at_target, scratch=at_scratch):
                set_cache(source, at_source)
                set_cache(target, at_target)
                set_cache(scratch, at_scratch)
                name = f'v{number}'
                volume, top = self.volume_with_holders(name, source)
                self.copy(name, target, '--id', name, '--force', '--scratch', scratch)
                self.wait_status(name, 'ready')
                if at_target == 'write back':
                    self.expect_fsync_reaches(target, top)
                if at_source == 'write back':
                    self.expect_fsync_reaches(source, top)
                self.pivot(name)
                if at_target == 'write back':
                    self.expect_write_back(volume, devices.dm_path(f'{name}-lv'), top)
                    self.expect_fsync_reaches(target, top)
                self.remove_holders(name)
                self.dmjob('detach', name)

    def test_what_stands_on_the_volume_and_cannot_follow_keeps_it_from_a_pivot(self):
        for disk in (SOURCE, OTHER):
            set_cache(self.disk(disk), 'write through')
        volume = self.attach('vol', self.disk(SOURCE))
        holder = f'0 {self.sectors(volume)} mirror core 2 1024 nosync 2 {volume} 0 {self.disk(OTHER)} 0'
        self.dm_create('array', holder)
        target = self.judged(self.disk(TARGET))
        self.expect_refused('array', 'copy', 'vol', target, '--pivot', '--scratch', self.disk(SCRATCH))
        self.copy('vol', target, '--id', 'j', '--scratch', self.disk(SCRATCH))
        self.wait_status('j', 'ready')
        refusal = self.refused('complete', 'j')
        self.assertIn('array', refusal)
        self.assertIn('deactivate', refusal)
        self.assertEqual(self.info('j')['status'], 'ready')
        self.assertIn('array', self.info('j')['swallows-flushes'])
        self.dm_remove('array')
        self.wait_for(lambda: 'swallows-flushes' not in self.info('j'), 60, 'the job to see that it is gone')
        self.pivot('j')
        self.dm_create('array', holder)
        self.expect_fsync_reaches(target, devices.dm_path('array'))

    def test_a_cache_that_is_switched_on_under_a_live_volume_is_followed(self):
        set_cache(self.disk(SOURCE), 'write through')
        volume, top = self.volume_with_holders('vol', self.disk(SOURCE))
        set_cache(self.disk(SOURCE), 'write back')
        self.wait_for(lambda: says(top) == 'write back', 60, 'the volume and its holders to follow')
        self.expect_fsync_reaches(self.disk(SOURCE), top)
        self.assertNotIn('swallows-flushes', self.managed_volumes()['vol'])
        self.assertEqual(self.dm_table('vol'), self.table_on(self.disk(SOURCE)))
        self.assertEqual(says(volume), 'write back')

    def test_who_cannot_follow_such_a_cache_is_told(self):
        for disk in (SOURCE, OTHER):
            set_cache(self.disk(disk), 'write through')
        volume = self.attach('vol', self.disk(SOURCE))
        self.dm_create('array', f'0 {self.sectors(volume)} mirror core 2 1024 nosync 2 {volume} 0 {self.disk(OTHER)} 0')
        set_cache(self.disk(SOURCE), 'write back')
        self.wait_for(lambda: 'array' in self.managed_volumes()['vol'].get('swallows-flushes', ''), 60, 'it to be told')
        self.assertIn('array', self.dmjob('volumes').stdout)
        self.assertIn('array', self.daemon_log())
        self.dm_remove('array')
        self.wait_for(lambda: 'swallows-flushes' not in self.managed_volumes()['vol'], 60, 'it to be over')

    # Overlays.

    def test_a_snapshot_into_a_scratch_with_a_cache_is_flushed_by_every_fsync(self):
        set_cache(self.disk(SOURCE), 'write through')
        volume, top = self.volume_with_holders('vol', self.disk(SOURCE))
        scratch = self.judged(self.disk(OTHER))
        self.dmjob('snapshot', 'vol', '--scratch', scratch)
        self.expect_write_back(volume, devices.dm_path('vol-lv'), top)
        self.expect_fsync_reaches(scratch, top)

    def test_a_snapshot_under_a_holder_that_cannot_follow_is_refused(self):
        for disk in (SOURCE, OTHER):
            set_cache(self.disk(disk), 'write through')
        volume = self.attach('vol', self.disk(SOURCE))
        self.dm_create('array', f'0 {self.sectors(volume)} mirror core 2 1024 nosync 2 {volume} 0 {self.disk(OTHER)} 0')
        self.expect_refused('array', 'snapshot', 'vol', '--scratch', self.judged(self.disk(TARGET)))
        self.expect_lives_on('vol', self.disk(SOURCE))
        self.nothing_left(volumes=['vol'])

    def test_a_stream_takes_what_stands_on_the_volume_along_to_a_target_with_a_cache(self):
        for disk in (SOURCE, SCRATCH):
            set_cache(self.disk(disk), 'write through')
        target = self.judged(self.disk(TARGET))
        self.dmjob('overlay', 'vol', self.disk(SOURCE), '--target', target, '--scratch', self.disk(SCRATCH))
        volume = devices.dm_path('vol')
        top = self.linear('vol-top', self.linear('vol-lv', volume))
        self.assertEqual(says(top), 'write through')
        self.write(top, 1 << 20, b'c' * 4096)
        self.dmjob('stream', 'vol', '--scratch', self.disk(CHECKPOINTS), '--wait')
        self.expect_write_back(volume, devices.dm_path('vol-lv'), top)
        self.expect_fsync_reaches(target, top)
        self.expect_lives_on('vol', target)

    def test_a_commit_into_a_disk_whose_cache_was_switched_on_meanwhile(self):
        for disk in (SOURCE, SCRATCH):
            set_cache(self.disk(disk), 'write through')
        volume, top = self.volume_with_holders('vol', self.disk(SOURCE))
        self.dmjob('snapshot', 'vol', '--scratch', self.disk(SCRATCH))
        self.write(top, 1 << 20, b'c' * 4096)
        self.assertEqual(says(top), 'write through')
        set_cache(self.disk(SOURCE), 'write back')
        self.dmjob('commit', 'vol', '--pivot')
        self.expect_write_back(volume, devices.dm_path('vol-lv'), top)
        self.expect_fsync_reaches(self.disk(SOURCE), top)


if __name__ == '__main__':
    harness.main()
