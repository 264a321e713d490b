# SPDX-License-Identifier: LGPL-2.1-or-later
"""A live copy whose target fails: a failed disk, one that only refuses writes, one whose cable was pulled. The writer
never notices. What is copied again is the difference, where the scratch is elsewhere and the disk was never out of sight."""
import copy_story
import harness
from state_disk import StateDisk

MACHINE = dict(disks=['48M', '64M', '16M'], mem='512M', timeout=240, kernel='uml')

MEGABYTE = 1 << 20


class CopyFaultsTest(StateDisk, copy_story.CopyStory):
    # --on-target-error stop: the job waits until somebody says that the target is back.

    def expect_stopped(self, status):
        job = self.until_status(status)
        self.assertEqual(job['io-status'], 'failed')
        self.assertNotIn('error', job)
        self.assertRegex(self.story(), f'ERROR {status}$')

    def resume_and_pivot(self, at_most):
        """Only the difference is copied once more: not more than so many bytes."""
        before = self.written_to_target()
        self.dmjob('resume', self.job)
        self.hurry()
        self.until_equal()
        self.assertLess(self.written_to_target() - before, at_most)
        self.pivot()

    def test_target_fails_in_the_bulk_and_comes_back(self):
        self.begin(writable=(0, 8 * MEGABYTE))
        self.start_copy(speed='4M', on_target_error='stop')
        self.until_copied(32 * MEGABYTE)  # more than five seconds: there was a checkpoint
        self.break_target()
        self.expect_stopped('paused')
        self.quick_target()
        self.resume_and_pivot(at_most=44 * MEGABYTE)
        self.expect_moved()

    def test_target_fails_in_the_resync_and_comes_back(self):
        self.begin()
        self.copy_until_resync(on_target_error='stop')
        self.break_target()
        self.expect_stopped('paused')
        self.quick_target()
        self.resume_and_pivot(at_most=36 * MEGABYTE)
        self.expect_moved()

    def test_target_fails_in_ready_and_comes_back(self):
        self.begin(writable=(0, 8 * MEGABYTE))
        self.copy_until_ready(on_target_error='stop')
        self.break_target()
        self.expect_stopped('standby')
        self.quick_target()
        self.resume_and_pivot(at_most=16 * MEGABYTE)
        self.expect_moved()

    def test_target_that_refuses_writes_fails_at_every_resume_until_it_is_well(self):
        self.begin()
        self.copy_until_ready(on_target_error='stop')
        self.break_target_writes()
        self.expect_stopped('standby')
        self.dmjob('resume', self.job)
        self.expect_stopped('standby')
        self.quick_target()
        # If it was a flush that failed first, the kernel's log says that all is dirty (D-009).
        self.resume_and_pivot(at_most=96 * MEGABYTE)
        self.expect_moved()

    def test_target_is_pulled_out_and_comes_back_under_another_number(self):
        self.begin(writable=(0, 8 * MEGABYTE), target_uuid='the-disk')
        self.copy_until_ready(on_target_error='stop')
        self.take_target_away()
        self.expect_stopped('standby')
        self.dmjob('resume', self.job)
        self.expect_stopped('standby')
        self.bring_target_back(uuid='the-disk')
        self.resume_and_pivot(at_most=96 * MEGABYTE)  # it was let go
        self.expect_moved()

    def test_target_that_tells_no_name_comes_back_under_another_number_and_gets_all(self):
        self.begin(writable=(0, 8 * MEGABYTE))
        self.copy_until_ready(on_target_error='stop')
        self.take_target_away()
        self.expect_stopped('standby')
        self.wipe_target_disk()
        self.bring_target_back()
        self.resume_and_pivot(at_most=96 * MEGABYTE)
        self.expect_moved()

    def test_another_disk_in_the_place_of_the_target_is_not_written_to(self):
        self.begin(target_uuid='the-disk')
        self.copy_until_ready(on_target_error='stop')
        self.take_target_away()
        self.expect_stopped('standby')
        self.bring_target_back(uuid='another-disk')
        before = self.written_to_target()
        self.dmjob('resume', self.job)
        self.expect_stopped('standby')
        self.assertIn('another disk', self.info(self.job)['waiting-for'])
        self.force_cancel()
        self.assertEqual(self.written_to_target(), before)
        self.expect_as_before()

    def test_target_fails_as_the_job_is_told_to_complete(self):
        self.begin()
        self.copy_until_ready(on_target_error='stop')
        self.break_target()
        self.dmjob('complete', self.job, check=False)
        self.until(lambda job: job['status'] in ('standby', 'concluded'), 'the target error to be seen')
        self.quick_target()
        if self.info(self.job)['status'] == 'standby':
            self.dmjob('resume', self.job)
            self.until_status('concluded')
        self.expect_one_side_with_everything()

    # Where the logs share the target's fate, the copy starts over.

    def test_target_with_the_scratch_in_its_tail_fails_in_ready_and_the_copy_starts_over(self):
        self.begin(target_sectors=copy_story.TAILED)
        self.copy_until_ready(on_target_error='stop', scratch=False)
        self.assertIn('tail', self.info(self.job)['scratch'])
        self.break_target()
        self.expect_stopped('standby')
        self.quick_target()
        self.resume_and_pivot(at_most=96 * MEGABYTE)
        self.expect_moved()

    def test_target_with_the_scratch_in_its_tail_fails_in_the_bulk_and_the_copy_starts_over(self):
        self.begin(target_sectors=copy_story.TAILED)
        self.copy_until_bulk(on_target_error='stop', scratch=False)
        self.break_target()
        self.expect_stopped('paused')
        self.quick_target()
        self.resume_and_pivot(at_most=96 * MEGABYTE)
        self.expect_moved()

    def test_target_with_the_scratch_in_its_tail_comes_back_under_another_number(self):
        self.begin(target_sectors=copy_story.TAILED, target_uuid='the-disk')
        self.copy_until_ready(on_target_error='stop', scratch=False)
        self.take_target_away()
        self.expect_stopped('standby')
        self.bring_target_back(uuid='the-disk')
        self.resume_and_pivot(at_most=96 * MEGABYTE)
        self.expect_moved()

    def test_target_with_the_scratch_in_its_tail_fails_and_the_job_is_cancelled(self):
        self.begin(target_sectors=copy_story.TAILED)
        self.copy_until_ready(on_target_error='stop', scratch=False)
        self.break_target()
        self.expect_stopped('standby')
        self.force_cancel()
        self.expect_as_before()

    def test_target_fails_with_the_scratch_in_memory_and_only_the_difference_is_copied(self):
        self.begin(writable=(0, 8 * MEGABYTE))
        self.copy_until_ready(on_target_error='stop', scratch=False)
        self.assertIn('memory', self.info(self.job)['scratch'])
        self.break_target()
        self.expect_stopped('standby')
        self.quick_target()
        self.resume_and_pivot(at_most=16 * MEGABYTE)
        self.expect_moved()

    # --on-target-error report: the job ends and takes everything along.

    def expect_failed(self):
        self.assertIn('target /dev/mapper/target cannot be written', self.until_failed())
        self.assertRegex(self.story(), 'ERROR aborting COMPLETED.error. concluded null$')
        self.nothing_left(volumes=['vol'])
        self.quick_target()

    def test_target_fails_and_the_job_reports_it_in_every_phase(self):
        self.begin()
        self.copy_until_bulk()
        self.break_target()
        self.expect_failed()
        self.copy_until_resync()
        self.break_target()
        self.expect_failed()
        self.copy_until_ready()
        self.break_target()
        self.expect_failed()
        self.expect_as_before()

    # --on-target-error ignore: tried again and again.

    def test_target_fails_for_a_while_and_a_job_that_ignores_it_catches_up_by_itself(self):
        self.begin(writable=(0, 8 * MEGABYTE))
        self.copy_until_ready(on_target_error='ignore')
        self.break_target()
        self.until(lambda job: job['phase'] != 'ready', 'the job to notice')
        self.expect_few_events(seconds=4)
        self.quick_target()
        self.pivot()
        self.expect_moved()

    # The scratch fails.

    def test_scratch_fails_and_the_job_ends_but_not_the_writer(self):
        self.begin()
        self.put_scratch_on_a_device_that_can_break()
        self.copy_until_ready()
        self.break_scratch()
        self.assertIn('scratch', self.until_failed())
        self.expect_as_before()

    def test_scratch_that_is_slow_puts_the_hand_over_off_and_nothing_fails(self):
        self.begin(writable=(0, 8 * MEGABYTE))
        self.put_scratch_on_a_device_that_can_break()
        self.copy_until_bulk()
        self.slow_scratch()
        self.hurry()
        job = self.until(lambda job: job['phase'].startswith('put off'), 'the hand-over to be put off')
        self.assertEqual(job['status'], 'running')
        self.assertIn('suspended', job['phase'])
        self.assertNotIn('handle_errors', self.dm_table('dmjob-j-wr'))
        self.quick_scratch()
        self.pivot()
        self.expect_moved()

    # The state file cannot be written.

    def test_state_file_that_cannot_be_replaced_refuses_the_pivot_and_leaves_the_volume_as_it_was(self):
        """A full file system is no reason (test_full_state.py)."""
        self.begin()
        self.copy_until_ready()
        self.keep_state_file()
        self.dmjob('complete', self.job)
        self.assertIn(f'the state file in {self.state_dir} cannot be written', self.until_failed())
        self.sh('umount', f'{self.state_dir}/state.json')
        self.expect_as_before()


if __name__ == '__main__':
    harness.main()
