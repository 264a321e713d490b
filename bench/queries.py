# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long a client waits for an answer while a cancel hangs on a dead disk and there are 1000 other jobs: half of
them concluded and not yet dismissed, half pending, each with its devices open and a thread of its own.

All is asked over one connection, one request after the other. The machine has one processor for both sides, and the
request for a version is what it takes to ask at all.
"""
import json
import socket
import statistics
import time

import harness
from report import report

JOBS = 1000
ROUNDS = 500
SMALL = 1 << 16  # bytes of a file that is copied
PART = (128 << 20) // 512  # sectors of a volume


class Client:
    """As little as can be between the request and the clock."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.answer_to(b'')  # the greeting
        self.ask('qmp_capabilities')

    def answer_to(self, request):
        self.socket.sendall(request)
        answer = self.socket.recv(1 << 20)
        while not answer.endswith(b'\n'):
            answer += self.socket.recv(1 << 20)
        return answer

    def ask(self, command, **arguments):
        """Events may come before the answer."""
        lines = self.answer_to(request_for(command, **arguments)).splitlines()
        while not (answers := [line for line in map(json.loads, lines) if 'event' not in line]):
            lines = self.answer_to(b'').splitlines()
        assert 'return' in answers[0], answers
        return answers[0]['return']

    def times(self, *requests):
        """Milliseconds that each answer took; the requests are sent in turn."""
        taken = []
        for number in range(ROUNDS):
            request = requests[number % len(requests)]
            start = time.perf_counter()
            self.answer_to(request)
            taken.append((time.perf_counter() - start) * 1000)
        return taken


def request_for(command, **arguments):
    named = {name.replace('_', '-'): value for name, value in arguments.items()}
    return json.dumps(dict(execute=command, arguments=named)).encode() + b'\n'


class Queries(harness.KernelTest):
    def test_queries(self):
        self.start_daemon()
        client = Client(self.socket_path)
        self.hang_a_cancel()
        self.pause_another_copy()
        self.start_jobs(client)
        client = Client(self.socket_path)  # one that no event waits for
        kinds = {
            'query-version': [request_for('query-version')],
            'query-jobs of one': [request_for('query-jobs', id='hung')],
            'query-block-jobs of one': [request_for('query-block-jobs', device='hung')],
            'query-jobs, all': [request_for('query-jobs')],
            'query-block-jobs, all': [request_for('query-block-jobs')],
            'query-events, none new': [request_for('query-events', since=1 << 50)],
            'set-speed of another': [request_for('block-job-set-speed', device='other', speed=speed)
                                     for speed in (1 << 20, 2 << 20)],
        }
        rows = []
        for kind, requests in kinds.items():
            taken = sorted(client.times(*requests))
            rows += [(f'{kind}: median', statistics.median(taken)), (f'{kind}: p99', taken[len(taken) * 99 // 100]),
                     (f'{kind}: longest', taken[-1])]
        self.assertEqual(self.info('hung')['status'], 'running')
        self.release_target()  # a process whose I/O hangs cannot be ended
        report(f'Answers while a cancel hangs and {JOBS} jobs exist', 'ms', rows)

    def hang_a_cancel(self):
        self.linear('hung-source', self.disk(0), 0, PART)
        target = self.linear('target', self.disk(1), 0, PART)
        self.dmjob('attach', 'hung', '/dev/mapper/hung-source')
        self.dmjob('copy', 'hung', target, '--speed', '1M')
        self.wait_for(lambda: self.info('hung')['phase'] == 'bulk', 60, 'the bulk copy')
        self.hang_target()
        time.sleep(1.5)
        self.dmjob('cancel', 'hung', '--force', '--async')

    def pause_another_copy(self):
        self.linear('other-source', self.disk(0), PART, PART)
        target = self.linear('other-target', self.disk(1), PART, PART)
        self.dmjob('attach', 'other', '/dev/mapper/other-source')
        self.dmjob('copy', 'other', target, '--speed', '1M')
        self.dmjob('pause', 'other')
        self.wait_status('other', 'paused')

    def start_jobs(self, client):
        for number in range(JOBS):
            with open(f'/tmp/small.{number}', 'wb') as file:
                file.truncate(SMALL)
            client.ask('blockdev-mirror', job_id=f'job-{number}', device=f'/tmp/small.{number}',
                       target=f'/tmp/copy.{number}', sync='full', auto_dismiss=False, auto_finalize=number % 2 == 0)
        self.wait_for(lambda: self.waiting_jobs(client) == JOBS, 300, lambda: f'{self.waiting_jobs(client)} jobs')

    @staticmethod
    def waiting_jobs(client):
        return sum(job['status'] in ('concluded', 'pending') for job in client.ask('query-jobs'))


if __name__ == '__main__':
    harness.main()
