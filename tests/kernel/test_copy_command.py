# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line on a real copy: options that wait, exit statuses, JSON, what is seen during a job and after it."""
import json
import os
import signal
import subprocess
import time

import harness
from copying import CopyingTest

MACHINE = dict(disks=['32M', '32M', '32M'], mem='512M', timeout=180, kernel='uml')
MIB = 1 << 20


class CopyCommandTest(CopyingTest):
    def setUp(self):
        super().setUp()
        self.volume = self.attach('vol', self.disk(0))

    # Options of copy.

    def test_wait_ends_when_the_job_is_ready(self):
        result = self.dmjob('copy', 'vol', self.disk(1), '--wait')
        self.assertEqual(result.stdout, 'vol\n')
        self.assertIn("job 'vol' is ready; `dmjob complete vol` switches", result.stderr)
        self.assertEqual(self.info('vol')['status'], 'ready')
        self.expect_identical(self.disk(0), self.disk(1))

    def test_wait_with_a_timeout_is_status_4_and_the_job_goes_on(self):
        result = self.dmjob('copy', 'vol', self.disk(1), '--speed', '1M', '--wait', '--timeout', 1, check=False)
        self.assertEqual((result.returncode, result.stdout), (4, 'vol\n'))
        self.assertIn("the time is over; job 'vol' goes on", result.stderr)
        self.assertEqual(self.info('vol')['status'], 'running')
        self.assertEqual(self.dmjob('wait', 'vol', '--timeout', 1, check=False).returncode, 4)
        self.dmjob('speed', 'vol', 0)
        self.dmjob('wait', 'vol', '--for', 'ready')
        self.assertEqual(self.info('vol')['status'], 'ready')

    def test_an_interrupt_ends_the_wait_and_not_the_job(self):
        waiting = self.in_background('copy', 'vol', self.disk(1), '--speed', '1M', '--wait')
        self.wait_for(lambda: self.list(), 30, 'the job')
        time.sleep(0.5)
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=30)
        self.assertEqual((waiting.returncode, out), (4, 'vol\n'))
        self.assertEqual(err, "dmjob: job 'vol' goes on; `dmjob watch vol` shows it, `dmjob cancel vol` ends it\n")
        self.assertEqual(self.info('vol')['status'], 'running')

    def test_pivot_leaves_the_volume_on_the_target(self):
        result = self.dmjob('copy', 'vol', self.disk(1), '--pivot')
        self.assertEqual((result.stdout, result.stderr), ('vol\n', "job 'vol' is done\n"))
        self.expect_lives_on('vol', self.disk(1))
        self.assertEqual(self.managed_volumes()['vol']['device'], self.disk(1))
        self.nothing_left(volumes=['vol'])

    def test_events_tell_where_a_volume_lives(self):
        self.dmjob('copy', 'vol', self.disk(1), '--pivot')
        self.dmjob('detach', 'vol')
        events = map(json.loads, self.dmjob('events').stdout.splitlines())
        self.assertEqual([event['data'] for event in events if event['event'] == 'VOLUME_CHANGE'],
                         [dict(name='vol', change='attached', device=self.disk(0)),
                          dict(name='vol', change='moved', device=self.disk(1)),
                          dict(name='vol', change='detached', device=self.disk(1))])

    def test_finish_leaves_a_copy(self):
        self.write(self.volume, 5 * MIB, b'x' * 8192)
        self.dmjob('copy', 'vol', self.disk(1), '--finish')
        self.expect_lives_on('vol', self.disk(0))
        self.write(self.volume, 0, b'y' * 512)
        self.assertEqual(self.managed_volumes()['vol']['device'], self.disk(0))
        self.nothing_left(volumes=['vol'])
        self.sh('dd', f'if={self.disk(0)}', f'of={self.disk(1)}', 'bs=512', 'count=1', 'conv=notrunc')
        self.expect_identical(self.disk(0), self.disk(1))

    def test_manual_finalize_and_dismiss_wait_for_both(self):
        self.copy('vol', self.disk(1), '--manual-finalize', '--manual-dismiss')
        self.wait_status('vol', 'ready')
        self.dmjob('complete', 'vol')
        self.wait_status('vol', 'pending')
        waiting = self.in_background('wait', 'vol', '--for', 'concluded')
        self.assertIn('pending; `dmjob finalize vol`', waiting.stderr.readline())
        self.dmjob('finalize', 'vol')
        waiting.communicate(timeout=60)
        self.assertEqual(waiting.returncode, 0)
        self.assertEqual(self.info('vol')['status'], 'concluded')
        self.expect_lives_on('vol', self.disk(1))
        self.dmjob('dismiss', 'vol')
        self.assertEqual(self.list(), [])

    # Ends.

    def test_a_cancel_before_ready_says_that_the_target_is_no_copy(self):
        self.copy('vol', self.disk(1), '--speed', '1M')
        waiting = self.in_background('wait', 'vol')
        result = self.dmjob('cancel', 'vol')
        self.assertIn(f'{self.disk(1)} is not a usable copy', result.stderr)
        _, err = waiting.communicate(timeout=30)
        self.assertEqual(waiting.returncode, 1)
        self.assertIn("job 'vol' was cancelled", err)
        self.assertEqual(self.outcome('vol')['error'], 'Operation canceled')
        self.expect_lives_on('vol', self.disk(0))
        self.nothing_left(volumes=['vol'])

    def test_a_cancel_without_waiting_ends_soon(self):
        self.copy('vol', self.disk(1), '--speed', '1M')
        self.dmjob('pause', 'vol')
        self.dmjob('cancel', 'vol', '--force', '--async')
        self.wait_for(lambda: not self.list(), 30, 'the job to be gone')
        self.expect_lives_on('vol', self.disk(0))

    def test_verbs_at_the_wrong_time_are_refused(self):
        self.copy('vol', self.disk(1), '--speed', '1M')
        self.expect_refused("cannot accept command verb 'complete'", 'complete', 'vol')
        self.expect_refused("cannot accept command verb 'finalize'", 'finalize', 'vol')
        self.expect_refused("cannot accept command verb 'dismiss'", 'dismiss', 'vol')
        self.expect_refused('not paused', 'resume', 'vol')
        self.pause('vol')
        self.expect_refused('already paused', 'pause', 'vol')
        self.expect_refused('paused', 'cancel', 'vol')
        self.expect_refused("there is no job 'other'", 'pause', 'other')
        self.assertEqual(self.info('vol')['status'], 'paused')

    # What is seen.

    def test_json_is_json(self):
        job = self.said_in_json('copy', 'vol', self.disk(1), '--id', 'j', '--speed', '4M')
        self.assertEqual(job, {'id': 'j'})
        self.pause('j')
        info = self.said_in_json('info', 'j')
        self.assertEqual(info, self.info('j'))
        self.assertLessEqual(
            {'id', 'type', 'status', 'offset', 'len', 'speed', 'io-status', 'phase', 'dirty', 'scratch', 'pass',
             'volume', 'target', 'rate', 'granularity'}, set(info))
        self.assertEqual((info['id'], info['type'], info['speed']), ('j', 'mirror', 4 * MIB))
        self.assertEqual(self.said_in_json('list'), [info])
        volume = self.said_in_json('volumes')[0]
        self.assertEqual((volume['job'], volume), ('j', self.managed_volumes()['vol']))
        self.dmjob('speed', 'j', 0)
        self.dmjob('resume', 'j')
        self.assertEqual(self.said_in_json('wait', 'j')['status'], 'ready')
        done = self.said_in_json('complete', 'j', '--wait')
        self.assertEqual((done['id'], done['offset']), ('j', done['len']))
        self.assertEqual(self.said_in_json('list', '--all'), self.history())
        self.assertEqual(self.said_in_json('info', 'j'), self.info('j'))

    def said_in_json(self, *words):
        return json.loads(self.dmjob('--json', *words).stdout)

    def test_info_tells_people_what_to_do(self):
        self.copy('vol', self.disk(1), '--speed', '1M')
        self.assertRegex(self.dmjob('info', 'vol').stdout, r'(?m)^to do +nothing: it goes on by itself')
        self.pause('vol')
        self.assertIn('`dmjob resume vol` goes on', self.dmjob('info', 'vol').stdout)
        self.dmjob('resume', 'vol')
        self.dmjob('speed', 'vol', 0)
        self.wait_status('vol', 'ready')
        self.assertIn(f'`dmjob complete vol` switches vol to {self.disk(1)}', self.dmjob('info', 'vol').stdout)

    def test_watch_ends_with_the_job(self):
        self.copy('vol', self.disk(1), '--speed', '16M')
        watching = self.in_background('watch')
        self.wait_status('vol', 'ready')
        self.pivot('vol')
        out, _ = watching.communicate(timeout=30)
        self.assertEqual(watching.returncode, 0)
        self.assertRegex(out, r'(?s)vol \d+\.\d% bulk\n.*vol 100% ready\n.*vol 100% done\n$')
        self.assertEqual(self.dmjob('watch').stderr, 'there is no job\n')

    def test_a_job_that_is_over_is_still_known(self):
        self.dmjob('copy', 'vol', self.disk(1), '--id', 'first', '--pivot')
        self.copy('vol', self.disk(2), '--id', 'second', '--speed', '1M')
        self.dmjob('cancel', 'second', '--force')
        self.assertEqual(self.list(), [])
        self.assertEqual([job['id'] for job in self.history()], ['second', 'first'])
        self.assertRegex(self.dmjob('list', '--all').stdout, r'second +mirror +cancelled .*\nfirst +mirror +done ')
        self.assertRegex(self.dmjob('info', 'first').stdout, r'(?m)^status +done')
        self.stop_daemon()
        self.start_daemon()
        self.assertEqual([job['id'] for job in self.history()], ['second', 'first'])

    def in_background(self, *words):
        process = subprocess.Popen([os.path.join(self.bin_dir, 'dmjob'), '--socket', self.socket_path,
                                    *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        return process


if __name__ == '__main__':
    harness.main()
