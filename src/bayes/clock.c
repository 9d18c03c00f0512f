// SPDX-License-Identifier: Apache-2.0
#include "bayes/clock.h"

#include <time.h>

#define REPORT_SECONDS 0.2

static double now(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0) {
        return 0;
    }
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bh_train_clock bh_train_clock_make(const bh_train_options *options, uint64_t steps)
{
    bh_train_clock c = {.options = options, .started = now()};
    c.progress.epochs = options->epochs;
    c.progress.steps = steps;
    return c;
}

void bh_train_clock_epoch(bh_train_clock *c)
{
    c->progress.epoch++;
    c->loss = 0;
    c->hits = 0;
    c->seen = 0;
}

void bh_train_clock_step(bh_train_clock *c, double loss, size_t hits, size_t images,
                         bool epoch_done)
{
    bh_train_progress *p = &c->progress;
    p->step++;
    c->loss += loss;
    c->hits += hits;
    c->seen += images;
    double t = now();
    if (c->options->on_progress == NULL ||
        (!epoch_done && t - c->reported < REPORT_SECONDS)) {
        return;
    }
    c->reported = t;
    p->loss = c->loss / (double)c->seen;
    p->accuracy = (double)c->hits / (double)c->seen;
    p->seconds_left = (t - c->started) / (double)p->step * (double)(p->steps - p->step);
    p->epoch_done = epoch_done;
    c->options->on_progress(c->options->user, p);
}
