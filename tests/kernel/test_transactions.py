# SPDX-License-Identifier: LGPL-2.1-or-later
"""Grouped copies: two volumes, under writers, that take effect together or not at all."""
import json
import random
import time

import harness
import state_edit
from copying import CopyingTest
from order_writer import OrderWriter

MACHINE = dict(disks=['48M', '48M', '48M', '48M', '16M', '16M'], mem='512M', timeout=240, kernel='uml')
MIB = 1 << 20
STAMPED = 40 * MIB  # what the stamping writers write to; behind it is the block of the OrderWriter


class TransactionTest(CopyingTest):
    def setUp(self):
        super().setUp()
        self.sources = dict(a=self.disk(0), b=self.disk(1))
        self.targets = {name: self.linear(f'target-{name}', self.disk(2 + i)) for i, name in enumerate('ab')}
        self.scratch = dict(a=self.disk(4), b=self.disk(5))
        self.volumes = {name: self.attach(name, disk) for name, disk in self.sources.items()}
        self.own_tables = {name: self.dm_table(name) for name in 'ab'}
        self.stamps = {name: self.writer(path, log=f'{self.lasting_dir()}/{name}.log', iops=200,
                                         options=('--length', str(STAMPED)))
                       for name, path in self.volumes.items()}

    # The story.

    def start_writers(self):
        for stamp in self.stamps.values():
            stamp.start()

    def action(self, name, **options):
        data = dict(device=name, target=self.targets[name], sync='full', scratch=self.scratch[name], **options)
        return dict(type='blockdev-mirror', data={key.replace('_', '-'): value for key, value in data.items()})

    def start_group(self, **options):
        self.execute('transaction', actions=[self.action(name, **options) for name in 'ab'],
                     properties={'completion-mode': 'grouped'})

    def until_ready(self):
        for name in 'ab':
            self.wait_for(lambda name=name: self.is_equal(name), 90, f'{name} to be equal: {self.info(name)}')

    def is_equal(self, name):
        job = self.info(name)
        return job['phase'] == 'ready' and job['dirty'] == 0

    def until_gone(self):
        self.wait_for(lambda: not self.list(), 90, lambda: f'both to end: {self.list()}')

    def story(self, job):
        """As copy_story's."""
        words = []
        for line in self.dmjob('events').stdout.splitlines():
            event = json.loads(line)
            data = event['data']
            if job not in (data.get('id'), data.get('device')):
                continue
            word = data['status'] if event['event'] == 'JOB_STATUS_CHANGE' else event['event'].removeprefix('BLOCK_JOB_')
            words.append(word + ('(error)' if 'error' in data else ''))
        return ' '.join(words)

    def expect_one_instant(self, writer, disks):
        first, second = (writer.read(disk) for disk in disks)
        self.assertIn(first - second, (0, 1))
        self.assertGreater(second, 0)

    def stop_writers(self):
        for name, stamp in self.stamps.items():
            stamp.stop()
            stamp.verify(self.volumes[name])

    def expect_moved(self):
        self.stop_writers()
        for name in 'ab':
            self.expect_lives_on(name, self.targets[name])
        self.nothing_left(volumes='ab')

    def expect_as_before(self):
        self.stop_writers()
        self.assertEqual({name: self.dm_table(name) for name in 'ab'}, self.own_tables)
        self.nothing_left(volumes='ab')

    # One moment.

    def test_both_pivot_in_one_moment_and_lose_nothing(self):
        self.start_writers()
        with OrderWriter(self.volumes['a'], self.volumes['b'], STAMPED) as order:
            self.start_group()
            self.until_ready()
            self.dmjob('complete', 'a')
            self.wait_status('a', 'waiting')
            self.dmjob('complete', 'b')
            self.until_gone()
        self.expect_moved()
        self.expect_one_instant(order, self.sources.values())
        self.assertTrue(self.story('a').endswith('ready READY waiting pending COMPLETED concluded null'))
        self.assertEqual(self.story('a'), self.story('b'))

    def test_both_copies_are_of_one_instant(self):
        self.start_writers()
        with OrderWriter(self.volumes['a'], self.volumes['b'], STAMPED) as order:
            self.start_group()
            self.until_ready()
            for name in 'ab':
                self.execute('block-job-cancel', device=name)
            self.until_gone()
        self.expect_as_before()
        self.expect_one_instant(order, self.targets.values())

    def test_one_pivots_and_the_other_is_a_copy_of_the_same_instant(self):
        self.start_writers()
        with OrderWriter(self.volumes['a'], self.volumes['b'], STAMPED) as order:
            self.start_group()
            self.until_ready()
            self.dmjob('complete', 'a')
            self.execute('block-job-cancel', device='b')
            self.until_gone()
        self.stop_writers()
        self.expect_lives_on('a', self.targets['a'])
        self.assertEqual(self.dm_table('b'), self.own_tables['b'])
        self.expect_one_instant(order, (self.sources['a'], self.targets['b']))
        self.nothing_left(volumes='ab')

    # All or nothing.

    def test_cancel_of_one_leaves_both_as_they_were(self):
        self.start_writers()
        self.start_group()
        self.until_ready()
        self.dmjob('complete', 'a')
        self.wait_status('a', 'waiting')
        self.dmjob('cancel', 'b', '--force')
        self.until_gone()
        self.assertTrue(self.story('a').endswith('READY waiting aborting CANCELLED concluded null'))
        self.assertTrue(self.story('b').endswith('READY aborting CANCELLED concluded null'))
        self.expect_as_before()

    def test_a_failed_target_of_one_leaves_both_as_they_were(self):
        self.start_writers()
        self.start_group()
        self.until_ready()
        self.dmjob('complete', 'a')
        self.wait_status('a', 'waiting')
        self.break_target('target-b')
        self.until_gone()
        self.assertTrue(self.story('a').endswith('READY waiting aborting CANCELLED concluded null'))
        self.assertTrue(self.story('b').endswith('READY ERROR aborting COMPLETED(error) concluded null'))
        self.expect_as_before()

    def test_the_target_of_one_that_waits_fails_and_comes_back(self):
        self.start_writers()
        self.start_group(on_target_error='ignore')
        self.until_ready()
        self.dmjob('complete', 'a')
        self.wait_status('a', 'waiting')
        self.break_target('target-a')
        time.sleep(1.5)
        self.heal_target('target-a')
        self.dmjob('complete', 'b')
        self.until_gone()
        self.expect_moved()

    def test_a_target_that_hangs_holds_no_other_volume_for_long(self):
        self.start_writers()
        self.start_group()
        self.until_ready()
        for name in 'ab':
            self.execute('job-pause', id=name)  # so that both come to the end at once
            self.dmjob('complete', name)
        self.until_both_wait_but_for_the_switch()
        self.expect_moved()
        self.assertLess(self.stamps['a'].stats['worst_ms'], 15_000)

    def until_both_wait_but_for_the_switch(self):
        self.hang_target('target-b')
        for name in 'ab':
            self.execute('job-resume', id=name)
        time.sleep(12)
        self.release_target('target-b')
        self.until_gone()

    # Manual finalize.

    def test_finalize_of_one_finalizes_both(self):
        self.start_writers()
        self.start_group(auto_finalize=False)
        self.until_ready()
        for name in 'ab':
            self.dmjob('complete', name)
        self.wait_status('b', 'pending')
        self.wait_status('a', 'pending')
        self.dmjob('finalize', 'b')
        self.until_gone()
        self.expect_moved()

    # The daemon.

    def test_one_that_waits_does_so_over_a_restart(self):
        self.start_writers()
        self.start_group()
        self.until_ready()
        self.dmjob('complete', 'a')
        self.wait_status('a', 'waiting')
        self.kill_daemon_when_noted()
        self.start_daemon()
        self.wait_status('a', 'waiting')
        self.wait_status('b', 'ready')
        self.dmjob('complete', 'b')
        self.until_gone()
        self.expect_moved()

    def test_kills_while_both_take_effect_leave_both_on_the_same_side(self):
        self.start_writers()
        moments = random.Random(9)
        for _ in range(6):
            self.start_group(force=True)
            self.until_ready()
            self.dmjob('complete', 'a')
            self.wait_status('a', 'waiting')
            self.dmjob('complete', 'b')
            time.sleep(moments.uniform(0, 0.12))
            self.kill_daemon()
            self.start_daemon()
            if any(job['id'] == 'b' and job['status'] == 'ready' for job in self.list()):
                self.dmjob('complete', 'b')  # it had not been written down
            self.until_gone()
            for name in 'ab':
                self.expect_lives_on(name, self.targets[name])
            self.nothing_left(volumes='ab')
            self.sources, self.targets = self.targets, self.sources
        self.stop_writers()

    def test_a_damaged_record_of_one_cancels_the_other_and_is_kept(self):
        self.start_writers()
        self.start_group()
        self.until_ready()
        self.kill_daemon()
        self.edit_state(lambda state: self.record_of('b', state['jobs']).update({'status': 'no such'}))
        self.start_daemon()
        self.until_gone()
        self.assertTrue(self.story('a').endswith('READY aborting CANCELLED concluded null'))
        self.assertEqual(self.dm_table('a'), self.own_tables['a'])
        self.stop_daemon()
        self.edit_state(self.mend_record_of_b)
        self.start_daemon()
        self.dmjob('cancel', 'b', '--force')
        self.until_gone()
        self.expect_as_before()

    def edit_state(self, change):
        state_edit.edit(self.state_dir, change)

    @staticmethod
    def record_of(job, records):
        return next(record for record in records if record['id'] == job)

    def mend_record_of_b(self, state):
        record = self.record_of('b', state['quarantine'])
        state['quarantine'].remove(record)
        state['jobs'].append(record | dict(status='ready'))

    # The start.

    def test_one_that_cannot_start_undoes_the_other(self):
        bad = self.action('b') | dict(data=dict(device='b', target='/dev/nowhere', sync='full'))
        for mode in ('individual', 'grouped'):
            with self.assertRaisesRegex(AssertionError, '/dev/nowhere does not exist'):
                self.execute('transaction', actions=[self.action('a', auto_dismiss=False), bad],
                             properties={'completion-mode': mode})
            self.until_gone()
        self.assertEqual(self.story('a'), ' '.join(['created aborting concluded null'] * 2))
        self.nothing_left(volumes='ab')

    def test_volumes_that_stand_on_one_another_are_refused(self):
        upper = self.linear('upper', self.volumes['b'], length=2048)
        action = dict(type='blockdev-mirror', data=dict(device='upper', target=self.disk(4), sync='full'))
        with self.assertRaisesRegex(AssertionError, "stands on volume 'b'"):
            self.execute('transaction', actions=[self.action('b') | dict(data=dict(
                device='b', target=self.targets['b'], sync='full')), action],
                         properties={'completion-mode': 'grouped'})
        self.until_gone()
        self.dm_remove('upper')
        self.assertEqual(upper, '/dev/mapper/upper')
        self.nothing_left(volumes='ab')

    def test_individual_jobs_end_each_by_itself(self):
        self.execute('transaction', actions=[self.action(name) for name in 'ab'])
        self.until_ready()
        self.dmjob('cancel', 'b', '--force')
        self.pivot('a')
        self.expect_lives_on('a', self.targets['a'])
        self.assertEqual(self.dm_table('b'), self.own_tables['b'])
        self.nothing_left(volumes='ab')


if __name__ == '__main__':
    harness.main()
