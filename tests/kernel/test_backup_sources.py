# SPDX-License-Identifier: LGPL-2.1-or-later
"""Backups of all sorts of volumes: those of others, a disk with bad sectors, mounted file systems."""
import os

import backup_story
import dust_story
import file_system_load
import harness
import instant
from copying import CopyingTest
from file_system_load import Recorder, record
from test_sources import KEY, LVM_CONFIG

MACHINE = dict(disks=['96M', '96M', '96M'], mem='512M', timeout=240, kernel='uml')
FOLDER, COPY_FOLDER, STORE = '/run/data', '/run/copy', '/run/store'


class BackupBadSectorsTest(dust_story.DustStory, backup_story.BackupStory):
    def test_bad_sectors_by_policy(self):
        self.begin_over_dust()
        self.sector_goes_bad()
        self.start_backup()
        self.assertRegex(self.until_failed(), f'source .* cannot be read at byte {dust_story.BAD_BLOCK * 4096}')
        self.start_backup('--force', on_source_error='ignore')
        self.until_instant()
        self.until_status('concluded')
        extents = self.info('j')['x-error-map']
        self.assertEqual(extents, [dict(offset=dust_story.BAD_BLOCK * 4096, length=4096)])
        self.dmjob('dismiss', 'j')
        self.start_backup('--force', on_source_error='stop')
        self.until_status('paused')
        self.sector_heals()
        self.dmjob('resume', 'j')
        self.until_instant()
        self.expect_success()
        self.expect_instant()
        self.expect_as_before()


    def test_a_bad_sector_that_is_written_to_ends_the_job_and_nothing_else(self):
        """What was there cannot be kept. The disk gives the block a new place, as it would without a job."""
        self.begin_over_dust()
        block, saved = dust_story.BAD_BLOCK, '/run/block'
        self.sh(f'dd if={self.vol} of={saved} bs=4096 skip={block} count=1 iflag=direct')
        self.start_backup(speed='1M')
        self.until_instant()
        self.sector_goes_bad()
        self.sh(f'dd if={saved} of={self.vol} bs=4096 seek={block} count=1 oflag=direct conv=notrunc')
        self.assertIn('a block that could not be read was written to', self.until_failed())
        self.expect_as_before()


class BackupForeignVolumesTest(CopyingTest):
    def backup(self, name):
        path, table = f'/dev/mapper/{name}', self.dm_table(name)
        with self.writer(path) as writer:
            before = instant.last(writer.log, '<')
            self.dmjob('backup', name, self.disk(2), '--force', '--wait')
            self.assertEqual(self.dm_table(name), table)
            self.assertGreaterEqual(instant.newest_number(self.disk(2), self.size(path)), before)
        writer.verify(path)
        self.assertEqual(self.dm_table(name), table)
        self.nothing_left()

    def test_volumes_of_others(self):
        self.dm_create('crypt', f'0 40960 crypt aes-xts-plain64 {KEY} 0 {self.disk(0)} 4096')
        self.backup('crypt')
        self.dm_remove('crypt')
        self.sh('pvcreate', '--config', LVM_CONFIG, '-y', '-ff', self.disk(0), self.disk(1))
        self.sh('vgcreate', '--config', LVM_CONFIG, 'vg', self.disk(0), self.disk(1))
        self.sh('lvcreate', '--config', LVM_CONFIG, '--noudevsync', '-y', '-Zn', '-Wn', '-L', '48M', '-i2', '-n', 'lv', 'vg')
        self.backup('vg-lv')


class BackupFileSystemsTest(CopyingTest):
    def test_a_mounted_ext4_is_clean_in_its_sparse_backup(self):
        volume = self.attach('vol', self.disk(0))
        file_system_load.make_and_mount('ext4', volume, FOLDER)
        file_system_load.make_and_mount('ext4', self.disk(1), STORE)
        os.makedirs(COPY_FOLDER)
        recorder = Recorder(FOLDER, FOLDER)
        self.addCleanup(recorder.kill)
        self.wait_for(recorder.has_begun, 30, 'records')
        target = f'{STORE}/vol.img'
        self.expect_refused('lies on the source', 'backup', 'vol', f'{FOLDER}/vol.img')
        self.expect_refused('lives on the source', 'backup', 'vol', target, '--scratch', FOLDER)
        self.expect_refused('name a disk or a folder with --scratch', 'backup', 'vol', target)
        self.dmjob('backup', 'vol', target, '--scratch', self.disk(2), '--wait')
        recorder.kill()
        self.assertNotIn('needs_recovery', self.sh('dumpe2fs', '-h', target).stdout)
        self.sh('fsck.ext4', '-fn', target)
        self.assertEqual(self.size(target), self.size(volume))
        self.assertLess(os.stat(target).st_blocks * 512, self.size(volume) // 2)
        self.sh('mount', '-o', 'ro,loop', target, COPY_FOLDER)
        first, second = (record(COPY_FOLDER, name) for name in ('first', 'second'))
        self.assertIn(first - second, (0, 1))
        self.assertGreater(second, 0)
        self.sh('umount', COPY_FOLDER)
        self.expect_lives_on('vol', self.disk(0))
        self.nothing_left(volumes=['vol'])


if __name__ == '__main__':
    harness.main()
