// SPDX-License-Identifier: Apache-2.0
// Marks for the constant-time tests: SECRET where a secret is born, DECLASSIFY where
// a value becomes public, each with a comment that says why. To the tool that judges,
// secret bytes are uninitialised ones, so that a branch or an address that depends on
// them is reported: valgrind (preset `ct`), which looks at the machine code that is
// shipped but cannot run AVX-512, or clang's MemorySanitizer (preset `ct-msan`), which
// adds its checks while it compiles.
//
// SECRET_FROM stands where MemorySanitizer lost the way: behind a library that it did
// not compile, and behind instructions that it has no model of. Each of the `len` bytes
// of out is then secret if any byte of a or of b is (b may be NULL), and public
// otherwise. valgrind needs no such help.
#ifndef BH_BASE_SECRET_H
#define BH_BASE_SECRET_H

#if defined(BH_CT_VALGRIND)

#include <valgrind/memcheck.h>
#define BH_SECRET(ptr, len)     VALGRIND_MAKE_MEM_UNDEFINED(ptr, len)
#define BH_DECLASSIFY(ptr, len) VALGRIND_MAKE_MEM_DEFINED(ptr, len)

#elif defined(BH_CT_MSAN)

#include <sanitizer/msan_interface.h>
#define BH_SECRET(ptr, len)     __msan_poison(ptr, len)
#define BH_DECLASSIFY(ptr, len) __msan_unpoison(ptr, len)
#define BH_SECRET_FROM(out, len, a, a_len, b, b_len)                                   \
    (__msan_test_shadow(a, a_len) >= 0 || __msan_test_shadow(b, b_len) >= 0            \
         ? __msan_poison(out, len)                                                     \
         : __msan_unpoison(out, len))

#else

#define BH_SECRET(ptr, len)     ((void)(ptr), (void)(len))
#define BH_DECLASSIFY(ptr, len) ((void)(ptr), (void)(len))

#endif

#ifndef BH_SECRET_FROM
#define BH_SECRET_FROM(out, len, a, a_len, b, b_len) ((void)0)
#endif

#endif
