# SPDX-License-Identifier: LGPL-2.1-or-later
"""A QMP client of a few lines, for tests that must ask often or at a certain moment."""
import json
import socket


class QmpClient:
    def __init__(self, path, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.lines = self.socket.makefile('r', encoding='utf-8')
        self.receive()  # the greeting
        self.execute('qmp_capabilities')

    def execute(self, command, **arguments):
        """The answer; a refusal is a failed test. An underscore in the name of an argument stands for a dash."""
        request = dict(execute=command, arguments={name.replace('_', '-'): value for name, value in arguments.items()})
        self.socket.sendall((json.dumps(request) + '\n').encode())
        while 'event' in (answer := self.receive()):
            pass
        assert 'return' in answer, f'{command} {arguments}: {answer}'
        return answer['return']

    def receive(self):
        """The next line, an answer or an event."""
        line = self.lines.readline()
        if not line:
            raise ConnectionError('the daemon has closed the connection')
        return json.loads(line)

    def until(self, wanted):
        """Waits for an event for which wanted(event) holds."""
        while not wanted(self.receive()):
            pass

    def close(self):
        self.lines.close()
        self.socket.close()
