# SPDX-License-Identifier: LGPL-2.1-or-later
"""While a backup runs and while a volume is tracked each fsync reaches the volume's disk, and each mark its log; and
disks with FUA and without it in every combination."""
import itertools
import mmap
import os

import devices
import harness
from flush_story import FlushStory, set_cache
from write_log import Replay, WriteLog, marks_of, spread

MACHINE = dict(disks=['24M', '24M', '128M', '64M', '96M'], mem='512M', timeout=240, kernel='uml',
               newer=['test_fua_of_either_side'])
SOURCE, TARGET, LOG, SCRATCH, OTHER_LOG = range(5)
KINDS = ['write back', 'write through']
FOLDER, MOUNTED, IMAGE = '/tmp/folder', '/tmp/mounted', '/tmp/image'
REGION = 64 << 10


class FlushesTest(FlushStory):
    log_disk = LOG

    # Backups.

    def test_while_a_backup_runs(self):
        """Its scratch need not be flushed: the instant does not outlive a power cut."""
        source, target, scratch = self.disk(SOURCE), self.disk(TARGET), self.disk(SCRATCH)
        for number, kinds in enumerate(itertools.product(KINDS, KINDS, KINDS)):
            with self.subTest(kinds=kinds):
                for disk, kind in zip((source, target, scratch), kinds):
                    set_cache(disk, kind)
                name = f'v{number}'
                _, top = self.volume_with_holders(name, source)
                self.dmjob('backup', name, target, '--id', name, '--force', '--scratch', scratch, '--speed', '64K')
                self.wait_offset(name, 1)
                if kinds[0] == 'write back':
                    self.expect_fsync_reaches(source, top)
                self.dmjob('cancel', name, '--force')
                if kinds[0] == 'write back':
                    self.expect_fsync_reaches(source, top)
                self.remove_holders(name)
                self.dmjob('detach', name)

    def track(self, volume, scratch):
        """From a full backup on, with the marks on a file system on that disk."""
        self.sh('mkfs.ext4', '-q', scratch)
        os.makedirs(FOLDER, exist_ok=True)
        self.sh('mount', scratch, FOLDER)
        self.dmjob('backup', volume, self.disk(TARGET), '--force', '--track', '--granularity', '64K', '--scratch', FOLDER,
                   '--wait')

    def test_while_tracked(self):
        source, scratch = self.disk(SOURCE), self.disk(SCRATCH)
        for number, (at_source, at_scratch) in enumerate(itertools.product(KINDS, KINDS)):
            with self.subTest(source=at_source, scratch=at_scratch):
                set_cache(source, at_source)
                set_cache(scratch, at_scratch)
                name = f'v{number}'
                _, top = self.volume_with_holders(name, source)
                self.track(name, scratch)
                if at_source == 'write back':
                    self.expect_fsync_reaches(source, top)
                if at_scratch == 'write back':
                    before = self.flushes(scratch)
                    self.write(top, 100 * REGION, b'c' * 4096)  # where nothing is marked yet
                    self.assertGreater(self.flushes(scratch), before)
                self.remove_holders(name)
                self.dmjob('untrack', name)
                self.dmjob('detach', name)
                self.sh('umount', FOLDER)

    def test_a_power_cut_loses_no_mark_of_an_acknowledged_write(self):
        volume = self.attach('vol', self.disk(SOURCE))
        log = WriteLog('scratch', self.disk(SCRATCH), self.disk(LOG))
        self.track('vol', log.path)
        place = self.log_place()
        for number in range(20):
            self.write(volume, (100 + number) * REGION, b'c' * 4096)
            log.mark(str(number))
        self.dmjob('untrack', 'vol')
        self.sh('umount', FOLDER)
        log.end()
        replay = Replay(log, IMAGE)
        for number, count in spread(sorted(marks_of(log).items()), 6):
            replay.to(count)
            self.assertEqual(self.marked(place)[-number - 1:], list(range(100, 100 + number + 1)))
        replay.close()

    def log_place(self):
        """Of the log in use: its file, and where it is in that, in bytes."""
        words = self.dm_table('dmjob-_vol-wr').split()
        name = next(name for name in self.dm_names() if self.number(devices.dm_path(name)) == words[5])
        loop, sector = self.dm_table(name).split()[3:]
        file = self.sh('losetup', '--noheadings', '--output', 'BACK-FILE', f'/dev/block/{loop}', check=False).stdout
        if not file.strip():
            with open(f'/sys/dev/block/{loop}/loop/backing_file') as text:
                file = text.read()
        return os.path.basename(file.strip()), int(sector) * 512

    def marked(self, place):
        """The regions that the log in the image names; dm-log: a header of two sectors, then a bit a region, 0: marked."""
        name, offset = place
        self.sh('cp', IMAGE, f'{IMAGE}.cut')
        os.makedirs(MOUNTED, exist_ok=True)
        self.sh('mount', '-o', 'loop', f'{IMAGE}.cut', MOUNTED)
        try:
            with open(f'{MOUNTED}/{name}', 'rb') as file:
                file.seek(offset)
                self.assertEqual(file.read(1024)[:4], b'rRiM')
                bits = file.read(self.size(self.disk(SOURCE)) // REGION // 8)
        finally:
            self.sh('umount', MOUNTED)
        return [region for region in range(len(bits) * 8) if not bits[region // 8] >> region % 8 & 1]

    # FUA.

    def test_fua_of_either_side(self):
        """What a file system has written with FUA alone is durable, whatever the disk below can do."""
        for number, (at_source, at_target) in enumerate(itertools.product([True, False], [True, False])):
            with self.subTest(source=at_source, target=at_target):
                source = self.with_or_without_fua(at_source, SOURCE, LOG)
                target = self.with_or_without_fua(at_target, TARGET, OTHER_LOG)
                self.move_under_dsync(f'v{number}', source, target)
                for disk in (source, target):
                    if isinstance(disk, WriteLog):
                        disk.end()

    def with_or_without_fua(self, fua, disk, log):
        """A WriteLog, or a path."""
        path = self.disk(disk)
        if not fua:
            return path
        self.sh('dd', 'if=/dev/zero', f'of={path}', 'bs=1M', 'oflag=direct', check=False)
        return WriteLog(f'disk{disk}', path, self.disk(log))

    def move_under_dsync(self, name, source, target):
        volume, top = self.volume_with_holders(name, getattr(source, 'path', source))
        self.sh('mkfs.ext4', '-q', top)
        os.makedirs(FOLDER, exist_ok=True)
        self.sh('mount', top, FOLDER)
        self.make_file()
        self.expect_dsync_reaches(source)
        self.copy(name, getattr(target, 'path', target), '--id', name, '--force', '--scratch', self.disk(SCRATCH))
        self.wait_status(name, 'ready')
        self.expect_dsync_reaches(source, target)
        self.pivot(name)
        self.expect_dsync_reaches(target)
        self.sh('umount', FOLDER)
        self.remove_holders(name)
        self.dmjob('detach', name)

    @staticmethod
    def make_file():
        with open(f'{FOLDER}/file', 'wb') as file:
            file.write(bytes(1 << 20))
            file.flush()
            os.fsync(file.fileno())

    def expect_dsync_reaches(self, *disks):
        """Past the page cache, over blocks that are there: a FUA where the device on top says that it has it."""
        before = [self.barriers(disk) for disk in disks]
        file = os.open(f'{FOLDER}/file', os.O_WRONLY | os.O_DIRECT | os.O_DSYNC)
        buffer = mmap.mmap(-1, 4096)
        for block in range(4):
            os.pwrite(file, buffer, block * 4096)
        os.close(file)
        for disk, count in zip(disks, before):
            self.assertGreaterEqual(self.barriers(disk), count + 4, disk)

    def barriers(self, disk):
        return disk.barriers() if isinstance(disk, WriteLog) else self.flushes(disk)


if __name__ == '__main__':
    harness.main()
