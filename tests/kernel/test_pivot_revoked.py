# SPDX-License-Identifier: LGPL-2.1-or-later
"""The target fails between the decision of a pivot and the switch, and the state folder cannot take another state file.
What is acknowledged from then on is on the source alone: so no boot may take the target, or nothing is acknowledged."""
import mmap
import os
import subprocess

import copy_story
import harness
from state_disk import StateDisk

MACHINE = dict(disks=['48M', '64M', '16M', '16M'], mem='512M', timeout=300, kernel='uml',
               newer=['test_a_state_file_that_cannot_be_replaced_keeps_no_acknowledged_write_from_the_boot',
                      'test_a_file_that_is_open_is_written_in_place_whatever_its_file_system_takes'])
WR = 'dmjob-j-wr'
BLOCK = 4096
PLACE = 10000  # block


class PivotRevokedTest(StateDisk, copy_story.CopyStory):
    def setUp(self):
        super().setUp()
        self.put_state_on(self.disk(3))
        self.log = f'{self.lasting_dir()}/stamp.log'

    def fail_between_decision_and_switch(self, **options):
        self.begin(writable=(0, 8 << 20))
        self.copy_until_ready(**options)
        self.until_noted()
        self.hang_at_the_decision('j')
        self.break_target()
        self.until_failed_side(WR)

    def expect_all_after_the_boot(self):
        """With a target that is well."""
        self.linear('target', self.disk(1))
        self.start_daemon()
        self.wait_for(lambda: self.managed_volumes()['vol']['active'], 60, 'the volume')
        self.writer('/dev/mapper/vol', fill=False).verify()

    def test_a_state_file_that_cannot_be_replaced_keeps_no_acknowledged_write_from_the_boot(self):
        if self.boot == 1:
            self.fail_between_decision_and_switch()
            self.keep_state_file()
            self.state_is_well()
            self.until_written_to(self.log, patience=90)
            self.cut_power()
        self.assertEqual(self.decisions(), ['/dev/mapper/target'])  # the state file still says so
        self.expect_all_after_the_boot()
        self.assertIn("the pivot of volume 'vol' was decided and revoked", self.daemon_log())

    def test_a_state_folder_that_has_failed_holds_the_writes_and_then_fails_them(self):
        if self.boot == 1:
            self.fail_between_decision_and_switch()
            self.state_becomes('error')
            self.wait_for(self.stalled, 90, 'the event')
            self.assertIn('cannot be revoked', self.info('j')['phase'])
            self.assertEqual(self.dm_table(WR).split()[-1], 'handle_errors')  # and they wait
            self.wait_for(lambda: self.dm_table(WR).split()[2] == 'error', 120, 'the writes to fail')
            self.sh('dd', 'if=/dev/mapper/vol', 'of=/dev/null', 'bs=4k', 'count=1', 'iflag=direct')
            self.cut_power()
        self.expect_all_after_the_boot()

    def write_block(self):
        """Where nobody else writes. True if the volume has taken it."""
        return self.sh(f'dd if=/dev/urandom of=/run/block bs={BLOCK} count=1 && '
                       f'dd if=/run/block of=/dev/mapper/vol bs={BLOCK} seek={PLACE} oflag=direct',
                       check=False).returncode == 0

    def test_writes_that_failed_for_want_of_a_record_are_tracked_again_once_it_is_durable(self):
        self.fail_between_decision_and_switch(on_target_error='ignore')  # and wait for it
        self.wait_for(lambda: self.dm_table(WR).split()[2] == 'error', 120, 'the writes to fail')
        self.assertFalse(self.write_block())
        self.state_is_well()
        self.wait_for(lambda: self.dm_table(WR).endswith(' 0'), 120, 'the writes to be tracked')
        self.assertEqual(self.dm_table(WR).split()[2], 'mirror')
        self.assertTrue(self.write_block())
        self.quick_target()
        job = self.until_status('concluded', timeout=120)
        self.assertNotIn('error', job)
        report = self.writer('/dev/mapper/vol', fill=False).report('/dev/mapper/vol')
        self.assertEqual([found['block'] for found in report['first']], [PLACE])  # which has no stamp
        with open('/run/block', 'rb') as block, open('/dev/mapper/target', 'rb') as target:
            target.seek(PLACE * BLOCK)
            self.assertEqual(target.read(BLOCK), block.read())

    def test_a_file_that_is_open_is_written_in_place_whatever_its_file_system_takes(self):
        """What the record relies on: full, and made read-only by force."""
        path = f'{self.mount_point}/revoked'
        block = mmap.mmap(-1, 16384)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_DIRECT | os.O_DSYNC)
        os.pwrite(fd, block, 0)
        os.fsync(fd)
        self.sh(f'dd if=/dev/zero of={self.mount_point}/filler bs=4k', check=False)
        with self.assertRaises(OSError):
            os.pwrite(fd, block, 16384)
        block.write(b'full' * 4096)
        self.assertEqual(os.pwrite(fd, block, 0), 16384)
        with open('/proc/sysrq-trigger', 'w') as trigger:
            trigger.write('u')
        self.wait_for(lambda: os.statvfs(self.mount_point).f_flag & os.ST_RDONLY, 60, 'the file system to be read-only')
        block.seek(0)
        block.write(b'r/o!' * 4096)
        self.assertEqual(os.pwrite(fd, block, 0), 16384)
        found = subprocess.run(['dd', f'if={self.state_disk}', 'iflag=direct', 'bs=1M'], capture_output=True, check=True)
        self.assertIn(b'r/o!' * 4096, found.stdout)


if __name__ == '__main__':
    harness.main()
