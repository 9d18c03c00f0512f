// SPDX-License-Identifier: Apache-2.0
// Pools of threads: every task once, workers apart, runs inside runs and side by side.
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/pool.h"
#include "support/test.h"

enum { TASKS = 1000, THREADS_MAX = 4, RUNS = 200, CALLERS = 3 };

typedef struct job {
    bh_pool *pool;
    uint32_t n_threads;
    size_t count;
    uint32_t times[TASKS]; // how often each task ran; each is written by one task
    atomic_uint at_work[THREADS_MAX];
    atomic_uint wrong;
} job;

static bh_status count_task(void *arg, size_t i, uint32_t worker)
{
    job *j = arg;
    // Every worker does one task at a time.
    atomic_fetch_add(&j->wrong, worker >= j->n_threads || i >= j->count ||
                                    atomic_fetch_add(&j->at_work[worker], 1) != 0);
    j->times[i]++;
    atomic_fetch_sub(&j->at_work[worker], 1);
    return BH_OK;
}

static bool run_all(job *j, size_t count)
{
    memset(j->times, 0, sizeof j->times);
    j->count = count;
    bool right = bh_pool_run(j->pool, count, count_task, j) == BH_OK &&
                 atomic_load(&j->wrong) == 0;
    for (size_t i = 0; i < TASKS; i++) {
        right = right && j->times[i] == (i < count);
    }
    return right;
}

static void test_every_task_once(void **state)
{
    (void)state;
    const size_t counts[] = {0, 1, 2, 3, 17, TASKS};
    for (uint32_t n = 1; n <= THREADS_MAX; n++) {
        job j = {.n_threads = n};
        assert_ok(bh_pool_new(&j.pool, n));
        assert_int_equal(bh_pool_threads(j.pool), n);
        for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
            assert_true(run_all(&j, counts[k]));
        }
        for (int i = 0; i < RUNS; i++) { // one after the other, without a pause
            assert_true(run_all(&j, 5));
        }
        bh_pool_free(j.pool);
    }
}

static void test_no_pool(void **state)
{
    (void)state;
    job j = {.n_threads = 1};
    assert_int_equal(bh_pool_threads(NULL), 1);
    assert_true(run_all(&j, TASKS));
    bh_pool_free(NULL);
}

typedef struct meeting {
    atomic_uint arrived;
    uint32_t expected;
} meeting;

// Ends only once as many tasks are running at the same time.
static bh_status meet(void *arg, size_t i, uint32_t worker)
{
    meeting *m = arg;
    (void)i;
    (void)worker;
    atomic_fetch_add(&m->arrived, 1);
    while (atomic_load(&m->arrived) < m->expected) {
        sched_yield();
    }
    return BH_OK;
}

static void test_side_by_side(void **state)
{
    (void)state;
    bh_pool *pool;
    assert_ok(bh_pool_new(&pool, THREADS_MAX));
    for (int i = 0; i < RUNS; i++) {
        meeting m = {.expected = THREADS_MAX};
        assert_ok(bh_pool_run(pool, THREADS_MAX, meet, &m));
    }
    bh_pool_free(pool);
}

// A task that runs tasks on its own pool: it finds the pool busy and does them alone.
static bh_status run_inner(void *arg, size_t i, uint32_t worker)
{
    job *inner = (job *)arg + i;
    (void)worker;
    if (!run_all(inner, 10)) {
        atomic_fetch_add(&inner->wrong, 1);
    }
    return BH_OK;
}

static void test_nested(void **state)
{
    (void)state;
    static job inner[8];
    bh_pool *pool;
    assert_ok(bh_pool_new(&pool, 3));
    for (size_t i = 0; i < 8; i++) {
        inner[i] = (job){.pool = pool, .n_threads = 1};
    }
    assert_ok(bh_pool_run(pool, 8, run_inner, inner));
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(atomic_load(&inner[i].wrong), 0);
    }
    bh_pool_free(pool);
}

static void *call_often(void *arg)
{
    for (int i = 0; i < RUNS; i++) {
        if (!run_all(arg, 50)) {
            return arg;
        }
    }
    return NULL;
}

static void test_several_callers(void **state)
{
    (void)state;
    static job jobs[CALLERS];
    pthread_t threads[CALLERS];
    bh_pool *pool;
    assert_ok(bh_pool_new(&pool, 3));
    for (int i = 0; i < CALLERS; i++) {
        jobs[i] = (job){.pool = pool, .n_threads = 3};
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &jobs[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    bh_pool_free(pool);
}

typedef struct failing {
    atomic_uint begun;
    size_t at; // the task that fails
} failing;

static bh_status fail_at(void *arg, size_t i, uint32_t worker)
{
    failing *f = arg;
    (void)worker;
    atomic_fetch_add(&f->begun, 1);
    return i == f->at ? BH_ERR_RNG : BH_OK;
}

// An error is returned whoever meets it; alone, nothing is begun after it.
static void test_failure(void **state)
{
    (void)state;
    bh_pool *pool;
    assert_ok(bh_pool_new(&pool, THREADS_MAX));
    for (size_t at = 0; at < 50; at++) {
        failing f = {.at = at};
        assert_status(bh_pool_run(NULL, 50, fail_at, &f), BH_ERR_RNG);
        assert_int_equal(atomic_load(&f.begun), at + 1);
        assert_status(bh_pool_run(pool, 50, fail_at, &f), BH_ERR_RNG);
        f.at = 50;
        assert_ok(bh_pool_run(pool, 50, fail_at, &f));
    }
    bh_pool_free(pool);
}

static void test_arguments(void **state)
{
    (void)state;
    bh_pool *pool;
    assert_status(bh_pool_new(&pool, 0), BH_ERR_ARG);
    assert_status(bh_pool_new(&pool, BH_POOL_THREADS_MAX + 1), BH_ERR_ARG);
    assert_null(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_task_once), cmocka_unit_test(test_no_pool),
        cmocka_unit_test(test_side_by_side),    cmocka_unit_test(test_nested),
        cmocka_unit_test(test_several_callers), cmocka_unit_test(test_failure),
        cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
