# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many writers on a volume whose scratch is a file on a file system that gets full: they wait, and none gets an error."""
import os
import time

import harness
import many_writers
import overlay_story

MACHINE = dict(disks=['48M', '64M', '16M', '32M'], mem='512M', timeout=300, kernel='uml')
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
        for _ in range(12):
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

    # How it is done.

    def fill_a_file_system(self, *mkfs):
        """All but what a scratch needs, and a bit."""
        os.makedirs(FOLDER)
        self.sh(*mkfs, self.disk(3))
        self.sh('mount', self.disk(3), FOLDER)
        facts = os.statvfs(FOLDER)
        self.sh('fallocate', '-l', str(facts.f_bavail * facts.f_bsize - 7 * MIB), FOLDER + '/filler')

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
