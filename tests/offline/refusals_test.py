# SPDX-License-Identifier: LGPL-2.1-or-later
"""What cannot be copied, or copied to, in plain words: who uses it, or what it is. Nothing is changed."""
import os
import socket

import offline_story
from offline_story import MIB, OfflineTest


class RefusalsTest(OfflineTest):
    def setUp(self):
        super().setUp()
        self.file = self.sparse_file('file', MIB, [(0, 1)])

    def test_what_is_no_disk_and_no_file_is_named_as_what_it_is(self):
        for path, why in self.strange_paths().items():
            for words in self.verbs_with(path):
                refused = self.refused(*words)
                self.assertIn(why, refused)
                self.assertIn(path, refused)
                self.assertNotIn('nternal error', refused)

    def test_what_is_not_there_is_said_to_be_missing(self):
        missing = self.path('missing')
        self.expect_refused(f'{missing} is not there', 'copy', missing, self.path('new'))
        self.expect_refused(f'{missing} does not exist', 'compare', self.file, missing)
        self.expect_refused('there is no folder', 'copy', self.file, f'{missing}/target')
        self.expect_refused('is not there', 'copy', self.file, self.path('new'), '--scratch', f'{missing}/scratch')
        self.assertFalse(os.path.exists(self.path('new')))

    def test_scratch_and_error_map_are_looked_at_too(self):
        new, paths = self.path('new'), self.strange_paths()
        link, folder = self.path('link'), self.path('folder')
        self.expect_refused('is a link that leads nowhere', 'copy', self.file, new, '--scratch', link)
        self.expect_refused('is not a regular file', 'copy', self.file, new, '--error-map', folder)
        for path in paths.keys() - {folder}:
            self.assertNotIn('nternal error', self.refused('copy', self.file, new, '--scratch', f'{path}/x'))
        self.assertFalse(os.path.exists(new))

    def test_an_empty_file_and_one_that_is_read_only(self):
        empty = self.sparse_file('empty', 0)
        self.expect_refused(f'source {empty} is empty', 'copy', empty, self.path('new'))
        disk = self.loop(self.sparse_file('disk', MIB), '--read-only')
        self.expect_refused(f'target {disk} is read-only', 'copy', self.file, disk)

    def test_a_read_only_disk_can_be_copied_and_compared(self):
        disk = self.loop(self.file, '--read-only')
        self.expect_copied(disk, self.path('new'))
        self.dmjob('compare', disk, self.path('new'), '--wait')
        self.dmjob('backup', disk, self.path('backup'), '--wait')
        self.expect_identical(disk, self.path('backup'))

    def test_the_program_that_has_a_disk_for_itself_is_named(self):
        disk = self.loop(self.sparse_file('disk', MIB))
        held = os.open(disk, os.O_RDONLY | os.O_EXCL)
        self.addCleanup(os.close, held)
        who = f'is in use (open in python3 (pid {os.getpid()}))'
        self.expect_refused(f'target {disk} {who}: close what has it open', 'copy', self.file, disk, '--force')
        self.expect_refused(f'source {disk} {who}', 'copy', disk, self.path('new'))
        self.expect_refused(f'scratch {disk} {who}', 'copy', self.file, self.path('new'), '--scratch', disk)

    # The stories.

    def strange_paths(self):
        """Paths, and what they are called."""
        os.mkdir(self.path('folder'))
        os.mkfifo(self.path('pipe'))
        os.symlink('/is/not/there', self.path('link'))
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(self.path('socket'))
        neither = 'is neither a disk nor a regular file'
        return {self.path('folder'): 'is a folder', self.path('pipe'): neither, self.path('socket'): neither,
                '/dev/zero': neither, self.path('link'): 'is a link that leads nowhere'}

    def verbs_with(self, path):
        yield 'copy', path, self.path('new')
        for verb in 'copy', 'backup', 'compare':
            yield verb, self.file, path


if __name__ == '__main__':
    offline_story.main()
