# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mounted file system under load moves to another disk, or leaves a copy of one instant there."""
import os
import re
import subprocess
import time

import harness
from copying import CopyingTest

MACHINE = dict(disks=['384M', '384M'], mem='512M', timeout=240, kernel='uml')
CHECKS = dict(ext4=['fsck.ext4', '-fn'], xfs=['xfs_repair', '-n'])
MAKERS = dict(ext4=['mkfs.ext4', '-q'], xfs=['mkfs.xfs', '-q'])
FOLDER, COPY_FOLDER = '/run/data', '/run/copy'


class FileSystemsTest(CopyingTest):
    def test_a_mounted_ext4_moves_under_load(self):
        self.move_under_load('ext4')

    def test_a_mounted_xfs_moves_under_load(self):
        self.move_under_load('xfs')

    def test_a_copy_of_a_mounted_ext4_is_of_one_instant(self):
        self.copy_under_records('ext4')
        self.assertNotIn('needs_recovery', self.sh('dumpe2fs', '-h', self.disk(1)).stdout)
        self.sh(*CHECKS['ext4'], self.disk(1))
        self.expect_records_of_one_instant('ro')

    def test_a_copy_of_a_mounted_xfs_is_of_one_instant(self):
        self.copy_under_records('xfs')
        self.expect_records_of_one_instant('nouuid')  # rw: a frozen XFS leaves a record in its log, always
        self.sh(*CHECKS['xfs'], self.disk(1))

    # The stories.

    def move_under_load(self, kind):
        self.make_and_mount(kind)
        load = self.start_fio()
        self.copy('vol', self.disk(1), '--speed', '40M')
        self.wait_offset('vol', 64 << 20)
        self.pause('vol')
        self.dmjob('resume', 'vol')
        self.dmjob('speed', 'vol', 0)
        self.wait_status('vol', 'ready')
        self.pivot('vol')
        time.sleep(1)
        self.end_fio(load)
        self.sh('umount', FOLDER)
        self.expect_lives_on('vol', self.disk(1))
        self.dmjob('detach', 'vol')
        self.sh(*CHECKS[kind], self.disk(1))
        self.nothing_left()

    def copy_under_records(self, kind):
        """Numbered records go to one file, then to another. In no instant the second is ahead of the first."""
        self.make_and_mount(kind)
        recorder = subprocess.Popen(['/usr/bin/python3', '-B', '-c', RECORDER, FOLDER])
        self.addCleanup(recorder.kill)
        self.wait_for(lambda: os.path.exists(f'{FOLDER}/second'), 30, 'records')
        self.dmjob('copy', 'vol', self.disk(1), '--finish')
        self.latest = self.record(FOLDER, 'first')
        time.sleep(0.5)
        recorder.kill()
        recorder.wait()
        self.expect_lives_on('vol', self.disk(0))
        self.nothing_left(volumes=['vol'])

    def expect_records_of_one_instant(self, mount_option):
        self.sh('mount', '-o', mount_option, self.disk(1), COPY_FOLDER)
        first, second = (self.record(COPY_FOLDER, name) for name in ('first', 'second'))
        self.assertIn(first - second, (0, 1))
        self.assertGreater(second, 0)
        self.assertLessEqual(first, self.latest)
        self.sh('umount', COPY_FOLDER)

    # How it is done.

    def make_and_mount(self, kind):
        volume = self.attach('vol', self.disk(0))
        self.sh(*MAKERS[kind], volume)
        os.makedirs(FOLDER)
        os.makedirs(COPY_FOLDER)
        self.sh('mount', volume, FOLDER)

    def start_fio(self):
        """Writes at random, and reads back what it wrote, until it is told to stop."""
        load = subprocess.Popen(
            ['fio', '--name=load', f'--directory={FOLDER}', '--size=96M', '--rw=randwrite', '--bs=4k', '--direct=1',
             '--rate_iops=300', '--time_based', '--runtime=600', '--verify=crc32c', '--verify_backlog=256',
             '--verify_fatal=1', '--eta=never'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(load.kill)
        self.wait_for(lambda: self.diskstats(self.disk(0))['writes'] > 500 or load.poll() is not None, 60, 'fio to write')
        return load

    def end_fio(self, load):
        load.terminate()
        output, _ = load.communicate(timeout=60)
        self.assertIn('err= 0', output)
        self.assertNotIn('verify:', output)  # as in "verify: bad header"
        checked = int(re.search(r'issued rwts: total=(\d+)', output).group(1))
        self.assertGreater(checked, 100, output)

    def record(self, folder, name):
        with open(f'{folder}/{name}', encoding='ascii') as file:
            return int(file.read(16))


RECORDER = """
import os, sys
files = [os.open(f'{sys.argv[1]}/{name}', os.O_RDWR | os.O_CREAT) for name in ('first', 'second')]
for number in range(1, 10**9):
    for file in files:
        os.pwrite(file, b'%015d ' % number, 0)
        os.fsync(file)
"""


if __name__ == '__main__':
    harness.main()
