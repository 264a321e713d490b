# SPDX-License-Identifier: LGPL-2.1-or-later
"""The speed that a copy holds over ten seconds, for several limits."""
import time

import harness
from report import report

SECONDS = 10
LIMITS = (1, 10, 100)  # MiB/s


class Speed(harness.KernelTest):
    def test_speed(self):
        self.start_daemon()
        self.linear('vol', self.disk(0))
        rows = []
        for limit in LIMITS:
            self.dmjob('copy', 'vol', self.disk(1), '--id', 'job', '--scratch', self.disk(2), '--force', '--speed',
                       f'{limit}M')
            self.wait_for(lambda: self.info('job')['phase'] == 'bulk', 30, 'the bulk copy')
            rows.append((f'{limit} MiB/s asked for', self.measure() / limit))
            self.dmjob('cancel', 'job', '--force')
        report('Speed held over 10 s, as a part of the limit', 'of the limit', rows)

    def measure(self):
        begin, start = self.info('job')['offset'], time.monotonic()
        time.sleep(SECONDS)
        end, stop = self.info('job')['offset'], time.monotonic()
        return (end - begin) / (stop - start) / (1 << 20)


if __name__ == '__main__':
    harness.main()
