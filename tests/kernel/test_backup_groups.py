# SPDX-License-Identifier: LGPL-2.1-or-later
"""Backups of several volumes in one transaction: of one instant, whatever its completion mode, or none."""
import time

import backup_story
import devices
import harness
import instant
from order_writer import OrderWriter

MACHINE = dict(disks=['24M', '24M', '24M', '64M', '64M', '64M'], mem='512M', timeout=240, kernel='uml')
NAMES = 'abc'
STAMPED = 20 << 20  # what the stamping writers write to; behind it are the blocks of the OrderWriters


class BackupGroupsTest(backup_story.BackupStory):
    def setUp(self):
        super().setUp()
        self.start_daemon()
        self.linear('under-c', self.disk(2))  # whose writes can be held
        self.sources = dict(zip(NAMES, (self.disk(0), self.disk(1), '/dev/mapper/under-c')))
        for name, disk in self.sources.items():
            self.dmjob('attach', name, disk)
        self.volumes = {name: f'/dev/mapper/{name}' for name in NAMES}
        self.targets = dict(zip(NAMES, (self.disk(3), self.disk(4), self.disk(5))))  # with scratch in their tails
        self.own_tables = {name: self.dm_table(name) for name in NAMES}
        self.stamps = {name: self.writer(path, log=f'{self.lasting_dir()}/{name}.log', iops=150,
                                         options=('--length', str(STAMPED)))
                       for name, path in self.volumes.items()}
        for stamp in self.stamps.values():
            stamp.start()

    def start_all(self, mode, **options):
        data = [dict(device=name, target=self.targets[name], sync='full', force=True, **options) for name in NAMES]
        self.execute('transaction', actions=[dict(type='blockdev-backup', data=one) for one in data],
                     properties={'completion-mode': mode})

    def until_gone(self):
        self.wait_for(lambda: not self.execute('query-jobs'), 90, 'the end of the jobs')

    def outcome(self, name):
        history = self.execute('query-job-history')
        return next(job for job in history if job['id'] == name).get('error', '')

    def expect_instants(self, before):
        for name, stamp in self.stamps.items():
            view = self.linear('view', self.targets[name], length=STAMPED // 512)
            self.expect_instant_of(stamp, view, STAMPED, before[name], instant.last(stamp.log, '>'))
            self.dm_remove('view')

    def acknowledged(self):
        return {name: instant.last(stamp.log, '<') for name, stamp in self.stamps.items()}

    def expect_all_as_before(self):
        for name, stamp in self.stamps.items():
            self.assertLess(stamp.stop()['worst_ms'], self.longest_stall_ms)
            stamp.verify(self.volumes[name])
        self.assertEqual({name: self.dm_table(name) for name in NAMES}, self.own_tables)
        self.nothing_left(volumes=NAMES)

    def test_a_table_that_somebody_has_loaded_is_not_dropped_when_the_daemon_dies(self):
        """One volume is suspended then, and waits for another to come to rest."""
        disk = self.disk(2)
        self.dm_switch('under-c', f'0 {self.sectors(disk)} delay {disk} 0 0 {disk} 0 15000', noflush=True)
        self.start_all('grouped')
        self.wait_for(lambda: self.suspended('a'), 60, 'the instant')
        theirs = devices.in_two_parts(self.own_tables['a'])
        self.sh('dmsetup', 'load', 'a', '--table', theirs)
        self.kill_daemon()
        self.wait_for(lambda: not self.suspended('a'), 10, 'the guardian')
        self.assertEqual(self.dm_table('a'), theirs)
        self.wait_for(lambda: not self.suspended('b'), 10, 'the guardian')
        self.assertEqual(self.dm_table('b'), self.own_tables['b'])
        for name in 'ab':
            self.stamps[name].stop()
            self.stamps[name].verify(self.volumes[name])

    def test_three_volumes_of_one_instant(self):
        before = self.acknowledged()
        with OrderWriter(self.volumes['a'], self.volumes['b'], STAMPED) as one, \
                OrderWriter(self.volumes['b'], self.volumes['c'], STAMPED + 4096) as other:
            words = [word for name in NAMES for word in (name, self.targets[name])]
            result = self.dmjob('backup', *words, '--wait', '--force')
            self.assertEqual(result.stdout.split(), list(NAMES))
            numbers = [one.read(self.targets['a']), one.read(self.targets['b'])]
            others = [other.read(self.targets['b']), other.read(self.targets['c'])]
        for first, second in (numbers, others):
            self.assertIn(first - second, (0, 1))
            self.assertGreater(second, 0)
        self.expect_instants(before)
        self.expect_all_as_before()

    def test_individual_ones_are_of_one_instant_too_and_end_each_by_itself(self):
        with OrderWriter(self.volumes['a'], self.volumes['b'], STAMPED) as order:
            self.start_all('individual', speed=2 << 20)
            self.job = 'c'
            self.until_copied(1 << 20)
            self.dmjob('cancel', 'c', '--force')
            for name in 'ab':
                self.dmjob('speed', name, '0')
            self.until_gone()
            self.assertEqual([self.outcome(name) for name in NAMES], ['', '', 'Operation canceled'])
            first, second = (order.read(self.targets[name]) for name in 'ab')
        self.assertIn(first - second, (0, 1))
        self.assertGreater(second, 0)
        self.expect_all_as_before()

    def test_a_volume_that_does_not_come_to_rest_keeps_all_from_the_instant(self):
        quick = self.dm_table('under-c')
        self.dm_switch('under-c', f'0 {self.sectors(self.disk(2))} delay {self.disk(2)} 0 0 {self.disk(2)} 0 15000')
        self.start_all('individual')
        self.until_gone()
        self.dm_switch('under-c', quick)
        for name in NAMES:
            self.assertIn('the instant could not be taken: c, or a disk under it, does not come to rest',
                          self.outcome(name))
        self.expect_all_as_before()

    def test_kills_around_the_instant_leave_every_volume_as_it_was(self):
        for pause in (0.02, 0.1, 0.2, 0.4):
            self.start_all('grouped', speed=1 << 20)
            time.sleep(pause)
            self.kill_daemon()
            self.start_daemon()
            for name in NAMES:
                self.dmjob('cancel', name, '--force', check=False)
            self.until_gone()
            self.assertEqual({name: self.dm_table(name) for name in NAMES}, self.own_tables)
        self.expect_all_as_before()

    def test_volumes_and_targets_that_stand_on_one_another_are_refused(self):
        self.linear('upper', self.volumes['b'], length=2048)
        with self.assertRaisesRegex(AssertionError, "stands on volume 'b'"):
            self.execute('transaction', actions=[
                dict(type='blockdev-backup', data=dict(device='b', target=self.targets['b'], sync='full')),
                dict(type='blockdev-backup', data=dict(device='upper', target=self.targets['a'], sync='full'))])
        self.until_gone()
        self.dm_remove('upper')
        self.expect_all_as_before()


if __name__ == '__main__':
    harness.main()
