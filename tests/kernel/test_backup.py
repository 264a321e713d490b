# SPDX-License-Identifier: LGPL-2.1-or-later
"""Backups of a volume in use: of one instant, to the byte, under a writer that never notices."""
import os
import time

import backup_story
import copy_story
import harness
import instant

MACHINE = dict(disks=['48M', '64M', '160M'], mem='512M', timeout=240, kernel='uml',
               newer=['test_a_backup_is_the_volume_at_the_instant_of_the_start'])
SUCCESS = 'running waiting pending COMPLETED concluded null'
FAILURE = 'running aborting COMPLETED(error) concluded null'
CANCELLED = 'running aborting CANCELLED concluded null'
SMALL_SCRATCH = 8 << 20  # the writer overwrites more than that in a few seconds


class BackupTest(backup_story.BackupStory):
    # To a disk.

    def test_a_backup_is_the_volume_at_the_instant_of_the_start(self):
        self.begin()
        self.backup_until_bulk()
        self.pause('paused')
        used = self.info('j')['scratch-used']
        time.sleep(1)
        self.assertGreater(self.info('j')['scratch-used'], used, 'the snapshot is not looked at in a pause')
        self.expect_silence(self.target_disk)
        self.dmjob('resume', 'j')
        self.hurry()
        self.expect_success()
        self.expect_instant()
        self.assertEqual(self.story(), 'created running paused ' + SUCCESS)
        self.expect_as_before()

    def test_a_scratch_in_the_tail_of_the_target(self):
        self.begin(target_sectors=copy_story.TAILED, writes=60)
        self.start_backup(scratch=False)
        self.until_instant()
        self.assertEqual(self.info('j')['scratch'], f'tail of {self.target}')
        self.expect_success()
        self.expect_instant(self.dm_create('view', f'0 {self.sectors(self.vol)} linear {self.target_disk} 0'))
        self.dm_remove('view')
        self.expect_as_before()

    def test_finalized_by_hand_it_has_left_the_volume_before(self):
        self.begin()
        self.start_backup('--manual-finalize')
        self.until_instant()
        self.until_status('pending')
        self.assertEqual(self.dm_table('vol'), self.own_table)
        self.nothing_left(volumes=['vol'])
        self.restart_in_pending()
        self.dmjob('finalize', 'j')
        self.expect_success()
        self.expect_instant()
        self.expect_as_before()

    def restart_in_pending(self):
        self.kill_daemon()
        self.restart_daemon()
        self.until_status('pending')

    # To a file, with a scratch that grows.

    def test_a_backup_to_a_file_with_a_scratch_that_grows(self):
        folder = self.mount_disk_2()
        self.begin(daemon=('--scratch-dir', folder))
        self.start_backup(target=f'{folder}/vol.img', scratch=False, speed='8M')
        self.until_instant()
        cow = next(f'{folder}/{name}' for name in os.listdir(folder) if name.endswith('-cow'))
        before = self.allocated(cow)
        self.assertLess(before, self.size(self.vol) // 4)
        self.wait_for(lambda: self.allocated(cow) > before + (4 << 20), 60, 'the scratch to grow')
        self.kill_daemon()
        self.restart_daemon()
        self.hurry()
        self.expect_success()
        self.assertEqual(os.listdir(folder), ['vol.img'])
        self.expect_instant(f'{folder}/vol.img')
        self.expect_as_before()

    def test_a_file_that_is_removed_meanwhile_is_no_backup(self):
        folder = self.mount_disk_2()
        self.begin(daemon=('--scratch-dir', folder))
        self.start_backup(target=f'{folder}/vol.img', scratch=False, speed='3M')
        self.until_instant()
        os.unlink(f'{folder}/vol.img')
        self.assertIn('is not at that path any more', self.until_status('concluded').get('error', ''))
        self.dmjob('dismiss', self.job)
        self.expect_as_before()

    def mount_disk_2(self):
        folder = '/run/backups'
        self.sh('mkfs.ext4', '-q', '-O', '^has_journal', self.disk(2))
        os.makedirs(folder)
        self.sh('mount', self.disk(2), folder)
        os.rmdir(f'{folder}/lost+found')
        self.addCleanup(self.sh, 'umount', '-l', folder)
        return folder

    @staticmethod
    def allocated(path):
        return os.stat(path).st_blocks * 512

    # The scratch.

    def test_a_full_scratch_ends_the_job_and_nothing_else(self):
        self.begin()
        self.scratch = self.linear('scratch', self.disk(2), length=SMALL_SCRATCH // 512)
        self.start_backup(speed='1M')
        error = self.until_failed()
        self.assertRegex(error, "the instant of volume 'vol' is lost: scratch /dev/mapper/scratch is full")
        self.assertEqual(self.story(), 'created ' + FAILURE)
        self.dm_remove('scratch')
        self.scratch = self.linear('scratch', self.disk(2), length=3 * SMALL_SCRATCH // 512)
        self.start_backup('--force', speed='1M')
        self.pause('paused')
        self.assertRegex(self.until_failed(), 'is full')
        self.assertTrue(self.story().endswith('created running paused ' + FAILURE))
        self.dm_remove('scratch')
        self.expect_as_before()

    def test_a_scratch_that_fails_ends_the_job_and_nothing_else(self):
        self.begin()
        self.put_scratch_on_a_device_that_can_break()
        self.backup_until_bulk(on_source_error='ignore')
        self.break_scratch()
        self.assertRegex(self.until_failed(), "the instant of volume 'vol' is lost: scratch .*scratch has failed")
        self.dm_remove('scratch')
        self.expect_as_before()

    # The target.

    def test_a_target_that_fails(self):
        self.begin()
        self.backup_until_bulk(on_target_error='stop')
        self.break_target()
        self.until_status('paused')
        self.expect_few_events(2)
        self.quick_target()
        self.hurry()
        self.dmjob('resume', 'j')
        self.expect_success()
        self.expect_instant()
        self.assertEqual(self.story(), 'created running ERROR paused ' + SUCCESS)
        self.backup_until_bulk('--force')
        self.break_target()
        self.assertRegex(self.until_failed(), 'target .* cannot be written')
        self.assertTrue(self.story().endswith('created running ERROR aborting COMPLETED(error) concluded null'))
        self.expect_as_before()

    def test_a_target_that_is_taken_away_and_comes_back(self):
        self.begin(target_uuid='disk-1')
        self.backup_until_bulk(on_target_error='stop')
        self.take_target_away()
        self.until_status('paused')
        self.bring_target_back(uuid='disk-1')
        self.hurry()
        self.dmjob('resume', 'j')
        self.expect_success()
        self.expect_instant()
        for name in ('placeholder', 'second-placeholder'):
            self.dm_remove(name)
        self.expect_as_before()

    # The end, at any time.

    def test_a_cancel_in_each_phase(self):
        self.begin()
        self.backup_until_bulk()
        self.force_cancel()
        self.assertEqual(self.story(), 'created ' + CANCELLED)
        self.backup_until_bulk('--force')
        self.pause('paused')
        self.force_cancel()
        self.assertEqual(self.dm_table('vol'), self.own_table)
        self.start_backup('--force', '--manual-finalize')
        self.until_status('pending')
        self.force_cancel()
        self.start_backup('--force')  # whatever phase it is in
        self.dmjob('cancel', 'j', '--force', check=False)
        self.until_status('concluded')
        self.dmjob('dismiss', 'j')
        self.expect_as_before()

    def test_a_killed_daemon_goes_on_from_its_checkpoint(self):
        self.begin()
        self.backup_until_bulk()
        time.sleep(6)  # a checkpoint
        copied = self.info('j')['offset']
        self.kill_daemon()
        time.sleep(1)
        self.restart_daemon()
        self.until_status('running')
        self.assertGreater(self.until_taken_up('j')['offset'], copied // 3)
        self.pause('paused')
        self.stop_daemon()
        self.restart_daemon()
        self.until_status('paused')
        self.dmjob('resume', 'j')
        self.hurry()
        self.expect_success()
        self.expect_instant()
        self.expect_as_before()

    def test_kills_at_any_time_leave_the_volume_as_it_was(self):
        self.begin()
        ends = set()
        for pause in (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.3):
            self.start_backup('--force')
            time.sleep(pause)
            self.kill_daemon()
            self.begun_by_then = instant.last(self.stamp.log, '>')
            self.restart_daemon()
            job = self.until_status('concluded')
            self.dmjob('dismiss', 'j')
            self.assertEqual(self.dm_table('vol'), self.own_table)
            ends.add('error' in job)
            if 'error' in job:
                self.assertIn("the instant of volume 'vol' is gone", job['error'])
            else:
                self.expect_instant()
        self.assertIn(False, ends, 'no backup has ever gone on')
        self.expect_as_before()

    def test_after_a_power_cut_the_instant_is_gone(self):
        self.state_dir = f'{self.lasting_dir()}/state'
        if self.boot == 1:
            self.begin()
            self.backup_until_bulk()
            self.cut_power()
        self.job = 'j'
        self.linear('target', self.disk(1))
        self.start_daemon()
        self.assertRegex(self.until_failed(), "the instant of volume 'vol' is gone: the host was rebooted")
        self.nothing_left(volumes=['vol'])


if __name__ == '__main__':
    harness.main()
