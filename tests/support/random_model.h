// SPDX-License-Identifier: Apache-2.0
// Random quantised models of many shapes, for tests.
#ifndef BH_TESTS_SUPPORT_RANDOM_MODEL_H
#define BH_TESTS_SUPPORT_RANDOM_MODEL_H

#include "model/model.h"
#include "support/test.h"

// A random graph of 1 to 4 linear layers on small images or tables, every kind of
// layer, of normalisation and of temperature among them, with random posteriors of 1 to
// 3 members, quantised; never NULL.
bh_model *random_model(test_rng *rng);

// A random posterior for a graph, of one member, quantised with random calibration
// images.
bh_model *random_model_of(test_rng *rng, const bh_graph *graph);

void random_pixels(test_rng *rng, uint8_t *pixels, const bh_graph *graph);

#endif
