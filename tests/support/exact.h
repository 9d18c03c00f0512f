// SPDX-License-Identifier: Apache-2.0
// Compares every linear layer's decrypted output with clear integer inference under the
// same drawn weights.
#ifndef BH_TESTS_SUPPORT_EXACT_H
#define BH_TESTS_SUPPORT_EXACT_H

#include "model/model.h"
#include "support/session.h"

// One query. Returns the number of linear outputs compared; fails the test at the first
// that differs. Logits of the clear run are compared with the result's too.
size_t exact_query(session *p, const bh_model *model, const uint8_t *pixels,
                   size_t chunk);

#endif
