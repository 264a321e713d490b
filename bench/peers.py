# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the comparisons of whole jobs have in common: a clock, a count of what the disks did, and LVM."""
import statistics
import time

import harness
from report import report

ROUNDS = 3
MIB = 1 << 20
# LVM looks once a second whether it is done, as often as it can: by default every 15 seconds.
LVM = '--config', 'activation{udev_rules=0 udev_sync=0 checks=0 polling_interval=1} devices{use_devicesfile=0}'


class Peers(harness.KernelTest):
    """Each contender is a method that returns what measure() gave it; all work on the same disks, in turn."""

    def setUp(self):
        super().setUp()
        self.source, self.target, self.other = (self.disk(number) for number in range(3))
        self.sh('modprobe -a dm-clone 2>/dev/null; true')

    def run_in_turn(self, title, contenders):
        runs = {contender.__name__: [] for contender in contenders}
        for _ in range(ROUNDS):
            for contender in contenders:
                runs[contender.__name__].append(contender())
        report(title, 'seconds', [self.row(name.replace('_', ' '), values) for name, values in runs.items()])

    @staticmethod
    def row(name, values):
        seconds, read, written = (statistics.median(column) for column in zip(*values))
        return f'{name} (read {read:.0f} MiB, written {written:.0f})', seconds

    def measure(self, action):
        """(seconds, MiB read, MiB written) by all disks."""
        self.sh('echo 3 > /proc/sys/vm/drop_caches; true')
        before = self.moved()
        start = time.monotonic()
        action()
        taken = time.monotonic() - start
        self.sh('sync')
        return taken, *(after - earlier for after, earlier in zip(self.moved(), before))

    def moved(self):
        disks = [self.diskstats(self.disk(number)) for number in range(3)]
        return [sum(disk[f'sectors_{what}'] for disk in disks) * 512 / MIB for what in ('read', 'written')]

    @staticmethod
    def until(done):
        while not done():
            time.sleep(0.05)

    def dm_clone(self, source, *options):
        """Until all regions of 64 KiB are hydrated."""
        self.sh(f'dd if=/dev/zero of={self.other} bs=1M count=4 oflag=direct')
        sectors = self.sectors(source)

        def hydrate():
            self.dm_create('peer', f'0 {sectors} clone {self.other} {self.target} {source} 128 {" ".join(options)}')
            self.until(lambda: f' {sectors // 128}/{sectors // 128} ' in self.dm_status('peer'))
        taken = self.measure(hydrate)
        self.dm_remove('peer')
        return taken

    def tuned_dm_clone(self, source):
        return self.dm_clone(source, '0', '4', 'hydration_threshold', '256', 'hydration_batch_size', '16')

    def lvm(self, command, *words, **options):
        return self.sh(command, *LVM, *words, **options)

    def make_vg(self, *disks):
        for disk in disks:
            self.sh('wipefs', '-qa', disk)
        self.lvm('vgcreate', '-y', 'vg', *disks)

    def fill(self, path):
        self.sh(self._program('stamp'), 'fill', path, timeout=600)
