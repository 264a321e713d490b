# SPDX-License-Identifier: LGPL-2.1-or-later
"""A target is what the job has written, and nothing else, and the one that the state file names. Whoever writes to it
while no daemon runs, or beside one, does not go unnoticed; what he wrote is written over."""
import os
import time

import copy_story
import harness
import state_edit

MACHINE = dict(disks=['48M', '64M', '16M', '64M'], mem='512M', timeout=240, kernel='uml')

MEGABYTE = 1 << 20
HOT = (0, 8 * MEGABYTE)
ALL = 44 * MEGABYTE  # at least so much is written when all is copied once more


class TargetIdentityTest(copy_story.CopyStory):
    def begin_ready(self, **options):
        self.begin(writable=HOT, **options)
        self.copy_until_ready(scratch='target_sectors' not in options)

    def write_to_target(self, megabytes=30):
        """As dd does, which does not ask for the disk alone."""
        self.sh(f'dd if=/dev/urandom of={self.target} bs=1M seek=8 count={megabytes} conv=notrunc')

    def expect_the_disk_refused(self):
        """To whoever asks for it alone, by its name and by that of the disk below."""
        self.assertNotEqual(self.sh('mkfs.ext4', '-q', '-F', self.target, check=False).returncode, 0)
        for path in (self.target, self.target_disk):
            with self.assertRaises(OSError):
                os.close(os.open(path, os.O_RDWR | os.O_EXCL))

    def expect_all_copied_anew(self):
        before = self.written_to_target()
        self.until_equal()
        self.assertGreater(self.written_to_target() - before, ALL)
        self.assertIn('somebody else has written to the target', self.info(self.job)['copied-anew'])

    def finish(self):
        self.pivot()
        self.expect_moved()

    # While no daemon runs.

    def test_written_to_while_the_daemon_is_dead_it_is_copied_anew(self):
        self.begin_ready()
        self.kill_daemon_when_noted()
        time.sleep(2)  # the guardian has gone back to tracking
        self.expect_the_disk_refused()
        self.write_to_target()
        self.restart_daemon()
        self.expect_all_copied_anew()
        self.finish()

    def test_written_to_after_an_orderly_stop_it_is_copied_anew(self):
        self.begin_ready()
        self.stop_daemon()
        self.expect_the_disk_refused()
        self.write_to_target(megabytes=1)
        self.restart_daemon()
        self.expect_all_copied_anew()
        self.finish()

    def test_with_the_scratch_in_its_tail_it_is_copied_anew_only_if_it_was_written_to(self):
        self.begin_ready(target_sectors=copy_story.TAILED)
        self.kill_daemon_when_noted()
        self.restart_daemon()
        before = self.written_to_target()
        self.until_equal()
        self.assertLess(self.written_to_target() - before, 24 * MEGABYTE)
        self.kill_daemon_when_noted()
        self.write_to_target()
        self.restart_daemon()
        self.expect_all_copied_anew()
        self.finish()

    def test_with_another_device_over_it_that_writes_it_is_copied_anew(self):
        """device-mapper's own claim is one for all of its devices."""
        self.begin_ready()
        self.kill_daemon_when_noted()
        other = self.linear('other', self.target)
        self.sh(f'dd if=/dev/urandom of={other} bs=1M seek=20 count=1 oflag=direct')
        self.dm_remove('other')
        self.restart_daemon()
        self.expect_all_copied_anew()
        self.finish()

    def test_a_backup_whose_target_is_written_to_while_the_daemon_is_dead_is_copied_anew(self):
        self.begin(writable=HOT)
        self.job = 'j'
        self.dmjob('backup', 'vol', self.target, '--id', 'j', '--speed', '4M', '--scratch', self.scratch,
                   '--manual-dismiss')
        self.until_copied(24 * MEGABYTE)
        self.pause('paused')
        self.dmjob('resume', 'j')
        self.kill_daemon_when_noted()
        self.expect_the_disk_refused()
        self.write_to_target(megabytes=1)
        self.restart_daemon()
        before = self.written_to_target()
        self.hurry()
        self.until_status('concluded')
        self.assertGreater(self.written_to_target() - before, ALL)
        self.dmjob('dismiss', 'j')
        self.expect_as_before()

    # Beside a daemon.

    def test_written_to_in_ready_it_is_copied_anew_before_the_pivot(self):
        self.begin_ready()
        self.write_to_target()
        before = self.written_to_target()
        self.pivot()
        self.assertGreater(self.written_to_target() - before, ALL)
        self.expect_moved()

    def test_written_to_in_ready_it_is_copied_anew_before_a_soft_cancel(self):
        self.begin_ready()
        self.expect_undisturbed()
        self.write_to_target()
        self.dmjob('cancel', self.job)
        self.until_status('concluded')
        self.dmjob('dismiss', self.job)
        self.stamp.verify(self.target)

    # Its name.

    def rename_target_and_make_another(self):
        self.sh('dmsetup', 'rename', 'target', 'target-old')
        self.dm_create('target', f'0 {self.sectors("/dev/mapper/vol")} linear {self.disk(3)} 0')

    def test_renamed_in_ready_the_volume_is_on_it_after_a_boot(self):
        self.state_dir, self.job = f'{self.lasting_dir()}/state', 'j'
        if self.boot == 1:
            self.begin_ready()
            self.rename_target_and_make_another()
            self.pivot()
            self.expect_undisturbed()
            self.assertEqual(state_edit.read(self.state_dir)['volumes'][0]['device'], '/dev/mapper/target-old')
            self.assertEqual(self.diskstats(self.disk(3))['sectors_written'], 0)
            self.cut_power()
        self.linear('target', self.disk(3))
        self.linear('target-old', self.disk(1))
        self.start_daemon()
        self.writer('/dev/mapper/vol', fill=False).verify()

    def test_renamed_in_ready_it_is_no_copy_at_the_name_that_was_given(self):
        self.begin_ready()
        self.rename_target_and_make_another()
        self.dmjob('cancel', self.job, check=False)
        self.assertIn('give that its name back', self.until_failed())
        self.expect_as_before()

    def test_without_a_name_it_is_not_pivoted_to(self):
        self.begin_ready()
        os.unlink(self.target)
        self.dmjob('complete', self.job)
        self.assertIn('no path leads to the target any more', self.until_failed())
        self.expect_as_before()


if __name__ == '__main__':
    harness.main()
