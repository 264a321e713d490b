// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/driver.h"

namespace dmjob::core {

using boost::asio::awaitable;

Driver::~Driver() = default;

awaitable<void> Driver::attend(Job& /*job*/) { co_return; }
awaitable<void> Driver::prepare(Job& /*job*/) { co_return; }
awaitable<void> Driver::commit(Job& /*job*/) { co_return; }
awaitable<void> Driver::abort(Job& /*job*/) { co_return; }
awaitable<void> Driver::clean(Job& /*job*/) { co_return; }

void Driver::kick(Job& /*job*/) {}
void Driver::set_speed(std::uint64_t /*bytes_per_second*/) {}
bool Driver::can_complete() const { return false; }
void Driver::check_complete() const {}
nlohmann::json Driver::describe() const { return nlohmann::json::object(); }
nlohmann::json Driver::record() const { return nlohmann::json::object(); }
std::optional<std::uint64_t> Driver::record_version() const { return std::nullopt; }

}  // namespace dmjob::core
