# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of overlays and snapshots have in common. No test in here.

    vol     over disk 0, which is full of stamps
    target  a linear volume over disk 1, larger than vol: its tail has the checkpoints of a stream
    disk 2  scratch: small, so that it is full soon
"""
import hashlib
import os

import devices
import harness

MIB = 1 << 20


class OverlayStory(harness.KernelTest):
    target_uuid = 'the-target'  # by which it is known after a boot

    def begin(self, *daemon):
        """A daemon, and stamps on the backing disk."""
        self.backing, self.scratch_disk, self.vol = self.disk(0), self.disk(2), '/dev/mapper/vol'
        self.allow_little_in_flight()
        self.target = self.dm_create('target', self._linear_table(self.disk(1), 0, None), uuid=self.target_uuid)
        self.scratch = self.make_scratch()
        self.state_dir = os.path.join(self.lasting_dir(), 'state')
        self.start_daemon(*daemon)
        self.log = os.path.join(self.lasting_dir(), 'stamp.log')
        if self.boot == 1:
            self.sh(self._program('stamp'), 'fill', self.backing)
            self.before = self.digest(self.backing)

    def make_scratch(self):
        """At each boot."""
        return self.linear('scratch', self.scratch_disk)

    @staticmethod
    def allow_little_in_flight():
        """Of what the kernel lets be on its way into a scratch: its margin shrinks to 4 MiB and a bit."""
        with open('/sys/module/dm_snapshot/parameters/snapshot_cow_threshold', 'w') as parameter:
            parameter.write('64')

    def overlay(self, *options, scratch=None):
        self.dmjob('overlay', 'vol', self.backing, '--scratch', scratch or self.scratch, *options)

    def snapshot(self, *options, scratch=None):
        """Of the volume over the same disk."""
        self.dmjob('attach', 'vol', self.backing)
        self.dmjob('snapshot', 'vol', '--scratch', scratch or self.scratch, *options)

    def start_writing(self, writes=300, size=48 * MIB, seconds=3600):
        """Of stamps, to the first so many bytes of the volume."""
        self.stamp = self.writer(self.vol, self.log, iops=writes, fill=False, seconds=seconds,
                                 options=('--offset', '0', '--length', str(size)))
        self.stamp.start()

    def until_held(self):
        self.wait_for(lambda: self.volume()['overlay']['held'], 60, 'the volume to be held')

    def until_used(self, size):
        self.wait_for(lambda: self.volume()['overlay']['used'] >= size, 60, f'{size} bytes in the scratch')

    def expect_written(self, where=None):
        self.stamp.stop()
        self.stamp.verify(where or self.vol)

    @staticmethod
    def digest(path):
        """Of all that is on a disk."""
        reader, digest = devices.DirectReader(path), hashlib.sha256()
        size = devices.size(path)
        for offset in range(0, size, devices.CHUNK):
            digest.update(reader.read(offset, min(devices.CHUNK, size - offset)))
        reader.close()
        return digest.hexdigest()

    def expect_backing_untouched(self):
        self.assertEqual(self.digest(self.backing), self.before, 'a byte of the backing disk has changed')

    @staticmethod
    def number(path):
        """MAJOR:MINOR"""
        number = os.stat(path).st_rdev
        return f'{os.major(number)}:{os.minor(number)}'

    def expect_flat(self, disk):
        """The volume is the disk and nothing else, and nothing of ours is left."""
        self.assertEqual(self.dm_table('vol'), f'0 {self.sectors(self.vol)} linear {self.number(disk)} 0')
        self.nothing_left(volumes=['vol'])
        self.assertNotIn('overlay', self.volume())

    def until_offset(self, size, job='j'):
        self.wait_for(lambda: self.info(job)['offset'] >= size, 60, f'{size} bytes to be copied')

    def until_phase(self, phase, job='j'):
        self.wait_for(lambda: self.info(job).get('phase') == phase, 60, lambda: f'phase {phase}: {self.info(job)}')

    def restart(self):
        self.kill_daemon()
        self.start_daemon()

    def restart_when_noted(self):
        self.kill_daemon_when_noted()
        self.start_daemon()

    def refused(self, *words):
        result = self.dmjob(*words, check=False)
        self.assertEqual((result.returncode, result.stdout), (1, ''), f'{words}: {result}')
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        return result.stderr

    def slow(self, milliseconds=50):
        """Each write to the target takes that long, so that a merge can be met half-way."""
        disk = self.disk(1)
        self.dm_switch('target', f'0 {self.sectors(disk)} delay {disk} 0 0 {disk} 0 {milliseconds}')

    def quick(self):
        self.dm_switch('target', f'0 {self.sectors(self.disk(1))} linear {self.disk(1)} 0')
