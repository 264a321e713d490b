# SPDX-License-Identifier: LGPL-2.1-or-later
"""A live copy of a volume whose disk has one unreadable sector (dm-dust): all else stays readable and writable, and the
source is never written to but by the volume's own writer. And of one that refuses a write."""
import dust_story
import harness

MACHINE = dict(disks=['48M', '64M', '16M'], mem='512M', timeout=240, kernel='uml')

BAD_BLOCK = dust_story.BAD_BLOCK


class CopySourceFaultsTest(dust_story.DustStory):
    def read_block(self, device, block):
        """Its bytes; None if it cannot be read."""
        result = self.sh(f'dd if={device} of=/run/block bs=4096 skip={block} count=1 iflag=direct', check=False)
        if result.returncode != 0:
            return None
        with open('/run/block', 'rb') as file:
            return file.read()

    def expect_only_the_bad_block_unreadable(self):
        self.assertIsNone(self.read_block(self.vol, BAD_BLOCK))
        self.assertIsNotNone(self.read_block(self.vol, BAD_BLOCK - 1))
        self.assertIsNotNone(self.read_block(self.vol, BAD_BLOCK + 1))
        self.assertIsNotNone(self.read_block(self.vol, 5))

    def expect_moved_without_the_bad_block(self):
        """It reads as zeroes where the volume lives now; its neighbours are right."""
        self.expect_undisturbed()
        self.assertEqual(self.read_block(self.vol, BAD_BLOCK), bytes(4096))
        report = self.stamp.report(self.vol)
        self.assertEqual((report['mismatches'], report['first'][0]['block']), (1, BAD_BLOCK))
        self.nothing_left(volumes=['vol'])

    def pivot_without_the_bad_block(self):
        self.expect_listed()
        self.expect_only_the_bad_block_unreadable()
        self.pivot()
        self.expect_moved_without_the_bad_block()
        self.sector_heals()
        self.expect_source_unharmed()

    def expect_listed(self):
        extents = self.info(self.job)['x-error-map']
        self.assertEqual(extents, [dict(offset=BAD_BLOCK * 4096, length=4096)])

    def expect_source_unharmed(self):
        """The old disk still has all that it had, the bad block too: nothing was copied over it."""
        report = self.stamp.report(self.disk(0))
        behind = [mismatch for mismatch in report['first'] if mismatch['block'] * 4096 >= 8 << 20]
        self.assertEqual(behind, [])

    def test_bad_sector_fails_a_job_that_reports(self):
        self.begin_over_dust()
        self.sector_goes_bad()
        self.start_copy()
        self.assertRegex(self.until_failed(), f'source .* cannot be read at byte {BAD_BLOCK * 4096} .4096 bytes')
        self.expect_only_the_bad_block_unreadable()
        self.sector_heals()
        self.expect_as_before()

    def test_bad_sector_pauses_a_job_that_stops_until_it_is_healed(self):
        self.begin_over_dust()
        self.sector_goes_bad()
        self.start_copy(on_source_error='stop')
        self.until_status('paused')
        self.expect_only_the_bad_block_unreadable()
        self.dmjob('resume', self.job)
        self.until_status('paused')
        self.sector_heals()
        self.dmjob('resume', self.job)
        self.pivot()
        self.expect_moved()

    def test_bad_sector_is_left_out_by_a_job_that_ignores_it(self):
        self.begin_over_dust()
        self.sector_goes_bad()
        self.copy_until_ready(on_source_error='ignore')
        self.pivot_without_the_bad_block()

    def test_sector_goes_bad_in_the_resync_and_is_left_out(self):
        self.begin_over_dust()
        self.start_copy_with_the_bad_block_left_to_the_resync(on_source_error='ignore')
        self.quick_target()
        self.until_equal()
        self.pivot_without_the_bad_block()

    def test_sector_goes_bad_in_the_resync_and_the_job_stops(self):
        self.begin_over_dust()
        self.start_copy_with_the_bad_block_left_to_the_resync(on_source_error='stop')
        self.quick_target()
        self.until_status('paused')
        self.expect_only_the_bad_block_unreadable()
        self.sector_heals()
        self.dmjob('resume', self.job)
        self.pivot()
        self.expect_moved()

    def test_sector_goes_bad_in_ready_and_the_pivot_heals_the_volume(self):
        self.begin_over_dust()
        self.copy_until_ready()
        self.sector_goes_bad()
        self.expect_only_the_bad_block_unreadable()
        self.pivot()
        self.expect_moved()

    def test_sector_that_was_left_out_and_is_written_to_is_right_on_the_target(self):
        self.begin_over_dust()
        self.sector_goes_bad()
        self.copy_until_ready(on_source_error='ignore')
        self.pause('standby')
        self.write_block(BAD_BLOCK)  # as disks do, dust gives a sector a new place when it is written to
        self.dmjob('resume', self.job)
        self.until_equal()
        self.assertNotIn('x-error-map', self.info(self.job))
        self.pivot()
        self.expect_undisturbed()
        self.assertEqual(self.read_block(self.vol, BAD_BLOCK), b'\x5a' * 4096)

    def write_block(self, block, byte=b'\x5a'):
        """True if the volume has taken it."""
        with open('/run/block', 'wb') as file:
            file.write(byte * 4096)
        return self.sh(f'dd if=/run/block of={self.vol} bs=4096 seek={block} count=1 oflag=direct',
                       check=False).returncode == 0

    def start_copy_with_the_bad_block_left_to_the_resync(self, **options):
        """Its region is written to (not the block), and the kernel is about to copy what was written to."""
        self.copy_until_bulk(**options)
        self.pause('paused')
        self.write_same(BAD_BLOCK + 1)
        self.slow_target()
        self.dmjob('resume', self.job)
        self.hurry()
        self.until_phase('resync')
        self.sector_goes_bad()

    def write_same(self, block):
        """Marks the region, without a change."""
        self.assertIsNotNone(self.read_block(self.vol, block))
        self.sh(f'dd if=/run/block of={self.vol} bs=4096 seek={block} count=1 oflag=direct')

    # A write that the source refuses fails, as it would without us, and no other.

    def begin_over_a_disk_that_can_refuse(self):
        self.begin(source=self.linear('source', self.disk(0)))
        self.expect_undisturbed()  # by now; the next write is to fail

    def refuse_one_write(self):
        healthy = self.dm_table('source')
        self.dm_switch('source', healthy.replace('linear', 'flakey') + ' 0 3600 1 error_writes', noflush=True)
        self.assertFalse(self.write_block(BAD_BLOCK, b'\x66'))
        self.dm_switch('source', healthy, noflush=True)
        self.wait_for(lambda: self.write_block(BAD_BLOCK), 20, 'the volume to take writes again')

    def expect_moved_with_the_block(self):
        self.assertEqual(self.read_block(self.vol, BAD_BLOCK), b'\x5a' * 4096)
        report = self.stamp.report(self.vol)
        self.assertEqual((report['mismatches'], report['first'][0]['block']), (1, BAD_BLOCK))
        self.nothing_left(volumes=['vol'])

    def test_write_that_the_source_refuses_while_tracking_is_the_only_one_to_fail(self):
        self.begin_over_a_disk_that_can_refuse()
        self.copy_until_bulk()
        self.pause('paused')
        self.refuse_one_write()
        self.dmjob('resume', self.job)
        self.hurry()
        self.pivot()
        self.expect_moved_with_the_block()

    def test_write_that_the_source_refuses_in_ready_is_the_only_one_to_fail(self):
        self.begin_over_a_disk_that_can_refuse()
        self.copy_until_ready()
        self.refuse_one_write()
        self.pivot()
        self.expect_moved_with_the_block()


if __name__ == '__main__':
    harness.main()
