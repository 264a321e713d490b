# SPDX-License-Identifier: LGPL-2.1-or-later
"""The file of a scratch is deleted, replaced or renamed while a volume writes to it: what it holds is whole until the
next boot, which is shown at once, and it can be committed, streamed or thrown away without a name."""
import os
import time

import harness
import overlay_story
from file_system_load import MAKERS

MACHINE = dict(disks=['48M', '64M', '384M'], mem='512M', timeout=240, kernel='uml')
MIB = 1 << 20
FOLDER = '/run/scratch'


class ScratchNameTest(overlay_story.OverlayStory):
    def make_scratch(self):
        os.makedirs(FOLDER, exist_ok=True)
        if self.boot == 1:
            self.sh(*MAKERS[self.kind], self.disk(2))
        self.sh('mount', self.disk(2), FOLDER)
        self.addCleanup(self.sh, 'umount', FOLDER, check=False)
        return FOLDER

    def test_what_an_unnamed_file_on_ext4_holds_is_committed_under_a_writer(self):
        self.commit_without_a_name('ext4')

    def test_what_an_unnamed_file_on_xfs_holds_is_committed_under_a_writer(self):
        self.commit_without_a_name('xfs')

    def commit_without_a_name(self, kind):
        self.hold(kind)
        os.unlink(self.file)
        self.until_at_risk('was deleted, and what was written since lasts until the next boot only: commit')
        self.restart()
        self.until_at_risk('was deleted')
        self.until_used(3 * MIB)
        self.dmjob('commit', 'vol', '--pivot')
        self.expect_written()
        self.expect_flat(self.backing)

    def test_an_overlay_without_a_name_is_streamed(self):
        self.hold('ext4', self.overlay)
        os.unlink(self.file)
        self.until_at_risk('stream the volume')
        self.dmjob('stream', 'vol', self.target, '--wait')
        self.expect_written()
        self.expect_flat(self.target)
        self.expect_backing_untouched()

    def test_a_file_in_its_place_is_left_alone(self):
        self.hold('ext4')
        os.unlink(self.file)
        with open(self.file, 'wb') as other:
            other.write(b'mine')
        self.until_at_risk('was deleted')
        self.stamp.stop()
        self.stamp.verify()
        self.restart()
        self.stamp.verify()
        self.dmjob('rollback', 'vol')
        self.assertEqual(self.digest(self.vol), self.before)
        with open(self.file, 'rb') as other:
            self.assertEqual(other.read(), b'mine')

    def test_a_renamed_file_can_have_its_name_back(self):
        self.hold('ext4')
        os.rename(self.file, f'{FOLDER}/elsewhere')
        self.until_at_risk(f'is {FOLDER}/elsewhere by now')
        os.rename(f'{FOLDER}/elsewhere', self.file)
        self.wait_for(lambda: 'scratch-fault' not in self.volume()['overlay'], 60, 'the scratch to be well')
        self.dmjob('commit', 'vol', '--pivot')
        self.expect_written()

    def test_a_boot_says_what_is_missing(self):
        if self.boot == 1:
            self.hold('ext4')
            self.stamp.stop()
            os.unlink(self.file)
            self.until_at_risk('was deleted')
            self.sh('sync', '-f', FOLDER)
            self.cut_power()
        self.kind = 'ext4'
        self.begin()
        self.wait_for(lambda: self.volume().get('error'), 60, 'the volume to be seen')
        self.assertIn('is not there, and what was written', self.volume()['error'])
        self.assertIn('dmjob rollback vol', self.volume()['error'])
        self.dmjob('rollback', 'vol')
        self.expect_flat(self.backing)

    # The story.

    def hold(self, kind, make=None):
        """With something in the scratch, and a writer."""
        self.kind = kind
        self.begin()
        (make or self.snapshot)()
        self.start_writing(size=8 * MIB)
        self.until_used(2 * MIB)
        self.file = self.volume()['overlay']['scratch']
        self.assertTrue(self.file.startswith(FOLDER))

    def until_at_risk(self, text):
        self.wait_for(lambda: 'scratch-fault' in self.volume()['overlay'], 60, 'the fault to be shown')
        time.sleep(0.3)
        self.assertIn(text, self.volume()['overlay']['scratch-fault'])
        self.assertIn(f'AT RISK: scratch {self.file}', self.dmjob('volumes').stdout)
        self.assertIn('scratch lost its name', self.dmjob('events').stdout)


if __name__ == '__main__':
    harness.main()
