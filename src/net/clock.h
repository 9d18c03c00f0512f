// SPDX-License-Identifier: Apache-2.0
// The one clock of everything above the engines, which read none.
#ifndef BH_NET_CLOCK_H
#define BH_NET_CLOCK_H

#include <stdint.h>

// Microseconds of a clock that never goes back: the bh_clock of engines over TLS.
uint64_t bh_clock_us(void);

#endif
