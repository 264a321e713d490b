# SPDX-License-Identifier: LGPL-2.1-or-later
"""A volume in use is compared, as of one instant, with a disk that nobody uses."""

import copy_story
import harness

MACHINE = dict(disks=['48M', '64M', '64M'], mem='512M', timeout=240, kernel='uml',
               newer=['test_it_is_of_one_instant_and_the_target_is_not_written'])
MIB = 1 << 20


class CompareTest(copy_story.CopyStory):
    def begin_with_a_copy(self):
        """The target is what the volume is; the writer rests."""
        self.begin()
        self.dmjob('copy', 'vol', self.target, '--id', 'first', '--scratch', self.scratch, '--force', '--wait')
        self.stamp.stop()
        self.dmjob('cancel', 'first')
        self.wait_for(lambda: 'dmjob' not in self.dm_table('vol'), 60, 'the end of the copy')

    def compare(self, *options, check=True):
        return self.dmjob('compare', 'vol', self.target, '--id', 'c', '--scratch', self.scratch, '--force', *options,
                          check=check)

    def begin_slowly(self):
        self.job = 'c'
        self.compare('--speed', '16M', '--manual-dismiss')
        self.until_copied(MIB)

    def expect_end(self, error):
        job = self.until_status('concluded')
        self.assertIn(error, job.get('error', ''))
        self.assertEqual('error' in job, bool(error))
        self.dmjob('dismiss', 'c')
        return job

    def test_it_is_of_one_instant_and_the_target_is_not_written(self):
        self.begin_with_a_copy()
        written = self.written_to_target()
        self.begin_slowly()
        self.stamp.start()
        self.until(lambda job: job['scratch-used'] > 2 * MIB, 'writes over what is compared')
        self.expect_end('')
        self.assertEqual(self.written_to_target(), written)
        self.assertEqual(self.compare('--wait', check=False).returncode, 1)  # a later instant
        self.assertEqual(self.written_to_target(), written)
        self.expect_as_before()

    def test_what_differs_is_found_over_a_pause_and_a_kill(self):
        self.begin_with_a_copy()
        for offset in (5 * MIB + 700, 47 * MIB):
            self.flip_byte(self.disk(1), offset)
        written = self.written_to_target()
        self.begin_slowly()
        self.stamp.start()
        self.pause('paused')
        self.kill_daemon_when_noted()
        self.restart_daemon()
        self.dmjob('resume', 'c')
        job = self.expect_end(f"volume 'vol' and target {self.target} are not equal: 1024 bytes differ: 512 at byte "
                              f'{5 * MIB + 512}, 512 at byte {47 * MIB}')
        self.assertEqual(job['x-different-bytes'], 1024)
        self.assertEqual(self.written_to_target(), written)
        self.expect_as_before()

    def test_a_target_that_is_written_to_meanwhile_tells_nothing(self):
        self.begin_with_a_copy()
        self.begin_slowly()
        self.stamp.start()
        self.flip_byte(self.target, 700)  # which was compared before
        self.expect_end('was written to during the comparison, which tells nothing')
        self.expect_as_before()


if __name__ == '__main__':
    harness.main()
