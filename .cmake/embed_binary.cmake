# cmake -DBINARY=<file, or empty> -DOUT=<file.cpp> -P embed_binary.cmake: the file's bytes as the
# array of validate/gpu/own_kernels.hpp.
set(bytes "")
if(BINARY)
  file(READ "${BINARY}" bytes HEX)
endif()
string(LENGTH "${bytes}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
if(size EQUAL 0)
  set(bytes "0")
endif()
file(WRITE "${OUT}" "#include \"validate/gpu/own_kernels.hpp\"

namespace lockstep {

alignas(16) extern const unsigned char own_kernels[] = {
${bytes}};
extern const std::size_t own_kernels_size = ${size};

}  // namespace lockstep
")
