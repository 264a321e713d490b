# SPDX-License-Identifier: LGPL-2.1-or-later
"""Loads on mounted file systems, and how their copies are checked. No test in here."""
import os
import re
import subprocess

import devices

CHECKS = dict(ext4=['fsck.ext4', '-fn'], xfs=['xfs_repair', '-n'])
MAKERS = dict(ext4=['mkfs.ext4', '-q'], xfs=['mkfs.xfs', '-q'])
FIO = ['fio', '--name=load', '--bs=4k', '--direct=1', '--verify=crc32c', '--verify_fatal=1', '--eta=never']


def make_and_mount(kind, device, folder):
    devices.run(*MAKERS[kind], device)
    os.makedirs(folder)
    devices.run('mount', device, folder)


class Fio:
    """Writes blocks at random to a file of so many MiB, and reads back what it wrote, until end()."""

    def __init__(self, folder, size=16, iops=300):
        self.log = f'/run/fio-{os.path.basename(folder)}'
        with open(self.log, 'w') as log:
            self.process = subprocess.Popen(
                [*FIO, f'--directory={folder}', f'--size={size}M', '--rw=randwrite', f'--rate_iops={iops}',
                 '--time_based', '--runtime=600', '--verify_backlog=256'], stdout=log, stderr=subprocess.STDOUT)

    @staticmethod
    def fill(folder, size=16):
        """So that each block of the file can be verified, whenever it is looked at."""
        devices.run(*FIO, f'--directory={folder}', f'--size={size}M', '--rw=write', '--do_verify=0')

    @staticmethod
    def verify(folder, size=16):
        """Each block of a filled file is one that was written there."""
        devices.run(*FIO, f'--directory={folder}', f'--size={size}M', '--rw=read')

    def has_ended(self):
        return self.process.poll() is not None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """Returns its output, in which there is no error."""
        self.process.terminate()
        self.process.wait(timeout=60)
        with open(self.log) as log:
            output = log.read()
        checked = int(re.search(r'issued rwts: total=(\d+)', output).group(1))
        assert 'err= 0' in output and 'verify:' not in output and checked > 100, output
        return output


class Recorder:
    """Numbered records go to one file, then to another. In no instant the second is ahead of the first, nor the first
    more than one ahead of the second."""

    def __init__(self, first_folder, second_folder):
        self.paths = f'{first_folder}/first', f'{second_folder}/second'
        self.process = subprocess.Popen(['/usr/bin/python3', '-B', '-c', RECORDER, *self.paths])

    def has_begun(self):
        return os.path.exists(self.paths[1]) and os.path.getsize(self.paths[1]) > 0

    def kill(self):
        self.process.kill()
        self.process.wait()


def record(folder, name):
    """The number of the last one."""
    with open(f'{folder}/{name}', encoding='ascii') as file:
        return int(file.read(16))


RECORDER = """
import os, sys
files = [os.open(path, os.O_RDWR | os.O_CREAT) for path in sys.argv[1:]]
for number in range(1, 10**9):
    for file in files:
        os.pwrite(file, b'%015d ' % number, 0)
        os.fsync(file)
"""
