# SPDX-License-Identifier: LGPL-2.1-or-later
"""Somebody else gives a volume another name while a job is at work on it, or while no daemon is there."""
import os

import harness
from copying import CopyingTest

MACHINE = dict(disks=['96M', '96M', '160M', '96M'], mem='512M', timeout=300, kernel='uml')
EXTENT = 4 << 20


class RenamedTest(CopyingTest):
    """By a hand that leaves the table alone. A new volume of the old name is none of the job's business."""

    def test_a_copy_follows(self):
        with self.begin() as writer:
            self.start('copy')
            self.wait_offset('j', EXTENT)
            self.rename()
            self.expect_refused("volume 'new' stands on devices of a job already", 'copy', 'new', self.disk(3))
            self.dmjob('speed', 'j', '0')
            self.wait_status('j', 'ready')
            self.wait_for(lambda: self.info('j')['volume'] == 'new', 30, 'the new name')
        self.dmjob('cancel', 'j')
        self.expect_identical('/dev/mapper/new', self.disk(1))
        self.expect_well(writer)

    def test_a_backup_follows(self):
        with self.begin() as writer:
            self.start('backup')
            self.wait_offset('j', EXTENT)
            self.rename()
            self.dmjob('speed', 'j', '0')
            self.assertEqual(self.dmjob('wait', 'j').returncode, 0)
        self.expect_well(writer)

    def test_a_killed_daemon_finds_it_again(self):
        with self.begin() as writer:
            self.start('copy')
            self.wait_offset('j', EXTENT)
            self.kill_daemon_when_noted()
            self.rename()
            self.start_daemon()
            self.until_taken_up('j')
            self.dmjob('speed', 'j', '0')
            self.wait_status('j', 'ready')
            self.wait_for(lambda: self.info('j')['volume'] == 'new', 30, 'the new name')
            self.kill_daemon_when_noted()
            self.start_daemon()
            self.assertEqual(self.until_taken_up('j')['volume'], 'new')
            self.wait_status('j', 'ready')
        self.dmjob('cancel', 'j')
        self.expect_well(writer)

    def begin(self):
        self.volume = self.linear('vol', self.disk(0), length=48 << 11)
        self.table = self.dm_table('vol')
        return self.writer(self.volume)

    def start(self, verb):
        self.dmjob(verb, 'vol', self.disk(1), '--id', 'j', '--scratch', self.disk(2), '--force', '--speed', '2M')

    def rename(self):
        self.sh('dmsetup', 'rename', 'vol', 'new')
        self.linear('vol', self.disk(0), 64 << 11, 8 << 11)
        self.stranger = self.dm_table('vol')

    def expect_well(self, writer):
        self.assertEqual(self.outcome('j').get('error'), None)
        self.assertEqual(self.dm_table('vol'), self.stranger)
        self.assertEqual(self.dm_table('new'), self.table)
        writer.verify('/dev/mapper/new')
        self.nothing_left()


class RenamedWhileAwayTest(CopyingTest):
    """While no daemon is there. The volume of a job is the one with its uuid then."""

    def start_daemon(self, *options, **environment):
        """None at the start of a later boot."""
        self.state_dir = os.path.join(self.lasting_dir(), 'state')
        if self.boot == 1 or self.disks_are_there:
            super().start_daemon(*options, **environment)

    disks_are_there = False

    def test_a_boot_finds_it_again(self):
        self.copy_and_cut_power()
        self.come('new')
        self.linear('vol', self.disk(0), 64 << 11, 8 << 11)
        stranger = self.dm_table('vol')
        self.start_daemon()
        self.expect_taken_up()
        self.assertEqual(self.dm_table('vol'), stranger)

    def test_a_boot_finds_one_that_comes_late(self):
        self.copy_and_cut_power()
        self.start_daemon()
        self.wait_for(lambda: '/dev/mapper/vol is not there' in self.info('j').get('waiting-for', ''), 30,
                      lambda: self.info('j'))
        self.come('new')
        self.expect_taken_up()

    def copy_and_cut_power(self):
        """Returns in the next boot, with the volume not there yet."""
        self.target = self.dm_create('target', self._linear_table(self.disk(1), 0, None), uuid='the-target')
        self.scratch = self.dm_create('scratch', self._linear_table(self.disk(2), 0, None), uuid='the-scratch')
        self.disks_are_there = True
        if self.boot > 1:
            return
        self.come('vol')
        self.dmjob('copy', 'vol', self.target, '--id', 'j', '--scratch', self.scratch, '--force', '--speed', '2M')
        self.wait_offset('j', EXTENT)
        self.until_noted()
        self.cut_power()

    def come(self, name):
        self.dm_create(name, self._linear_table(self.disk(0), 0, 48 << 11), uuid='the-volume')

    def expect_taken_up(self):
        self.wait_for(lambda: self.info('j')['volume'] == 'new', 30, lambda: self.info('j'))
        self.dmjob('speed', 'j', '0')
        self.wait_status('j', 'ready')
        self.dmjob('cancel', 'j')
        self.assertEqual(self.outcome('j').get('error'), None)
        self.expect_identical('/dev/mapper/new', self.target)
        self.nothing_left()


class RenamedManagedTest(CopyingTest):
    def test_a_volume_that_was_renamed_is_not_made_a_second_time(self):
        volume = self.attach('vol', self.disk(0))
        with self.writer(volume) as writer:
            self.kill_daemon()
            self.sh('dmsetup', 'rename', 'vol', 'new')
            self.start_daemon()
            way_out = "'dmsetup rename new vol' gives it its name back"
            self.wait_for(lambda: way_out in self.volume().get('error', ''), 30, 'the way out to be told')
            self.expect_refused(way_out, 'copy', 'new', self.disk(1))
        self.assertNotIn('vol', self.dm_names())
        self.sh('dmsetup', 'rename', 'new', 'vol')
        self.wait_for(lambda: self.volume()['active'], 60, 'the volume to be taken up')
        writer.verify(volume)


if __name__ == '__main__':
    harness.main()
