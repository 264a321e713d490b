# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mounted file system over a disk that is only read: used while it is held, streamed and committed."""
import hashlib
import os
import subprocess

import harness
import overlay_story
from file_system_load import CHECKS, MAKERS

MACHINE = dict(disks=['384M', '400M', '24M', '64M'], mem='640M', timeout=300, kernel='uml')
FOLDER = '/run/data'


class OverlayFileSystemsTest(overlay_story.OverlayStory):
    def test_a_mounted_ext4_is_held_and_streamed_and_committed(self):
        self.story('ext4')

    def test_a_mounted_xfs_is_held_and_streamed_and_committed(self):
        self.story('xfs')

    def story(self, kind):
        os.makedirs(FOLDER)
        self.fill(kind)
        self.begin()
        self.overlay()
        self.sh('mount', self.vol, FOLDER)
        self.write_files()
        self.until_held()
        self.dmjob('stream', 'vol', self.target, '--wait')
        self.until_written(more=20)
        self.dmjob('snapshot', 'vol', '--scratch', self.disk(3), '--force')
        self.until_written(more=20)
        self.dmjob('commit', 'vol', '--pivot')
        self.until_written(more=20)
        self.end_files()
        self.expect_files()
        self.sh('umount', FOLDER)
        self.expect_flat(self.target)
        self.expect_backing_untouched()
        self.dmjob('detach', 'vol')
        self.sh(*CHECKS[kind], self.target)

    def fill(self, kind):
        self.sh(*MAKERS[kind], self.disk(0))
        self.sh('mount', self.disk(0), FOLDER)
        with open(f'{FOLDER}/old', 'wb') as file:
            file.write(b'old' * 100000)
        self.sh('umount', FOLDER)

    def begin(self):
        self.backing, self.vol = self.disk(0), '/dev/mapper/vol'
        self.allow_little_in_flight()
        self.target, self.scratch = self.linear('target', self.disk(1)), self.linear('scratch', self.disk(2))
        self.start_daemon()
        self.before = self.digest(self.backing)

    # Files, each acknowledged by a line once it is on disk.

    def write_files(self):
        self.done = '/run/done'
        self.files = subprocess.Popen(['/usr/bin/python3', '-B', '-c', FILES, FOLDER, self.done])
        self.addCleanup(self.files.kill)

    def written(self):
        if not os.path.exists(self.done):
            return []
        with open(self.done, encoding='ascii') as lines:
            return lines.read().splitlines()

    def until_written(self, more):
        least = len(self.written()) + more
        self.wait_for(lambda: len(self.written()) >= least, 60, f'{more} more files')

    def end_files(self):
        self.files.kill()
        self.files.wait()

    def expect_files(self):
        for line in self.written():
            name, digest = line.split()
            with open(f'{FOLDER}/{name}', 'rb') as file:
                self.assertEqual(hashlib.sha256(file.read()).hexdigest(), digest, name)
        self.assertEqual(os.path.getsize(f'{FOLDER}/old'), 300000)



FILES = """
import hashlib, os, sys
folder, done = sys.argv[1:]
log = os.open(done, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for number in range(10**6):
    data = os.urandom(150000)
    path = f'{folder}/{number}'
    with open(path, 'wb') as file:
        file.write(data)
        os.fsync(file.fileno())
    os.write(log, f'{os.path.basename(path)} {hashlib.sha256(data).hexdigest()}\\n'.encode())
"""


if __name__ == '__main__':
    harness.main()
