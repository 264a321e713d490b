# SPDX-License-Identifier: LGPL-2.1-or-later
"""A scratch that the kernel has given up and marked so: nothing is merged over it, at no time, and nothing is lost."""
import struct

import devices
import harness
import overlay_story
import state_edit

MACHINE = dict(disks=['48M', '64M', '16M', '64M'], mem='512M', timeout=240, kernel='uml')
MIB = 1 << 20
HEADER = 4096  # behind our mark
MAGIC = 0x70416e53


class OverlayInvalidTest(overlay_story.OverlayStory):
    def test_a_commit_waits_until_a_scratch_that_failed_is_mended(self):
        self.begin()
        self.snapshot()
        self.fail_with_its_mark()
        self.start_daemon()
        self.dmjob('commit', 'vol', '--id', 'j')
        self.until_phase('waiting for its scratch, which has failed')
        self.expect_no_write_gets_through()
        self.assertIn(' snapshot ', self.dm_table('vol'))
        self.make_writable()
        self.wait_status('j', 'ready')
        self.dmjob('complete', 'j', '--wait')
        self.stamp.verify()
        self.expect_flat(self.backing)

    def test_a_stream_waits_too_and_can_be_cancelled(self):
        self.begin()
        self.overlay()
        self.fail_with_its_mark()
        self.start_daemon()
        self.dmjob('stream', 'vol', self.target, '--id', 'j', '--force')
        self.until_phase('waiting for its scratch, which has failed')
        self.expect_no_write_gets_through()
        self.dmjob('cancel', 'j', '--force')
        self.make_writable()
        self.wait_for(lambda: 'trouble' not in self.volume()['overlay'], 30, 'the scratch to be mended')
        self.stamp.verify()
        self.expect_backing_untouched()

    def test_after_a_boot_a_merge_is_mended_before_it_is_live_or_is_not_made(self):
        self.begin()
        if self.boot == 1:
            self.snapshot()
            self.fail_with_its_mark()
            state_edit.edit(self.state_dir, self.say_that_it_merges)
            self.cut_power()
        self.assertFalse(self.volume()['active'], self.volume())
        self.assertIn('scratch', self.volume()['error'])
        self.assertNotIn('vol', self.dm_names())
        self.make_writable()
        self.restart()
        self.assertTrue(self.volume()['active'], self.volume())
        self.assertIn(' snapshot-merge ', self.dm_table('vol'))
        self.verify_all()
        self.dmjob('commit', 'vol', '--pivot')
        self.verify_all()
        self.expect_flat(self.backing)

    # How it is done.

    def make_scratch(self):
        scratch = super().make_scratch()
        if self.boot > 1:
            self.make_unwritable()
        return scratch

    @staticmethod
    def say_that_it_merges(content):
        """As a daemon that is killed between the state file's write and the kernel's step leaves it."""
        overlay = next(volume for volume in content['volumes'] if volume['name'] == 'vol')['overlay']
        overlay['stage'], overlay['merge-begun'] = 'merging', True

    def fail_with_its_mark(self):
        """The scratch has failed, the kernel has noted that in it, and now nothing can be written to it at all. No
        daemon runs."""
        self.start_writing(writes=1000, size=6 * MIB)
        self.until_used(5 * MIB)
        self.stamp.stop()
        self.kill_daemon()
        self.break_target('scratch', first=6 * MIB // 512)
        for block in range(4000, 6000):  # until one does not fit any more in front of that
            if self.write_a_block(block).returncode != 0:
                break
        self.assertEqual(self.header(), (MAGIC, 0))
        self.make_unwritable()

    def write_a_block(self, block):
        """What is there already."""
        return self.sh('dd', 'if=' + self.vol, 'of=' + self.vol, 'iflag=direct', 'oflag=direct', 'bs=4K',
                       f'skip={block}', f'seek={block}', 'count=1', check=False)

    def header(self):
        return struct.unpack_from('<II', devices.DirectReader(self.scratch).read(HEADER, 512))

    def make_unwritable(self):
        disk, sectors = self.scratch_disk, self.sectors(self.scratch_disk)
        self.sh('dmsetup', 'create', 'nowhere', '--table', f'0 {sectors} error')
        self.dm_switch('scratch', f'0 {sectors} delay {disk} 0 0 /dev/mapper/nowhere 0 0', noflush=True)

    def make_writable(self):
        disk = self.scratch_disk
        self.dm_switch('scratch', f'0 {self.sectors(disk)} linear {disk} 0', noflush=True)
        self.sh('dmsetup', 'remove', 'nowhere')

    def expect_no_write_gets_through(self):
        """To the origin, say, which the scratch covers."""
        self.assertNotEqual(self.write_a_block(1).returncode, 0, 'a write was acknowledged')

    def verify_all(self):
        self.writer(self.vol, self.log, fill=False).verify()


if __name__ == '__main__':
    harness.main()
