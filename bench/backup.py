# SPDX-License-Identifier: LGPL-2.1-or-later
"""A backup of an idle volume as of one instant: dmjob, an LVM snapshot with dd, and QEMU's blockdev-backup."""
import json
import os
import subprocess

import harness
from peers import MIB, Peers
from qmp_client import QmpClient

SIZE = 960 * MIB
SECTORS = SIZE // 512
QSD_SOCKET = '/run/qsd.sock'


class Backup(Peers):
    def test_backup(self):
        self.start_daemon()
        self.run_in_turn('Backup of an idle volume of 960 MiB, median of 3',
                         [self.dmjob_backup, self.lvm_snapshot_and_dd, self.qemu_storage_daemon])

    def dmjob_backup(self):
        self.linear('vol', self.source, 0, SECTORS)
        self.fill('/dev/mapper/vol')
        taken = self.measure(lambda: self.dmjob('backup', 'vol', self.target, '--scratch', self.other, '--force',
                                                '--wait', timeout=600))
        self.dm_remove('vol')
        return taken

    def lvm_snapshot_and_dd(self):
        self.make_vg(self.source, self.other)
        self.lvm('lvcreate', '-y', '-Wn', '-Zn', '-n', 'lv', '-L', f'{SIZE}b', 'vg', self.source)
        self.fill('/dev/vg/lv')

        def backup():
            self.lvm('lvcreate', '-y', '-s', '-n', 'snap', '-L', '48M', 'vg/lv', self.other)
            self.sh('dd', 'if=/dev/vg/snap', f'of={self.target}', 'bs=4M', 'iflag=direct', 'oflag=direct', 'conv=fsync',
                    timeout=600)
            self.lvm('lvremove', '-y', 'vg/snap')
        taken = self.measure(backup)
        self.lvm('vgremove', '-ffy', 'vg')
        return taken

    def qemu_storage_daemon(self):
        self.linear('vol', self.source, 0, SECTORS)
        self.linear('out', self.target, 0, SECTORS)
        self.fill('/dev/mapper/vol')
        nodes = [option for node, path in (('vol', '/dev/mapper/vol'), ('out', '/dev/mapper/out')) for option in (
            '--blockdev', json.dumps({'driver': 'host_device', 'node-name': node, 'filename': path, 'aio': 'native',
                                      'cache': {'direct': True}}))]
        with subprocess.Popen(['qemu-storage-daemon', *nodes, '--chardev',
                               f'socket,id=qmp,path={QSD_SOCKET},server=on,wait=off', '--monitor', 'qmp']) as process:
            self.until(lambda: os.path.exists(QSD_SOCKET))
            client = QmpClient(QSD_SOCKET, timeout=600)

            def backup():
                client.execute('blockdev-backup', job_id='b', device='vol', target='out', sync='full')
                client.until(lambda event: self.is_done(event))
            taken = self.measure(backup)
            client.close()
            process.terminate()
        self.dm_remove('vol')
        self.dm_remove('out')
        return taken

    def is_done(self, event):
        self.assertNotIn('error', event.get('data', {}))
        return event.get('event') == 'BLOCK_JOB_COMPLETED'


if __name__ == '__main__':
    harness.main()
