# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was named is what a job has written to, to the end: files that are removed, replaced, cut or moved away."""
import os

import offline_story
from offline_story import MIB, OfflineTest

SIZE = 48 * MIB


class TargetsTest(OfflineTest):
    def test_a_target_that_is_removed_is_no_copy(self):
        target = self.under_way()
        os.unlink(target)
        self.expect_failure(f'target {target} is not at that path any more')

    def test_a_target_whose_folder_is_renamed_is_no_copy(self):
        os.mkdir(self.path('folder'))
        target = self.under_way('folder/target')
        os.rename(self.path('folder'), self.path('elsewhere'))
        self.expect_failure(f'target {target} is not at that path any more')

    def test_a_target_in_whose_place_another_file_is_leaves_that_alone(self):
        target = self.under_way()
        os.rename(target, self.path('moved'))
        with open(target, 'wb') as other:
            other.truncate(SIZE)
        self.expect_failure(f'target {target} is another file by now')
        self.assertEqual(self.allocated(target), 0)

    def test_a_target_that_is_cut_is_no_copy(self):
        target = self.under_way()
        os.truncate(target, 5 * MIB)
        self.expect_failure(f'target {target} was cut or made longer')

    def test_a_target_that_is_cut_is_no_copy_although_its_end_is_written_afterwards(self):
        """It is as long as before then. Within one slice of the copy."""
        target = self.under_way()
        self.dmjob('speed', 'j', 0)
        for _ in range(200):
            os.truncate(target, 5 * MIB)
            if not self.list():
                break
        self.assertIn('was cut or made longer', self.wait_gone('j')['error'])

    def test_a_target_that_is_made_longer_is_no_copy(self):
        target = self.under_way()
        os.truncate(target, SIZE + 1)
        self.expect_failure(f'target {target} was cut or made longer')

    def test_a_backup_of_a_file_is_looked_at_as_well(self):
        target = self.under_way(verb='backup')
        os.unlink(target)
        self.expect_failure(f'target {target} is not at that path any more')

    def test_a_target_that_is_removed_before_it_is_finalized_is_no_copy(self):
        target = self.under_way('target', 'copy', '--manual-finalize')
        self.dmjob('speed', 'j', 0)
        self.wait_status('j', 'pending')
        os.unlink(target)
        self.dmjob('finalize', 'j', check=False)
        self.assertIn('is not at that path any more', self.wait_gone('j')['error'])

    def test_a_target_that_was_cut_while_no_daemon_ran_is_copied_anew(self):
        target = self.under_way()
        self.pause('j')
        self.stop_daemon()
        os.truncate(target, 5 * MIB)
        self.start_daemon()
        self.dmjob('speed', 'j', 0)
        self.dmjob('resume', 'j')
        self.assertNotIn('error', self.wait_gone('j'))
        self.expect_identical(self.path('source'), target)

    # The story.

    def under_way(self, name='target', verb='copy', *options):
        """A copy that would take minutes, in its midst. Returns its target."""
        source, target = self.sparse_file('source', SIZE, [(0, 48)]), self.path(name)
        self.dmjob(verb, source, target, '--id', 'j', '--speed', '8M', *options)
        self.wait_offset('j', 8 * MIB)
        self.dmjob('speed', 'j', '256K')
        return target

    def expect_failure(self, error):
        """Early: the rest would be in vain."""
        self.assertIn(error, self.wait_gone('j')['error'])
        self.expect_no_scratch()


if __name__ == '__main__':
    offline_story.main()
