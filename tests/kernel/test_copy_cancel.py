# SPDX-License-Identifier: LGPL-2.1-or-later
"""A live copy that is paused or cancelled, in each of its phases, on targets that are well, slow, or hung; and the
events of every ending."""
import subprocess
import time

import copy_story
import harness
from qmp_client import QmpClient

MACHINE = dict(disks=['48M', '64M', '16M'], mem='512M', timeout=240, kernel='uml')

MEGABYTE = 1 << 20
OTHER = 8 * MEGABYTE // 512  # sectors
END = ' waiting pending COMPLETED concluded null'
CANCELLED = ' aborting CANCELLED concluded null'


class CopyCancelTest(copy_story.CopyStory):
    def test_force_cancel_while_tracking_leaves_all_as_it_was(self):
        self.begin()
        self.copy_until_bulk(job='bulk')
        self.force_cancel()
        self.assertEqual(self.story(), 'created running' + CANCELLED)
        self.copy_until_bulk(job='paused')
        self.pause('paused')
        self.force_cancel()
        self.assertEqual(self.story(), 'created running paused running' + CANCELLED)
        self.start_copy(job='pass', speed='2M')  # slow enough for the writer to make a pass worth while
        self.until_phase('pass 1')
        self.force_cancel()
        self.assertEqual(self.story(), 'created running' + CANCELLED)
        self.expect_as_before()

    def test_force_cancel_while_mirroring_leaves_all_as_it_was(self):
        self.begin(writable=(0, 8 * MEGABYTE))
        self.copy_until_resync(job='resync')
        self.force_cancel()
        self.assertEqual(self.story(), 'created running' + CANCELLED)
        self.quick_target()
        self.copy_until_ready(job='ready')
        self.force_cancel()
        self.assertEqual(self.story(), 'created running ready READY' + CANCELLED)
        self.copy_until_ready(job='standby')
        self.pause('standby')
        self.force_cancel()
        self.assertEqual(self.story(), 'created running ready READY standby ready' + CANCELLED)
        self.expect_as_before()

    def test_soft_cancel_in_ready_leaves_a_copy_of_that_instant(self):
        self.begin()
        self.copy_until_ready()
        self.dmjob('cancel', self.job, '--timeout', '90')
        self.dmjob('dismiss', self.job)
        self.assertEqual(self.story(), 'created running ready READY' + END)
        self.expect_as_before()

    def test_soft_cancel_of_an_idle_volume_leaves_an_identical_copy(self):
        self.begin()
        self.copy_until_ready()
        self.expect_undisturbed()
        self.dmjob('cancel', self.job, '--timeout', '90')
        self.expect_identical(self.vol, self.target)
        self.stamp.verify(self.target)
        self.assertEqual(self.dm_table('vol'), self.own_table)

    def test_copy_with_finish_is_a_copy_of_an_instant_in_which_nobody_wrote(self):
        self.begin()
        self.expect_undisturbed()
        self.dmjob('copy', 'vol', self.target, '--scratch', self.scratch, '--finish', '--timeout', '90')
        self.expect_identical(self.vol, self.target)
        self.nothing_left(volumes=['vol'])

    # Pause.

    def test_pause_in_the_bulk_is_silence(self):
        self.begin()
        self.expect_undisturbed()  # nobody writes any more: what is read or written now is the copy's
        self.copy_until_bulk()
        self.pause('paused')
        self.expect_silence(self.target_disk, self.source)
        self.dmjob('resume', self.job)
        self.until(lambda job: job['offset'] > 9 * MEGABYTE, 'the copy to go on')
        self.hurry()
        self.pivot()
        self.assertEqual(self.story(), 'created running paused running ready READY' + END)

    def test_pause_in_the_resync_is_silence_on_the_target(self):
        self.begin(writable=(0, 8 * MEGABYTE))
        self.copy_until_resync()
        self.pause('paused')
        self.expect_silence(self.target_disk)
        self.quick_target()
        self.dmjob('resume', self.job)
        self.pivot()
        self.expect_moved()

    def test_pause_in_ready_is_silence_on_the_target(self):
        self.begin(writable=(0, 8 * MEGABYTE))
        self.copy_until_ready()
        self.pause('standby')
        self.expect_silence(self.target_disk)
        before = self.written_to_target()
        self.dmjob('resume', self.job)
        self.until_equal()
        self.assertLess(self.written_to_target() - before, 16 * MEGABYTE)
        self.pivot()
        self.assertEqual(self.story(), 'created running ready READY standby ready' + END)
        self.expect_moved()

    def test_complete_in_standby_takes_effect_on_resume(self):
        self.begin()
        self.copy_until_ready()
        self.pause('standby')
        self.dmjob('complete', self.job)
        self.assertEqual(self.info(self.job)['status'], 'standby')
        self.dmjob('resume', self.job)
        self.until_status('concluded')
        self.dmjob('dismiss', self.job)
        self.expect_moved()

    # Slow and hung targets.

    def test_force_cancel_with_a_slow_target_takes_its_time_but_not_for_ever(self):
        self.begin(writable=(0, 8 * MEGABYTE))
        self.slow_target(500)
        self.start_copy()
        self.until_copied(MEGABYTE)
        self.expect_soon(self.force_cancel)
        self.start_copy()
        self.until_phase('resync')
        self.expect_soon(self.force_cancel)
        self.expect_as_before()

    def test_hung_target_keeps_a_cancel_waiting_but_no_query(self):
        self.begin()
        self.copy_until_bulk()
        self.hang_target()
        self.dmjob('cancel', self.job, '--force', '--async', timeout=20)
        self.assertEqual(self.dmjob('cancel', self.job, '--force', '--timeout', '1', check=False).returncode, 4)
        self.expect_nobody_else_waits()
        self.release_target()
        self.until_status('concluded')
        self.dmjob('dismiss', self.job)
        self.expect_as_before()

    def test_hung_target_of_a_mirror_keeps_a_cancel_waiting_but_no_query(self):
        self.longest_stall_ms = 60_000  # a mirror's writer waits for its target
        self.begin()
        self.copy_until_ready()
        self.hang_target()
        cancel = self.start_cancel()
        self.until_waiting(cancel)
        self.expect_nobody_else_waits()
        self.release_target()
        self.assertEqual(cancel.wait(timeout=60), 0)
        self.expect_as_before()

    def test_hung_target_keeps_a_pivot_waiting_but_no_query(self):
        self.longest_stall_ms = 60_000
        self.begin()
        self.copy_until_ready()
        self.hang_target()
        self.dmjob('complete', self.job, timeout=20)
        self.until_status('pending')
        self.expect_nobody_else_waits()
        self.assertEqual(self.info(self.job)['status'], 'pending')
        self.release_target()
        self.until_status('concluded')
        self.dmjob('dismiss', self.job)
        self.expect_moved()

    def expect_soon(self, what, seconds=30):
        start = time.monotonic()
        what()
        self.assertLess(time.monotonic() - start, seconds)

    def expect_nobody_else_waits(self, seconds=20):
        """Queries, events, and a copy of another volume from its attaching to its pivot. The bounds are for a busy
        machine: what waits for the hung disk waits for ever."""
        self.assertIn(self.job, self.dmjob('list', timeout=seconds).stdout)
        self.assertIn(self.job, self.dmjob('info', self.job, timeout=seconds).stdout)
        events = QmpClient(self.socket_path, timeout=seconds)
        first = self.sectors(self.source)  # behind the target, on the same disk
        old, new = (self.linear(name, self.target_disk, first + number * OTHER, OTHER)
                    for number, name in enumerate(('old', 'new')))
        self.dmjob('attach', 'other', old, timeout=seconds)
        self.dmjob('copy', 'other', new, '--id', 'o', '--speed', '1M', timeout=seconds)
        for verb in (('pause', 'o'), ('resume', 'o'), ('speed', 'o', '0'), ('wait', 'o'), ('complete', 'o', '--wait')):
            self.dmjob(*verb, timeout=seconds)
        self.dmjob('detach', 'other', timeout=seconds)
        events.until(lambda event: event['data'] == dict(id='o', status='null'))
        events.close()

    def start_cancel(self):
        return subprocess.Popen([self._program('dmjob'), '--socket', self.socket_path, 'cancel', self.job,
                                 '--force', '--timeout', '90'], stdin=subprocess.DEVNULL)

    def until_waiting(self, process, seconds=2):
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(timeout=seconds)

    # Endings.

    def test_events_of_a_pivot(self):
        self.begin()
        self.copy_until_ready()
        self.pivot()
        self.assertEqual(self.story(), 'created running ready READY' + END)
        self.assertEqual(self.ending()['offset'], self.ending()['len'])
        self.expect_moved()

    def test_events_of_a_pivot_that_waits_for_finalize(self):
        self.begin()
        self.copy_until_ready('--manual-finalize')
        self.dmjob('complete', self.job)
        self.until_status('pending')
        self.assertEqual(self.story(), 'created running ready READY waiting pending PENDING')
        self.dmjob('finalize', self.job)
        self.until_status('concluded')
        self.dmjob('dismiss', self.job)
        self.assertEqual(self.story(), 'created running ready READY waiting pending PENDING COMPLETED concluded null')
        self.expect_moved()

    def test_cancel_of_a_job_that_waits_for_finalize_leaves_all_as_it_was(self):
        self.begin()
        self.copy_until_ready('--manual-finalize')
        self.dmjob('complete', self.job)
        self.until_status('pending')
        self.force_cancel()
        self.assertEqual(self.story(), 'created running ready READY waiting pending PENDING' + CANCELLED)
        self.expect_as_before()

    def ending(self):
        return next(data for name, data in self.events() if name == 'BLOCK_JOB_COMPLETED')


if __name__ == '__main__':
    harness.main()
