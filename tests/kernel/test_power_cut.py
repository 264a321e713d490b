# SPDX-License-Identifier: LGPL-2.1-or-later
"""The power goes while a volume moves, and each disk's cache loses what was not flushed: whatever was acknowledged as
durable is on the disk that the daemon's record names. dm-log-writes tells what each disk would have at each moment."""
import os

import devices
import harness
import state_edit
from copying import CopyingTest
from flush_story import set_cache
from fsync_writer import BLOCK, SLOTS, FileWriter, lost_files, lost_in
from write_log import FLUSH, FUA, Replay, WriteLog, cuts_of, spread

MACHINE = dict(disks=['24M', '24M', '96M', '96M', '24M'], mem='512M', timeout=240, kernel='uml')
SOURCE, TARGET, SOURCE_LOG, TARGET_LOG, SCRATCH = range(5)
IMAGE, MOUNTED, FOLDER = '/tmp/image', '/tmp/mounted', '/tmp/folder'
CUTS = 8  # of each disk


class PowerCutTest(CopyingTest):
    def place(self):
        """The disk that the volume would be on after a boot."""
        return next(volume['device'] for volume in state_edit.read(self.state_dir)['volumes'])

    def mount(self, device):
        self.sh('mkfs.ext4', '-q', device)
        os.makedirs(FOLDER)
        self.sh('mount', device, FOLDER)

    def move(self, source, target, logs):
        """A volume under a writer, through all phases of a copy. Returns the writer, which has ended."""
        volume = self.attach('vol', source)
        self.mount(self.linear('top', volume))
        writer = FileWriter(FOLDER, logs, self.place)
        writer.start()
        self.copy('vol', target.path, '--id', 'j', '--speed', '64K', '--scratch', self.disk(SCRATCH))
        self.wait_offset('j', 1)
        writer.more(4)
        self.dmjob('speed', 'j', '0')
        self.wait_status('j', 'ready')
        writer.more(4)
        self.pivot('j')
        writer.more(6)
        writer.end()
        self.sh('umount', FOLDER)
        self.dm_remove('top')
        self.dmjob('detach', 'vol')
        return writer

    def expect_kept(self, log, writer):
        """At each moment in which the record names this disk."""
        log.end()
        ours = [place == log.path for place in writer.places]
        cuts = [cut for cut in cuts_of(log) if self.counts(ours, *cut[1:])]
        self.assertGreater(len(cuts), CUTS)
        replay = Replay(log, IMAGE)
        for count, number, _ in spread(cuts, CUTS):
            replay.to(count)
            self.assertEqual(self.lost(number), ([], []), f'{log.name} after {count} entries, with {number} durable')
        replay.close()

    @staticmethod
    def counts(ours, last, following):
        """It is the volume's disk from the one mark to the next one."""
        return ours[last] and (following is None or ours[following])

    def lost(self, number):
        """As after a boot: the file system's journal is replayed. Of a copy, since that writes."""
        self.sh('cp', IMAGE, f'{IMAGE}.cut')
        os.makedirs(MOUNTED, exist_ok=True)
        self.sh('mount', '-o', 'loop', f'{IMAGE}.cut', MOUNTED)
        try:
            with open(f'{MOUNTED}/slots', 'rb') as file:
                return lost_in(file.read(SLOTS * BLOCK), number), lost_files(MOUNTED, number)
        finally:
            self.sh('umount', MOUNTED)

    def expect_fua(self, log):
        """Without a flush: what was written so depends on it."""
        self.assertTrue(any(flags & (FUA | FLUSH) == FUA for flags, _ in log.kinds()))

    def test_a_copy_from_its_start_to_after_its_pivot(self):
        source = WriteLog('source', self.disk(SOURCE), self.disk(SOURCE_LOG))
        target = WriteLog('target', self.disk(TARGET), self.disk(TARGET_LOG))
        writer = self.move(source.path, target, [source, target])
        self.expect_kept(source, writer)
        self.expect_kept(target, writer)
        self.expect_fua(source)
        self.expect_fua(target)

    def test_a_copy_from_a_disk_without_a_cache_to_one_with_it(self):
        set_cache(self.disk(SOURCE), 'write through')
        target = WriteLog('target', self.disk(TARGET), self.disk(TARGET_LOG))
        writer = self.move(self.disk(SOURCE), target, [target])
        self.expect_kept(target, writer)

    def test_what_nobody_flushes_is_seen_to_be_lost(self):
        """The judge, judged."""
        disk = WriteLog('disk', self.disk(SOURCE), self.disk(SOURCE_LOG))
        top = self.linear('top', disk.path)
        self.mount(top)
        writer = FileWriter(FOLDER, [disk], lambda: disk.path)
        set_cache(top, 'write through')
        writer.start()
        writer.more(12)
        writer.end()
        self.sh('umount', '-l', FOLDER)
        self.dm_remove('top')
        with self.assertRaisesRegex(AssertionError, 'with .* durable'):
            self.expect_kept(disk, writer)


if __name__ == '__main__':
    harness.main()
