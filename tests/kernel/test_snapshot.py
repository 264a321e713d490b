# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots of a volume in use: thrown away, or committed while it is written to."""
import time

import harness
import overlay_story

MACHINE = dict(disks=['48M', '64M', '16M', '64M'], mem='512M', timeout=180, kernel='uml',
               newer=['test_rollback_gives_back_the_bytes_of_the_instant',
                      'test_commit_is_ready_when_merged_and_can_begin_anew'])
MIB = 1 << 20


class SnapshotTest(overlay_story.OverlayStory):
    def test_rollback_gives_back_the_bytes_of_the_instant(self):
        self.begin()
        self.dmjob('attach', 'vol', self.backing)
        self.start_writing()
        time.sleep(0.5)
        self.stamp.stop()
        before = self.digest(self.vol)
        self.dmjob('snapshot', 'vol', '--scratch', self.scratch)
        self.start_writing(size=8 * MIB)
        self.until_used(2 * MIB)
        self.assertIn('is open', self.refused('rollback', 'vol'))
        self.assertIn('holds what is written', self.refused('snapshot', 'vol', '--scratch', self.disk(3)))
        self.assertIn('commit it or roll it back', self.refused('detach', 'vol'))
        self.stamp.stop()
        self.refused_while_mounted_or_held_or_streamed()
        self.assertNotEqual(self.digest(self.vol), before)
        self.restart()
        self.dmjob('rollback', 'vol')
        self.assertEqual(self.digest(self.vol), before)
        self.expect_flat(self.backing)
        self.assertIn('no snapshot', self.refused('rollback', 'vol'))

    def refused_while_mounted_or_held_or_streamed(self):
        self.sh('mkfs.ext4', '-q', self.vol)
        self.sh('mount', self.vol, '/mnt')
        self.assertIn('is open: unmount it', self.refused('rollback', 'vol'))
        self.sh('umount', '/mnt')
        self.linear('holder', self.vol, length=2048)
        self.assertIn('is open', self.refused('rollback', 'vol'))
        self.dm_remove('holder')
        self.dmjob('stream', 'vol', self.target, '--id', 'j', '--speed', '1M')
        self.assertIn("in use by job 'j'", self.refused('rollback', 'vol'))
        self.dmjob('cancel', 'j')

    def test_commit_is_ready_when_merged_and_can_begin_anew(self):
        self.begin()
        self.snapshot()
        self.start_writing(size=8 * MIB)
        self.until_used(2 * MIB)
        self.dmjob('commit', 'vol', '--finish')
        self.assertEqual(self.volume()['overlay']['origin'], self.backing)
        at_finish = self.stamp
        self.until_used(MIB)
        self.dmjob('commit', 'vol', '--wait')
        self.assertEqual(self.info('vol')['status'], 'ready')
        self.dmjob('pause', 'vol')
        self.wait_status('vol', 'standby')
        self.restart_when_noted()
        self.assertEqual(self.info('vol')['status'], 'standby')
        self.dmjob('resume', 'vol')
        self.dmjob('complete', 'vol', '--wait')
        self.assertIs(self.stamp, at_finish)
        self.expect_written()
        self.expect_flat(self.backing)

    def test_a_commit_that_fails_keeps_all_and_can_be_tried_again(self):
        self.begin()
        self.linear('origin', self.backing)
        self.dmjob('attach', 'vol', '/dev/mapper/origin')
        self.dmjob('snapshot', 'vol', '--scratch', self.scratch)
        self.start_writing(writes=1000, size=10 * MIB)
        self.until_used(8 * MIB)
        self.stamp.stop()
        self.break_writes()
        self.dmjob('commit', 'vol', '--id', 'j', '--on-error', 'stop')
        self.wait_status('j', 'paused')
        self.assertEqual(self.info('j')['io-status'], 'failed')
        self.stamp.verify()
        self.restart_when_noted()
        self.assertEqual(self.info('j')['status'], 'paused')
        self.stamp.verify()
        self.dmjob('cancel', 'j', '--force')
        self.dmjob('commit', 'vol', '--id', 'j', '--manual-dismiss')
        self.assertIn('has failed', self.wait_status('j', 'concluded')['error'])
        self.dmjob('dismiss', 'j')
        self.stamp.verify()
        self.mend()
        self.dmjob('commit', 'vol', '--pivot')
        self.stamp.verify()
        self.expect_flat('/dev/mapper/origin')

    def break_writes(self):
        """Of the volume's own disk: it can still be read."""
        disk, sectors = self.backing, self.sectors(self.backing)
        self.sh('dmsetup', 'create', 'nowhere', '--table', f'0 {sectors} error')
        self.dm_switch('origin', f'0 {sectors} delay {disk} 0 0 /dev/mapper/nowhere 0 0')

    def mend(self):
        self.dm_switch('origin', f'0 {self.sectors(self.backing)} linear {self.backing} 0')
        self.sh('dmsetup', 'remove', 'nowhere')


if __name__ == '__main__':
    harness.main()
