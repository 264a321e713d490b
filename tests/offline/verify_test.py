# SPDX-License-Identifier: LGPL-2.1-or-later
"""Offline copies whose target is read back and compared, and comparisons of what nobody uses."""
import json
import os

import offline_story
from offline_story import MIB, OfflineTest


class VerifyBase(OfflineTest):
    def setUp(self):
        super().setUp()
        self.source = self.sparse_file('source', 16 * MIB, [(0, 16)])
        self.target = self.path('target')


class VerifyTest(VerifyBase):
    def begin_and_wait_until_verifying(self):
        self.copy(self.source, self.target, '--verify', '--id', 'j', '--speed', '8M')
        self.wait_for(lambda: self.info('j')['phase'] == 'verifying', 30, 'the verification')
        self.dmjob('speed', 'j', '1M')

    def error_at_full_speed(self):
        self.dmjob('speed', 'j', 0)
        return self.wait_gone('j')['error']

    def test_a_copy_that_is_right_is_verified_and_done(self):
        self.expect_copied(self.source, self.target, '--verify')
        job = self.outcome('source')
        self.assertEqual((job['verify'], job['offset'], job['len']), (True, 32 * MIB, 32 * MIB))

    def test_a_target_that_lies_is_named_and_the_place(self):
        self.begin_and_wait_until_verifying()
        self.flip_byte(self.target, 15 * MIB + 700)
        error = self.error_at_full_speed()
        self.assertEqual(error, f'target {self.target} does not hold what was written to it; of source '
                         f'{self.source} 512 bytes differ: 512 at byte {15 * MIB + 512}: see to that disk, then copy '
                         'again')
        job = self.outcome('j')
        self.assertEqual((job['x-different-bytes'], job['x-differences']),
                         (512, [dict(offset=15 * MIB + 512, length=512)]))

    def test_a_source_that_was_written_to_is_not_the_targets_fault(self):
        self.begin_and_wait_until_verifying()
        self.flip_byte(self.source, 15 * MIB)
        self.assertIn('was written to during the copy', self.error_at_full_speed())

    def test_after_a_restart_it_verifies_again(self):
        """A disk that changes by itself; what somebody else writes to it is copied anew."""
        below = self.sparse_file('below', 16 * MIB)
        self.target = self.loop(below)
        self.begin_and_wait_until_verifying()
        self.flip_byte(below, 0)  # which it has seen already
        self.kill_daemon()
        self.start_daemon()
        self.assertIn('512 at byte 0', self.error_at_full_speed())

    def test_after_a_restart_what_somebody_else_has_written_to_is_copied_anew(self):
        self.begin_and_wait_until_verifying()
        # What others write just after our last write has the same date: long ago, as the kernel dates files.
        self.wait_offset('j', 17 * MIB)
        self.flip_byte(self.target, 0)
        self.wait_offset('j', self.info('j')['offset'] + 1)  # what we read meanwhile hides nothing
        self.kill_daemon()
        self.start_daemon()
        self.dmjob('speed', 'j', 0)
        job = self.wait_gone('j')
        self.assertNotIn('error', job)
        self.assertIn('copied-anew', job)
        self.sh('cmp', self.source, self.target)

    def test_a_pause_stops_it_and_a_cancel_ends_it(self):
        self.begin_and_wait_until_verifying()
        before = self.pause('j')['offset']
        self.assertLessEqual(self.info('j')['offset'] - before, 0)
        self.dmjob('resume', 'j')
        self.dmjob('cancel', 'j', '--force')
        self.assertEqual(self.list(), [])


class CompareTest(VerifyBase):
    def setUp(self):
        super().setUp()
        self.sh('cp', self.source, self.target)

    def compare(self, *options, source=None, **how):
        return self.dmjob('compare', source or self.source, self.target, *options, **how)

    def test_equal_files_are_equal_and_left_alone(self):
        before = os.stat(self.target).st_mtime_ns
        self.assertIn('is done: both are equal', self.compare('--wait').stderr)
        job = self.outcome('source')
        self.assertEqual((job['type'], job['offset'], job['len']), ('compare', 16 * MIB, 16 * MIB))
        self.assertEqual(os.stat(self.target).st_mtime_ns, before)
        self.expect_no_scratch()

    def test_the_first_differences_are_told(self):
        for offset in (5000, 9 * MIB, 9 * MIB + 512, 16 * MIB - 1):
            self.flip_byte(self.target, offset)
        result = self.dmjob('--json', 'compare', self.source, self.target, '--wait', check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f'source {self.source} and target {self.target} are not equal: 2048 bytes differ: 512 at byte '
                      f'4608, 1024 at byte {9 * MIB}, 512 at byte {16 * MIB - 512}', result.stderr)
        job = json.loads(result.stdout)
        self.assertEqual((job['x-different-bytes'], job['x-differences']),
                         (2048, [dict(offset=4608, length=512), dict(offset=9 * MIB, length=1024),
                                 dict(offset=16 * MIB - 512, length=512)]))
        self.assertIn('differ    2048 bytes: 512 at byte 4608, ', self.dmjob('info', 'source').stdout)

    def test_a_loop_device_is_compared_with_a_larger_file(self):
        disk = self.loop(self.source)
        with open(self.target, 'ab') as file:
            file.write(b'x' * 5000)
        self.compare('--wait', source=disk)
        os.truncate(self.target, 15 * MIB)
        self.expect_refused('is too small', 'compare', disk, self.target)

    def test_whoever_writes_meanwhile_is_seen(self):
        for path, side in ((self.source, 'source'), (self.target, 'target')):
            self.compare('--id', side, '--speed', '2M')
            self.wait_offset(side, MIB)
            self.flip_byte(path, 0)
            self.dmjob('speed', side, 0)
            self.assertIn(f'{side} {path} was written to during the comparison', self.wait_gone(side)['error'])
            self.flip_byte(path, 0)

    def test_pause_kill_and_cancel(self):
        self.compare('--id', 'c', '--speed', '2M')
        self.wait_offset('c', MIB)
        self.pause('c')
        self.kill_daemon_when_noted()
        self.start_daemon()
        self.assertEqual(self.wait_status('c', 'paused')['type'], 'compare')
        self.flip_byte(self.target, 0)  # it starts over
        self.dmjob('resume', 'c')
        self.wait_for(lambda: 'x-differences' in self.info('c'), 30, 'the difference to be seen')
        self.dmjob('cancel', 'c', '--force')
        self.assertEqual(self.list(), [])

    def test_a_file_that_is_not_there_after_a_restart_is_waited_for(self):
        self.compare('--id', 'c', '--speed', '2M')
        self.wait_offset('c', MIB)
        self.kill_daemon()
        os.rename(self.target, self.path('away'))
        self.start_daemon()
        self.wait_for(lambda: self.info('c').get('waiting-for') == f'the target {self.target} is not there', 30,
                      'the target to be waited for')
        os.rename(self.path('away'), self.target)
        self.dmjob('speed', 'c', 0)
        self.assertEqual(self.wait_gone('c').get('error'), None)

    def test_what_cannot_be_compared_is_refused(self):
        self.expect_refused('is the source itself', 'compare', self.source, self.source)
        self.expect_refused('does not exist', 'compare', self.source, self.path('no'))
        self.expect_refused('is empty', 'compare', self.sparse_file('empty', 0), self.target)
        self.expect_refused("--timeout has no meaning without --wait", 'compare', self.source, self.target,
                            '--timeout', '1', status=2)
        self.compare('--id', 'c', '--speed', '1M')
        self.expect_refused("is in use by job 'c'", 'compare', self.source, self.target)
        self.expect_refused("is in use by job 'c'", 'copy', self.sparse_file('other', MIB), self.target, '--force')


if __name__ == '__main__':
    offline_story.main()
