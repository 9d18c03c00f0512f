// SPDX-License-Identifier: Apache-2.0
// Marks for the constant-time tests: SECRET where a secret is born, DECLASSIFY where
// a value becomes public, each with a comment that says why. Under valgrind (the
// `ct` preset) secret bytes count as uninitialised, so that a branch or an address
// that depends on them is reported.
#ifndef BH_BASE_SECRET_H
#define BH_BASE_SECRET_H

#if defined(BH_CT_VALGRIND)
#include <valgrind/memcheck.h>
#define BH_SECRET(ptr, len)     VALGRIND_MAKE_MEM_UNDEFINED(ptr, len)
#define BH_DECLASSIFY(ptr, len) VALGRIND_MAKE_MEM_DEFINED(ptr, len)
#else
#define BH_SECRET(ptr, len)     ((void)(ptr), (void)(len))
#define BH_DECLASSIFY(ptr, len) ((void)(ptr), (void)(len))
#endif

#endif
