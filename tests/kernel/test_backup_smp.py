# SPDX-License-Identifier: LGPL-2.1-or-later
"""Backups of two volumes, of one instant, on more than one processor."""
import harness
import instant
from copying import CopyingTest
from order_writer import OrderWriter

MACHINE = dict(disks=['48M', '48M', '96M', '96M'], mem='512M', timeout=300, kernel='qemu')
STAMPED = 40 << 20  # what the stamping writer writes to; behind it is the block of the OrderWriter


class BackupSmpTest(CopyingTest):
    def test_two_volumes_of_one_instant(self):
        volumes = [self.attach(name, self.disk(i)) for i, name in enumerate('ab')]
        tables = [self.dm_table(name) for name in 'ab']
        targets = [self.disk(2), self.disk(3)]  # with scratch in their tails
        with self.writer(volumes[0], options=('--length', str(STAMPED))) as writer, \
                OrderWriter(*volumes, STAMPED) as order:
            before = instant.last(writer.log, '<')
            self.dmjob('backup', 'a', targets[0], 'b', targets[1], '--force', '--wait', timeout=250)
            first, second = (order.read(target) for target in targets)
            self.assertIn(first - second, (0, 1))
            self.assertGreater(second, 0)
            number = instant.newest_number(targets[0], STAMPED)
            self.assertGreaterEqual(number, before)
        instant.cut(writer.log, number, f'{writer.log}.cut')
        writer.verify(volumes[0])
        writer.log = f'{writer.log}.cut'
        writer.verify(self.linear('view', targets[0], length=STAMPED // 512))
        self.dm_remove('view')
        self.assertEqual([self.dm_table(name) for name in 'ab'], tables)
        self.nothing_left(volumes='ab')


if __name__ == '__main__':
    harness.main()
