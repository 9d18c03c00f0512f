// SPDX-License-Identifier: Apache-2.0
#include "net/queue.h"

#include <time.h>
#include <unistd.h>

#include "base/memory.h"

// Waits by a clock that nobody sets.
static bool init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return false;
    }
    bool ok = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(condition, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return ok;
}

bh_status bh_queue_init(bh_queue *q, size_t capacity)
{
    *q = (bh_queue){.capacity = capacity};
    q->items = bh_alloc(capacity, sizeof *q->items);
    if (q->items == NULL) {
        return BH_ERR_NOMEM;
    }
    if (pthread_mutex_init(&q->lock, NULL) != 0) {
        bh_free(q->items);
        return BH_ERR_NOMEM;
    }
    if (!init_condition(&q->changed)) {
        pthread_mutex_destroy(&q->lock);
        bh_free(q->items);
        return BH_ERR_NOMEM;
    }
    return BH_OK;
}

void bh_queue_clear(bh_queue *q)
{
    for (; q->len > 0; q->len--) {
        close(q->items[q->first].fd);
        q->first = (q->first + 1) % q->capacity;
    }
    bh_free(q->items);
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
}

bool bh_queue_push(bh_queue *q, const bh_connection *c)
{
    pthread_mutex_lock(&q->lock);
    bool room = !q->closed && q->len < q->capacity;
    if (room) {
        q->items[(q->first + q->len) % q->capacity] = *c;
        q->len++;
        pthread_cond_signal(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return room;
}

static struct timespec after_ms(uint32_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

// Sleeps unless somebody came or woke the queue since `wakes` was read.
static void wait_for_change(bh_queue *q, uint64_t wakes, uint32_t ms)
{
    struct timespec until = after_ms(ms == BH_QUEUE_SLEEP ? 0 : ms);
    int result = 0;
    while (!q->closed && q->len == 0 && q->wakes == wakes && result == 0) {
        result = ms == BH_QUEUE_SLEEP
                     ? pthread_cond_wait(&q->changed, &q->lock)
                     : pthread_cond_timedwait(&q->changed, &q->lock, &until);
    }
}

bool bh_queue_pop(bh_queue *q, bh_connection *c, uint32_t (*idle)(void *user),
                  void *user)
{
    pthread_mutex_lock(&q->lock);
    while (!q->closed && q->len == 0) {
        uint64_t wakes = q->wakes;
        pthread_mutex_unlock(&q->lock);
        uint32_t ms = idle(user);
        pthread_mutex_lock(&q->lock);
        wait_for_change(q, wakes, ms);
    }
    bool got = !q->closed;
    if (got) {
        *c = q->items[q->first];
        q->first = (q->first + 1) % q->capacity;
        q->len--;
    }
    pthread_mutex_unlock(&q->lock);
    return got;
}

void bh_queue_wake(bh_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->wakes++;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

void bh_queue_close(bh_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}
