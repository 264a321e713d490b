# SPDX-License-Identifier: LGPL-2.1-or-later
"""A source that refuses one write, while nobody of the daemon is there, or free, to do something about it: that write
fails, as it would without us, and the ones after it do not. A tracker left alone would fail each that marks a region."""
import mmap
import os

import copy_story
import harness
import incremental_story
from state_disk import StateDisk

MACHINE = dict(disks=['48M', '64M', '160M', '16M'], mem='512M', timeout=240, kernel='uml')

BLOCK = 4096
REGION = 16  # blocks
FIRST = 8192  # block; from here on nobody has written, and no region is marked


def guardians():
    """Their process ids."""
    found = []
    for entry in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{entry}/comm', encoding='ascii') as file:
                if file.read().strip() == 'dmjob-guardian':
                    found.append(int(entry))
        except OSError:
            pass
    return found


class Refusal:
    """Mixed into a story with a linear device `source` under vol."""

    def write_block(self, block, byte=b'\x5a'):
        """True if the volume has taken it."""
        with open('/run/block', 'wb') as file:
            file.write(byte * BLOCK)
        return self.sh(f'dd if=/run/block of=/dev/mapper/vol bs={BLOCK} seek={block} count=1 oflag=direct',
                       check=False).returncode == 0

    def refuse_one_write(self, block=FIRST):
        healthy = self.dm_table('source')
        self.dm_switch('source', healthy.replace('linear', 'flakey') + ' 0 3600 1 error_writes', noflush=True)
        self.assertFalse(self.write_block(block))
        self.dm_switch('source', healthy, noflush=True)

    def expect_writes_elsewhere(self):
        """Each in a region of its own that was not marked before."""
        self.wait_for(lambda: self.write_block(self.clean_block()), 30, 'the volume to take writes again')
        taken = [self.write_block(self.clean_block()) for _ in range(20)]
        self.assertEqual(taken, [True] * 20)

    def clean_block(self):
        self.last_written = getattr(self, 'last_written', FIRST) + REGION
        return self.last_written

    def expect_guardians(self, number):
        self.wait_for(lambda: len(guardians()) == number, 30, lambda: f'{number} guardians; there are {guardians()}')


class GuardianOfCopyTest(Refusal, StateDisk, copy_story.CopyStory):
    def begin_paused(self):
        """Tracking, with the bulk still to be copied."""
        self.begin(source=self.linear('source', self.disk(0)))
        self.expect_undisturbed()
        self.copy_until_bulk()
        self.pause('paused')

    def mark(self, regions):
        page = mmap.mmap(-1, BLOCK)
        fd = os.open('/dev/mapper/vol', os.O_WRONLY | os.O_DIRECT)
        for region in regions:
            os.pwrite(fd, page, region * REGION * BLOCK)
        os.close(fd)

    def spoil_source(self):
        """The first region cannot be read, the others before FIRST only slowly, and that of FIRST not be written to."""
        region, first, disk = REGION * BLOCK // 512, FIRST * BLOCK // 512, self.disk(0)
        behind = first + region
        table = [f'0 {region} error', f'{region} {first - region} delay {disk} {region} 300 {disk} {region} 0',
                 f'{first} {region} error', f'{behind} {self.sectors(disk) - behind} linear {disk} {behind}']
        healthy = self.dm_table('source')
        self.dm_switch('source', '\n'.join(table), noflush=True)
        return healthy

    def expect_all_copied(self):
        self.start_daemon(*self.daemon_options)
        self.expect_taken_up_and_copied()

    def expect_taken_up_and_copied(self):
        self.until_taken_up(self.job)
        self.expect_guardians(1)
        self.dmjob('resume', self.job)
        self.hurry()
        self.pivot()
        with open('/dev/mapper/vol', 'rb') as volume:
            volume.seek(self.last_written * BLOCK)
            self.assertEqual(volume.read(BLOCK), b'\x5a' * BLOCK)
        self.nothing_left(volumes=['vol'])

    def test_after_a_kill_one_refused_write_fails_no_other(self):
        self.begin_paused()
        self.kill_daemon_when_noted()
        self.refuse_one_write()
        self.expect_writes_elsewhere()
        self.expect_all_copied()

    def test_after_a_stop_in_order_one_refused_write_fails_no_other(self):
        self.begin_paused()
        self.until_noted()
        self.stop_daemon()
        self.refuse_one_write()
        self.expect_writes_elsewhere()
        self.refuse_one_write(self.clean_block())
        self.expect_writes_elsewhere()
        self.expect_all_copied()

    def test_after_a_kill_a_marked_place_that_cannot_be_read_fails_no_write(self):
        self.begin_paused()
        self.mark(range(400))
        self.kill_daemon_when_noted()
        healthy = self.spoil_source()
        for block in (FIRST, FIRST + 1):  # each costs the tracker a log
            self.assertFalse(self.write_block(block))
            self.expect_writes_elsewhere()
        self.dm_switch('source', healthy, noflush=True)
        self.expect_all_copied()

    def test_while_the_next_daemon_has_not_taken_up_one_refused_write_fails_no_other(self):
        """It waits for its state file, and the guardian of the one before is gone."""
        self.put_state_on(self.disk(3))
        self.begin_paused()
        self.kill_daemon_when_noted()
        old = guardians()
        self.sh('sync; echo 3 > /proc/sys/vm/drop_caches')
        self.hang_target('state')
        self.launch_daemon(*self.daemon_options)
        self.wait_for(lambda: guardians() and not set(guardians()) & set(old), 30, 'the next guardian')
        self.refuse_one_write()
        self.expect_writes_elsewhere()
        self.assertFalse(self.daemon_listens())
        self.release_target('state')
        self.wait_for(self.daemon_listens, 30, 'the daemon')
        self.expect_taken_up_and_copied()

    def test_a_mirror_that_was_killed_is_a_tracker_that_is_looked_after(self):
        self.begin(source=self.linear('source', self.disk(0)))
        self.expect_undisturbed()
        self.copy_until_ready()
        self.kill_daemon_when_noted()
        self.wait_for(lambda: 'handle_errors' not in self.dm_table('dmjob-j-wr'), 30, 'the way back')
        self.refuse_one_write()
        self.expect_writes_elsewhere()
        self.start_daemon(*self.daemon_options)
        self.until_taken_up(self.job)
        self.until_equal()
        self.pivot()
        self.nothing_left(volumes=['vol'])

    def test_while_the_worker_waits_for_a_hung_target_one_refused_write_fails_no_other(self):
        self.begin(source=self.linear('source', self.disk(0)))
        self.expect_undisturbed()
        self.copy_until_bulk()
        self.hang_target()
        self.refuse_one_write()
        self.expect_writes_elsewhere()
        self.release_target()
        self.hurry()
        self.pivot()
        self.nothing_left(volumes=['vol'])

    def test_the_guardian_leaves_when_nothing_is_left_to_guard(self):
        self.begin(source=self.linear('source', self.disk(0)))
        self.copy_until_ready()
        self.pivot()
        self.expect_undisturbed()
        self.expect_guardians(1)
        self.stop_daemon()
        self.expect_guardians(0)


class GuardianOfChainTest(Refusal, incremental_story.IncrementalStory):
    def test_the_tracker_of_a_chain_is_looked_after(self):
        self.begin()
        self.full()
        self.until_noted()
        self.stop_daemon()
        self.refuse_one_write()
        self.expect_writes_elsewhere()
        self.expect_guardians(1)
        self.start_daemon(*self.daemon_options)
        self.wait_for(lambda: 'tracking' in self.managed_volumes()['vol'], 30, 'the chain to be taken up')
        self.expect_guardians(1)
        self.incremental()
        self.expect_equal()


if __name__ == '__main__':
    harness.main()
