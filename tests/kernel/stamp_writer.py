# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drives the stamp tool (tests/support/stamp.cc): a writer in the background and the check of what it wrote."""
import json
import os
import subprocess
import time

import devices


class StampWriter:
    """Fills a device with stamps, then writes to it until stop(), or until the end of the with block:

        with StampWriter(stamp, device, log) as writer:
            ...
        writer.verify(target)

    With a log that lies on the machine's own directory, what was acknowledged is still known after a power cut: a
    StampWriter made with fill=False on the next boot can verify, and write on.
    """

    def __init__(self, stamp, device, log, iops=500, fill=True, seconds=3600, options=()):
        self.stamp, self.device, self.log = stamp, device, log
        self.arguments = [str(seconds), '--iops', str(iops), *options]
        self.process = None
        self.stats = None
        if fill:
            if os.path.exists(log):
                os.unlink(log)
            devices.run(stamp, 'fill', device)

    def start(self):
        before = self._logged()
        self.process = subprocess.Popen([self.stamp, 'run', self.device, self.log, *self.arguments],
                                        stdout=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 30
        while self._logged() == before and self.process.poll() is None:
            assert time.monotonic() < deadline, f'no write to {self.device} within 30 seconds'
            time.sleep(0.01)
        return self

    def stop(self):
        """Ends the writer and returns its statistics: writes, worst_ms, p99_ms, p50_ms, stalls (at, ms). A failed
        write is a failed test."""
        self.process.terminate()
        output, _ = self.process.communicate(timeout=60)
        status = self.process.returncode
        self.process = None
        assert status == 0, f'the writer on {self.device} ended with {status}: {output}'
        self.stats = json.loads(output)
        return self.stats

    def verify(self, device=None):
        """Every acknowledged write is on the device (by default the one written to)."""
        report = self.report(device or self.device)
        assert report['mismatches'] == 0, f'{device or self.device} does not hold what was written: {report}'
        return report

    def report(self, device):
        """What the verifier found, good or bad."""
        result = devices.run(self.stamp, 'verify', device, self.log, check=False)
        assert result.returncode in (0, 1), f'stamp verify {device}: {result.stderr}'
        return json.loads(result.stdout)

    def __enter__(self):
        return self.start()

    def __exit__(self, exception, *_):
        if self.process is None:
            return
        if exception is None:
            self.stop()
        else:
            self.process.kill()  # not to hide the first failure

    def _logged(self):
        return os.path.getsize(self.log) if os.path.exists(self.log) else 0
