# SPDX-License-Identifier: LGPL-2.1-or-later
"""A volume 'data' with a file system, on a host with udev: what it holds is offered by it alone."""
import os

from udev_host import UdevHost

FS_UUID = '11111111-2222-3333-4444-555555555555'
LINKS = (f'by-uuid/{FS_UUID}', 'by-label/files')


class ContentsTest(UdevHost):
    def start_with_volume(self, disk):
        self.make_file_system(disk)
        self.start_daemon()
        self.dmjob('attach', 'data', disk)
        self.settle()

    def make_file_system(self, disk):
        self.sh('mkfs.ext4', '-q', '-U', FS_UUID, '-L', 'files', disk)
        self.settle()

    def expect_the_volume_alone(self, *hidden):
        """With events thrown at all disks, twice: the second changes nothing, the order of both being chance."""
        for _ in range(2):
            self.throw_events()
            self.expect_all_lead_to('data', *LINKS)
            for disk in hidden:
                self.expect_hidden(disk)

    def expect_shown(self, disk):
        """It holds what the volume held, and is nobody's any more."""
        for link in LINKS:
            self.assertEqual(self.led_to(link), self.real(disk), link)

    @staticmethod
    def real(path):
        return os.path.realpath(path)

    def mount_and_write(self, name, boot):
        """As fstab has it. Each boot finds what the others have written."""
        self.sh('mount', name, '/mnt')
        with open('/proc/self/mountinfo') as file:
            self.assertIn(' /dev/mapper/data ', next(line for line in file if ' /mnt ' in line))
        for earlier in range(1, boot):
            with open(f'/mnt/{earlier}') as file:
                self.assertEqual(file.read(), 'x' * 4096)
        with open(f'/mnt/{boot}', 'w') as file:
            file.write('x' * 4096)
        self.sh('umount', '/mnt')
