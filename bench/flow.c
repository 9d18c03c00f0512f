// SPDX-License-Identifier: Apache-2.0
#include "flow.h"

#include <errno.h>
#include <math.h>
#include <sys/socket.h>

#include "base/memory.h"

// A chunk takes about half a millisecond of the line: its first byte is delivered with
// its last one. Between an Ethernet packet and what one read gives.
#define CHUNK_NS  500e3
#define CHUNK_MIN 1500
#define CHUNK_MAX 65536
// A line without a limit holds the most.
#define CAPACITY_MAX (64u << 20)
#define SPARE_CHUNKS 8

bool flow_init(flow *f, line *on)
{
    double chunk = on->ns_per_byte > 0 ? CHUNK_NS / on->ns_per_byte : CHUNK_MAX;
    double under_way = CAPACITY_MAX;
    if (on->delay_ns == 0) {
        under_way = 0;
    } else if (on->ns_per_byte > 0) {
        under_way = on->delay_ns / on->ns_per_byte;
    }
    *f = (flow){.on = on};
    f->chunk_max = (size_t)fmin(fmax(chunk, CHUNK_MIN), CHUNK_MAX);
    f->capacity = (size_t)fmin(under_way, CAPACITY_MAX) + SPARE_CHUNKS * f->chunk_max;
    f->buffer = bh_alloc(f->capacity, 1);
    f->chunks = bh_alloc(FLOW_CHUNKS_MAX, sizeof *f->chunks);
    return f->buffer != NULL && f->chunks != NULL;
}

void flow_clear(flow *f)
{
    bh_free(f->buffer);
    bh_free(f->chunks);
    *f = (flow){0};
}

bool flow_has_room(const flow *f)
{
    return !f->ended && f->len < f->capacity && f->n_chunks < FLOW_CHUNKS_MAX;
}

double flow_due(const flow *f)
{
    if (f->n_chunks > 0) {
        return f->chunks[f->first_chunk].due_ns;
    }
    return f->ended && !f->closed ? f->ended_at : INFINITY;
}

// When what is accepted now arrives.
static double schedule(line *on, size_t len, double now)
{
    on->free_at = fmax(on->free_at, now) + (double)len * on->ns_per_byte;
    return on->free_at + on->delay_ns;
}

// The first free bytes that lie together.
static size_t free_span(const flow *f, size_t *at)
{
    *at = (f->first + f->len) % f->capacity;
    size_t to_end = f->capacity - *at, room = f->capacity - f->len;
    return to_end < room ? to_end : room;
}

static bool is_broken(ssize_t n)
{
    return n < 0 && errno != EAGAIN && errno != EINTR;
}

bool flow_read(flow *f, int fd, double now)
{
    while (flow_has_room(f)) {
        size_t at, span = free_span(f, &at);
        span = span < f->chunk_max ? span : f->chunk_max;
        ssize_t n = recv(fd, f->buffer + at, span, 0);
        if (n < 0) {
            return !is_broken(n);
        }
        double due = schedule(f->on, (size_t)n, now);
        if (n == 0) {
            f->ended = true;
            f->ended_at = due;
            return true;
        }
        size_t i = (f->first_chunk + f->n_chunks++) % FLOW_CHUNKS_MAX;
        f->chunks[i] = (struct flow_chunk){due, (size_t)n};
        f->len += (size_t)n;
    }
    return true;
}

bool flow_write(flow *f, int fd, double now)
{
    f->blocked = false;
    while (f->n_chunks > 0 && f->chunks[f->first_chunk].due_ns <= now) {
        struct flow_chunk *chunk = &f->chunks[f->first_chunk];
        // No chunk lies around the end of the ring: flow_read fills one span.
        ssize_t n = send(fd, f->buffer + f->first, chunk->len, MSG_NOSIGNAL);
        if (n < 0) {
            f->blocked = true;
            return !is_broken(n);
        }
        f->first = (f->first + (size_t)n) % f->capacity;
        f->len -= (size_t)n;
        chunk->len -= (size_t)n;
        if (chunk->len == 0) {
            f->first_chunk = (f->first_chunk + 1) % FLOW_CHUNKS_MAX;
            f->n_chunks--;
        }
    }
    if (f->n_chunks == 0 && f->ended && !f->closed && f->ended_at <= now) {
        f->closed = true;
        (void)shutdown(fd, SHUT_WR);
    }
    return true;
}
