# SPDX-License-Identifier: LGPL-2.1-or-later
"""Time until an idle volume of 1 GiB is equal on two disks: dmjob, and its peers, in turn on the same disks."""
import statistics
import time

import harness
from report import report

ROUNDS = 3
SIZE = 1 << 30
SECTORS = SIZE // 512


class Ready(harness.KernelTest):
    def test_ready(self):
        self.source, self.target, self.other = self.disk(0), self.disk(1), self.disk(2)
        self.sh('modprobe -a dm-clone 2>/dev/null; true')
        self.linear('vol', self.source, 0, SECTORS)
        self.sh(self._program('stamp'), 'fill', '/dev/mapper/vol', timeout=600)
        self.start_daemon()
        peers = [self.dmjob_copy, self.dd, self.raw_mirror, self.clone, self.clone_tuned]
        times = {peer.__name__: [] for peer in peers}
        for _ in range(ROUNDS):
            for peer in peers:
                times[peer.__name__].append(peer())
        self.stop_daemon()
        self.dm_remove('vol')
        times['pvmove'] = [self.pvmove() for _ in range(ROUNDS)]
        report('Idle 1 GiB volume: time until both disks are equal, median of 3', 'seconds',
               [(name.replace('_', ' '), statistics.median(values)) for name, values in times.items()])

    def clock(self, action):
        self.sh('echo 3 > /proc/sys/vm/drop_caches; true')
        start = time.monotonic()
        action()
        return time.monotonic() - start

    def dmjob_copy(self):
        taken = self.clock(lambda: self.dmjob('copy', 'vol', self.target, '--id', 'bench', '--scratch', self.other,
                                              '--force', '--wait', timeout=600))
        self.dmjob('cancel', 'bench', '--force')
        return taken

    def dd(self):
        return self.clock(lambda: self.sh('dd', 'if=/dev/mapper/vol', f'of={self.target}', 'bs=4M', 'iflag=direct',
                                          'oflag=direct', 'conv=fsync', timeout=600))

    def until(self, done):
        while not done():
            time.sleep(0.05)

    def raw_mirror(self):
        def copy():
            self.dm_create('peer', f'0 {SECTORS} mirror core 1 128 2 {self.source} 0 {self.target} 0 1 handle_errors')
            self.until(lambda: f'{SECTORS // 128}/{SECTORS // 128}' in self.dm_status('peer'))
        taken = self.clock(copy)
        self.dm_remove('peer')
        return taken

    def clone(self, *options):
        self.sh(f'dd if=/dev/zero of={self.other} bs=1M count=4 oflag=direct')

        def copy():
            self.dm_create('peer', f'0 {SECTORS} clone {self.other} {self.target} {self.source} 128 {" ".join(options)}')
            self.until(lambda: f' {SECTORS // 128}/{SECTORS // 128} ' in self.dm_status('peer'))
        taken = self.clock(copy)
        self.dm_remove('peer')
        return taken

    def clone_tuned(self):
        return self.clone('0', '4', 'hydration_threshold', '256', 'hydration_batch_size', '16')

    def pvmove(self):
        config = '--config', 'activation{udev_rules=0 udev_sync=0 checks=0} devices{use_devicesfile=0}'
        for disk in (self.source, self.target):
            self.sh('wipefs', '-qa', disk)
        self.sh('vgcreate', *config, '-y', 'vg', self.source, self.target)
        self.sh('lvcreate', *config, '-y', '-Wn', '-Zn', '-n', 'lv', '-L', '1G', 'vg', self.source)
        taken = self.clock(lambda: self.sh('pvmove', *config, '-i', '1', self.source, self.target, timeout=900))
        self.sh('vgremove', *config, '-ffy', 'vg')
        return taken


if __name__ == '__main__':
    harness.main()
