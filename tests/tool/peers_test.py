# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what, with real other users: the real daemon on a socket of its own, and clients that have become somebody
else. The group dmjob is made in a mount namespace of this process; the machine's own /etc/group is never changed."""
import ctypes
import json
import os
import shutil
import subprocess
import sys
import unittest

from daemon_story import BIN_DIR, Connection, DaemonStory, negotiated

CLONE_NEWNS = 0x20000
GROUP, USER, NOBODY = 54321, 54322, 65534

ROOT = (0, 0, [])
MEMBERS = {'primary': (USER, GROUP, []), 'supplementary': (USER, NOBODY, [NOBODY, GROUP])}
STRANGERS = {'nobody': (NOBODY, NOBODY, []), 'of the group root': (USER, 0, [0])}


def setUpModule():
    """From here on nobody but this process and its children sees what is mounted on /etc/group."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        sys.exit('these tests need root: ' + os.strerror(ctypes.get_errno()))
    subprocess.run(['mount', '--make-rprivate', '/'], check=True)


class Other:
    """A child that becomes the user and then does the work, whose result is there in the end. It must not fail an
    assertion: only the parent has a test to report it."""

    def __init__(self, user, work):
        reader, writer = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            self._work(user, work, writer)
        os.close(writer)
        self.reader = reader

    @staticmethod
    def _work(user, work, writer):
        uid, gid, groups = user
        try:
            os.setgroups(groups)
            os.setgid(gid)
            os.setuid(uid)
            result = work()
        except Exception as error:  # whatever it is, the parent shows it
            result = f'{type(error).__name__}: {error}'
        os.write(writer, json.dumps(result).encode())
        os._exit(0)

    def result(self):
        with os.fdopen(self.reader) as pipe:
            text = pipe.read()
        os.waitpid(self.child, 0)
        return json.loads(text)


def as_user(user, work):
    return Other(user, work).result()


class PeersTest(DaemonStory):
    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)  # others can come to the socket
        self.group_file = self.path('group')
        self.write_groups(f'dmjob:x:{GROUP}:')
        subprocess.run(['mount', '--bind', self.group_file, '/etc/group'], check=True)
        self.addCleanup(subprocess.run, ['umount', '/etc/group'], check=True)

    def write_groups(self, *lines):
        with open(self.group_file, 'w', encoding='ascii') as file:
            file.write('\n'.join(['root:x:0:', *lines, '']))

    # Verbs of the tests.

    def ask_all(self):
        """What each command answers to a request without arguments; no error: None."""
        with negotiated(self.socket_path) as client:
            names = [command['name'] for command in client.ask('query-commands')['return']]
            return {name: client.ask(name).get('error', {}).get('desc') for name in names}

    def start_copy(self):
        with negotiated(self.socket_path) as client:
            return client.ask('blockdev-mirror', device=self.path('source'), target=self.path('target'), sync='full',
                              job_id='j')

    def events_of_a_copy(self):
        with negotiated(self.socket_path) as client:
            os.write(self.watching[1], b'.')
            client.wait_status('j', 'null')
            return client.statuses('j')

    def first_words(self):
        """What the daemon says by itself, up to the end of the connection if it is refused."""
        with Connection(self.socket_path) as client:
            first = client.receive()
            return [first] if 'QMP' in first else [first, client.receive()]

    def run_dmjob(self, user, *words):
        """A copy of the program, since the user may not come to where it was built."""
        program = shutil.copy(os.path.join(BIN_DIR, 'dmjob'), self.folder)
        uid, gid, groups = user
        return subprocess.run([program, '--socket', self.socket_path, *words], user=uid, group=gid, extra_groups=groups,
                              cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)

    # Tests.

    def test_root_may_all(self):
        self.start_daemon()
        for command, error in as_user(ROOT, self.ask_all).items():
            self.assertNotIn('is for root', error or '', command)

    def test_a_member_may_query_and_nothing_else(self):
        self.start_daemon()
        for name, user in MEMBERS.items():
            with self.subTest(name):
                answers = as_user(user, self.ask_all)
                for command, error in answers.items():
                    if command.startswith('query-') or command == 'qmp_capabilities':
                        self.assertNotIn('is for root', error or '')
                    else:
                        self.assertEqual(error, f"Command '{command}' is for root; you may query only")

    def test_a_refused_command_does_nothing(self):
        self.start_daemon()
        self.make_disks('source', 'target')
        error = {'class': 'GenericError', 'desc': "Command 'blockdev-mirror' is for root; you may query only"}
        self.assertEqual(as_user(MEMBERS['supplementary'], self.start_copy), {'error': error})
        self.assertEqual(self.client().ask('query-job-history'), {'return': []})
        self.assertEqual(os.path.getsize(self.path('target')), 0)

    def test_a_member_gets_the_events_of_what_root_does(self):
        self.start_daemon()
        self.make_disks('source', 'target')
        self.watching = os.pipe()
        watchers = [Other(user, self.events_of_a_copy) for user in MEMBERS.values()]
        for _ in watchers:
            os.read(self.watching[0], 1)
        self.assertEqual(self.start_copy(), {'return': {}})
        for watcher in watchers:
            self.assertEqual(watcher.result(), ['created', 'running', 'waiting', 'pending', 'concluded', 'null'])

    def test_a_stranger_cannot_connect(self):
        self.start_daemon()
        for name, user in STRANGERS.items():
            with self.subTest(name):
                self.assertIn('PermissionError', as_user(user, self.first_words))

    def test_a_stranger_who_connects_gets_one_error(self):
        self.start_daemon()
        os.chmod(self.socket_path, 0o666)
        refusal = {'class': 'GenericError', 'desc': 'You are neither root nor a member of the group dmjob'}
        for name, user in STRANGERS.items():
            with self.subTest(name):
                self.assertEqual(as_user(user, self.first_words), [{'error': refusal}, None])

    def test_without_the_group_there_is_root_only(self):
        self.write_groups()
        self.start_daemon()
        self.assertIn('PermissionError', as_user(MEMBERS['primary'], self.first_words))
        os.chmod(self.socket_path, 0o666)
        self.assertIn('error', as_user(MEMBERS['primary'], self.first_words)[0])
        self.assertIn('QMP', as_user(ROOT, self.first_words)[0])

    def test_the_command_line_says_what_to_do(self):
        self.start_daemon()
        listed = self.run_dmjob(MEMBERS['supplementary'], '--json', 'list')
        self.assertEqual((listed.returncode, listed.stdout.strip(), listed.stderr), (0, '[]', ''))
        refused = self.run_dmjob(MEMBERS['supplementary'], 'detach', 'vol')
        self.assertEqual((refused.returncode, refused.stdout), (1, ''))
        self.assertIn("'volume-detach' is for root", refused.stderr)
        stranger = self.run_dmjob(STRANGERS['nobody'], 'list')
        self.assertEqual((stranger.returncode, stranger.stdout), (3, ''))
        self.assertIn('run this as root, or a query as a member of the group dmjob', stranger.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
