// SPDX-License-Identifier: Apache-2.0
#include "net/queue.h"

#include <unistd.h>

#include "base/memory.h"

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
    if (pthread_cond_init(&q->changed, NULL) != 0) {
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

// Sleeps unless somebody came or woke the queue since `wakes` was read.
static void wait_for_change(bh_queue *q, uint64_t wakes)
{
    while (!q->closed && q->len == 0 && q->wakes == wakes) {
        pthread_cond_wait(&q->changed, &q->lock);
    }
}

bool bh_queue_pop(bh_queue *q, bh_connection *c, bool (*idle)(void *user), void *user)
{
    pthread_mutex_lock(&q->lock);
    while (!q->closed && q->len == 0) {
        uint64_t wakes = q->wakes;
        pthread_mutex_unlock(&q->lock);
        bool more = idle(user);
        pthread_mutex_lock(&q->lock);
        if (!more) {
            wait_for_change(q, wakes);
        }
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
