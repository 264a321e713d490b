# SPDX-License-Identifier: LGPL-2.1-or-later
"""Copies between regular files: holes, odd sizes, targets that are there or have no room, and the verbs."""
import json
import os
import signal
import subprocess
import time

import offline_story
from offline_story import MIB, OfflineTest


class FilesTest(OfflineTest):
    def test_a_gibibyte_with_holes_keeps_its_holes(self):
        source = self.sparse_file('source', 1024 * MIB, [(0, 24), (300, 1), (500, 24), (1023, 1)])
        self.fill(source, 700 * MIB, 64 * MIB, byte=0)  # zeroes that are written need no space either
        target = self.path('target')
        self.expect_copied(source, target)
        self.assertEqual(os.path.getsize(target), 1024 * MIB)
        self.assertLess(self.allocated(target), 52 * MIB)
        self.assertEqual(self.list(), [])
        self.expect_no_scratch()

    def test_an_odd_size_is_copied_to_the_last_byte(self):
        source = self.sparse_file('source', MIB + 1, [(0, 1)])
        with open(source, 'r+b') as file:
            file.seek(MIB)
            file.write(b'x')
        self.expect_copied(source, self.path('target'))
        self.assertEqual(os.path.getsize(self.path('target')), MIB + 1)

    def test_a_file_of_one_byte(self):
        with open(self.path('source'), 'wb') as file:
            file.write(b'x')
        self.expect_copied(self.path('source'), self.path('target'))
        self.assertEqual(os.path.getsize(self.path('target')), 1)

    def test_a_target_that_is_there_needs_force(self):
        source = self.sparse_file('source', 8 * MIB, [(1, 1)])
        target = self.sparse_file('target', 12 * MIB, [(0, 12)])
        self.expect_refused(f'target {target} is a file that is not empty: --force overwrites it',
                            'copy', source, target)
        self.assertEqual(self.allocated(target), 12 * MIB)
        self.expect_copied(source, target, '--force')
        self.assertEqual(os.path.getsize(target), 8 * MIB)

    def test_a_backup_is_the_same_under_another_name(self):
        source = self.sparse_file('source', 16 * MIB, [(0, 4), (8, 1)])
        self.dmjob('backup', source, self.path('target'), '--wait')
        self.expect_identical(source, self.path('target'))
        self.assertLess(self.allocated(self.path('target')), 6 * MIB)
        words = [json.loads(line)['data'] for line in self.dmjob('events').stdout.splitlines()]
        self.assertEqual([data['status'] for data in words if 'status' in data],
                         'created running waiting pending concluded null'.split())
        self.assertEqual(words[-3]['type'], 'backup')
        self.expect_no_scratch()

    def test_a_copy_onto_itself_is_refused(self):
        source = self.sparse_file('source', 8 * MIB, [(0, 8)])
        os.link(source, self.path('link'))
        for target in (source, self.path('link'), self.path('./source')):
            self.expect_refused('is the source itself', 'copy', source, target, '--force')
        self.expect_refused('is empty', 'copy', self.sparse_file('empty', 0), self.path('target'))
        self.expect_refused('there is no folder', 'copy', source, self.path('no/target'))

    def test_there_is_nothing_to_pivot(self):
        source = self.sparse_file('source', 8 * MIB)
        self.expect_refused('is not a volume: there is nothing to pivot', 'copy', source, self.path('target'), '--pivot')
        self.assertFalse(os.path.exists(self.path('target')))

    def test_a_full_file_system_is_told_and_leaves_the_source_alone(self):
        full = self.small_file_system('8m')
        source = self.sparse_file('source', 32 * MIB, [(0, 32)])
        result = self.dmjob('copy', source, f'{full}/target', '--wait', check=False)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, 'target .* cannot be written at byte .*: No space left on device')
        self.assertIn('No space left', self.outcome('source')['error'])
        self.expect_no_scratch()

    def test_pause_speed_and_resume(self):
        source = self.sparse_file('source', 64 * MIB, [(0, 64)])
        self.copy(source, self.path('target'), '--id', 'j', '--speed', '4M')
        self.wait_offset('j', MIB)
        at = self.pause('j')['offset']
        time.sleep(1)
        self.assertEqual(self.info('j')['offset'], at)
        self.dmjob('resume', 'j')
        self.wait_offset('j', at + MIB)
        self.dmjob('speed', 'j', 0)
        self.dmjob('wait', 'j')
        self.expect_identical(source, self.path('target'))

    def test_cancel_says_that_the_target_is_incomplete(self):
        source = self.sparse_file('source', 64 * MIB, [(0, 64)])
        self.copy(source, self.path('target'), '--speed', '1M')
        self.assertIn('is not a usable copy', self.dmjob('cancel', 'source').stderr)
        self.assertEqual(self.outcome('source')['error'], 'Operation canceled')
        self.expect_no_scratch()
        self.expect_copied(source, self.path('target'), '--force')

    def test_an_interrupt_ends_the_wait_and_not_the_job(self):
        source = self.sparse_file('source', 32 * MIB, [(0, 32)])
        waiting = subprocess.Popen([f'{self.bin_dir}/dmjob', '--socket', self.socket_path, 'copy', source,
                                    self.path('target'), '--speed', '1M', '--wait'], stderr=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(waiting.kill)
        self.wait_for(self.list, 30, 'the job')
        time.sleep(0.5)
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=30)
        self.assertEqual((waiting.returncode, out), (4, 'source\n'))
        self.assertIn("job 'source' goes on", err)
        self.dmjob('speed', 'source', 0)
        self.assertNotIn('error', self.wait_gone('source'))
        self.expect_identical(source, self.path('target'))

    def test_a_source_that_is_written_to_makes_no_copy(self):
        source = self.sparse_file('source', 32 * MIB, [(0, 32)])
        self.copy(source, self.path('target'), '--speed', '4M')
        self.wait_offset('source', MIB)
        self.fill(source, 20 * MIB, MIB, byte=7)
        self.dmjob('speed', 'source', 0)
        self.assertIn('was written to during the copy', self.wait_gone('source')['error'])


if __name__ == '__main__':
    offline_story.main()
