# SPDX-License-Identifier: LGPL-2.1-or-later
"""Instant restore: from a read-only disk until the volume is on its own disk, idle: dmjob's overlay and stream, and
dm-clone's hydration, as it comes and tuned."""
import harness
from peers import MIB, Peers

SIZE = 960 * MIB
SECTORS = SIZE // 512


class Stream(Peers):
    def test_stream(self):
        self.backing = self.linear('backing', self.source, 0, SECTORS)
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

    def clone(self):
        return self.dm_clone(self.backing)

    def clone_tuned(self):
        return self.tuned_dm_clone(self.backing)


if __name__ == '__main__':
    harness.main()
