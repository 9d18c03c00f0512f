// SPDX-License-Identifier: Apache-2.0
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/memory.h"
#include "bayhenn/pool.h"

// How often a thread looks again, giving the processor away in between, before it goes
// to sleep: runs come in bursts, and waking a sleeper takes longer than many of them.
#define LOOKS 200

// The tasks of one run; lives on the stack of its caller.
typedef struct run {
    bh_task *task;
    void *arg;
    size_t count;
    atomic_size_t next; // the first task that nobody has taken
    atomic_int status;  // of the first task that failed
} run;

typedef struct worker {
    bh_pool *pool;
    pthread_t thread;
    uint32_t number; // 1 and up: 0 is the caller
} worker;

struct bh_pool {
    uint32_t n_threads; // callers count as one
    uint32_t n_started;
    worker *workers;  // n_threads - 1
    atomic_bool busy; // between the begin and the end of a run
    pthread_mutex_t lock;
    pthread_cond_t begun, left;
    bool locks_ready;
    // Guarded by lock:
    run *current; // NULL where nobody may join
    bool stopping;
    // Written with the lock held:
    atomic_uint number; // of the run, so that a worker joins each once
    atomic_uint inside; // workers that are at work on it
};

static void work_on(run *r, uint32_t worker_number)
{
    while (atomic_load_explicit(&r->status, memory_order_relaxed) == BH_OK) {
        size_t i = atomic_fetch_add_explicit(&r->next, 1, memory_order_relaxed);
        if (i >= r->count) {
            return;
        }
        bh_status status = r->task(r->arg, i, worker_number);
        if (status != BH_OK) {
            int none = BH_OK;
            atomic_compare_exchange_strong(&r->status, &none, status);
        }
    }
}

// Looks for a while whether *value has become another.
static void look(const atomic_uint *value, unsigned old)
{
    for (int i = 0; i < LOOKS && atomic_load(value) == old; i++) {
        sched_yield();
    }
}

static void *worker_main(void *argument)
{
    const worker *self = argument;
    bh_pool *pool = self->pool;
    unsigned seen = 0;
    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping) {
        if (pool->current == NULL || pool->number == seen) {
            pthread_cond_wait(&pool->begun, &pool->lock);
            continue;
        }
        run *r = pool->current;
        seen = pool->number;
        pool->inside++;
        pthread_mutex_unlock(&pool->lock);
        work_on(r, self->number);
        pthread_mutex_lock(&pool->lock);
        pool->inside--;
        if (pool->inside == 0) {
            pthread_cond_signal(&pool->left);
        }
        pthread_mutex_unlock(&pool->lock);
        look(&pool->number, seen);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

bh_status bh_pool_run(bh_pool *pool, size_t count, bh_task *task, void *arg)
{
    run r = {.task = task, .arg = arg, .count = count};
    bool alone = pool == NULL || pool->n_threads == 1 || count <= 1 ||
                 atomic_exchange_explicit(&pool->busy, true, memory_order_acquire);
    if (alone) {
        work_on(&r, 0);
        return (bh_status)atomic_load(&r.status);
    }
    pthread_mutex_lock(&pool->lock);
    pool->current = &r;
    pool->number++;
    pthread_cond_broadcast(&pool->begun);
    pthread_mutex_unlock(&pool->lock);
    work_on(&r, 0);
    // No task is left to take. Who has joined is waited for, who has not stays out.
    pthread_mutex_lock(&pool->lock);
    pool->current = NULL;
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < LOOKS && atomic_load(&pool->inside) > 0; i++) {
        sched_yield();
    }
    pthread_mutex_lock(&pool->lock);
    while (pool->inside > 0) {
        pthread_cond_wait(&pool->left, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    atomic_store_explicit(&pool->busy, false, memory_order_release);
    return (bh_status)atomic_load(&r.status);
}

static bool init_locks(bh_pool *pool)
{
    if (pthread_mutex_init(&pool->lock, NULL) != 0) {
        return false;
    }
    if (pthread_cond_init(&pool->begun, NULL) != 0) {
        pthread_mutex_destroy(&pool->lock);
        return false;
    }
    if (pthread_cond_init(&pool->left, NULL) != 0) {
        pthread_cond_destroy(&pool->begun);
        pthread_mutex_destroy(&pool->lock);
        return false;
    }
    pool->locks_ready = true;
    return true;
}

static bool start_workers(bh_pool *pool)
{
    for (uint32_t i = 0; i + 1 < pool->n_threads; i++) {
        worker *w = &pool->workers[i];
        *w = (worker){.pool = pool, .number = i + 1};
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            return false;
        }
        pool->n_started++;
    }
    return true;
}

bh_status bh_pool_new(bh_pool **out, uint32_t threads)
{
    *out = NULL;
    if (threads < 1 || threads > BH_POOL_THREADS_MAX) {
        return BH_ERR_ARG;
    }
    bh_pool *pool = bh_alloc(1, sizeof *pool);
    if (pool == NULL) {
        return BH_ERR_NOMEM;
    }
    pool->n_threads = threads;
    pool->workers = bh_alloc(threads - 1, sizeof *pool->workers);
    if (pool->workers == NULL || !init_locks(pool) || !start_workers(pool)) {
        bh_pool_free(pool);
        return BH_ERR_NOMEM;
    }
    *out = pool;
    return BH_OK;
}

void bh_pool_free(bh_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    if (pool->locks_ready) {
        pthread_mutex_lock(&pool->lock);
        pool->stopping = true;
        pthread_cond_broadcast(&pool->begun);
        pthread_mutex_unlock(&pool->lock);
        for (uint32_t i = 0; i < pool->n_started; i++) {
            pthread_join(pool->workers[i].thread, NULL);
        }
        pthread_cond_destroy(&pool->left);
        pthread_cond_destroy(&pool->begun);
        pthread_mutex_destroy(&pool->lock);
    }
    bh_free(pool->workers);
    bh_free(pool);
}

uint32_t bh_pool_threads(const bh_pool *pool)
{
    return pool != NULL ? pool->n_threads : 1;
}
