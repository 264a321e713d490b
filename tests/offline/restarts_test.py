# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon dies, or ends, in the middle of an offline copy, and the next one takes the job up."""
import os
import time

import offline_story
import state_edit
from offline_story import MIB, OfflineTest

SIZE = 1024 * MIB
DATA = [(0, 96), (512, 8)]
CHECKPOINT = 24 * MIB  # what is surely in a checkpoint when copy_past_a_checkpoint() returns


class RestartsTest(OfflineTest):
    def test_killed_between_files_it_goes_on_from_its_checkpoint(self):
        source = self.sparse_file('source', SIZE, DATA)
        self.copy(source, self.path('target'), '--id', 'j', '--speed', '6M')
        self.wait_offset('j', 32 * MIB)
        time.sleep(5.5)  # there is a checkpoint every five seconds
        self.kill_daemon()
        self.expect_to_go_on(source, self.path('target'))
        self.assertLess(self.allocated(self.path('target')), 112 * MIB)

    def test_killed_between_disks_it_goes_on_from_its_checkpoint(self):
        source = self.loop(self.sparse_file('source', SIZE, DATA))
        target = self.loop(self.sparse_file('target', SIZE))
        self.copy_past_a_checkpoint(source, target)
        self.kill_daemon()
        self.expect_to_go_on(source, target)
        self.assertEqual(len(self.our_loops()), 2)

    def test_what_was_answered_is_remembered(self):
        """The daemon is killed at once, again and again."""
        source = self.sparse_file('source', 64 * MIB, [(0, 64)])
        for number in range(1, 9):
            self.copy(source, self.path(f'target-{number}'), '--id', 'j', '--speed', '1M')
            self.restart_by_a_kill()
            self.dmjob('speed', 'j', number * MIB)
            self.restart_by_a_kill()
            self.assertEqual(self.info('j')['speed'], number * MIB)
            self.execute('job-cancel', id='j')
            self.restart_by_a_kill()
            self.wait_gone('j')
            self.assertEqual(self.outcome('j')['error'], 'Operation canceled')

    def restart_by_a_kill(self):
        self.kill_daemon()
        self.start_daemon()

    def test_ended_while_paused_it_is_paused_at_the_next_start(self):
        source = self.sparse_file('source', 64 * MIB, [(0, 64)])
        self.copy(source, self.path('target'), '--id', 'j', '--speed', '8M')
        self.wait_offset('j', 8 * MIB)
        self.pause('j')
        self.stop_daemon()
        self.start_daemon()
        left = self.wait_status('j', 'paused')['dirty']
        self.assertLess(left, 60 * MIB)
        self.dmjob('speed', 'j', 0)
        self.dmjob('resume', 'j')
        self.assertNotIn('error', self.wait_gone('j'))
        self.expect_identical(source, self.path('target'))

    def test_a_source_that_was_written_to_meanwhile_is_copied_anew(self):
        source = self.sparse_file('source', SIZE, DATA)
        self.copy_past_a_checkpoint(source, self.path('target'))
        self.kill_daemon()
        self.fill(source, 3 * MIB, MIB, byte=7)
        self.expect_to_start_over(source, self.path('target'))

    def test_a_disk_that_was_written_to_meanwhile_is_copied_anew(self):
        source = self.loop(self.sparse_file('source', SIZE, DATA))
        target = self.loop(self.sparse_file('target', SIZE))
        self.copy_past_a_checkpoint(source, target)
        self.kill_daemon()
        self.fill(source, 3 * MIB, MIB, byte=7)
        self.expect_to_start_over(source, target)

    def test_files_whose_file_systems_are_mounted_late_are_waited_for(self):
        """A target made in the folder below would fill the wrong file system."""
        for name in ('from', 'to'):
            os.mkdir(self.path(name))
        source, target = self.sparse_file('from/source', SIZE, DATA), self.path('to/target')
        self.copy_past_a_checkpoint(source, target)
        self.kill_daemon()
        for name in ('from', 'to'):
            os.rename(self.path(name), self.path(f'{name}-unmounted'))
            os.mkdir(self.path(name))
        self.start_daemon()
        for name, missing in ('from', f'the source {source}'), ('to', f'the target {target}'):
            self.wait_for(lambda: self.info('j').get('waiting-for') == f'{missing} is not there', 30,
                          lambda: f'{missing} to be waited for; {self.info("j")}')
            os.rmdir(self.path(name))  # which is empty
            os.rename(self.path(f'{name}-unmounted'), self.path(name))
        self.assertLess(self.left_when_it_goes_on(), SIZE - CHECKPOINT)
        self.expect_end(source, target)

    def test_a_file_that_does_not_come_back_can_be_given_up(self):
        self.copy_past_a_checkpoint(self.sparse_file('source', SIZE, DATA), self.path('target'))
        self.kill_daemon()
        os.unlink(self.path('target'))
        self.start_daemon()
        self.wait_for(lambda: 'waiting-for' in self.info('j'), 30, 'the target to be waited for')
        self.dmjob('cancel', 'j')
        self.assertEqual(self.list(), [])
        self.assertFalse(os.path.exists(self.path('target')))
        self.expect_no_scratch()

    def test_a_target_that_is_another_file_by_now_is_not_touched(self):
        source = self.sparse_file('source', SIZE, DATA)
        self.copy_past_a_checkpoint(source, self.path('target'))
        self.kill_daemon()
        os.rename(self.path('target'), self.path('moved'))
        other = self.sparse_file('target', 8 * MIB, [(0, 8)])
        self.start_daemon()
        self.assertIn('is another file than the one the copy began with', self.wait_gone('j')['error'])
        self.assertEqual(self.allocated(other), 8 * MIB)
        self.expect_no_scratch()

    def test_a_target_that_is_another_disk_by_now_is_not_touched(self):
        source = self.loop(self.sparse_file('source', SIZE, DATA))
        target = self.sh('losetup', '--find', '--show', self.sparse_file('target', SIZE)).stdout.strip()
        self.copy_past_a_checkpoint(source, target)
        self.kill_daemon()
        self.sh('losetup', '--detach', target)
        other = self.sparse_file('other', SIZE)
        # Somebody may look at it just now, or have it for a moment.
        self.wait_for(lambda: self.sh('losetup', target, other, check=False).returncode == 0, 60, 'the loop device')
        self.addCleanup(self.sh, 'losetup', '--detach', target)
        self.start_daemon()
        self.assertIn('cannot be shown to be the disk', self.wait_gone('j')['error'])
        self.assertEqual(self.allocated(other), 0)

    def test_a_group_whose_start_was_cut_off_is_cancelled(self):
        """Nobody was told of it. To cancel one is to cancel the others, each once."""
        names = ('a', 'b', 'c')
        self.execute('transaction', properties={'completion-mode': 'grouped'}, actions=[
            dict(type='blockdev-mirror', data={'job-id': name, 'device': self.sparse_file(name, 8 * MIB, [(0, 8)]),
                                               'target': self.path(f'{name}-target'), 'sync': 'full', 'speed': MIB})
            for name in names])
        self.stop_daemon()

        def cut_off(content):
            self.assertEqual(len(content['jobs']), len(names))
            for job in content['jobs']:
                job['status'] = 'created'
        state_edit.edit(self.state_dir, cut_off)
        self.start_daemon()
        self.wait_for(lambda: not self.list(), 60, 'the jobs to be gone')
        self.expect_no_scratch()

    def test_killed_ten_times_it_ends_all_the_same(self):
        source = self.sparse_file('source', 256 * MIB, [(0, 96), (200, 56)])
        self.copy(source, self.path('target'), '--id', 'j', '--speed', '32M')
        for _ in range(10):
            time.sleep(0.15)
            self.kill_daemon()
            self.start_daemon()
        self.dmjob('speed', 'j', 0, check=False)
        self.assertNotIn('error', self.wait_gone('j'))
        self.expect_identical(source, self.path('target'))

    # The stories.

    def copy_past_a_checkpoint(self, source, target):
        """A pause makes one. The job runs again when this returns, and the state file says so."""
        self.copy(source, target, '--id', 'j', '--speed', '32M')
        self.wait_offset('j', 32 * MIB)
        self.pause('j')
        self.until_noted()
        self.dmjob('speed', 'j', '1M')
        self.dmjob('resume', 'j')
        self.wait_status('j', 'running')
        self.until_noted()

    def left_after_restart(self):
        self.start_daemon()
        return self.left_when_it_goes_on()

    def left_when_it_goes_on(self):
        self.wait_for(lambda: self.info('j').get('phase') == 'copying', 60, 'the copy to go on')
        shown = self.info('j')
        # Of a copy that has started over, what it has done before counts as well.
        self.assertGreaterEqual(shown['offset'], SIZE - shown['dirty'], 'progress has fallen')
        self.dmjob('speed', 'j', 0)
        return shown['dirty']

    def expect_to_go_on(self, source, target):
        self.assertLess(self.left_after_restart(), SIZE - CHECKPOINT)
        self.expect_end(source, target)

    def expect_to_start_over(self, source, target):
        self.assertGreater(self.left_after_restart(), SIZE - CHECKPOINT)
        self.expect_end(source, target)

    def expect_end(self, source, target):
        self.assertNotIn('error', self.wait_gone('j'))
        self.expect_identical(source, target)
        self.expect_no_scratch()


if __name__ == '__main__':
    offline_story.main()
