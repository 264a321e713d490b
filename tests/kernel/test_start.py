# SPDX-License-Identifier: LGPL-2.1-or-later
"""The start of the daemon: on what ground, and beside a disk that hangs: its volume alone is waited for, and the socket
answers at once.

    slow   attached, over a linear device that is suspended when the daemon starts
    well   attached; copied to a target when the daemon was killed"""
import os
import time

import harness

MACHINE = dict(disks=['16M', '16M', '16M'], mem='512M', timeout=300, kernel='uml')


class StateFolderTest(harness.KernelTest):
    """No boot could read which volumes to activate from one of them."""

    def test_a_state_folder_on_a_managed_volume_is_refused(self):
        self.start_daemon()
        self.dmjob('attach', 'data', self.disk(0))
        self.sh('mkfs.ext4', '-q', '/dev/mapper/data')
        os.mkdir('/run/data')
        self.sh('mount', '/dev/mapper/data', '/run/data')
        self.sh('truncate', '-s', '4M', '/run/data/image')
        self.sh('mkfs.ext4', '-q', '/run/data/image')
        os.mkdir('/run/image')
        self.sh('mount', '-o', 'loop', '/run/data/image', '/run/image')
        self.stop_daemon()
        for folder in '/run/data', '/run/data/state', '/run/image':
            refused = self.sh(self._program('dmjobd'), '--socket', '/run/other.sock', '--state-dir', folder, check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn(f"dmjobd: the state folder {folder} lies on volume 'data', which dmjob activates only once",
                          refused.stderr)
        self.assertFalse(os.path.exists('/run/data/state'))
        self.start_daemon()
        self.assertTrue(self.managed_volumes()['data']['active'])


class HungDiskTest(harness.KernelTest):
    def setUp(self):
        super().setUp()
        self.dm_create('disk', self._linear_table(self.disk(0), 0, None), uuid='disk-1')
        self.start_daemon()
        self.dmjob('attach', 'slow', '/dev/mapper/disk')
        self.dmjob('attach', 'well', self.disk(1))
        self.dmjob('copy', 'well', self.disk(2), '--id', 'j', '--wait')
        self.kill_daemon()
        self.dm_remove('slow')
        self.sh('dmsetup', 'suspend', '--nolockfs', 'disk')
        self.addCleanup(self.sh, 'dmsetup', 'resume', 'disk')
        self.launch_daemon()
        self.wait_for(self.daemon_listens, 30, 'the socket')

    def test_the_others_come_up_and_it_follows_once_its_disk_answers(self):
        self.assertEqual(self.volume('slow')['error'], 'it is being activated')
        self.assertTrue(self.volume('slow')['activating'])
        self.wait_for(lambda: self.volume('well')['active'], 10, lambda: self.volume('well'))
        self.wait_for(lambda: self.info('j').get('phase') == 'ready', 60, lambda: self.info('j'))
        self.assertIn("volume 'slow' is not active: its disk does not answer", self.daemon_log())
        self.dmjob('complete', 'j', '--wait')
        self.sh('dmsetup', 'resume', 'disk')
        self.wait_for(lambda: self.volume('slow')['active'], 60, lambda: self.volume('slow'))
        self.assertNotIn('activating', self.volume('slow'))
        self.stop_daemon()

    def test_a_request_waits_for_the_volumes_for_half_a_minute(self):
        since = time.monotonic()
        refused = self.dmjob('copy', 'slow', self.disk(2), '--force', check=False)
        self.sh('dmsetup', 'resume', 'disk')
        self.assertGreater(time.monotonic() - since, 20)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("'slow' is not active: it is being activated", refused.stderr)


if __name__ == '__main__':
    harness.main()
