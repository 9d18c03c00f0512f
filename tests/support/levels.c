// SPDX-License-Identifier: Apache-2.0
#include "support/levels.h"

#include <stdlib.h>

#include "support/test.h"

void levels_each(void (*check)(bh_cpu level))
{
    for (int level = BH_CPU_PORTABLE; level <= BH_CPU_AVX512; level++) {
        if (!bh_cpu_has((bh_cpu)level)) {
            print_message("not here: %s\n", bh_cpu_name((bh_cpu)level));
            continue;
        }
        setenv("BH_CPU", bh_cpu_name((bh_cpu)level), 1);
        check((bh_cpu)level);
        unsetenv("BH_CPU");
    }
}
