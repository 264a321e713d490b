# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writers that never let the target come to rest, since its tail has the scratch and they go on to places that are not
marked, or not kept, yet. What others have written to the target is seen all the same, and nothing is copied twice."""
import backup_story
import copy_story
import harness
from many_writers import ManyWriters

MACHINE = dict(disks=['48M', '64M', '16M'], mem='512M', timeout=240, kernel='uml')

MEGABYTE = 1 << 20
BLOCK = 4096
DELAY = 300  # ms, of the target's writes: something is always on its way to it


class HotWritersTest(backup_story.BackupStory):
    def begin_hot(self):
        self.begin(target_sectors=copy_story.TAILED)
        self.expect_undisturbed()  # the many write in place of the one
        self.slow_target(DELAY)
        self.hot = ManyWriters(self.vol, threads=16, blocks=self.size(self.vol) // BLOCK)

    def end_hot(self):
        self.quick_target()
        self.hot.stop()
        self.assertEqual(self.hot.failed, 0)

    def expect_all_there(self):
        self.assertEqual(self.hot.lost(), [])
        self.nothing_left(volumes=['vol'])

    def test_a_hand_over_copies_nothing_twice(self):
        self.begin_hot()
        self.hot.start()
        self.start_copy(scratch=False)
        self.until_phase('resync')
        self.assertNotIn('copied-anew', self.info(self.job))
        self.end_hot()
        self.pivot()
        self.expect_all_there()

    def test_a_daemon_that_is_killed_finds_the_target_as_it_was(self):
        self.begin_hot()
        self.start_copy(scratch=False, speed='3M')
        self.until_copied(24 * MEGABYTE)
        self.hot.start()
        self.kill_daemon_when_noted()
        self.restart_daemon()
        self.assertNotIn('copied-anew', self.until_taken_up(self.job))
        self.end_hot()
        self.hurry()
        self.pivot()
        self.expect_all_there()

    def test_a_backup_copies_nothing_twice(self):
        self.begin_hot()
        self.start_backup(scratch=False, speed='4M')
        self.until_copied(44 * MEGABYTE)
        self.hot.start()
        self.hurry()
        job = self.until_status('concluded')
        self.assertEqual((job.get('error'), job.get('copied-anew')), (None, None), job)
        self.end_hot()
        self.dmjob('dismiss', self.job)
        self.expect_all_there()


if __name__ == '__main__':
    harness.main()
