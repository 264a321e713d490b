// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/qmp_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace dmjob::daemon {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// "" for a request.
std::string fault_of(const char* message, bool oob_enabled = false) {
  try {
    read_request(json::parse(message), oob_enabled);
  } catch (const core::Error& error) {
    EXPECT_EQ(error.error_class(), core::ErrorClass::kGeneric);
    return error.what();
  }
  return "";
}

TEST(QmpRequest, HasACommandAndArguments) {
  const Request request =
      read_request(json::parse(R"({"execute":"x","arguments":{"a":1},"id":7})"), false);
  EXPECT_EQ(request.command, "x");
  EXPECT_EQ(request.arguments, json({{"a", 1}}));
  EXPECT_FALSE(request.out_of_band);
}

TEST(QmpRequest, WithoutArgumentsHasAnEmptyObject) {
  EXPECT_EQ(read_request(json::parse(R"({"execute":"x"})"), false).arguments, json::object());
}

TEST(QmpRequest, OfAnotherShapeIsAnError) {
  EXPECT_THAT(fault_of("[]"), HasSubstr("must be a JSON object"));
  EXPECT_THAT(fault_of("{}"), HasSubstr("lacks member 'execute'"));
  EXPECT_THAT(fault_of(R"({"execute":1})"), HasSubstr("'execute' must be a string"));
  EXPECT_THAT(fault_of(R"({"execute":"x","foo":1})"), HasSubstr("'foo' is unexpected"));
  EXPECT_THAT(fault_of(R"({"execute":"x","arguments":null})"), HasSubstr("must be an object"));
  EXPECT_THAT(fault_of(R"({"execute":"x","arguments":[]})"), HasSubstr("must be an object"));
}

TEST(QmpRequest, IsOutOfBandOnlyWhereThatWasNegotiated) {
  EXPECT_THAT(fault_of(R"({"exec-oob":"x"})"), HasSubstr("'exec-oob' is unexpected"));
  EXPECT_TRUE(read_request(json::parse(R"({"exec-oob":"x"})"), true).out_of_band);
  EXPECT_THAT(fault_of(R"({"exec-oob":"x","execute":"x"})", true), HasSubstr("both"));
}

TEST(QmpRequest, IdMayBeAnyValueAndIsReadFromBrokenRequestsToo) {
  EXPECT_EQ(request_id(json::parse(R"({"id":{"a":[1.5]}})")).value(),
            json::parse(R"({"a":[1.5]})"));
  EXPECT_TRUE(request_id(json::parse(R"({"id":null})")).value().is_null());
  EXPECT_FALSE(request_id(json::parse(R"({"x":1})")).has_value());
  EXPECT_FALSE(request_id(json::parse(R"(["id"])")).has_value());
}

TEST(QmpAnswer, CarriesTheClassOfTheError) {
  const auto class_of = [](core::ErrorClass error_class) {
    const std::string line = error_line(core::Error("text", error_class), std::nullopt);
    return json::parse(line)["error"]["class"].get<std::string>();
  };
  EXPECT_EQ(class_of(core::ErrorClass::kGeneric), "GenericError");
  EXPECT_EQ(class_of(core::ErrorClass::kCommandNotFound), "CommandNotFound");
  EXPECT_EQ(class_of(core::ErrorClass::kDeviceNotActive), "DeviceNotActive");
  EXPECT_EQ(class_of(core::ErrorClass::kDeviceNotFound), "DeviceNotFound");
}

TEST(QmpAnswer, KeepsAListOfOneAList) {
  EXPECT_EQ(return_line(json::array({json::object()}), std::nullopt), "{\"return\":[{}]}\r\n");
}

TEST(QmpLine, IsAsciiWhateverIsInIt) {
  EXPECT_EQ(to_line({{"a", "\u00e4\U0001F600\n"}}), "{\"a\":\"\\u00e4\\ud83d\\ude00\\n\"}\r\n");
  EXPECT_EQ(to_line({{"a", "\xff"}}), "{\"a\":\"\\ufffd\"}\r\n");
}

TEST(QmpGreeting, TellsVersionAndCapabilities) {
  const json qmp = greeting()["QMP"];
  EXPECT_EQ(qmp["version"]["qemu"], json::parse(R"({"major":7,"minor":2,"micro":0})"));
  EXPECT_THAT(qmp["version"]["package"].get<std::string>(), ::testing::StartsWith("dmjob "));
  EXPECT_EQ(qmp["capabilities"], json::array({"oob"}));
}

}  // namespace
}  // namespace dmjob::daemon
