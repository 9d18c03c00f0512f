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

// Steps of the whole run up to where it is.
static uint64_t steps_done(const bh_train_run *r)
{
    const bh_train_options *o = r->options;
    const uint64_t per_epoch = bh_train_run_steps(r);
    const uint64_t epochs = (uint64_t)r->member * o->epochs + r->epoch;
    return epochs * per_epoch + (r->at + o->batch - 1) / o->batch;
}

bh_train_clock bh_train_clock_make(const bh_train_run *r)
{
    const bh_train_options *o = r->options;
    const uint64_t per_epoch = bh_train_run_steps(r);
    bh_train_clock c = {.started = now(), .first_step = steps_done(r)};
    c.progress.members = o->members;
    c.progress.epochs = o->epochs;
    c.progress.steps = (uint64_t)o->members * o->epochs * per_epoch;
    return c;
}

void bh_train_clock_report(bh_train_clock *c, const bh_train_run *r,
                           const bh_step *last, bool epoch_done)
{
    bh_train_progress *p = &c->progress;
    const double t = now();
    if (r->options->on_progress == NULL ||
        (!epoch_done && t - c->reported < REPORT_SECONDS)) {
        return;
    }
    c->reported = t;
    p->member = r->member + 1;
    p->epoch = r->epoch + 1;
    p->bayesian = last->bayesian;
    p->step = steps_done(r);
    p->loss = r->loss / (double)r->at;
    p->accuracy = (double)r->hits / (double)r->at;
    p->rate = last->rate;
    p->seconds = t - c->started;
    p->seconds_left =
        p->seconds / (double)(p->step - c->first_step) * (double)(p->steps - p->step);
    p->epoch_done = epoch_done;
    r->options->on_progress(r->options->user, p);
}
