# SPDX-License-Identifier: LGPL-2.1-or-later
"""The base of the tests on a real kernel. Each test method runs alone, as root, on a machine that was booted for it
(see uml, qemu, list_tests.py) and that forgets everything at its end; so there is no tear-down to write.

A file of tests is named test_SUBJECT.py, says on what machine it wants to run, and ends with harness.main():

    import harness

    MACHINE = dict(disks=['256M', '256M'], mem='512M', timeout=180, kernel='uml')

    class CopyTest(harness.KernelTest):
        def test_pivot_under_a_writer_loses_nothing(self):
            ...

    if __name__ == '__main__':
        harness.main()

MACHINE's values above are the defaults but for the disks: there are none. kernel: 'uml', 'qemu', or a list of both.
init='systemd': the test is a service of a real systemd, with udevd and mounts by fstab (uml --help).

A test that cuts the power goes on in the next boot, from its beginning:

        def test_after_a_power_cut_the_copy_goes_on(self):
            if self.boot == 1:
                ...
                self.cut_power()
            ...
"""
import faulthandler
import os
import socket
import subprocess
import sys
import time
import unittest

import devices
import state_edit
from qmp_client import QmpClient
from stamp_writer import StampWriter

POWER_CUT = '-- power cut --'  # what the machine is run with as --reboot-after
LASTING = '/run/machine/lasting'
DAEMON_LOG = '/run/dmjobd.log'


class KernelTest(unittest.TestCase):
    socket_path = '/run/dmjob/qmp.sock'
    state_dir = '/var/lib/dmjob'
    log_path = DAEMON_LOG

    def setUp(self):
        self.boot = int(os.environ.get('BOOT', '1'))
        self.bin_dir = os.environ['DMJOB_BIN_DIR']
        self.daemon = None
        self._healthy = {}  # tables of the targets that are broken now
        self.loops_before = devices.loop_devices()
        self.addCleanup(self._end_daemon)

    # Disks and devices. (`sh` runs a command; unittest needs the name `run` for itself.)

    sh = staticmethod(devices.run)
    size = staticmethod(devices.size)
    sectors = staticmethod(devices.sectors)
    diskstats = staticmethod(devices.disk_stats)
    flip_byte = staticmethod(devices.flip_byte)
    dm_create = staticmethod(devices.dm_create)
    dm_switch = staticmethod(devices.dm_switch)
    dm_remove = staticmethod(devices.dm_remove)
    dm_table = staticmethod(devices.dm_table)
    dm_status = staticmethod(devices.dm_status)
    dm_names = staticmethod(devices.dm_names)
    suspended = staticmethod(devices.dm_suspended)

    def disk(self, number):
        """The path of one of MACHINE's disks, counted from 0. They are all zeroes at first."""
        return os.environ['DISKS'].split()[number]

    def linear(self, name, disk, offset=0, length=None):
        """A volume over a disk, or over a part of it (sectors). Returns its path."""
        return self.dm_create(name, self._linear_table(disk, offset, length))

    def break_target(self, name='target', first=0, count=None):
        """All I/O to a linear volume fails from now on; or to a range of its sectors, the others being served."""
        healthy = self._healthy.setdefault(name, self.dm_table(name))
        start, length, kind, disk, offset = healthy.split()
        assert (start, kind) == ('0', 'linear'), f'{name} is not a linear volume: {healthy}'
        length, offset = int(length), int(offset)
        end = length if count is None else first + count
        segments = [(0, first, f'linear {disk} {offset}'), (first, end, 'error'),
                    (end, length, f'linear {disk} {offset + end}')]
        table = [f'{a} {b - a} {rest}' for a, b, rest in segments if a < b]
        self.dm_switch(name, '\n'.join(table), noflush=True)

    def heal_target(self, name='target'):
        self.dm_switch(name, self._healthy.pop(name), noflush=True)

    def hang_target(self, name='target'):
        """I/O to it neither fails nor ends, until release_target."""
        self.sh('dmsetup', 'suspend', '--noflush', '--nolockfs', name)

    def release_target(self, name='target'):
        self.sh('dmsetup', 'resume', name)

    def expect_identical(self, one, other, length=None):
        """Compares what is on the disks (O_DIRECT). By default over the size of the first; the other may be larger."""
        sector = devices.first_difference(one, other, length or self.size(one))
        self.assertIsNone(sector, f'{one} and {other} differ, first in sector {sector}')

    def writer(self, device, log=None, **options):
        """A StampWriter; its log, by default, is on the host and outlives a power cut."""
        return StampWriter(self._program('stamp'), device, log or os.path.join(self.lasting_dir(), 'stamp.log'), **options)

    def nothing_left(self, volumes=()):
        """No device of ours is left but the managed volumes that are named, none of anybody is suspended, and there
        is no loop device that was not there at the start."""
        found = devices.dm_devices()
        ours = [d for d in found if d['name'].startswith('dmjob-') or d['uuid'].startswith('DMJOB-')]
        self.assertEqual([d for d in ours if d['name'] not in volumes], [], 'devices were left behind')
        self.assertEqual([d['name'] for d in found if d['suspended']], [], 'devices were left suspended')
        self.assertEqual(devices.loop_devices(), self.loops_before, 'loop devices were left behind')

    # The daemon and its client.

    def start_daemon(self, *options, **environment):
        """Starts dmjobd and waits until it is ready. Keywords are added to its environment."""
        assert self.daemon is None, 'the daemon is running already'
        os.makedirs(self.state_dir, exist_ok=True)
        os.makedirs(os.path.dirname(self.socket_path), exist_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
            name = f'dmjob-test-{os.getpid()}'
            notices.bind('\0' + name)
            notices.setblocking(False)
            self.launch_daemon(*options, NOTIFY_SOCKET='@' + name, **environment)
            self.wait_for(lambda: self.daemon_lives() and self._is_ready(notices), 60, 'dmjobd to be ready')

    def launch_daemon(self, *options, **environment):
        """As start_daemon, but touches no file system that may hang, and does not wait."""
        with open(self.log_path, 'a') as log:
            self.daemon = subprocess.Popen(
                [self._program('dmjobd'), '--socket', self.socket_path, '--state-dir', self.state_dir, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **environment})

    @staticmethod
    def _is_ready(notices):
        try:
            return b'READY=1' in notices.recv(4096).splitlines()
        except BlockingIOError:
            return False

    def daemon_lives(self):
        if self.daemon.poll() is not None:
            self.fail(f'dmjobd ended with {self.daemon.returncode} at its start')
        return True

    def daemon_listens(self):
        self.daemon_lives()
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(self.socket_path) == 0

    def stop_daemon(self):
        """Asks it to end (SIGTERM) and expects that it does, without an error."""
        self.daemon.terminate()
        status = self.daemon.wait(timeout=30)
        self.daemon = None
        self.assertEqual(status, 0, 'exit status of dmjobd')

    def kill_daemon(self):
        """SIGKILL, as in a crash."""
        self.daemon.kill()
        self.daemon.wait()
        self.daemon = None

    def until_noted(self):
        """The state file has the statuses of all jobs: what a job did by itself in the last moment before its daemon was
        killed may be forgotten."""
        def noted():
            known = {job['id']: job['status'] for job in state_edit.read(self.state_dir)['jobs']}
            return all(known.get(job['id']) == job['status'] for job in self.list())
        self.wait_for(noted, 30, 'the statuses of all jobs to be in the state file')

    def kill_daemon_when_noted(self):
        self.until_noted()
        self.kill_daemon()

    def daemon_log(self):
        with open(self.log_path) as log:
            return log.read()

    def dmjob(self, *words, check=True, timeout=120):
        """dmjob('copy', 'vol', '/dev/ubdb', '--id', 'j1') -> CompletedProcess. With check, any exit status but 0 is a
        failed test."""
        return self.sh(self._program('dmjob'), '--socket', self.socket_path, *map(str, words), check=check,
                       timeout=timeout)

    def execute(self, command, **arguments):
        """One command by QMP: its answer."""
        client = QmpClient(self.socket_path, timeout=100)
        try:
            return client.execute(command, **arguments)
        finally:
            client.close()

    # What is asked again and again is asked by QMP: the start of a program costs a test machine a tenth of a second.
    # test_copy_command compares it with what the commands say.

    def info(self, job):
        """As `dmjob --json info`."""
        for command in ('query-block-jobs', 'query-job-history'):
            for entry in self.execute(command):
                if job in (entry['id'], entry['device']):
                    return entry
        return self.fail(f'there is no job {job}')

    def list(self):
        """As `dmjob --json list`."""
        return self.execute('query-block-jobs')

    def history(self):
        """The jobs that ended: what `dmjob --json list --all` adds."""
        return self.execute('query-job-history')

    def managed_volumes(self):
        """As `dmjob --json volumes`: by their names."""
        return {volume['name']: volume for volume in self.execute('query-volumes')}

    def volume(self, name='vol'):
        """One of these."""
        return self.managed_volumes()[name]

    def wait_status(self, job, status, timeout=60):
        """Waits for a status, or one of several. Returns what info says then."""
        wanted = [status] if isinstance(status, str) else list(status)
        last = {}

        def reached():
            last.update(self.info(job))
            return last['status'] in wanted
        self.wait_for(reached, timeout, lambda: f'job {job} to be {" or ".join(wanted)}; it is {last}')
        return last

    def until_taken_up(self, job):
        """After a restart: until the job knows how far it is. Returns what info says then."""
        self.wait_for(lambda: self.info(job)['phase'] != 'taken up', 30, f'job {job} to go on')
        return self.info(job)

    # Time and power.

    def wait_for(self, predicate, timeout, what):
        """Waits until the predicate is true and returns its value. `what`, a text or a function that makes one, tells
        what was waited for in vain."""
        deadline = time.monotonic() + timeout
        while not (value := predicate()):
            if time.monotonic() > deadline:
                self.fail(f'waited {timeout} s in vain for {what() if callable(what) else what}')
            time.sleep(0.05)
        return value

    def lasting_dir(self):
        """A directory on the host, which this test finds again after a power cut. What was not synced is lost."""
        os.makedirs(LASTING, exist_ok=True)
        return LASTING

    def cut_power(self):
        """Does not return. The test starts again in the next boot, where self.boot is one more."""
        print(POWER_CUT, flush=True)
        time.sleep(60)
        self.fail('the power was not cut')

    # Below here: how it is done.

    @staticmethod
    def _linear_table(disk, offset, length):
        return f'0 {length or devices.sectors(disk) - offset} linear {disk} {offset}'

    def _program(self, name):
        return os.path.join(self.bin_dir, name)

    def _end_daemon(self):
        if self.daemon is not None:
            self.kill_daemon()


def tell_what_is_there():
    """For the log of a failed test. Nothing here waits for a suspended device."""
    for command in ('dmsetup info -c', 'dmsetup table', 'dmsetup status --noflush', f'tail -n 100 {DAEMON_LOG}',
                    'dmesg | tail -n 40'):
        print(f'--- {command}', flush=True)
        try:
            subprocess.run(command, shell=True, timeout=10, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired:
            print('(hangs)', flush=True)


class Result(unittest.TextTestResult):
    """Looks around at once after a failure, while all is still as it was."""

    def addError(self, test, err):
        super().addError(test, err)
        tell_what_is_there()

    def addFailure(self, test, err):
        super().addFailure(test, err)
        tell_what_is_there()


def main():
    if os.environ.get('DISKS') is None:
        sys.exit('a test of this kind runs on a machine of its own: see tests/kernel/uml, or use ctest -R kernel')
    # A test that hangs says where, before the machine is killed.
    faulthandler.dump_traceback_later(max(5, int(os.environ['MACHINE_TIMEOUT']) - 10), exit=True)
    unittest.main(module='__main__', verbosity=2, testRunner=unittest.TextTestRunner(resultclass=Result, verbosity=2))
