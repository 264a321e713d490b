# SPDX-License-Identifier: LGPL-2.1-or-later
"""Offline copies whose target is read back and compared, and comparisons of what nobody uses."""
import json
import os

import offline_story
from offline_story import MIB, OfflineTest


class VerifyTest(OfflineTest):
    def setUp(self):
        super().setUp()
        self.source = self.sparse_file('source', 16 * MIB, [(0, 16)])
        self.target = self.path('target')

    @staticmethod
    def flip(path, offset):
        with open(path, 'r+b') as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1]))
            os.fsync(file.fileno())

    def begin_and_wait_until_verifying(self, speed='8M'):
        self.copy(self.source, self.target, '--verify', '--id', 'j', '--speed', '0')
        self.dmjob('speed', 'j', speed)
        self.wait_for(lambda: self.info('j')['phase'] == 'verifying', 30, 'the verification')

    def test_a_copy_that_is_right_is_verified_and_done(self):
        self.expect_copied(self.source, self.target, '--verify')
        job = self.outcome('source')
        self.assertEqual((job['verify'], job['offset'], job['len']), (True, 32 * MIB, 32 * MIB))

    def test_a_target_that_lies_is_named_and_the_place(self):
        self.begin_and_wait_until_verifying()
        self.flip(self.target, 15 * MIB + 700)
        job = self.wait_gone('j')
        self.assertEqual(job['error'], f'target {self.target} does not hold what was written to it; of source '
                         f'{self.source} 512 bytes differ: 512 at byte {15 * MIB + 512}: see to that disk, then copy '
                         'again')
        self.assertEqual((job['x-different-bytes'], job['x-differences']),
                         (512, [dict(offset=15 * MIB + 512, length=512)]))

    def test_a_source_that_was_written_to_is_not_the_targets_fault(self):
        self.begin_and_wait_until_verifying()
        self.flip(self.source, 15 * MIB)
        self.assertIn('was written to during the copy', self.wait_gone('j')['error'])

    def test_after_a_restart_it_verifies_again(self):
        self.begin_and_wait_until_verifying()
        self.flip(self.target, 0)  # which it has seen already
        self.kill_daemon()
        self.start_daemon()
        self.assertIn('512 at byte 0', self.wait_gone('j')['error'])

    def test_a_pause_stops_it_and_a_cancel_ends_it(self):
        self.begin_and_wait_until_verifying(speed='1M')
        before = self.pause('j')['offset']
        self.assertLessEqual(self.info('j')['offset'] - before, 0)
        self.dmjob('resume', 'j')
        self.dmjob('cancel', 'j', '--force')
        self.assertEqual(self.list(), [])


if __name__ == '__main__':
    offline_story.main()
