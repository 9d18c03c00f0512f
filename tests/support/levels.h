// SPDX-License-Identifier: Apache-2.0
// Levels of processors (base/cpu.h), one after the other.
#ifndef BH_TESTS_SUPPORT_LEVELS_H
#define BH_TESTS_SUPPORT_LEVELS_H

#include "base/cpu.h"

// Calls check once for every level of this machine, with BH_CPU set to it; says which
// are not here.
void levels_each(void (*check)(bh_cpu level));

#endif
