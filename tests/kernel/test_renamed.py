# SPDX-License-Identifier: LGPL-2.1-or-later
"""Somebody else gives a volume another name while a job is at work on it."""
import harness
from copying import CopyingTest

MACHINE = dict(disks=['96M', '96M', '160M'], mem='512M', timeout=300, kernel='uml')
EXTENT = 4 << 20


class RenamedTest(CopyingTest):
    """By a hand that leaves the table alone. A new volume of the old name is none of the job's business."""

    def test_a_copy_follows(self):
        with self.begin() as writer:
            self.start('copy')
            self.wait_offset('j', EXTENT)
            self.rename()
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


if __name__ == '__main__':
    harness.main()
