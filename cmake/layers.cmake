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
    target_compile_options(${target} PRIVATE -fsanitize=${BH_SANITIZE}
                                             -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${BH_SANITIZE})
  endif()
endfunction()

function(bh_layer)
  list(TRANSFORM ARGN PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  set_property(GLOBAL APPEND PROPERTY BH_SOURCES ${ARGN})
endfunction()

# Files named *_avx512.c are compiled for that level of base/cpu.h; what they hold runs
# only where bh_cpu_has() says so.
function(bh_simd_flags)
  foreach(source ${ARGN})
    if(source MATCHES "_avx512\\.c$")
      set_source_files_properties(
        ${source}
        PROPERTIES
          COMPILE_OPTIONS
          "-mavx2;-mfma;-mbmi2;-mavx512f;-mavx512dq;-mavx512bw;-mavx512vl;-mavx512ifma;-mavx512vbmi;-mavx512vpopcntdq;-mvaes;-mprefer-vector-width=512"
      )
    endif()
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
    PRIVATE ZLIB::ZLIB PNG::PNG)
  bh_target_options(${name})
endfunction()
