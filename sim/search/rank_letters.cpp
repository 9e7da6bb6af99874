#include "sim/search/rank_letters.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace lockstep {
namespace {

using Json = nlohmann::json;

Json binary(const std::string& bytes) {
  return Json::binary({bytes.begin(), bytes.end()});
}

std::string text_of(const Json& json) {
  const Json::binary_t& bytes = json.get_binary();
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::string to_bytes(const RankLetter& letter) {
  const Hello& hello = letter.hello;
  const Json json =
      Json::array({static_cast<int>(letter.kind),
                   Json::array({binary(hello.host), binary(hello.program), binary(hello.inputs),
                                hello.threads, hello.ready, hello.code, binary(hello.words)}),
                   letter.share, letter.items, binary(letter.state), letter.done, letter.code,
                   letter.lost, binary(letter.words)});
  std::string bytes;
  Json::to_cbor(json, bytes);
  return bytes;
}

RankLetter rank_letter(const std::string& bytes) {
  try {
    const Json json = Json::from_cbor(bytes);
    const Json& of_hello = json.at(1);
    RankLetter letter;
    const int kind = json.at(0).get<int>();
    if (kind < 0 || kind > static_cast<int>(RankLetterKind::end))
      throw std::runtime_error("a rank sent a letter of an unknown kind");
    letter.kind = static_cast<RankLetterKind>(kind);
    letter.hello.host = text_of(of_hello.at(0));
    letter.hello.program = text_of(of_hello.at(1));
    letter.hello.inputs = text_of(of_hello.at(2));
    letter.hello.threads = of_hello.at(3).get<int>();
    letter.hello.ready = of_hello.at(4).get<bool>();
    letter.hello.code = of_hello.at(5).get<int>();
    letter.hello.words = text_of(of_hello.at(6));
    letter.share = json.at(2).get<std::uint64_t>();
    letter.items = json.at(3).get<std::vector<std::size_t>>();
    letter.state = text_of(json.at(4));
    letter.done = json.at(5).get<std::uint64_t>();
    letter.code = json.at(6).get<int>();
    letter.lost = json.at(7).get<bool>();
    letter.words = text_of(json.at(8));
    return letter;
  } catch (const Json::exception&) {
    throw std::runtime_error("a rank sent a letter that cannot be read");
  }
}

}  // namespace lockstep
