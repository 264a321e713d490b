# SPDX-License-Identifier: LGPL-2.1-or-later
"""The harness itself, with dmsetup and the stamp tool only: it can be passed, and it does fail."""
import os
import time

import harness

MACHINE = dict(disks=['64M', '64M'], mem='256M', timeout=120, kernel='uml')


class HarnessTest(harness.KernelTest):
    def test_a_writer_on_a_linear_volume_loses_nothing(self):
        volume = self.linear('vol', self.disk(0))
        with self.writer(volume) as writer:
            time.sleep(2)
        self.assertGreater(writer.stats['writes'], 50)
        writer.verify()
        writer.verify(self.disk(0))

    def test_a_switch_of_the_table_under_the_writer_loses_nothing(self):
        volume = self.linear('vol', self.disk(0))
        with self.writer(volume) as writer:
            for _ in range(5):
                self.dm_switch('vol', self.dm_table('vol'))
                time.sleep(0.1)
        writer.verify(self.disk(0))

    def test_a_lost_write_is_detected(self):
        volume = self.linear('vol', self.disk(0))
        with self.writer(volume) as writer:
            time.sleep(1)
            self.sh('dd', f'if={self.disk(0)}', f'of={self.disk(1)}', 'bs=1M', 'iflag=direct', 'oflag=direct')
            time.sleep(1)
        self.assertGreater(writer.report(self.disk(1))['mismatches'], 0)
        with self.assertRaises(AssertionError):
            writer.verify(self.disk(1))

    def test_a_writer_that_meets_an_error_fails_the_test(self):
        volume = self.linear('target', self.disk(0))
        writer = self.writer(volume).start()
        self.break_target()
        self.wait_for(lambda: writer.process.poll() is not None, 10, 'the writer to end')
        with self.assertRaisesRegex(AssertionError, 'ended with 2'):
            writer.stop()

    def test_a_broken_range_fails_and_the_rest_does_not(self):
        volume = self.linear('target', self.disk(0))
        self.break_target(first=1024, count=8)
        read = ['dd', f'if={volume}', 'of=/dev/null', 'bs=4k', 'count=1', 'iflag=direct']
        self.assertNotEqual(self.sh(*read, 'skip=128', check=False).returncode, 0)
        self.sh(*read, 'skip=127')
        self.sh(*read, 'skip=129')
        self.heal_target()
        self.sh(*read, 'skip=128')

    def test_io_to_a_hung_target_goes_on_after_its_release(self):
        volume = self.linear('target', self.disk(0))
        with self.writer(volume) as writer:
            self.hang_target()
            time.sleep(1)
            self.release_target()
            time.sleep(0.5)
        self.assertGreater(writer.stats['worst_ms'], 500)
        writer.verify()

    def test_identical_disks_are_told_from_different_ones(self):
        self.expect_identical(self.disk(0), self.disk(1))
        self.sh(f'printf x | dd of={self.disk(1)} bs=1 seek=1000000 conv=notrunc,fsync')
        with self.assertRaisesRegex(AssertionError, f'sector {1000000 // 512}'):
            self.expect_identical(self.disk(0), self.disk(1))

    def test_what_is_left_behind_is_noticed(self):
        self.nothing_left()
        self.dm_create('dmjob-x-base', '0 8 zero', uuid='DMJOB-x-base')
        self.assertRaises(AssertionError, self.nothing_left)
        self.nothing_left(volumes=['dmjob-x-base'])
        self.sh('dmsetup', 'suspend', 'dmjob-x-base')
        self.assertRaises(AssertionError, self.nothing_left, volumes=['dmjob-x-base'])
        self.dm_remove('dmjob-x-base')
        self.nothing_left()

    def test_a_loop_device_left_behind_is_noticed(self):
        self.sh('truncate', '-s', '1M', '/run/file')
        self.sh('losetup', '--find', '/run/file')
        self.assertRaises(AssertionError, self.nothing_left)

    def test_disk_statistics_count_writes(self):
        before = self.diskstats(self.disk(0))
        self.sh('dd', 'if=/dev/zero', f'of={self.disk(0)}', 'bs=4k', 'count=10', 'oflag=direct')
        after = self.diskstats(self.disk(0))
        self.assertEqual(after['sectors_written'] - before['sectors_written'], 80)

    def test_after_a_power_cut_acknowledged_writes_are_there(self):
        volume = self.linear('vol', self.disk(0))
        if self.boot == 1:
            self.writer(volume).start()
            time.sleep(2)
            self.cut_power()
        writer = self.writer(volume, fill=False)
        writer.verify()
        with writer:
            time.sleep(1)
        self.assertGreater(writer.verify()['stamped'], 50)

    def test_waiting_in_vain_fails_and_says_for_what(self):
        with self.assertRaisesRegex(AssertionError, 'a miracle'):
            self.wait_for(lambda: False, 0.2, 'a miracle')

    def test_the_daemon_that_does_not_come_up_fails_the_test(self):
        self.bin_dir = '/run/bin'
        os.makedirs(self.bin_dir)
        os.symlink('/bin/false', '/run/bin/dmjobd')
        with self.assertRaisesRegex(AssertionError, 'dmjobd ended with 1'):
            self.start_daemon()


if __name__ == '__main__':
    harness.main()
