# SPDX-License-Identifier: LGPL-2.1-or-later
"""An ordinary host around dmjob: real udevd, from this machine's packages, that looks at all disks before dmjobd starts
at each boot (the coldplug).

What is written to /etc is forgotten at a boot. So a folder that lasts is bound to where udev reads rules and dmjobd
writes them, as if it were on the root file system.

Disks with an identity that a boot does not change are linear dm devices with a UUID, which come when udevd and its
rules are there and dmjobd is not; those of the machine itself tell nothing but where they are, and their partitions
their entry in the table."""
import glob
import os
import shutil
import time

import devices
import harness

UDEV = os.path.join(os.path.dirname(__file__), '../../udev')
ETC = '/etc/udev/rules.d'
MAPPED = '/dev/mapper'
OFFSET = 2048  # sectors
CONTENT_FOLDERS = ('by-uuid', 'by-label', 'by-partuuid', 'by-partlabel')


def links_of_contents():
    """Of /dev/disk: the links by contents, and the node that each leads to."""
    found = {}
    for folder in CONTENT_FOLDERS:
        for link in glob.glob(f'/dev/disk/{folder}/*'):
            found[link.removeprefix('/dev/disk/')] = os.path.realpath(link)
    return found


class UdevHost(harness.KernelTest):
    def setUp(self):
        super().setUp()
        self.state_dir = os.path.join(self.lasting_dir(), 'state')
        self.rules_dir = os.path.join(self.lasting_dir(), 'rules.d')
        os.makedirs(self.rules_dir, exist_ok=True)

    def named(self, number):
        """A disk that tells who it is, whatever its number is at this boot."""
        return f'{MAPPED}/d{number}'

    def make_named(self, *numbers):
        """What they are made of begins with nothing, and so has no names itself."""
        for number in numbers:
            self.dm_create(f'd{number}', self._linear_table(self.disk(number), OFFSET, None), f'DISK-{number}')

    def boot_udev(self, *numbers):
        """udevd starts and looks at all disks; those of these numbers come as named ones. Its rules are ours and those
        that dmjobd has written."""
        for path in glob.glob(f'{UDEV}/*.rules'):
            shutil.copy(path, self.rules_dir)
        self.sh('mount', '--bind', self.rules_dir, ETC)
        os.environ.pop('DM_DISABLE_UDEV', None)
        self.sh('/lib/systemd/systemd-udevd', '--daemon')
        self.coldplug()
        self.make_named(*numbers)
        self.settle()

    def coldplug(self):
        self.sh('udevadm', 'trigger', '--type=subsystems', '--action=add')
        self.sh('udevadm', 'trigger', '--type=devices', '--action=add')
        self.settle()

    def settle(self):
        self.sh('udevadm', 'settle', '--timeout=60')

    def throw_events(self):
        """As whoever closes a disk after writing to it, or a curious administrator."""
        self.sh('udevadm', 'trigger', '--subsystem-match=block', '--action=change')
        self.settle()

    def properties(self, path):
        lines = self.sh('udevadm', 'info', '--query=property', path).stdout.splitlines()
        return dict(line.split('=', 1) for line in lines)

    def led_to(self, link):
        """The node that /dev/disk/LINK leads to, None if it is not there."""
        path = f'/dev/disk/{link}'
        return os.path.realpath(path) if os.path.exists(path) else None

    def expect_all_lead_to(self, volume, *links):
        for link in links:
            self.assertEqual(self.led_to(link), os.path.realpath(f'{MAPPED}/{volume}'), link)

    def expect_hidden(self, path):
        found = self.properties(path)
        by_contents = [link for link in found['DEVLINKS'].split() if link.split('/')[3:4] and
                       link.split('/')[3] in CONTENT_FOLDERS]
        self.assertEqual(by_contents, [], path)
        self.assertEqual(found['SYSTEMD_READY'], '0')
        self.assertEqual(found['UDISKS_IGNORE'], '1')
        self.assertNotIn('ID_FS_TYPE', found)

    def start_daemon(self, *options, **environment):
        super().start_daemon('--rules-dir', ETC, *options, **environment)

    def until_moved(self, volume, disk, timeout=60):
        def moved():
            device = self.managed_volumes()[volume]['device']
            return os.path.realpath(device) == os.path.realpath(disk)
        self.wait_for(moved, timeout, lambda: f'{volume} to live on {disk}: {self.managed_volumes()}')


class LinkWatch:
    """Looks where links lead, again and again, in a process of its own."""

    def __init__(self, allowed, links):
        self.allowed = {os.path.realpath(path) for path in allowed}
        self.links = links
        self.child = None
        self.read_end = None

    def start(self):
        self.read_end, write_end = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            os.close(self.read_end)
            self._look_for_ever(write_end)
        os.close(write_end)
        return self

    def _look_for_ever(self, write_end):
        told = set()
        while True:
            for link in self.links:
                try:
                    node = os.path.realpath(f'/dev/disk/{link}', strict=True)
                except OSError:
                    node = 'nowhere'
                if node not in self.allowed and (link, node) not in told:
                    told.add((link, node))
                    os.write(write_end, f'{link} -> {node}\n'.encode())
            time.sleep(0.002)

    def stop(self):
        """Where they led otherwise than to the volume."""
        os.kill(self.child, 9)
        os.waitpid(self.child, 0)
        with os.fdopen(self.read_end) as pipe:
            return pipe.read().splitlines()
