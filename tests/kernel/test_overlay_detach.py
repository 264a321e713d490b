# SPDX-License-Identifier: LGPL-2.1-or-later
"""An overlay or snapshot that nobody wants, or whose disk below or scratch is gone, can be ended: `detach --force`."""
import os

import harness
import overlay_story

MACHINE = dict(disks=['48M', '64M', '16M'], mem='512M', timeout=180, kernel='uml')
MIB = 1 << 20


class OverlayDetachTest(overlay_story.OverlayStory):
    def test_an_overlay_that_is_not_wanted(self):
        self.begin()
        self.overlay()
        self.write()
        self.assertIn('stream it first, or --force throws that away', self.refused('detach', 'vol'))
        with open('/dev/mapper/vol', 'rb'):
            self.assertIn('is open', self.refused('detach', 'vol', '--force'))
        self.assertTrue(self.volume()['active'])
        self.assertRegex(self.dmjob('detach', 'vol', '--force').stderr,
                         r"^warning: what was written to 'vol', \d+ bytes, is lost$")
        self.all_is_gone()
        self.assertEqual(self.digest(self.backing), self.before)

    def test_a_snapshot_that_is_not_wanted(self):
        self.begin()
        self.snapshot()
        self.write()
        self.assertIn(f'is lost: {self.backing} is as it was at the snapshot',
                      self.dmjob('detach', 'vol', '--force').stderr)
        self.all_is_gone()
        self.assertEqual(self.digest(self.backing), self.before)

    def test_whose_disk_below_does_not_come_back(self):
        """After a power cut, as it were: the kernel has nothing of it."""
        self.begin()
        below = self.linear('below', self.backing)
        self.sh('mkfs.ext4', '-q', self.scratch)
        self.sh('mount', self.scratch, '/mnt')
        found = os.listdir('/mnt')
        self.dmjob('overlay', 'vol', below, '--scratch', '/mnt')
        self.write()
        self.stop_daemon()
        for device in 'vol', 'dmjob-vol-vcow', 'below':
            self.dm_remove(device)
        self.sh('losetup', '--detach-all')
        self.start_daemon()
        self.assertFalse(self.volume()['active'])
        self.assertIn("what was written to 'vol' is lost", self.dmjob('detach', 'vol', '--force').stderr)
        self.all_is_gone()
        self.assertEqual(os.listdir('/mnt'), found)

    def write(self):
        self.start_writing(size=8 * MIB)
        self.until_used(2 * MIB)
        self.stamp.stop()

    def all_is_gone(self):
        self.assertEqual(self.managed_volumes(), {})
        self.assertNotIn('vol', self.dm_names())
        self.nothing_left()
        self.stop_daemon()
        self.start_daemon()
        self.assertEqual(self.managed_volumes(), {})
        self.assertNotIn('vol', self.dm_names())


if __name__ == '__main__':
    harness.main()
