# SPDX-License-Identifier: LGPL-2.1-or-later
"""The longest write of a 4 KiB writer within each switch of a copy's life, and when its target fails.

A window is what lies between two looks at the job: what happens in it besides the switch (a rotation comes right
before the hand-over) counts as well. The window without a switch tells what the machine itself does.
"""
import mmap
import os
import random
import statistics
import threading
import time

import harness
from report import report

ROUNDS = 5
SIZE = 256 << 20
WINDOWS = ('no switch (idle machine)', 'interpose', 'rotate', 'rotate + hand over', 'leave a failed target', 'pivot')


class Writer(threading.Thread):
    """Writes 4 KiB somewhere, again and again, and notes when each write began and how long it took."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.fd = os.open(path, os.O_RDWR | os.O_DIRECT)
        self.buffer = mmap.mmap(-1, 4096)
        self.writes = []
        self.running = True

    def run(self):
        while self.running:
            start = time.monotonic()
            os.pwrite(self.fd, self.buffer, random.randrange(SIZE // 4096) * 4096)
            self.writes.append((start, time.monotonic() - start))
            time.sleep(0.002)

    def worst(self, window):
        begin, end = window
        return max((taken for start, taken in self.writes if begin <= start + taken and start <= end), default=0.0)


class Stalls(harness.KernelTest):
    def test_stalls(self):
        self.start_daemon()
        worst = {name: [] for name in WINDOWS}
        for number in range(ROUNDS):
            for name, value in self.one_round(number).items():
                worst[name].append(value * 1000)
        report('Longest 4 KiB write within each switch, median of 5', 'ms',
               [(name, statistics.median(values)) for name, values in worst.items()])

    def one_round(self, number):
        disks = self.disk(0), self.disk(1)
        old, new = disks if number % 2 == 0 else disks[::-1]
        sectors = SIZE // 512
        self.linear('old', old, 0, sectors)
        self.linear('target', new, 0, sectors)
        self.dmjob('attach', 'vol', '/dev/mapper/old')
        writer = Writer('/dev/mapper/vol')
        writer.start()
        windows = self.life_of_a_copy()
        writer.running = False
        writer.join()
        os.close(writer.fd)
        self.dmjob('detach', 'vol')
        self.dm_remove('old')
        self.dm_remove('target')
        return {name: writer.worst(window) for name, window in windows.items()}

    def window(self, action, until, settle=0.2):
        start = time.monotonic()
        action()
        self.wait_for(until, 60, 'the switch')
        time.sleep(settle)
        return start, time.monotonic()

    def phase(self):
        return self.info('job')['phase']

    def life_of_a_copy(self):
        windows = {}
        windows[WINDOWS[0]] = self.window(lambda: time.sleep(1), lambda: True)
        windows['interpose'] = self.window(
            lambda: self.dmjob('copy', 'vol', '/dev/mapper/target', '--id', 'job', '--scratch', self.disk(2), '--force',
                               '--speed', '16M', '--on-target-error', 'stop'), lambda: self.phase() == 'bulk')
        self.dmjob('speed', 'job', '48M')
        self.wait_for(lambda: self.info('job')['dirty'] < 24 << 20, 60, 'the end of the bulk copy')
        windows['rotate'] = self.window(lambda: None, lambda: self.phase() != 'bulk')
        windows['rotate + hand over'] = self.window(lambda: self.dmjob('speed', 'job', '0'),
                                                    lambda: self.info('job')['status'] == 'ready')
        windows['leave a failed target'] = self.window(self.break_target, lambda: self.info('job')['status'] == 'standby')
        self.heal_target()
        self.dmjob('resume', 'job')
        self.wait_for(lambda: self.phase() == 'ready', 60, 'the copy to be equal again')
        time.sleep(0.5)
        windows['pivot'] = self.window(lambda: self.dmjob('complete', 'job', '--wait'), lambda: True)
        return windows


if __name__ == '__main__':
    harness.main()
