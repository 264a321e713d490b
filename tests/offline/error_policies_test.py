# SPDX-License-Identifier: LGPL-2.1-or-later
"""A target without room, by each policy, and error maps of copies that meet no bad sector (those that do need a disk that
has some: tests/kernel/test_error_map.py)."""
import json
import os
import time

import offline_story
from offline_story import MIB, OfflineTest
import mapfile
from qmp_client import QmpClient


class NoSpaceTest(OfflineTest):
    """16 MiB are copied to a file system that has room for 8, and later for more."""

    def begin(self, policy):
        self.full = self.small_file_system('8m')
        self.source = self.sparse_file('source', 16 * MIB, [(0, 16)])
        self.target = f'{self.full}/target'
        client = QmpClient(self.socket_path)
        self.addCleanup(client.close)
        client.execute('blockdev-mirror', job_id='j', device=self.source, target=self.target, sync='full',
                       on_target_error=policy)

    def make_room(self):
        self.sh('mount', '-o', 'remount,size=32m', self.full)

    def errors(self):
        events = map(json.loads, self.dmjob('events').stdout.splitlines())
        return [event['data'] for event in events if event['event'] == 'BLOCK_JOB_ERROR']

    def expect_end(self):
        self.assertNotIn('error', self.wait_gone('j'))
        self.expect_identical(self.source, self.target)

    def expect_pause_and_resume(self, policy):
        self.begin(policy)
        self.assertEqual(self.wait_status('j', 'paused')['io-status'], 'nospace')
        self.dmjob('resume', 'j')
        self.wait_for(lambda: len(self.errors()) == 2, 30, 'the error to come again')
        self.assertEqual(self.wait_status('j', 'paused')['io-status'], 'nospace')
        self.assertEqual(self.errors(), 2 * [dict(device='j', operation='write', action='stop')])
        self.make_room()
        self.dmjob('resume', 'j')
        self.expect_end()

    def test_stop_waits_for_room(self):
        self.expect_pause_and_resume('stop')

    def test_enospc_waits_for_room(self):
        self.expect_pause_and_resume('enospc')

    def test_auto_waits_for_room(self):
        self.expect_pause_and_resume('auto')

    def test_report_fails_the_job(self):
        self.begin('report')
        self.assertIn('No space left on device', self.wait_gone('j')['error'])
        self.assertEqual(self.errors(), [dict(device='j', operation='write', action='report')])

    def test_ignore_tries_again_but_not_in_a_tight_loop(self):
        self.begin('ignore')
        self.wait_for(self.errors, 30, 'the first error')
        before = len(self.errors())
        time.sleep(4)
        self.assertLess(len(self.errors()) - before, 12)
        job = self.info('j')
        self.assertEqual((job['status'], job['io-status']), ('running', 'ok'))
        self.make_room()
        self.expect_end()


class ErrorMapTest(OfflineTest):
    def setUp(self):
        super().setUp()
        self.map = self.path('map')
        self.source = self.sparse_file('source', 8 * MIB, [(0, 8)])
        self.target = self.path('target')

    def test_a_copy_that_could_read_all_has_a_finished_map(self):
        self.expect_copied(self.source, self.target, '--error-map', self.map)
        self.assertEqual(mapfile.size(self.map, '+'), 8 * MIB)
        self.assertTrue(mapfile.is_done(self.map))
        self.assertEqual(self.outcome('source')['error-map'], self.map)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith('map')], ['map'])

    def test_a_relative_path_is_where_the_user_is(self):
        self.dmjob('copy', self.source, self.target, '--error-map', os.path.relpath(self.map), '--wait')
        self.assertEqual(mapfile.size(self.map, '+'), 8 * MIB)

    def test_a_copy_that_was_cancelled_has_the_rest_as_not_tried(self):
        self.copy(self.source, self.target, '--error-map', self.map, '--speed', '1M')
        self.wait_offset('source', 2 * MIB)
        self.pause('source')  # which makes what was copied stable
        self.dmjob('cancel', 'source', '--force')
        rescued, left = mapfile.size(self.map, '+'), mapfile.size(self.map, '?')
        self.assertEqual(rescued + left, 8 * MIB)
        self.assertGreaterEqual(rescued, 2 * MIB)
        self.assertGreater(left, 0)

    def test_a_copy_of_a_source_that_was_written_to_has_nothing_in_its_map(self):
        self.copy(self.source, self.target, '--error-map', self.map, '--speed', '2M')
        self.wait_offset('source', MIB)
        self.fill(self.source, 4 * MIB, MIB, byte=7)
        self.dmjob('speed', 'source', 0)
        self.assertIn('was written to', self.wait_gone('source')['error'])
        self.assertEqual(mapfile.size(self.map, '?'), 8 * MIB)

    def test_a_map_that_cannot_be_written_is_told_and_fails_nothing(self):
        full = self.small_file_system('4k')
        with open(f'{full}/other', 'wb') as file:
            file.write(b'x' * 4096)
        self.dmjob('copy', self.source, self.target, '--error-map', f'{full}/map', '--wait')
        self.expect_identical(self.source, self.target)
        self.assertEqual(self.outcome('source')['error-map-trouble'], 'No space left on device')
        self.assertIn('error map  ' + f'{full}/map, which is out of date: No space left on device',
                      self.dmjob('info', 'source').stdout)

    def test_a_bad_place_is_refused_before_anything_is_done(self):
        def refused(text, path, *options):
            self.expect_refused(text, 'copy', self.source, self.target, '--error-map', path, *options)
        refused(f'there is no folder {self.path("no")}', self.path('no/map'))
        refused('is not a regular file', '/dev/null')
        refused('is the source itself', self.source, '--force')
        refused('is the target itself', self.target)
        with open(self.map, 'wb') as file:
            file.write(b'mine')
        refused('is a file that is not empty: --force overwrites it', self.map)
        self.assertFalse(os.path.exists(self.target))
        self.assertEqual(self.list() + self.history(), [])
        self.expect_copied(self.source, self.target, '--error-map', self.map, '--force')
        self.assertEqual(mapfile.size(self.map, '+'), 8 * MIB)

    def test_two_jobs_have_no_map_in_common(self):
        self.copy(self.source, self.target, '--error-map', self.map, '--speed', '1M')
        other = self.sparse_file('other', MIB)
        self.expect_refused(f"error map {self.map} is in use by job 'source'", 'copy', other, self.path('new'),
                            '--error-map', self.map)


if __name__ == '__main__':
    offline_story.main()
