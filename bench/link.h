// SPDX-License-Identifier: Apache-2.0
// A link by name: "10gbit", "1gbit", "100mbit,40ms", or "BYTES/S,RTT".
#ifndef BH_BENCH_LINK_H
#define BH_BENCH_LINK_H

#include <stdbool.h>

typedef struct bench_link {
    double bytes_per_second; // in each direction; 0: no limit
    double rtt_ms;
} bench_link;

// False if the text is no link.
bool bench_link_parse(bench_link *out, const char *text);

#endif
