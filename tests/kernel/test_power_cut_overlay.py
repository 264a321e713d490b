# SPDX-License-Identifier: LGPL-2.1-or-later
"""The power goes while what was written to a volume is in a scratch, or moves from there to a disk, bit by bit. See
test_power_cut: here both disks together are to have what was acknowledged as durable."""
import os
import struct

import devices
import harness
import state_edit
from copying import CopyingTest
from flush_story import set_cache
from fsync_writer import BLOCK, SLOTS, RawWriter, lost_in
from write_log import Replay, WriteLog, cuts_of, marks_of, spread

MACHINE = dict(disks=['24M', '24M', '96M', '96M', '24M', '24M'], mem='512M', timeout=240, kernel='uml')
SOURCE, TARGET, SOURCE_LOG, TARGET_LOG, SCRATCH, CHECKPOINTS = range(6)
IMAGE = '/tmp/image'
FIXED = 16 << 20  # where the disk keeps what it had
CUTS = 8


class OverlayPowerCutTest(CopyingTest):
    def place(self):
        """By the record, where the volume would be looked for after a boot: the stage of the overlay, and its origin."""
        volume = state_edit.read(self.state_dir)['volumes'][0]
        overlay = volume.get('overlay')
        return overlay['stage'] if overlay else 'none', volume['device']

    @staticmethod
    def allow_little_in_flight():
        """Into a scratch: else a small one holds writes early."""
        with open('/sys/module/dm_snapshot/parameters/snapshot_cow_threshold', 'w') as parameter:
            parameter.write('64')

    def cow_place(self):
        """Offset and length of the snapshot's store on its disk, in sectors."""
        name = next(name for name in devices.dm_names() if name.endswith('-vcow'))
        lines = [line.split() for line in devices.dm_table(name).splitlines()]
        return int(lines[0][4]), sum(int(line[1]) for line in lines)

    def fill_slots(self):
        """What has a place in the scratch already is written without a flush of the kernel's own."""
        self.write(devices.dm_path('vol'), 0, bytes(SLOTS * BLOCK))

    def test_a_snapshot_and_its_merge(self):
        disk = WriteLog('source', self.disk(SOURCE), self.disk(SOURCE_LOG))
        scratch = WriteLog('scratch', self.disk(SCRATCH), self.disk(TARGET_LOG))
        self.allow_little_in_flight()
        self.sh('cp', self.disk(SOURCE), f'{IMAGE}.backing')
        volume = self.attach('vol', disk.path)
        # The scratch first: what is merged between the two marks is on both.
        writer = RawWriter(self.linear('top', volume), [scratch, disk], self.place)
        writer.start()
        writer.more(5)
        self.dmjob('snapshot', 'vol', '--scratch', scratch.path)
        begun = len(writer.places)
        place = self.cow_place()
        self.write(volume, 1 << 20, os.urandom(12 << 20))  # something to merge
        writer.more(5)
        self.dmjob('commit', 'vol', '--pivot', '--id', 'j')
        writer.more(5)
        writer.end()
        self.assertEqual({'holding', 'none'} - {stage for stage, _ in writer.places}, set())
        self.dm_remove('top')
        self.dmjob('detach', 'vol')
        disk.end()
        scratch.end()
        self.expect_both_kept(disk, scratch, writer.places, begun, place)

    def test_an_overlay_and_its_stream(self):
        self.allow_little_in_flight()
        backing = self.disk(SOURCE)
        self.write(backing, FIXED, os.urandom(SLOTS * BLOCK))
        self.sh('cp', backing, f'{IMAGE}.backing')
        target = WriteLog('target', self.disk(TARGET), self.disk(SOURCE_LOG))
        scratch = WriteLog('scratch', self.disk(SCRATCH), self.disk(TARGET_LOG))
        self.dmjob('overlay', 'vol', backing, '--target', target.path, '--scratch', scratch.path)
        place = self.cow_place()
        self.fill_slots()
        writer = RawWriter(self.linear('top', devices.dm_path('vol')), [scratch, target], self.place)
        writer.start()
        writer.more(5)
        self.dmjob('stream', 'vol', '--id', 'j', '--speed', '64K', '--scratch', self.disk(CHECKPOINTS))
        self.wait_offset('j', 1)
        writer.more(5)
        self.dmjob('speed', 'j', '0')
        self.dmjob('wait', 'j')
        writer.more(8)
        writer.end()
        self.dm_remove('top')
        self.dmjob('detach', 'vol')
        target.end()
        scratch.end()
        self.assertEqual(writer.places[-1], ('none', target.path))
        self.expect_both_kept(target, scratch, writer.places, 0, place)

    def test_a_snapshot_of_a_disk_without_a_cache_into_one_with_it(self):
        self.allow_little_in_flight()
        set_cache(self.disk(SOURCE), 'write through')
        scratch = WriteLog('scratch', self.disk(SCRATCH), self.disk(TARGET_LOG))
        volume = self.attach('vol', self.disk(SOURCE))
        writer = RawWriter(self.linear('top', volume), [scratch], self.place)
        self.dmjob('snapshot', 'vol', '--scratch', scratch.path)
        place = self.cow_place()
        self.fill_slots()
        writer.start()
        writer.more(20)
        writer.end()
        self.dm_remove('top')
        self.dmjob('rollback', 'vol')
        self.dmjob('detach', 'vol')
        scratch.end()
        self.sh('cp', self.disk(SOURCE), IMAGE)  # which nobody has written to
        replay = Replay(scratch, f'{IMAGE}.scratch')
        before_rollback = [cut for cut in cuts_of(scratch) if cut[2] is not None]
        for count, number, _ in spread(before_rollback, CUTS):
            replay.to(count)
            self.assertEqual(lost_in(self.read_snapshot(IMAGE, place)[0], number), [], f'with {number} durable')
        replay.close()

    def expect_both_kept(self, disk, scratch, record, begun, place):
        """Where the record says, at marks from one on."""
        marks = [marks_of(scratch), marks_of(disk)]
        replays = [Replay(scratch, f'{IMAGE}.scratch'), Replay(disk, IMAGE)]
        for number in spread(range(begun, len(record)), CUTS):
            for replay, places in zip(replays, marks):
                replay.to(places[number])
            stage, origin = record[number]
            image = IMAGE if origin == disk.path else f'{IMAGE}.backing'
            found = self.read_snapshot(image, place) if stage in ('holding', 'merging') else self.read_image(image)
            self.assertEqual(lost_in(found[0], number), [], f'with {number} durable, {record[number]}')
            self.assertEqual(found[1], self.read_image(f'{IMAGE}.backing')[1], f'with {number} durable, {record[number]}')

    @staticmethod
    def read_image(path):
        """The slots, and what nobody has written to since the beginning."""
        with open(path, 'rb') as file:
            return os.pread(file.fileno(), SLOTS * BLOCK, 0), os.pread(file.fileno(), SLOTS * BLOCK, FIXED)

    def read_snapshot(self, image, place):
        """The disk alone, if the merge has taken the mark of a snapshot off the scratch."""
        offset, length = place
        with open(f'{IMAGE}.scratch', 'rb') as file:
            file.seek(offset * 512)
            if file.read(4) != b'SnAp':
                return self.read_image(image)
        loops = []
        for name in (image, f'{IMAGE}.scratch'):
            self.sh('cp', name, f'{name}.cut')
            loops.append(self.sh('losetup', '--find', '--show', f'{name}.cut').stdout.strip())
        store = self.linear('store', loops[1], offset, length)
        with open(store, 'rb') as file:
            chunk = struct.unpack('<4L', file.read(16))[3]
        found = self.dm_create('found', f'0 {self.sectors(loops[0])} snapshot {loops[0]} {store} P {chunk}')
        both = self.read_image(found)
        for name in ('found', 'store'):
            self.dm_remove(name)
        self.sh('losetup', '--detach', *loops)
        return both


if __name__ == '__main__':
    harness.main()
