# SPDX-License-Identifier: LGPL-2.1-or-later
"""LVM and what a volume holds: on the volume it finds its physical volume, below the volume its logical ones are hidden
as any disk is."""
import os

from contents import LINKS, ContentsTest
from udev_host import LinkWatch, links_of_contents
import harness

MACHINE = dict(disks=['34M', '34M', '66M'], mem='512M', timeout=600, kernel='uml')
BELOW = 2
OLD, NEW = '/dev/low/old', '/dev/low/new'
ASK_UDEV = 'devices/external_device_info_source="udev"'


class LvmNamesTest(ContentsTest):
    def test_lvm_never_sees_a_duplicate(self):
        """By itself it activates from the volume only; asked by hand, it must be told to ask udev."""
        self.boot_udev(0, 1)
        if self.boot == 1:
            self.start_daemon()
            self.dmjob('attach', 'data', self.named(0))
            self.expect_hidden(self.named(0))  # at once
            self.make_group_on_volume()
            self.dmjob('copy', 'data', self.named(1), '--pivot')
            self.expect_physical_volumes('/dev/mapper/data')
            self.cut_power()
        self.assertFalse(os.path.exists('/dev/vg/lv'))
        self.start_daemon()
        self.until_group_is_active()
        self.expect_physical_volumes('/dev/mapper/data')

    def test_logical_volumes_below_a_volume_are_hidden(self):
        """One is the disk below, the other the target."""
        self.make_logical_volumes()
        self.start_with_volume(OLD)
        watch = LinkWatch(['/dev/mapper/data'], LINKS).start()
        self.expect_the_volume_alone(OLD)
        self.dmjob('copy', 'data', NEW, '--id', 'j', '--wait')
        self.expect_the_volume_alone(OLD, NEW)
        self.dmjob('complete', 'j', '--wait')
        self.expect_the_volume_alone(OLD, NEW)
        self.refresh_by_its_owner()
        self.expect_the_volume_alone(OLD, NEW)
        self.assertEqual(watch.stop(), [])
        self.dmjob('detach', 'data')
        self.settle()
        self.expect_shown(NEW)
        self.expect_hidden(OLD)

    def refresh_by_its_owner(self):
        """Which tells udev anew of each."""
        self.sh('lvchange', '--refresh', 'low')
        self.sh('lvchange', '-an', OLD)
        self.sh('lvchange', '-ay', OLD)
        self.sh('lvrename', 'low', 'old', 'renamed')
        self.sh('lvrename', 'low', 'renamed', 'old')

    def test_a_group_on_a_volume_on_a_logical_volume_is_seen_once(self):
        """Also by an LVM that looks for physical volumes on logical ones, and at a boot."""
        if self.boot == 1:
            self.make_logical_volumes()
            self.start_daemon()
            self.dmjob('attach', 'data', OLD)
            self.make_group_on_volume()
            self.dmjob('copy', 'data', NEW, '--pivot')
            self.expect_physical_volumes(self.named(BELOW), '/dev/mapper/data')
            self.cut_power()
        self.boot_udev(BELOW)
        self.wait_for(lambda: os.path.exists(OLD) and os.path.exists(NEW), 60, 'LVM to activate what is below')
        self.settle()
        self.expect_hidden(OLD)
        self.expect_hidden(NEW)
        self.assertEqual(links_of_contents(), {})
        self.assertFalse(os.path.exists('/dev/vg/lv'))
        self.start_daemon()
        self.until_group_is_active()
        self.expect_physical_volumes(self.named(BELOW), '/dev/mapper/data')

    def make_logical_volumes(self):
        self.boot_udev(BELOW)
        self.sh('vgcreate', '-q', '-y', 'low', self.named(BELOW))
        for path in OLD, NEW:
            self.sh('lvcreate', '-q', '-y', '-Wn', '-n', os.path.basename(path), '-L', '24M', 'low')
        self.settle()

    def make_group_on_volume(self):
        self.lvm('pvcreate', '-q', '-y', '/dev/mapper/data')
        self.lvm('vgcreate', '-q', 'vg', '/dev/mapper/data')
        self.lvm('lvcreate', '-q', '-y', '-an', '-Zn', '-n', 'lv', '-l', '2', 'vg')

    def until_group_is_active(self):
        self.wait_for(lambda: os.path.exists('/dev/vg/lv'), 60, 'LVM to activate by itself')
        self.assertEqual(self.sh('dmsetup', 'deps', '-o', 'devname', 'vg-lv').stdout.split(':')[1].strip(), '(data)')

    def lvm(self, *words):
        return self.sh(*words, '--config', ASK_UDEV)

    def expect_physical_volumes(self, *paths):
        self.throw_events()
        found = self.sh('pvs', '--noheadings', '-o', 'pv_name', '--config', f'{ASK_UDEV} devices/scan_lvs=1')
        self.assertEqual(sorted(found.stdout.split()), sorted(paths))
        self.assertNotIn('WARNING', found.stderr)


if __name__ == '__main__':
    harness.main()
