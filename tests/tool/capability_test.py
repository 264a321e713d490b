# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the real daemon says about what it may not do."""
import unittest

from daemon_story import DaemonStory


class CapabilityTest(DaemonStory):
    def test_without_the_right_to_mark_its_threads_it_says_so_once(self):
        self.start_daemon(before=('setpriv', '--bounding-set=-sys_resource'))
        with open(self.path('log'), encoding='utf-8') as log:
            told = [line for line in log if 'PR_SET_IO_FLUSHER' in line]
        self.assertEqual(len(told), 1, told)
        self.assertIn('CAP_SYS_RESOURCE', told[0])


if __name__ == '__main__':
    unittest.main(verbosity=2)
