# SPDX-License-Identifier: LGPL-2.1-or-later
"""The target of a stream is what the stream has written, and nothing else, when the volume comes to stand on it. Whoever
writes to it while no daemon runs, or beside one, does not go unnoticed; what he wrote is written over."""
import os

import harness
import overlay_story

MACHINE = dict(disks=['48M', '64M', '16M'], mem='512M', timeout=240, kernel='uml')
MIB = 1 << 20
WRITABLE = 8 * MIB  # the rest of the volume is what its backing disk is
COPIED = 20 * MIB
ALL = 44 * MIB  # at least so much is written when all is copied once more


class StreamTargetTest(overlay_story.OverlayStory):
    def test_written_to_while_the_daemon_is_dead_it_is_copied_anew(self):
        self.begin_to_copy()
        self.kill_daemon_when_noted()
        self.expect_the_disk_refused()
        self.write_to_target()
        self.start_daemon()
        self.expect_all_copied_anew()

    def test_written_to_after_an_orderly_stop_it_is_copied_anew(self):
        self.begin_to_copy()
        self.stop_daemon()
        self.expect_the_disk_refused()
        self.write_to_target()
        self.start_daemon()
        self.expect_all_copied_anew()

    def test_written_to_beside_a_daemon_it_is_copied_anew(self):
        self.begin_to_copy()
        self.write_to_target()
        self.expect_all_copied_anew()

    def test_that_nobody_has_written_to_it_goes_on(self):
        self.begin_to_copy()
        self.kill_daemon_when_noted()
        self.start_daemon()
        self.expect_it_goes_on()

    def test_with_the_volumes_scratch_in_its_tail_it_goes_on(self):
        """What the volume writes to its scratch is no write of others, at rest or not."""
        self.begin_to_copy(tail=True)
        self.assertEqual(self.dm_table('dmjob-vol-vdisk').split()[2:4], ['linear', self.number(self.target)])
        self.kill_daemon_when_noted()
        self.start_daemon()
        self.expect_it_goes_on()

    def test_with_the_volumes_scratch_in_its_tail_it_is_copied_anew_if_it_was_written_to(self):
        self.begin_to_copy(tail=True)
        self.kill_daemon_when_noted()
        self.expect_the_disk_refused()
        self.write_to_target()
        self.start_daemon()
        self.expect_all_copied_anew()

    def test_of_a_held_volume_with_its_scratch_in_its_tail_it_is_copied_anew_if_it_was_written_to(self):
        """Writes wait in the scratch, and never come to rest."""
        self.begin()
        self.dmjob('overlay', 'vol', self.backing, '--target', self.target)
        self.start_writing(writes=4000)
        self.until_held()
        self.copy_a_part(tail=True)
        self.write_to_target()
        self.dmjob('speed', 'j', 0)
        self.dmjob('resume', 'j')
        self.assertEqual(self.wait_status('j', 'concluded', timeout=120).get('error', ''), '')
        self.assertIn('somebody else has written to the target', self.info('j')['copied-anew'])
        self.expect_moved()

    # How it is done.

    def begin_to_copy(self, tail=False):
        """A stream that is paused, with its checkpoint stored; the volume is written to."""
        self.begin()
        if tail:
            self.dmjob('overlay', 'vol', self.backing, '--target', self.target)
        else:
            self.overlay('--target', self.target)
        self.start_writing(size=WRITABLE)
        self.copy_a_part(tail)

    def copy_a_part(self, tail):
        options = ('--scratch', self.scratch) if tail else ()
        self.dmjob('stream', 'vol', '--id', 'j', '--speed', '8M', '--manual-dismiss', *options)
        self.wait_for(lambda: self.info('j')['offset'] >= COPIED, 60, lambda: f'a part to be copied: {self.info("j")}')
        self.dmjob('pause', 'j')
        self.wait_status('j', 'paused')

    def write_to_target(self):
        """As dd does, which does not ask for the disk alone: where the copy has been, and the volume never writes."""
        self.sh(f'dd if=/dev/urandom of={self.target} bs=1M seek=12 count=2 conv=notrunc')

    def expect_the_disk_refused(self):
        self.assertNotEqual(self.sh('mkfs.ext4', '-q', '-F', self.target, check=False).returncode, 0)
        for path in (self.target, self.disk(1)):
            with self.assertRaises(OSError):
                os.close(os.open(path, os.O_RDWR | os.O_EXCL))

    def written_by_the_rest(self):
        """Bytes that are written to the target until the stream has ended well."""
        before = self.diskstats(self.disk(1))['sectors_written']
        self.dmjob('speed', 'j', 0)
        self.dmjob('resume', 'j')
        self.assertEqual(self.wait_status('j', 'concluded', timeout=120).get('error', ''), '')
        return 512 * (self.diskstats(self.disk(1))['sectors_written'] - before)

    def expect_all_copied_anew(self):
        written = self.written_by_the_rest()
        self.expect_same_as_backing()
        self.assertGreater(written, ALL)
        self.assertIn('somebody else has written to the target', self.info('j')['copied-anew'])
        self.expect_moved()

    def expect_it_goes_on(self):
        self.written_by_the_rest()
        self.expect_same_as_backing()
        self.assertNotIn('copied-anew', self.info('j'))
        self.expect_moved()

    def expect_same_as_backing(self):
        """Where the volume is not written to."""
        self.sh('cmp', '-i', str(WRITABLE), self.backing, '/dev/mapper/vol')

    def expect_moved(self):
        self.dmjob('dismiss', 'j')
        self.expect_written()
        self.expect_flat(self.target)
        self.expect_backing_untouched()


if __name__ == '__main__':
    harness.main()
