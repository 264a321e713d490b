# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each check finds what it is there for, in small trees made for it, and is quiet where all is well."""
import os
import tempfile
import unittest

import arrows
import coroutines
import decisions
import headers_alone
import heads
import lengths
import mutexes
import references
import registered
import source_tree
import text

CPP = '// SPDX-License-Identifier: LGPL-2.1-or-later\n'
HEADER = CPP + '#pragma once\n'


class LintTest(unittest.TestCase):
    def findings(self, module, tree):
        """tree: path -> contents"""
        with tempfile.TemporaryDirectory() as root:
            for path, contents in tree.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), 'w') as file:
                    file.write(contents)
            return list(module.check(root, source_tree.load(root)))

    def good(self, module, tree):
        self.assertEqual(self.findings(module, tree), [])

    def bad(self, module, tree, pattern):
        findings = self.findings(module, tree)
        self.assertEqual(len(findings), 1, findings)
        self.assertRegex(findings[0], pattern)


class Coroutines(LintTest):
    def of(self, statement):
        return {'a.cc': f'{CPP}void f() {{\n  int a = 0;\n  {statement}\n}}\n'}

    def test_whole_statements_are_good(self):
        for statement in ('co_await f(a);', 'const auto x = co_await f(a);', 'x = co_await g();', 'co_return co_await f();',
                          'if (ready()) co_await f(a);', 'while (!a && !b(c())) co_await f();',
                          'std::optional<int> x = co_await s->f(std::move(y));'):
            self.good(coroutines, self.of(statement))

    def test_parts_of_expressions_are_bad(self):
        for statement in ('if (co_await f()) g();', 'while (a && co_await f()) g();', 'g(co_await f());',
                          'x = a ? co_await f() : 0;', 'throw co_await f();', 'const bool x = co_await f() && a;',
                          'co_await f([a] { g(); });', 'const int x = 1 + co_await f();'):
            self.bad(coroutines, self.of(statement), 'co_await')


class Arrows(LintTest):
    tree = {'dm/a.h': '', 'libjob/core/job.h': '', 'libjob/core/clock.h': '', 'libjob/io/b.h': '', 'tool/dmjob/c.h': '',
            'tool/dmjobd/d.h': '', 'libjob/drivers/e.h': '', 'dm/topology/f.h': '', 'libjob/drivers/plan/g.h': '',
            'libjob/drivers/check/h.h': '', 'libjob/drivers/copy/i.h': '', 'libjob/drivers/backup/j.h': '',
            'threads/k.h': ''}

    def including(self, path, included):
        return {**self.tree, path: f'#include "{included}"\n'}

    def test_downward_is_good(self):
        for path, included in [('dm/x.cc', 'dm/a.h'), ('libjob/drivers/x.cc', 'dm/a.h'),
                               ('tool/dmjobd/x.cc', 'libjob/drivers/e.h'), ('libjob/io/x.cc', 'libjob/core/clock.h'),
                               ('libjob/store/x.h', 'libjob/io/b.h'), ('tests/x_test.cc', 'tool/dmjobd/d.h'),
                               ('dm/topology/x.h', 'dm/a.h'), ('libjob/drivers/copy/x.cc', 'libjob/drivers/check/h.h'),
                               ('libjob/drivers/compare/x.h', 'libjob/drivers/backup/j.h'),
                               ('libjob/drivers/x.cc', 'libjob/drivers/copy/i.h'),
                               ('dm/x.cc', 'threads/k.h'), ('libjob/core/x.cc', 'threads/k.h')]:
            self.good(arrows, self.including(path, included))

    def test_upward_and_sideward_are_bad(self):
        for path, included in [('dm/x.cc', 'libjob/core/clock.h'), ('libjob/core/x.cc', 'libjob/io/b.h'),
                               ('libjob/io/x.cc', 'dm/a.h'), ('dm/x.h', 'libjob/io/b.h'),
                               ('libjob/io/x.cc', 'libjob/core/job.h'), ('libjob/store/x.h', 'libjob/core/job.h'),
                               ('tool/dmjob/x.cc', 'tool/dmjobd/d.h'), ('libjob/drivers/x.cc', 'tool/dmjob/c.h'),
                               ('tool/dmjob/x.cc', 'dm/a.h'), ('tool/dmjob/x.cc', 'libjob/drivers/e.h'),
                               ('dm/x.h', 'dm/topology/f.h'), ('libjob/drivers/copy/x.h', 'libjob/drivers/e.h'),
                               ('libjob/drivers/copy/x.h', 'libjob/drivers/backup/j.h'),
                               ('libjob/drivers/plan/x.h', 'libjob/drivers/check/h.h'), ('threads/x.h', 'dm/a.h')]:
            self.bad(arrows, self.including(path, included), 'must not know')

    def test_a_path_that_is_not_from_the_root_is_bad(self):
        self.bad(arrows, self.including('dm/x.cc', 'a.h'), 'not the path')

    def test_libdevmapper_is_for_one_file(self):
        self.good(arrows, {'dm/task.cc': '#include <libdevmapper.h>\n'})
        self.bad(arrows, {'dm/control_node.cc': '#include <libdevmapper.h>\n'}, 'libdevmapper')
        self.bad(arrows, {'dm/task.h': '#include <libdevmapper.h>\n'}, 'libdevmapper')
        self.bad(arrows, {'libjob/io/x.cc': '#include <libdevmapper.h>\n'}, 'libdevmapper')


class Mutexes(LintTest):
    def test_good(self):
        self.good(mutexes, {'dm/a.h': '  threads::Mutex mutex_;\n  int count_ DMJOB_GUARDED_BY(mutex_) = 0;\n',
                            'dm/b.h': '// as a std::mutex\n', 'threads/mutex.h': '  std::mutex mutex_;\n'})

    def test_one_that_clang_does_not_know(self):
        for kind in ('mutex', 'timed_mutex', 'shared_mutex'):
            self.bad(mutexes, {'dm/a.h': f'  std::{kind} mutex_;\n'}, 'threads::Mutex')

    def test_one_that_guards_nothing(self):
        self.bad(mutexes, {'dm/a.h': '  threads::Mutex mutex_;\n  int count_ = 0;\n'}, 'nothing is')


class Heads(LintTest):
    def test_good(self):
        self.good(heads, {'a.h': HEADER, 'b.cc': CPP, 'c.py': CPP.replace('//', '#'), 'README.md': 'x\n',
                          'script': '#!/bin/sh\n' + CPP.replace('//', '#')})

    def test_no_licence(self):
        for path in ('b.cc', 'c.py', 'CMakeLists.txt', 'd.cmake', 'e.sh'):
            self.bad(heads, {path: '\n'}, 'SPDX')
        self.bad(heads, {'script': '#!/bin/sh\n'}, ':2: .*SPDX')

    def test_no_pragma_once(self):
        self.bad(heads, {'a.h': CPP}, 'pragma once')


class HeadersAlone(LintTest):
    def test_good(self):
        self.good(headers_alone, {'a.h': HEADER + '#include "b.h"\ninline B f() { return {}; }\n',
                                  'b.h': HEADER + 'struct B {};\n'})

    def test_an_include_is_missing(self):
        self.bad(headers_alone, {'a.h': HEADER + 'std::string f();\n'}, 'does not compile alone')
        self.bad(headers_alone, {'a.h': HEADER + 'std::string f();\n',
                                 'a.cc': CPP + '#include <string>\n#include "a.h"\n'}, 'does not compile alone')

    def test_a_source_that_includes_it_first_is_enough(self):
        self.good(headers_alone, {'a.h': HEADER + 'std::string f();\n', 'a.cc': CPP + '#include "a.h"\n'})

    def test_included_twice(self):
        self.bad(headers_alone, {'a.h': CPP + 'struct A {};\n'}, 'redefinition')


class Registered(LintTest):
    def test_good(self):
        self.good(registered, {'tests/a/x_test.cc': '', 'tests/a/y_test.py': '',
                               'tests/a/CMakeLists.txt': 'test(x SOURCES x_test.cc)\ntest(y_test)\n',
                               'tests/kernel/test_x.py': 'class X:\n    def test_y(self): pass\n'})

    def test_a_forgotten_file(self):
        self.bad(registered, {'tests/a/x_test.cc': '', 'tests/a/CMakeLists.txt': 'test(ax_test.cc)\n'}, 'never runs')
        self.bad(registered, {'tests/a/x_test.py': '', 'tests/a/CMakeLists.txt': 'test(x_tests)\n'}, 'never runs')

    def test_a_kernel_test_in_the_wrong_folder(self):
        self.bad(registered, {'tests/a/test_x.py': 'class X:\n    def test_y(self): pass\n'}, 'only')

    def test_a_kernel_test_file_without_a_test(self):
        self.bad(registered, {'tests/kernel/test_x.py': 'class X:\n    def y(self): pass\n'}, 'no test')


class Lengths(LintTest):
    @staticmethod
    def function(head, lines):
        return head + ' {\n' + '  f("}");  // {\n' * (lines - 2) + '}\n'

    def test_a_long_file_gives_its_reason(self):
        self.good(lengths, {'a.cc': '\n' * 400})
        self.bad(lengths, {'a.cc': '\n' * 401}, '401 lines')
        self.bad(lengths, {'a.py': '\n' * 401}, '401 lines')
        self.good(lengths, {'a.cc': '// Long because: one table.\n' + '\n' * 400, 'README.md': '\n' * 500})

    def test_long_functions_of_all_kinds(self):
        for head in ('int f(int a)', 'A::A(int a) : a_(a), b_{a}', 'A::A(int a)\n    : a_{a}, b_(3)', 'A::A() : a_{1}',
                     'auto f() -> std::vector<int>', 'void A::f() const noexcept', 'template <class T>\nT f(struct stat s)',
                     'class A {\n void f() override', 'namespace a {\nA& A::operator=(A&& other)'):
            closing = '}\n' * head.count('{\n')
            self.good(lengths, {'a.cc': self.function(head, 80 - head.count('\n')) + closing if not closing else ''})
            self.bad(lengths, {'a.cc': self.function(head, 81) + closing}, 'a function of 8[12] lines')

    def test_a_long_class_or_table_is_no_function(self):
        self.good(lengths, {'a.h': 'class A : public B {\n' + '  int f() { return 1; }\n' * 100 + '};\n'})
        self.good(lengths, {'a.cc': 'constexpr Row kRows[] = {\n' + '  {1, f(2)},\n' * 100 + '};\n'})

    def test_a_long_python_function(self):
        self.bad(lengths, {'a.py': 'def f():\n' + '    pass\n' * 80}, 'a function of 81 lines')


class Decisions(LintTest):
    text = ('# Decisions\n\n- [On a, b](#on-a-b): D-002 D-001\n\n## On a, b\n\n'
            '**D-002. So.** As D-001 says.\n\n**D-001. Thus.** Yes.\n')

    def test_good(self):
        self.good(decisions, {'DECISIONS.md': self.text, 'a.cc': '// See D-002.\n'})
        self.good(decisions, {'a.cc': '// CODE-0177\n'})

    def test_bad(self):
        self.bad(decisions, {'DECISIONS.md': self.text, 'a.cc': '// See D-003.\n'}, 'a.cc:1: DECISIONS.md has no D-003')
        for text, pattern in ((self.text.replace('As D-001', 'As D-017'), ':7: DECISIONS.md has no D-017'),
                              (self.text.replace('D-001', 'D-002'), ':9: D-002 is given already'),
                              (self.text.replace('D-002 D-001', 'D-001 D-002'), 'lacks this line: .* D-002 D-001$'),
                              (self.text + '\n**Whatever.** No.\n', ':11: a decision begins with')):
            self.bad(decisions, {'DECISIONS.md': text}, pattern)


class References(LintTest):
    def test_good(self):
        self.good(references, {'a/b/c.h': '', 'x.md': 'See `b/c.h`, `a/b/c.h` and, in no code, d.h.\n',
                               'e.cc': f'{CPP}// As in c.h, or sys/types.html; libdevmapper.h.\n#include "no.h"\n'})

    def test_bad(self):
        for path, text in (('x.md', 'See `b/d.h`.\n'), ('e.cc', 'f();  // As drivers/c.h does.\n')):
            self.bad(references, {'a/b/c.h': '', path: text}, f'{path}:1: there is no file ')


class Text(LintTest):
    def test_good(self):
        self.good(text, {'a.cc': 'XX' 'XXXX /tmp/work upper/work\n', 'LICENSE': 'x \n',
                         'tests/fuzz/corpus/a/b': 'x '})

    def test_bad(self):
        for line in ('// TO' 'DO: later', '// FIX' 'ME', 'blank ', 'tab\t', 'path = "/' 'work/main"', 'cd /' 'work'):
            self.bad(text, {'a.md': line + '\n'}, 'a.md:1: ')
        self.bad(text, {'a.md': 'x'}, 'no newline')


if __name__ == '__main__':
    unittest.main()
