// SHA-256 (FIPS 180-4), as a content-security policy names a script.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace lockstep {

std::array<std::uint8_t, 32> sha256(std::string_view bytes);

// RFC 4648, with padding.
std::string base64(std::string_view bytes);

// "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
std::string source_hash(std::string_view bytes);

}  // namespace lockstep
