# SPDX-License-Identifier: LGPL-2.1-or-later
"""A live copy whose daemon is restarted, or killed, in each of its phases. The job is there again, in the status it
had, and goes on from where it was. The writer goes on all the time, whatever happens to the target meanwhile."""
import time

import copy_story
import harness

MACHINE = dict(disks=['48M', '64M', '16M'], mem='512M', timeout=240, kernel='uml')

MEGABYTE = 1 << 20
HOT = (0, 8 * MEGABYTE)


class CopyRestartTest(copy_story.CopyStory):
    def stop_and_start(self):
        self.stop_daemon()
        time.sleep(1)
        self.restart_daemon()

    def kill_and_start(self):
        self.kill_daemon_when_noted()
        time.sleep(1)
        self.restart_daemon()

    def expect_to_be_as_it_was(self, status, restart, is_believed=True):
        """Its id, its status, and not much more left than before: what a checkpoint lacks, five seconds, and HOT; or all
        of it, if what the target holds is not believed."""
        before = self.info(self.job)
        restart()
        job = self.info(self.job) if status == 'pending' else self.until_taken_up(self.job)
        self.assertEqual((job['id'], job['status']), (before['id'], status))
        if is_believed:
            self.assertLess(job['dirty'], before['dirty'] + 30 * MEGABYTE)
        else:
            self.assertEqual(job['dirty'], self.size('/dev/mapper/vol'))

    def finish(self, at_most):
        """So many bytes are written to the target until it is equal: less than all of it."""
        before = self.written_to_target()
        self.until_equal()
        self.assertLess(self.written_to_target() - before, at_most)
        self.pivot()
        self.expect_moved()

    # Stopped in order, then by force.

    def test_in_the_bulk_it_goes_on_from_its_checkpoint(self):
        self.begin(writable=HOT)
        self.start_copy(speed='3M')
        self.until_copied(12 * MEGABYTE)
        self.expect_to_be_as_it_was('running', self.stop_and_start)
        self.until_copied(46 * MEGABYTE)  # ten seconds more: there was a checkpoint
        self.expect_to_be_as_it_was('running', self.kill_and_start)
        self.hurry()
        self.finish(at_most=44 * MEGABYTE)

    def test_when_paused_it_stays_paused(self):
        self.begin(writable=HOT)
        self.start_copy(speed='8M')
        self.until_copied(24 * MEGABYTE)
        self.pause('paused')
        self.expect_to_be_as_it_was('paused', self.stop_and_start)
        self.expect_to_be_as_it_was('paused', self.kill_and_start)
        self.expect_silence(self.target_disk)
        self.dmjob('resume', self.job)
        self.hurry()
        self.finish(at_most=44 * MEGABYTE)

    def test_in_the_resync_it_goes_on(self):
        self.begin(writable=HOT)
        self.copy_until_resync()
        self.expect_to_be_as_it_was('running', self.stop_and_start)
        self.until_phase('resync')
        self.expect_to_be_as_it_was('running', self.kill_and_start)
        self.quick_target()
        self.finish(at_most=24 * MEGABYTE)

    def test_in_ready_it_is_ready_and_catches_up(self):
        self.begin(writable=HOT)
        self.copy_until_ready()
        self.expect_to_be_as_it_was('ready', self.stop_and_start)
        self.until_equal()
        self.expect_to_be_as_it_was('ready', self.kill_and_start)
        self.finish(at_most=24 * MEGABYTE)

    def test_in_standby_it_stays_there(self):
        self.begin(writable=HOT)
        self.copy_until_ready()
        self.pause('standby')
        self.expect_to_be_as_it_was('standby', self.stop_and_start)
        self.expect_to_be_as_it_was('standby', self.kill_and_start)
        self.expect_silence(self.target_disk)
        self.resume_and_finish(at_most=24 * MEGABYTE)

    def test_waiting_for_finalize_it_still_waits(self):
        self.begin(writable=HOT)
        self.copy_until_ready('--manual-finalize')
        self.dmjob('complete', self.job)
        self.until_status('pending')
        self.expect_to_be_as_it_was('pending', self.stop_and_start)
        self.expect_to_be_as_it_was('pending', self.kill_and_start)
        self.dmjob('finalize', self.job)
        self.until_status('concluded')
        self.dmjob('dismiss', self.job)
        self.expect_moved()

    def test_restart_while_the_target_hangs_goes_on_when_it_answers(self):
        self.begin(writable=HOT)
        self.start_copy(speed='8M')
        self.until_copied(16 * MEGABYTE)
        self.hang_target()
        self.daemon.terminate()
        time.sleep(3)
        self.release_target()
        self.stop_daemon()
        self.restart_daemon()
        self.hurry()
        self.finish(at_most=48 * MEGABYTE)

    def test_kill_and_cancel_after_the_restart_leaves_all_as_it_was(self):
        self.begin()
        self.copy_until_ready()
        self.kill_and_start()
        self.force_cancel()
        self.expect_as_before()

    def test_kill_with_the_scratch_in_memory_goes_on(self):
        self.begin(writable=HOT)
        self.copy_until_ready(scratch=False)
        self.expect_to_be_as_it_was('ready', self.kill_and_start)
        self.finish(at_most=24 * MEGABYTE)

    def test_kill_with_the_scratch_in_the_tail_goes_on(self):
        self.begin(writable=HOT, target_sectors=copy_story.TAILED)
        self.copy_until_ready(scratch=False)
        self.expect_to_be_as_it_was('ready', self.kill_and_start)
        self.finish(at_most=24 * MEGABYTE)

    # And the target fails while nobody is there.

    def fail_target_while_the_daemon_is_dead(self, **options):
        self.copy_until_ready(on_target_error='stop', **options)
        self.kill_daemon()
        self.break_target()
        time.sleep(3)
        self.restart_daemon()
        self.until_status('standby')

    def resume_and_finish(self, at_most):
        self.dmjob('resume', self.job)
        self.finish(at_most=at_most)

    def test_target_fails_while_the_daemon_is_dead_and_no_write_hangs(self):
        self.begin(writable=HOT)
        self.fail_target_while_the_daemon_is_dead()
        self.quick_target()
        self.resume_and_finish(at_most=96 * MEGABYTE)  # what has failed cannot be accounted for

    def test_target_is_pulled_out_while_the_daemon_is_dead(self):
        self.begin(writable=HOT, target_uuid='the-disk')
        self.copy_until_ready(on_target_error='stop')
        self.kill_daemon()
        self.take_target_away()
        time.sleep(1)
        self.restart_daemon()
        self.until_status('standby')
        self.bring_target_back(uuid='the-disk')
        self.resume_and_finish(at_most=96 * MEGABYTE)  # it was let go

    def test_target_with_the_scratch_in_its_tail_fails_while_the_daemon_is_dead(self):
        self.begin(writable=HOT, target_sectors=copy_story.TAILED)
        self.fail_target_while_the_daemon_is_dead(scratch=False)
        self.quick_target()
        self.resume_and_finish(at_most=96 * MEGABYTE)

    def test_target_with_the_scratch_in_its_tail_has_failed_before_the_restart(self):
        self.begin(writable=HOT, target_sectors=copy_story.TAILED)
        self.copy_until_ready(on_target_error='stop', scratch=False)
        self.break_target()
        self.until_status('standby')
        self.expect_to_be_as_it_was('standby', self.stop_and_start)
        self.quick_target()
        self.resume_and_finish(at_most=96 * MEGABYTE)

    def test_after_a_power_cut_a_copy_waits_for_a_volume_that_others_manage(self):
        self.state_dir, self.job = f'{self.lasting_dir()}/state', 'j'
        if self.boot == 1:
            self.start_daemon()
            self.linear('foreign', self.disk(0))
            self.dmjob('copy', 'foreign', self.disk(1), '--id', 'j', '--speed', '4M')
            self.until_copied(8 * MEGABYTE)
            self.cut_power()
        self.start_daemon()
        self.wait_for(lambda: self.info('j').get('waiting-for') == 'the source /dev/mapper/foreign is not there', 20,
                      lambda: self.info('j'))
        self.linear('foreign', self.disk(0))
        self.hurry()
        self.until_status('ready')
        self.dmjob('cancel', 'j')  # the soft one: the target is whole
        self.expect_identical('/dev/mapper/foreign', self.disk(1))

    def test_after_a_power_cut_a_job_waits_for_its_target(self):
        self.state_dir = f'{self.lasting_dir()}/state'
        if self.boot == 1:
            self.begin(writable=HOT)
            self.copy_until_ready(on_target_error='stop')
            self.cut_power()
        self.start_daemon()
        self.job = 'j'
        self.wait_for(lambda: '/dev/mapper/target' in self.info(self.job).get('waiting-for', ''), 20,
                      lambda: self.info(self.job))
        self.linear('target', self.disk(1), length=self.sectors('/dev/mapper/vol'))
        self.pivot()
        self.writer('/dev/mapper/vol', fill=False).verify()

    def test_stopped_by_a_failed_target_a_job_is_so_after_the_restart(self):
        self.begin(writable=HOT)
        self.copy_until_ready(on_target_error='stop')
        self.break_target()
        self.until_status('standby')
        self.expect_to_be_as_it_was('standby', self.kill_and_start, is_believed=False)
        self.assertEqual(self.info(self.job)['io-status'], 'failed')
        self.quick_target()
        self.resume_and_finish(at_most=96 * MEGABYTE)  # it was let go, by an earlier process


if __name__ == '__main__':
    harness.main()
