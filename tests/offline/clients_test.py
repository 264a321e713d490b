# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many clients of the real daemon, good ones and bad ones. No time is part of a verdict: whoever is made to wait by
another waits for ever here, and runs into the time-out of its connection."""
import json
import resource
import time

import offline_story

CLIENTS = 1000
COMMANDS = b'{"execute": "query-commands"}'  # its answer is long


class ClientsTest(offline_story.OfflineTest):
    def setUp(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))  # what the daemon is started with
        super().setUp()
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    # Many.

    def test_a_thousand_clients_all_get_an_event(self):
        clients = [self.connect() for _ in range(CLIENTS)]
        self.make_two_events(clients[0])
        for client in clients[1:]:
            self.assertEqual(client.receive()['data'], dict(id='never', status='created'))
            self.assertEqual(client.receive()['data'], dict(id='never', status='null'))
            self.assertEqual(client.execute('query-jobs'), [])

    def test_one_more_than_a_thousand_is_refused_until_one_leaves(self):
        clients = [self.connect() for _ in range(CLIENTS)]
        self.expect_refused('Too many clients: 1000 are connected', 'list')
        clients.pop().close()
        self.wait_for(lambda: self.dmjob('list', check=False).returncode == 0, 30, 'a place')

    # Slow ones.

    def test_a_client_that_reads_no_events_is_let_go_and_nobody_else_notices(self):
        sleeper, reader, busy = self.connect(), self.connect(), self.connect()
        numbers = []
        for _ in range(3000):
            self.make_two_events(busy)
            numbers += [reader.receive()['number'] for _ in range(2)]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + 6000)))
        with self.assertRaises(ConnectionError):
            sleeper.until(lambda line: line['number'] == numbers[-1])
        missed = self.connect().execute('query-events', since=numbers[-10])
        self.assertEqual([event['number'] for event in missed], numbers[-9:])

    def test_a_client_that_reads_no_answers_gets_them_later_and_nobody_else_notices(self):
        deaf, other = self.connect(), self.connect()
        deaf.socket.setblocking(False)
        sent = 0
        try:
            while True:
                sent += deaf.socket.send(COMMANDS * 100)
        except BlockingIOError:
            pass  # the daemon reads no more
        for _ in range(100):
            self.assertEqual(other.execute('query-jobs'), [])
        deaf.socket.settimeout(30)
        for _ in range(sent // len(COMMANDS)):
            self.assertIn('return', deaf.receive())

    # Requests as they may come.

    def test_half_a_request_holds_up_nobody(self):
        slow, other = self.connect(), self.connect()
        slow.socket.sendall(b'{"execute": "query-')
        for _ in range(10):
            self.assertEqual(other.execute('query-jobs'), [])
            time.sleep(0.01)
        slow.socket.sendall(b'jobs"}')
        self.assertEqual(slow.receive(), {'return': []})

    def test_requests_of_one_write_are_answered_in_their_order(self):
        client = self.connect()
        names = ['query-jobs', 'query-block-jobs', 'no-such-command', 'query-version']
        requests = [dict(execute=names[number % len(names)], id=number) for number in range(100)]
        client.socket.sendall(b''.join(json.dumps(request).encode() for request in requests))
        self.assertEqual([client.receive()['id'] for _ in requests], list(range(100)))


if __name__ == '__main__':
    offline_story.main()
