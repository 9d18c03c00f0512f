// SPDX-License-Identifier: Apache-2.0
// The inside of a service, for the server's engine.
#ifndef BH_PROTOCOL_SERVICE_H
#define BH_PROTOCOL_SERVICE_H

#include "infer/plan.h"
#include "infer/store.h"

struct bh_service {
    const bh_model *model; // borrowed
    bh_plan *plan;
    bh_writer manifest; // the encoded plan
    bh_clock clock;
    bh_pool *pool;   // borrowed; or NULL
    bh_store *store; // units made ahead; NULL: none are
    double prepared_queries;
};

#endif
