# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names that are not UTF-8: refused with the reason, never another file's."""
import os
import socket
import subprocess

import offline_story
from offline_story import MIB, OfflineTest

SIZE = 48 * MIB


class NamesTest(OfflineTest):
    def test_a_name_that_is_not_utf8_is_refused_and_a_link_to_it_is_taken(self):
        folder = self.path('caf\udce9')  # the byte E9
        os.mkdir(folder)
        source = self.sparse_file('source', MIB, [(0, 1)])
        target, other = f'{folder}/target', self.path('other')
        for words in (['copy', source, target], ['copy', target, source], ['attach', 'data', target],
                      ['copy', source, other, '--id', '\udcff'], ['pause', '\udcff'],
                      ['copy', source, other, '--scratch', folder]):
            self.assertIn('is not UTF-8', self.refused(*words, status=2))
        self.assertEqual(os.listdir(folder), [])
        self.assertFalse(os.path.exists(self.path('caf\ufffd')))
        os.symlink(folder, self.path('plain'))
        self.expect_copied(source, self.path('plain/target'))
        self.assertEqual(os.listdir(folder), ['target'])

    def test_a_relative_name_in_a_folder_that_is_not_utf8_is_refused(self):
        folder = self.path('caf\udce9')  # the byte E9
        os.mkdir(folder)
        refused = subprocess.run([f'{self.bin_dir}/dmjob', '--socket', self.socket_path, 'copy', self.path('source'),
                                  'target'], cwd=folder, capture_output=True, text=True, check=False)
        self.assertEqual(refused.returncode, 2)
        self.assertIn('caf\\xE9/target\' is not UTF-8', refused.stderr)

    def test_bytes_that_are_not_utf8_are_refused_on_the_socket(self):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.socket_path)
            lines = client.makefile('r', encoding='ascii')
            lines.readline()
            client.sendall(b'{"execute": "qmp_capabilities"}')
            lines.readline()
            client.sendall(b'{"execute": "blockdev-mirror", "arguments": {"device": "/caf\xe9", "target": "/t", '
                           b'"sync": "full"}}')
            self.assertIn('not UTF-8', lines.readline())

    def test_a_loop_device_over_a_file_of_such_a_name_is_a_disk_as_any_other(self):
        target = self.loop(self.sparse_file('caf\udce9', SIZE))
        source = self.sparse_file('source', SIZE, [(0, 48)])
        self.copy(source, target, '--id', 'j', '--speed', '8M')
        self.wait_offset('j', 8 * MIB)
        self.pause('j')
        self.stop_daemon()
        self.start_daemon()
        self.dmjob('speed', 'j', 0)
        self.dmjob('resume', 'j')
        self.assertNotIn('error', self.wait_gone('j'))
        self.expect_identical(source, target)


if __name__ == '__main__':
    offline_story.main()
