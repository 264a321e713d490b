# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many writers on a volume whose scratch is a file on a file system that gets full: they wait, and none fails."""
import os
import time

import harness
import many_writers
import overlay_story

MACHINE = dict(disks=['48M', '64M', '16M', '32M', '128M'], mem='512M', timeout=300, kernel='uml')
MIB = 1 << 20
FOLDER = '/run/scratch'
THREADS = 160


class OverlayRoomTest(overlay_story.OverlayStory):
    def test_pauses_of_a_commit_without_room_fail_no_write(self):
        self.begin()
        self.backing = self.linear('origin', self.backing)
        self.fill_a_file_system('mkfs.ext4', '-q')
        self.snapshot(scratch=FOLDER)
        writers = many_writers.ManyWriters(self.vol, THREADS, 48 * MIB // many_writers.BLOCK).start()
        self.until_all_wait(writers)
        self.slow_origin()
        self.dmjob('commit', 'vol', '--id', 'j')
        for _ in range(24):
            self.until_phase('merging')
            self.dmjob('pause', 'j')
            self.wait_for(self.is_paused_or_says_why, 60, 'the pause, or why it is not')
            if self.info('j')['status'] == 'paused':
                self.until_all_wait(writers)
            self.dmjob('resume', 'j')
        self.quick_origin()
        self.wait_status('j', 'ready')
        writers.stop()
        self.assertEqual(writers.failed, 0, 'writes failed')
        self.dmjob('complete', 'j', '--wait')
        self.assertEqual(writers.lost(), [])
        self.assertNotIn('has failed', self.daemon_log())
        self.expect_flat(self.backing)

    def test_on_btrfs_the_file_is_written_over_in_place(self):
        """Which takes no new block: the file system is full."""
        self.begin()
        self.fill_a_file_system('mkfs.btrfs', '-q', disk=self.disk(4), leave=12 * MIB)
        self.overlay(scratch=FOLDER)
        file = next(os.path.join(FOLDER, name) for name in os.listdir(FOLDER) if name.startswith('cow-'))
        self.assertIn('C', self.sh('lsattr', file).stdout.split()[0])
        writers = many_writers.ManyWriters(self.vol, 16, 2 * MIB // many_writers.BLOCK).start()
        self.until_done(writers, 4000)  # by then each block has its place
        self.sh(f'dd if=/dev/zero of={FOLDER}/rest bs=64K; sync', check=False)
        self.until_done(writers, 20000)
        writers.stop()
        self.assertEqual(writers.failed, 0, 'writes failed')
        self.assertEqual(writers.lost(), [])
        self.expect_backing_untouched()

    def test_a_file_system_that_cannot_allocate_is_refused(self):
        self.begin()
        os.makedirs(FOLDER)
        self.sh('mkfs.ext4', '-q', '-O', '^extents,^64bit', self.disk(3))
        self.sh('mount', self.disk(3), FOLDER)
        self.assertIn('cannot reserve room for a file (fallocate); name a disk, or a folder on ext4 or XFS',
                      self.refused('overlay', 'vol', self.backing, '--scratch', FOLDER))
        self.assertEqual([name for name in os.listdir(FOLDER) if name != 'lost+found'], [])
        self.assertEqual(self.managed_volumes(), {})
        self.nothing_left()

    # How it is done.

    def fill_a_file_system(self, *mkfs, disk=None, leave=7 * MIB):
        """All but what a scratch needs."""
        disk = disk or self.disk(3)
        os.makedirs(FOLDER)
        self.sh(*mkfs, disk)
        self.sh('mount', disk, FOLDER)
        facts = os.statvfs(FOLDER)
        self.sh('fallocate', '-l', str(facts.f_bavail * facts.f_bsize - leave), FOLDER + '/filler')
        self.sh('sync')

    def until_done(self, writers, count):
        self.wait_for(lambda: writers.done > count or writers.failed, 200, f'{count} writes')

    def is_paused_or_says_why(self):
        job = self.info('j')
        return job['status'] == 'paused' or job['phase'] == 'merging until there is room in the scratch for a pause'

    def until_all_wait(self, writers):
        """The more do, the more is let go at once; no verdict hangs on it."""
        self.until_held()
        before = None
        while before != (before := (writers.done, self.volume()['overlay']['used'])):
            time.sleep(1)

    def slow_origin(self):
        disk = self.disk(0)
        self.dm_switch('origin', f'0 {self.sectors(disk)} delay {disk} 0 0 {disk} 0 300')

    def quick_origin(self):
        self.dm_switch('origin', f'0 {self.sectors(self.disk(0))} linear {self.disk(0)} 0')


if __name__ == '__main__':
    harness.main()
