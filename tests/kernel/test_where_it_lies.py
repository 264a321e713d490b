# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a file or a disk really lies: no volume waits for itself over a file system whose number is anonymous, and a
disk that others have open, or whose blocks are too large, takes no role."""
import os
import subprocess

import devices
import harness
from copying import CopyingTest

MIB = 1 << 20
MACHINE = dict(disks=['160M', '160M', '200M', '160M'], mem='512M', timeout=180, kernel='uml')
DISK, OTHER, TARGET, EXACT = range(4)
FOLDER = '/run/folder'
NOT_FROZEN = 'the kernel does not freeze a btrfs'


class WhereItLiesTest(CopyingTest):
    def setUp(self):
        super().setUp()
        self.volume = self.attach('vol', self.disk(DISK))
        os.makedirs(FOLDER)

    def mount(self, *words):
        self.sh('mount', *words)
        self.addCleanup(subprocess.run, ['umount', words[-1]], check=False)

    def expect_no_ground(self, folder, why='the source', warned=None):
        """No file in it may be a scratch or the target of a job on the volume, by whatever way it is named."""
        for words in (('copy', 'vol', self.disk(TARGET), '--scratch', folder),
                      ('copy', 'vol', self.disk(TARGET), '--scratch', f'{folder}/new'),
                      ('backup', 'vol', self.disk(TARGET), '--scratch', folder),
                      ('backup', 'vol', self.disk(TARGET), '--track', '--scratch', folder),
                      ('snapshot', 'vol', '--scratch', f'{folder}/cow'),
                      ('backup', 'vol', f'{folder}/vol.img', '--scratch', self.disk(TARGET))):
            self.expect_refused(why, *words, warned=warned)
        image = f'{folder}/image'
        self.sh('truncate', '-s', '64M', image)
        loop = self.sh('losetup', '--find', '--show', image).stdout.strip()
        try:
            self.expect_refused(why, 'backup', 'vol', self.disk(TARGET), '--scratch', loop, warned=warned)
            self.expect_refused(why, 'snapshot', 'vol', '--scratch', loop, warned=warned)
        finally:
            self.sh('losetup', '--detach', loop)

    def expect_not_chosen(self, folder):
        """The daemon's own folder: it takes memory for a copy, and nothing where memory will not do."""
        self.stop_daemon()
        self.start_daemon('--scratch-dir', folder)
        self.wait_for(lambda: self.volume_of('vol')['active'], 60, 'the volume')
        job = self.copy('vol', self.disk(EXACT), '--speed', '1M')
        self.assertNotIn(folder, self.info(job).get('scratch', ''))
        self.assertEqual(os.listdir(folder), [])
        self.dmjob('cancel', job, '--force')
        self.wait_for(lambda: not self.list(), 60, 'the copy to end')
        self.expect_refused('name a disk or a folder with --scratch', 'backup', 'vol', self.disk(EXACT), '--force',
                            warned=NOT_FROZEN)

    def volume_of(self, name):
        return self.managed_volumes()[name]

    def test_on_a_btrfs_of_several_disks(self):
        """The mount names one of them, which is not the volume."""
        self.sh('mkfs.btrfs', '-q', '-f', '-d', 'raid1', '-m', 'raid1', self.disk(OTHER), self.volume)
        self.mount(self.disk(OTHER), FOLDER)
        self.sh('btrfs', 'subvolume', 'create', f'{FOLDER}/sub')
        for folder in (FOLDER, f'{FOLDER}/sub'):
            self.expect_no_ground(folder, warned=NOT_FROZEN)
        os.makedirs('/run/bound')
        self.mount('--bind', f'{FOLDER}/sub', '/run/bound')
        self.expect_no_ground('/run/bound', warned=NOT_FROZEN)

    def test_on_an_overlayfs(self):
        self.sh('mkfs.ext4', '-q', self.volume)
        self.mount(self.volume, FOLDER)
        for name in ('upper', 'work'):
            os.makedirs(f'{FOLDER}/{name}')
        for name in ('/run/lower', '/run/lower:2', '/run/over', '/run/hidden', '/run/hiding'):
            os.makedirs(name)
        self.mount('-t', 'overlay', '-o', f'lowerdir=/run/lower,upperdir={FOLDER}/upper,workdir={FOLDER}/work',
                   'over', '/run/over')
        self.expect_no_ground('/run/over')
        self.sh('umount', '/run/over')
        self.mount('-t', 'overlay', '-o', rf'lowerdir=/run/lower\:2:{FOLDER}/upper', 'over', '/run/over')
        self.expect_refused('lives on the source', 'copy', 'vol', self.disk(TARGET), '--scratch', '/run/over')
        # What it is made of cannot be found any more.
        self.mount('-t', 'overlay', '-o', 'lowerdir=/run/lower:/run/hidden', 'hiding', '/run/hiding')
        os.rename('/run/hidden', '/run/moved')
        self.expect_refused('/run/hiding is of type overlay, made of /run/hidden, which cannot be found', 'copy', 'vol',
                            self.disk(TARGET), '--scratch', '/run/hiding')

    def test_the_daemon_does_not_choose_it(self):
        self.sh('mkfs.btrfs', '-q', '-f', self.disk(OTHER), self.volume)
        self.mount(self.disk(OTHER), FOLDER)
        os.makedirs(f'{FOLDER}/sub')
        self.expect_not_chosen(f'{FOLDER}/sub')

    def test_a_folder_that_is_missing_keeps_no_volume_from_its_place(self):
        self.stop_daemon()
        self.sh('dmsetup', 'remove', 'vol')
        self.start_daemon('--scratch-dir', '/run/missing')
        self.wait_for(lambda: self.volume_of('vol')['active'], 60, 'the volume')
        self.assertIn('scratch-dir /run/missing is no folder', self.daemon_log())
        self.expect_refused('since /run/missing is not there (No such file or directory): name a disk or a folder',
                            'backup', 'vol', self.disk(EXACT))
        self.dmjob('copy', 'vol', self.disk(EXACT), '--finish', '--wait')
        os.makedirs('/run/missing')
        self.dmjob('backup', 'vol', self.disk(EXACT), '--wait', '--force')

    def test_a_scratch_of_larger_blocks_does_not_get_under_the_volume(self):
        """The file system on it has seen blocks of 512 bytes, and writes some."""
        self.sh('mkfs.ext4', '-q', '-b', '1024', self.volume)
        self.mount(self.volume, FOLDER)
        self.sh('truncate', '-s', '100M', '/run/image')
        loop = self.sh('losetup', '--find', '--show', '-b', '4096', '/run/image').stdout.strip()
        self.addCleanup(self.sh, 'losetup', '--detach', loop)
        why = f'scratch {loop} has logical blocks of 4096 bytes, the volume of 512'
        self.expect_refused(why, 'backup', 'vol', self.disk(TARGET), '--scratch', loop)
        self.expect_refused(why, 'snapshot', 'vol', '--scratch', loop)
        self.dmjob('copy', 'vol', self.disk(TARGET), '--scratch', loop, '--finish', '--wait')  # its logs alone
        with open(f'{FOLDER}/file', 'wb') as file:
            file.write(b'x' * MIB)
            os.fsync(file.fileno())

    def test_a_device_that_a_program_has_open_is_not_overwritten(self):
        target = self.dm_create('open', f'0 {devices.sectors(self.disk(TARGET))} linear {self.disk(TARGET)} 0')
        self.addCleanup(self.dm_remove, 'open')
        with open(target, 'rb'):
            self.expect_refused(f'target {target} is open: close what has it open', 'copy', 'vol', target)
            self.expect_refused(f'scratch {target} is open in a program', 'copy', 'vol', self.disk(OTHER),
                                '--scratch', target)
            job = self.copy('vol', target, '--force', '--speed', '1M')
            self.dmjob('cancel', job, '--force')
            self.wait_for(lambda: not self.list(), 60, 'the copy to end')
        self.dmjob('copy', 'vol', target, '--finish', '--wait', '--force')


if __name__ == '__main__':
    harness.main()
