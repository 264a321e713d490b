# SPDX-License-Identifier: LGPL-2.1-or-later
"""An array of md below a volume is hidden as any disk is, though its own rules give it links by what it holds."""
import glob
import os

from contents import ContentsTest
from partitions import make_partition
from udev_host import links_of_contents
import harness

MACHINE = dict(disks=['40M', '40M', '40M'], mem='512M', timeout=600, kernel='uml')
MEMBERS = (0, 1)
NEW = 2


class MdNamesTest(ContentsTest):
    def test_an_array_is_hidden_at_each_boot_until_it_is_released(self):
        self.sh('modprobe', '-a', 'md-mod', 'raid1')
        self.boot_udev(NEW)
        if self.boot == 1:
            array = self.make_array()
            links = self.links_by_id(array)
            self.start_with_volume(array)
            self.expect_the_volume_alone(array)
            self.assertEqual(self.links_by_id(array), links)
            self.dmjob('copy', 'data', self.named(NEW), '--pivot')
            self.expect_the_volume_alone(array, self.named(NEW))
            self.assertNotIn('hidden until the next boot only', self.dmjob('volumes').stdout)
            self.cut_power()
        array = self.until_assembled()
        self.expect_hidden(array)
        self.assertEqual(links_of_contents(), {})
        self.start_daemon()
        self.expect_the_volume_alone(array, self.named(NEW))
        self.dmjob('release', array)
        self.settle()
        self.dmjob('detach', 'data')
        self.throw_events()
        self.assertEqual(self.properties(array)['ID_FS_LABEL'], 'files')

    def test_a_partition_of_an_array_is_hidden(self):
        """The array has no links by what it holds, the partition keeps those by who it is."""
        self.sh('modprobe', '-a', 'md-mod', 'raid1')
        self.boot_udev(NEW)
        array = self.make_array()
        make_partition(array)
        partition = f'{array}p1'
        links = self.links_by_id(partition)
        self.start_with_volume(partition)
        self.expect_the_volume_alone(partition)
        self.assertEqual(self.links_by_id(partition), links)

    def make_array(self):
        members = [self.disk(number) for number in MEMBERS]
        self.sh('mdadm', '--create', '/dev/md/low', '--run', '--level=1', '--raid-devices=2', '--homehost=here', *members)
        self.settle()
        return os.path.realpath('/dev/md/low')

    def until_assembled(self):
        """By udev, as each member comes."""
        self.wait_for(lambda: glob.glob('/dev/disk/by-id/md-name-*low'), 60, 'the array')
        self.settle()
        return os.path.realpath(glob.glob('/dev/disk/by-id/md-name-*low')[0])

    def links_by_id(self, array):
        """And those of md itself."""
        links = [link for link in self.properties(array)['DEVLINKS'].split() if '/by-id/md-' in link or '/dev/md/' in link]
        self.assertEqual(len(links), 3, links)
        return sorted(links)


if __name__ == '__main__':
    harness.main()
