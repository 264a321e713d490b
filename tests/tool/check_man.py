# SPDX-License-Identifier: LGPL-2.1-or-later
"""check_man.py PAGE PROGRAM: what the program's --help tells, its page tells, and nothing else.

Verbs with their arguments, and long options. The page lists them as `.It Cm verb Ar ARGUMENT` and
`.It Fl -option Ar VALUE`; what its text and examples name besides must be there too."""

import re
import subprocess
import sys


def help_of(program, *verb):
    return subprocess.run([program, *verb, "--help"], capture_output=True, text=True, check=True).stdout


def helped(program):
    """The verbs with their arguments, and all options."""
    text = help_of(program)
    verbs = {}
    listed = re.search(r"^Verbs:\n((?:  .*\n)+)", text, re.MULTILINE)
    for line in listed[1].splitlines() if listed else ():
        words = re.split(r" {2,}", line.strip())[0].split()
        verbs[words[0]] = words[1:]
    texts = [text] + [help_of(program, verb) for verb in verbs]
    return verbs, {option for each in texts for option in re.findall(r"^ +--([a-z-]+)", each, re.MULTILINE)}


def documented(page):
    verbs, options = {}, set()
    for line in page.splitlines():
        if match := re.fullmatch(r"\.It Cm (\S+)(?: (.*))?", line):
            arguments = re.sub(r"Op Ar (\S+(?: (?!Op )\S+)*)", r"[\1]", match[2] or "")
            verbs[match[1]] = arguments.replace("Ar ", "").split()
        if match := re.match(r"\.It Fl -(\S+)", line):
            options.add(match[1])
    return verbs, options


def mentioned(page, name):
    """Verbs and options in text, headings and examples."""
    verbs = set(re.findall(rf"(?:^\.Ss |`|Ql ){name} ([a-z]+)", page, re.MULTILINE))
    options = set(re.findall(r"Fl -([a-z-]+)", page)) - {""}
    for line in re.findall(rf"(?:^\.Ss |`|Ql ){name} .*", page, re.MULTILINE):
        options |= set(re.findall(r"(?<=\s)--([a-z-]+)", line))
    return verbs, options


def differences(page, program):
    name = re.search(r"^\.Nm (\S+)", page, re.MULTILINE)[1]
    verbs, options = helped(program)
    page_verbs, page_options = documented(page)
    for verb in sorted(verbs.keys() | page_verbs.keys()):
        if verbs.get(verb) != page_verbs.get(verb):
            yield f"{verb}: --help has {verbs.get(verb)}, the page {page_verbs.get(verb)}"
    for option in sorted(options ^ page_options):
        yield f"--{option}: only in " + ("--help" if option in options else "the page")
    used_verbs, used_options = mentioned(page, name)
    if verbs:
        for verb in sorted(used_verbs - verbs.keys()):
            yield f"{verb}: the page uses a verb that is not there"
    for option in sorted(used_options - options):
        yield f"--{option}: the page uses an option that is not there"


def main():
    page, program = sys.argv[1:]
    with open(page, encoding="utf-8") as file:
        found = list(differences(file.read(), program))
    for line in found:
        print(f"{page}: {line}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
