// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Bytes of a client: whatever they are, the parser must keep its limits, and give the same however
// the bytes were cut into reads.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tool/dmjobd/qmp_message.h"
#include "tool/dmjobd/qmp_parser.h"

namespace {

using dmjob::daemon::ParseError;
using dmjob::daemon::QmpMessage;
using dmjob::daemon::QmpParser;

std::string show(const QmpMessage& message) {
  if (const auto* error = std::get_if<ParseError>(&message)) return "!" + error->text;
  return dmjob::daemon::to_line(std::get<nlohmann::json>(message));
}

std::vector<std::string> parse(std::string_view bytes, std::size_t cut) {
  QmpParser parser;
  std::vector<std::string> seen;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(cut, bytes.size()))) {
    parser.feed(bytes.substr(0, cut));
    while (const auto message = parser.next()) seen.push_back(show(*message));
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = parse(bytes, size + 1);
  if (whole.size() > size) std::abort();  // a message takes a byte at least
  if (parse(bytes, 1) != whole || parse(bytes, 7) != whole) std::abort();
  return 0;
}
