# SPDX-License-Identifier: LGPL-2.1-or-later
"""The story of a live copy whose source has unreadable blocks: vol lives on a dm-dust device over disk 0."""
import copy_story

BAD_BLOCK = 10_000  # of 4096 bytes; behind what the writer writes to


class DustStory(copy_story.CopyStory):
    def begin_over_dust(self):
        self.make_dust()
        self.begin(source='/dev/mapper/dust', writable=(0, 8 << 20))

    def make_dust(self, block=4096):
        """block: bytes of what can be bad. As disks do, dust gives it a new place when it is written to."""
        disk = self.disk(0)
        path = self.dm_create('dust', f'0 {self.sectors(disk)} dust {disk} 0 {block}')
        self.tell_dust('quiet')
        self.tell_dust('enable')
        return path

    def tell_dust(self, *words):
        self.sh('dmsetup', 'message', 'dust', '0', *words)

    def sector_goes_bad(self, block=BAD_BLOCK):
        self.tell_dust('addbadblock', str(block))

    def sector_heals(self, block=BAD_BLOCK):
        self.tell_dust('removebadblock', str(block))
