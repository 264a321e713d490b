# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client that was away asks for what it has missed, also when the daemon was."""
import json
import subprocess

import offline_story


class EventsTest(offline_story.OfflineTest):
    def events_since(self, number):
        return self.connect().execute('query-events', since=number)

    def test_over_a_restart_in_order_no_event_is_lost(self):
        self.make_two_events(self.connect())
        before = self.events_since(0)
        self.assertEqual([event['number'] for event in before], [1, 2])
        self.stop_daemon()
        self.start_daemon()
        self.make_two_events(self.connect())
        after = self.events_since(0)
        self.assertEqual(after[:2], before)
        self.assertEqual([event['number'] for event in after], [1, 2, 3, 4])

    def test_after_a_kill_no_number_comes_twice_and_what_may_be_missing_is_told(self):
        source = self.sparse_file('source', 1 << 16)
        self.copy(source, self.path('target'), '--id', 'j', '--wait')
        client = self.connect()
        self.wait_for(self.end_is_stored, 30, 'the state file to be written')
        self.make_two_events(client)  # which nobody stores
        seen = self.events_since(0)
        self.kill_daemon()
        self.start_daemon()
        stored, lost = self.events_since(0)[:-1], self.events_since(0)[-1]
        self.assertEqual(stored, seen[:len(stored)])
        self.assertEqual(stored[-1]['data'], dict(id='j', status='null'))
        self.assertEqual((lost['event'], lost['data']), ('EVENTS_LOST', dict(since=stored[-1]['number'])))
        self.assertGreater(lost['number'], seen[-1]['number'])
        # Whoever has seen the last one cannot know whether it was the last.
        self.assertEqual(self.events_since(seen[-1]['number']), [lost])
        self.assertEqual(self.events_since(lost['number']), [])
        self.make_two_events(self.connect())
        self.assertEqual([event['number'] - lost['number'] for event in self.events_since(lost['number'])], [1, 2])

    def end_is_stored(self):
        with open(self.state_dir + '/state.json', encoding='utf-8') as file:
            return '"status":"null"' in file.read()

    def test_follow_goes_on_over_a_restart_and_misses_nothing(self):
        with open(self.path('followed'), 'wb') as output:
            follower = subprocess.Popen([self._program('dmjob'), '--socket', self.socket_path, 'events', '--follow'],
                                        stdout=output, stdin=subprocess.DEVNULL)
        self.addCleanup(follower.wait)
        self.addCleanup(follower.terminate)
        self.make_two_events(self.connect())
        self.wait_for(lambda: self.followed() == [1, 2], 30, self.followed)
        self.stop_daemon()
        self.start_daemon()
        self.make_two_events(self.connect())
        self.wait_for(lambda: len(self.followed()) == 4, 30, self.followed)
        self.assertEqual(self.followed(), [1, 2, 3, 4])

    def followed(self):
        with open(self.path('followed'), encoding='utf-8') as file:
            return [json.loads(line)['number'] for line in file.read().splitlines()]


if __name__ == '__main__':
    offline_story.main()
