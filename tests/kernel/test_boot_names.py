# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Debian boot with systemd: whatever fstab names a volume's file system by, the volume is mounted, after dmjobd has
activated it, and the disk that it has left is never touched. The disks are partitions that only their entry in the
partition table names."""
import os
import re
import shutil
import time

import devices
import harness
from udev_host import UDEV, make_partition

MACHINE = dict(disks=['40M', '40M'], mem='512M', timeout=900, kernel='uml', init='systemd')
NAMES = ['UUID=11111111-2222-3333-4444-555555555555', 'LABEL=files', 'PARTUUID=00000001-01', '/dev/mapper/data']
# How often the machine is booted after the first time. A longer run is for people: what ctest -V -R boot_names shows,
# by hand, with `env DMJOB_BOOTS=19`.
BOOTS = int(os.environ.get('DMJOB_BOOTS', '4'))
UNIT = os.path.join(os.path.dirname(__file__), '../../systemd/dmjobd.service.in')
WHERE = '/srv'


class BootNamesTest(harness.KernelTest):
    def setUp(self):
        super().setUp()
        self.etc = os.path.join(self.lasting_dir(), 'etc')
        self.state_dir = os.path.join(self.lasting_dir(), 'state')
        self.old, self.new = self.disk(0) + '1', self.disk(1) + '1'

    def test_the_volume_is_mounted_however_fstab_names_it(self):
        if self.boot == 1:
            self.install()
            self.make_volume()
        else:
            self.expect_the_volume_is_mounted()
            self.move_on()
        if self.boot <= BOOTS:
            self.write_fstab(NAMES[(self.boot - 1) % len(NAMES)])
            self.cut_power()

    def install(self):
        """As the program's installation, in the /etc of the next boots."""
        rules = os.path.join(self.etc, 'udev/rules.d')
        wants = os.path.join(self.etc, 'systemd/system/sysinit.target.wants')
        os.makedirs(rules)
        os.makedirs(wants)
        for name in '11-dmjob.rules', '59-dmjob.rules':
            shutil.copy(os.path.join(UDEV, name), rules)
        start = f'ExecStart={self._program("dmjobd")} --state-dir {self.state_dir}'
        with open(UNIT) as source, open(os.path.join(wants, '../dmjobd.service'), 'w') as unit:
            unit.write(re.sub(r'(?m)^ExecStart=.*$', start, source.read()).replace('Wants=dmjobd.socket\n', ''))
        os.symlink('../dmjobd.service', os.path.join(wants, 'dmjobd.service'))
        self.sh('mount', '--bind', rules, '/etc/udev/rules.d')
        self.sh('udevadm', 'control', '--reload')

    def make_volume(self):
        for number in 0, 1:
            make_partition(self.disk(number), number + 1)
        self.sh('udevadm', 'settle')
        self.start_daemon()
        self.dmjob('attach', 'data', self.old)
        self.sh('mkfs.ext4', '-q', '-U', NAMES[0][5:], '-L', 'files', '/dev/mapper/data')
        self.sh('mount', '/dev/mapper/data', WHERE)
        self.note()
        self.dmjob('copy', 'data', self.new, '--pivot')
        self.note()
        self.sh('umount', WHERE)
        with open(f'{self.lasting_dir()}/fingerprint', 'w') as file:
            file.write(devices.fingerprint(self.old))

    def note(self):
        with open(f'{WHERE}/boots', 'a') as file:
            print(self.boot, file=file, flush=True)
            os.fsync(file.fileno())

    def write_fstab(self, name):
        with open(os.path.join(self.etc, 'fstab'), 'w') as file:
            file.write(f'{name} {WHERE} ext4 x-systemd.device-timeout=300 0 2\n')
        os.sync()

    def expect_the_volume_is_mounted(self):
        with open('/proc/self/mountinfo') as file:
            mounted = [line.split(' - ')[1].split()[1] for line in file if f' {WHERE} ' in line]
        self.assertEqual([os.path.realpath(name) for name in mounted], [os.path.realpath('/dev/mapper/data')],
                         self.sh('systemctl', '--failed', check=False).stdout)
        with open(f'{WHERE}/boots') as file:
            noted = file.read().split()
        self.assertEqual(noted, ['1', '1', *map(str, range(2, self.boot))])
        self.assertEqual(self.managed_volumes()['data']['active'], True)
        with open(f'{self.lasting_dir()}/fingerprint') as file:
            self.assertEqual(devices.fingerprint(self.old), file.read(), 'the old disk was written to')

    def move_on(self):
        """The power is cut at some moment of a copy to the old disk, or after it was cancelled."""
        self.note()
        if self.boot % 2 == 0:
            return
        self.dmjob('copy', 'data', self.old, '--force', '--id', 'back')
        time.sleep(self.boot / 10)
        self.dmjob('cancel', 'back', '--force', check=False)
        self.wait_for(lambda: not self.list(), 60, 'the job to be gone')
        with open(f'{self.lasting_dir()}/fingerprint', 'w') as file:
            file.write(devices.fingerprint(self.old))


if __name__ == '__main__':
    harness.main()
