// SPDX-License-Identifier: Apache-2.0
// Accepted connections on their way to a worker: bounded, first come first served.
#ifndef BH_NET_QUEUE_H
#define BH_NET_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/address.h"

typedef struct bh_connection {
    int fd;
    char peer[BH_ADDRESS_TEXT_MAX];
} bh_connection;

typedef struct bh_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bh_connection *items; // a ring
    size_t capacity, first, len;
    uint64_t wakes;
    bool closed;
} bh_queue;

bh_status bh_queue_init(bh_queue *q, size_t capacity) BH_MUST_CHECK;
void bh_queue_clear(bh_queue *q);                        // closes what still waits
bool bh_queue_push(bh_queue *q, const bh_connection *c); // false if full or closed
// Waits; false once closed. While none has come idle(user) is called, which says after
// how many ms it is to be called again; after bh_queue_wake it is called in any case.
#define BH_QUEUE_SLEEP UINT32_MAX
bool bh_queue_pop(bh_queue *q, bh_connection *c, uint32_t (*idle)(void *user),
                  void *user);
void bh_queue_wake(bh_queue *q);
void bh_queue_close(bh_queue *q);

#endif
