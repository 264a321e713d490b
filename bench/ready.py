# SPDX-License-Identifier: LGPL-2.1-or-later
"""Time until an idle volume of 1 GiB is equal on two disks: dmjob, and its peers."""
import harness
from peers import Peers

SECTORS = (1 << 30) // 512
VOLUME = '/dev/mapper/vol'


class Ready(Peers):
    def test_ready(self):
        self.linear('vol', self.source, 0, SECTORS)
        self.fill(VOLUME)
        self.start_daemon()
        self.run_in_turn('Idle 1 GiB volume: time until both disks are equal, median of 3',
                         [self.dmjob_copy, self.dd, self.raw_mirror, self.clone, self.clone_tuned, self.pvmove])

    def dmjob_copy(self):
        taken = self.measure(lambda: self.dmjob('copy', 'vol', self.target, '--id', 'bench', '--scratch', self.other,
                                                '--force', '--wait', timeout=600))
        self.dmjob('cancel', 'bench', '--force')
        return taken

    def dd(self):
        return self.measure(lambda: self.sh('dd', f'if={VOLUME}', f'of={self.target}', 'bs=4M', 'iflag=direct',
                                            'oflag=direct', 'conv=fsync', timeout=600))

    def raw_mirror(self):
        def copy():
            self.dm_create('peer', f'0 {SECTORS} mirror core 1 128 2 {self.source} 0 {self.target} 0 1 handle_errors')
            self.until(lambda: f'{SECTORS // 128}/{SECTORS // 128}' in self.dm_status('peer'))
        taken = self.measure(copy)
        self.dm_remove('peer')
        return taken

    def clone(self):
        return self.dm_clone(VOLUME)

    def clone_tuned(self):
        return self.tuned_dm_clone(VOLUME)

    def pvmove(self):
        self.dm_remove('vol')
        self.make_vg(self.source, self.target)
        self.lvm('lvcreate', '-y', '-Wn', '-Zn', '-n', 'lv', '-L', '1G', 'vg', self.source)
        taken = self.measure(lambda: self.lvm('pvmove', self.source, self.target, timeout=900))
        self.lvm('vgremove', '-ffy', 'vg')
        self.linear('vol', self.source, 0, SECTORS)
        return taken


if __name__ == '__main__':
    harness.main()
