# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the stories of the real daemon have in common: a dmjobd on a socket of its own, without device-mapper, and
clients that see every line. As root. All of it is gone at the end, however the story ends."""
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BIN_DIR = os.environ['DMJOB_BIN_DIR']
TIME_LIMIT = 60


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIME_LIMIT)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self.lines = self.socket.makefile('r', encoding='utf-8')
        self.events = []  # that came before answers, or were waited for

    def close(self):
        self.lines.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def receive(self):
        """The next line; None at the end."""
        line = self.lines.readline()
        return json.loads(line) if line else None

    def ask(self, command, **arguments):
        """The answer. An underscore in the name of an argument stands for a dash."""
        arguments = {name.replace('_', '-'): value for name, value in arguments.items()}
        self.socket.sendall(json.dumps(dict(execute=command, arguments=arguments)).encode())
        while 'event' in (answer := self.receive()):
            self.events.append(answer)
        return answer

    def statuses(self, job):
        """That the job has had, as far as events have come."""
        seen = [event['data'] for event in self.events if event['event'] == 'JOB_STATUS_CHANGE']
        return [data['status'] for data in seen if data['id'] == job]

    def wait_status(self, job, status):
        while status not in self.statuses(job):
            self.events.append(self.receive())


def negotiated(path):
    client = Connection(path)
    client.receive()
    client.ask('qmp_capabilities')
    return client


class DaemonStory(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='dmjob-daemon.', dir='/var/tmp')
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.socket_path = self.path('run/qmp.sock')

    def path(self, name):
        return os.path.join(self.folder, name)

    def start_daemon(self, before=()):
        """`before`: words in front of the command."""
        with open(self.path('log'), 'w', encoding='ascii') as log:
            daemon = subprocess.Popen(
                [*before, os.path.join(BIN_DIR, 'dmjobd'), '--config', '/dev/null', '--socket', self.socket_path,
                 '--state-dir', self.path('state')], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(self.end, daemon)
        deadline = time.monotonic() + TIME_LIMIT
        while not self.answers():
            self.assertIsNone(daemon.poll(), 'the daemon has ended')
            self.assertLess(time.monotonic(), deadline, 'the daemon does not answer')
            time.sleep(0.02)

    def answers(self):
        try:
            with Connection(self.socket_path) as client:
                return client.receive() is not None
        except OSError:
            return False

    def end(self, daemon):
        daemon.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(timeout=TIME_LIMIT), 0, 'exit status of dmjobd')

    def client(self):
        client = negotiated(self.socket_path)
        self.addCleanup(client.close)
        return client

    def make_disks(self, *names, size=1 << 20):
        """Files that can be copied to one another; the first one has something in it."""
        for number, name in enumerate(names):
            with open(self.path(name), 'wb') as file:
                file.write(b'' if number else b's' * size)
