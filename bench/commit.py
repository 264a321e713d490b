# SPDX-License-Identifier: LGPL-2.1-or-later
"""256 MiB that were written after a snapshot are merged into the disk below: dmjob commit, and lvconvert --merge."""
import harness
from peers import MIB, Peers

SIZE = 960 * MIB
CHANGED = 256  # MiB


class Commit(Peers):
    def test_commit(self):
        self.start_daemon()
        self.run_in_turn(f'{CHANGED} MiB of changes merged, median of 3', [self.dmjob_commit, self.lvconvert_merge])

    def change(self, path):
        self.sh('dd', 'if=/dev/urandom', f'of={path}', 'bs=1M', f'count={CHANGED}', 'oflag=direct', 'conv=fsync',
                timeout=600)

    def dmjob_commit(self):
        self.sh('wipefs', '-qa', self.source)
        self.dmjob('attach', 'vol', self.source)
        self.dmjob('snapshot', 'vol', '--scratch', self.target, '--force')
        self.change('/dev/mapper/vol')
        taken = self.measure(lambda: self.dmjob('commit', 'vol', '--pivot', timeout=600))
        self.dmjob('detach', 'vol')
        return taken

    def lvconvert_merge(self):
        self.make_vg(self.source, self.target)
        self.lvm('lvcreate', '-y', '-Wn', '-Zn', '-n', 'lv', '-L', f'{SIZE}b', 'vg', self.source)
        self.lvm('lvcreate', '-y', '-s', '-n', 'snap', '-L', f'{CHANGED + 32}M', 'vg/lv', self.target)
        self.change('/dev/vg/snap')
        # A merge into an LV begins when the two are activated next.
        self.lvm('vgchange', '-an', 'vg')
        self.lvm('lvconvert', '-y', '--merge', 'vg/snap')

        def merge():
            self.lvm('vgchange', '-ay', 'vg')
            self.until(lambda: 'snapshot-merge' not in self.sh('dmsetup', 'table', 'vg-lv').stdout)
        taken = self.measure(merge)
        self.lvm('vgremove', '-ffy', 'vg')
        return taken


if __name__ == '__main__':
    harness.main()
