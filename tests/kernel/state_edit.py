# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon's state file, changed while no daemon runs: for moments that are too short to be met, and for damage."""
import json
import os


def crc32c(data):
    """Castagnoli's, as in RFC 3720."""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def read(folder):
    with open(f'{folder}/state.json', encoding='ascii') as file:
        return json.load(file)['content']


def edit(folder, change):
    """Lets change() alter the content, and writes it with its checksum."""
    with open(f'{folder}/state.json', encoding='ascii') as file:
        state = json.load(file)
    change(state['content'])
    text = json.dumps(state['content'], sort_keys=True, separators=(',', ':'))
    state['crc32c'] = f'{crc32c(text.encode()):08x}'
    with open(f'{folder}/state.json', 'w', encoding='ascii') as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
