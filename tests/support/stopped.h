// SPDX-License-Identifier: Apache-2.0
// A checkpoint's place, and what stops a training run.
#ifndef BH_TESTS_SUPPORT_STOPPED_H
#define BH_TESTS_SUPPORT_STOPPED_H

#include <unistd.h>

#include "support/test.h"

// A folder of our own and the checkpoint in it.
typedef struct place {
    char dir[32], path[48];
} place;

static inline place place_new(void)
{
    place p = {.dir = "/tmp/bayhenn-test-XXXXXX"};
    assert_non_null(mkdtemp(p.dir));
    snprintf(p.path, sizeof p.path, "%s/run", p.dir);
    return p;
}

static inline void place_clear(const place *p)
{
    unlink(p->path);
    assert_int_equal(rmdir(p->dir), 0); // nothing else is left there
}

// For bh_train_options.should_stop.
typedef struct stopper {
    uint32_t left; // calls until it says so
} stopper;

static inline bool should_stop(void *user)
{
    stopper *s = user;
    return s->left-- == 0;
}

#endif
