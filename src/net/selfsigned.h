// SPDX-License-Identifier: Apache-2.0
// A certificate for one run of a server on this machine: of the demo, or of a test.
#ifndef BH_NET_SELFSIGNED_H
#define BH_NET_SELFSIGNED_H

#include <stdbool.h>
#include <stddef.h>

typedef struct bh_selfsigned {
    // Paths that work in this process alone, to memory that looks like files: the key
    // never reaches a disk, and nothing is left behind however the process ends.
    char cert[80], key[80];
    int cert_fd, key_fd;
} bh_selfsigned;

// A key on P-256 and a certificate for 127.0.0.1 that is good for a day.
bool bh_selfsigned_make(bh_selfsigned *s);
void bh_selfsigned_remove(bh_selfsigned *s);

#endif
