// SPDX-License-Identifier: Apache-2.0
// Sessions of guard `sealed` with a small random model.
#ifndef BH_TESTS_SUPPORT_SEALED_H
#define BH_TESTS_SUPPORT_SEALED_H

#include "model/model.h"
#include "support/sealed_graph.h"
#include "support/session.h"
#include "support/test.h"

// The network with random weights; one that these options can serve, under either
// reveal.
bh_model *sealed_model(test_rng *rng, const bh_service_options *options);

enum { SEALED_AHEAD = 3, SEALED_SAMPLES = 2 };

// By it the plan chooses how transfers are made: by SoftSpoken at first, by Ferret
// where only bytes count.
extern bh_link sealed_link;

typedef struct sealed_fixture {
    bh_model *model;
    bh_service_options options;
    session s;
    uint8_t pixels[SEALED_PIXELS];
    test_rng rng;
} sealed_fixture;

// Both engines, before their first byte.
void sealed_set_up(sealed_fixture *f, const char *name);
void sealed_tear_down(sealed_fixture *f);
// Past the handshake.
void sealed_connect(sealed_fixture *f);

#endif
