// SPDX-License-Identifier: Apache-2.0
// Bytes under way in one direction of a simulated link: each chunk arrives when the
// chunks before it have left, its own bytes have been clocked out, and the delay has
// passed. Nothing here waits.
#ifndef BH_BENCH_FLOW_H
#define BH_BENCH_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One direction of a link; shared by all connections over it.
typedef struct line {
    double ns_per_byte; // 0: no limit
    double delay_ns;    // one way
    double free_at;     // when the last byte that was accepted has left
} line;

#define FLOW_CHUNKS_MAX 4096

// What was read from one socket and is not yet written to the other. {0} is empty.
typedef struct flow {
    line *on;        // borrowed
    uint8_t *buffer; // a ring of `capacity` bytes
    size_t capacity, first, len;
    size_t chunk_max; // bytes that are timed as one
    struct flow_chunk {
        double due_ns;
        size_t len;
    } * chunks; // a ring of FLOW_CHUNKS_MAX
    size_t first_chunk, n_chunks;
    bool ended;      // the sender said goodbye: nothing more is read
    bool blocked;    // the receiver took less than was due
    bool closed;     // the goodbye was passed on
    double ended_at; // when it is due
} flow;

// False if there is no memory; clear it then too. Holds what is under way on a busy
// line, and some chunks more.
bool flow_init(flow *f, line *on);
void flow_clear(flow *f);

// Whether there is room for more input; when the next write is due (INFINITY: never).
bool flow_has_room(const flow *f);
double flow_due(const flow *f);

// Reads what is there and fits; writes what is due. Sockets do not block. False if the
// connection is broken.
bool flow_read(flow *f, int fd, double now);
bool flow_write(flow *f, int fd, double now);

#endif
