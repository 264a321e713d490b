# SPDX-License-Identifier: LGPL-2.1-or-later
"""Somebody else gives a volume that holds what is written to it another table, or loads one: what is written from then
on goes past its scratch. That is told and stored, nothing is merged, and no boot puts it up again."""
import devices
import harness
import overlay_story
from test_sources import LVM_CONFIG

MACHINE = dict(disks=['96M', '96M', '160M'], mem='512M', timeout=300, kernel='uml')


class ReloadedOverlayTest(overlay_story.OverlayStory):
    """vol: a snapshot of disk 0, with something in its scratch, whose table becomes that of the disk alone."""

    def test_a_snapshot_says_so_and_is_not_merged(self):
        self.hold_and_replace()
        failed = self.dmjob('commit', 'vol', '--pivot', '--wait', check=False)
        self.assertNotEqual(failed.returncode, 0)
        self.assertIn('was replaced by somebody else', failed.stderr)
        self.until_told()
        self.assertIn('table replaced', self.dmjob('events').stdout)
        self.assertIn('was replaced by somebody else', self.refused('commit', 'vol'))
        self.assertIn('was replaced by somebody else', self.refused('rollback', 'vol'))
        self.assertEqual(self.dm_table('vol'), self.own)

    def test_a_restart_keeps_what_was_written_before(self):
        self.hold_and_replace()
        self.until_told()
        self.restart_when_noted()
        self.expect_kept()

    def test_a_daemon_that_was_away_takes_it_for_no_snapshot_that_had_not_begun(self):
        self.begin()
        self.hold()
        self.kill_daemon_when_noted()
        self.dm_switch('vol', self.own)
        self.start_daemon()
        self.expect_kept()

    def test_a_boot_does_not_put_it_up_over_what_was_written_past_it(self):
        if self.boot == 1:
            self.hold_and_replace()
            self.until_told()
            self.write_past()
            self.cut_power()
        self.begin()
        self.assertFalse(self.volume()['active'], self.volume())
        self.assertIn('its table was replaced by somebody else', self.volume()['error'])
        self.assertNotIn('vol', self.dm_names())
        after = self.digest(self.backing)
        self.assertIn(f'is lost: {self.backing} has what was written since',
                      self.dmjob('detach', 'vol', '--force').stderr)
        self.nothing_left()
        self.dmjob('attach', 'vol', self.backing)
        self.assertEqual(self.digest(self.vol), after)

    def test_no_snapshot_is_made_of_another_table(self):
        self.begin()
        self.dmjob('attach', 'vol', self.backing)
        theirs = f'0 {self.sectors(self.backing)} linear {self.number(self.target)} 0'
        self.dm_switch('vol', theirs)
        self.assertIn('was replaced by somebody else', self.refused('snapshot', 'vol', '--scratch', self.scratch))
        self.assertEqual(self.dm_table('vol'), theirs)
        self.assertNotIn('overlay', self.volume())
        self.nothing_left()

    def test_a_table_that_somebody_has_loaded_is_left(self):
        """At the first step of a commit, and at its last."""
        self.begin()
        self.hold()
        self.load_theirs()
        self.expect_left('commit', 'vol', '--pivot', '--wait')
        self.dmjob('commit', 'vol', '--id', 'j')
        self.wait_status('j', 'ready')
        self.load_theirs()
        self.expect_left('complete', 'j', '--wait')
        self.dmjob('commit', 'vol', '--pivot', '--wait')
        self.expect_flat(self.backing)
        self.stamp.verify(self.vol)

    def load_theirs(self):
        self.before_step = self.dm_table('vol')
        self.sh('dmsetup', 'load', 'vol', '--table', self.own)

    def expect_left(self, *words):
        failed = self.dmjob(*words, check=False)
        self.assertEqual(failed.returncode, 1, failed)
        self.assertIn('somebody else has loaded a table for vol', failed.stderr)
        self.assertEqual(self.dm_table('vol'), self.before_step)
        self.assertEqual(self.sh('dmsetup', 'table', '--inactive', 'vol').stdout.strip(), self.own)
        self.sh('dmsetup', 'clear', 'vol')

    def test_a_table_of_its_disk_below_is_none_of_its_own(self):
        """A logical volume, which LVM reloads and makes longer."""
        self.begin()
        self.lvm('vgcreate', 'vg', self.backing)
        self.lvm('lvcreate', '--noudevsync', '-y', '-Zn', '-Wn', '-L', '32M', '-n', 'lv', 'vg')
        self.backing = devices.dm_path('vg-lv')
        self.sh(self._program('stamp'), 'fill', self.backing)
        self.hold()
        self.lvm('lvchange', '--noudevsync', '--refresh', 'vg/lv')
        self.lvm('lvextend', '--noudevsync', '-l', '+1', 'vg/lv')
        self.dmjob('commit', 'vol', '--pivot', '--wait')
        self.assertNotIn('overlay', self.volume())
        self.stamp.verify(self.vol)

    # How it is done.

    def hold(self):
        self.dmjob('attach', 'vol', self.backing)
        self.own = self.dm_table('vol')
        self.dmjob('snapshot', 'vol', '--scratch', self.scratch)
        self.start_writing(size=4 << 20)
        self.until_used(1 << 20)
        self.stamp.stop()

    def hold_and_replace(self):
        self.begin()
        self.hold()
        self.dm_switch('vol', self.own)

    def write_past(self):
        self.sh(f'dd if=/dev/urandom of={self.vol} bs=1M count=1 oflag=direct')

    def until_told(self):
        self.wait_for(lambda: 'was replaced by somebody else' in self.volume()['overlay'].get('trouble', ''), 30,
                      'the volume to tell')

    def expect_kept(self):
        self.until_told()
        self.assertEqual(self.dm_table('vol'), self.own)
        self.assertIn('dmjob-vol-vcow', self.dm_names())

    def lvm(self, command, *words):
        return self.sh(command, '--config', LVM_CONFIG, *words)


if __name__ == '__main__':
    harness.main()
