# SPDX-License-Identifier: LGPL-2.1-or-later
"""Instant restore: from a read-only disk until the volume is on its own disk, idle: dmjob's overlay and stream, and
dm-clone's hydration, as it comes and tuned."""
import harness
from peers import MIB, Peers

SIZE = 960 * MIB
SECTORS = SIZE // 512
REGION = 128  # sectors, of dm-clone


class Stream(Peers):
    def test_stream(self):
        self.target, self.other = self.disk(1), self.disk(2)
        self.sh('modprobe -a dm-clone 2>/dev/null; true')
        self.backing = self.linear('backing', self.disk(0), 0, SECTORS)
        self.fill(self.backing)
        self.start_daemon()
        self.run_in_turn('A volume of 960 MiB made independent of its backing disk, median of 3',
                         [self.dmjob_stream, self.clone, self.clone_tuned])

    def dmjob_stream(self):
        def restore():
            self.dmjob('overlay', 'vol', self.backing, '--scratch', self.other, '--force')
            self.dmjob('stream', 'vol', self.target, '--force', '--wait', timeout=600)
        taken = self.measure(restore)
        self.dmjob('detach', 'vol')
        return taken

    def clone(self, *options):
        self.sh(f'dd if=/dev/zero of={self.other} bs=1M count=4 oflag=direct')

        def hydrate():
            table = f'0 {SECTORS} clone {self.other} {self.target} {self.backing} {REGION} {" ".join(options)}'
            self.dm_create('peer', table)
            self.until(lambda: f' {SECTORS // REGION}/{SECTORS // REGION} ' in self.dm_status('peer'))
        taken = self.measure(hydrate)
        self.dm_remove('peer')
        return taken

    def clone_tuned(self):
        return self.clone('0', '4', 'hydration_threshold', '256', 'hydration_batch_size', '16')


if __name__ == '__main__':
    harness.main()
