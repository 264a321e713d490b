# SPDX-License-Identifier: LGPL-2.1-or-later
"""check_names.py SOURCE-TREE: the events that the sources publish, and the members that drivers add to a job's queries,
are those that man/dmjob-qmp.7 names, no more and no less.

That each has the members which the page gives it, event_members_test.cc looks at, with jobs."""

import pathlib
import re
import sys

EVENT = re.compile(r'"((?:BLOCK_JOB|EVENTS|JOB|VOLUME)_[A-Z_]+)"')
# Of a driver or its report, and what they share.
DESCRIBE = re.compile(r"\bdescribe(?:_\w+)?\([^)]*\)(?: const)? \{\n(.*?)^\}", re.DOTALL | re.MULTILINE)
MEMBER = re.compile(r'(?:about\[|\{)"([a-z-]+)"')


def sources(root, *patterns):
    return [file.read_text(encoding="utf-8") for pattern in patterns for file in root.glob(pattern)]


def published(texts):
    return {name for text in texts for name in EVENT.findall(text)}


def described(texts):
    return {name for text in texts for body in DESCRIBE.findall(text) for name in MEMBER.findall(body)}


def printed(page, section, macro):
    """What the items of a section name."""
    body = re.search(rf"^\.S[hs] {section}\n(.*?)(?=^\.S[hs] )", page, re.DOTALL | re.MULTILINE)[1]
    heads = re.findall(rf"^\.It {macro} (.*)", body, re.MULTILINE)
    return {name for head in heads for name in head.split(" , ")}


def differences(what, in_sources, on_page):
    for name in sorted(in_sources ^ on_page):
        yield f"{what} {name}: only in " + ("the sources" if name in in_sources else "the page")


def main():
    root = pathlib.Path(sys.argv[1])
    all_texts = sources(root, "libjob/**/*.cc", "tool/dmjobd/*.cc")
    texts_of_drivers = sources(root, "libjob/drivers/**/*.cc")
    page = (root / "man/dmjob-qmp.7").read_text(encoding="utf-8")
    found = [*differences("event", published(all_texts), printed(page, "EVENTS", "Sy")),
             *differences("member", described(texts_of_drivers), printed(page, "Of a copy", "Va"))]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
