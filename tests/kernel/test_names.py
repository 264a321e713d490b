# SPDX-License-Identifier: LGPL-2.1-or-later
"""The volume alone offers what it holds, whatever udev is told: at every moment and at every boot."""
import os

import devices
from partitions import make_partition
from contents import FS_UUID, LINKS, ContentsTest
from udev_host import LinkWatch, links_of_contents
import harness

MACHINE = dict(disks=['34M', '34M', '34M', '33M'], mem='512M', timeout=600, kernel='uml')
OTHER_LINK = 'by-uuid/99999999-2222-3333-4444-555555555555'
PARTITION = 'by-partuuid/12345678-01'
PARTITIONED = 3


class NamesTest(ContentsTest):
    def test_links_lead_to_the_volume_through_attach_copy_pivot_cancel_and_detach(self):
        self.boot_udev(0, 1, 2)
        old, new, third = self.named(0), self.named(1), self.named(2)
        self.start_with_volume(old)
        watch = LinkWatch(['/dev/mapper/data'], LINKS).start()
        self.expect_the_volume_alone(old)
        self.dmjob('copy', 'data', new, '--id', 'j', '--speed', '8M')
        self.expect_the_volume_alone(old, new)
        self.wait_status('j', 'ready')
        self.expect_the_volume_alone(old, new)
        self.dmjob('complete', 'j', '--wait')
        self.until_moved('data', new)
        self.expect_the_volume_alone(old, new)
        self.dmjob('copy', 'data', third, '--id', 'k', '--wait')
        self.dmjob('cancel', 'k', '--force')
        self.wait_for(lambda: not self.list(), 60, 'the job to be gone')
        self.expect_the_volume_alone(old, new, third)
        self.assertEqual(watch.stop(), [])
        self.dmjob('detach', 'data')
        self.settle()
        self.expect_shown(new)
        self.expect_hidden(old)
        self.expect_hidden(third)

    def test_udev_drops_a_request_to_read_the_rules(self):
        """As udevd does now and then. Within three seconds of the last time: after that it looks by itself."""
        self.boot_udev(0)
        self.make_file_system(self.named(0))
        os.makedirs('/run/lossy')
        with open('/run/lossy/udevadm', 'w') as file:
            file.write('#!/bin/sh\n[ "$2" != --reload ] || ! rm /run/lossy/next || exit 0\nexec /usr/bin/udevadm "$@"\n')
        os.chmod('/run/lossy/udevadm', 0o755)
        self.start_daemon(PATH=f'/run/lossy:{os.environ["PATH"]}')
        self.with_loss('attach', 'data', self.named(0))
        self.expect_hidden(self.named(0))
        self.with_loss('detach', 'data')
        self.settle()
        self.expect_shown(self.named(0))

    def test_a_late_udev_finds_the_link_that_it_would_have_made(self):
        """A node in its place would stay, and lead to another device some day."""
        self.boot_udev(0)
        self.start_daemon()
        self.sh('udevadm', 'control', '--stop-exec-queue')
        self.dmjob('attach', 'data', self.named(0))
        self.assertTrue(os.path.islink('/dev/mapper/data'))
        self.dmjob('detach', 'data')
        self.assertFalse(os.path.lexists('/dev/mapper/data'))
        self.dmjob('attach', 'data', self.named(0))
        self.sh('udevadm', 'control', '--start-exec-queue')
        self.settle()
        self.assertIn('/dev/mapper/data', self.properties('/dev/mapper/data')['DEVLINKS'].split())
        self.dmjob('detach', 'data')
        self.settle()
        self.assertFalse(os.path.lexists('/dev/mapper/data'))

    def with_loss(self, *words):
        """Of the first request."""
        with open('/run/lossy/next', 'w'):
            pass
        self.dmjob(*words)
        self.assertFalse(os.path.exists('/run/lossy/next'))

    def test_an_old_disk_is_hidden_until_it_is_released(self):
        self.boot_udev(0, 1)
        self.start_with_volume(self.named(0))
        self.dmjob('copy', 'data', self.named(1), '--pivot')
        refused = self.dmjob('release', self.named(1), check=False)
        self.assertIn("as the disk of volume 'data'", refused.stderr)
        self.assertIn('dmjob release', self.dmjob('volumes').stdout)
        said = self.dmjob('release', self.named(0)).stderr
        self.assertIn("'data'", said)
        self.assertIn('wipefs', said)
        self.settle()  # while udev looks at a disk it does not see who closes it
        self.sh('tune2fs', '-f', '-U', os.path.basename(OTHER_LINK), self.named(0))
        self.wait_for(lambda: self.led_to(OTHER_LINK) == self.real(self.named(0)), 60, 'the old disk to be seen')
        self.assertEqual(self.led_to(LINKS[0]), self.real('/dev/mapper/data'))
        again = self.dmjob('release', self.named(0), check=False)
        self.assertIn('is not hidden', again.stderr)
        self.assertNotIn('dmjob release', self.dmjob('volumes').stdout)

    def test_at_each_boot_the_volume_is_mounted_and_no_other_disk_touched(self):
        """Copied and switched in the first boot, the power cut; copied back and the power cut on the way."""
        self.boot_udev(0, 1)
        if self.boot == 1:
            self.start_with_volume(self.named(0))
            self.mount_and_write('LABEL=files', 1)
            self.dmjob('copy', 'data', self.named(1), '--pivot')
            self.keep_fingerprint(self.named(0))
            self.throw_events()
            self.cut_power()
        self.assertEqual(links_of_contents(), {})
        self.expect_hidden(self.named(0))
        self.expect_hidden(self.named(1))
        self.start_daemon()
        self.expect_the_volume_alone(self.named(0), self.named(1))
        if self.boot < 4:
            self.expect_untouched(self.named(0))
            self.mount_and_write(f'UUID={FS_UUID}' if self.boot == 2 else '/dev/mapper/data', self.boot)
            self.expect_untouched(self.named(0))
        if self.boot == 3:
            self.dmjob('copy', 'data', self.named(0), '--force', '--id', 'back', '--speed', '4M')
            self.wait_for(lambda: self.info('back')['offset'] > 0, 60, 'the copy to be on its way')
            self.settle()
        if self.boot < 4:
            self.cut_power()
        self.mount_and_write(f'UUID={FS_UUID}', 4)

    def keep_fingerprint(self, disk):
        with open(f'{self.lasting_dir()}/fingerprint', 'w') as file:
            file.write(devices.fingerprint(disk))
        self.sh('sync', '-f', self.lasting_dir())

    def expect_untouched(self, disk):
        with open(f'{self.lasting_dir()}/fingerprint') as file:
            self.assertEqual(devices.fingerprint(disk), file.read(), f'{disk} was written to')

    def test_the_name_of_an_attached_partition_is_the_volumes_for_good(self):
        partition = self.disk(PARTITIONED) + '1'
        if self.boot == 1:
            make_partition(self.disk(PARTITIONED))
        self.boot_udev(0)
        if self.boot == 1:
            self.start_with_volume(f'/dev/disk/{PARTITION}')
            self.expect_all_lead_to('data', PARTITION)
            self.expect_the_volume_alone(partition)
            self.cut_power()
        self.expect_hidden(partition)
        if self.boot == 2:
            self.start_daemon()
            self.settle()
            self.expect_all_lead_to('data', PARTITION, *LINKS)
            self.mount_and_write('PARTUUID=12345678-01', 1)
            self.dmjob('copy', 'data', self.named(0), '--pivot')
            self.expect_all_lead_to('data', PARTITION)
            self.expect_the_volume_alone(partition, self.named(0))
            self.cut_power()
        self.assertEqual(links_of_contents(), {})
        self.start_daemon()
        self.settle()
        self.mount_and_write('PARTUUID=12345678-01', 2)
        self.expect_the_volume_alone(partition, self.named(0))

    def test_a_disk_without_a_name_of_its_own_is_hidden_until_the_boot_and_that_is_said(self):
        self.boot_udev()
        self.start_with_volume(self.disk(0))
        self.expect_the_volume_alone(self.disk(0))
        self.assertIn('hidden until the next boot only', self.dmjob('volumes').stdout)
        self.dmjob('detach', 'data')
        self.settle()
        self.assertEqual(self.led_to(LINKS[0]), self.real(self.disk(0)))


if __name__ == '__main__':
    harness.main()
