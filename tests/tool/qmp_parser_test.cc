// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/qmp_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace dmjob::daemon {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class QmpParserTest : public ::testing::Test {
 protected:
  // What has come out: a value as JSON text, an error as "! text", a fatal one as "!! text".
  std::vector<std::string> send(std::string_view bytes) {
    std::vector<std::string> seen;
    parser_.feed(bytes);
    while (auto message = parser_.next()) seen.push_back(show(*message));
    return seen;
  }

  std::vector<std::string> send_bytewise(std::string_view bytes) {
    std::vector<std::string> seen;
    for (const char byte : bytes) {
      const auto more = send(std::string_view(&byte, 1));
      seen.insert(seen.end(), more.begin(), more.end());
    }
    return seen;
  }

 private:
  static std::string show(const QmpMessage& message) {
    if (const auto* value = std::get_if<json>(&message)) return value->dump();
    const auto& error = std::get<ParseError>(message);
    return (error.fatal ? "!! " : "! ") + error.text;
  }

  QmpParser parser_;
};

TEST_F(QmpParserTest, ARequestIsCompleteWithoutALineEnd) {
  EXPECT_THAT(send(R"({"execute":"query-jobs"})"), ElementsAre(R"({"execute":"query-jobs"})"));
}

TEST_F(QmpParserTest, SeveralRequestsInOneWriteComeOutOneByOne) {
  EXPECT_THAT(send("{\"a\":1}{\"b\":2}\r\n \t[3]\n"),
              ElementsAre(R"({"a":1})", R"({"b":2})", "[3]"));
}

TEST_F(QmpParserTest, HalfARequestWaitsForTheRest) {
  EXPECT_THAT(send("{\"exe"), IsEmpty());
  EXPECT_THAT(send("cute\":"), IsEmpty());
  EXPECT_THAT(send("\"x\"} {"), ElementsAre(R"({"execute":"x"})"));
  EXPECT_THAT(send("}"), ElementsAre("{}"));
}

TEST_F(QmpParserTest, TheCutOfTheBytesMakesNoDifference) {
  const std::string text =
      "{\"a\":'\\'\"}'} junk\n\"}\" {\"a\":\x01 [} {\"b\":\"\\\\\"}\n\"\n{'c':[[]]}";
  EXPECT_EQ(send_bytewise(text), QmpParserTest::send(text));
}

TEST_F(QmpParserTest, BracketsAndQuotesWithinStringsDoNotCount) {
  EXPECT_THAT(send(R"({"a":"}]{[\"'"})"), ElementsAre(R"({"a":"}]{[\"'"})"));
  EXPECT_THAT(send(R"({"a":"\\"})"), ElementsAre(R"({"a":"\\"})"));
}

TEST_F(QmpParserTest, SingleQuotedStringsAreStrings) {
  EXPECT_THAT(send(R"({'execute':'say "hi" \'now\' \\ \n'})"),
              ElementsAre(R"({"execute":"say \"hi\" 'now' \\ \n"})"));
  EXPECT_THAT(send(R"({"a":"it\'s"})"), ElementsAre(R"({"a":"it's"})"));
}

TEST_F(QmpParserTest, AKeyThatIsThereTwiceIsAnError) {
  EXPECT_THAT(send(R"({"a":1,"a":2})"), ElementsAre("! JSON parse error, key 'a' is there twice"));
  EXPECT_THAT(send(R"({"x":{"a":1,'a':2}})"), SizeIs(1));
  EXPECT_THAT(send(R"({"x":{"a":1},"a":2})"), ElementsAre(R"({"a":2,"x":{"a":1}})"));
}

TEST_F(QmpParserTest, WhatIsNoJsonIsOneErrorAndTheNextRequestIsRead) {
  EXPECT_THAT(send(R"({"a":nul}{"b":1})"),
              ElementsAre(StartsWith("! JSON parse error"), R"({"b":1})"));
  EXPECT_THAT(send(R"({"a" 1}{"b":1})"),
              ElementsAre(StartsWith("! JSON parse error"), R"({"b":1})"));
  EXPECT_THAT(send(R"([1,]{"b":1})"), ElementsAre(StartsWith("! JSON parse error"), R"({"b":1})"));
  EXPECT_THAT(send(R"({"a":1e999}{"b":1})"),
              ElementsAre(StartsWith("! JSON parse error"), R"({"b":1})"));
}

TEST_F(QmpParserTest, TextThatIsNotUtf8IsAnError) {
  EXPECT_THAT(send("{\"a\":\"\xc3\x28\"}"), ElementsAre(StartsWith("! JSON parse error")));
  EXPECT_THAT(send(R"({"a":"\ud800"})"), ElementsAre(StartsWith("! JSON parse error")));
}

TEST_F(QmpParserTest, StrayTokensOfALineAreOneError) {
  EXPECT_THAT(send("stop it, 1 2 true\n"), ElementsAre("! JSON parse error, stray 's'"));
  EXPECT_THAT(send("again {}\n"), ElementsAre("! JSON parse error, stray 'a'", "{}"));
  EXPECT_THAT(send("}"), ElementsAre("! JSON parse error, stray '}'"));
}

TEST_F(QmpParserTest, AStringBetweenRequestsIsAValueAndNotLookedInto) {
  EXPECT_THAT(send(R"("{'execute':'job-cancel'}"{})"),
              ElementsAre(R"("{'execute':'job-cancel'}")", "{}"));
}

TEST_F(QmpParserTest, AnArrayOfRequestsIsOneValue) {
  EXPECT_THAT(send(R"([{"execute":"a"},{"execute":"b"}])"), SizeIs(1));
}

TEST_F(QmpParserTest, AClosingBracketThatDoesNotMatchEndsTheRequest) {
  EXPECT_THAT(send(R"({"a":[}{"b":1})"),
              ElementsAre("! JSON parse error, stray '}'", R"({"b":1})"));
}

TEST_F(QmpParserTest, ALineEndWithinAStringIsAnErrorAtOnce) {
  EXPECT_THAT(send("{\"execute\":\"query-jo\n"),
              ElementsAre("! JSON parse error, line end within a string"));
  EXPECT_THAT(send("{\"execute\":\"query-jobs\"}"), SizeIs(1));
}

TEST_F(QmpParserTest, ControlCharactersResetTheParser) {
  const std::string error = "! JSON parse error, stray control character or byte";
  EXPECT_THAT(send("{\"a\":[[\x1b{}"), ElementsAre(error, "{}"));
  EXPECT_THAT(send(std::string_view("{'a':'\0{}", 9)), ElementsAre(error, "{}"));
  EXPECT_THAT(send("{'a':\xff{}"), ElementsAre(error, "{}"));
  EXPECT_THAT(send("\xff\xff\xfe\x01{}"), ElementsAre(error, "{}"));
}

TEST_F(QmpParserTest, ARequestMayBeAsLongAsTheLimit) {
  const std::string frame = R"({"a":""})";
  const std::string text(QmpParser::kMaxRequest - frame.size(), 'x');
  EXPECT_THAT(send("{\"a\":\"" + text + "\"}"), ElementsAre("{\"a\":\"" + text + "\"}"));
}

TEST_F(QmpParserTest, ALongerRequestIsFatalAndNothingOfItIsTaken) {
  const std::string text(QmpParser::kMaxRequest, ' ');
  EXPECT_THAT(send("[" + text + "{\"execute\":\"a\"}]"),
              ElementsAre(StartsWith("!! Request is long")));
  EXPECT_THAT(send("{}"), IsEmpty());
}

TEST_F(QmpParserTest, ADeepRequestIsFatal) {
  const std::string open(QmpParser::kMaxDepth, '[');
  const std::string close(QmpParser::kMaxDepth, ']');
  EXPECT_THAT(send(open + close), ElementsAre(open + close));
  EXPECT_THAT(send("[" + open + close + "]"), ElementsAre(StartsWith("!! Request is nested")));
}

}  // namespace
}  // namespace dmjob::daemon
