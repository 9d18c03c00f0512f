// SPDX-License-Identifier: Apache-2.0
// Questions to the tool that judges (base/secret.h); asking is itself no error.
#ifndef BH_TESTS_CT_TOOL_H
#define BH_TESTS_CT_TOOL_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cpu.h"

#if defined(BH_CT_VALGRIND)

#include <valgrind/memcheck.h>

static inline int tool_runs(void)
{
    return RUNNING_ON_VALGRIND != 0;
}

// Whether any bit of these bytes, 64 at most, is secret.
static inline int tool_marks(const void *data, size_t len)
{
    unsigned char any = 0, bits[64] = {0};
    (void)VALGRIND_GET_VBITS(data, bits, len);
    for (size_t i = 0; i < len; i++) {
        any |= bits[i];
    }
    return any != 0;
}

#elif defined(BH_CT_MSAN)

#include <sanitizer/msan_interface.h>

// Read by the tool as the program starts: its exit status, and not to take for secret
// what a library that it did not compile allocates and fills in.
const char *__msan_default_options(void)
{
    return "exitcode=42:poison_in_malloc=0";
}

static inline int tool_runs(void)
{
    return 1;
}

static inline int tool_marks(const void *data, size_t len)
{
    return __msan_test_shadow(data, len) >= 0;
}

#endif

// How many of `count` elements of `size` bytes, 64 at most, are secret.
static inline size_t tool_count(const void *data, size_t count, size_t size)
{
    size_t marked = 0;
    for (size_t i = 0; i < count; i++) {
        marked += tool_marks((const char *)data + i * size, size) != 0;
    }
    return marked;
}

// Whether all elements are secret, or all are public.
#define TOOL_ALL(data, count)                                                          \
    (tool_count(data, count, sizeof *(data)) == (size_t)(count))
#define TOOL_NONE(data, count) (tool_count(data, count, sizeof *(data)) == 0)

// Has everything run at the level of this name; exits as skipped where that or the tool
// is missing. Then `what` must hold all along.
static inline void tool_begin(const char *level)
{
    bh_cpu cpu;
    setenv("BH_CPU", level, 1);
    if (!tool_runs() || bh_cpu_pick(&cpu, NULL) != BH_OK) {
        printf("skipped: %s\n", tool_runs() ? "no such level where this runs"
                                            : "not under the tool that judges");
        exit(77);
    }
}

static inline void tool_check(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "not so: %s\n", what);
        exit(2);
    }
}

#endif
