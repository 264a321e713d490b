# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks that are late at a boot: volumes and jobs wait for them and go on by themselves, and no other disk is taken
for them.

    data   attached, over `data-disk`; copied to `copy-target`, with its scratch on `logs`, when the power goes
    over   an overlay over `back`, with its scratch on `cow`
    kept   attached, over `kept-disk`, with a chain of incremental backups; its marks are in FOLDER, a file system on
           `marks`

All of these disks are linear devices with a UUID, which no boot makes by itself."""
import json
import os
import time

import harness

MIB = 1 << 20
MACHINE = dict(disks=['16M', '16M', '8M', '16M', '40M', '16M', '16M', '16M'], mem='512M', timeout=300, kernel='uml')
DISKS = ['data-disk', 'copy-target', 'logs', 'back', 'cow', 'kept-disk', 'kept-target', 'marks']
FOLDER = '/run/marks'
VOLUMES = ('data', 'over', 'kept')


class LateDisksTest(harness.KernelTest):
    def setUp(self):
        super().setUp()
        self.state_dir = os.path.join(self.lasting_dir(), 'state')
        os.makedirs(FOLDER, exist_ok=True)

    def test_what_waits_for_late_disks_goes_on_by_itself(self):
        if self.boot == 1:
            self.before_the_power_cut()
            self.cut_power()
        if self.boot == 2:
            self.come('back', 'kept-disk', 'kept-target')
            self.start_daemon()
            self.nothing_is_there_and_that_is_said_once()
            self.another_disk_is_not_taken()
            self.a_late_backing_disk()
            self.late_disks_of_a_copy()
            self.a_late_scratch_of_an_overlay()
            self.a_late_scratch_of_a_chain()
            self.verify()
            self.cut_power()
        self.a_volume_that_is_waited_for_can_be_given_up()
        self.a_scratch_that_does_not_come_costs_the_chain_and_not_the_volume()

    def before_the_power_cut(self):
        self.come(*DISKS)
        self.sh('mkfs.ext4', '-q', self.path('marks'))
        self.sh('mount', self.path('marks'), FOLDER)
        self.start_daemon()
        self.dmjob('attach', 'data', self.path('data-disk'))
        self.dmjob('overlay', 'over', self.path('back'), '--scratch', self.path('cow'))
        self.dmjob('attach', 'kept', self.path('kept-disk'))
        for name in VOLUMES:
            self.stamp(name, fill=True).start()
        self.dmjob('backup', 'kept', self.path('kept-target'), '--track', '--scratch', FOLDER, '--wait')
        self.dmjob('copy', 'data', self.path('copy-target'), '--id', 'j', '--scratch', self.path('logs'), '--wait')
        self.sh('sync', '-f', FOLDER)

    # The second boot.

    def nothing_is_there_and_that_is_said_once(self):
        time.sleep(3)
        for name, disk in ('data', 'data-disk'), ('over', 'cow'), ('kept', FOLDER):
            self.assertIn(disk, self.volume(name)['error'])
            self.assertEqual(self.daemon_log().count(f"volume '{name}' is not active"), 1)
        self.assertEqual(self.info('j')['status'], 'ready')
        self.assertIn("volume 'data' is not active", self.info('j')['waiting-for'])
        self.assertIn("volume 'data' is not active", self.dmjob('info', 'j').stdout)

    def another_disk_is_not_taken(self):
        self.come('data-disk', uuid='-other')
        self.come('cow', uuid='-other')
        for name in 'data', 'over':
            self.wait_for(lambda: 'another disk' in self.volume(name)['error'], 20, lambda: self.volume(name))
        self.dm_remove('data-disk')
        self.dm_remove('cow')

    def a_late_backing_disk(self):
        self.come('data-disk')
        self.until_active('data')

    def late_disks_of_a_copy(self):
        """Neither fails it, whatever its policy; it is READY again without anybody's doing."""
        for disk in 'copy-target', 'logs':
            self.wait_for(lambda: disk in self.info('j').get('waiting-for', ''), 20, lambda: self.info('j'))
            self.come(disk)
        self.wait_for(lambda: self.info('j')['phase'] == 'ready', 60, lambda: self.info('j'))
        self.dmjob('complete', 'j', '--wait')
        self.assertEqual(self.volume('data')['device'], self.path('copy-target'))

    def a_late_scratch_of_an_overlay(self):
        self.come('cow')
        self.until_active('over')

    def a_late_scratch_of_a_chain(self):
        """A mount that comes later, which is no event of a disk. The volume was not there without its tracker."""
        self.come('marks')
        self.sh('mount', self.path('marks'), FOLDER)
        self.until_active('kept')
        self.assertEqual(self.volume('kept')['tracking']['state'], 'proven')
        self.dmjob('backup', 'kept', self.path('kept-target'), '--incremental', '--scratch', FOLDER, '--wait')
        self.expect_identical('/dev/mapper/kept', self.path('kept-target'))

    def verify(self):
        for name in VOLUMES:
            self.stamp(name).verify()

    # The third: data lives on copy-target.

    def a_volume_that_is_waited_for_can_be_given_up(self):
        self.come('kept-disk', 'kept-target', 'data-disk', 'back')
        self.start_daemon()
        self.since = time.monotonic()
        self.wait_for(lambda: 'copy-target' in self.volume('data').get('error', ''), 20, 'the error')
        self.dmjob('detach', 'data')
        self.come('copy-target')
        time.sleep(3)
        self.assertNotIn('data', self.dm_names())

    def a_scratch_that_does_not_come_costs_the_chain_and_not_the_volume(self):
        self.assertEqual(self.volume('kept')['tracking']['state'], 'proven')
        self.until_active('kept')
        self.wait_for(lambda: self.volume('kept')['tracking']['state'] == 'broken', 20, 'the chain to be broken')
        self.assertIn(FOLDER, self.volume('kept')['tracking']['broken'])
        self.stamp('kept').verify()
        self.assertFalse(self.volume('over')['active'])

    # How it is done.

    @staticmethod
    def path(name):
        return f'/dev/mapper/{name}'

    def come(self, *names, uuid='-1'):
        for name in names:
            self.dm_create(name, self._linear_table(self.disk(DISKS.index(name)), 0, None), uuid=name + uuid)

    def stamp(self, volume, fill=False):
        log = os.path.join(self.lasting_dir(), f'{volume}.log')
        return self.writer(self.path(volume), log, iops=100, fill=fill,
                           options=('--offset', '0', '--length', str(4 * MIB)))

    def until_active(self, name):
        """By itself; told once in the log, and by one event."""
        self.wait_for(lambda: self.volume(name)['active'], 60, lambda: self.volume(name))
        self.assertEqual(self.daemon_log().count(f"volume '{name}' is active now"), 1)
        events = [event['data'] for event in map(json.loads, self.dmjob('events').stdout.splitlines())
                  if event['data'].get('change') == 'activated' and event['data']['name'] == name]
        self.assertEqual(events[-1], {'name': name, 'change': 'activated', 'device': self.volume(name)['device']})


if __name__ == '__main__':
    harness.main()
