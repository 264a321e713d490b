# SPDX-License-Identifier: LGPL-2.1-or-later
"""Copies that ignore unreadable sectors (dm-dust): what is bad is tried once more at the end, and listed in a map that
ddrescue's own tools read."""
import os
import time

import dust_story
import harness
import mapfile

MACHINE = dict(disks=['48M', '64M', '64M'], mem='512M', timeout=240, kernel='uml')

MAP = '/run/error.map'
BLOCK = 4096
SECTOR = 512
BAD = [2100, 10_000, 10_001, 11_000]  # in blocks; behind what the writer writes to


class ErrorMapTest(dust_story.DustStory):
    def begin_with_bad_blocks(self):
        self.begin_over_dust()
        for block in BAD:
            self.sector_goes_bad(block)

    def start_ignoring(self, *options, map_path=MAP, **more):
        self.start_copy('--error-map', map_path, *options, on_source_error='ignore', **more)

    def heal_all(self):
        for block in BAD:
            self.sector_heals(block)

    def expect_map(self, bad, block=BLOCK, path=MAP):
        """These blocks are bad, and all others were copied."""
        self.assertEqual(mapfile.blocks(path, '-', block), bad)
        self.assertEqual(mapfile.size(path, '-'), len(bad) * block)
        self.assertEqual(mapfile.size(path, '+'), self.size(self.disk(0)) - len(bad) * block)

    def listed_bytes(self):
        return sum(extent['length'] for extent in self.info(self.job).get('x-error-map', []))

    def until_in_map(self, path=MAP):
        self.wait_for(lambda: os.path.exists(path) and mapfile.blocks(path, '-'), 30, 'bad blocks in the map')

    # Live copies.

    def test_map_of_a_volume_that_moved_has_exactly_the_bad_blocks(self):
        self.begin_with_bad_blocks()
        self.start_ignoring()
        self.until_equal()
        self.assertEqual(self.listed_bytes(), len(BAD) * BLOCK)
        self.assertIn(f'unreadable  {len(BAD) * BLOCK} bytes in 3 places', self.dmjob('info', self.job).stdout)
        self.pivot()
        self.expect_undisturbed()
        self.expect_map(BAD)
        self.assertEqual(self.info(self.job)['error-map'], MAP)
        report = self.stamp.report(self.vol)
        self.assertEqual(sorted(mismatch['block'] for mismatch in report['first']), BAD)

    def test_map_of_a_copy_that_was_kept_has_exactly_the_bad_blocks(self):
        self.begin_with_bad_blocks()
        self.start_ignoring()
        self.until_equal()
        self.dmjob('cancel', self.job)
        self.dmjob('dismiss', self.job)
        self.expect_map(BAD)
        self.heal_all()
        self.expect_as_before()

    def test_blocks_that_are_mended_before_the_end_are_copied(self):
        self.begin_with_bad_blocks()
        self.start_ignoring(speed='6M')
        self.until(lambda job: len(job.get('x-error-map', [])) == 3, 'all to be found')
        self.heal_all()
        self.hurry()
        self.until_equal()
        self.assertNotIn('x-error-map', self.info(self.job))
        self.pivot()
        self.expect_map([])
        self.expect_moved()

    def test_blocks_that_stay_bad_are_tried_once_more_and_then_left(self):
        self.begin_with_bad_blocks()
        self.start_ignoring()
        self.until_equal()
        errors = [data for name, data in self.events() if name == 'BLOCK_JOB_ERROR']
        self.assertEqual(errors, 6 * [dict(device='j', operation='read', action='ignore')])
        self.expect_few_events(seconds=3)
        self.pivot()

    def test_blocks_that_are_mended_while_a_ready_job_is_paused_are_copied(self):
        self.begin_with_bad_blocks()
        self.start_ignoring()
        self.until_equal()
        self.pause('standby')
        self.heal_all()
        self.dmjob('resume', self.job)
        self.until_equal()
        self.assertNotIn('x-error-map', self.info(self.job))
        self.pivot()
        self.expect_map([])
        self.expect_moved()

    def test_map_is_right_after_a_kill(self):
        self.begin_with_bad_blocks()
        self.start_ignoring(speed='3M')
        self.until_in_map()
        self.kill_daemon()
        known = mapfile.blocks(MAP, '-', BLOCK)
        self.assertEqual(known, BAD[:len(known)])
        self.assertEqual(mapfile.blocks(MAP, '+'), [], 'of a volume in use')
        self.restart_daemon()
        self.hurry()
        self.pivot()
        self.expect_map(BAD)

    def test_map_of_a_live_copy_that_is_cancelled_knows_the_bad_blocks_and_no_other(self):
        self.begin_with_bad_blocks()
        self.start_ignoring()
        self.until_equal()
        self.force_cancel()
        self.assertEqual(mapfile.blocks(MAP, '-', BLOCK), BAD)
        self.assertEqual(mapfile.blocks(MAP, '+'), [])
        self.heal_all()
        self.expect_as_before()

    # Where the map may lie.

    def test_map_on_the_very_volume_while_its_target_fails(self):
        self.begin_over_dust()
        self.stamp.stop()
        self.sector_goes_bad()
        self.sh('mkfs.ext4', '-qF', '-E', 'nodiscard', self.vol, '32M')
        os.makedirs('/run/vol')
        self.sh('mount', self.vol, '/run/vol')
        path = '/run/vol/map'
        self.start_ignoring(map_path=path, on_target_error='stop')
        self.until_equal()
        self.break_target()
        self.until_status('standby')
        self.quick_target()
        self.dmjob('resume', self.job)
        self.pivot()
        self.expect_map([dust_story.BAD_BLOCK], path=path)
        self.sh('umount', '/run/vol')
        self.nothing_left(volumes=['vol'])

    def test_map_on_a_file_system_that_hangs_keeps_no_job_from_its_end(self):
        self.begin_with_bad_blocks()
        self.sh('mkfs.ext4', '-q', self.linear('mapdisk', self.disk(2)))
        os.makedirs('/run/maps')
        self.sh('mount', '/dev/mapper/mapdisk', '/run/maps')
        self.start_ignoring(map_path='/run/maps/map', scratch=False, speed='3M')
        self.until_in_map('/run/maps/map')
        self.hang_target('mapdisk')
        began = time.monotonic()
        self.dmjob('cancel', self.job, '--force', '--timeout', '60')
        self.assertLess(time.monotonic() - began, 30)
        self.assertEqual(self.info(self.job)['error-map-trouble'], 'its file system does not answer')
        self.release_target('mapdisk')
        self.dmjob('dismiss', self.job)
        self.heal_all()
        self.expect_as_before()

    # An offline copy, in the sectors of the disk; a loop device over it, since a dm device would be a volume.

    def begin_offline(self, bad):
        self.start_daemon()
        dust = self.make_dust(block=SECTOR)
        for sector in bad:
            self.sector_goes_bad(sector)
        self.source = self.sh('losetup', '--find', '--show', '--direct-io=on', dust).stdout.strip()
        self.sh('mkfs.ext4', '-q', self.disk(1))
        os.makedirs('/run/copies')
        self.sh('mount', self.disk(1), '/run/copies')

    def test_ddrescue_goes_on_where_a_copy_gave_up(self):
        bad = [7, 50_000, 50_001, 98_303]
        self.begin_offline(bad)
        copy, path = '/run/copies/copy', '/run/copies/map'
        told = self.dmjob('copy', self.source, copy, '--on-source-error', 'ignore', '--error-map', path,
                          '--scratch', self.disk(2), '--wait').stderr
        self.assertIn(f'{len(bad) * SECTOR} bytes in 3 places', told)
        self.expect_map(bad, block=SECTOR, path=path)
        self.assertFalse(mapfile.is_done(path))
        for sector in bad:
            self.sector_heals(sector)
        self.sh('ddrescue', '--idirect', '--retry-passes=3', self.source, copy, path)
        self.assertTrue(mapfile.is_done(path))
        self.expect_identical(self.source, copy)


if __name__ == '__main__':
    harness.main()
