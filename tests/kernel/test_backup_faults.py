# SPDX-License-Identifier: LGPL-2.1-or-later
"""Errors of each disk of a backup, by policy: what is left is a volume as it was, and a backup that is whole or a job
that says why not."""
import os

import backup_story
import harness

MACHINE = dict(disks=['24M', '24M', '16M', '32M'], mem='512M', timeout=240, kernel='uml')
WRITABLE = (0, 8 << 20)
FOLDER = '/run/store'
FILE, FILLER = f'{FOLDER}/vol.img', f'{FOLDER}/filler'


class BackupFaultsTest(backup_story.BackupStory):
    def test_a_target_without_room_by_policy(self):
        self.begin(writes=100, writable=WRITABLE)
        self.sh('mkfs.ext4', '-q', self.disk(3))
        os.makedirs(FOLDER)
        self.sh('mount', self.disk(3), FOLDER)
        self.backup_without_room('enospc')
        self.until_status('paused')
        self.assertEqual(self.info('j')['io-status'], 'nospace')
        self.assertIn('no space left', self.dmjob('info', 'j').stdout)
        os.unlink(FILLER)
        self.dmjob('resume', 'j')
        self.expect_whole()
        self.backup_without_room('report')
        self.assertRegex(self.until_failed(), f'target {FILE} cannot be written .*No space left')
        self.backup_without_room('ignore')
        self.wait_for(lambda: self.story().endswith('ERROR'), 30, 'an error that is ignored')
        os.unlink(FILLER)
        self.expect_whole()
        self.expect_as_before()

    def backup_without_room(self, policy):
        if os.path.exists(FILE):
            os.unlink(FILE)
        if not os.path.exists(FILLER):
            self.sh('fallocate', '-l', '14M', FILLER)
        self.start_backup(target=FILE, on_target_error=policy)
        self.until_instant()

    def expect_whole(self):
        self.expect_success()
        self.expect_instant(FILE)

    def test_a_source_or_a_target_that_is_gone_for_a_while_by_policy(self):
        self.begin(source=self.linear('source', self.disk(0)), writable=WRITABLE)
        self.stamp.stop()  # its writes would fail, as they would without a job
        self.backup_until_bulk()
        harness.KernelTest.break_target(self, 'source')
        self.assertIn(f'source {self.vol} cannot be read', self.until_failed())
        self.assertEqual(self.dm_table('vol'), self.own_table)
        self.heal_target('source')
        self.stamp.verify(self.vol)
        self.backup_until_bulk('--force', '--verify', on_source_error='stop', on_target_error='ignore')
        harness.KernelTest.break_target(self, 'source')
        self.until_status('paused')
        self.heal_target('source')
        self.dmjob('resume', 'j')
        self.target_is_gone()
        self.dmjob('speed', 'j', '16M')
        self.until_phase('verifying')
        self.target_is_gone()
        self.expect_success()
        self.expect_identical(self.vol, self.target)
        self.stamp.verify(self.vol)
        self.nothing_left(volumes=['vol'])

    def target_is_gone(self):
        """For a while, in which it is tried again."""
        before = self.story().count('ERROR')
        self.break_target()
        self.wait_for(lambda: self.story().count('ERROR') > before, 30, 'an error that is ignored')
        self.quick_target()


if __name__ == '__main__':
    harness.main()
