# SPDX-License-Identifier: LGPL-2.1-or-later
"""Volumes over a disk that is only read, and what holds them when their scratch is full."""
import os
import time

import harness
import overlay_story

MACHINE = dict(disks=['48M', '64M', '16M', '64M'], mem='512M', timeout=180, kernel='uml')
MIB = 1 << 20


class OverlayTest(overlay_story.OverlayStory):
    def test_a_full_scratch_holds_the_volume_over_a_kill_and_a_power_cut(self):
        self.begin()
        if self.boot == 1:
            self.overlay()
            self.start_writing(writes=4000)
            self.until_held()
            self.assertRegex(self.dmjob('volumes').stdout, 'vol .* HELD, its writes wait: stream the volume; ')
            self.assertIn('is full: writes to volume', self.daemon_log())
            self.kill_daemon()
            time.sleep(1)
            self.expect_writes_wait()
            self.start_daemon()
            self.until_held()
            self.expect_writes_wait()
            self.expect_backing_untouched()
            self.cut_power()
        self.assertTrue(self.volume()['active'], self.daemon_log())
        stamp = self.writer(self.vol, self.log, fill=False)
        stamp.verify()

    def test_a_scratch_file_grows_waits_for_room_and_goes_on(self):
        self.begin()
        folder, filler = '/run/scratch', '/run/scratch/filler'
        os.makedirs(folder)
        self.sh('mkfs.ext4', '-q', self.disk(3))
        self.sh('mount', self.disk(3), folder)
        self.sh('fallocate', '-l', '24M', filler)
        self.overlay(scratch=folder)
        self.start_writing(writes=4000)
        self.until_held()
        held_at = self.volume()['overlay']['used']
        self.assertGreater(held_at, 20 * MIB)  # which is more than it began with
        self.expect_writes_wait()
        self.assertIn('HELD, its writes wait: make room in its file system, or stream the volume; ',
                      self.dmjob('volumes').stdout)
        self.restart()
        self.until_held()
        self.wait_for(lambda: self.daemon_log().count('is full') == 2, 60, 'the new daemon to have found no room')
        self.assertTrue(self.volume()['active'], self.volume())
        os.unlink(filler)
        self.until_used(held_at + 4 * MIB)
        self.assertFalse(self.volume()['overlay']['held'])
        self.restart()
        self.expect_written()
        self.assertIn('has room again', self.daemon_log())
        self.expect_backing_untouched()

    def expect_writes_wait(self):
        before = self.stamp._logged()
        time.sleep(1)
        self.assertEqual(self.stamp._logged(), before, 'a write got through, or failed')


if __name__ == '__main__':
    harness.main()
