# SPDX-License-Identifier: LGPL-2.1-or-later
"""A live copy that is verified before it is ready, and a backup: a target that lies is found, and writes that are on
their way are never taken for a difference."""
import mmap
import os
import random
import threading

import copy_story
import harness

MACHINE = dict(disks=['48M', '64M', '64M'], mem='512M', timeout=240, kernel='uml')
MIB = 1 << 20
BLOCK = 4096
BEHIND = 44 * MIB  # of what the writer writes to, and verified late


class Hammer:
    """Writes all the time, many blocks at once, to a part of a device, and puts back what was there."""

    def __init__(self, device, offset, length):
        self.fd = os.open(device, os.O_RDWR | os.O_DIRECT)
        self.offset, self.length = offset, length
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.write, args=(seed,)) for seed in range(16)]

    def __enter__(self):
        self.before = self.buffer(self.length)
        os.preadv(self.fd, [self.before], self.offset)
        for thread in self.threads:
            thread.start()

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        os.pwritev(self.fd, [self.before], self.offset)
        os.close(self.fd)

    @staticmethod
    def buffer(size):
        return mmap.mmap(-1, size)  # as direct I/O wants it

    def write(self, seed):
        generator = random.Random(seed)
        block = self.buffer(BLOCK)
        while not self.ended.is_set():
            block[:] = generator.randbytes(BLOCK)
            os.pwritev(self.fd, [block], self.offset + BLOCK * generator.randrange(self.length // BLOCK))


class VerifyTest(copy_story.CopyStory):
    def verify_until_phase(self, phase='verifying', **options):
        self.start_copy('--verify', **options)
        return self.until_phase(phase)

    def expect_failed_for(self, offset):
        error = self.until_status('concluded')
        self.assertIn(f'512 bytes differ: 512 at byte {offset}', error['error'])
        self.assertEqual((error['x-different-bytes'], error['x-differences']), (512, [dict(offset=offset, length=512)]))
        self.dmjob('dismiss', self.job)

    def test_a_sector_that_is_not_what_was_written_is_found(self):
        self.begin()
        self.verify_until_phase(speed='8M')
        self.flip_byte(self.disk(1), BEHIND + 700)
        self.expect_failed_for(BEHIND + 512)
        self.expect_as_before()

    def test_writes_on_their_way_are_no_difference(self):
        self.begin()
        self.verify_until_phase(speed='8M')
        self.slow_target(200)  # until then a write is on the source alone
        with Hammer(self.vol, BEHIND, 256 << 10):
            self.until_equal()
            self.quick_target()
        self.pivot()
        self.expect_moved()

    def test_a_backup_is_verified_against_its_instant(self):
        self.begin()
        self.job = 'j'
        for flipped in (None, BEHIND):
            self.dmjob('backup', 'vol', self.target, '--id', 'j', '--speed', '8M', '--verify', '--force',
                       '--scratch', self.disk(2), '--manual-dismiss')
            self.until_phase('verifying')
            if flipped:
                self.flip_byte(self.disk(1), flipped)
                self.expect_failed_for(flipped)
            else:
                self.assertNotIn('error', self.until_status('concluded'))
                self.dmjob('dismiss', self.job)
        self.expect_as_before()

    def test_a_pause_a_failed_target_and_a_restart_are_got_over(self):
        self.begin()
        self.verify_until_phase(speed='8M', on_target_error='stop')
        self.pause('paused')
        self.expect_silence(self.disk(1))
        self.dmjob('resume', self.job)
        self.until_phase('verifying')
        self.break_target_writes()
        self.until_status('paused')
        self.quick_target()
        self.dmjob('resume', self.job)
        self.until_phase('verifying')
        self.kill_daemon()
        self.restart_daemon()
        self.until_phase('verifying')
        self.flip_byte(self.disk(1), BEHIND)
        self.expect_failed_for(BEHIND)
        self.expect_as_before()


if __name__ == '__main__':
    harness.main()
