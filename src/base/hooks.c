// SPDX-License-Identifier: Apache-2.0
#include "base/hooks.h"

#ifdef BH_TEST_HOOKS

bh_hooks *bh_hooks_get(void)
{
    static _Thread_local bh_hooks hooks;
    return &hooks;
}

#else

// A translation unit may not be empty.
typedef int bh_hooks_absent;

#endif
