# SPDX-License-Identifier: LGPL-2.1-or-later
"""The names that a partition has by its entry in a GPT are the volume's that it was attached as, wherever that lives."""
from contents import ContentsTest
from partitions import FIRST, make_gpt_partition
from udev_host import LinkWatch, links_of_contents
import harness

MACHINE = dict(disks=['36M', '36M', '36M'], mem='512M', timeout=600, kernel='uml')
PARTITIONED = 2
ENTRY = 'aaaaaaaa-0000-4000-8000-000000000001'
NAMES = (f'by-partuuid/{ENTRY}', r'by-partlabel/my\x20files')


class PartitionNamesTest(ContentsTest):
    def setUp(self):
        super().setUp()
        self.partition = self.disk(PARTITIONED) + '1'

    def start_with_partition(self, name):
        make_gpt_partition(self.disk(PARTITIONED), ENTRY, 'my files')
        self.boot_udev(0, 1)
        self.start_with_volume(f'/dev/disk/{name}')

    def expect_all_are_the_volumes(self, *hidden):
        self.expect_the_volume_alone(self.partition, *hidden)
        self.expect_all_lead_to('data', *NAMES)

    def expect_all_are_the_partitions(self):
        for name in NAMES:
            self.assertEqual(self.led_to(name), self.real(self.partition))

    def test_they_are_the_volumes_through_a_copy_there_and_back(self):
        self.start_with_partition(NAMES[1])
        watch = LinkWatch(['/dev/mapper/data'], NAMES).start()
        self.expect_all_are_the_volumes()
        self.dmjob('copy', 'data', self.named(0), '--pivot')
        self.expect_all_are_the_volumes(self.named(0))
        self.dmjob('copy', 'data', self.partition, '--force', '--id', 'back', '--wait')
        self.expect_all_are_the_volumes(self.named(0))
        self.dmjob('complete', 'back', '--wait')
        self.expect_all_are_the_volumes(self.named(0))
        self.assertEqual(watch.stop(), [])
        self.dmjob('detach', 'data')
        self.settle()
        self.expect_all_are_the_partitions()

    def test_a_released_partition_does_not_take_them_while_there_is_the_volume(self):
        self.start_with_partition(NAMES[0])
        self.dmjob('copy', 'data', self.named(0), '--pivot')
        self.dmjob('release', self.partition)
        self.sh('wipefs', '-a', self.partition)
        for _ in range(2):
            self.throw_events()
            self.expect_all_lead_to('data', *NAMES)
        self.dmjob('detach', 'data')
        self.throw_events()
        self.expect_all_are_the_partitions()

    def test_a_partition_that_is_hidden_and_attached_again_brings_them_along(self):
        """Those of its entry are found though udev was not to look."""
        self.start_with_partition(NAMES[0])
        self.dmjob('copy', 'data', self.named(0), '--pivot')
        self.dmjob('detach', 'data')
        self.settle()
        self.expect_hidden(self.partition)
        self.dmjob('attach', 'again', self.partition)
        self.settle()
        self.expect_all_lead_to('again', *NAMES)
        self.throw_events()
        self.expect_all_lead_to('again', *NAMES)
        self.expect_hidden(self.partition)

    def test_they_are_an_overlays(self):
        make_gpt_partition(self.disk(PARTITIONED), ENTRY, 'my files')
        self.boot_udev(0, 1)
        self.make_file_system(self.partition)
        self.start_daemon()
        self.dmjob('overlay', 'data', self.partition, '--scratch', self.named(1))
        self.settle()
        self.expect_all_are_the_volumes()
        self.dmjob('stream', 'data', self.named(0), '--wait')
        self.expect_all_are_the_volumes(self.named(0))
        self.assertLessEqual(set(NAMES), set(links_of_contents()))

    def test_of_a_disk_of_device_mapper_they_are_the_volumes_too(self):
        """As kpartx makes a device of a multipath disk's partition: by its UUID it is known as one."""
        self.boot_udev(0, 1)
        length = make_gpt_partition(self.named(0), ENTRY, 'my files', is_read=False)
        self.partition = self.dm_create('d0-part1', f'0 {length} linear {self.named(0)} {FIRST}', 'part1-DISK-0')
        self.settle()
        self.start_with_volume(f'/dev/disk/{NAMES[0]}')
        self.expect_all_are_the_volumes()
        self.dmjob('copy', 'data', self.named(1), '--pivot')
        self.expect_all_are_the_volumes(self.named(1))


if __name__ == '__main__':
    harness.main()
