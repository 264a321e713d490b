# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which file systems are frozen at an instant: one on the volume, those on partitions, LUKS and logical volumes above
it, and those that somebody else has frozen already. What was frozen needs no journal."""
import os
import struct
import subprocess

import devices
import file_system_load
import harness
from copying import CopyingTest

MACHINE = dict(disks=['320M', '352M', '64M', '64M'], mem='512M', timeout=240, kernel='uml',
               newer=['test_a_frozen_file_system_counts_as_frozen', 'test_what_is_on_a_partition_is_frozen'])
FOLDER, COPY = '/run/folder', '/run/copy'
LVM = 'activation{udev_sync=0 udev_rules=0 monitoring=0} devices{use_devicesfile=0 scan=["/dev"] ' \
    'filter=["a|^/dev/mapper/vol$|","r|.*|"]} global{event_activation=0}'
OFFSET = 2048  # sectors, of what is above the volume


class Syncer:
    """New files, each with an fsync, until end(): there is always something in the journal."""

    def __init__(self, folder):
        self.process = subprocess.Popen(['/usr/bin/python3', '-B', '-c', SYNCER, folder])

    def end(self):
        self.process.kill()
        self.process.wait()


SYNCER = """
import os, sys
for number in range(10**9):
    file = os.open(f'{sys.argv[1]}/f{number % 64}', os.O_WRONLY | os.O_CREAT)
    os.pwrite(file, b'x' * (number % 5000), 0)
    os.fsync(file)
    os.close(file)
"""


class FreezingTest(CopyingTest):
    def setUp(self):
        super().setUp()
        self.source, self.target, self.scratch = self.disk(0), self.disk(1), self.disk(2)
        self.vol = self.attach('vol', self.source)

    # The stage.

    def above(self, name='top'):
        """A partition of the volume, as kpartx makes one."""
        return self.dm_create(name, f'0 {self.sectors(self.vol) - OFFSET} linear {self.number(self.vol)} {OFFSET}')

    def mount(self, device, kind='ext4'):
        """And write to it all the time."""
        file_system_load.make_and_mount(kind, device, FOLDER)
        self.syncer = Syncer(FOLDER)
        self.addCleanup(self.syncer.end)
        self.wait_for(lambda: len(os.listdir(FOLDER)) > 10, 30, 'files')

    def backup(self, **options):
        return self.dmjob('backup', 'vol', self.target, '--scratch', self.scratch, '--wait', **options)

    def until_ready(self):
        self.job = self.copy('vol', self.target, '--scratch', self.scratch)
        self.wait_status(self.job, 'ready')

    def expect_clean_ext4(self, offset=0):
        """Without its journal."""
        self.expect_clean(f'0 {self.sectors(self.source) - offset} linear {self.target} {offset}')

    def expect_clean(self, table):
        found = self.dm_create('found', table)
        self.assertNotIn('needs_recovery', self.sh('dumpe2fs', '-h', found).stdout)
        self.sh(*file_system_load.CHECKS['ext4'], found)
        self.dm_remove('found')

    def expect_goes_on(self):
        """Nothing is suspended, and whoever writes does."""
        self.assertIsNone(self.syncer.process.poll())
        before = self.diskstats(self.vol)['writes']
        self.wait_for(lambda: self.diskstats(self.vol)['writes'] > before + 10, 30, 'writes')
        self.syncer.end()
        self.sh('umount', FOLDER)

    # Frozen by somebody else.

    def test_a_frozen_file_system_counts_as_frozen(self):
        self.mount(self.vol)
        self.sh('fsfreeze', '--freeze', FOLDER)
        self.backup()
        self.expect_clean_ext4()
        self.sh('fsfreeze', '--unfreeze', FOLDER)
        self.expect_goes_on()
        self.nothing_left(volumes=['vol'])

    def test_a_frozen_xfs_counts_as_frozen(self):
        self.mount(self.vol, 'xfs')
        self.sh('fsfreeze', '--freeze', FOLDER)
        self.backup()
        os.makedirs(COPY)
        self.sh('mount', '-o', 'ro,norecovery,nouuid', self.target, COPY)
        self.assertGreater(len(os.listdir(COPY)), 10)
        self.sh('umount', COPY)
        self.sh('fsfreeze', '--unfreeze', FOLDER)
        self.expect_goes_on()

    def test_a_copy_ends_while_the_file_system_is_frozen(self):
        self.mount(self.vol)
        self.until_ready()
        self.sh('fsfreeze', '--freeze', FOLDER)
        self.dmjob('cancel', self.job)
        self.assertNotIn('error', self.outcome(self.job))
        self.expect_clean_ext4()
        self.sh('fsfreeze', '--unfreeze', FOLDER)
        self.expect_goes_on()

    def test_a_volume_pivots_while_its_file_system_is_frozen(self):
        self.mount(self.above())
        self.until_ready()
        self.sh('fsfreeze', '--freeze', FOLDER)
        self.pivot(self.job)
        self.expect_lives_on('vol', self.target)
        self.sh('fsfreeze', '--unfreeze', FOLDER)
        self.expect_goes_on()

    def test_a_snapshot_is_taken_while_the_file_system_is_frozen(self):
        self.mount(self.vol)
        self.sh('fsfreeze', '--freeze', FOLDER)
        self.dmjob('snapshot', 'vol', '--scratch', self.scratch)
        self.sh('fsfreeze', '--unfreeze', FOLDER)
        self.target = self.source
        self.expect_clean_ext4()
        self.expect_goes_on()

    # Above the volume.

    def test_what_is_on_a_partition_is_frozen(self):
        self.mount(self.above())
        self.backup()
        self.expect_clean_ext4(OFFSET)
        self.expect_goes_on()

    def test_what_is_on_a_partition_is_frozen_at_the_end_of_a_copy(self):
        self.mount(self.above())
        self.until_ready()
        self.dmjob('cancel', self.job)
        self.expect_clean_ext4(OFFSET)
        self.expect_goes_on()

    def test_what_is_two_levels_up_is_frozen_for_a_tracker_too(self):
        """Its mounts are two."""
        self.stop_daemon()
        file_system_load.make_and_mount('ext4', self.disk(3), '/run/scratch')
        self.start_daemon('--scratch-dir', '/run/scratch')
        self.above('middle')
        middle = '/dev/mapper/middle'
        self.mount(self.dm_create('upper', f'0 {self.sectors(middle)} linear {self.number(middle)} 0'))
        os.makedirs('/run/bound')
        self.sh('mount', '--bind', FOLDER, '/run/bound')
        self.dmjob('backup', 'vol', self.target, '--scratch', self.scratch, '--track', '--wait')
        self.expect_clean_ext4(OFFSET)
        self.dmjob('backup', 'vol', self.target, '--scratch', self.scratch, '--incremental', '--wait')
        self.expect_clean_ext4(OFFSET)
        self.sh('umount', '/run/bound')
        self.expect_goes_on()

    def test_what_is_encrypted_above_the_volume_is_frozen(self):
        table = f'0 {self.sectors(self.vol)} crypt aes-xts-plain64 {"5a" * 32} 0 '
        self.mount(self.dm_create('luks', f'{table}{self.vol} 0'))
        self.backup()
        self.expect_clean(f'{table}{self.target} 0')
        self.expect_goes_on()

    def test_what_is_on_a_logical_volume_is_frozen(self):
        """Its table says where on the volume it lies."""
        self.sh('pvcreate', '--config', LVM, '-y', '-ff', self.vol)
        self.sh('vgcreate', '--config', LVM, 'vg', self.vol)
        self.sh('lvcreate', '--config', LVM, '--noudevsync', '-y', '-Zn', '-Wn', '-L', '64M', '-n', 'lv', 'vg')
        self.mount('/dev/mapper/vg-lv')
        self.backup()
        start, length, kind, _, offset = self.dm_table('vg-lv').split()
        self.assertEqual(kind, 'linear')
        self.expect_clean(f'{start} {length} linear {self.target} {offset}')
        self.expect_goes_on()

    def test_what_is_frozen_on_a_partition_counts_as_frozen(self):
        self.mount(self.above())
        self.sh('fsfreeze', '--freeze', FOLDER)
        self.backup()
        self.expect_clean_ext4(OFFSET)
        self.sh('fsfreeze', '--unfreeze', FOLDER)
        self.expect_goes_on()

    # Above the volume, and not frozen.

    def array(self, disk):
        """Of md, with one disk and without a superblock: there is no mdadm here."""
        self.sh('modprobe', '-a', 'md-mod', 'raid1')
        self.tell('/sys/module/md_mod/parameters/new_array', 'md_above')
        kernel_name = os.path.basename(os.path.realpath(f'/sys/dev/block/{self.number(disk)}'))
        for name, value in (('metadata_version', 'none'), ('level', 'raid1'), ('raid_disks', '1'),
                            ('new_dev', self.number(disk)), ('component_size', str(self.sectors(disk) // 2)),
                            (f'dev-{kernel_name}/slot', '0'), ('array_state', 'active')):
            self.tell(f'/sys/block/md_above/md/{name}', value)
        return '/dev/md_above'

    @staticmethod
    def tell(path, text):
        with open(path, 'w') as file:
            file.write(text)

    def loop(self, path):
        return self.sh('losetup', '--find', '--show', path).stdout.strip()

    def mount_at(self, device, folder, *options):
        os.makedirs(folder)
        self.sh('mount', *options, device, folder)

    def warnings(self, *words):
        """Each a line, before the command does anything."""
        return [line for line in self.dmjob(*words).stderr.splitlines() if line.startswith('warning: ')]

    def expect_named(self, lines, *texts):
        self.assertEqual(len(lines), len(texts), lines)
        for line, text in zip(sorted(lines), sorted(texts)):
            self.assertIn(text, line)

    def test_what_is_on_an_array_is_named_and_is_there_as_after_a_power_cut(self):
        array = self.array(self.vol)
        line = f"the ext4 at {FOLDER} and elsewhere, on md_above (an array of md), is not frozen with volume 'vol': " \
               'md_above is no device-mapper device'
        words = ['vol', self.target, '--scratch', self.scratch, '--force', '--wait']
        self.assertEqual(self.warnings('backup', *words), [])
        self.mount(array)
        self.mount_at(FOLDER, '/run/bound', '--bind')
        self.assertEqual(self.execute('query-not-frozen', device=self.vol), [line])
        self.assertEqual(self.execute('query-not-frozen', device='vol'), [line])
        self.assertEqual(self.execute('query-not-frozen', device=self.source), [])
        self.assertEqual(self.warnings('backup', *words), [f'warning: {line}'])
        self.assertEqual(self.outcome('vol')['not-frozen'], [line])
        self.assertIn(f'not frozen  {line}', self.dmjob('info', 'vol').stdout)
        self.mount_at(self.target, COPY)
        self.assertGreater(len(os.listdir(COPY)), 10)

    def test_what_is_on_a_loop_device_is_named_when_a_copy_is_left(self):
        """Over a file of the file system on the volume, which itself is frozen."""
        self.mount(self.vol)
        self.until_ready()
        self.assertNotIn('not-frozen', self.info(self.job))
        self.sh('truncate', '-s', '32M', f'{FOLDER}/image')
        self.sh('mkfs.ext4', '-q', f'{FOLDER}/image')
        loop = self.loop(f'{FOLDER}/image')
        self.mount_at(loop, '/run/image')
        text = f'the ext4 at /run/image, on {loop[5:]}, is not frozen'
        self.wait_for(lambda: 'not-frozen' in self.info(self.job), 60, 'it to be seen')
        self.expect_named(self.info(self.job)['not-frozen'], text)
        self.expect_named(self.warnings('cancel', self.job), text)
        self.expect_named(self.outcome(self.job)['not-frozen'], text)
        self.expect_clean_ext4()

    def test_what_is_on_a_loop_device_over_the_volume_is_named_and_synced(self):
        loop = self.loop(self.vol)
        self.sh('mkfs.ext4', '-q', loop)
        self.mount_at(loop, FOLDER)
        self.tell(f'{FOLDER}/file', 'not synced')
        self.expect_named(self.warnings('backup', 'vol', self.target, '--scratch', self.scratch, '--wait'), f'at {FOLDER}')
        self.mount_at(self.target, COPY)
        with open(f'{COPY}/file') as file:
            self.assertEqual(file.read(), 'not synced')

    def test_a_btrfs_of_several_disks_is_named(self):
        self.sh('mkfs.btrfs', '-q', '-f', self.disk(1), self.vol)
        self.mount_at(self.disk(1), FOLDER)
        self.expect_named(self.warnings('snapshot', 'vol', '--scratch', self.disk(2)),
                          f"the btrfs at {FOLDER} is not frozen with volume 'vol': the kernel does not freeze a btrfs")

    def make_fat(self, disk):
        """FAT16, with two tables and a folder of 512 entries; there is no mkfs.vfat here."""
        sectors, per_cluster = self.sectors(disk), 32
        per_table = sectors // per_cluster * 2 // 512 + 1
        head = struct.pack('<3s8sHBHBHHBHHHII', b'\xeb\x3c\x90', b'dmjob', 512, per_cluster, 1, 2, 512, 0, 0xf8,
                           per_table, 32, 2, 0, sectors)
        self.write(disk, 0, head.ljust(510, b'\0') + b'\x55\xaa' + bytes((2 * per_table + 32) * 512))
        for table in range(2):
            self.write(disk, (1 + table * per_table) * 512, b'\xf8\xff\xff\xff')

    def test_a_vfat_is_frozen(self):
        """Although it cannot be by its mount point."""
        self.make_fat(self.vol)
        self.mount_at(self.vol, FOLDER)
        self.tell(f'{FOLDER}/file', 'not synced')
        self.assertEqual(self.warnings('snapshot', 'vol', '--scratch', self.scratch), [])
        found = self.dm_create('found', f'0 {self.sectors(self.source)} linear {self.source} 0')
        self.mount_at(found, COPY, '-o', 'ro')
        with open(f'{COPY}/file') as file:
            self.assertEqual(file.read(), 'not synced')

    # The daemon dies in between.

    def test_what_is_suspended_above_is_resumed_when_the_daemon_is_killed(self):
        self.kill_daemon_at_the_instant()

    def test_what_is_suspended_above_gets_the_table_that_somebody_has_loaded(self):
        def load(own):
            self.sh('dmsetup', 'load', 'top', '--table', devices.in_two_parts(own))
        own = self.kill_daemon_at_the_instant(load)
        self.assertEqual(self.dm_table('top'), devices.in_two_parts(own))

    def kill_daemon_at_the_instant(self, meanwhile=lambda own: None):
        """It waits for a slow write to the volume then. Returns the table of what is above."""
        source, disk = self.linear('source', self.disk(3)), self.disk(3)
        slow, sectors = self.attach('slow', source), self.sectors(source)
        held = os.open(self.dm_create('top', f'0 {sectors - OFFSET} linear {self.number(slow)} {OFFSET}'), os.O_RDWR)
        self.dm_switch('source', f'0 {sectors} delay {disk} 0 0 {disk} 0 15000')
        writer = subprocess.Popen('while :; do dd if=/dev/zero of=/dev/mapper/slow bs=4k count=1 oflag=direct; done',
                                  shell=True, stderr=subprocess.DEVNULL)
        self.addCleanup(writer.kill)
        self.dmjob('backup', 'slow', self.target, '--scratch', self.scratch)
        own = self.dm_table('top')
        self.wait_for(lambda: self.suspended('top'), 60, 'the instant')
        meanwhile(own)
        self.kill_daemon()
        self.wait_for(lambda: not self.suspended('top'), 10, 'the guardian')
        self.assertFalse(self.suspended('slow'))
        os.close(held)
        return own

    # What cannot be now.

    def test_an_end_that_cannot_be_now_leaves_the_copy_ready(self):
        """Somebody else is about to change what is above."""
        self.mount(self.above())
        self.until_ready()
        self.sh('dmsetup', 'load', 'top', '--table', self.dm_table('top'))
        result = self.dmjob('cancel', self.job, check=False)
        self.assertEqual(result.returncode, 1, result)
        self.assertIn('is ready as before', result.stderr)
        self.assertIn("'dmsetup clear top'", result.stderr)
        self.wait_status(self.job, 'ready')
        self.assertIn("'dmsetup clear top'", self.info(self.job)['put-off'])
        self.sh('dmsetup', 'clear', 'top')
        self.dmjob('cancel', self.job)
        self.assertNotIn('error', self.outcome(self.job))
        self.expect_clean_ext4(OFFSET)
        self.expect_goes_on()


if __name__ == '__main__':
    harness.main()
