# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is refused, is refused with one line that says why, before anything has been changed."""
import contextlib
import os
import signal
import subprocess
import threading
import time

import devices
import harness
from copying import CopyingTest

MACHINE = dict(disks=['16M', '16M', '8M', '16M'], mem='256M', timeout=120, kernel='uml')
SOURCE, TARGET, SMALLER, OTHER = range(4)
MIB = 1 << 20


class RefusalsTest(CopyingTest):
    def setUp(self):
        super().setUp()
        self.volume = self.attach('vol', self.disk(SOURCE))
        self.target = self.disk(TARGET)

    # Targets.

    def test_targets_that_do_not_fit(self):
        self.sh('truncate', '-s', '16M', '/run/file')
        loop = self.sh('losetup', '--find', '--show', '-b', '4096', '/run/file').stdout.strip()
        self.sh('blockdev', '--setro', self.target)
        with self.all_as_it_was():
            for path, why in ((self.disk(SMALLER), 'is too small: 8388608 bytes, the source has 16777216'),
                              ('/dev/nothing', 'does not exist'), ('/run/file', 'is not a disk'),
                              ('/run', 'is not a disk'), ('/dev/null', 'is not a disk'),
                              (loop, 'has logical blocks of 4096 bytes, the source of 512'),
                              (self.target, 'is read-only')):
                self.expect_refused(f'target {path} {why}', 'copy', 'vol', path)

    def test_targets_in_use(self):
        folder = self.mounted(self.target)
        self.linear('upper', self.disk(OTHER))
        with self.all_as_it_was(), self.held_exclusively(self.disk(SMALLER)):
            for path, why in ((self.target, f'is mounted on {folder}: unmount it'),
                              (self.disk(OTHER), 'is held by dm-1'),
                              (self.disk(SMALLER), 'is in use (open in python3 (pid ')):
                self.expect_refused(f'target {path} {why}', 'copy', 'vol', path, '--force')

    def test_a_target_that_is_swapped_to(self):
        self.sh('mkswap', self.target)
        self.sh('swapon', self.target)
        with self.all_as_it_was():
            self.expect_refused('is in use as swap: swapoff it', 'copy', 'vol', self.target, '--force')

    def test_targets_that_are_the_source(self):
        half = self.linear('half', self.target, length=8 * MIB // 512)
        self.attach('upper', half)
        with self.all_as_it_was():
            for source, path in (('vol', self.disk(SOURCE)), ('vol', self.volume), ('upper', self.target),
                                 ('upper', half)):
                self.expect_refused(f'target {path} is the same disk as the source, or lies on or under it',
                                    'copy', source, path)

    def test_a_target_with_a_signature_needs_force(self):
        self.sh('mkfs.ext4', '-q', self.target)
        with self.all_as_it_was():
            self.expect_refused(f'target {self.target} carries a signature (ext4): --force overwrites it',
                                'copy', 'vol', self.target)
        self.dmjob('copy', 'vol', self.target, '--force', '--pivot')
        self.expect_lives_on('vol', self.target)

    # Sources, and jobs that are there already.

    def test_sources(self):
        self.mounted(self.disk(OTHER))
        with self.all_as_it_was():
            for source, why in (('other', "Cannot find volume 'other'"),
                                ('/dev/nothing', 'source /dev/nothing is not there: No such file'),
                                (self.disk(OTHER), f"'dmjob attach NAME {self.disk(OTHER)}'"),
                                (self.disk(SOURCE), f"source {self.disk(SOURCE)} is in use by volume 'vol' (its disk)")):
                self.expect_refused(why, 'copy', source, self.target)

    def test_a_source_that_is_suspended(self):
        self.sh('dmsetup', 'suspend', 'vol')
        self.expect_refused("'dmsetup resume vol' first", 'copy', 'vol', self.target)
        self.sh('dmsetup', 'resume', 'vol')

    def test_what_another_job_uses(self):
        self.attach('vol2', self.disk(SMALLER))
        self.copy('vol', self.target, '--speed', '64K')
        self.wait_offset('vol', 1)
        for text, source, target, job in (
                ("volume 'vol' is in use by job 'vol'", 'vol', self.disk(OTHER), 'j2'),
                ("volume 'vol' is in use by job 'vol'", self.volume, self.disk(OTHER), 'j2'),
                (f"target {self.target} is in use by job 'vol'", 'vol2', self.target, 'j2'),
                ("Job ID 'vol' already in use", 'vol2', self.disk(OTHER), 'vol'),
                ("'dmjob-vol-base' is an inner device", 'dmjob-vol-base', self.disk(OTHER), 'j2')):
            self.expect_refused(text, 'copy', source, target, '--id', job)
        self.expect_refused("volume 'vol' is in use by job 'vol'", 'detach', 'vol')
        self.expect_refused(f'{self.target} is in use', 'attach', 'new', self.target)
        self.assertEqual([job['id'] for job in self.list() + self.history()], ['vol'])
        self.assertEqual(self.info('vol')['status'], 'running')

    # Scratch.

    def test_scratch_that_cannot_be_used(self):
        tiny = self.linear('tiny', self.disk(OTHER), length=16)
        mounted = self.linear('mounted', self.disk(OTHER), offset=2 * MIB // 512)
        self.mounted(mounted)
        os.mkdir('/run/full')
        self.sh('mount', '-t', 'tmpfs', '-o', 'size=4k', 'full', '/run/full')
        with self.all_as_it_was():
            for path, why in ((tiny, 'is too small'), (self.disk(OTHER), 'is held by dm-1 (device-mapper'),
                              (mounted, 'is mounted on '), (self.disk(SOURCE), 'is the source'),
                              (self.volume, 'is the source'), (self.target, 'is the target'),
                              ('/etc/passwd', 'is a file that exists already'),
                              ('/no/folder/file', 'is not there (No such file'),
                              ('/run/full', 'has no room')):
                self.expect_refused(why, 'copy', 'vol', self.target, '--scratch', path, '--force')
        self.assertEqual(os.listdir('/run/full'), [])

    def test_scratch_with_a_signature_needs_force(self):
        self.sh('mkfs.ext4', '-q', self.disk(SMALLER))
        with self.all_as_it_was():
            self.expect_refused('carries a signature (ext4): --force', 'copy', 'vol', self.target,
                                '--scratch', self.disk(SMALLER))
        self.dmjob('copy', 'vol', self.target, '--scratch', self.disk(SMALLER), '--force', '--finish')

    def test_scratch_on_the_volume_itself(self):
        folder = self.mounted(self.volume)
        with self.all_as_it_was():
            for path in (folder, f'{folder}/file'):
                self.expect_refused('lives on the source itself', 'copy', 'vol', self.target, '--scratch', path)

    def test_scratch_of_another_job(self):
        self.attach('vol2', self.disk(SMALLER))
        scratch = self.linear('scratch', self.disk(OTHER), length=MIB // 512)
        other = self.linear('target', self.disk(OTHER), offset=2 * MIB // 512)
        self.copy('vol', self.target, '--speed', '64K', '--scratch', scratch)
        self.wait_offset('vol', 1)
        self.expect_refused(f'scratch {scratch} is in use', 'copy', 'vol2', other, '--scratch', scratch, '--force')
        self.assertEqual([job['id'] for job in self.list() + self.history()], ['vol'])

    # Words.

    def test_ids_and_numbers_that_make_no_sense(self):
        start = ['copy', 'vol', self.target]
        with self.all_as_it_was():
            for word in ('1st', 'a b', 'a/b', '', 'é', 'x' * 101):
                self.expect_refused('job id ', *start, '--id', word)
            for number in ('3K', '100000', '512', '128M'):
                self.expect_refused('is not a power of 2 from 4096 to 64M', *start, '--granularity', number)
            self.expect_refused('is larger than the source', *start, '--granularity', '32M')
            for words in (['--speed', 'fast'], ['--speed', '-1'], ['--on-target-error', 'x'],
                          ['--pivot', '--finish'], ['--timeout', '5'], ['--frob'], ['more']):
                self.refused(*start, *words, status=2)

    # Who asks, and whom.

    def test_those_who_are_not_root_may_only_look_if_at_all(self):
        self.stop_daemon()
        self.expect_refused('no daemon answers at', 'list', status=3)
        self.sh('groupadd', 'dmjob')
        self.start_daemon()
        self.copy('vol', self.target, '--speed', '64K')
        self.assertIn('run this as root', self.run_as('nogroup', 'dmjob', 'list', status=3))
        self.run_as('dmjob', 'dmjob', 'info', 'vol', status=0)
        for words in (['copy', 'vol', self.target], ['pause', 'vol'], ['cancel', 'vol'],
                      ['attach', 'x', self.disk(OTHER)], ['detach', 'vol']):
            self.assertIn('is for root; you may query only', self.run_as('dmjob', 'dmjob', *words, status=1))
        self.assertIn('only root', self.run_as('dmjob', 'dmjobd', status=1))
        self.assertEqual(self.info('vol')['status'], 'running')

    def test_a_second_daemon(self):
        result = self.sh(f'{self.bin_dir}/dmjobd', '--socket', self.socket_path, '--state-dir', '/run', check=False)
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (1, 1))
        self.assertIn('another dmjobd is running', result.stderr)
        self.assertEqual(self.list(), [])

    # Volumes.

    def test_disks_that_cannot_be_attached(self):
        folder = self.mounted(self.target)
        self.linear('upper', self.disk(OTHER))
        self.sh('truncate', '-s', '1M', '/run/file')
        with self.all_as_it_was(), self.held_exclusively(self.disk(SMALLER)):
            for path, why in ((self.target, f'is mounted on {folder}: unmount it, attach it, then mount the volume'),
                              (self.disk(OTHER), 'is held by dm-1'), (self.disk(SOURCE), "is in use by volume 'vol'"),
                              (self.disk(SMALLER), 'is in use'), ('/dev/nothing', '/dev/nothing is not there'),
                              ('/run/file', 'is a regular file'), ('/run', '/run is a folder: name a disk or a file')):
                self.expect_refused(why, 'attach', 'new', path)

    def test_names_that_cannot_be_attached(self):
        self.linear('foreign', self.disk(OTHER))
        with self.all_as_it_was():
            for name in ('vol', 'foreign'):
                self.expect_refused('exists already', 'attach', name, self.target)
            for name in ('a/b', '..', '', 'a b', 'x' * 128, 'a\nb', 'dmjob-x', 'control', 'é'):
                self.expect_refused('volume name ', 'attach', name, self.target)

    def test_a_request_whose_client_has_gone(self):
        """The target hangs while it is checked; once it answers, nobody wants the backup any more."""
        slow = self.linear('slow', self.target)
        self.sh('dmsetup', 'suspend', '--nolockfs', 'slow')
        self.addCleanup(self.sh, 'dmsetup', 'resume', 'slow')
        client = subprocess.Popen([self._program('dmjob'), '--socket', self.socket_path, 'backup', 'vol', slow, '--force'],
                                  stderr=subprocess.DEVNULL)
        time.sleep(1)
        self.assertIsNone(client.poll())
        client.send_signal(signal.SIGINT)
        client.wait()
        with self.all_as_it_was():
            self.sh('dmsetup', 'resume', 'slow')
            time.sleep(2)
        self.assertEqual(self.execute('query-block-jobs'), [])
        self.assertEqual(self.execute('query-job-history'), [])

    def test_a_volume_that_cannot_be_detached(self):
        self.linear('foreign', self.disk(OTHER))
        with self.all_as_it_was(), open(self.volume, 'rb'):
            self.expect_refused("volume 'other' is not managed by dmjob", 'detach', 'other')
            self.expect_refused("volume 'foreign' is not managed by dmjob", 'detach', 'foreign')
            self.expect_refused("volume 'vol' is open", 'detach', 'vol')
        with self.open_for(0.6):
            self.dmjob('detach', 'vol')
        self.assertEqual(devices.dm_names(), ['foreign'])

    @contextlib.contextmanager
    def open_for(self, seconds):
        """As udev has a volume, to look what it holds."""
        file = open(self.volume, 'rb')
        timer = threading.Timer(seconds, file.close)
        timer.start()
        yield
        timer.join()

    # How it is done.

    @contextlib.contextmanager
    def all_as_it_was(self):
        before = self.everything()
        yield
        self.assertEqual(self.everything(), before)

    @contextlib.contextmanager
    def held_exclusively(self, disk):
        holder = os.open(disk, os.O_RDONLY | os.O_EXCL)
        yield
        os.close(holder)

    def everything(self):
        disks = [self.sh(f'dd if={self.disk(i)} bs=1M count=1 iflag=direct | sha256sum').stdout for i in range(4)]
        return dict(tables=self.sh('dmsetup', 'table').stdout, loops=devices.loop_devices(), disks=disks,
                    jobs=self.list() + self.history(), volumes=self.managed_volumes(),
                    files=sorted(os.listdir(os.path.dirname(self.socket_path))))

    def mounted(self, device):
        """A file system on it, in use. Returns the folder."""
        folder = f'/run/mounts/{os.path.basename(device)}'
        os.makedirs(folder)
        self.sh('mkfs.ext4', '-q', device)
        self.sh('mount', '-o', 'ro', device, folder)  # it writes nothing by itself then
        return folder

    def run_as(self, group, program, *words, status):
        """By user nobody. Returns what is on stderr."""
        result = self.sh('setpriv', '--reuid', 'nobody', '--regid', group, '--clear-groups',
                         f'{self.bin_dir}/{program}', '--socket', self.socket_path, *words, check=False)
        self.assertEqual(result.returncode, status, result.stderr)
        return result.stderr


if __name__ == '__main__':
    harness.main()
