# SPDX-License-Identifier: Apache-2.0
# Every folder under src/ names its sources with bh_layer(); bh_library() makes a static
# library of all that were named so far.

set(BH_WARNINGS
    -Wall
    -Wextra
    -Wpedantic
    -Wshadow
    -Wconversion
    -Wno-sign-conversion
    -Wstrict-prototypes
    -Wmissing-prototypes
    -Wwrite-strings
    -Wundef
    -Wvla)
if(BH_WERROR)
  list(APPEND BH_WARNINGS -Werror)
endif()

function(bh_target_options target)
  target_compile_options(${target} PRIVATE ${BH_WARNINGS} -fvisibility=hidden)
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  if(BH_CT_VALGRIND)
    target_compile_definitions(${target} PRIVATE BH_CT_VALGRIND)
  endif()
  if(BH_CT_MSAN)
    target_compile_definitions(${target} PRIVATE BH_CT_MSAN)
  endif()
  if(BH_PORTABLE_WIDE_MULTIPLY)
    target_compile_definitions(${target} PRIVATE BH_PORTABLE_WIDE_MULTIPLY)
  endif()
  if(BH_SANITIZE)
    target_compile_options(
      ${target} PRIVATE -fsanitize=${BH_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${BH_SANITIZE})
  endif()
endfunction()

function(bh_layer)
  list(TRANSFORM ARGN PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  set_property(GLOBAL APPEND PROPERTY BH_SOURCES ${ARGN})
endfunction()

# Vector code is in files named *_avx2.c and *_avx512.c. They are compiled for that level
# of base/cpu.h; what they hold runs only where bh_cpu_has() says so.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(BH_X86_64 ON)
endif()
set(BH_FLAGS_AVX2 -mavx2 -mfma -mbmi2)
set(BH_FLAGS_AVX512
    ${BH_FLAGS_AVX2}
    -mavx512f
    -mavx512dq
    -mavx512bw
    -mavx512vl
    -mavx512ifma
    -mavx512vbmi
    -mavx512vpopcntdq
    -maes
    -mvaes
    -mprefer-vector-width=512)

# Of those among these files that the calling folder compiles.
function(bh_simd_flags)
  foreach(source ${ARGN})
    if(NOT BH_X86_64)
      break()
    elseif(source MATCHES "_avx2\\.c$")
      set(flags ${BH_FLAGS_AVX2})
    elseif(source MATCHES "_avx512\\.c$")
      set(flags ${BH_FLAGS_AVX512})
    else()
      continue()
    endif()
    set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${flags}")
  endforeach()
endfunction()

function(bh_library name definitions)
  get_property(sources GLOBAL PROPERTY BH_SOURCES)
  bh_simd_flags(${sources})
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/include
                                            ${PROJECT_SOURCE_DIR}/src)
  target_compile_definitions(${name} PUBLIC ${definitions})
  target_link_libraries(
    ${name}
    PUBLIC OpenSSL::SSL OpenSSL::Crypto Threads::Threads m
    PRIVATE ZLIB::ZLIB LibLZMA::LibLZMA PNG::PNG)
  bh_target_options(${name})
endfunction()
