# SPDX-License-Identifier: LGPL-2.1-or-later
"""The state folder's file system is full, to the last block and inode: every verb works all the same, since some of them
are what makes room, and a job that is ready is not lost."""
import errno
import os

import harness

MACHINE = dict(disks=['16M', '16M', '16M', '64M', '301M'], mem='512M', timeout=240, kernel='uml')
FOLDER = '/run/small'


class FullStateTest(harness.KernelTest):
    def test_on_ext4(self):
        self.with_a_full('mkfs.ext4', '-q', '-m', '0', '-N', '64', self.disk(4), '16M')

    def test_on_xfs(self):
        self.with_a_full('mkfs.xfs', '-q', self.disk(4))

    def with_a_full(self, *mkfs):
        self.sh(*mkfs)
        os.mkdir(FOLDER)
        self.sh('mount', self.disk(4), FOLDER)
        self.state_dir = FOLDER + '/state'
        self.start_daemon()
        self.dmjob('attach', 'moved', self.disk(0))
        self.dmjob('copy', 'moved', self.disk(1), '--id', 'j', '--wait')
        self.dmjob('attach', 'kept', self.disk(2))
        self.dmjob('snapshot', 'kept', '--scratch', self.disk(3))
        self.fill()
        self.dmjob('rollback', 'kept')
        self.dmjob('snapshot', 'kept', '--scratch', self.disk(3))
        self.dmjob('commit', 'kept', '--pivot')
        self.dmjob('complete', 'j', '--wait')
        self.assertEqual(self.managed_volumes()['moved']['device'], self.disk(1))
        self.dmjob('detach', 'kept')
        self.dmjob('attach', 'again', self.disk(2))
        self.kill_daemon()
        self.start_daemon()
        volumes = self.managed_volumes()
        self.assertEqual({name: volume['device'] for name, volume in volumes.items()},
                         {'moved': self.disk(1), 'again': self.disk(2)})
        self.assertNotIn('cannot be written', self.daemon_log())
        self.nothing_left(['moved', 'again'])

    def fill(self):
        """Blocks first: a file without any takes none."""
        for block in 1 << 20, 4096, 512:
            with open(FOLDER + '/blocks', 'ab', buffering=0) as file:
                self.until_full(lambda: (file.write(bytes(block)), os.fsync(file.fileno())))
        names = iter(range(1 << 20))
        self.until_full(lambda: open(f'{FOLDER}/{next(names)}', 'x').close())
        with self.assertRaises(OSError):
            open(FOLDER + '/one-more', 'x').close()

    def until_full(self, step):
        with self.assertRaises(OSError) as raised:
            while True:
                step()
        self.assertEqual(raised.exception.errno, errno.ENOSPC)


if __name__ == '__main__':
    harness.main()
