// SPDX-License-Identifier: Apache-2.0
// What a figure has to name: the processor; and how much memory a process took.
#ifndef BH_BENCH_MACHINE_H
#define BH_BENCH_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

// The processor's name of /proc/cpuinfo, "unknown processor" where there is none.
// Returns `text`.
#define MACHINE_NAME_BYTES 128
const char *machine_name(char *text);

// Resident memory of this process, and the most it had so far; 0 where it is not known.
uint64_t machine_rss(void);
uint64_t machine_peak_rss(void);
// Forgets the peak: it starts again from what is resident. False where the system does
// not allow it.
bool machine_reset_peak_rss(void);

#endif
